"""Training curves on digits with wrong labels, and where early stopping would have ended them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor

from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward
from course_lib.overfitting import EarlyStopping

SPEC = ModelSpec((64, 128, 10))
ROWS, VALIDATION_ROWS = 300, 100
SEEDS, STEPS, EVERY = tuple(range(12)), 1000, 20


@dataclass
class Curves:
    """What a training went through, [seeds, recorded] each. NaN: not reached yet.

    right_fitted, wrong_fitted: of the training rows with right labels, and of those with wrong
    ones, the share whose label the network gives back. NaN where no label is wrong.
    """

    noise: float
    recorded: tuple[int, ...]
    train_loss: Tensor
    validation_loss: Tensor
    train_accuracy: Tensor
    test_accuracy: Tensor
    right_fitted: Tensor
    wrong_fitted: Tensor
    progress: float

    def stop(self, patience: float, min_delta: float = 0.0) -> list[tuple[int, int]]:
        """(best, last) of each seed: the evaluation that is kept, and the one that ends it."""
        return [stop_at(losses, patience, min_delta) for losses in self.validation_loss.tolist()]

    def kept_accuracy(self, patience: float) -> Tensor:
        """Test accuracy [seeds] of the weights that early stopping keeps."""
        return self.kept(self.test_accuracy, patience)

    def kept(self, values: Tensor, patience: float) -> Tensor:
        """Of `values` [seeds, recorded] those of the evaluation that is kept [seeds]."""
        best = [kept for kept, _ in self.stop(patience)]
        return values[range(len(best)), best]


def stop_at(losses: list[float], patience: float, min_delta: float = 0.0) -> tuple[int, int]:
    """(best, last): the evaluation that `EarlyStopping` keeps, and the one at which it stops.

    Both are counted from 0.
    """
    stopping = EarlyStopping(patience, min_delta, restore_best=False)
    for loss in losses:
        if stopping.step(loss):
            break
    return max(stopping.best_step, 0), stopping.steps - 1


@remembered
def curves(
    noise: float, seeds: tuple[int, ...] = SEEDS, steps: int = STEPS, every: int = EVERY
) -> Iterator[Curves]:
    """Train 64-128-10 networks by AdamW (learning rate 2e-3, λ = 0) on 300 digits, never stopped.

    Training and validation labels are wrong with probability `noise`, test labels are clean.
    """
    recorded = tuple(range(0, steps + 1, every))
    data = lru_cache(partial(digits, ROWS, VALIDATION_ROWS, noise, "unit"))
    fitted = torch.full((2, len(seeds), len(recorded)), torch.nan)

    def observe(seed: int, step: int, parameters: list[Tensor], gradients: list) -> None:
        if step % every == 0:
            said = forward([p[0] for p in parameters], data(seed).train_x).argmax(1)
            fitted[:, seeds.index(seed), step // every] = _shares(data(seed), said)

    for training in train(
        SPEC,
        data,
        {"lr": 2e-3, "weight_decay": 0.0},
        seeds,
        steps=steps + 1,  # what is observed is seen before each step
        record_at=recorded,
        observe=observe if noise else None,
        validate=True,
        keep_parameters=False,
    ):
        yield Curves(
            noise,
            recorded,
            training.train_loss[:, 0],
            training.validation_loss[:, 0],
            training.train_accuracy[:, 0],
            training.test_accuracy[:, 0],
            fitted[0].clone(),
            fitted[1].clone(),
            training.progress,
        )


def _shares(split: Split, said: Tensor) -> Tensor:
    """Of the rightly and of the wrongly labelled rows: how many labels are given back, [2]."""
    wrong = split.train_y != split.clean_train_y
    hits = (said == split.train_y).float()
    return torch.stack([hits[~wrong].mean(), hits[wrong].mean()])

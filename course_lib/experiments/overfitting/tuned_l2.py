"""What L2 buys when there are few examples, and when there are many, tuned on validation rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.snapshot import snapshot
from course_lib.sgd import sgd_update

SPEC = ModelSpec((64, 64, 10))
ROWS, SEEDS, STEPS = (50, 150, 450), tuple(range(10)), 600
STRENGTHS = (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1)
NOISE, VALIDATION_ROWS = 0.2, 100
CURVES = ("train_accuracy", "validation_loss", "test_accuracy")
EVERY = 20  # steps between two looks at the validation rows, where λ = 0 is stopped in time


@dataclass
class Tuned:
    """Accuracies after training [rows, seeds, strengths]; NaN: not there yet, or diverged."""

    rows: tuple[int, ...]
    strengths: tuple[float, ...]
    train_accuracy: Tensor
    validation_loss: Tensor
    test_accuracy: Tensor
    progress: float = 0.0

    def chosen(self) -> Tensor:
        """The number of the strength with the lowest validation loss [rows, seeds]."""
        return self.validation_loss.nan_to_num(torch.inf).argmin(2)

    def at_chosen(self, values: Tensor) -> Tensor:
        """Of `values` [rows, seeds, strengths] those at the chosen strength [rows, seeds]."""
        return values.gather(2, self.chosen().unsqueeze(2)).squeeze(2)

    def benefit(self) -> Tensor:
        """Test accuracy at the chosen strength minus that at λ = 0 [rows, seeds]."""
        return (
            self.at_chosen(self.test_accuracy) - self.test_accuracy[:, :, self.strengths.index(0.0)]
        )


@remembered
def tune(
    rows: tuple[int, ...] = ROWS,
    seeds: tuple[int, ...] = SEEDS,
    steps: int = STEPS,
    noise: float = NOISE,
) -> Iterator[Tuned]:
    """Train 64-64-10 networks by SGD (learning rate 0.1, momentum 0.9), as many steps for every n.

    Training and validation labels are noisy, test labels clean. Yields as seeds and sizes are done.
    """
    shape = len(rows), len(seeds), len(STRENGTHS)
    empty = {name: torch.full(shape, torch.nan) for name in CURVES}
    found = Tuned(rows, STRENGTHS, **empty, progress=0.0)
    for k, n in enumerate(rows):
        for training in train(
            SPEC,
            partial(digits, n, VALIDATION_ROWS, noise, "unit"),
            {"lr": 0.1, "momentum": 0.9, "l2": list(STRENGTHS)},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=50,
            validate=True,
            keep_parameters=False,
        ):
            for name in CURVES:
                getattr(found, name)[k] = getattr(training, name)[:, :, -1]
            yield snapshot(found, (k + training.progress) / len(rows))


@dataclass
class Plain:
    """Curves at λ = 0 [rows, seeds, recorded]; NaN: not there yet.

    The validation loss is NaN throughout where there are no validation rows.
    """

    rows: tuple[int, ...]
    recorded: tuple[int, ...]
    validation_loss: Tensor
    test_accuracy: Tensor
    progress: float = 0.0

    def stopped(self) -> Tensor:
        """Test accuracy [rows, seeds] of the recorded step with the lowest validation loss."""
        best = self.validation_loss.nan_to_num(torch.inf).argmin(2, keepdim=True)
        return self.test_accuracy.gather(2, best).squeeze(2)

    def last(self) -> Tensor:
        """Test accuracy [rows, seeds] after the last step."""
        return self.test_accuracy[:, :, -1]


@remembered
def without_l2(
    rows: tuple[int, ...] = ROWS,
    validation_rows: int = VALIDATION_ROWS,
    seeds: tuple[int, ...] = SEEDS,
    steps: int = STEPS,
    noise: float = NOISE,
) -> Iterator[Plain]:
    """The networks of `tune` at λ = 0, looked at every `EVERY` steps, so that they can be stopped.

    With no validation rows all rows are for training. Yields as seeds and sizes are done.
    """
    recorded = tuple(range(0, steps + 1, min(EVERY, steps)))
    shape = len(rows), len(seeds), len(recorded)
    loss, accuracy = torch.full((2, *shape), torch.nan)
    found = Plain(rows, recorded, loss, accuracy)
    for k, n in enumerate(rows):
        for training in train(
            SPEC,
            partial(digits, n, validation_rows, noise, "unit"),
            {"lr": 0.1, "momentum": 0.9},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=50,
            record_at=recorded,
            validate=validation_rows > 0,
            keep_parameters=False,
        ):
            if validation_rows:
                found.validation_loss[k] = training.validation_loss[:, 0]
            found.test_accuracy[k] = training.test_accuracy[:, 0]
            yield snapshot(found, (k + training.progress) / len(rows))

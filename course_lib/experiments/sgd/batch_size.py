"""Does the batch size decide where SGD ends? Networks compared at equal training loss.

Sharpness, weight norm and accuracy of a 64-64-10 network that learns digits with squared error and
plain SGD, which pulls no weight and decays nothing, so that what differs is the noise of the
batches. Cross entropy would not do: its Hessian fades as the fit gets better.
Small batches and large ones are compared at the first of the recorded steps where the training loss
has come down to the target, not after equal steps or epochs, where one is simply trained further
than the other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.sharpness import top_eigenvalue
from course_lib.experiments.shared.snapshot import snapshot
from course_lib.sgd import sgd_update

SPEC = ModelSpec((64, 64, 10), task="regression")
ROWS, EVERY = 300, 20  # training rows; steps between two looks at the training loss
BATCH_SIZES, LRS = (10, 50, ROWS), (1.0, 1.4, 2.0)
FIGURES = ("sharpness", "norm", "accuracy", "loss", "step")


@dataclass
class BatchSizes:
    """Figures [seeds, batch sizes, learning rates].

    NaN: not there yet, or the target was not reached.
    """

    batch_sizes: tuple[int, ...]
    lrs: tuple[float, ...]
    target: float
    sharpness: Tensor  # top eigenvalue of the Hessian of the training loss
    norm: Tensor  # of all weights and biases
    accuracy: Tensor  # on the test rows
    loss: Tensor  # training loss at the step that was taken
    step: Tensor  # that step, a number of updates
    progress: float = 0.0

    def at(self, name: str, size: int, lr: float) -> Tensor:
        """The figure `name` [seeds] of batches of `size` at a learning rate."""
        return getattr(self, name)[:, self.batch_sizes.index(size), self.lrs.index(lr)]


def digits_to_fit(seed: int) -> Split:
    """Digits whose targets are 0 for nine classes and 1 for the right one, in float64."""
    split = digits(ROWS, scale="unit", seed=seed, dtype=torch.float64)
    hot = {
        name: one_hot(getattr(split, name), 10).double()
        for name in ("train_y", "validation_y", "test_y")
    }
    return replace(split, **hot, clean_train_y=hot["train_y"])


def figures_of(parameters: Sequence[Tensor], split: Split, seed: int) -> tuple[float, float, float]:
    """(sharpness, norm, test accuracy) of one network."""

    def loss(parameters: Sequence[Tensor]) -> Tensor:
        return (forward(parameters, split.train_x) - split.train_y).square().mean()

    start = seeded(seed)
    sharpness = top_eigenvalue(loss, parameters, tolerance=5e-3, iterations=200, generator=start)
    norm = math.sqrt(sum(p.square().sum().item() for p in parameters))
    right = forward(parameters, split.test_x).argmax(1) == split.test_y.argmax(1)
    return sharpness, norm, right.double().mean().item()


@remembered
def compare_batch_sizes(
    seeds: Sequence[int] = tuple(range(6)), target: float = 0.012, steps: int = 700
) -> Iterator[BatchSizes]:
    """Train every batch size at every learning rate and seed; the figures fill in size by size."""
    shape = (len(seeds), len(BATCH_SIZES), len(LRS))
    empty = {name: torch.full(shape, torch.nan) for name in FIGURES}
    found = BatchSizes(BATCH_SIZES, LRS, target, **empty, progress=0.0)
    looks = tuple(range(0, steps + 1, EVERY))
    for b, batch_size in enumerate(BATCH_SIZES):
        kept: dict[tuple[int, int], list[Tensor]] = {}

        for training in train(
            SPEC,
            digits_to_fit,
            {"lr": list(LRS)},
            seeds,
            update=sgd_update,
            steps=steps + 1,
            batch_size=batch_size,
            record_at=looks,
            observe=partial(_keep, kept),
            dtype=torch.float32,
        ):
            yield snapshot(found, (b + 0.8 * training.progress) / len(BATCH_SIZES))
        for s, seed in enumerate(seeds):
            _look(found, training.train_loss[s], kept, seed, (s, b))
            done = b + 0.8 + 0.2 * (s + 1) / len(seeds)
            yield snapshot(found, done / len(BATCH_SIZES))


def _keep(kept: dict, seed: int, step: int, parameters: list[Tensor], gradients: list) -> None:
    if step % EVERY == 0:
        kept[seed, step] = [p.clone() for p in parameters]


def _look(
    found: BatchSizes,
    losses: Tensor,
    kept: dict[tuple[int, int], list[Tensor]],
    seed: int,
    place: tuple[int, int],
) -> None:
    """Fill in one seed and batch size.

    For each learning rate it is the first recorded step at the target that counts.
    """
    split = digits_to_fit(seed)
    for v, curve in enumerate(losses):
        reached = (curve <= found.target).nonzero()
        if len(reached):
            k = int(reached[0])
            parameters = [p[v].double() for p in kept[seed, k * EVERY]]
            values = (*figures_of(parameters, split, seed), curve[k].item(), k * EVERY)
            for name, value in zip(FIGURES, values):
                getattr(found, name)[(*place, v)] = value

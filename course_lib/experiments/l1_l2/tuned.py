"""L2 against proximal L1 on one task: the test error of each at the λ that validation rows choose.

The task is that of `shrinking`: 64-64-10 networks, 300 digits, a fifth of the labels wrong, plain
SGD. Each penalty tries eleven strengths, five to a decade, over the two decades around the lowest
point of its curve in `shrinking`; so neither has the finer grid.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.engine import train
from course_lib.engine.cache import remembered
from course_lib.experiments.l1_l2.shrinking import (
    RATE,
    SPEC,
    STEPS,
    digits_to_shrink,
    weights_that_count,
)
from course_lib.sgd import sgd_update

# Penalty → strengths: 1e-3 … 1e-1, and 1e-4 … 1e-2. l1: by proximal steps.
GRIDS = {
    "l2": tuple(10 ** (k / 5) for k in range(-15, -4)),
    "l1": tuple(10 ** (k / 5) for k in range(-20, -9)),
}
COUNT = len(GRIDS["l2"])
SEEDS = tuple(range(8))


@dataclass
class Tuned:
    """Tensors [seeds, penalties, strengths] of the seeds that are done.

    zeros: which share of the weights is exactly 0, those of pixels that are black on all training
    rows left out. The validation labels are as noisy as the training labels.
    """

    progress: float
    validation_error: Tensor
    test_error: Tensor
    zeros: Tensor

    def choice(self) -> Tensor:
        """Place of the lowest validation error [seeds, penalties]; of equals the last."""
        return COUNT - 1 - self.validation_error.flip(2).argmin(2)

    def strengths(self) -> Tensor:
        """The chosen strengths [seeds, penalties]."""
        grids = torch.tensor(list(GRIDS.values()), dtype=torch.float64)
        return grids.gather(1, self.choice().T).T

    def chosen(self, figure: Tensor) -> Tensor:
        """A figure [seeds, penalties] at the chosen strengths."""
        return figure.gather(2, self.choice().unsqueeze(2)).squeeze(2)


@remembered
def compute_tuned(seeds: Sequence[int] = SEEDS) -> Iterator[Tuned]:
    """Train both penalties at all strengths; yields a `Tuned` that grows seed by seed."""
    grid = {p: [s * (p == q) for q, grid in GRIDS.items() for s in grid] for p in GRIDS}
    settings, done = {**grid, "lr": RATE, "only_weights": True}, {}
    for training in train(
        SPEC, digits_to_shrink, settings, seeds, update=sgd_update, steps=STEPS, validate=True
    ):
        for i, seed in enumerate(seeds):
            if training.parameters[i] is not None and seed not in done:
                lit = digits_to_shrink(seed).train_x.any(0)
                weights = weights_that_count(training.parameters[i], lit)
                done[seed] = (
                    1 - training.validation_accuracy[i, :, -1],
                    1 - training.test_accuracy[i, :, -1],
                    (weights == 0).double().mean(1),
                )
        figures = zip(*(done[seed] for seed in sorted(done)))
        shape = (-1, len(GRIDS), COUNT)
        empty = [torch.empty(0, len(GRIDS), COUNT)] * 3
        found = [torch.stack(each).view(shape).double() for each in figures] or empty
        yield Tuned(training.progress, *found)

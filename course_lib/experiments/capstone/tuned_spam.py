"""The spam study with every variant at its best: the same number of trials for each of the four.

Nine settings a variant, strength and learning rate, looked at after every epoch count of `LOOKS` on
validation rows cut from the training rows of four pilot divisions; the setting and the look with
the lowest mean error are frozen. The sweep is stored in `course_lib/records/capstone/spam.json`,
and `pilot` runs a variant of it again. The divisions judged are others, but of the same file: what
was chosen once for all of them may fit this file, for all four variants alike. (Nested resampling
chooses anew within each division.)
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch

from course_lib.adamw import adam_update
from course_lib.base.arguments import require_choice
from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.data import Split, spambase_or_breast_cancer
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered
from course_lib.experiments.capstone.spam_study import (
    BATCHES,
    HIDDEN,
    ORDER,
    TEST_FRACTION,
    VARIANTS,
    Study,
)
from course_lib.records import store

PILOT = tuple(range(4))  # divisions, drawn from a seed that nothing else uses
PILOT_SEED, SEED = 9000, 500
LOOKS = (2, 4, 8, 12, 16, 24, 32, 40)  # epochs
RATES, MANY_RATES = (1e-3, 3e-3, 1e-2), tuple(10 ** (-3.5 + k / 4) for k in range(9))
DROPOUTS = (0.2, 0.5, 0.8)
GRIDS = {
    name: product(dropout=[0.0], lr=list(MANY_RATES))
    if p == 0
    else product(dropout=list(DROPOUTS), lr=list(RATES))
    for name, (_, p) in VARIANTS.items()
}


class Line(NamedTuple):
    """A setting of a variant, and its mean error on validation rows at each of `LOOKS`."""

    variant: str
    dropout: float
    lr: float
    error: list[float]


class Frozen(NamedTuple):
    """What a variant is judged with."""

    dropout: float
    lr: float
    epochs: int


def pilot(variant: str) -> list[Line]:
    """Train the nine settings of a variant in the pilot divisions; look at validation rows."""
    table = spambase_or_breast_cancer()
    divisions = repeated_subsampling(len(table.x), len(PILOT), TEST_FRACTION, seeded(PILOT_SEED))

    def split(number: int) -> Split:
        train_rows, test_rows = divisions[number]
        held = len(test_rows)
        return table.split(train_rows[held:], test_rows, train_rows[:held])

    rows = len(divisions[0][0]) - len(divisions[0][1])
    grid = GRIDS[variant]
    *_, training = train(
        ModelSpec((table.x.shape[1], *HIDDEN, 2), norm=VARIANTS[variant][0], order=ORDER),
        split,
        grid,
        PILOT,
        update=adam_update,
        steps=LOOKS[-1] * BATCHES,
        record_at=[look * BATCHES for look in LOOKS],
        batch_size=min(256, rows // BATCHES),
        validate=True,
        keep_parameters=False,
    )
    errors = (1 - training.validation_accuracy).double().mean(0).tolist()
    return [Line(variant, *one) for one in zip(grid["dropout"], grid["lr"], errors)]


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, variant by variant."""
    return tuple(Line(**line) for line in store.stored("capstone/spam"))


def frozen(variant: str) -> Frozen:
    """The setting and the number of epochs at which a variant erred least in the sweep."""
    require_choice("variant", variant, tuple(VARIANTS))
    _, epochs, dropout, lr = min(
        (error, epochs, line.dropout, line.lr)
        for line in sweep()
        if line.variant == variant
        for epochs, error in zip(LOOKS, line.error, strict=True)
    )
    return Frozen(dropout, lr, epochs)


@remembered
def tuned_study(repetitions: int = 20, seed: int = SEED) -> Iterator[Study]:
    """A `Study` of the frozen variants in other divisions than the pilot's, all at once.

    seed: of the divisions, and the first of the numbers that weights and batch orders go by.
    """
    table = spambase_or_breast_cancer()
    divisions = repeated_subsampling(len(table.x), repetitions, TEST_FRACTION, seeded(seed))
    n_tr, n_te = map(len, divisions[0])
    accuracy = torch.full((repetitions, len(VARIANTS)), torch.nan, dtype=torch.float64)
    for column, (variant, (norm, _)) in enumerate(VARIANTS.items()):
        one = frozen(variant)
        for training in train(
            ModelSpec((table.x.shape[1], *HIDDEN, 2), norm=norm, order=ORDER),
            lambda number: table.split(*divisions[number - seed]),
            {"dropout": one.dropout, "lr": one.lr},
            range(seed, seed + repetitions),
            update=adam_update,
            steps=one.epochs * BATCHES,
            batch_size=min(256, n_tr // BATCHES),
            keep_parameters=False,
        ):
            progress = (column + training.progress) / len(VARIANTS)
            yield Study(accuracy[:0], repetitions, n_tr, n_te, table.name, table.note, progress)
        accuracy[:, column] = training.test_accuracy[:, 0, -1].double()
    yield Study(accuracy, repetitions, n_tr, n_te, table.name, table.note)

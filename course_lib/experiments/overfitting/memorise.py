"""Whether a network learns labels that mean nothing: drawn by lot, beside the digits' own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.sgd import sgd_update

LABELS = ("true", "random")
SPEC, ROWS, BATCH_SIZE = ModelSpec((64, 256, 10)), 1000, 100
SEEDS, STEPS, EVERY = (0, 1, 2), 2000, 100


@dataclass
class Memorised:
    """Accuracies {"true", "random"} → [seeds, recorded]; NaN: not there yet.

    The test labels are of the same kind as the training labels. rows: of the test sets of all seeds
    together.
    """

    recorded: tuple[int, ...]
    train_accuracy: dict[str, Tensor]
    test_accuracy: dict[str, Tensor]
    rows: int
    progress: float

    def right(self) -> int:
        """How many random test labels were guessed, over all seeds."""
        return round(self.test_accuracy["random"][:, -1].mean().item() * self.rows)


def with_random_labels(seed: int) -> Split:
    """Digits whose training *and* test labels are drawn by lot, whatever the image shows.

    The ten classes are equally likely.
    """
    split, generator = digits(ROWS, 0, scale="unit", seed=seed), seeded(seed, "random labels")
    lots = (
        torch.randint(10, (len(y),), generator=generator) for y in (split.train_y, split.test_y)
    )
    return replace(split, **dict(zip(("train_y", "test_y"), lots)))


@remembered
def memorise(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> Iterator[Memorised]:
    """Train 64-256-10 networks by SGD (learning rate 0.1, momentum 0.9), on either kind of label.

    Raises ValueError for less than one step.
    """
    require("steps", steps, 1)
    recorded = tuple(range(0, steps + 1, min(EVERY, steps)))
    empty = {name: torch.full((len(seeds), len(recorded)), torch.nan) for name in LABELS}
    rows = len(seeds) * len(with_random_labels(seeds[0]).test_y)
    found = Memorised(recorded, empty, dict(empty), rows, 0.0)
    data: dict[str, Callable[[int], Split]] = {
        "true": partial(digits, ROWS, 0, 0.0, "unit"),
        "random": with_random_labels,
    }
    for k, name in enumerate(LABELS):
        for training in train(
            SPEC,
            data[name],
            {"lr": 0.1, "momentum": 0.9},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=BATCH_SIZE,
            record_at=recorded,
            keep_parameters=False,
        ):
            found = replace(
                found,
                train_accuracy=found.train_accuracy | {name: training.train_accuracy[:, 0]},
                test_accuracy=found.test_accuracy | {name: training.test_accuracy[:, 0]},
                progress=(k + training.progress) / len(LABELS),
            )
            yield found


def guessing_interval(rows: int, classes: int = 10, level: float = 0.95) -> tuple[int, int]:
    """How many of `rows` labels drawn by lot a guesser gets right, in `level` of all cases.

    Binomial, both ends in. Raises ValueError for less than one row.
    """
    require("rows", rows, 1)
    from scipy import stats  # heavy: loaded where it is needed

    low, high = stats.binom.interval(level, rows, 1 / classes)
    return int(low), int(high)

"""The spam study: whether dropout and BatchNorm help, and how sure one data set can make us.

Four 57-100-100-2 networks that differ by what stands between Linear and ReLU, in each of J random
80/20 divisions of Spambase. In a division all four have the same training rows, initial weights and
batch order, so that differences are paired. Features are standardised on the training rows of each
division. Adam at 0.003, 8 epochs of 14 batches (of 256 rows), the last weights. The study it is
modelled on (mlr3torch course, notebooks/4-optimizer.qmd, commit 220fa0e) has these networks and
trains otherwise: on features as they come, up to 500 epochs, stopped early by the rows it reports
on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import require, require_choice
from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.data import Split, Table, spambase_or_breast_cancer
from course_lib.engine import ModelSpec, Training, train
from course_lib.engine.cache import remembered
from course_lib.statistics import Interval, corrected_interval, mean_interval, spread_interval

VARIANTS = {
    "plain": (None, 0.0),
    "dropout": (None, 0.5),
    "batch norm": ("batch", 0.0),
    "both": ("batch", 0.5),
}
KINDS = ("naive", "corrected")
ORDER = "linear-norm-dropout-activation"
HIDDEN, TEST_FRACTION, LR, EPOCHS, BATCHES = (100, 100), 0.2, 3e-3, 8, 14
TOGETHER = 4  # divisions that one batched program trains, before the other norm has its turn


@dataclass
class Study:
    """Accuracies [J, variants] on the test rows (shares, float64) of the divisions done.

    Variants are in the order of `VARIANTS`. asked: divisions to come in all. table: the name of the
    data; note: what a caption must say of them besides.
    """

    accuracy: Tensor
    asked: int
    train_rows: int
    test_rows: int
    table: str
    note: str = ""
    progress: float = 1.0

    def first(self, repetitions: int) -> "Study":
        """The study as it would have been with fewer repetitions."""
        return replace(
            self, accuracy=self.accuracy[:repetitions], asked=min(self.asked, repetitions)
        )

    def of(self, variant: str) -> Tensor:
        """Accuracies [J] of a variant."""
        require_choice("variant", variant, tuple(VARIANTS))
        return self.accuracy[:, list(VARIANTS).index(variant)]

    def interval(self, variant: str, kind: str = "corrected", level: float = 0.95) -> Interval:
        """Of the mean accuracy of a variant.

        kind: "naive", as if repetitions were independent, or "corrected".
        """
        return self._interval(self.of(variant), kind, level)

    def difference(
        self, variant: str, other: str = "plain", kind: str = "corrected", level: float = 0.95
    ) -> Interval:
        """Of the mean difference in accuracy, division by division: `variant` minus `other`."""
        return self._interval(self.of(variant) - self.of(other), kind, level)

    def _interval(self, values: Tensor, kind: str, level: float) -> Interval:
        if require_choice("kind", kind, KINDS) == "naive":
            return mean_interval(values, level)
        return corrected_interval(values, self.train_rows, self.test_rows, level)

    def told_apart(self, kind: str = "corrected", level: float = 0.95) -> list[tuple[str, str]]:
        """(better, worse) of the six pairs whose interval of the difference does not hold 0."""
        pairs = ((a, b, self.difference(a, b, kind, level)) for a, b in combinations(VARIANTS, 2))
        return [(a, b) if found.mean > 0 else (b, a) for a, b, found in pairs if found.excludes(0)]

    def spread(self, variant: str, other: str = "plain", level: float = 0.95) -> Interval:
        """Of the standard deviation over divisions, as a multiple of that of `other`; naive."""
        return spread_interval(self.of(variant), self.of(other), level)


@remembered
def study(
    repetitions: int = 100, epochs: int = EPOCHS, table: Table | None = None, seed: int = 0
) -> Iterator[Study]:
    """Train 4 networks in each of J = `repetitions` divisions; yields a growing `Study`.

    A few divisions are trained at a time. table: Spambase where there is a copy, else the
    breast-cancer data. seed: of the divisions; weights and batch order go by the number of the
    division. The first 10 of 100 repetitions are those of a study of 10. Raises ValueError for less
    than 2 repetitions or 1 epoch.
    """
    require("repetitions", repetitions, 2)
    require("epochs", epochs, 1)
    table = table or spambase_or_breast_cancer()
    divisions = repeated_subsampling(len(table.x), repetitions, TEST_FRACTION, seeded(seed))
    n_tr, n_te = map(len, divisions[0])
    done = Study(
        torch.empty(0, len(VARIANTS), dtype=torch.float64),
        repetitions,
        n_tr,
        n_te,
        table.name,
        table.note,
        0,
    )
    yield done
    for start in range(0, repetitions, TOGETHER):
        numbers = range(start, min(start + TOGETHER, repetitions))
        found: list[Tensor] = []
        for norm in (None, "batch"):
            for training in train_pair(
                norm, lambda number: table.split(*divisions[number]), numbers, epochs
            ):
                share = (len(found) + training.progress) / 2 * len(numbers)
                yield replace(done, progress=(start + share) / repetitions)
            found.append(training.test_accuracy[:, :, -1].double())
        done = replace(
            done,
            accuracy=torch.cat([done.accuracy, torch.cat(found, 1)]),
            progress=numbers.stop / repetitions,
        )
    yield done


def train_pair(
    norm: str | None, split: Callable[[int], Split], numbers: range, epochs: int = EPOCHS
) -> Iterator[Training]:
    """The variants with this norm, dropout 0 and 0.5, on the split of each of these numbers.

    Weights and batch order go by the number. Settings of the `Training`: the two, in this order.
    """
    rows, features = split(numbers[0]).train_x.shape
    yield from train(
        ModelSpec((features, *HIDDEN, 2), norm=norm, order=ORDER),
        split,
        {"dropout": [p for kind, p in VARIANTS.values() if kind == norm], "lr": LR},
        numbers,
        update=adam_update,
        steps=epochs * BATCHES,
        batch_size=min(256, rows // BATCHES),
        keep_parameters=False,
    )

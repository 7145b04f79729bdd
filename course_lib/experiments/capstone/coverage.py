"""How often does an interval from repeated divisions hold the truth? Worlds in which it is known.

`coverage`: a classifier that learns nothing, right with the same probability on every row.
`coverage_of_learners`: the difference of two ridge classifiers. There the e-mails are the
population: a file is drawn from them, with replacement, and the truth is what the two do on all of
them, on average over training rows drawn in the same way. That takes a minute, so what was found on
fresh bases is kept in `course_lib/records/capstone/coverage.json`; see `stored`.
"""

import torch
from torch import Generator, Tensor

from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.data import Table, spambase_or_breast_cancer
from course_lib.records import store
from course_lib.statistics import Interval, corrected_interval, mean_interval

ROWS, TESTED, REPETITIONS = 500, 100, 100
STRENGTHS = (1.0, 100.0)  # of the two ridge classifiers, λ beside a sum over the training rows
WORLDS, TRUTHS = 200, 1000  # files; training sets that the truth is a mean over


def coverage(worlds: int = 1000, truth: float = 0.9) -> dict[str, Interval]:
    """Share of worlds whose "naive" and "corrected" interval of 100 repetitions hold the truth.

    In each, 500 rows are drawn, and divided 100 times into 400 and 100 to test on.
    """
    return _shares([_held(found, truth) for found in intervals(worlds, truth)])


def intervals(worlds: int, truth: float = 0.9) -> list[tuple[Interval, Interval]]:
    """The naive and the corrected interval of each of the first worlds of `coverage`."""
    draw, found = seeded(0), []
    for _ in range(worlds):
        right = (torch.rand(ROWS, generator=draw) < truth).double()
        divisions = repeated_subsampling(ROWS, REPETITIONS, TESTED / ROWS, draw)
        found.append(_both([right[test].mean() for _, test in divisions]))
    return found


def coverage_of_learners(worlds: int = WORLDS, truths: int = TRUTHS) -> dict[str, Interval]:
    """As `coverage`, for the difference in accuracy of two classifiers that learn: STRENGTHS.

    truths: training sets that the truth is a mean over.
    """
    table, draw = spambase_or_breast_cancer(), seeded(0, "coverage of learners")
    truth, held = _truth(table, truths, draw), []
    for _ in range(worlds):
        file = torch.randint(len(table.x), (ROWS,), generator=draw)
        divisions = repeated_subsampling(ROWS, REPETITIONS, TESTED / ROWS, draw)
        train = torch.stack([file[rows] for rows, _ in divisions])
        test = torch.stack([file[rows] for _, rows in divisions])
        held.append(_held(_both(_difference(table, train, test)), truth))
    return _shares(held)


def stored() -> dict[str, Interval]:
    """What `coverage_of_learners` found, over the worlds of all stored bases."""
    judged = store.stored("capstone/coverage")
    return {kind: mean_interval(store.fresh(judged[kind])) for kind in judged}


def _truth(table: Table, truths: int, draw: Generator, together: int = 100) -> float:
    """The mean difference on all rows, over training rows drawn with replacement."""
    everything = torch.arange(len(table.x)).expand(together, -1)
    means = []
    for _ in range(0, truths, together):
        train = torch.randint(len(table.x), (together, ROWS - TESTED), generator=draw)
        means.append(_difference(table, train, everything).mean())
    return torch.stack(means).mean().item()


def _difference(table: Table, train: Tensor, test: Tensor) -> Tensor:
    """Accuracy of the strong minus that of the weak, of each line of row numbers: [lines]."""
    x, sign = table.x.double(), 2.0 * table.y.double() - 1
    rows = x[train]
    centre, spread = rows.mean(1, keepdim=True), rows.std(1, keepdim=True) + 1e-6
    rows, middle = (rows - centre) / spread, sign[train].mean(1, keepdim=True)
    gram, pull = rows.mT @ rows, rows.mT @ (sign[train] - middle).unsqueeze(-1)
    unit = torch.eye(x.shape[1], dtype=torch.float64)
    right = []
    for strength in STRENGTHS:
        w = torch.linalg.solve(gram + strength * unit, pull) / spread.mT  # in the table's units
        said = (x[test] @ w - centre @ w).squeeze(-1) + middle
        right.append((said.sign() == sign[test]).double().mean(1))
    return right[1] - right[0]


def _both(results: list[Tensor] | Tensor) -> tuple[Interval, Interval]:
    return mean_interval(results), corrected_interval(results, ROWS - TESTED, TESTED)


def _held(found: tuple[Interval, Interval], truth: float) -> list[bool]:
    return [not interval.excludes(truth) for interval in found]


def _shares(held: list[list[bool]]) -> dict[str, Interval]:
    naive, corrected = torch.tensor(held).double().T
    return {"naive": mean_interval(naive), "corrected": mean_interval(corrected)}

"""How often does an interval hold the truth where networks are compared? Known worlds again.

The e-mails are the population. A file of 500 is drawn from it, with replacement, and divided 20
times into 400 and 100; in each division the spam study's plain network and that with dropout are
trained as there: 8 epochs of 14 batches. The truth is how much more accurate the second is on all
e-mails, on average over training rows drawn in the same way. That takes a minute or more, so what
was found is kept in `course_lib/records/capstone/networks.json`; see `distances`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.data import Split, Table, spambase_or_breast_cancer
from course_lib.experiments.capstone.coverage import ROWS, TESTED
from course_lib.experiments.capstone.spam_study import train_pair
from course_lib.records import store
from course_lib.statistics import Interval, mean_interval, t_quantile

WORLDS, DIVISIONS, TRUTHS = 100, 20, 200  # files; of each; training sets behind the truth


def measure(worlds: int = WORLDS, truths: int = TRUTHS) -> Tensor:
    """How far from the truth the mean of a world's differences lies, in units of their s.

    |d̄ − truth|/s [worlds]. truths: training sets that the truth is a mean over.
    """
    table, draw = spambase_or_breast_cancer(), seeded(0, "coverage of networks")
    everything, divided = torch.arange(len(table.x)), []
    for _ in range(worlds):
        file = torch.randint(len(table.x), (ROWS,), generator=draw)
        divisions = repeated_subsampling(ROWS, DIVISIONS, TESTED / ROWS, draw)
        divided += [(file[train], file[test]) for train, test in divisions]
    drawn = torch.randint(len(table.x), (truths, ROWS - TESTED), generator=draw)
    truth = differences(table, [(rows, everything) for rows in drawn], len(divided)).mean()
    d = differences(table, divided).view(worlds, DIVISIONS)
    return (d.mean(1) - truth).abs() / d.std(1)


def differences(table: Table, parts: Sequence[tuple[Tensor, Tensor]], first: int = 0) -> Tensor:
    """Accuracy with dropout minus that of the plain network, for each (train, test) rows [parts].

    A row may be given more than once. first: the number that weights and batches of the first part
    go by.
    """

    def split(number: int) -> Split:
        train, rows = parts[number - first][0], torch.cat(parts[number - first])
        drawn, places = Table(table.name, table.x[rows], table.y[rows]), torch.arange(len(rows))
        return drawn.split(places[: len(train)], places[len(train) :])

    *_, training = train_pair(None, split, range(first, first + len(parts)))
    plain, dropout = training.test_accuracy[:, :, -1].double().unbind(1)
    return dropout - plain


def distances() -> Tensor:
    """What `measure` finds on this base: as kept in `records/capstone/networks.json`, else anew."""
    kept = store.kept("capstone/networks", "distances")
    return torch.tensor(kept, dtype=torch.float64) if kept else measure()


def coverage(term: float, found: Tensor) -> Interval:
    """Share of worlds in which d̄ ± t·s·√(1/J + term), J = DIVISIONS, holds the truth.

    term: 0 for the naive 95 % interval, n_te/n_tr for the corrected one. found: `distances`.
    """
    reach = t_quantile(DIVISIONS - 1, 0.975) * math.sqrt(1 / DIVISIONS + term)
    return mean_interval((found <= reach).double())


def needed(found: Tensor) -> Interval:
    """The term for which Var(d̄) = E[s²]·(1/J + term), from `distances` [worlds].

    Where d̄ and s² are independent and normal differences make s², E[(d̄ − truth)²/s²] is
    (1/J + term)·(J − 1)/(J − 3).
    """
    J = DIVISIONS
    return mean_interval(found.square() * (J - 3) / (J - 1) - 1 / J)

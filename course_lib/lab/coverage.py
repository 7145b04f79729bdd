"""How often do naive and corrected intervals hold the truth? On imaginary data sets, where the truth is known.

A classifier that is finished before we come, and right on each new row with probability `accuracy`. Somebody has n
rows, measures it on J random test sets of them, and writes down both intervals; somebody else has n other rows; and so
on. A 95 % interval should hold `accuracy` for 95 in 100 of them. For such a classifier, which takes nothing from its
training rows, the correction is exact in the variance: this is the case that the theory is sure of.
"""

from typing import NamedTuple

import torch
from scipy import stats
from torch import Tensor

from course_lib._arguments import require
from course_lib.capstone import repeated_subsampling


class Coverage(NamedTuple):
    """Shares [counts] of the data sets whose interval holds the truth, by number of repetitions J.

    half_naive, half_corrected: mean half widths, as shares of right answers.
    """

    repetitions: tuple
    naive: Tensor
    corrected: Tensor
    half_naive: Tensor
    half_corrected: Tensor
    datasets: int


def coverage(repetitions=(2, 5, 10, 20, 50, 100), accuracy=0.94, rows=4601, datasets=2000, level=0.95, seed=0):
    """Draw `datasets` data sets of `rows` rows and measure each in max(repetitions) divisions, 80/20; a `Coverage`.

    The divisions are the same for all data sets (rows are exchangeable), drawn anew for every 100 of them.
    Raises ValueError for an accuracy outside (0, 1), and for what makes no division or no interval.
    """
    require("accuracy", accuracy, high=1.0, open_low=True)
    for J in repetitions:
        require("repetitions", J, 2)
    generator = torch.Generator().manual_seed(seed)
    measured, n_te = [], 0
    for start in range(0, int(require("datasets", datasets, 1)), 100):
        right = torch.rand(min(100, datasets - start), rows, generator=generator) < accuracy
        divisions = repeated_subsampling(rows, max(repetitions), 0.2, generator)
        n_te = len(divisions[0][1])
        measured.append(torch.stack([right[:, test].double().mean(1) for _, test in divisions], 1))
    results = torch.cat(measured)  # [datasets, J]
    found = [_judge(results[:, :J], n_te / (rows - n_te), accuracy, level) for J in repetitions]
    return Coverage(tuple(repetitions), *(torch.stack(part) for part in zip(*found)), datasets)


def _judge(results, ratio, truth, level):
    """(naive, corrected, half_naive, half_corrected) of results [datasets, J]; intervals as in `lab.statistics`."""
    J = results.shape[1]
    t = stats.t.ppf((1 + level) / 2, J - 1)
    halves = [t * results.std(1) * (1 / J + extra) ** 0.5 for extra in (0.0, ratio)]
    off = (results.mean(1) - truth).abs()
    return *((off <= half).double().mean() for half in halves), *(half.mean() for half in halves)

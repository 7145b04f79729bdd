"""Capstone: which of two models is better, when there is one data set and no more to come?

    repeated subsampling       J times: n_te rows drawn without replacement to test on,
                               the other n_tr to train on
    an interval of the mean    mean ± t·s·√(1/J)               as if the J results were independent
    its correction             mean ± t·s·√(1/J + n_te/n_tr)   they are not: all from the same rows

J: repetitions · s: standard deviation of the J results · t: Student's quantile, J − 1 degrees of
freedom.
Two of the test sets share n_te²/n rows on average, two of the training sets n_tr²/n: what the data
set at hand has peculiar to itself is in every repetition, and no number of them averages it away.
Correlated by ρ, the results have a mean of variance E[s²]·(1/J + ρ/(1 − ρ)). For a model that takes
nothing from its training rows ρ is n_te/n exactly, which makes ρ/(1 − ρ) = n_te/n_tr; for others
that is the authors' guess. `statistics.corrected_interval` uses it.

Like scikit-learn's `ShuffleSplit`, which rounds the test set up where this rounds to the nearest
number.
Source: Nadeau & Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
"""

import torch
from torch import Generator, Tensor

from course_lib.base.arguments import require, require_whole


def repeated_subsampling(
    rows: int, repetitions: int = 10, test_fraction: float = 0.2, generator: Generator | None = None
) -> list[tuple[Tensor, Tensor]]:
    """J = `repetitions` random divisions of `rows` rows: (train, test), row numbers at random.

    Each test set has round(test_fraction·rows) rows, drawn without replacement and anew each time;
    the training set is all the others. Two int64 tensors [n_tr] and [n_te] on the CPU. The first 10
    of 100 divisions are those that 10 would be, from a generator in the same state (None: torch's
    own). Classes are not balanced.
    Raises `ValueError` for counts that are not whole, fewer than 2 rows or 1 repetition, a fraction
    that leaves no test or no training row.
    """
    rows = require_whole("rows", rows, 2)
    repetitions = require_whole("repetitions", repetitions, 1)
    n_te = round(float(require("test_fraction", test_fraction, high=1.0, open_low=True)) * rows)
    if not 1 <= n_te < rows:
        raise ValueError(
            f"test_fraction = {test_fraction!r} of {rows} rows is {n_te}: "
            "must leave at least 1 row to test, 1 to train"
        )
    orders = (torch.randperm(rows, generator=generator) for _ in range(repetitions))
    return [(order[n_te:], order[:n_te]) for order in orders]

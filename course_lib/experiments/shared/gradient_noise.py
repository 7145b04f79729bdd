"""The noise of a minibatch gradient: standard error, all batches, where SGD settles with it.

    standard error = σ/√B                            B draws with replacement
                   = σ/√B · √((n − B)/(n − 1))       B of n without replacement: 0 at B = n
    variance at rest = lr·σ²/(B·h·(2 − lr·h))        SGD on ½h·w², draws with replacement

σ: standard deviation of the n single gradients about their mean, with divisor n · B: batch size ·
h: curvature of the parabola.
"""

import itertools
import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.sgd import sgd_update


def standard_error(sigma: float, batch_size: int, rows: int | None = None) -> float:
    """Standard error of a minibatch gradient.

    rows: n, for batches without replacement; None: with replacement. Raises `ValueError` for a
    batch of less than one row, or of more than there are.
    """
    require("sigma", sigma)
    require("batch_size", batch_size, 1)
    if rows is None:
        return sigma / math.sqrt(batch_size)  # σ/√B
    require("batch_size", batch_size, 1, require("rows", rows, 1), open_high=False)
    # The finite-population factor, squared.
    left = (rows - batch_size) / (rows - 1) if rows > 1 else 0.0
    return sigma / math.sqrt(batch_size) * math.sqrt(left)


def all_batches(gradients: Tensor, batch_size: int, replacement: bool = False) -> Tensor:
    """The mean gradient [batches, …] of every batch of `batch_size` of the `gradients` [n, …].

    All are equally likely.
    """
    rows = range(len(gradients))
    if replacement:
        picks: Iterable = itertools.product(rows, repeat=batch_size)
    else:
        picks = itertools.combinations(rows, batch_size)
    return gradients[torch.tensor(list(picks))].mean(1)


def batches(
    rows: int, batch_size: int, shuffled: bool = True, generator: torch.Generator | None = None
) -> Iterator[Tensor]:
    """Row numbers [batch_size], batch after batch without end.

    shuffled: in epochs, the remainder of each left out; else in free draws. Raises `ValueError` for
    a batch of less than one row or of more than `rows`.
    """
    require("batch_size", batch_size, 1, rows, open_high=False)
    while True:
        if shuffled:
            order = torch.randperm(rows, generator=generator)
            yield from order[: rows // batch_size * batch_size].split(batch_size)
        else:
            yield torch.randint(rows, (batch_size,), generator=generator)


def variance_at_rest(lr: float, curvature: float, sigma: float, batch_size: int) -> float:
    """Variance of a weight that SGD has settled to on a parabola: lr·σ²/(B·h·(2 − lr·h)).

    Raises `ValueError` unless 0 < lr·h < 2, where SGD settles at all.
    """
    require("curvature", curvature, open_low=True)
    require("lr", lr, 0.0, 2 / curvature, open_low=True)
    require("sigma", sigma)
    require("batch_size", batch_size, 1)
    return lr * sigma**2 / (batch_size * curvature * (2 - lr * curvature))


def settle(
    centres: Tensor,
    batch_size: int,
    lr: float,
    steps: int,
    *,
    shuffled: bool,
    runs: int,
    curvature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Weights [runs] after `steps` of SGD on the mean of ½h(w − c)² over the `centres` c [n].

    They start at the mean of the centres. Each run draws its own batches: free draws, or `shuffled`
    epochs, whose rows must come out even, else `ValueError`.
    """
    n, w = len(centres), centres.mean().repeat(runs)
    if shuffled and n % batch_size:
        raise ValueError(f"batch_size = {batch_size}: must divide the {n} rows")
    for step in range(steps):
        at = step * batch_size % n
        if not shuffled:
            rows = torch.randint(n, (runs, batch_size), generator=generator)
        else:
            if at == 0:  # a new order for each run
                order = torch.rand(runs, n, generator=generator).argsort(1)
            rows = order[:, at : at + batch_size]
        sgd_update(w, curvature * (w - centres[rows].mean(1)), {}, lr=lr)
    return w

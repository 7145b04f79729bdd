"""The noise of a minibatch gradient: its standard error, all batches there are, and where SGD
settles with it.

    standard error = σ/√B                            B draws with replacement
                   = σ/√B · √((n − B)/(n − 1))       B of n without replacement: 0 at B = n
    variance at rest = lr·σ²/(B·h·(2 − lr·h))        SGD on the parabola ½h·w², draws with replacement

σ: standard deviation of the n single gradients about their mean, with divisor n · B: batch size ·
h: curvature.
"""

import itertools
import math

import torch

from course_lib.base.arguments import require
from course_lib.sgd import sgd_update


def standard_error(sigma, batch_size, rows=None):
    """Standard error of a minibatch gradient. `rows`: n, for batches without replacement; None:
    with replacement.

    Raises `ValueError` for a batch of less than one row, or of more than there are.
    """
    require("sigma", sigma)
    require("batch_size", batch_size, 1)
    if rows is None:
        return sigma / math.sqrt(batch_size)  # σ/√B
    require("batch_size", batch_size, 1, require("rows", rows, 1), open_high=False)
    left = (
        (rows - batch_size) / (rows - 1) if rows > 1 else 0.0
    )  # finite-population factor, squared
    return sigma / math.sqrt(batch_size) * math.sqrt(left)


def all_batches(gradients, batch_size, replacement=False):
    """The mean gradient [batches, …] of every batch of `batch_size` of the `gradients` [n, …], each
    equally likely.
    """
    rows = range(len(gradients))
    if replacement:
        picks = itertools.product(rows, repeat=batch_size)
    else:
        picks = itertools.combinations(rows, batch_size)
    return gradients[torch.tensor(list(picks))].mean(1)


def batches(rows, batch_size, shuffled=True, generator=None):
    """Row numbers [batch_size], batch after batch without end: shuffled epochs (the remainder left
    out), or free draws.

    Raises `ValueError` for a batch of less than one row or of more than `rows`.
    """
    require("batch_size", batch_size, 1, rows, open_high=False)
    while True:
        if shuffled:
            order = torch.randperm(rows, generator=generator)
            yield from order[: rows // batch_size * batch_size].split(batch_size)
        else:
            yield torch.randint(rows, (batch_size,), generator=generator)


def variance_at_rest(lr, curvature, sigma, batch_size):
    """lr·σ²/(B·h·(2 − lr·h)). Raises `ValueError` unless 0 < lr·h < 2, where SGD settles at all."""
    require("curvature", curvature, open_low=True)
    require("lr", lr, 0.0, 2 / curvature, open_low=True)
    require("sigma", sigma)
    require("batch_size", batch_size, 1)
    return lr * sigma**2 / (batch_size * curvature * (2 - lr * curvature))


def settle(centres, batch_size, lr, steps, *, shuffled, runs, curvature=1.0, generator=None):
    """Weights [runs] after `steps` of SGD on the mean of ½h(w − c)² over the `centres` c [n], from
    their mean.

    Each run draws its own batches: free draws, or `shuffled` epochs, whose rows must come out even.
    """
    n, w = len(centres), centres.mean().repeat(runs)
    if shuffled and n % batch_size:
        raise ValueError(f"batch_size = {batch_size}: must divide the {n} rows")
    for step in range(steps):
        at = step * batch_size % n
        if not shuffled:
            rows = torch.randint(n, (runs, batch_size), generator=generator)
        else:
            if at == 0:
                order = torch.rand(runs, n, generator=generator).argsort(
                    1
                )  # a new order for each run
            rows = order[:, at : at + batch_size]
        sgd_update(w, curvature * (w - centres[rows].mean(1)), {}, lr=lr)
    return w

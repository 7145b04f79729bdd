"""What the running statistics of a BatchNorm remember of the batches it has seen.

    running ← (1 − m)·running + m·batch
    at rest, of independent batches:  Var(running mean) = m/(2 − m) · σ²/B

σ²: variance of one row · B: rows in a batch · m ∈ (0, 1]: weight of the newest batch. The running
mean lags about 1/m batches behind.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm

MEAN, SPREAD, AFTER, BATCHES, RUNS = 2.0, 1.0, 0.0, 200, 40  # the mean jumps to AFTER half-way


@dataclass
class Memory:
    """Running mean and variance [batches + 1, runs] of a feature whose mean jumps half-way.

    expected: the formula's standard deviation of the running mean, at rest.
    """

    mean: Tensor
    var: Tensor
    expected: float
    momentum: float
    batch_size: int
    note: str


def variance_of_running_mean(momentum: float, variance: float, batch_size: int) -> float:
    """m/(2 − m)·σ²/B, for independent batches and m ∈ (0, 1]."""
    require("momentum", momentum, 0, 1, open_low=True, open_high=False)
    return momentum / (2 - momentum) * variance / batch_size


def keep_memory(batch_size: int, momentum: float, layer: Callable = batch_norm) -> Memory:
    """Forty runs of 200 batches at once, as forty features of one BatchNorm.

    layer: whose running statistics; called as `batch_norm` is, in training mode.
    """
    generator = seeded(0)
    mean, var = torch.zeros(RUNS, dtype=torch.float64), torch.ones(RUNS, dtype=torch.float64)
    gamma, beta, seen = torch.ones_like(mean), torch.zeros_like(mean), []
    for t in range(BATCHES):
        seen.append((mean.clone(), var.clone()))
        x = SPREAD * torch.randn(batch_size, RUNS, dtype=mean.dtype, generator=generator)
        x += MEAN if t < BATCHES // 2 else AFTER
        layer(x, mean, var, gamma, beta, True, momentum, 1e-5)
    means, variances = (torch.stack(part).detach() for part in zip(*seen, (mean, var)))
    expected = variance_of_running_mean(momentum, SPREAD**2, batch_size) ** 0.5
    note = "" if layer is batch_norm else " Kept by your function."
    return Memory(means, variances, expected, momentum, batch_size, note)

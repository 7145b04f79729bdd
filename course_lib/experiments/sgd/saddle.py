"""What gets a path off the ridge of a saddle: its offset, noise, a cyclical learning rate."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.experiments.shared import surfaces
from course_lib.sgd import cyclical, sgd_update

SADDLE, STEPS = surfaces.saddle(), 300
RATES = ("constant", "cyclical, same mean", "cyclical, same peak")
CYCLE = 20  # steps up, and as many down
LOW = 0.1  # of the peak


@dataclass
class Escape:
    """A path [steps + 1, 2] that begins beside the ridge w₁ = 0, or on it.

    predicted [steps + 1]: how far (1 + lr₁)(1 + lr₂)… alone would have taken it.
    """

    path: Tensor
    predicted: Tensor
    left_at: int | None  # first step with |w₁| > ½
    offset: float
    noise: float


def rate_factors(rate: str, steps: int = STEPS) -> list[float]:
    """The learning rate of each step as a multiple of the one asked for, at one of `RATES`."""
    if rate == "constant":
        return [1.0] * steps
    # The mean over a whole cycle is (1 + LOW)/2.
    scale = 2 / (1 + LOW) if rate == "cyclical, same mean" else 1.0
    return [scale * cyclical(t, CYCLE, low=LOW) for t in range(steps)]


def escape(
    lr: float,
    offset: float,
    noise: float,
    rate: str,
    update: Callable = sgd_update,
    height: float = 1.5,
) -> Escape:
    """The path from (offset, height); `noise`: standard deviation of what each gradient gets."""
    factors = rate_factors(rate)
    rates = (lr * factor for factor in factors)

    def scheduled(w: Tensor, grad: Tensor, state: dict) -> None:
        update(w, grad, state, lr=next(rates))

    generator = seeded(0)
    path = surfaces.descend(
        SADDLE, scheduled, (offset, height), STEPS, noise=noise, generator=generator
    )
    growth = torch.tensor([1.0, *(1 + lr * f for f in factors)], dtype=torch.float64).cumprod(0)
    out = (path[:, 0].abs() > 0.5).nonzero()
    return Escape(path, offset * growth, int(out[0]) if len(out) else None, offset, noise)


def share_definite(d: int, lots: int = 20, draws: int = 1000) -> Tensor:
    """Share [lots] of random symmetric d × d matrices whose eigenvalues all have one sign.

    Normal entries, off the diagonal with half the variance.
    """
    a = torch.randn(lots, draws, d, d, dtype=torch.float64, generator=seeded(d))
    h = torch.linalg.eigvalsh(a + a.mT)
    return ((h > 0).all(2) | (h < 0).all(2)).double().mean(1)

"""What it costs to keep only a share of a weight, exactly: bias², variance, and their sum.

Least squares finds a true weight w without bias and with variance v. Of what it finds only the
share s is kept. On average the squared error is then

    E(s·ŵ − w)² = (1 − s)²·w² + s²·v        bias² + variance

which is lowest at s = w²/(w² + v), below 1 wherever v > 0. Ridge keeps s = d²/(d² + λ) of the
weight of a feature with variance d² that is uncorrelated with the others.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.arguments import require


@dataclass(frozen=True)
class Parts:
    """Of the expected squared error at some shares, each [shares]."""

    bias2: Tensor
    variance: Tensor

    @property
    def total(self) -> Tensor:
        """The expected squared error itself, [shares]."""
        return self.bias2 + self.variance


def parts(share: float | Tensor, weight: float = 1.0, variance: float = 1.0) -> Parts:
    """`Parts` of keeping `share` [shares] of what least squares finds of the true `weight`.

    variance: of what it finds, in the square of the weight's unit, ≥ 0. Raises `ValueError` for a
    negative or infinite variance.
    """
    require("variance", variance)
    s = torch.as_tensor(share, dtype=torch.float64)
    return Parts((1 - s) ** 2 * weight**2, s**2 * variance)


def best_share(weight: float, variance: float = 1.0) -> float:
    """w²/(w² + v), the share at which the expected squared error is lowest.

    Raises `ValueError` where both are 0, since then all shares are alike, and for a variance that
    `parts` refuses.
    """
    require("variance", variance)
    if weight == variance == 0:
        raise ValueError("weight = 0 and variance = 0: one of them must not be 0")
    return weight**2 / (weight**2 + variance)

"""Dropout with chance taken out: every mask there is, each with its probability.

    Σᵢ E(yᵢ − Σⱼ mᵢⱼxᵢⱼwⱼ/(1−p))² = ‖y − Xw‖² + p/(1−p)·Σⱼ ‖x·ⱼ‖²·wⱼ²
    variance in training / in evaluation = (E[x²]/(1−p) − E[x]²) / Var[x]

The first is a ridge with a strength for each feature; the second is of what a unit hands on. m ~
Bernoulli(1 − p), entry by entry · X [rows, features] · squared residuals are summed, not averaged.
Source: Wager, Wang & Liang, "Dropout Training as Adaptive Regularization", 2013; Li, Chen, Hu &
Yang, 2019.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.dropout import dropout

MOST_UNITS = 16  # 65 536 masks


def all_masks(units: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Every pattern of kept (1) and dropped (0) `units`: [2ⁿ, n].

    Raises `ValueError` for more than 16 of them.
    """
    require("units", units, 1, MOST_UNITS, open_high=False)
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=units)), dtype=dtype)


def chances(masks: Tensor, p: float) -> Tensor:
    """Probability [masks] of each pattern [masks, n], every unit being dropped with chance p."""
    require("p", p, high=1.0, open_high=False)
    kept = masks.sum(-1)
    return (1 - p) ** kept * p ** (masks.shape[-1] - kept)


def tiny_network() -> tuple[Tensor, Tensor, Tensor]:
    """An example [4] and weights [3, 4], [2, 3]; the example leaves all three ReLUs on."""
    draw = seeded(0)
    example, first, second = (
        torch.randn(shape, generator=draw, dtype=torch.float64) for shape in (4, (3, 4), (2, 3))
    )
    return example, first * (first @ example).sign().unsqueeze(1), second


def table(masks: Tensor, p: float, outputs: Tensor, whole: Tensor) -> str:
    """Thinned networks, a line each: mask, chance, their two `outputs`; mean, and `whole`."""
    chance = chances(masks, p)
    lines = ["mask (1 = kept)        chance    output 0   output 1"]
    for mask, one, (first, second) in zip(masks.int().tolist(), chance, outputs):
        lines.append(f"{' '.join(map(str, mask)):<18} {one:10.3f} {first:11.3f} {second:10.3f}")
    for name, (first, second) in (("average, by chance", chance @ outputs), ("evaluation", whole)):
        lines.append(f"{name:<18} {'':10} {first:11.3f} {second:10.3f}")
    return "\n".join(lines)


def averaged_loss(x: Tensor, y: Tensor, w: Tensor, p: float) -> Tensor:
    """Summed squared residuals y − x·w, averaged over every mask of every row.

    x [rows, features], y [rows], w [features].
    """
    masks = all_masks(len(w), x.dtype)
    predictions = (masks.unsqueeze(1) * x / (1 - p)) @ w  # [2ⁿ, rows]
    return (chances(masks, p).unsqueeze(1) * (y - predictions) ** 2).sum()


def ridge_loss(x: Tensor, y: Tensor, w: Tensor, p: float) -> Tensor:
    """`averaged_loss` by the formula: ‖y − Xw‖² + p/(1 − p)·Σⱼ ‖x·ⱼ‖²·wⱼ²."""
    return (y - x @ w).square().sum() + p / (1 - p) * (x.square().sum(0) * w.square()).sum()


def ridge_solution(x: Tensor, y: Tensor, p: float) -> Tensor:
    """Where both are smallest: (XᵀX + p/(1 − p)·diag(XᵀX))⁻¹Xᵀy [features].

    `ValueError` for p outside [0, 1).
    """
    require("p", p, high=1.0)
    gram = x.mT @ x
    return torch.linalg.solve(gram + p / (1 - p) * torch.diag(gram.diagonal()), x.mT @ y)


def train_linear(
    x: Tensor,
    y: Tensor,
    p: float,
    lr: float,
    steps: int,
    *,
    runs: int = 1,
    layer: Callable = dropout,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Weights [runs, features] of linear regressions by gradient descent from 0, under masks.

    Each step has fresh masks. The loss is the summed squared residuals over 2, on inputs that went
    through `layer(x, p, True, generator)`.
    """
    w = torch.zeros(runs, x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        thinned = layer(x.expand(runs, *x.shape), p, True, generator)
        residual = (thinned @ w.unsqueeze(-1)).squeeze(-1) - y  # [runs, rows]
        w = w - lr * (residual.unsqueeze(1) @ thinned).squeeze(1)
    return w


def variance_shift(x: Tensor, p: float) -> Tensor:
    """How much larger the variance of dropout(x, p) is than that of x [rows, …]: […].

    Over all masks and the rows.
    """
    require("p", p, high=1.0)
    second, mean = x.square().mean(0), x.mean(0)
    return (second / (1 - p) - mean.square()) / (second - mean.square())


def train_averaged(x: Tensor, y: Tensor, p: float, lr: float, steps: int) -> Tensor:
    """Weights [features] by gradient descent on `averaged_loss`/2 from 0: no chance is left."""
    w = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    for _ in range(steps):
        (slope,) = torch.autograd.grad(averaged_loss(x, y, w, p) / 2, w)
        w = (w - lr * slope).detach().requires_grad_()
    return w.detach()

"""SGD in a bowl: 64 examples that pull different ways, one path, and the bound on its rate.

Example i has the loss ½(w − cᵢ)ᵀH(w − cᵢ), so that their mean is a bowl around the mean of the cᵢ.
"""

import cmath
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

STEEPEST = 2.0  # the largest curvature of the bowl, whatever its condition number
ROWS, STEPS, ANGLE = 64, 120, math.radians(-30)
GOAL, START = torch.tensor([1.0, 0.5], dtype=torch.float64), (-1.6, 0.0)


def examples(rows: int = ROWS) -> Tensor:
    """Where each example would have the weights, [rows, 2].

    Their mean is the goal, their spread 0.6 each way.
    """
    draws = torch.randn(rows, 2, dtype=torch.float64, generator=seeded(1))
    draws = draws - draws.mean(0)
    return GOAL + 0.6 * draws @ torch.linalg.inv(torch.linalg.cholesky(draws.T @ draws / rows)).T


def bowl(condition: float) -> Tensor:
    """Hessian [2, 2] with curvatures 2 and 2/`condition`.

    Its steep axis is turned by 60° from the first coordinate.
    """
    c, s = math.cos(ANGLE), math.sin(ANGLE)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    curvatures = torch.tensor([STEEPEST / condition, STEEPEST], dtype=torch.float64)
    return turn @ torch.diag(curvatures) @ turn.T


def walk(
    update: Callable,
    hessian: Tensor,
    batch_size: int,
    steps: int = STEPS,
    seed: int = 0,
    start: tuple[float, float] = START,
    **options: float,
) -> Tensor:
    """The path [steps + 1, 2] of `update` from `start` over shuffled batches of the examples."""
    w, centres = torch.tensor(start, dtype=torch.float64), examples()
    state: dict[str, Tensor] = {}
    order = batches(ROWS, batch_size, generator=seeded(seed))
    path = [w.clone()]
    for _ in range(steps):
        update(w, hessian @ (w - centres[next(order)].mean(0)), state, **options)
        path.append(w.clone())
    return torch.stack(path)


def excess_loss(path: Tensor, hessian: Tensor) -> Tensor:
    """Mean loss of the examples above its minimum [...], at points `path` [..., 2]."""
    return ((path - GOAL) @ hessian * (path - GOAL)).sum(-1) / 2


def settling(rates: Iterable[float], steps: int = 6000, **options: Any) -> list[float]:
    """Those of the learning rates with which `sgd_update`, all examples in each step, settles.

    In the bowl with curvatures 2 and 0.2; settled is who is within 1e-3 of the goal at the last two
    steps.
    """

    def settles(lr: float) -> bool:
        path = walk(sgd_update, bowl(10.0), ROWS, steps, lr=lr, **options)
        return bool(((path[-2:] - GOAL).norm(dim=1) < 1e-3).all())

    return [lr for lr in rates if settles(lr)]


def slowest_factor(lr: float, momentum: float, curvatures: tuple[float, ...]) -> float:
    """What a step multiplies the distance to the minimum by, in the long run, slowest direction.

    On ½h·w² the steps are wₜ₊₁ = (1 + μ − ηh)wₜ − μwₜ₋₁: the larger root of z² − (1 + μ − ηh)z + μ,
    by size, of the curvature h that has the largest.
    """
    found = []
    for h in curvatures:
        p = 1 + momentum - lr * h
        root = cmath.sqrt(p * p - 4 * momentum)
        found += [abs(p + root) / 2, abs(p - root) / 2]
    return max(found)


def stability_bound(momentum: float, nesterov: bool = False) -> float:
    """The learning rate above which SGD with this momentum diverges.

    2(1 + μ)/λmax for the heavy ball, 2(1 + μ)/((1 + 2μ)λmax) for Nesterov.
    """
    return 2 * (1 + momentum) / STEEPEST / (1 + 2 * momentum if nesterov else 1)

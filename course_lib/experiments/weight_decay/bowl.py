"""Two pulls on one bowl, L2 and weight decay: their paths, rests and stable learning rates."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.experiments.shared.surfaces import Bowl, descend, quadratic
from course_lib.experiments.weight_decay.parabola import PULLS

BOWL = quadratic(
    curvatures=(0.5, 4.0), angle=-20, minimum=(2.0, 1.0), window=(-1.2, 3.0, -0.6, 2.6)
)
START, STEPS = (-0.8, 2.2), 100


def paths(
    update: Callable,
    strength: float,
    start: tuple[float, float] = START,
    bowl: Bowl = BOWL,
    **options: Any,
) -> dict[str, Tensor]:
    """Pull → the path [STEPS + 1, 2] of `update` from `start` under it, at equal strength λ."""
    return {
        pull: descend(bowl, update, start, STEPS, **{**options, pull: strength}) for pull in PULLS
    }


def rests(strength: float, momentum: float, bowl: Bowl = BOWL) -> dict[str, Tensor]:
    """Pull → where SGD with momentum μ comes to rest [2]: decay as under L2 with λ(1 − μ)."""
    return {"l2": bowl.ridge(strength), "weight_decay": bowl.ridge(strength * (1 - momentum))}


def stable_rates(strength: float, momentum: float) -> dict[str, float]:
    """Pull → the highest learning rate at which SGD with momentum μ is stable."""
    h = torch.linalg.eigvalsh(BOWL.hessian)[-1].item()
    return {
        "l2": 2 * (1 + momentum) / (h + strength),
        "weight_decay": 2 * (1 + momentum) / (h + (1 + momentum) * strength),
    }

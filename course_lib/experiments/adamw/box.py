"""One bowl, a ridge and a box: where Adam + L2 and AdamW come to rest."""

import math

import torch
from torch import Tensor

from course_lib.experiments.shared.surfaces import Bowl, quadratic

BOWL = quadratic(curvatures=(1.0, 6.0), angle=25, minimum=(2.0, 0.7), window=(-1.7, 2.9, -1.6, 2.0))
START, STEPS = (-1.2, 1.4), 300


def star_of(bowl: Bowl) -> Tensor:
    """The lowest point [2] of a bowl."""
    return torch.tensor(bowl.minimum, dtype=torch.float64)


STAR = star_of(BOWL)


def radius_of(strength: float) -> float:
    """Half the width of the box |w| ≤ 1/λ that AdamW rests in; infinite without decay."""
    return 1 / strength if strength else math.inf


def box_point(radius: float, bowl: Bowl = BOWL) -> Tensor:
    """Lowest point [2] of the bowl inside the box |w₁|, |w₂| ≤ `radius`.

    The star, or the best point of four walls.
    """
    star = star_of(bowl)
    if star.abs().max() <= radius:
        return star
    walls = [(i, wall) for i in (0, 1) for wall in (-radius, radius)]
    return min((_best_on_wall(i, wall, radius, bowl) for i, wall in walls), key=bowl.loss)


def _best_on_wall(i: int, wall: float, radius: float, bowl: Bowl) -> Tensor:
    """Lowest point with wᵢ = `wall`.

    The other goes where its derivative is 0, or as far as the box lets it.
    """
    j, star, hessian = 1 - i, star_of(bowl), bowl.hessian
    w = star.clone()
    w[i] = wall
    w[j] = (star[j] - hessian[j, i] / hessian[j, j] * (wall - star[i])).clamp(-radius, radius)
    return w


def theorem_speaks(betas: tuple[float, float], eps: float) -> bool:
    """Whether the theorem of the box speaks of these settings: ε next to nothing, β₁ ≤ β₂."""
    return eps <= 1e-3 and betas[0] <= betas[1]

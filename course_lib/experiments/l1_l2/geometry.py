"""Where the contour of a bowl meets the ball of a penalty: solutions, and the curves that touch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.experiments.l1_l2.penalised_regression import PENALTIES
from course_lib.l1_l2 import proximal_gradient

GOAL = torch.tensor([1.0, 0.4], dtype=torch.float64)  # the weights without a penalty
AXIS = torch.linspace(0, 2, 81, dtype=torch.float64)  # λ
TURN = torch.linspace(0, 2 * torch.pi, 241, dtype=torch.float64)
CIRCLE = torch.stack([TURN.cos(), TURN.sin()], 1)  # [points, 2]
LEVELS = (0.1, 0.25, 0.42, 0.85, 1.1, 1.4)  # distances of the thin contours from the star


@dataclass
class Touch:
    """The solution at one λ, the way there, and the two curves that touch at it.

    Points are [..., 2].
    """

    penalty: str
    strength: float
    solution: Tensor
    way: Tensor  # solutions along AXIS
    ball: Tensor  # all points with the solution's penalty
    contours: list[Tensor]  # of the loss; the last one goes through the solution


def bowl(correlation: float) -> Tensor:
    """Hessian [2, 2] of the loss for two standardised features with this correlation."""
    return torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)


def solve(penalty: str, strengths: Tensor, correlation: float) -> Tensor:
    """Lowest points [strengths, 2] of ½(w − w*)ᵀH(w − w*) + λ·penalty."""
    hessian, (l1, l2) = bowl(correlation), PENALTIES[penalty]
    start, column = GOAL.repeat(len(strengths), 1), strengths.unsqueeze(1)
    return proximal_gradient(
        lambda w: (w - GOAL) @ hessian,
        start,
        lr=1 / (1 + abs(correlation)),
        l1=l1 * column,
        l2=l2 * column,
        steps=400,
    )


def touch(penalty: str, strength: float, correlation: float) -> Touch:
    """Where the loss's contour touches the ball, as a `Touch`."""
    points = solve(penalty, torch.cat([AXIS, AXIS.new_tensor([strength])]), correlation)
    solution, hessian = points[-1], bowl(correlation)
    away = solution - GOAL
    radii = [*LEVELS, (away @ hessian @ away).sqrt().item()]
    # All w − w* with (w − w*)ᵀH(w − w*) = 1.
    ellipse = torch.linalg.solve(torch.linalg.cholesky(hessian).T, CIRCLE.T).T
    contours = [GOAL + r * ellipse for r in radii]
    return Touch(penalty, strength, solution, points[:-1], ball(penalty, solution), contours)


def ball(penalty: str, solution: Tensor) -> Tensor:
    """The points [points, 2] whose penalty is that of `solution` [2].

    A diamond, a circle, or something between.
    """
    l1, l2 = PENALTIES[penalty]
    total = l1 * solution.abs().sum() + l2 * solution.square().sum() / 2
    # Along a ray of length r the penalty is slope·r + l2·r²/2.
    slope = l1 * CIRCLE.abs().sum(1, keepdim=True)
    r = total / slope if l2 == 0 else ((slope**2 + 2 * l2 * total).sqrt() - slope) / l2
    return r * CIRCLE

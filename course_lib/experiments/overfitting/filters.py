"""Early stopping beside ridge: what each lets through, direction by direction."""

import torch
from torch import Tensor

from course_lib.overfitting import descent_filter, flow_filter, ridge_filter

CURVATURES = torch.logspace(-4, 0, 161, dtype=torch.float64)  # d², the largest is 1
BOUND = 0.2037  # ≥ max |(1 − e⁻ˣ) − x/(1 + x)| = 0.20363…


def filters(lr: float, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Filters [curvatures] of flow until ηt, of t steps of descent, of ridge with λ = 1/(ηt)."""
    time = lr * steps
    return (
        flow_filter(CURVATURES, time),
        descent_filter(CURVATURES, steps, lr),
        ridge_filter(CURVATURES, 1 / time),
    )

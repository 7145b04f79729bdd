"""One weight whose gradient is noisy, as with minibatches: where does it rest?

The loss is ½(w − 1.5)². Under AdamW decay pulls with λw; the mean update is about
slope/√(slope² + σ²), for the noise counts in √v̂ beside the slope. Under Adam + L2 λw is divided
alike, so it should rest where slope + λw = 0, whatever the noise.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.optimizer import State
from course_lib.base.random import seeded

STAR, STRENGTH, LR = 1.5, 0.5, 0.01
RIDGE = STAR / (1 + STRENGTH)  # where (w − 1.5) + λw = 0


def rest(
    sigma: float, seeds: int = 10, weights: int = 200, steps: int = 4000, l2: bool = False
) -> Tensor:
    """Mean weight [seeds] over the second half of runs with gradient noise `sigma`.

    Of AdamW, or of Adam + L2 if `l2`; it starts at zero.
    """
    total = torch.zeros(seeds, weights, dtype=torch.float64)
    for step, w in enumerate(_steps(sigma, torch.zeros_like(total), steps, l2)):
        if step >= steps // 2:
            total = total + w
    return total.mean(1) / (steps // 2)


def path(sigma: float, weights: int = 200, steps: int = 1500, l2: bool = False) -> Tensor:
    """Weights [steps + 1, weights] that begin at the star, before the first and after each step."""
    start = torch.full((weights,), STAR, dtype=torch.float64)
    return torch.stack([start, *(w.clone() for w in _steps(sigma, start.clone(), steps, l2))])


def _steps(sigma: float, w: Tensor, steps: int, l2: bool) -> Iterator[Tensor]:
    """Change `w` by AdamW, or by Adam + L2, on noisy gradients, and yield it after each step."""
    draw = seeded(0)
    state: State = {}
    for _ in range(steps):
        gradient = w - STAR + sigma * torch.randn(w.shape, dtype=w.dtype, generator=draw)
        if l2:
            adam_update(w, gradient, state, lr=LR, l2=STRENGTH)
        else:
            adamw_update(w, gradient, state, lr=LR, weight_decay=STRENGTH)
        yield w


def balance(sigma: float) -> float:
    """Root of λw = (1.5 − w)/√((1.5 − w)² + σ²), by halving."""
    low, high = 0.0, STAR
    for _ in range(60):
        w = (low + high) / 2
        slope = STAR - w
        if slope / (slope**2 + sigma**2) ** 0.5 > STRENGTH * w:
            low = w
        else:
            high = w
    return w

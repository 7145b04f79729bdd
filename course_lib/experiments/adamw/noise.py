"""One weight under AdamW whose gradient is noisy, as with minibatches: where does it rest?

The loss is ½(w − 1.5)². Decay pulls with λw; the mean update is about slope/√(slope² + σ²), for the
noise counts in √v̂ beside the slope.
"""

import torch
from torch import Tensor

from course_lib.adamw import adamw_update
from course_lib.base.optimizer import State
from course_lib.base.random import seeded

STAR, STRENGTH = 1.5, 0.5


def rest(sigma: float, seeds: int = 10, weights: int = 200, steps: int = 4000) -> Tensor:
    """Mean weight [seeds] over the second half of AdamW runs with gradient noise `sigma`."""
    draw = seeded(0)
    state: State = {}
    w = torch.zeros(seeds, weights, dtype=torch.float64)
    total = torch.zeros_like(w)
    for step in range(steps):
        noise = sigma * torch.randn(w.shape, dtype=w.dtype, generator=draw)
        adamw_update(w, w - STAR + noise, state, lr=0.01, weight_decay=STRENGTH)
        if step >= steps // 2:
            total = total + w
    return total.mean(1) / (steps // 2)


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

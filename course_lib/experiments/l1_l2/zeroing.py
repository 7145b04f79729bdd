"""One weight on its way to zero, or not: the loss wants 0.3, the penalty 0."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.experiments.l1_l2.shrinking import METHODS
from course_lib.experiments.shared.surfaces import diverged_at
from course_lib.l1_l2 import soft_threshold

PULLED_TO, START, STEPS = 0.3, 1.0, 60  # the loss is ½(w − 0.3)²


@dataclass
class Walks:
    """The weight [steps + 1] under each of `METHODS`; where each diverged (method → step)."""

    runs: dict[str, Tensor]
    strength: float
    lr: float
    diverged: dict[str, int]


def walk(method: str, strength: float, lr: float, threshold: Callable = soft_threshold) -> Tensor:
    """The weight on ½(w − 0.3)² + penalty from 1, as float64 numbers [steps + 1].

    threshold: (x, threshold) → x pulled to zero, of the proximal steps.
    """
    w, seen = torch.tensor([START], dtype=torch.float64), [START]
    for _ in range(STEPS):
        gradient = w - PULLED_TO
        if method == "l1":
            w = threshold(w - lr * gradient, lr * strength)
        else:
            w = w - lr * (gradient + strength * (w if method == "l2" else w.sign()))
        seen.append(float(w))
    return torch.tensor(seen, dtype=torch.float64)


def walks(strength: float, lr: float, threshold: Callable = soft_threshold) -> Walks:
    """One walk by each of `METHODS`."""
    runs = {method: walk(method, strength, lr, threshold) for method in METHODS}
    steps = {method: diverged_at((run - PULLED_TO) ** 2) for method, run in runs.items()}
    diverged = {method: step for method, step in steps.items() if step is not None}
    return Walks(runs, strength, lr, diverged)

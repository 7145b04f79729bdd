"""One weight on the parabola ½(w − 1)² under L2 or weight decay: its way, and where it rests."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

# The keyword of the update functions → its name for people.
PULLS = {"l2": "L2", "weight_decay": "weight decay"}
Strength = TypeVar("Strength", float, np.ndarray)


def settle(
    update: Callable, pull: str, strength: float, momentum: float, steps: int = 400
) -> np.ndarray:
    """The weight [steps + 1] from 0 on, at learning rate 0.1; `pull`: one of `PULLS`."""
    w, seen = torch.zeros((), dtype=torch.float64), [0.0]
    state: dict[str, Tensor] = {}
    for _ in range(steps):
        update(w, w - 1, state, lr=0.1, momentum=momentum, **{pull: strength})
        seen.append(w.item())
    return np.array(seen)


def rest_on_parabola(pull: str, strength: Strength, momentum: float) -> Strength:
    """1/(1 + λ) for L2, 1/(1 + λ(1 − μ)) for weight decay under heavy-ball momentum μ."""
    return 1 / (1 + strength * (1 if pull == "l2" else 1 - momentum))

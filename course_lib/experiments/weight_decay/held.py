"""Where L2 and decay end under Adam in the bowl: with √v̂ held still, and with the full batch."""

from typing import Any

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.optimizer import State
from course_lib.experiments.shared.surfaces import Bowl, descend
from course_lib.experiments.weight_decay.bowl import BOWL

RATIOS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)  # √v̂ of w₁ over that of w₂


def sizes_of(ratio: float) -> Tensor:
    """√v̂ of both weights [2] with this ratio, and 1 as their geometric mean."""
    return torch.tensor([ratio**0.5, ratio**-0.5], dtype=torch.float64)


def held_rests(size: Tensor, strength: float, bowl: Bowl = BOWL) -> dict[str, Tensor]:
    """Pull → where Adam's step comes to rest [2] with √v̂ held at `size` [2].

    L2: (H + λI)w = Hw*, whatever the size. Decay: (H + λ·diag(√v̂))w = Hw*.
    """
    priced = bowl.hessian + strength * size.diag()
    star = torch.tensor(bowl.minimum, dtype=torch.float64)
    return {
        "l2": bowl.ridge(strength),
        "weight_decay": torch.linalg.solve(priced, bowl.hessian @ star),
    }


def full_batch_end(steps: int = 6000, bowl: Bowl = BOWL, **pull: Any) -> Tensor:
    """Where a long run of Adam with `pull` ends [2]: no noise, from 0, the rate falling as 1/t."""

    def fading(param: Tensor, grad: Tensor, state: State, **options: Any) -> Tensor:
        rate = 0.05 / (1 + int(state.get("step", 0)) / 200)
        return adam_update(param, grad, state, lr=rate, betas=(0.9, 0.95), **options)

    return descend(bowl, fading, (0.0, 0.0), steps, **pull)[-1]

"""Where L2 and decay end under Adam in the bowl: √v̂ held still, the full batch, minibatches."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.optimizer import State
from course_lib.base.random import seeded
from course_lib.experiments.shared.surfaces import Bowl, descend
from course_lib.experiments.weight_decay.bowl import BOWL
from course_lib.experiments.weight_decay.moments import v_hat
from course_lib.experiments.weight_decay.parabola import PULLS

EXAMPLES, LAST = 300, 6000  # training examples, as in the plain cell; steps of a long run
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


def fading(param: Tensor, grad: Tensor, state: State, **options: Any) -> Tensor:
    """One step of Adam at a rate that falls as 1/t: 0.05 at first, half of it after 200 steps."""
    rate = 0.05 / (1 + int(state.get("step", 0)) / 200)
    return adam_update(param, grad, state, lr=rate, **options)


def full_batch_end(
    steps: int = LAST, bowl: Bowl = BOWL, *, beta2: float = 0.95, **pull: Any
) -> Tensor:
    """Where a long run of Adam with `pull` ends [2]: no noise, from 0, the rate falling as 1/t.

    beta2 is below Adam's 0.999, so that √v̂ has time to forget the first gradients.
    """
    return descend(bowl, fading, (0.0, 0.0), steps, betas=(0.9, beta2), **pull)[-1]


def batch_noise(batch: int, steps: int, seed: int) -> Tensor:
    """What minibatches of `batch` examples add to the bowl's gradient [steps, 2].

    Each example has the bowl around a star of its own, so its gradient is the bowl's plus a push;
    over all 300 the pushes cancel. An epoch takes all, in a new order. For batches of ten the
    noise has about the sizes 4 and ¼: those of the picture at ratio 16. `ValueError` unless `batch`
    divides 300.
    """
    if EXAMPLES % batch:
        raise ValueError(f"batch = {batch}: must divide {EXAMPLES}")
    draw = seeded(seed, "minibatches")
    pushes = torch.randn(EXAMPLES, 2, dtype=torch.float64, generator=draw)
    pushes = 10**0.5 * sizes_of(16.0) * (pushes - pushes.mean(0))
    epochs = -(-steps * batch // EXAMPLES)
    rows = torch.cat([torch.randperm(EXAMPLES, generator=draw) for _ in range(epochs)])
    return pushes[rows].view(-1, batch, 2).mean(1)[:steps]


class Ends(NamedTuple):
    """Where runs end, with which √v̂, and where they would with it held still: [seeds, 2] each."""

    end: Tensor
    size: Tensor
    goal: Tensor

    @property
    def off(self) -> Tensor:
        """Distance of each end from its goal [seeds]."""
        return (self.end - self.goal).norm(dim=1)


def minibatch_ends(
    batch: int, seeds: Sequence[int] = range(100), strength: float = 0.5, steps: int = LAST
) -> dict[str, Ends]:
    """Pull → `Ends` of Adam with it at λ = `strength`, from 0, on the same minibatches."""
    noise = torch.stack([batch_noise(batch, steps, seed) for seed in seeds], 1)
    found = {}
    for pull in PULLS:
        w, state = torch.zeros_like(noise[0]), State()
        for push in noise:
            fading(w, BOWL.gradient(w) + push, state, **{pull: strength})
        size = v_hat(state["exp_avg_sq"], steps).sqrt()
        goal = torch.stack([held_rests(each, strength)[pull] for each in size])
        found[pull] = Ends(w, size, goal)
    return found

"""When has a model diverged? Its loss is not finite; or above 1000 × its first loss, twice running.

Looking for NaN is not enough: with momentum a run can end at a finite loss of 1e20, and Adam hardly
ever overflows. One high loss may be an unlucky batch, hence twice; a first loss near zero says
nothing, hence the floor of 1e-3.
"""

import torch
from torch import Tensor

GROWTH, FLOOR = 1000, 1e-3
JUDGED = 16  # losses at a time: looking at every single one would make a GPU wait at every step


class Divergence:
    """Watches the losses of V models.

    `at` [V] is filled in: the step at which a model was found diverged, else −1. What happens to a
    model whose `stopped_at` [V] is not −1 is no concern of anybody's.
    """

    def __init__(self, at: Tensor, stopped_at: Tensor | None = None):
        self.at = at
        self.stopped_at = torch.full_like(at, -1) if stopped_at is None else stopped_at
        self.losses: list[Tensor] = []
        self.limit: Tensor | None = None
        self.was_high = torch.zeros_like(at, dtype=torch.bool)

    def watch(self, step: int, loss: Tensor) -> None:
        """Take note of the losses [V] that the models have after `step` updates."""
        self.losses.append(loss)
        if len(self.losses) == JUDGED:
            self.judge(step)

    def judge(self, step: int) -> None:
        """Look at the losses noted since the last time, the last of which belongs to `step`."""
        if not self.losses:
            return
        losses = torch.stack(self.losses).cpu()
        self.losses = []
        if self.limit is None:
            self.limit = GROWTH * losses[0].clamp(min=FLOOR)
        high = torch.cat([self.was_high[None], losses > self.limit])  # from the loss before on
        self.was_high = high[-1]
        bad = ~losses.isfinite() | (high[1:] & high[:-1])
        self.mark(bad.any(0), step + 1 - len(losses) + bad.int().argmax(0))

    def mark(self, diverged: Tensor, step: Tensor | int) -> None:
        """Note `step` for the models [V] that are `diverged` and were not before."""
        self.at[:] = torch.where(diverged & (self.at < 0) & (self.stopped_at < 0), step, self.at)

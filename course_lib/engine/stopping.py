"""Early stopping for V networks at once: `course_lib.overfitting.EarlyStopping`, model by model.

Networks that have stopped still go through the motions with the others; what counts of them is the
kept copy.
"""

import torch
from torch import Tensor

from course_lib.engine.networks import Networks


class Stopping:
    """Keeps the best of V networks.

    `stopped_at`, `best_step` [V] are filled in, −1 until there is something to say. An evaluation
    is an improvement if its validation loss is finite and strictly below best − min_delta;
    `patience` [V] evaluations in a row without one stop a model.
    """

    def __init__(
        self,
        networks: Networks,
        patience: Tensor,
        min_delta: Tensor,
        stopped_at: Tensor,
        best_step: Tensor,
    ):
        self.tensors = [*networks.parameters, *networks.buffers]
        self.copies = [tensor.clone() for tensor in self.tensors]
        self.patience, self.min_delta = patience, min_delta
        self.stopped_at, self.best_step = stopped_at, best_step
        self.best, self.waited = torch.full_like(patience, torch.inf), torch.zeros_like(patience)

    def look(self, step: int, loss: Tensor) -> None:
        """Take in the validation losses [V] after `step` updates."""
        running = self.stopped_at < 0
        better = running & loss.isfinite() & (loss < self.best - self.min_delta)
        self.best[better] = loss[better].to(self.best)
        self.best_step[better] = step
        _copy_rows(self.tensors, self.copies, better)
        self.waited = torch.where(better, 0, self.waited + 1)
        self.stopped_at[running & (self.waited >= self.patience)] = step

    def all_stopped(self) -> bool:
        """Whether nobody runs any more."""
        return bool((self.stopped_at >= 0).all())

    def restore(self) -> None:
        """Put the best parameters and buffers back, where there was ever a finite loss."""
        _copy_rows(self.copies, self.tensors, self.best_step >= 0)


def _copy_rows(source: list[Tensor], target: list[Tensor], rows: Tensor) -> None:
    rows = rows.nonzero().flatten()
    for old, new in zip(source, target):
        new[rows.to(new.device)] = old[rows.to(old.device)]

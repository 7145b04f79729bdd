"""What the chunks of one training have in common, and where they put what they find."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.engine.grid import Grid

CURVES = tuple(
    f"{part}_{what}" for part in ("train", "test", "validation") for what in ("loss", "accuracy")
)


@dataclass(frozen=True)
class Job:
    """What all chunks of one training have in common; see `ensemble.train`. schedule: one, one per
    setting, or None.
    """

    spec: object
    data: Split | Callable[[int], Split]
    grid: Grid
    update: Callable
    schedule: Callable | list[Callable] | None
    steps: int
    batch_size: int
    record_at: tuple[int, ...]
    validate: bool
    device: torch.device
    dtype: torch.dtype
    observe: Callable | None
    keep_parameters: bool

    @property
    def learning(self):
        """The spec of what learns: the model without its frozen layers."""
        return replace(self.spec, widths=self.spec.widths[self.spec.frozen :], frozen=0)


@dataclass
class Results:
    """What chunks fill in: curves [6, seeds, settings, recorded] as in `CURVES`; the others [seeds,
    settings].
    """

    curves: Tensor
    diverged_at: Tensor
    stopped_at: Tensor
    best_step: Tensor

    @classmethod
    def empty(cls, seeds: int, settings: int, recorded: int, dtype: torch.dtype) -> "Results":
        """Nothing known: NaN, and −1."""
        steps = (torch.full((seeds, settings), -1) for _ in range(3))
        return cls(
            torch.full((len(CURVES), seeds, settings, recorded), torch.nan, dtype=dtype), *steps
        )

    def part(self, seeds: slice, settings: slice) -> "Results":
        """The place of some seeds and settings: what is written there is written here."""
        steps = (
            steps[seeds, settings] for steps in (self.diverged_at, self.stopped_at, self.best_step)
        )
        return Results(self.curves[:, seeds, settings], *steps)

    def flat(self) -> "Results":
        """Seeds and settings as one axis of networks; the same memory."""
        curves = self.curves.view(len(CURVES), -1, self.curves.shape[-1])
        return Results(
            curves, self.diverged_at.view(-1), self.stopped_at.view(-1), self.best_step.view(-1)
        )

"""What the chunks of one training have in common, and where they put what they find."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.engine.grid import Grid
from course_lib.engine.spec import Spec

# parameters and gradients [V, …] of what learns, at (seed, step): see `training.train`
Observer = Callable[[int, int, list[Tensor], list[Tensor]], object]
Looker = Callable[[int, slice, int, list[Tensor]], object]  # at (seed, settings, step): parameters
Schedule = Callable[[int], float]  # step → factor
CURVES = tuple(
    f"{part}_{what}" for part in ("train", "test", "validation") for what in ("loss", "accuracy")
)


@dataclass(frozen=True)
class Job:
    """What all chunks of one training have in common: the arguments of `training.train`, checked.

    schedule: one for all settings, a list with one for each, or None.
    """

    spec: Spec
    data: Split | Callable[[int], Split]
    grid: Grid
    update: Callable
    schedule: Schedule | list[Schedule] | None
    steps: int
    batch_size: int
    record_at: tuple[int, ...]
    validate: bool
    device: torch.device
    dtype: torch.dtype
    observe: Observer | None
    look: Looker | None
    keep_parameters: bool


@dataclass
class Results:
    """What chunks fill in.

    curves [6, seeds, settings, recorded], in the order of `CURVES`; the others, steps, [seeds,
    settings].
    """

    curves: Tensor
    diverged_at: Tensor
    stopped_at: Tensor
    best_step: Tensor

    @classmethod
    def empty(cls, seeds: int, settings: int, recorded: int, dtype: torch.dtype) -> "Results":
        """Nothing known: NaN, and −1."""
        curves = torch.full((len(CURVES), seeds, settings, recorded), torch.nan, dtype=dtype)
        return cls(curves, *(torch.full((seeds, settings), -1) for _ in range(3)))

    def part(self, seeds: slice, settings: slice) -> "Results":
        """The place of some seeds and settings: what is written there is written here."""
        steps = (step[seeds, settings] for step in self._steps())
        return Results(self.curves[:, seeds, settings], *steps)

    def flat(self) -> "Results":
        """Seeds and settings as one axis of networks; the same memory."""
        curves = self.curves.view(len(CURVES), -1, self.curves.shape[-1])
        return Results(curves, *(step.view(-1) for step in self._steps()))

    def _steps(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.diverged_at, self.stopped_at, self.best_step

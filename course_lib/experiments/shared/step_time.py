"""What one training step costs by the clock: load, forward, backward, update."""

import statistics
import time

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require

PARTS = ("load", "forward", "backward", "update")


def time_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    *,
    steps: int = 40,
    generator: torch.Generator | None = None,
) -> dict[str, float]:
    """Median seconds of each of `PARTS` over `steps` training steps on random batches.

    The batches are of the rows of x [rows, inputs], y [rows] (classes). load: gather the batch's
    rows · forward: model and mean cross entropy · update: `optimizer.step` and `zero_grad`. On a
    CPU; a GPU would have to be waited for at each mark. Raises `ValueError` for a batch or count
    below 1.
    """
    require("steps", steps, 1)
    require("batch_size", batch_size, 1, len(x), open_high=False)
    spent: dict[str, list[float]] = {part: [] for part in PARTS}
    for _ in range(steps):
        rows = torch.randperm(len(x), generator=generator)[:batch_size]
        marks = [time.perf_counter()]
        batch, wanted = x[rows], y[rows]
        marks.append(time.perf_counter())
        loss = torch.nn.functional.cross_entropy(model(batch), wanted)
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        optimizer.step()
        optimizer.zero_grad()
        marks.append(time.perf_counter())
        for part, start, end in zip(PARTS, marks, marks[1:]):
            spent[part].append(end - start)
    return {part: statistics.median(seconds) for part, seconds in spent.items()}

"""A tenth of the rate for ten times the steps: may a decay that was tuned on the map be kept?

Networks, data, batches and seeds are those of the map (`two_knobs`). At lr = 0.001 its 300 steps
end before the wrong labels are learned; 3000 steps have as large a sum of rates as 300 at 0.01.
Beside the map's nine decays stand two more, half a decade apart: so each decay at 0.01 has one here
with which lr·λ stays the same.
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.adamw.tuning import tuned
from course_lib.experiments.adamw.two_knobs import (
    CURVES,
    OPTIMIZERS,
    LossSurface,
    Optimizer,
    half_decades,
)
from course_lib.experiments.shared.side_by_side import side_by_side

Found = TypeVar("Found")
TUNED_AT, RATE, STEPS = 0.01, 0.001, 3000
MORE = 2  # decays above the map's, half a decade apart: as far as RATE lies below TUNED_AT


def column_of(name: str) -> Optimizer:
    """The map's optimizer `name` at RATE alone, with MORE decays above those of the map."""
    known = OPTIMIZERS[name]
    low, high = math.log10(known.decay[0]), math.log10(known.decay[-1])
    return replace(known, lr=(RATE,), decay=half_decades(low, high + MORE / 2))


def columns(
    names: Sequence[str], seeds: Sequence[int], steps: int = STEPS
) -> dict[str, LossSurface]:
    """{name: `LossSurface` [seeds, 1, decays]} of the optimizers called `names`, side by side.

    Trained once a session. Raises KeyError for a name that the map does not have.
    """
    return last_of(names, lambda name: _trained(name, tuple(seeds), steps))


def last_of(
    names: Sequence[str], trained: Callable[[str], Generator[Found, None, None]]
) -> dict[str, Found]:
    """{name: the last that `trained` yields of it}, side by side; it is one that is remembered."""
    for _ in side_by_side([trained(name) for name in names]):
        pass
    found = {}
    for name in names:
        *_, found[name] = trained(name)
    return found


@remembered
def _trained(name: str, seeds: tuple[int, ...], steps: int) -> Generator[LossSurface, None, None]:
    """Yield the `LossSurface` of one optimizer, ever fuller; one worker, for its twin."""
    optimizer = column_of(name)
    for training in train(
        ModelSpec((64, 128, 10)),
        partial(digits, 300, 0, 0.2, "unit"),
        optimizer.grid,
        seeds,
        update=optimizer.update,
        steps=steps,
        batch_size=50,
        workers=1,
        keep_parameters=False,
    ):
        loss, right, learned = (getattr(training, curve)[:, None, :, -1] for curve in CURVES)
        diverged = training.diverged_at[:, None] >= 0
        finished = int(torch.isfinite(loss).any(-1).sum())
        yield LossSurface(optimizer, loss, 1 - right, 1 - learned, diverged, finished)


def carried(surface: LossSurface, column: LossSurface, product: bool = False) -> Tensor:
    """Test error [seeds] of a `column` with the decay that its map `surface` tunes at TUNED_AT.

    product: with the one that keeps lr·λ, MORE places higher. One half of the seeds tunes, the
    other is judged.
    """
    to_tune = surface.error[:, surface.optimizer.lr.index(TUNED_AT)]
    first = MORE if product else 0
    return tuned(to_tune, column.error[:, 0, first : first + to_tune.shape[1]])

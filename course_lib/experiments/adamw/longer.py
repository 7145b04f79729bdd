"""Ten times the steps: may a decay that was tuned on the map, at lr = 0.01, be kept?

Networks, data, batches and seeds are those of the map (`two_knobs`). At lr = 0.001 its 300 steps
end before the wrong labels are learned; 3000 steps have as large a sum of rates as 300 at 0.01.
Beside the map's nine decays stand two more there, half a decade apart: so each decay at 0.01 has
one with which lr·λ stays the same. At lr = 0.01 itself, with 3000 steps, stand the map's nine.

A column takes a minute to train; for pictures the test errors of base 0 are kept.
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
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
from course_lib.records import store

Found = TypeVar("Found")
TUNED_AT, RATE, STEPS = 0.01, 0.001, 3000
MORE = 2  # decays above the map's, half a decade apart: as far as RATE lies below TUNED_AT


def column_of(name: str, rate: float = RATE) -> Optimizer:
    """The map's optimizer `name` at one rate alone, at RATE with MORE decays above the map's."""
    known = OPTIMIZERS[name]
    low, high = math.log10(known.decay[0]), math.log10(known.decay[-1])
    more = MORE if rate == RATE else 0
    return replace(known, lr=(rate,), decay=half_decades(low, high + more / 2))


def columns(
    names: Sequence[str], seeds: Sequence[int], steps: int = STEPS, rate: float = RATE
) -> dict[str, LossSurface]:
    """{name: `LossSurface` [seeds, 1, decays]} of the optimizers called `names`, side by side.

    Trained once a session. Raises KeyError for a name that the map does not have.
    """
    return last_of(names, lambda name: _trained(name, tuple(seeds), steps, rate))


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
def _trained(
    name: str, seeds: tuple[int, ...], steps: int, rate: float
) -> Generator[LossSurface, None, None]:
    """Yield the `LossSurface` of one optimizer, ever fuller; one worker, for its twin."""
    optimizer = column_of(name, rate)
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


def carried(surface: LossSurface, column: LossSurface, places: int = 0) -> Tensor:
    """Test error [seeds] of a `column` with the decay that its map `surface` tunes at TUNED_AT.

    places: with the one so many half decades above it instead, or below, where negative. Of the
    map's decays those are tuned over that have such a partner. One half of the seeds tunes, the
    other is judged.
    """
    to_tune = surface.error[:, surface.optimizer.lr.index(TUNED_AT), max(0, -places) :]
    first = max(0, places)
    return tuned(to_tune, column.error[:, 0, first : first + to_tune.shape[1]])


@dataclass(frozen=True)
class Valley:
    """Test errors [seeds, decays] of one optimizer at one rate, after so many steps."""

    rate: float
    steps: int
    decay: tuple[float, ...]
    error: Tensor


def valley(name: str, rate: float, afresh: bool = False) -> Valley:
    """Ten seeds of the column of `name` at `rate`, on this base.

    As kept in `records/adamw/longer.json`, else trained. afresh: trained here and now.
    """
    decay = column_of(name, rate).decay
    known = None if afresh else store.kept("adamw/longer", f"{name}, lr = {rate:g}")
    if known is None:
        error = columns(list(OPTIMIZERS)[:2], range(10), rate=rate)[name].error[:, 0]
    else:
        error = torch.tensor(known).unflatten(0, (-1, len(decay)))
    return Valley(rate, STEPS, decay, error)

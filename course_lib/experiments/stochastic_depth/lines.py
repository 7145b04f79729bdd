"""Where depth pays: lines of MNIST-1D, so many blocks, always on or dropped, each at its best.

4000 lines of 40 numbers, all labels right; the network of `training`, 40-32-10, with 0, 2, 4 or 8
blocks. The task was chosen by networks that drop nothing: over 3000 steps more blocks erred less.

A side is a number of blocks and one of `KINDS`. Each tries nine settings: three learning rates
times three strengths of its own, each looked at after every step of `LOOKS`. What has the lowest
mean error on validation rows at three pilot seeds that nothing else uses is frozen; no grid is
widened afterwards. A side has finished learning if from the last look but one to the last its
frozen setting's validation error does not fall by a point or more. Grids, sizes, looks and that
bound were written down before any network with dropping was trained.

When weight decay turned out to be a strong opponent, a second question was written down, and then
run: with decay allowed to both, at the number of blocks that did best always on (`CHOSEN`), nine
settings more for each. "more decays" are always on; "both" are dropped, and decayed by what did
best without dropping. The third question, written down before its test rows were looked at: against
nothing else, that is no decay, what does dropping do at the paper's p_L = 0.5? Three rates for each
(`against_nothing`).

The fourth, again written down before it was run: eight blocks, eighteen settings each, of which
neither end is to decide. "more dropping" goes down to p_L = 0, beside the eighteen with decay. And
does it have to be whole branches? "dropout" and "more dropout" drop single numbers in the branches,
behind the GELU, with the same p in every block (`training.InBranch`), and have no decay.

The sweep is stored in `course_lib/records/stochastic_depth/lines.json`, the test errors of what was
frozen in `lines_judged.json`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import Split
from course_lib.data.mnist1d import LENGTH, mnist1d
from course_lib.engine import ModelSpec, Training, train
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.training import WIDTH, InBranch
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

ROWS, VALIDATION, TEST = 4000, 2000, 2000
GUESSING = 0.9  # test error; a network that has diverged is counted as one that guesses
LOOKS = (1000, 2000, 3000, 4500, 6000)
FINISHED = 0.01
PILOT = (9000, 9001, 9002)
SEEDS = tuple(range(12))
RATES = (0.002, 0.004, 0.008)
LAST = (0.5, 0.8, 0.9)
BLOCKS = (0, 2, 4, 8)
# (p_L, weight decay, p of dropout in the branches if any); each goes with every learning rate
KINDS: dict[str, tuple[tuple[float, ...], ...]] = {
    "always on": tuple((1.0, decay) for decay in (0.0, 0.1, 0.5)),
    "dropping": tuple((last, 0.0) for last in LAST),
    "more decays": tuple((1.0, decay) for decay in (0.05, 0.2, 0.3)),
    "both": tuple((last, 0.1) for last in LAST),
    "more dropping": tuple((last, 0.0) for last in (0.0, 0.2, 0.35)),
    "dropout": tuple((1.0, 0.0, p) for p in (0.05, 0.1, 0.2)),
    "more dropout": tuple((1.0, 0.0, p) for p in (0.02, 0.3, 0.5)),
}
PAPER, PLAIN = (0.5, 0.0), (1.0, 0.0)  # dropping as in the paper, and nothing at all
CHOSEN = 8  # `best(ALWAYS_ON).blocks`

Strength = tuple[float, float]


class Side(NamedTuple):
    """So many blocks, of one of KINDS."""

    blocks: int
    kind: str = "always on"


class Setting(NamedTuple):
    """What a side may choose: the learning rate, p_L, the weight decay, and p in the branches."""

    lr: float
    last: float
    decay: float
    dropout: float = 0.0


@dataclass
class Line:
    """One line of the sweep: the mean error on validation rows after each step of `LOOKS`."""

    blocks: int
    kind: str
    lr: float
    last: float
    decay: float
    error: list[float]
    dropout: float = 0.0

    @property
    def setting(self) -> Setting:
        """What was trained."""
        return Setting(self.lr, self.last, self.decay, self.dropout)


ALWAYS_ON = tuple(Side(blocks) for blocks in BLOCKS)
DROPPING = tuple(Side(blocks, "dropping") for blocks in BLOCKS if blocks)
DECAYED = tuple(Side(CHOSEN, kind) for kind in ("always on", "more decays"))
DROPPED = tuple(Side(CHOSEN, kind) for kind in ("dropping", "both"))
STRONGER = tuple(Side(CHOSEN, kind) for kind in ("dropping", "more dropping"))
DROPOUT = tuple(Side(CHOSEN, kind) for kind in ("dropout", "more dropout"))
SIDES = tuple(dict.fromkeys(ALWAYS_ON + DROPPING + DECAYED + DROPPED + STRONGER + DROPOUT))


def lines(seed: int) -> Split:
    """Freshly drawn lines, all labels right."""
    return mnist1d(seed, ROWS, 0.0, VALIDATION, TEST)


def settings_of(side: Side) -> tuple[Setting, ...]:
    """The nine settings of a side."""
    require_choice("side", side, SIDES)
    return tuple(Setting(lr, *strength) for strength in KINDS[side.kind] for lr in RATES)


def _train(
    side: Side, settings: Sequence[Setting], seeds: tuple[int, ...], steps: int
) -> Iterator[Training]:
    inside = side in DROPOUT
    spec = (InBranch if inside else ModelSpec)(
        (LENGTH, WIDTH, 10), residual_blocks=side.blocks, expansion=1, branch_norm=False
    )
    grid = {
        "lr": [setting.lr for setting in settings],
        "weight_decay": [setting.decay for setting in settings],
    }
    if inside:
        grid["dropout"] = [setting.dropout for setting in settings]
    elif side.blocks:
        grid["survival"] = [setting.last for setting in settings]
    return train(
        spec,
        lines,
        grid,
        seeds,
        steps=steps,
        record_at=[step for step in LOOKS if step <= steps],
        validate=True,
        keep_parameters=False,
    )


def pilot(side: Side, seeds: tuple[int, ...] = PILOT) -> list[Line]:
    """Train all settings of a side at the pilot seeds and look at validation rows."""
    settings = settings_of(side)
    *_, training = _train(side, settings, seeds, LOOKS[-1])
    error = (1 - training.validation_accuracy.double()).mean(0)
    return [
        Line(*side, *setting[:3], row.tolist(), setting.dropout)
        for setting, row in zip(settings, error)
    ]


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, side by side."""
    return tuple(Line(**line) for line in store.stored("stochastic_depth/lines"))


def tried(side: Side) -> list[Line]:
    """What a side tried."""
    require_choice("side", side, SIDES)
    return [line for line in sweep() if (line.blocks, line.kind) == side]


def _lowest(side: Side, only: Strength | None = None) -> tuple[float, int, Setting]:
    """(validation error, step, setting) at which a side's is lowest."""
    return min(
        (value, step, line.setting)
        for line in tried(side)
        if only in (None, (line.last, line.decay))
        for step, value in zip(LOOKS, line.error)
        if value == value  # NaN: diverged by then
    )


def frozen(side: Side, only: Strength | None = None) -> tuple[Setting, int]:
    """(setting, step) of a side whose validation error is lowest in the sweep.

    only: of its settings those with this (p_L, decay).
    """
    _, step, setting = _lowest(side, only)
    return setting, step


def still_falling(side: Side) -> float:
    """By how much a side's frozen setting's validation error fell from the last look but one."""
    setting, _ = frozen(side)
    [line] = [line for line in tried(side) if line.setting == setting]
    return line.error[-2] - line.error[-1]


def best(sides: Sequence[Side]) -> Side:
    """That of the sides whose validation error is lowest in the sweep."""
    return min(sides, key=_lowest)


@remembered
def judge(
    side: Side, only: Strength | None = None, seeds: tuple[int, ...] = SEEDS
) -> Iterator[Tensor]:
    """Yield the errors on test rows of what a side froze, [seeds]; NaN: not there yet."""
    setting, step = frozen(side, only)
    for training in _train(side, (setting,), seeds, step):
        error = 1 - training.test_accuracy[:, 0, -1].double()
        yield error.masked_fill(training.diverged_at[:, 0] >= 0, GUESSING)


def errors(side: Side, only: Strength | None = None, afresh: bool = False) -> Tensor:
    """Test errors [SEEDS] of what a side froze on this base: as stored if they are, else trained.

    only: as of `frozen`. afresh: trained here and now.
    """
    if only and frozen(side, only) == frozen(side):
        only = None
    key = f"{name(side)}, p_L {only[0]:g}, decay {only[1]:g}" if only else name(side)
    known = None if afresh else store.kept("stochastic_depth/lines_judged", key)
    if known:
        return torch.tensor(known, dtype=torch.float64)
    *_, found = judge(side, only)
    return found


def name(side: Side) -> str:
    """Such as "8 dropping"."""
    require_choice("side", side, SIDES)
    return f"{side.blocks} {side.kind}"


def difference(one: Side, other: Side) -> Interval:
    """Test error of one side minus another's, both frozen, paired by seed."""
    return paired_interval(errors(one), errors(other))


def against_nothing(blocks: int = CHOSEN) -> Interval:
    """Test error of dropping at the paper's p_L minus that of always on without decay."""
    return paired_interval(errors(Side(blocks, "dropping"), PAPER), errors(Side(blocks), PLAIN))

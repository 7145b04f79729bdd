"""Where depth could pay: a simple map, done twice over, and blocks that are dropped or are not.

A sheet of paper, [−1, 1] × [−1, 1], is folded and stretched: each coordinate u becomes 1 − 2|u|,
twice. The class of a point is whether its two coordinates then have the same sign, which is a
chequered pattern of sixteen fields' area. A fifth of the training and validation labels is wrong,
the test labels are right. The network is that of `training`, 2-32-2.

Four sides: no block, six and twelve always on, and twelve that are dropped. Each tries nine
settings: three learning rates times three strengths, which are the weight decay where all blocks
are on and p_L where they are dropped; each looked at after every step of `LOOKS`. What has the
lowest mean error on validation rows at four pilot seeds that nothing else uses is frozen; no grid
is widened afterwards. Grids, sizes and looks were written down before anything was run; that a
network which diverges counts as one that guesses, when the first did and before its side's errors
were looked at. The sweep is stored in `course_lib/records/stochastic_depth/folded.json`, the test
errors of what was frozen in `folded_judged.json`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import ModelSpec, Training, train
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.training import DEPTH, WIDTH
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

FOLDS = 2
ROWS, VALIDATION, TEST = 1000, 500, 2000
NOISE = 0.2
GUESSING = 0.5  # test error; a network that has diverged is counted as one that guesses
LOOKS = (250, 500, 1000, 1500, 2000)
PILOT = (9000, 9001, 9002, 9003)
SEEDS = tuple(range(24))
RATES = (0.001, 0.003, 0.009)
DECAYS = (0.0, 0.1, 1.0)
BLOCKS = {"none": 0, "six": 6, "twelve": DEPTH, "dropping": DEPTH}
ALWAYS_ON = ("none", "six", "twelve")
STRENGTHS = {side: (0.5, 0.8, 0.9) if side == "dropping" else DECAYS for side in BLOCKS}


class Setting(NamedTuple):
    """What a side may choose: the learning rate, and p_L or the weight decay."""

    lr: float
    strength: float


@dataclass
class Line:
    """One line of the sweep: the mean error on validation rows after each step of `LOOKS`."""

    side: str
    lr: float
    strength: float
    error: list[float]


def folded(x: Tensor, folds: int = FOLDS) -> Tensor:
    """Each number u of x becomes 1 − 2|u|, so many times."""
    for _ in range(folds):
        x = 1 - 2 * x.abs()
    return x


def sheet(seed: int) -> Split:
    """Points drawn evenly from the square, and the class that two folds give them."""
    generator = seeded(seed, "folded sheet")
    x = 2 * torch.rand(ROWS + VALIDATION + TEST, 2, generator=generator) - 1
    y = (folded(x).prod(1) > 0).long()
    rows = torch.arange(len(x)).tensor_split((ROWS, ROWS + VALIDATION))
    split = Split.of_rows(x, y, *rows)
    return replace(
        split,
        train_y=_noisy(split.train_y, generator),
        validation_y=_noisy(split.validation_y, generator),
    )


def _noisy(labels: Tensor, generator: torch.Generator) -> Tensor:
    """A fifth of the labels, exactly, is turned round."""
    wrong = torch.randperm(len(labels), generator=generator)[: round(NOISE * len(labels))]
    turned = labels.clone()
    turned[wrong] = 1 - turned[wrong]
    return turned


def _train(
    side: str, settings: Sequence[Setting], seeds: tuple[int, ...], steps: int
) -> Iterator[Training]:
    blocks = BLOCKS[require_choice("side", side, tuple(BLOCKS))]
    spec = ModelSpec((2, WIDTH, 2), residual_blocks=blocks, expansion=1, branch_norm=False)
    strengths = [setting.strength for setting in settings]
    grid: dict[str, list[float] | float] = {"lr": [setting.lr for setting in settings]}
    if side == "dropping":
        grid |= {"survival": strengths, "weight_decay": 0.0}
    else:
        grid |= {"weight_decay": strengths}
    return train(
        spec,
        sheet,
        grid,
        seeds,
        steps=steps,
        record_at=[step for step in LOOKS if step <= steps],
        validate=True,
        keep_parameters=False,
    )


def settings_of(side: str) -> tuple[Setting, ...]:
    """The nine settings of a side."""
    return tuple(Setting(lr, strength) for strength in STRENGTHS[side] for lr in RATES)


def pilot(side: str, seeds: tuple[int, ...] = PILOT) -> list[Line]:
    """Train all settings of a side at the pilot seeds and look at validation rows."""
    settings = settings_of(side)
    *_, training = _train(side, settings, seeds, LOOKS[-1])
    error = (1 - training.validation_accuracy.double()).mean(0)
    return [Line(side, *setting, row.tolist()) for setting, row in zip(settings, error)]


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, side by side."""
    return tuple(Line(**line) for line in store.stored("stochastic_depth/folded"))


def frozen(side: str) -> tuple[Setting, int]:
    """(setting, step) of a side whose validation error is lowest in the sweep."""
    require_choice("side", side, tuple(BLOCKS))
    _, step, setting = min(
        (value, step, Setting(line.lr, line.strength))
        for line in sweep()
        if line.side == side
        for step, value in zip(LOOKS, line.error)
        if value == value  # NaN: diverged by then
    )
    return setting, step


def best_always_on() -> str:
    """The side with all blocks on whose validation error is lowest in the sweep."""
    of_side = {
        side: min(value for line in sweep() if line.side == side for value in line.error)
        for side in ALWAYS_ON
    }
    return min(of_side, key=of_side.__getitem__)


@remembered
def judge(side: str, seeds: tuple[int, ...] = SEEDS) -> Iterator[Tensor]:
    """Yield the errors on test rows of what a side froze, [seeds]; NaN: not there yet."""
    setting, step = frozen(side)
    for training in _train(side, (setting,), seeds, step):
        error = 1 - training.test_accuracy[:, 0, -1].double()
        yield error.masked_fill(training.diverged_at[:, 0] >= 0, GUESSING)


def errors(side: str, afresh: bool = False) -> Tensor:
    """Test errors [SEEDS] of what a side froze on this base: as stored if they are, else trained.

    afresh: trained here and now.
    """
    require_choice("side", side, tuple(BLOCKS))
    known = None if afresh else store.kept("stochastic_depth/folded_judged", side)
    if known:
        return torch.tensor(known, dtype=torch.float64)
    *_, found = judge(side)
    return found


def difference(one: str, other: str) -> Interval:
    """Test error of one side minus another's, both frozen, paired by seed."""
    return paired_interval(errors(one), errors(other))

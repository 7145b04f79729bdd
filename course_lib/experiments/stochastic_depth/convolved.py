"""Dropping in the kind of network that it was made for: convolutions, a norm in every branch.

Six of the paper's blocks (`conv_blocks`) of 12 channels learn 500 of the lines, all labels right:
AdamW, batches of 50, 1200 steps, over which the learning rate falls to 0 along half a cosine. Three
sides, twelve settings each, three rates to begin with times four strengths of its own: the weight
decay of blocks that are always on; p_L of dropping, mild and strong, by the linear rule and by the
uniform one; p of dropout inside, of single numbers between the convolutions of a branch. What has
the lowest mean error on validation rows at three pilot seeds that nothing else uses, setting and
step, is frozen, and meets test rows at twelve other seeds.

All this was written down before it was run. A first try, of 600 steps at a constant rate, had lower
rates and stronger lists. Every side kept its last step there and was still falling by five points,
most kept the highest rate and the mildest strength, and single networks jumped. So it was given up
for this one, with other seeds, whatever it said.

The sweep is stored in `course_lib/records/stochastic_depth/convolved.json`, the test errors of what
was frozen, on base 0, in `convolved_judged.json`.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import Split
from course_lib.data.mnist1d import mnist1d
from course_lib.engine import Training, train
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.conv_blocks import ConvBlocksSpec
from course_lib.records import store
from course_lib.sgd import cosine_decay
from course_lib.statistics import Interval, paired_interval

ROWS, VALIDATION, TEST = 500, 1000, 2000
STEPS, LOOKS = 1200, (600, 900, 1200)
PILOT = (9003, 9004, 9005)
SEEDS = tuple(range(12, 24))
RATES = (0.004, 0.008, 0.016)
GUESSING = 0.9  # test error; a network that has diverged is counted as one that guesses


class Setting(NamedTuple):
    """What a side may choose. last: p_L, or every block's p under the rule "uniform"."""

    lr: float
    decay: float = 0.0
    rule: str = "linear"
    last: float = 1.0
    dropout: float = 0.0


NOTHING = tuple(Setting(lr) for lr in RATES)
SIDES: dict[str, tuple[Setting, ...]] = {
    "always on": NOTHING + tuple(Setting(lr, decay) for decay in (0.03, 0.1, 0.3) for lr in RATES),
    "dropping": tuple(
        Setting(lr, 0.0, rule, last)
        for rule, last in (("linear", 0.9), ("linear", 0.5), ("uniform", 0.95), ("uniform", 0.8))
        for lr in RATES
    ),
    "dropout inside": tuple(Setting(lr, dropout=p) for p in (0.02, 0.05, 0.1, 0.2) for lr in RATES),
    "nothing": NOTHING,  # three of those always on, for comparison
}


class Line(NamedTuple):
    """A setting and its mean error on validation rows after each step of `LOOKS`.

    NaN where a training diverged.
    """

    setting: Setting
    error: list[float]


def lines(seed: int) -> Split:
    """Freshly drawn lines, all labels right."""
    return mnist1d(seed, ROWS, 0.0, VALIDATION, TEST)


def _train(
    settings: Sequence[Setting], seeds: tuple[int, ...], looks: Sequence[int]
) -> Iterator[Training]:
    """Settings of one side and one rule, together."""
    [rule] = {setting.rule for setting in settings}
    columns = dict(zip(Setting._fields, map(list, zip(*settings))))
    grid = {"lr": columns["lr"], "weight_decay": columns["decay"]}
    if any(columns["dropout"]):
        grid["dropout"] = columns["dropout"]
    if min(columns["last"]) < 1:
        grid["survival"] = columns["last"]
    return train(
        ConvBlocksSpec(survival_rule=rule),
        lines,
        grid,
        seeds,
        steps=looks[-1],
        record_at=looks,
        schedule=lambda step: cosine_decay(step, STEPS),
        validate=True,
        keep_parameters=False,
    )


def pilot(
    settings: Sequence[Setting], seeds: tuple[int, ...] = PILOT, looks: Sequence[int] = LOOKS
) -> list[Line]:
    """Train a side's settings at the pilot seeds and look at validation rows."""
    found = []
    for rule in dict.fromkeys(setting.rule for setting in settings):
        some = [setting for setting in settings if setting.rule == rule]
        *_, training = _train(some, seeds, looks)
        error = (1 - training.validation_accuracy.double()).mean(0).tolist()
        found += [Line(*line) for line in zip(some, error)]
    return found


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, side by side."""
    stored = store.stored("stochastic_depth/convolved")
    return tuple(Line(Setting(*setting), error) for setting, error in stored)


def tried(side: str) -> list[Line]:
    """What a side, one of SIDES, tried."""
    settings = SIDES[require_choice("side", side, tuple(SIDES))]
    return [line for line in sweep() if line.setting in settings]


def frozen(side: str) -> tuple[float, Setting, int]:
    """(validation error, setting, step) at which a side's error is lowest in the sweep."""
    return min(
        (error, line.setting, step)
        for line in tried(side)
        for step, error in zip(LOOKS, line.error)
        if error == error  # NaN: diverged by then
    )


@remembered
def judge(setting: Setting, step: int, seeds: tuple[int, ...] = SEEDS) -> Iterator[Tensor]:
    """Yield the errors on test rows after `step` steps, [seeds]; NaN: not there yet."""
    for training in _train((setting,), seeds, (step,)):
        error = 1 - training.test_accuracy[:, 0, -1].double()
        yield error.masked_fill(training.diverged_at[:, 0] >= 0, GUESSING)


def errors(side: str, afresh: bool = False) -> Tensor:
    """Test errors [SEEDS] of what a side froze, on this base: as stored if they are, else trained.

    afresh: trained here and now.
    """
    known = None if afresh else store.kept("stochastic_depth/convolved_judged", side)
    if known:
        return torch.tensor(known, dtype=torch.float64)
    _, setting, step = frozen(side)
    *_, found = judge(setting, step)
    return found


def difference(one: str, other: str) -> Interval:
    """Test error of one side minus another's, both frozen, paired by seed."""
    return paired_interval(errors(one), errors(other))

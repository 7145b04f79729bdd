"""Each at its best: twelve blocks that are dropped now and then, against blocks that never are.

Both sides get the same budget: nine settings of a strength (p_L, or the number of blocks) and a
learning rate, each looked at after every step of `RECORDED`. What is lowest on validation rows, as
the mean of four pilot seeds that nothing else uses, is frozen, for error and NLL by themselves. A
best one at the grid's edge widened the grid once (`WIDER`). The sweep is stored in
`course_lib/records/stochastic_depth/sweep.json` and `pilot` runs a line of it again. Only what is
frozen meets test rows, on other seeds (`judge`). The network is that of `training`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import digits
from course_lib.engine import train
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.training import DEPTH, RECORDED, STEPS, spec_of
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

PILOT = (9000, 9001, 9002, 9003)
SEEDS = tuple(range(32))
VALIDATION = 500  # rows, a fifth of their labels wrong as in training
RATES = (1e-3, 2e-3, 4e-3)
FIGURES = ("nll", "error")
ARMS = ("dropping", "always on")


class Contestant(NamedTuple):
    """A network to train: `blocks` residual blocks, p_L = `last`, learning rate `lr`."""

    blocks: int
    last: float
    lr: float


GRIDS = {
    "dropping": tuple(Contestant(DEPTH, last, lr) for last in (0.0, 0.4, 0.8) for lr in RATES),
    "always on": tuple(Contestant(blocks, 1.0, lr) for blocks in (2, 6, 12) for lr in RATES),
}
WIDER = {
    "dropping": tuple(Contestant(DEPTH, last, 8e-3) for last in (0.0, 0.4)),
    "always on": (*(Contestant(1, 1.0, lr) for lr in RATES), Contestant(2, 1.0, 5e-4)),
}


@dataclass
class Line:
    """One line of the sweep: means over the pilot seeds of figures on validation rows.

    nll, error: one for each step of `RECORDED`; NaN where a training diverged.
    """

    arm: str
    blocks: int
    last: float
    lr: float
    nll: list[float]
    error: list[float]


def pilot(one: Contestant, arm: str = "", seeds: tuple[int, ...] = PILOT) -> Line:
    """Train one contestant at the pilot seeds and look at validation rows."""
    *_, training = train(
        spec_of("linear", one.blocks, norm=False),
        lambda seed: digits(300, VALIDATION, label_noise=0.2, scale="unit", seed=seed),
        {"survival": one.last, "lr": one.lr, "weight_decay": 0.0},
        seeds,
        steps=STEPS,
        record_at=RECORDED,
        validate=True,
        keep_parameters=False,
    )
    nll, error = training.validation_loss, 1 - training.validation_accuracy
    means = (figure[:, 0].double().mean(0).tolist() for figure in (nll, error))
    return Line(arm, *one, *means)


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, in the order in which they were run."""
    return tuple(Line(**line) for line in store.stored("stochastic_depth/sweep"))


def frozen(arm: str, figure: str, blocks: int | None = None) -> tuple[Contestant, int]:
    """(contestant, step) of an arm whose figure, one of FIGURES, is lowest in the sweep.

    blocks: only those with so many.
    """
    require_choice("arm", arm, ARMS)
    require_choice("figure", figure, FIGURES)
    lines = [line for line in sweep() if line.arm == arm and blocks in (None, line.blocks)]
    _, step, line = min(
        (value, step, (line.blocks, line.last, line.lr))
        for line in lines
        for step, value in zip(RECORDED, getattr(line, figure))
    )
    return Contestant(*line), step


@remembered
def judge(
    one: Contestant, step: int, figure: str, seeds: tuple[int, ...] = SEEDS
) -> Iterator[Tensor]:
    """Yield the figure on test rows after `step` steps, [seeds]; NaN where it is not there yet."""
    for training in train(
        spec_of("linear", one.blocks, norm=False),
        lambda seed: digits(300, 0, label_noise=0.2, scale="unit", seed=seed),
        {"survival": one.last, "lr": one.lr, "weight_decay": 0.0},
        seeds,
        steps=step,
    ):
        done = torch.tensor([p is not None for p in training.parameters])
        values = training.test_loss if figure == "nll" else 1 - training.test_accuracy
        yield values[:, 0, -1].double().masked_fill(~done, torch.nan)


def compare(blocks: int | None = None, seeds: tuple[int, ...] = SEEDS) -> dict[str, Interval]:
    """Dropping minus always on, each frozen at its best, by FIGURES: on test rows, paired by seed.

    blocks: of the side that is always on, any number unless given.
    """
    found = {}
    for figure in FIGURES:
        sides = frozen("dropping", figure), frozen("always on", figure, blocks)
        (*_, dropping), (*_, always) = (judge(*side, figure, seeds) for side in sides)
        found[figure] = paired_interval(dropping, always)
    return found

"""Each at its best: twelve blocks that are dropped now and then, against blocks that never are.

Every side gets the same budget, sixteen settings: four strengths of its own times four learning
rates, each looked at after every step of `RECORDED`. The strength is p_L for "dropping", the number
of blocks for "fewer", the weight decay for "twelve", whose twelve blocks are always on. What is
lowest on validation rows, as the mean of four pilot seeds that nothing else uses, is frozen, for
error and NLL by themselves; no grid is widened afterwards. The sweep is stored in
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
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
FIGURES = ("nll", "error")
ARMS = ("dropping", "twelve", "fewer")


class Contestant(NamedTuple):
    """A network to train: `blocks` residual blocks, p_L = `last`, learning rate, weight decay."""

    blocks: int
    last: float
    lr: float
    decay: float = 0.0


GRIDS = {
    "dropping": tuple(Contestant(DEPTH, last, lr) for last in (0.0, 0.2, 0.4, 0.8) for lr in RATES),
    "twelve": tuple(
        Contestant(DEPTH, 1.0, lr, decay) for decay in (0.0, 1.0, 3.0, 10.0) for lr in RATES
    ),
    "fewer": tuple(Contestant(blocks, 1.0, lr) for blocks in (0, 1, 2, 6) for lr in RATES),
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
    decay: float
    nll: list[float]
    error: list[float]

    @property
    def contestant(self) -> Contestant:
        """What was trained."""
        return Contestant(self.blocks, self.last, self.lr, self.decay)


def _grid(one: Contestant) -> dict[str, float]:
    survival = {"survival": one.last} if one.blocks else {}
    return {**survival, "lr": one.lr, "weight_decay": one.decay}


def pilot(one: Contestant, arm: str = "", seeds: tuple[int, ...] = PILOT) -> Line:
    """Train one contestant at the pilot seeds and look at validation rows."""
    *_, training = train(
        spec_of("linear", one.blocks, norm=False),
        lambda seed: digits(300, VALIDATION, label_noise=0.2, scale="unit", seed=seed),
        _grid(one),
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
    """The stored lines, in the order of `GRIDS`."""
    return tuple(Line(**line) for line in store.stored("stochastic_depth/sweep"))


def frozen(arm: str, figure: str, **only: float) -> tuple[Contestant, int]:
    """(contestant, step) of an arm whose figure, one of FIGURES, is lowest in the sweep.

    only: values that the contestant has to have, such as blocks=6.
    """
    require_choice("arm", arm, ARMS)
    require_choice("figure", figure, FIGURES)
    wanted = [
        line
        for line in sweep()
        if line.arm == arm and all(getattr(line, name) == value for name, value in only.items())
    ]
    _, step, one = min(
        (value, step, line.contestant)
        for line in wanted
        for step, value in zip(RECORDED, getattr(line, figure))
    )
    return one, step


@remembered
def judge(
    one: Contestant, step: int, figure: str, seeds: tuple[int, ...] = SEEDS
) -> Iterator[Tensor]:
    """Yield the figure on test rows after `step` steps, [seeds]; NaN where it is not there yet."""
    for training in train(
        spec_of("linear", one.blocks, norm=False),
        lambda seed: digits(300, 0, label_noise=0.2, scale="unit", seed=seed),
        _grid(one),
        seeds,
        steps=step,
    ):
        done = torch.tensor([p is not None for p in training.parameters])
        values = training.test_loss if figure == "nll" else 1 - training.test_accuracy
        yield values[:, 0, -1].double().masked_fill(~done, torch.nan)


def judged(arm: str, figure: str, seeds: tuple[int, ...] = SEEDS, **only: float) -> Tensor:
    """The figure on test rows of what is `frozen`, [seeds]."""
    *_, values = judge(*frozen(arm, figure, **only), figure, seeds)
    return values


def compare(
    arm: str,
    blocks: int | None = None,
    last: float | None = None,
    decay: float | None = None,
    seeds: tuple[int, ...] = SEEDS,
) -> dict[str, Interval]:
    """Dropping minus another arm, as validation froze each, by FIGURES: test rows, paired by seed.

    blocks, decay: of the other arm only those with so much. last: of the dropping ones only that
    p_L.
    """
    ours = {} if last is None else {"last": last}
    theirs = {
        name: value for name, value in (("blocks", blocks), ("decay", decay)) if value is not None
    }
    return {
        figure: paired_interval(
            judged("dropping", figure, seeds, **ours), judged(arm, figure, seeds, **theirs)
        )
        for figure in FIGURES
    }

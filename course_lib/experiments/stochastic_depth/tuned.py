"""Each at its best: twelve blocks that are dropped now and then, against blocks that never are.

Every side gets the same budget, sixteen settings: four strengths of its own times four learning
rates, each looked at after every step of `RECORDED`. The strength is p_L for "dropping", the number
of blocks for "fewer", the weight decay for "twelve", whose twelve blocks are always on. What is
lowest on validation rows, as the mean of four pilot seeds that nothing else uses, is frozen, for
error and NLL by themselves. The sweep is stored in
`course_lib/records/stochastic_depth/sweep.json` and `pilot` runs a line of it again. Only what is
frozen meets test rows, on other seeds (`judge`). The network is that of `training`.

Two sides came later, when the others had been judged, and were written down before they were run.
"decays" are the twelve with 0.1 and 0.3 in place of 3 and 10, which validation never chose.
"dropout" are twelve blocks that drop single numbers in the branch (`InBranch`); its strength is
their p.

And how many wrong labels has each learned by heart (`by_heart`)? Asked of the settings that
validation kept for the error, at the step kept and trained on to the end: counts on twelve seeds,
of which no verdict was asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.training import (
    DEPTH,
    RECORDED,
    STEPS,
    WIDTH,
    InBranch,
    spec_of,
)
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

PILOT = (9000, 9001, 9002, 9003)
SEEDS = tuple(range(32))
COUNTED = SEEDS[:12]  # whose wrong labels are counted
VALIDATION = 500  # rows, a fifth of their labels wrong as in training
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
FIGURES = ("nll", "error")
ARMS = ("dropping", "twelve", "fewer", "decays", "dropout")


class Contestant(NamedTuple):
    """A network to train: `blocks` residual blocks, p_L = `last`, learning rate, weight decay.

    dropout: p of single numbers in the branches.
    """

    blocks: int
    last: float
    lr: float
    decay: float = 0.0
    dropout: float = 0.0


GRIDS = {
    "dropping": tuple(Contestant(DEPTH, last, lr) for last in (0.0, 0.2, 0.4, 0.8) for lr in RATES),
    "twelve": tuple(
        Contestant(DEPTH, 1.0, lr, decay) for decay in (0.0, 1.0, 3.0, 10.0) for lr in RATES
    ),
    "fewer": tuple(Contestant(blocks, 1.0, lr) for blocks in (0, 1, 2, 6) for lr in RATES),
    "decays": tuple(
        Contestant(DEPTH, 1.0, lr, decay) for decay in (0.0, 0.1, 0.3, 1.0) for lr in RATES
    ),
    "dropout": tuple(
        Contestant(DEPTH, 1.0, lr, dropout=p) for p in (0.1, 0.3, 0.5, 0.7) for lr in RATES
    ),
}


@dataclass
class Line:
    """One line of the sweep: means over the pilot seeds of figures on validation rows.

    arm: that for which it was run first. nll, error: one for each step of `RECORDED`; NaN where a
    training diverged.
    """

    arm: str
    blocks: int
    last: float
    lr: float
    decay: float
    nll: list[float]
    error: list[float]
    dropout: float = 0.0

    @property
    def contestant(self) -> Contestant:
        """What was trained."""
        return Contestant(self.blocks, self.last, self.lr, self.decay, self.dropout)


def _spec(one: Contestant) -> ModelSpec:
    if not one.dropout:
        return spec_of("linear", one.blocks, norm=False)
    return InBranch((64, WIDTH, 10), residual_blocks=one.blocks, expansion=1, branch_norm=False)


def _grid(one: Contestant) -> dict[str, float]:
    grid = {"lr": one.lr, "weight_decay": one.decay}
    if one.dropout:
        return {**grid, "dropout": one.dropout}
    return {**grid, "survival": one.last} if one.blocks else grid


def pilot(one: Contestant, arm: str = "", seeds: tuple[int, ...] = PILOT) -> Line:
    """Train one contestant at the pilot seeds and look at validation rows."""
    *_, training = train(
        _spec(one),
        lambda seed: digits(300, VALIDATION, label_noise=0.2, scale="unit", seed=seed),
        _grid(one),
        seeds,
        steps=STEPS,
        record_at=RECORDED,
        validate=True,
        keep_parameters=False,
    )
    figures = training.validation_loss, 1 - training.validation_accuracy
    nll, error = (figure[:, 0].double().mean(0).tolist() for figure in figures)
    return Line(arm, *one[:4], nll=nll, error=error, dropout=one.dropout)


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, in the order of `GRIDS`; what two sides tried is there once."""
    return tuple(Line(**line) for line in store.stored("stochastic_depth/sweep"))


def tried(arm: str) -> list[Line]:
    """The stored lines of one of ARMS."""
    grid = GRIDS[require_choice("arm", arm, ARMS)]
    return [line for line in sweep() if line.contestant in grid]


def frozen(arm: str, figure: str, **only: float) -> tuple[Contestant, int]:
    """(contestant, step) of an arm whose figure, one of FIGURES, is lowest in the sweep.

    only: values that the contestant has to have, such as blocks=6.
    """
    require_choice("figure", figure, FIGURES)
    wanted = [
        line
        for line in tried(arm)
        if all(getattr(line, name) == value for name, value in only.items())
    ]
    _, step, one = min(
        (value, step, line.contestant)
        for line in wanted
        for step, value in zip(RECORDED, getattr(line, figure))
    )
    return one, step


def _labelled(seed: int) -> Split:
    """300 digits, a fifth of them wrongly labelled, and test rows."""
    return digits(300, 0, label_noise=0.2, scale="unit", seed=seed)


@remembered
def judge(
    one: Contestant, step: int, figure: str, seeds: tuple[int, ...] = SEEDS
) -> Iterator[Tensor]:
    """Yield the figure on test rows after `step` steps, [seeds]; NaN where it is not there yet."""
    for training in train(_spec(one), _labelled, _grid(one), seeds, steps=step):
        done = torch.tensor([p is not None for p in training.parameters])
        values = training.test_loss if figure == "nll" else 1 - training.test_accuracy
        yield values[:, 0, -1].double().masked_fill(~done, torch.nan)


@remembered
def by_heart(one: Contestant, step: int, seeds: tuple[int, ...] = COUNTED) -> Iterator[Tensor]:
    """Yield how many of its wrong training labels the network says after `step` steps, [seeds]."""
    *_, training = train(_spec(one), _labelled, _grid(one), seeds, steps=step)
    survival = one.last if one.blocks and not one.dropout else None
    learned = []
    for seed, parameters in zip(seeds, training.parameters):
        split = _labelled(seed)
        wrong = split.train_y != split.clean_train_y
        [said] = outputs_of(_spec(one), parameters, split.train_x[wrong], survival=survival)
        learned.append((said.argmax(1) == split.train_y[wrong]).sum())
    yield torch.stack(learned).double()


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
    figures: Sequence[str] = FIGURES,
) -> dict[str, Interval]:
    """Dropping minus another arm, as validation froze each, by figure: test rows, paired by seed.

    blocks, decay: of the other arm only those with so much. last: of the dropping ones only that
    p_L. figures: which of FIGURES; others are not trained for.
    """
    ours = {} if last is None else {"last": last}
    theirs = {
        name: value for name, value in (("blocks", blocks), ("decay", decay)) if value is not None
    }
    return {
        figure: paired_interval(
            judged("dropping", figure, seeds, **ours), judged(arm, figure, seeds, **theirs)
        )
        for figure in figures
    }

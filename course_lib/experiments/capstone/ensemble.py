"""Five networks averaged, or one that is regularized? As many steps each, or as many together.

The network is the mixer's, on its digits. "five plain": five without any technique, each with a
start and batches of its own, on the same rows; their probabilities are averaged. "one": a single
network with `EVERYTHING`, which has as many steps as each of the five; "one, longer" has as many as
all five together. Both may stop early.

Equal budgets: every arm tries the learning rates of `RATES` at the pilot seeds, which nothing else
uses. What is lowest on validation rows, as their mean, is frozen, for error and NLL by themselves.
A best one at the end of the grid has widened it once, for all arms: by 3e-5. The sweep is
stored in `course_lib/records/capstone/ensemble.json`, and `pilot` runs an arm of it again. Only
what is frozen meets test rows, on other seeds.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import require_choice
from course_lib.engine import outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.experiments.capstone.mixer import (
    EVERY,
    EVERYTHING,
    PLAIN,
    STEPS,
    Setting,
    network,
    world,
)
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

MEMBERS = 5
RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
PILOT, SEEDS = tuple(range(1800, 1804)), tuple(range(16))
FIGURES = ("error", "nll")


class Arm(NamedTuple):
    """What is trained: `members` networks of a `setting`, `steps` updates each at most."""

    setting: Setting
    members: int
    steps: int


ARMS = {
    "five plain": Arm(PLAIN, MEMBERS, STEPS),
    "one": Arm(EVERYTHING, 1, STEPS),
    "one, longer": Arm(EVERYTHING, 1, MEMBERS * STEPS),
}


class Line(NamedTuple):
    """An arm at a learning rate: means over the pilot seeds of figures on validation rows."""

    arm: str
    lr: float
    error: float
    nll: float


def figures(
    arm: str, rates: tuple[float, ...], seeds: tuple[int, ...], part: str
) -> Iterator[Tensor]:
    """Yield FIGURES of an arm on the `part` rows, [seeds, rates, figures]; NaN: not there yet.

    part: "validation" or "test". Member m of seed s starts, and draws batches, as number 5·s + m.
    """
    setting, members, steps = ARMS[require_choice("arm", arm, tuple(ARMS))]
    splits = {seed: world("digits", 300, 0.2, seed) for seed in seeds}
    spec = network(splits[seeds[0]], setting.norm)
    grid = setting.grid() | {"lr": list(rates)}
    found = torch.full((len(seeds), len(rates), len(FIGURES)), torch.nan, dtype=torch.float64)
    for training in train(
        spec,
        lambda number: splits[number // MEMBERS],
        grid,
        [MEMBERS * seed + member for seed in seeds for member in range(members)],
        update=adam_update,
        steps=steps,
        record_at=range(0, steps + 1, EVERY) if "patience" in grid else None,
    ):
        for i, seed in enumerate(seeds):
            own = slice(i * members, (i + 1) * members)
            kept = list(zip(training.parameters[own], training.buffers[own]))
            if found[i].isnan().all() and all(parameters is not None for parameters, _ in kept):
                x, y = (getattr(splits[seed], f"{part}_{axis}") for axis in "xy")
                outputs = [
                    outputs_of(spec, parameters, x, buffers, grid["survival"])
                    for parameters, buffers in kept
                ]
                found[i] = judge(torch.stack(outputs), y)
        yield found.clone()


def judge(outputs: Tensor, y: Tensor) -> Tensor:
    """FIGURES [settings, figures] of averaged networks: logits [members, settings, rows, classes].

    What is averaged is probabilities. y [rows]: class numbers.
    """
    p = outputs.double().softmax(-1).mean(0)
    wrong = (p.argmax(-1) != y).double().mean(-1)
    nll = -p[:, torch.arange(len(y)), y].log().mean(-1)
    return torch.stack([wrong, nll], -1)


def pilot(arm: str) -> list[Line]:
    """Train an arm at every learning rate and pilot seed, and look at validation rows."""
    *_, found = figures(arm, RATES, PILOT, "validation")
    return [Line(arm, lr, *means) for lr, means in zip(RATES, found.mean(0).tolist())]


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, arm by arm."""
    return tuple(Line(**line) for line in store.stored("capstone/ensemble"))


def frozen(arm: str, figure: str) -> float:
    """The learning rate at which a figure, one of FIGURES, was lowest in the sweep of an arm."""
    require_choice("arm", arm, tuple(ARMS))
    require_choice("figure", figure, FIGURES)
    return min((getattr(line, figure), line.lr) for line in sweep() if line.arm == arm)[1]


@remembered
def judged(arm: str, lr: float, seeds: tuple[int, ...] = SEEDS) -> Iterator[Tensor]:
    """Yield FIGURES of an arm on test rows, [seeds, figures]; NaN: not there yet."""
    for found in figures(arm, (lr,), seeds, "test"):
        yield found[:, 0]


def difference(one: str, figure: str, seeds: tuple[int, ...] = SEEDS) -> Interval:
    """The five plain networks minus another arm, each at its frozen rate: on test rows, paired."""
    column = FIGURES.index(require_choice("figure", figure, FIGURES))
    (*_, five), (*_, other) = (
        judged(arm, frozen(arm, figure), seeds) for arm in ("five plain", one)
    )
    return paired_interval(five[:, column], other[:, column])

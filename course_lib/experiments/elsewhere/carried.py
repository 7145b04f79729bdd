"""What ten lessons measured on fully connected networks, asked again in two other worlds.

In each world every arm has the same budget: nine settings, a strength and a learning rate (for
`plain` nine rates), of which the lowest mean error on validation rows over four pilot seeds that
nothing else uses is frozen. Best at an edge, the grid is widened once (`WIDER`). (A first sweep
around other rates had most of its best at edges; the rates were moved once, and seeds that nobody
had seen judge.) The sweep is stored in `course_lib/records/elsewhere/sweep.json`, and `pilot` runs
an arm of it again. Frozen arms meet test rows on other seeds (`judge`); that takes minutes, so
their errors are stored too, in `carried.json`, base by base. "early stopping" is `plain`, each
network at the step of its own lowest validation loss, its rate chosen for that; "stopping by error"
the same at the first step of its own lowest validation error.

A regularizer **helps** where its error lies more than `BOUND` below plain's, in every world the
same. Lines are drawn anew for each seed and the clock is finite, so plain intervals do; at home all
seeds divide one file, and the intervals are corrected for that.

Two questions that the table left open are asked `BESIDES` it, by the same rules. What does the
convolution gain on right labels, with two more arms, *shifts* and *a mean over places* before the
last layer (`pooled`)? And does decay's lead among the clocks rest on plain's coarse grid? There
"plain, more rates" tries four between plain's best and its neighbours.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import require_choice
from course_lib.data import Split, digits, mnist1d
from course_lib.engine import ConvSpec, ModelSpec, TransformerSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.elsewhere import conv, grokking
from course_lib.experiments.elsewhere.pooled import PooledSpec
from course_lib.records import store
from course_lib.statistics import (
    Interval,
    corrected_interval,
    mean_interval,
    paired_interval,
    pairs,
)

PILOT = (9000, 9001, 9002, 9003)
SEEDS = tuple(range(8))
BOUND = 0.01  # one point of test error
STRENGTHS: dict[str, tuple[float, ...]] = {
    "weight_decay": (0.1, 1.0, 3.0),
    "l2": (1e-4, 1e-3, 1e-2),
    "dropout": (0.1, 0.3, 0.5),
    "label_smoothing": (0.05, 0.1, 0.3),
    "shift": (2, 4, 8),
}
WIDER = {  # the next strength below and above
    "weight_decay": (0.03, 10.0),
    "l2": (1e-5, 1e-1),
    "dropout": (0.03, 0.8),
    "label_smoothing": (0.02, 0.6),
    "shift": (1, 12),
}
ARMS = {
    "plain": "",
    "decoupled decay": "weight_decay",
    "L2 through Adam": "l2",
    "dropout": "dropout",
    "label smoothing": "label_smoothing",
    "a norm": "norm",
    "early stopping": "patience",
    "stopping by error": "patience",
}
REGULARIZERS = tuple(ARMS)[1:]
OPTIONS = ARMS | {"shifts": "shift", "a mean over places": "pool", "plain, more rates": ""}


@dataclass(frozen=True)
class World:
    """Where an arm is tried.

    spec: norm or None → the network. norm: the one that this world usually has. rate: the middle
    one of three that an arm with a strength may choose from; `plain` has nine around it. one_file:
    rows to choose by and rows to test on, where every seed divides the same file.
    """

    data: Callable[[int], Split]
    spec: Callable[[str | None], Any]
    norm: str
    rate: float
    steps: int
    batch_size: int
    schedule: Callable[[int], float] | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    one_file: tuple[int, int] | None = None

    @property
    def recorded(self) -> tuple[int, ...]:
        """Twenty steps to stop at, even in their logarithms, from 10 on."""
        ratio = self.steps / 10
        return tuple(sorted({round(10 * ratio ** (k / 19)) for k in range(20)}))


WORLDS = {
    "fully connected": World(
        data=lambda seed: digits(300, 500, label_noise=0.2, seed=seed),
        spec=lambda norm: ModelSpec((64, 128, 10), norm=norm),
        norm="batch",
        rate=1e-3,
        steps=1000,
        batch_size=50,
        one_file=(800, 997),
    ),
    "convolution": World(
        data=lambda seed: mnist1d(seed, noise=0.2),
        spec=lambda norm: ConvSpec(norm=norm),
        norm="batch",
        rate=1e-2,
        steps=conv.STEPS,
        batch_size=conv.BATCH,
        schedule=partial(conv.factor, conv.STEPS),
    ),
    "transformer": World(
        data=grokking.split_of,
        spec=lambda norm: TransformerSpec(grokking.PRIME, norm=norm),
        norm="layer",
        rate=grokking.LR,
        steps=grokking.STEPS,
        batch_size=round(grokking.SHARE * grokking.PRIME**2),
        schedule=grokking.warm_up,
        options={"beta2": grokking.BETA2},
    ),
}
RIGHT = "convolution, right labels"
ANYWHERE = WORLDS | {RIGHT: replace(WORLDS["convolution"], data=mnist1d)}
BESIDES = (
    *((RIGHT, arm) for arm in ("plain", "dropout", "a norm", "shifts", "a mean over places")),
    ("transformer", "plain, more rates"),
)


class Setting(NamedTuple):
    """What an arm is trained with."""

    strength: float
    lr: float


def settings(world: str, arm: str) -> tuple[Setting, ...]:
    """The nine settings that an arm may try; of "plain, more rates" the four besides plain's."""
    middle = ANYWHERE[require_choice("world", world, tuple(ANYWHERE))].rate
    strengths = STRENGTHS.get(OPTIONS[require_choice("arm", arm, tuple(OPTIONS))])
    if arm == "plain, more rates":
        best = frozen(world, "plain").lr
        return tuple(Setting(0.0, best * 10 ** (k / 16)) for k in (-2, -1, 1, 2))
    if strengths is None:
        return tuple(Setting(0.0, middle * 10 ** (k / 4)) for k in range(-4, 5))
    return tuple(Setting(s, middle * 10 ** (k / 2)) for s in strengths for k in (-1, 0, 1))


def wider(world: str, arm: str, lines: list["Line"]) -> tuple[Setting, ...]:
    """What is tried besides, where the best of the nine `lines` lies at the edge of their grid.

    Beyond a rate the next one at every strength (of nine rates the next three), beyond a strength
    the next one at every rate.
    """
    best = min(lines, key=_order)
    rates, strengths = (
        sorted({getattr(line, name) for line in lines}) for name in ("lr", "strength")
    )
    factor = {rates[0]: rates[0] / rates[1], rates[-1]: rates[-1] / rates[-2]}.get(best.lr)
    more = []
    if factor is not None:
        beyond = [best.lr * factor**k for k in range(1, 4 if len(strengths) == 1 else 2)]
        more += [Setting(strength, lr) for strength in strengths for lr in beyond]
        rates += beyond
    if len(strengths) > 1 and best.strength in (strengths[0], strengths[-1]):
        below, above = WIDER[OPTIONS[arm]]
        more += [Setting(below if best.strength == strengths[0] else above, lr) for lr in rates]
    return tuple(more)


@dataclass
class Line:
    """One line of the sweep: the mean error on validation rows over the pilot seeds."""

    world: str
    arm: str
    strength: float
    lr: float
    error: float


def _train(world: str, arm: str, some: tuple[Setting, ...], seeds: tuple[int, ...]) -> Iterator:
    """The `Training` of an arm at some settings, as it fills in."""
    here, option = ANYWHERE[world], OPTIONS[arm]
    grid: dict[str, Any] = {"lr": [one.lr for one in some], **here.options}
    if option in STRENGTHS:
        grid[option] = [one.strength for one in some]
    elif option == "patience":
        grid[option] = math.inf  # never stops, and keeps the best
    yield from train(
        PooledSpec() if option == "pool" else here.spec(here.norm if option == "norm" else None),
        here.data,
        grid,
        seeds,
        update=adam_update,
        steps=here.steps,
        batch_size=here.batch_size,
        record_at=here.recorded if option == "patience" else None,
        schedule=here.schedule,
        validate=True,
        keep_parameters=False,
    )


def _errors(training: Any, part: str, arm: str) -> Tensor:
    """Errors [seeds, settings], each at the end, or at the step that its arm stops at.

    A network that diverged is wrong about everything.
    """
    accuracy = getattr(training, f"{part}_accuracy")
    if arm == "stopping by error":
        at = training.validation_accuracy.nan_to_num(0.0).argmax(-1, keepdim=True)  # the first
    else:
        steps = torch.tensor(training.recorded)
        best = torch.where(training.best_step < 0, steps[-1], training.best_step)
        at = (steps == best.unsqueeze(-1)).int().argmax(-1, keepdim=True)
    return 1 - accuracy.gather(-1, at).squeeze(-1).nan_to_num(0.0).double()


def pilot(
    world: str, arm: str, some: tuple[Setting, ...] | None = None, seeds: tuple[int, ...] = PILOT
) -> list[Line]:
    """Train the nine settings of an arm (or `some`) at the pilot seeds; look at validation rows."""
    some = settings(world, arm) if some is None else some
    *_, training = _train(world, arm, some, seeds)
    errors = _errors(training, "validation", arm).mean(0).tolist()
    return [Line(world, arm, *one, error) for one, error in zip(some, errors, strict=True)]


@cache
def sweep() -> tuple[Line, ...]:
    """The stored lines, world by world, arm by arm."""
    return tuple(Line(**line) for line in store.stored("elsewhere/sweep"))


def frozen(world: str, arm: str) -> Setting:
    """The setting at which an arm erred least in the sweep; of several the weakest."""
    arms = ("plain", arm) if arm == "plain, more rates" else (arm,)
    lines = [line for line in sweep() if line.world == world and line.arm in arms]
    best = min(lines, key=_order)
    return Setting(best.strength, best.lr)


def _order(line: Line) -> tuple[float, float, float]:
    return line.error, line.strength, line.lr


@remembered
def judge(world: str, arm: str, seeds: tuple[int, ...] = SEEDS) -> Iterator[Tensor]:
    """Yield the test errors [seeds] of an arm as it was frozen; NaN where there is none yet."""
    for training in _train(world, arm, (frozen(world, arm),), seeds):
        known = training.test_accuracy[:, 0, -1].isfinite() | torch.tensor(training.finished)
        yield _errors(training, "test", arm)[:, 0].masked_fill(~known, torch.nan)


def errors(world: str, arm: str, afresh: bool = False) -> Tensor:
    """Test errors [SEEDS] of a frozen arm on this base: as stored if they are, else trained.

    afresh: trained here and now.
    """
    require_choice("world", world, tuple(ANYWHERE))
    require_choice("arm", arm, tuple(OPTIONS))
    known = None if afresh else store.kept("elsewhere/carried", world, arm)
    if known:
        return torch.tensor(known, dtype=torch.float64)
    *_, found = judge(world, arm)
    return found


def difference(world: str, arm: str, afresh: bool = False, other: str = "plain") -> Interval:
    """Test error of an arm minus the other's, both frozen, paired by seed; see `errors`."""
    return paired_interval(errors(world, arm, afresh), errors(world, other, afresh))


@cache
def _judged() -> dict[str, dict[str, dict[str, list[float]]]]:
    return store.stored("elsewhere/carried")


def edges(world: str, arm: str) -> tuple[str, ...]:
    """Of "strength" and "lr" those whose frozen value is the first or the last that was tried."""
    lines = [line for line in sweep() if (line.world, line.arm) == (world, arm)]
    chosen = frozen(world, arm)
    found = []
    for name in Setting._fields:
        tried = {getattr(line, name) for line in lines}
        if len(tried) > 1 and getattr(chosen, name) in (min(tried), max(tried)):
            found.append(name)
    return tuple(found)


def stored(world: str, arm: str, other: str = "plain") -> Interval:
    """As `difference`, over the seeds of all stored bases but 0, on which nothing was written.

    other: the arm that it is compared with. Corrected where all seeds divide one file
    (`World.one_file`).
    """
    require_choice("arm", arm, tuple(OPTIONS))
    judged = _judged()[require_choice("world", world, tuple(ANYWHERE))]
    one, two = pairs(store.fresh(judged[arm]), store.fresh(judged[other]))
    rows = ANYWHERE[world].one_file
    return corrected_interval(one - two, *rows) if rows else mean_interval(one - two)


def level(world: str, arm: str) -> float:
    """The mean test error over the seeds of `stored`."""
    values = store.fresh(_judged()[world][arm])
    return sum(values) / len(values)


def helps(world: str, arm: str) -> bool | None:
    """Whether an arm's error lies more than `BOUND` below plain's; None: undecided."""
    return stored(world, arm).between(high=-BOUND)


def verdict(found: Interval) -> str:
    """What the interval of a difference says: all of it below −`BOUND`, above it, or above 0.01.

    "helps", "no: a point at most" (of help), "harms"; where it holds −`BOUND`, "undecided".
    """
    if found.between(low=BOUND):
        return "harms"
    words = {True: "helps", False: "no: a point at most", None: "undecided"}
    return words[found.between(high=-BOUND)]

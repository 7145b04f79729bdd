"""Every technique of the course on one network, each with a strength of its own; plain beside it.

The network: inputs → 48 → two residual blocks → classes, ReLU, trained by Adam on few rows, some of
them with a wrong label. Test labels are right. `mix` trains one setting at several seeds; seeds
differ in split, start and batch order.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.adamw import adam_update
from course_lib.base.arguments import require, require_choice
from course_lib.base.random import seeded
from course_lib.data import Split, Table, digits, spambase_or_breast_cancer
from course_lib.engine import ModelSpec, Training, outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.label_smoothing import expected_calibration_error
from course_lib.sgd import cosine_decay
from course_lib.statistics import Interval, paired_interval

WORLDS, NORMS, SCHEDULES = ("digits", "e-mails"), ("none", "batch", "layer"), ("constant", "cosine")
VALIDATION, TEST, BINS = 200, 1000, 15
TIMED = 30  # updates in the shorter of two trainings that are timed
FIGURES = ("error", "nll", "ece", "gap", "surplus")
STEPS, EVERY = 600, 15  # updates; the curves are measured every so many
NEVER = 0  # patience: no early stopping
# columns of the engine's grid
STRENGTHS = ("lr", "l1", "l2", "weight_decay", "label_smoothing", "dropout", "survival")


class Setting(NamedTuple):
    """How strong each technique is; the defaults are the plain network.

    l2 joins the gradient, weight_decay does not, l1 is a proximal step. patience: in evaluations,
    one every 15 steps. survival: of the last residual block. norm: "layer" also puts a LayerNorm
    into both blocks.
    """

    lr: float = 2e-3
    batch_size: int = 50
    schedule: str = "constant"
    patience: int = NEVER
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    dropout: float = 0.0
    norm: str = "none"
    survival: float = 1.0

    def grid(self) -> dict:
        """What the engine's grid needs of it."""
        columns = {name: getattr(self, name) for name in STRENGTHS}
        return columns if self.patience == NEVER else columns | {"patience": self.patience}


PLAIN = Setting()
EVERYTHING = Setting(
    patience=3,
    l1=1e-3,
    l2=1e-3,
    weight_decay=1.0,
    label_smoothing=0.1,
    dropout=0.5,
    norm="batch",
    survival=0.5,
)


@dataclass
class Mix:
    """What became of one setting, [seeds] or [seeds, recorded]; NaN: not yet, or diverged.

    The curves are train_error on the labels trained on, and test_error, on right ones as error is;
    shares. error, nll (nats), ece: of the weights that are kept. gap: error on the test rows minus
    error on the training rows, as labelled. surplus: mean confidence (the largest probability)
    minus accuracy on the test rows, above 0 too sure. diverged_at, stopped_at: steps, −1 if it did
    not.
    seconds: processor time of all updates, from some that were timed alone; measuring and drawing
    are left out.
    """

    recorded: tuple[int, ...]
    train_error: Tensor
    test_error: Tensor
    error: Tensor
    nll: Tensor
    ece: Tensor
    gap: Tensor
    surplus: Tensor
    diverged_at: Tensor
    stopped_at: Tensor
    _: KW_ONLY
    seconds: float
    progress: float
    note: str


def difference(one: Mix, other: Mix, figure: str = "error") -> Interval:
    """One of FIGURES, the first mix minus the second, paired by seed."""
    require_choice("figure", figure, FIGURES)
    return paired_interval(getattr(one, figure), getattr(other, figure))


def share_gained(one: Mix, whole: Mix, plain: Mix) -> dict[str, Interval]:
    """What `one` gains in error over `plain`, beside what `whole` gains.

    "half": its gain minus half of the other; "all": minus all of it.
    """
    gain = plain.error - one.error
    return {
        "half": paired_interval(gain, (plain.error - whole.error) / 2),
        "all": paired_interval(gain, plain.error - whole.error),
    }


def nothing_yet(like: Mix) -> Mix:
    """A mix of as many seeds whose training has not begun."""
    curve, figure = (torch.full_like(old, math.nan) for old in (like.train_error, like.error))
    never = torch.full_like(like.stopped_at, -1)
    nothing = [curve, curve, *[figure] * len(FIGURES), never, never]
    return Mix(like.recorded, *nothing, seconds=0.0, progress=0.0, note=like.note)


@dataclass
class Pair:
    """The plain network, and a mix in the same world.

    mixed: None until its training begins, `plain` if it is plain.
    """

    plain: Mix
    mixed: Mix | None


def world(name: str, rows: int, noise: float, seed: int) -> Split:
    """`rows` training rows of one of WORLDS, 200 for validation, 1000 or what is left to test.

    At most `most_rows` are trained on. `noise`: share of training and validation labels that are
    another class. Raises `ValueError` for an unknown name.
    """
    require_choice("name", name, WORLDS)
    if name == "digits":
        return digits(rows, VALIDATION, noise, "unit", seed)
    generator = seeded(seed)
    table = spambase_or_breast_cancer()
    rows = min(rows, most_rows(table))
    order = torch.randperm(len(table.y), generator=generator)
    split = table.split(order[:rows], order[rows + VALIDATION :][:TEST], order[rows:][:VALIDATION])
    return with_wrong_labels(split, noise, generator)


def most_rows(table: Table) -> int:
    """How many rows of `table` can be trained on, so that 100 are left to test on."""
    return len(table.y) - VALIDATION - 100


def note_of(name: str, rows: int) -> str:
    """What a caption must say of `rows` of a world besides.

    That the e-mails, or so many rows, are not here.
    """
    if name == "digits":
        return ""
    table = spambase_or_breast_cancer()
    if rows <= most_rows(table):
        return table.note
    return f"{table.note} At most {most_rows(table)} rows of this table can be trained on.".strip()


def with_wrong_labels(split: Split, noise: float, generator: torch.Generator) -> Split:
    """The same rows of two classes, training and validation labels turned over at random.

    noise: the probability of each to be turned over.
    """
    require("noise", noise, high=1.0, open_high=False)

    def turned(y: Tensor) -> Tensor:
        return torch.where(torch.rand(len(y), generator=generator) < noise, 1 - y, y)

    return replace(
        split,
        train_y=turned(split.train_y),
        validation_y=turned(split.validation_y),
        clean_train_y=split.train_y,
    )


def network(split: Split, norm: str) -> ModelSpec:
    """The mixer's network for these rows.

    norm: one of NORMS; "layer" also puts a LayerNorm into every residual block.
    """
    require_choice("norm", norm, NORMS)
    widths = split.train_x.shape[1], 48, int(split.train_y.max()) + 1
    kind = None if norm == "none" else norm
    return ModelSpec(widths, norm=kind, residual_blocks=2, expansion=2, branch_norm=norm == "layer")


def schedule(name: str, steps: int) -> Callable[[int], float] | None:
    """One of SCHEDULES as the engine takes it: step → factor of the learning rate."""
    require_choice("schedule", name, SCHEDULES)
    return partial(cosine_decay, T_max=steps) if name == "cosine" else None


@remembered
def mix(
    setting: Setting = PLAIN,
    data: str = "digits",
    rows: int = 300,
    noise: float = 0.2,
    seeds: tuple[int, ...] = tuple(range(8)),
    steps: int = STEPS,
    every: int = EVERY,
) -> Iterator[Mix]:
    """Train one setting at every seed; yield a `Mix` that grows.

    data: one of WORLDS, with rows and noise as `world` takes them. every: how many updates apart
    the curves are measured.
    """
    splits = {seed: world(data, rows, noise, seed) for seed in seeds}
    spec = network(splits[seeds[0]], setting.norm)
    recorded, note = tuple(range(0, steps + 1, every)), note_of(data, rows)
    judged: set[int] = set()
    figures = torch.full((len(seeds), len(FIGURES)), math.nan, dtype=torch.float64)
    per_step = time_of_a_step(spec, splits, setting, min(TIMED, steps))
    for training in train(
        spec,
        splits.__getitem__,
        setting.grid(),
        seeds,
        update=adam_update,
        batch_size=setting.batch_size,
        steps=steps,
        record_at=recorded,
        schedule=schedule(setting.schedule, steps),
        validate=True,
    ):
        for i, seed in enumerate(seeds):
            if i not in judged and training.parameters[i] is not None:
                judged.add(i)
                kept = judge(spec, training, i, splits[seed])
                figures[i] = torch.tensor(kept, dtype=torch.float64)
        curves = [1 - training.train_accuracy[:, 0], 1 - training.test_accuracy[:, 0]]
        ended = [training.diverged_at[:, 0], training.stopped_at[:, 0]]
        found = [*curves, *figures.clone().unbind(1), *ended]
        seconds = per_step * torch.where(ended[1] >= 0, ended[1], steps).double().mean().item()
        yield Mix(recorded, *found, seconds=seconds, progress=training.progress, note=note)


def mix_beside_plain(
    data: str,
    rows: int,
    noise: float,
    seeds: tuple[int, ...] = tuple(range(8)),
    steps: int = STEPS,
    every: int = EVERY,
    **techniques: Any,
) -> Iterator[Pair]:
    """Train the plain network (once for each world), then the mix; yields a growing `Pair`.

    techniques: fields of a `Setting`. The others as `mix` takes them.
    """
    setting = Setting(**techniques)
    for plain in mix(PLAIN, data, rows, noise, seeds, steps, every):
        yield Pair(plain, plain if setting == PLAIN else None)
    if setting != PLAIN:
        for mixed in mix(setting, data, rows, noise, seeds, steps, every):
            yield Pair(plain, mixed)


def time_of_a_step(
    spec: ModelSpec, splits: dict[int, Split], setting: Setting, timed: int
) -> float:
    """Processor seconds of one update of all seeds.

    It is what trainings of `timed` and of twice as many steps differ by.
    """
    took = []
    for steps in (timed, 2 * timed):
        begun = time.process_time()
        for _ in train(
            spec,
            splits.__getitem__,
            setting.grid(),
            tuple(splits),
            update=adam_update,
            batch_size=setting.batch_size,
            steps=steps,
        ):
            pass
        took.append(time.process_time() - begun)
    return max(took[1] - took[0], 0.0) / timed


def judge(spec: ModelSpec, training: Training, i: int, split: Split) -> tuple[float, ...]:
    """FIGURES of the weights that seed number i has kept; NaN where its training diverged."""
    if training.diverged_at[i, 0] >= 0:
        return (math.nan,) * len(FIGURES)
    kept, buffers = training.parameters[i], training.buffers[i] or []
    test, own = (
        outputs_of(spec, kept, x, buffers, training.grid["survival"])[0].double()
        for x in (split.test_x, split.train_x)
    )
    error, own_error = (
        (z.argmax(1) != y).double().mean().item()
        for z, y in ((test, split.test_y), (own, split.train_y))
    )
    sure = test.softmax(1)
    ece = expected_calibration_error(sure, split.test_y, BINS)
    surplus = sure.max(1).values.mean().item() - (1 - error)
    return error, cross_entropy(test, split.test_y).item(), ece, error - own_error, surplus

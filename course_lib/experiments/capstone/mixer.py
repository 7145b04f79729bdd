"""Every technique of the course on one network, each with a strength of its own; the plain network
beside it.

The network: inputs → 48 → two residual blocks → classes, ReLU, trained by Adam on few rows, some of
them with a wrong label. Test labels are right. `mix` trains one setting at several seeds; seeds
differ in split, start and batch order.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.adamw import adam_update
from course_lib.base.arguments import require, require_choice
from course_lib.data import Split, Table, digits, spambase_or_breast_cancer
from course_lib.engine import ModelSpec, Training, outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.label_smoothing import expected_calibration_error
from course_lib.sgd import cosine_decay

WORLDS, NORMS, SCHEDULES = ("digits", "e-mails"), ("none", "batch", "layer"), ("constant", "cosine")
VALIDATION, TEST, BINS = 200, 1000, 15
TIMED = 30  # updates in the shorter of two trainings that are timed
FIGURES = ("error", "nll", "ece", "gap")
STEPS, EVERY = 600, 15  # updates; the curves are measured every so many
NEVER = 0  # patience: no early stopping
STRENGTHS = (
    "lr",
    "l1",
    "l2",
    "weight_decay",
    "label_smoothing",
    "dropout",
    "survival",
)  # columns of the engine's grid


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


@dataclass
class Mix:
    """What became of one setting. Curves are [seeds, recorded], the others [seeds]; NaN: not yet,
    or diverged.

    train_error on the labels trained on, test_error and error on right ones, as shares. error, nll
    (nats), ece: of the weights that are kept. gap: error on the test rows minus error on the
    training rows, as labelled.
    diverged_at, stopped_at: steps, −1 if it did not. seconds: processor time of all updates, from
    some that were timed alone; measuring and drawing are left out.
    """

    recorded: tuple[int, ...]
    train_error: Tensor
    test_error: Tensor
    error: Tensor
    nll: Tensor
    ece: Tensor
    gap: Tensor
    diverged_at: Tensor
    stopped_at: Tensor
    seconds: float
    progress: float
    note: str


def nothing_yet(like: Mix) -> Mix:
    """A mix of as many seeds whose training has not begun."""
    empty = {
        name: torch.full_like(getattr(like, name), math.nan)
        for name in ("train_error", "test_error", *FIGURES)
    }
    never = torch.full_like(like.stopped_at, -1)
    return replace(like, **empty, diverged_at=never, stopped_at=never, seconds=0.0, progress=0.0)


def world(name: str, rows: int, noise: float, seed: int) -> Split:
    """`rows` training rows (`most_rows` of them at most), 200 for validation, 1000 or what is left
    to test, by `seed`.

    `noise`: share of training and validation labels that are another class. Raises ValueError for
    an unknown name.
    """
    require_choice("name", name, WORLDS)
    if name == "digits":
        return digits(rows, VALIDATION, noise, "unit", seed)
    generator = torch.Generator().manual_seed(seed)
    table = spambase_or_breast_cancer()
    rows = min(rows, most_rows(table))
    order = torch.randperm(len(table.y), generator=generator)
    split = table.split(order[:rows], order[rows + VALIDATION :][:TEST], order[rows:][:VALIDATION])
    return with_wrong_labels(split, noise, generator)


def most_rows(table: Table) -> int:
    """How many rows of `table` can be trained on, so that 100 are left to test on."""
    return len(table.y) - VALIDATION - 100


def note_of(name: str, rows: int) -> str:
    """What a caption must say of `rows` of a world besides: that the e-mails, or so many rows, are
    not here.
    """
    if name == "digits":
        return ""
    table = spambase_or_breast_cancer()
    fewer = (
        f"At most {most_rows(table)} rows of this table can be trained on."
        if rows > most_rows(table)
        else ""
    )
    return f"{table.note} {fewer}".strip()


def with_wrong_labels(split: Split, noise: float, generator: torch.Generator) -> Split:
    """The same rows of two classes, each training and validation label turned over with probability
    `noise`.
    """
    require("noise", noise, high=1.0, open_high=False)
    turned = [
        torch.rand(len(y), generator=generator) < noise for y in (split.train_y, split.validation_y)
    ]
    train_y, validation_y = (
        torch.where(t, 1 - y, y) for t, y in zip(turned, (split.train_y, split.validation_y))
    )
    return Split(
        split.train_x,
        train_y,
        split.validation_x,
        validation_y,
        split.test_x,
        split.test_y,
        split.train_y,
    )


def network(split: Split, norm: str) -> ModelSpec:
    """The mixer's network for these rows; `norm` "layer" also puts a LayerNorm into every residual
    block.
    """
    require_choice("norm", norm, NORMS)
    widths = split.train_x.shape[1], 48, int(split.train_y.max()) + 1
    kind = None if norm == "none" else norm
    return ModelSpec(widths, norm=kind, residual_blocks=2, expansion=2, branch_norm=norm == "layer")


def schedule(name: str, steps: int) -> Callable | None:
    """step → factor of the learning rate, as the engine takes it."""
    require_choice("schedule", name, SCHEDULES)
    return partial(cosine_decay, T_max=steps) if name == "cosine" else None


@remembered
def mix(
    setting=PLAIN,
    data="digits",
    rows=300,
    noise=0.2,
    seeds=tuple(range(8)),
    steps=STEPS,
    every=EVERY,
) -> Iterator[Mix]:
    """Train one setting at every seed; yield a `Mix` that grows."""
    splits = {seed: world(data, rows, noise, seed) for seed in seeds}
    spec = network(splits[seeds[0]], setting.norm)
    recorded, judged, note = tuple(range(0, steps + 1, every)), set(), note_of(data, rows)
    figures = torch.full((len(seeds), len(FIGURES)), math.nan, dtype=torch.float64)
    options = {"update": adam_update, "batch_size": setting.batch_size}
    per_step = time_of_a_step(spec, splits, setting, min(TIMED, steps), options)
    for training in train(
        spec,
        splits.__getitem__,
        setting.grid(),
        seeds,
        steps=steps,
        record_at=recorded,
        schedule=schedule(setting.schedule, steps),
        validate=True,
        **options,
    ):
        for i, seed in enumerate(seeds):
            if i not in judged and training.parameters[i] is not None:
                judged.add(i)
                figures[i] = torch.tensor(
                    judge(spec, training, i, splits[seed]), dtype=torch.float64
                )
        curves = (1 - training.train_accuracy[:, 0], 1 - training.test_accuracy[:, 0])
        ended = training.diverged_at[:, 0], training.stopped_at[:, 0]
        seconds = per_step * torch.where(ended[1] >= 0, ended[1], steps).double().mean().item()
        yield Mix(
            recorded, *curves, *figures.clone().unbind(1), *ended, seconds, training.progress, note
        )


def time_of_a_step(
    spec: ModelSpec, splits: dict, setting: Setting, timed: int, options: dict
) -> float:
    """Processor seconds of one update of all seeds: what trainings of `timed` and of twice as many
    steps differ by.
    """
    took = []
    for steps in (timed, 2 * timed):
        begun = time.process_time()
        for _ in train(
            spec, splits.__getitem__, setting.grid(), tuple(splits), steps=steps, **options
        ):
            pass
        took.append(time.process_time() - begun)
    return max(took[1] - took[0], 0.0) / timed


def judge(spec: ModelSpec, training: Training, i: int, split: Split) -> tuple:
    """(error, nll, ece, gap) of the weights that seed number i has kept; NaN where its training
    diverged.
    """
    if training.diverged_at[i, 0] >= 0:
        return (math.nan,) * len(FIGURES)
    kept, buffers, survival = (
        training.parameters[i],
        training.buffers[i] or (),
        training.grid["survival"],
    )
    test, own = (
        outputs_of(spec, kept, x, buffers, survival)[0].double()
        for x in (split.test_x, split.train_x)
    )
    error, own_error = (
        (z.argmax(1) != y).double().mean().item()
        for z, y in ((test, split.test_y), (own, split.train_y))
    )
    ece = expected_calibration_error(test.softmax(1), split.test_y, BINS)
    return error, cross_entropy(test, split.test_y).item(), ece, error - own_error

"""What a norm changes about training: speed, the loss along the gradient, batches of 1, 2, 8."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial

import torch
from torch import Tensor

from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.batchnorm.networks import NORMS, NormedNetworks, train_stepwise
from course_lib.sgd import sgd_update
from course_lib.statistics import Interval, paired_interval

DEEP, SHALLOW = (64, 64, 64, 64, 10), (64, 64, 64, 10)
LRS = (0.05, 0.1, 0.2, 0.4, 0.8)
MORE_LRS = (*LRS, 1.6, 3.2)  # the fastest of `LRS` with BatchNorm is the last
STANDARD_LRS = (0.025, *LRS, 1.6)  # standardised pixels are twice as large: half the rates
SEEDS = tuple(range(8))
NEW_SEEDS = tuple(range(20, 28))  # none of what was seen while the rules were made


class WiderStart(ModelSpec):
    """A network without a norm that starts with gain √2: weights even on ±√(6/in), biases 0.

    The mean square that a ReLU halves is doubled by the next layer (He et al. 2015). torch's own
    start, ±1/√in, has gain 1/√3.
    """

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """The start of `ModelSpec`, weights times √6, biases 0."""
        return [
            p * 6**0.5 if p.ndim == 2 else torch.zeros_like(p) for p in super().initial(seed, dtype)
        ]


NETS = {
    "plain": ModelSpec(DEEP),
    "plain, gain √2": WiderStart(DEEP),
    "BatchNorm": ModelSpec(DEEP, norm="batch"),
    "LayerNorm": ModelSpec(DEEP, norm="layer"),
}


@dataclass
class Speed:
    """Steps to a training loss, and the losses, {one of `NETS`: [seeds, lrs, …]}.

    steps [seeds, lrs]: until the training loss was first seen at `target` or below, infinite if
    never. losses [seeds, lrs, looks]: the training loss, a look every `every` steps.
    """

    lrs: tuple[float, ...]
    target: float
    every: int
    steps: dict[str, Tensor]
    losses: dict[str, Tensor]
    progress: float = 1.0

    def at_best_rate(self, name: str, lrs: Sequence[float] | None = None) -> Tensor:
        """Steps [seeds] at the learning rate that the *other* seeds find best, by their median.

        Of all learning rates, or of those of `lrs`. A run that never came there counts with all
        the steps it was given, which are too few.
        """
        tried = [i for i, lr in enumerate(self.lrs) if lrs is None or lr in lrs]
        found = self.steps[name][:, tried]
        found = found.clamp(max=(self.losses[name].shape[-1] - 1) * self.every)
        others = [
            torch.cat([found[:i], found[i + 1 :]]).median(0).values for i in range(len(found))
        ]
        return torch.stack([own[level.argmin()] for own, level in zip(found, others)])


@remembered
def compare_speed(
    target: float = 0.1,
    names: tuple[str, ...] = tuple(NETS),
    seeds: tuple[int, ...] = NEW_SEEDS,
    steps: int = 400,
    every: int = 10,
    lrs: tuple[float, ...] = MORE_LRS,
    scale: str = "unit",
) -> Iterator[Speed]:
    """Train 64-64-64-64-10 networks with plain SGD, batches of 50 of 500 clean digits.

    names: of `NETS`. lrs: the learning rates, the same for all. scale: of the pixels, as `digits`
    has it. The loss is looked at on all training rows, in evaluation mode.
    """
    losses, looks = {}, tuple(range(0, steps + 1, every))
    for k, name in enumerate(names):
        for training in train(
            NETS[name],
            partial(_few_digits, scale=scale),
            {"lr": list(lrs)},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=50,
            record_at=looks,
            keep_parameters=False,
        ):
            losses[name] = training.train_loss
            yield Speed(lrs, target, every, {}, dict(losses), (k + training.progress) / len(names))
    reached = {name: first_below(seen, target) * every for name, seen in losses.items()}
    yield Speed(lrs, target, every, reached, losses)


def _few_digits(seed: int, scale: str) -> Split:
    """500 training rows, and a single test row: what is never looked at need not be evaluated."""
    split = digits(500, scale=scale, seed=seed)
    return replace(split, test_x=split.test_x[:1], test_y=split.test_y[:1])


def first_below(losses: Tensor, target: float) -> Tensor:
    """Number [...] of the first look at which one of `losses` [..., looks] is `target` or below.

    Infinite where none is.
    """
    below = losses <= target
    return torch.where(below.any(-1), below.int().argmax(-1).double(), torch.inf)


# ------------------------------------------- the loss along the gradient (Santurkar et al. 2018)

DISTANCES = (0.0625, 0.125, 0.25, 0.5, 1.0)  # of the longest step, lr·gradient
LEVELS = (2.0, 1.0, 0.5)


@dataclass
class Smoothness:
    """The loss of all training rows and how it bends, {norm: [seeds, looks]}.

    `bend`: the largest ‖g(w − s·g) − g(w)‖/(s·‖g‖) up to one step, s ≤ lr: the curvature that
    gradient descent feels. `loss_at`, `bend_at`: {norm: [seeds, `LEVELS`]}, the same at the first
    *step* with a loss of each level or below; NaN if none.
    """

    lr: float
    at: tuple[int, ...]
    loss: dict[str | None, Tensor]
    bend: dict[str | None, Tensor]
    loss_at: dict[str | None, Tensor]
    bend_at: dict[str | None, Tensor]
    _: KW_ONLY
    progress: float = 1.0

    def at_level(self, level: float) -> Interval | None:
        """Log bend with BatchNorm less log bend without, at equal loss, as an interval over seeds.

        None where nothing is to be said: a network never came there, or the loss fell past it by
        more than a tenth in one step.
        """
        i = LEVELS.index(level)
        if any(not (loss[:, i] > 0.9 * level).all() for loss in self.loss_at.values()):
            return None
        return paired_interval(self.bend_at["batch"][:, i].log(), self.bend_at[None][:, i].log())


@remembered
def compare_smoothness(
    lr: float = 0.1,
    norms: tuple[str | None, ...] = (None, "batch"),
    seeds: tuple[int, ...] = SEEDS,
    steps: int = 450,
    every: int = 15,
) -> Iterator[Smoothness]:
    """Train 64-64-64-10 networks with and without BatchNorm; every few steps look ahead.

    Ahead is along the gradient of all 300 training rows (BatchNorm in training mode), up to one
    step of `lr`, without taking it. The loss is looked at after each step, and one that has just
    come down to a level calls for a look ahead too.
    """
    splits = [digits(300, scale="unit", seed=seed) for seed in seeds]
    found: tuple[dict[str | None, Tensor], ...] = ({}, {}, {}, {})
    at, levels = tuple(range(0, steps + 1, every)), torch.tensor(LEVELS)
    for k, norm in enumerate(norms):
        networks = NormedNetworks(SHALLOW, norm, splits, seeds)
        rows, looks = networks.rows("train"), []
        loss_at, bend_at = (
            torch.full((len(seeds), len(LEVELS)), torch.nan, dtype=torch.float64) for _ in range(2)
        )
        for step in train_stepwise(networks, steps, 50, lr):
            if step not in at and not loss_at.isnan().any():
                continue
            with torch.no_grad():
                here = networks.losses(*rows, training=True, remember=False)
            new = loss_at.isnan() & (here.unsqueeze(1) <= levels)
            if step in at or new.any():
                bend = look_ahead(networks, *rows, lr)
                loss_at = torch.where(new, here.double().unsqueeze(1), loss_at)
                bend_at = torch.where(new, bend.double().unsqueeze(1), bend_at)
            if step in at:
                looks.append((here, bend))
                parts = *(torch.stack(part, 1).double() for part in zip(*looks)), loss_at, bend_at
                for figure, part in zip(found, parts):
                    figure[norm] = part
                progress = (k + step / steps) / len(norms)
                yield Smoothness(lr, at, *map(dict, found), progress=progress)
    yield Smoothness(lr, at, *found)


def look_ahead(networks: NormedNetworks, x: Tensor, y: Tensor, lr: float) -> Tensor:
    """The bend [V] of each network, see `Smoothness`; x, y as of `NormedNetworks.rows`."""
    gradient, bends = gradient_at(networks, networks.parameters, x, y), []
    for share in DISTANCES:
        there = [p.detach() - share * lr * g for p, g in zip(networks.parameters, gradient)]
        change = [a - b for a, b in zip(gradient_at(networks, there, x, y), gradient)]
        bends.append(_length(change) / (share * lr * _length(gradient)))
    return torch.stack(bends).max(0).values


def gradient_at(
    networks: NormedNetworks, parameters: Sequence[Tensor], x: Tensor, y: Tensor
) -> tuple[Tensor, ...]:
    """Gradients [V, …] of the losses in training mode at `parameters`; nothing is remembered."""
    leaves = [p.detach().requires_grad_() for p in parameters]
    losses = networks.losses(x, y, training=True, parameters=leaves, remember=False)
    return torch.autograd.grad(losses.sum(), leaves)


def _length(tensors: Sequence[Tensor]) -> Tensor:
    """Length [V] of what the tensors [V, …] hold together."""
    squares = (t.flatten(1).square().sum(1) for t in tensors)
    return sum(squares, torch.zeros(())).sqrt()


# ---------------------------------------------------------------- small batches

SIZES = (1, 2, 8)


@dataclass
class SmallBatches:
    """Test error (share) [seeds] by (norm, batch size).

    BatchNorm has none at batch size 1, which it refuses.
    """

    error: dict[tuple[str | None, int], Tensor]
    progress: float = 1.0


@remembered
def compare_small_batches(
    lr: float = 0.02, seeds: tuple[int, ...] = NEW_SEEDS, epochs: int = 2
) -> Iterator[SmallBatches]:
    """Train 64-64-64-10 networks on 1000 clean digits in batches of 1, 2 and 8, plain SGD.

    Two epochs, one learning rate for all; evaluation mode, mean of ten looks in the last quarter.
    """
    jobs = [(norm, size) for size in SIZES for norm in NORMS if (norm, size) != ("batch", 1)]
    error: dict[tuple[str | None, int], Tensor] = {}
    for k, (norm, size) in enumerate(jobs):
        steps = epochs * 1000 // size
        for training in train(
            ModelSpec(SHALLOW, norm=norm),
            lambda seed: digits(1000, scale="unit", seed=seed),
            {"lr": lr},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=size,
            record_at=tuple(steps - i * (steps // 40) for i in reversed(range(10))),
            keep_parameters=False,
        ):
            yield SmallBatches(dict(error), (k + training.progress) / len(jobs))
        error[norm, size] = 1 - training.test_accuracy[:, 0].double().mean(1)
    yield SmallBatches(error)

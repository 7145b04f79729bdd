"""What a norm changes about training: steps to a given loss, the loss along the gradient, and
batches of 1, 2 and 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.batchnorm.networks import NORMS, Networks
from course_lib.experiments.batchnorm.networks import train as steps_of
from course_lib.sgd import sgd_update
from course_lib.statistics import paired_interval

DEEP, SHALLOW = (64, 64, 64, 64, 10), (64, 64, 64, 10)
LRS = (0.05, 0.1, 0.2, 0.4, 0.8)
SEEDS, NEW_SEEDS = (
    tuple(range(8)),
    tuple(range(20, 28)),
)  # new: none of what was seen while its rules were made


class WiderStart(ModelSpec):
    """A network without a norm that starts with gain √2: weights even on ±√(6/in), biases 0 (He et
    al. 2015).

    The mean square that a ReLU halves is doubled by the next layer. torch's own start, ±1/√in, has
    gain 1/√3.
    """

    def initial(self, seed, dtype=torch.float32):
        return [
            p * 6**0.5 if p.ndim == 2 else torch.zeros_like(p) for p in super().initial(seed, dtype)
        ]


NETS = {
    "plain": ModelSpec(DEEP),
    "plain, gain √2": WiderStart(DEEP),
    "BatchNorm": ModelSpec(DEEP, norm="batch"),
}


@dataclass
class Speed:
    """{one of `NETS`: [seeds, lrs]}: steps until the training loss was first seen at `target` or
    below, infinite if never; and {…: [seeds, lrs, looks]}: the training loss, a look every `every`
    steps."""

    lrs: tuple
    target: float
    every: int
    steps: dict
    losses: dict
    progress: float = 1.0

    def at_best_rate(self, name):
        """Steps of each seed at the learning rate that the *other* seeds find best, by their
        median; [seeds].

        A run that never came there counts with all the steps it was given, which are too few."""
        found = self.steps[name].clamp(max=(self.losses[name].shape[-1] - 1) * self.every)
        others = [
            torch.cat([found[:i], found[i + 1 :]]).median(0).values for i in range(len(found))
        ]
        return torch.stack([row[level.argmin()] for row, level in zip(found, others)])


@remembered
def compare_speed(
    target=0.1, names=tuple(NETS), seeds=NEW_SEEDS, steps=400, every=10
) -> Iterator[Speed]:
    """Train 64-64-64-64-10 networks with plain SGD, batches of 50 of 500 clean digits; the loss is
    looked at on all training rows, in evaluation mode."""
    losses, looks = {}, tuple(range(0, steps + 1, every))
    for k, name in enumerate(names):
        for training in train(
            NETS[name],
            few_digits,
            {"lr": list(LRS)},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=50,
            record_at=looks,
            keep_parameters=False,
        ):
            losses[name] = training.train_loss
            yield Speed(LRS, target, every, {}, dict(losses), (k + training.progress) / len(names))
    reached = {name: first_below(seen, target) * every for name, seen in losses.items()}
    yield Speed(LRS, target, every, reached, losses)


def few_digits(seed):
    """500 training rows, and a single test row: what is never looked at need not be evaluated."""
    split = digits(500, scale="unit", seed=seed)
    return replace(split, test_x=split.test_x[:1], test_y=split.test_y[:1])


def first_below(losses, target):
    """Number of the first look [..., looks] at which a loss is at `target` or below; infinite where
    none is.
    """
    below = losses <= target
    return torch.where(below.any(-1), below.int().argmax(-1).double(), torch.inf)


# ---------------------------------------------------------------- the loss along the gradient (Santurkar et al. 2018)

DISTANCES = (0.0625, 0.125, 0.25, 0.5, 1.0)  # of the longest step, lr·gradient
LEVELS = (2.0, 1.0, 0.5)


@dataclass
class Smoothness:
    """{norm: [seeds, looks]}. `loss`: of all training rows. `bend`: the largest ‖g(w − s·g) −
    g(w)‖/(s·‖g‖) up to one step, s ≤ lr: the curvature that gradient descent feels. `loss_at`,
    `bend_at`: {norm: [seeds, `LEVELS`]}, the same at the first *step* with a loss of each level or
    below; NaN if none."""

    lr: float
    at: tuple
    loss: dict
    bend: dict
    loss_at: dict
    bend_at: dict
    progress: float = 1.0

    def at_level(self, level):
        """log bend with BatchNorm less log bend without, at equal loss, as an interval over seeds.
        None where nothing is to be said: a network never came there, or the loss fell past it by
        more than a tenth in one step."""
        i = LEVELS.index(level)
        if any(not (loss[:, i] > 0.9 * level).all() for loss in self.loss_at.values()):
            return None
        return paired_interval(*(self.bend_at[norm][:, i].log() for norm in ("batch", None)))


@remembered
def compare_smoothness(
    lr=0.1, norms=(None, "batch"), seeds=SEEDS, steps=450, every=15
) -> Iterator[Smoothness]:
    """Train 64-64-64-10 networks with and without BatchNorm, and every few steps look ahead along
    the gradient of all 300 training rows (BatchNorm in training mode), up to one step of `lr`,
    without taking it. The loss is looked at after each step, and one that has just come down to a
    level calls for a look ahead too."""
    splits, found = [digits(300, scale="unit", seed=seed) for seed in seeds], ({}, {}, {}, {})
    at = tuple(range(0, steps + 1, every))
    for k, norm in enumerate(norms):
        networks = Networks(SHALLOW, norm, splits, seeds)
        rows, looks, levels = networks.rows("train"), [], torch.tensor(LEVELS)
        loss_at, bend_at = (
            torch.full((len(seeds), len(LEVELS)), torch.nan, dtype=torch.float64) for _ in range(2)
        )
        for step in steps_of(networks, steps, 50, lr):
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
                yield Smoothness(lr, at, *map(dict, found), (k + step / steps) / len(norms))
    yield Smoothness(lr, at, *found)


def look_ahead(networks, x, y, lr):
    """The bend of each network, see `Smoothness`."""
    gradient, bends = gradient_at(networks, networks.parameters, x, y), []
    for share in DISTANCES:
        there = [p.detach() - share * lr * g for p, g in zip(networks.parameters, gradient)]
        change = [a - b for a, b in zip(gradient_at(networks, there, x, y), gradient)]
        bends.append(norm_of(change) / (share * lr * norm_of(gradient)))
    return torch.stack(bends).max(0).values


def gradient_at(networks, parameters, x, y):
    parameters = [p.detach().requires_grad_() for p in parameters]
    losses = networks.losses(x, y, training=True, parameters=parameters, remember=False)
    return torch.autograd.grad(losses.sum(), parameters)


def norm_of(tensors):
    """Length [V] of what the tensors [V, …] hold together."""
    return sum(t.flatten(1).square().sum(1) for t in tensors).sqrt()


# ---------------------------------------------------------------- small batches

SIZES = (1, 2, 8)


@dataclass
class SmallBatches:
    """Test error (share) [seeds] by (norm, batch size); BatchNorm has none at batch size 1, which
    it refuses.
    """

    error: dict
    progress: float = 1.0


@remembered
def compare_small_batches(lr=0.02, seeds=NEW_SEEDS, epochs=2) -> Iterator[SmallBatches]:
    """Train 64-64-64-10 networks for two epochs of 1000 clean digits in batches of 1, 2 and 8,
    plain SGD with one learning rate for all; evaluation mode, mean of ten looks in the last
    quarter."""
    jobs, error = (
        [(norm, size) for size in SIZES for norm in NORMS if (norm, size) != ("batch", 1)],
        {},
    )
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

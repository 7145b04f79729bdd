"""What a norm changes about training: steps to a given loss, the loss along the gradient, and batches of 1, 2 and 8."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from course_lib.lab.data import digits
from course_lib.lab.ensemble import ModelSpec, train
from course_lib.lab.normalised import NORMS, Networks
from course_lib.lab.normalised import train as steps_of
from course_lib.lab.remember import remembered
from course_lib.sgd import sgd_update

DEEP, SHALLOW = (64, 64, 64, 64, 10), (64, 64, 64, 10)
LRS = (0.03, 0.1, 0.3, 1.0)
SEEDS = tuple(range(8))


@dataclass
class Speed:
    """{norm: [seeds, lrs]}: steps until the training loss was first seen at `target` or below, infinite if never; and
    {norm: [seeds, lrs, looks]}: the training loss, a look every `every` steps."""

    lrs: tuple
    target: float
    every: int
    steps: dict
    losses: dict
    progress: float = 1.0

    def at_best_rate(self, norm):
        """Steps of each seed at the learning rate that the *other* seeds find best, by their median; [seeds].

        A run that never came there counts with all the steps it was given, which are too few."""
        found = self.steps[norm].clamp(max=(self.losses[norm].shape[-1] - 1) * self.every)
        others = [torch.cat([found[:i], found[i + 1 :]]).median(0).values for i in range(len(found))]
        return torch.stack([row[level.argmin()] for row, level in zip(found, others)])


@remembered
def compare_speed(target=0.1, norms=(None, "batch"), seeds=SEEDS, steps=400, every=10) -> Iterator[Speed]:
    """Train 64-64-64-64-10 networks with plain SGD, batches of 50 of 500 clean digits; the loss is looked at on all
    training rows, in evaluation mode."""
    losses, looks = {}, tuple(range(0, steps + 1, every))
    for k, norm in enumerate(norms):
        for training in train(
            ModelSpec(DEEP, norm=norm),
            lambda seed: digits(500, scale="unit", seed=seed),
            {"lr": list(LRS)},
            seeds,
            update=sgd_update,
            steps=steps,
            batch_size=50,
            record_at=looks,
            keep_parameters=False,
        ):
            losses[norm] = training.train_loss
            yield Speed(LRS, target, every, {}, dict(losses), (k + training.progress) / len(norms))
    reached = {norm: first_below(seen, target) * every for norm, seen in losses.items()}
    yield Speed(LRS, target, every, reached, losses)


def first_below(losses, target):
    """Number of the first look [..., looks] at which a loss is at `target` or below; infinite where none is."""
    below = losses <= target
    return torch.where(below.any(-1), below.int().argmax(-1).double(), torch.inf)


# ---------------------------------------------------------------- the loss along the gradient (Santurkar et al. 2018)

DISTANCES = (0.0625, 0.125, 0.25, 0.5, 1.0)  # of the longest step, lr·gradient


@dataclass
class Smoothness:
    """{norm: [seeds, looks]}. `loss`: of all training rows. `spread`: highest less lowest loss along the gradient, up
    to one step of `lr`. `bend`: the largest ‖g(w − s·g) − g(w)‖/(s·‖g‖), the curvature that gradient descent feels."""

    lr: float
    at: tuple
    loss: dict
    spread: dict
    bend: dict
    progress: float = 1.0

    def when(self, norm, level, figure):
        """`figure` ("spread" or "bend") of each seed at the first look with a loss of `level` or below; NaN if none."""
        first = first_below(self.loss[norm], level)
        values = getattr(self, figure)[norm]
        picked = values.gather(1, first.clamp(max=values.shape[1] - 1).long().unsqueeze(1)).squeeze(1)
        return torch.where(first.isfinite(), picked, torch.nan)


@remembered
def compare_smoothness(lr=0.1, norms=(None, "batch"), seeds=SEEDS, steps=450, every=15) -> Iterator[Smoothness]:
    """Train 64-64-64-10 networks with and without BatchNorm, and every few steps look ahead along the gradient of all
    300 training rows (BatchNorm in training mode), up to one step of `lr`, without taking it."""
    splits, found = [digits(300, scale="unit", seed=seed) for seed in seeds], ({}, {}, {})
    at = tuple(range(0, steps + 1, every))
    for k, norm in enumerate(norms):
        networks = Networks(SHALLOW, norm, splits, seeds)
        rows, looks = networks.rows("train"), []
        for step in steps_of(networks, steps, 50, lr):
            if step in at:
                looks.append(look_ahead(networks, *rows, lr))
                for figure, parts in zip(found, zip(*looks)):
                    figure[norm] = torch.stack(parts, 1).double()
                yield Smoothness(lr, at, *map(dict, found), (k + step / steps) / len(norms))
    yield Smoothness(lr, at, *found)


def look_ahead(networks, x, y, lr):
    """(loss, spread, bend) of each network, see `Smoothness`."""
    here, gradient = loss_and_gradient(networks, networks.parameters, x, y)
    length, losses, bends = norm_of(gradient), [here], []
    for share in DISTANCES:
        there = [p.detach() - share * lr * g for p, g in zip(networks.parameters, gradient)]
        loss, other = loss_and_gradient(networks, there, x, y)
        losses.append(loss)
        bends.append(norm_of([a - b for a, b in zip(other, gradient)]) / (share * lr * length))
    losses = torch.stack(losses)
    return here, losses.max(0).values - losses.min(0).values, torch.stack(bends).max(0).values


def loss_and_gradient(networks, parameters, x, y):
    parameters = [p.detach().requires_grad_() for p in parameters]
    losses = networks.losses(x, y, training=True, parameters=parameters, remember=False)
    return losses.detach(), torch.autograd.grad(losses.sum(), parameters)


def norm_of(tensors):
    """Length [V] of what the tensors [V, …] hold together."""
    return sum(t.flatten(1).square().sum(1) for t in tensors).sqrt()


# ---------------------------------------------------------------- small batches

SIZES = (1, 2, 8)


@dataclass
class SmallBatches:
    """Test error (share) [seeds] by (norm, batch size); BatchNorm has none at batch size 1, which it refuses."""

    error: dict
    progress: float = 1.0


@remembered
def compare_small_batches(lr=0.02, seeds=SEEDS, epochs=2) -> Iterator[SmallBatches]:
    """Train 64-64-64-10 networks for two epochs of 1000 clean digits in batches of 1, 2 and 8, plain SGD with one
    learning rate for all; evaluation mode, mean of ten looks in the last quarter."""
    jobs, error = [(norm, size) for size in SIZES for norm in NORMS if (norm, size) != ("batch", 1)], {}
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

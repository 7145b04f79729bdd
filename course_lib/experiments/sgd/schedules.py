"""What a learning-rate schedule, designed from a few numbers, does to the loss.

64-32-10 networks on 500 digits, batches of 10, momentum 0.9, 300 steps.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import lr_scheduler

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.sgd import (
    cosine_decay,
    cyclical,
    exponential_decay,
    linear_warmup,
    one_cycle,
    sgd_update,
    step_decay,
)

STEPS, SPEC = 300, ModelSpec((64, 32, 10))
RATES, PILOT = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4), range(9000, 9004)
EVALUATED = tuple(range(0, STEPS + 1, 10))
# Name → (step, steps) → factor, without warm-up and floor.
SHAPES: dict[str, Callable[[int, int], float]] = {
    "constant": lambda step, steps: 1.0,
    "step decay": lambda step, steps: step_decay(step, math.ceil(steps / 3)),
    "exponential": lambda step, steps: exponential_decay(step, 0.01 ** (1 / steps)),
    "cosine": cosine_decay,
    "cyclical": lambda step, steps: cyclical(step, math.ceil(steps / 12)),
    "one-cycle": one_cycle,
}


@dataclass
class Scheduled:
    """Learning rates [steps], and the losses [seeds, recorded] that they lead to."""

    rates: list[float]
    train_loss: Tensor
    test_loss: Tensor
    progress: float
    diverged: int  # seeds


def designed(shape: str, warmup: int, floor: float, step: int, steps: int = STEPS) -> float:
    """The factor at `step` of `steps`: a straight line up over `warmup` steps, then the shape.

    The shape, one of `SHAPES`, is squeezed in between `floor` and 1.
    """
    if step < warmup:
        return linear_warmup(step, warmup, 0.02)
    return floor + (1 - floor) * SHAPES[shape](step - warmup, steps - warmup)


@remembered
def train_on_schedule(
    shape: str,
    warmup: int,
    floor: float,
    lr: float,
    seeds: Sequence[int] = (0, 1, 2, 3),
    update: Callable = sgd_update,
) -> Iterator[Scheduled]:
    """Train at the designed rate, highest at `lr`; yields a `Scheduled` that fills in."""
    factor = partial(designed, shape, warmup, floor)
    rates = [lr * factor(step) for step in range(STEPS)]
    for training in train(
        SPEC,
        lambda seed: digits(500, scale="unit", seed=seed),
        {"lr": lr, "momentum": 0.9},
        seeds,
        update=update,
        schedule=factor,
        steps=STEPS,
        batch_size=10,
        record_at=EVALUATED,
        keep_parameters=False,
    ):
        yield Scheduled(
            rates,
            training.train_loss[:, 0],
            training.test_loss[:, 0],
            training.progress,
            int((training.diverged_at >= 0).sum()),
        )


def pilot_losses(shape: str) -> Tensor:
    """Training loss at the end, geometric mean [rates] of the pilot seeds, at each of `RATES`.

    Infinite where one diverged. Without warm-up and floor.
    """
    *_, training = train(
        SPEC,
        lambda seed: digits(500, scale="unit", seed=seed),
        {"lr": list(RATES), "momentum": 0.9},
        PILOT,
        update=sgd_update,
        schedule=partial(designed, shape, 0, 0.0),
        steps=STEPS,
        batch_size=10,
        record_at=(0, STEPS),
        keep_parameters=False,
    )
    return training.train_loss[:, :, -1].nan_to_num(torch.inf, torch.inf).log().mean(0).exp()


def own_rate(shape: str) -> float:
    """The rate of `RATES` at which the pilot seeds, which judge nothing, end lowest."""
    return RATES[int(pilot_losses(shape).argmin())]


def at_own_rate(
    shapes: Sequence[str], seeds: Sequence[int] = tuple(range(8))
) -> dict[str, Scheduled]:
    """Each shape at its `own_rate`, on the same seeds, which chose nothing: "cosine 0.1" → run."""
    found = {}
    for shape in shapes:
        rate = own_rate(shape)
        *_, found[f"{shape} {rate:g}"] = train_on_schedule(shape, 0, 0.0, rate, seeds)
    return found


def torchs_factors(scheduler: Callable, steps: int = STEPS, **options: Any) -> list[float]:
    """The learning rates [steps] that a class of `torch.optim.lr_scheduler` sets, from 1 on."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    chosen, seen = scheduler(optimizer, **options), []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        chosen.step()
    return seen


def beside_torch() -> dict[str, float]:
    """Schedule → its largest distance from torch's twin, over every step of a run of 300."""
    of = torchs_factors
    pairs: dict[str, tuple[Callable[[int], float], list[float]]] = {
        "step": (
            lambda t: step_decay(t, 100, 0.1),
            of(lr_scheduler.StepLR, step_size=100, gamma=0.1),
        ),
        "exponential": (
            lambda t: exponential_decay(t, 0.98),
            of(lr_scheduler.ExponentialLR, gamma=0.98),
        ),
        "cosine": (lambda t: cosine_decay(t, 299), of(lr_scheduler.CosineAnnealingLR, T_max=299)),
        "warm-up": (
            lambda t: linear_warmup(t, 50, 0.01),
            of(lr_scheduler.LinearLR, start_factor=0.01, total_iters=50),
        ),
        "cyclical": (
            lambda t: cyclical(t, 25, low=0.1),
            of(
                lr_scheduler.CyclicLR,
                base_lr=0.1,
                max_lr=1.0,
                step_size_up=25,
                cycle_momentum=False,
            ),
        ),
        "one-cycle": (
            lambda t: one_cycle(t, 300),
            of(lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=300, cycle_momentum=False),
        ),
    }
    return {
        name: max(abs(ours(t) - rate) for t, rate in enumerate(theirs))
        for name, (ours, theirs) in pairs.items()
    }

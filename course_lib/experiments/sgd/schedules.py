"""What a learning-rate schedule, designed from a few numbers, does to the loss.

64-32-10 networks on 500 digits, batches of 10, momentum 0.9, 300 steps.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

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

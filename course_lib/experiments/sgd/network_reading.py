"""Six epochs of digits for a small network, in steps of 10, 50, 100 examples or of all 500.

The network of the lesson's plain loop, at a constant learning rate. Each batch size at its own best
pair of learning rate and momentum, of 60, by the mean log loss of twenty pilot seeds, which judge
nothing. Four would not do: single runs differ by a factor of two and more, and of sixty pairs
somebody is then lucky.

And two rules for the rate of a batch k times as large, held to the same seeds: k times the rate of
the small batch, or √k times. And the way there: batches of ten beside the full batch, given as many
steps, or as many examples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.engine import product, train
from course_lib.experiments.sgd.schedules import SPEC
from course_lib.sgd import sgd_update

ROWS, EPOCHS, SIZES = 500, 6, (10, 50, 100, 500)
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95)
PILOT, JUDGED = range(9000, 9020), range(8)
SCALED, MOMENTUM = (50, 100), 0.9  # sizes that two rules give a rate, at the usual momentum
SMALL, FULL, LOOKS = 10, ROWS, 60  # who is watched on the way, and how often at most


@dataclass
class NetworkReading:
    """Training loss after six epochs, batch size → [seeds], each at its `best`: (lr, momentum).

    ranked: all pairs, (lr, momentum, geometric mean of the pilot seeds' losses), lowest first.
    """

    loss: dict[int, Tensor]
    best: dict[int, tuple[float, float]]
    ranked: dict[int, list[tuple[float, float, float]]]


def losses(size: int, grid: dict[str, list[float]], seeds: Sequence[int]) -> Tensor:
    """Training loss [seeds, settings] after six epochs in batches of `size`; infinite: diverged."""
    steps = EPOCHS * ROWS // size
    *_, result = train(
        SPEC,
        lambda seed: digits(ROWS, scale="unit", seed=seed),
        grid,
        seeds,
        update=sgd_update,
        steps=steps,
        batch_size=size,
        record_at=(0, steps),
        keep_parameters=False,
    )
    return result.train_loss[:, :, -1].nan_to_num(torch.inf, torch.inf)


def read() -> NetworkReading:
    """Every batch size at its own best pair."""
    found = NetworkReading({}, {}, {})
    grid = product(lr=RATES, momentum=MOMENTA)
    for size in SIZES:
        pilot = losses(size, grid, PILOT).log().mean(0).exp()
        order = zip(grid["lr"], grid["momentum"], pilot.tolist())
        found.ranked[size] = sorted(order, key=lambda pair: pair[2])
        rate, momentum, _ = found.ranked[size][0]
        found.best[size] = rate, momentum
        one = {"lr": [rate], "momentum": [momentum]}
        found.loss[size] = losses(size, one, JUDGED).squeeze(1)
    return found


@dataclass
class Scaled:
    """Training loss [seeds] after six epochs of batches of k times ten, batch size → by rule.

    linear, root: at k and √k times `rate`, the best for batches of ten at `MOMENTUM`.
    """

    rate: float
    linear: dict[int, Tensor]
    root: dict[int, Tensor]


def scale(found: NetworkReading) -> Scaled:
    """Two rules for a larger batch, from what `read` found best for batches of ten."""
    small = SIZES[0]
    rate = next(rate for rate, momentum, _ in found.ranked[small] if momentum == MOMENTUM)
    scaled = Scaled(rate, {}, {})
    for size in SCALED:
        k = size / small
        rates = {"lr": [k * rate, math.sqrt(k) * rate], "momentum": [MOMENTUM] * 2}
        scaled.linear[size], scaled.root[size] = losses(size, rates, JUDGED).unbind(1)
    return scaled


@dataclass
class Way:
    """The losses [seeds, looks] of one batch size after `steps` [looks], of which 0 is one."""

    size: int
    rate: float
    momentum: float
    steps: list[int]
    loss: Tensor  # on the training rows
    test_loss: Tensor

    @property
    def examples(self) -> list[int]:
        """Examples seen by then [looks]; one that is seen twice counts twice."""
        return [self.size * step for step in self.steps]


def way(size: int, pair: tuple[float, float], steps: int) -> Way:
    """The judged seeds at one (lr, momentum), in batches of `size`, looked at on the way.

    NaN from where one has diverged. Raises ValueError for sizes and steps below 1.
    """
    looks = range(0, steps + 1, math.ceil(steps / LOOKS))
    *_, result = train(
        SPEC,
        lambda seed: digits(ROWS, scale="unit", seed=seed),
        {"lr": [pair[0]], "momentum": [pair[1]]},
        JUDGED,
        update=sgd_update,
        steps=steps,
        batch_size=size,
        record_at=(*looks, steps),
        keep_parameters=False,
    )
    return Way(size, *pair, list(result.recorded), result.train_loss[:, 0], result.test_loss[:, 0])


@dataclass
class Budgets:
    """Batches of ten, and the full batch twice, the same starts and splits for all.

    small: six epochs at its best pair. equal_steps: the full batch for as many steps, at the same
    pair. equal_examples: the full batch for six epochs, which are six steps, at its own best pair.
    """

    small: Way
    equal_steps: Way
    equal_examples: Way


def budgets(found: NetworkReading) -> Budgets:
    """The full batch beside batches of ten: with as many steps, with as many examples."""
    steps, own = EPOCHS * ROWS // SMALL, found.best[SMALL]
    return Budgets(
        way(SMALL, own, steps),
        way(FULL, own, steps),
        way(FULL, found.best[FULL], EPOCHS * ROWS // FULL),
    )

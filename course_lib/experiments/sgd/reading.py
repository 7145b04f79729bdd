"""Ten epochs in the bowl, in steps of 1, 8 or 64 examples: where does each batch size end?

Once all at one learning rate; once each at its own best of nine; once each at its own best pair of
learning rate and momentum, at a constant rate and once more with a rate that falls to 0 along half
a cosine; and once the full batch for as many steps as batches of 8 take.
Every seed has its own shuffles and its own start. What is best the mean log loss of twenty pilot
seeds says, which judge nothing.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.experiments.sgd.bowl import GOAL, ROWS, START, bowl, examples, excess_loss
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import cosine_decay, sgd_update

SIZES, READ, COMMON_RATE = (1, 8, ROWS), 10 * ROWS, 0.3
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9, 0.95, 0.99)  # 2/λmax = 1 is the bound
# Momentum bears larger rates, and with small batches wants smaller ones. Wide enough that no batch
# size has its best at an edge.
PAIR_RATES = (0.0002, 0.0005, 0.001, 0.002, 0.005, *RATES, 1.2, 1.5)
MOMENTA = (0.0, 0.3, 0.6, 0.9, 0.95, 0.98, 0.99)
PAIRS = tuple(itertools.product(PAIR_RATES, MOMENTA))
PILOT, JUDGED = range(9000, 9020), range(40)
# For the steps that each size needs; the mean loss at the start is 3.9.
HALVED, TARGET, MANY_PILOT = (1, 2, 4, 8, 16, 32, ROWS), 0.02, range(9000, 9040)


@dataclass
class Reading:
    """Loss above the minimum after processing 640 examples, batch size → [seeds].

    common: all at `COMMON_RATE`; own: each at `best_rate`; pair: each at `best_pair`, a learning
    rate and a momentum; falling: each at `best_falling`, a pair whose rate falls to 0; longer: the
    full batch at `COMMON_RATE`, for as many steps as batches of 8 take.
    """

    common: dict[int, Tensor]
    own: dict[int, Tensor]
    pair: dict[int, Tensor]
    falling: dict[int, Tensor]
    best_rate: dict[int, float]
    best_pair: dict[int, tuple[float, float]]
    best_falling: dict[int, tuple[float, float]]
    longer: Tensor


def starts(seeds: Sequence[int]) -> Tensor:
    """A random point [seeds, 2] for each seed, as far from the goal as the picture's start."""
    draws = [torch.rand((), dtype=torch.float64, generator=seeded(n, "start")) for n in seeds]
    angle = 2 * math.pi * torch.stack(draws)
    far = (torch.tensor(START, dtype=torch.float64) - GOAL).norm()
    return GOAL + far * torch.stack([angle.cos(), angle.sin()], 1)


def curves(
    size: int,
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    momenta: Sequence[float] | None = None,
    factor: Callable[[int, int], float] | None = None,
) -> Iterator[Tensor]:
    """Loss above the minimum [seeds, rates] after each of `steps` steps of `size` examples.

    The examples are shuffled anew each epoch. momenta: one for each rate; None: without. factor:
    (step, steps) → what the rates are multiplied by; None: constant rates.
    """
    hessian, centres = bowl(10.0), examples()
    orders = [batches(ROWS, size, generator=seeded(seed)) for seed in seeds]
    lr = torch.tensor(rates, dtype=torch.float64).unsqueeze(1)
    momentum: float | Tensor = 0.0
    if momenta is not None:
        momentum = torch.tensor(momenta, dtype=torch.float64).unsqueeze(1)
    w = starts(seeds).unsqueeze(1).repeat(1, len(rates), 1)
    state: dict[str, Tensor] = {}
    for step in range(steps):
        wanted = centres[torch.stack([next(order) for order in orders])].mean(1)
        now = lr if factor is None else lr * factor(step, steps)
        sgd_update(w, (w - wanted.unsqueeze(1)) @ hessian, state, lr=now, momentum=momentum)
        yield excess_loss(w, hessian).nan_to_num(torch.inf, torch.inf)  # diverged: never the best


def losses(
    size: int,
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    momenta: Sequence[float] | None = None,
    factor: Callable[[int, int], float] | None = None,
) -> Tensor:
    """The last of the `curves`."""
    *_, last = curves(size, rates, seeds, steps, momenta, factor)
    return last


def read() -> Reading:
    """Every batch size at the common rate, at its own best, and at its own best pairs."""
    longer = losses(ROWS, (COMMON_RATE,), JUDGED, READ // 8).squeeze(1)
    found = Reading({}, {}, {}, {}, {}, {}, {}, longer)
    for size in SIZES:
        steps = READ // size
        pilot = losses(size, RATES, PILOT, steps).log().mean(0)
        found.best_rate[size] = RATES[int(pilot.argmin())]
        judged = losses(size, (COMMON_RATE, found.best_rate[size]), JUDGED, steps)
        found.common[size], found.own[size] = judged.unbind(1)
        found.best_pair[size], found.pair[size] = _own_pair(size, None)
        found.best_falling[size], found.falling[size] = _own_pair(size, cosine_decay)
    return found


def _own_pair(
    size: int, factor: Callable[[int, int], float] | None
) -> tuple[tuple[float, float], Tensor]:
    """The pair at which the pilot seeds end lowest, and the judged seeds' losses there."""
    lr, momentum = zip(*PAIRS)
    steps = READ // size
    pilot = losses(size, lr, PILOT, steps, momentum, factor).log().mean(0)
    rate, mu = PAIRS[int(pilot.argmin())]
    return (rate, mu), losses(size, (rate,), JUDGED, steps, (mu,), factor).squeeze(1)


def steps_needed(size: int) -> tuple[int, float]:
    """The fewest steps to `TARGET`, and the mean loss of the judged seeds after as many.

    At the pair of learning rate and momentum whose mean over forty pilot seeds is there first.
    """
    lr, momentum = zip(*PAIRS)
    for step, loss in enumerate(curves(size, lr, MANY_PILOT, READ, momentum), 1):
        mean, at = loss.mean(0).min(0)
        if mean <= TARGET:
            rate, mu = PAIRS[int(at)]
            return step, losses(size, (rate,), JUDGED, step, (mu,)).mean().item()
    raise ValueError(f"size = {size}: no pair comes down to {TARGET} in {READ} steps")

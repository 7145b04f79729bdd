"""Ten epochs in the bowl, in steps of 1, 8 or 64 examples: where does each batch size end?

Once all at one learning rate; once each at its own best of nine; once each at its own best pair of
learning rate and momentum; and once the full batch for as many steps as batches of 8 take. What is
best the mean over four pilot shuffles says, which judge nothing.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.experiments.sgd.bowl import ROWS, START, bowl, examples, excess_loss
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

SIZES, READ, COMMON_RATE = (1, 8, ROWS), 10 * ROWS, 0.3
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9, 0.95, 0.99)  # 2/λmax = 1 is the bound
# Momentum bears larger rates, and with small batches wants smaller ones.
PAIRS = tuple(itertools.product((0.002, 0.005, *RATES, 1.2, 1.5), (0.0, 0.3, 0.6, 0.9, 0.95)))
PILOT, JUDGED = range(9000, 9004), range(40)
# For the steps that each size needs; the loss at the start is 0.88.
HALVED, TARGET, MANY_PILOT = (1, 2, 4, 8, 16, 32, ROWS), 0.02, range(9000, 9040)


@dataclass
class Reading:
    """Loss above the minimum after reading 640 examples, batch size → [seeds].

    common: all at `COMMON_RATE`; own: each at `best_rate`; pair: each at `best_pair`, a learning
    rate and a momentum; longer: the full batch at `COMMON_RATE`, for as many steps as batches of 8
    take.
    """

    common: dict[int, Tensor]
    own: dict[int, Tensor]
    pair: dict[int, Tensor]
    best_rate: dict[int, float]
    best_pair: dict[int, tuple[float, float]]
    longer: Tensor


def curves(
    size: int,
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    momenta: Sequence[float] | None = None,
) -> Iterator[Tensor]:
    """Loss above the minimum [seeds, rates] after each of `steps` steps of `size` examples.

    The examples are shuffled anew each epoch. momenta: one for each rate; None: without.
    """
    hessian, centres = bowl(10.0), examples()
    orders = [batches(ROWS, size, generator=seeded(seed)) for seed in seeds]
    lr = torch.tensor(rates, dtype=torch.float64).unsqueeze(1)
    momentum: float | Tensor = 0.0
    if momenta is not None:
        momentum = torch.tensor(momenta, dtype=torch.float64).unsqueeze(1)
    w = torch.tensor(START, dtype=torch.float64).repeat(len(seeds), len(rates), 1)
    state: dict[str, Tensor] = {}
    for _ in range(steps):
        wanted = centres[torch.stack([next(order) for order in orders])].mean(1)
        sgd_update(w, (w - wanted.unsqueeze(1)) @ hessian, state, lr=lr, momentum=momentum)
        yield excess_loss(w, hessian).nan_to_num(torch.inf, torch.inf)  # diverged: never the best


def losses(
    size: int,
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    momenta: Sequence[float] | None = None,
) -> Tensor:
    """The last of the `curves`."""
    *_, last = curves(size, rates, seeds, steps, momenta)
    return last


def read() -> Reading:
    """Every batch size at the common rate, at its own best, and at its own best pair."""
    common, own, pair, best, best_pair = {}, {}, {}, {}, {}
    lr, momentum = zip(*PAIRS)
    for size in SIZES:
        steps = READ // size
        pilot = losses(size, RATES, PILOT, steps).mean(0)
        best[size] = RATES[int(pilot.argmin())]
        judged = losses(size, (COMMON_RATE, best[size]), JUDGED, steps)
        common[size], own[size] = judged.unbind(1)
        pilot = losses(size, lr, PILOT, steps, momentum).mean(0)
        best_pair[size] = PAIRS[int(pilot.argmin())]
        rate, mu = best_pair[size]
        pair[size] = losses(size, (rate,), JUDGED, steps, (mu,)).squeeze(1)
    longer = losses(ROWS, (COMMON_RATE,), JUDGED, READ // 8)
    return Reading(common, own, pair, best, best_pair, longer.squeeze(1))


def steps_needed(size: int) -> tuple[int, float]:
    """The fewest steps to `TARGET`, and the loss of the judged shuffles after as many.

    At the pair of learning rate and momentum whose mean over forty pilot shuffles is there first.
    """
    lr, momentum = zip(*PAIRS)
    for step, loss in enumerate(curves(size, lr, MANY_PILOT, READ, momentum), 1):
        mean, at = loss.mean(0).min(0)
        if mean <= TARGET:
            rate, mu = PAIRS[int(at)]
            return step, losses(size, (rate,), JUDGED, step, (mu,)).mean().item()
    raise ValueError(f"size = {size}: no pair comes down to {TARGET} in {READ} steps")

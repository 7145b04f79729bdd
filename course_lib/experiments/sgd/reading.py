"""Ten epochs in the bowl, in steps of 1, 8 or 64 examples: where does each batch size end?

Once all at one learning rate; once each at its own best of nine, chosen by the mean over four pilot
shuffles that judge nothing; and once the full batch for as many steps as batches of 8 take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.experiments.sgd.bowl import ROWS, START, bowl, examples, excess_loss
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

SIZES, READ, COMMON_RATE = (1, 8, ROWS), 10 * ROWS, 0.3
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9, 0.95, 0.99)  # 2/λmax = 1 is the bound
PILOT, JUDGED = range(9000, 9004), range(40)


@dataclass
class Reading:
    """Loss above the minimum after reading 640 examples, batch size → [seeds].

    common: all at `COMMON_RATE`; own: each at `best_rate`; longer: the full batch at `COMMON_RATE`,
    for as many steps as batches of 8 take.
    """

    common: dict[int, Tensor]
    own: dict[int, Tensor]
    best_rate: dict[int, float]
    longer: Tensor


def losses(size: int, rates: Sequence[float], seeds: Sequence[int], steps: int) -> Tensor:
    """Loss above the minimum [seeds, rates] after `steps` steps of `size` shuffled examples."""
    hessian, centres = bowl(10.0), examples()
    orders = [batches(ROWS, size, generator=seeded(seed)) for seed in seeds]
    lr = torch.tensor(rates, dtype=torch.float64).unsqueeze(1)
    w = torch.tensor(START, dtype=torch.float64).repeat(len(seeds), len(rates), 1)
    for _ in range(steps):
        wanted = centres[torch.stack([next(order) for order in orders])].mean(1)
        sgd_update(w, (w - wanted.unsqueeze(1)) @ hessian, {}, lr=lr)
    return excess_loss(w, hessian)


def read() -> Reading:
    """Every batch size at the common rate, and at its own best."""
    common, own, best = {}, {}, {}
    for size in SIZES:
        steps = READ // size
        pilot = losses(size, RATES, PILOT, steps).mean(0)
        best[size] = RATES[int(pilot.argmin())]
        judged = losses(size, (COMMON_RATE, best[size]), JUDGED, steps)
        common[size], own[size] = judged.unbind(1)
    longer = losses(ROWS, (COMMON_RATE,), JUDGED, READ // 8)
    return Reading(common, own, best, longer.squeeze(1))

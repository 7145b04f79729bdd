"""By which factor decay's λ has to be larger than L2's: 1/(1 − μ) with momentum, 1/√v̂ under Adam?

The plain cell's network and digits, more seeds. With momentum the factor is known beforehand. Under
Adam it is read off runs with L2: the median of 1/√v̂ over the first layer's weights, then over the
seeds. Decay is trained at the λ that this forecasts, and at no other: nothing is searched for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, Training, train
from course_lib.sgd import sgd_update

STEPS, RATE, MOMENTUM = 600, 0.01, 0.9
STRENGTHS = (0.02, 0.005)  # of L2; the first is the plain cell's
SEEDS = tuple(range(8))


@dataclass(frozen=True)
class Factors:
    """Lengths of all weights [seeds, `STRENGTHS`] at the end, of L2 and of the decay beside it.

    decays [`STRENGTHS`]: decay's λ. prices [seeds, `STRENGTHS`]: decay's λ times the median √v̂ of
    its own first layer, 0 without Adam.
    """

    l2: Tensor
    decay: Tensor
    decays: Tensor
    prices: Tensor

    @property
    def longer(self) -> Tensor:
        """By which share decay's weights end longer than those of L2 [seeds, `STRENGTHS`]."""
        return self.decay / self.l2 - 1


def with_momentum(seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Factors:
    """SGD with momentum 0.9: L2, and decay λ/(1 − μ)."""
    decays = torch.tensor(STRENGTHS, dtype=torch.float64) / (1 - MOMENTUM)
    both = [
        _run(sgd_update, seeds, steps, momentum=MOMENTUM, **pull)
        for pull in ({"l2": list(STRENGTHS)}, {"weight_decay": decays.tolist()})
    ]
    l2, decay = (_lengths(training) for training in both)
    return Factors(l2, decay, decays, torch.zeros_like(l2))


def under_adam(seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Factors:
    """Adam: L2, and decay at the λ that the √v̂ of the runs with L2 forecast."""
    training = _run(adam_update, seeds, steps, l2=list(STRENGTHS))
    multipliers = (1 / _sizes(training, steps)).median(0).values
    decays = torch.tensor(STRENGTHS, dtype=torch.float64) * multipliers
    decayed = _run(adam_update, seeds, steps, weight_decay=decays.tolist())
    prices = decays * _sizes(decayed, steps)
    return Factors(_lengths(training), _lengths(decayed), decays, prices)


def _run(update: Callable, seeds: Sequence[int], steps: int, **settings: Any) -> Training:
    *_, training = train(
        ModelSpec((64, 128, 10)),
        lambda seed: digits(300, label_noise=0.2, seed=seed),
        {"lr": RATE, **settings},
        seeds,
        update=update,
        steps=steps,
    )
    return training


def _lengths(training: Training) -> Tensor:
    """‖all parameters‖ [seeds, settings]."""
    squares = [
        sum(p.double().square().flatten(1).sum(1) for p in parameters)
        for parameters in training.parameters
    ]
    return torch.stack(squares).sqrt().cpu()


def _sizes(training: Training, steps: int) -> Tensor:
    """Median √v̂ over the first layer's weights that ever saw a gradient [seeds, settings]."""
    v = torch.stack([states[0]["exp_avg_sq"] for states in training.states]).double().cpu()
    root = (v / (1 - 0.999**steps)).sqrt().flatten(2)
    return root.masked_fill(root == 0, torch.nan).nanmedian(2).values

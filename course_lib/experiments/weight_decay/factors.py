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
from course_lib.experiments.weight_decay.moments import v_hat
from course_lib.sgd import sgd_update

STEPS, RATE, MOMENTUM = 600, 0.01, 0.9
STRENGTHS = (0.02, 0.005)  # of L2; the first is the plain cell's
SEEDS = tuple(range(8))


@dataclass(frozen=True)
class Factors:
    """Lengths of all weights [seeds, `STRENGTHS`] at the end, of L2 and of the decay beside it.

    decays [`STRENGTHS`]: decay's λ.
    """

    l2: Tensor
    decay: Tensor
    decays: Tensor

    @property
    def longer(self) -> Tensor:
        """By which share decay's weights end longer than those of L2 [seeds, `STRENGTHS`]."""
        return self.decay / self.l2 - 1

    def __str__(self) -> str:
        """A line for each of `STRENGTHS`: L2's λ, the factor, decay's λ, both mean lengths."""
        lines = ["λ of L2  factor  λ of decay  length with L2  with decay"]
        for l2, decay, *lengths in zip(STRENGTHS, self.decays, self.l2.mean(0), self.decay.mean(0)):
            lines.append(
                f"{l2:<8} {decay / l2:<7.0f} {decay:<11.2f} {lengths[0]:<15.2f} {lengths[1]:.2f}"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class Forecast(Factors):
    """prices [seeds, `STRENGTHS`]: decay's λ times the median √v̂ of its own first layer."""

    prices: Tensor


def with_momentum(seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Factors:
    """SGD with momentum 0.9: L2, and decay λ/(1 − μ)."""
    decays = torch.tensor(STRENGTHS, dtype=torch.float64) / (1 - MOMENTUM)
    both = [
        _run(sgd_update, seeds, steps, momentum=MOMENTUM, **pull)
        for pull in ({"l2": list(STRENGTHS)}, {"weight_decay": decays.tolist()})
    ]
    l2, decay = (_lengths(training) for training in both)
    return Factors(l2, decay, decays)


def under_adam(seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Forecast:
    """Adam: L2, and decay at the λ that the √v̂ of the runs with L2 forecast."""
    training = _run(adam_update, seeds, steps, l2=list(STRENGTHS))
    multipliers = (1 / _sizes(training, steps)).median(0).values
    decays = torch.tensor(STRENGTHS, dtype=torch.float64) * multipliers
    decayed = _run(adam_update, seeds, steps, weight_decay=decays.tolist())
    prices = decays * _sizes(decayed, steps)
    return Forecast(_lengths(training), _lengths(decayed), decays, prices)


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
    root = v_hat(v, steps).sqrt().flatten(2)
    return root.masked_fill(root == 0, torch.nan).nanmedian(2).values

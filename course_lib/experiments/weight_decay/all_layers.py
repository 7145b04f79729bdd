"""Adam's multiplier of L2 in every layer, and the pull that follows, on pixels of either scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.experiments.weight_decay.effective_decay import LAST
from course_lib.experiments.weight_decay.moments import v_hat

PARTS = ("first weights", "first biases", "last weights", "last biases")


@dataclass(frozen=True)
class Multipliers:
    """log₁₀ figures [seeds, parts], parts as in `PARTS`; weights without a gradient are left out.

    least: the smallest multiplier 1/(√v̂ + ε). spread: from its 5th to its 95th percentile.
    pull: the same of the pull (1 − m²/s)/√s, m and s the means of gradient and squared gradient.
    """

    least: Tensor
    spread: Tensor
    pull: Tensor


def measure(scale: str, seeds: Sequence[int] = tuple(range(8)), steps: int = LAST) -> Multipliers:
    """Train the network of the picture at λ = 1e-4 on pixels of this `scale`; read all layers."""
    means: dict[int, list[Tensor]] = {}
    squares: dict[int, list[Tensor]] = {}

    def observe(
        seed: int, step: int, parameters: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> None:
        zero = [torch.zeros_like(gradient) for gradient in gradients]
        for sums, power in ((means, 1), (squares, 2)):
            before = sums.get(seed, zero)
            sums[seed] = [a + g**power / steps for a, g in zip(before, gradients)]

    *_, training = train(
        ModelSpec((64, 128, 10)),
        lambda seed: digits(1000, scale=scale, seed=seed),
        {"l2": [1e-4], "lr": 1e-3},
        seeds,
        update=adam_update,
        steps=steps,
        record_at=(steps,),
        observe=observe,
    )
    figures = [
        [
            read(mean.cpu(), square.cpu(), v_hat(state["exp_avg_sq"].cpu(), steps))
            for mean, square, state in zip(means[seed], squares[seed], training.states[i])
        ]
        for i, seed in enumerate(seeds)
    ]
    return Multipliers(*torch.tensor(figures, dtype=torch.float64).unbind(-1))


def read(mean: Tensor, square: Tensor, v: Tensor) -> tuple[float, float, float]:
    """(least, spread, pull) of one tensor of weights, from its mean g, mean g² and v̂ = `v`."""
    live = square > 0
    mean, square, v = (part[live].double() for part in (mean, square, v))
    multiplier = -(v.sqrt() + 1e-8).log10()
    # 1 − m²/s is 0 where a gradient never varies: kept off the logarithm's −∞
    pull = (1 - mean**2 / square).clamp(min=1e-12).log10() - square.log10() / 2
    return multiplier.min().item(), _decades(multiplier), _decades(pull)


def _decades(values: Tensor) -> float:
    low, high = values.quantile(values.new_tensor([0.05, 0.95]))
    return (high - low).item()

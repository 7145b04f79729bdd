"""How much of a gradient under dropping is signal? One draw of the masks beside the mean of many.

An untrained network and 100 digits as in `first_block`, each row with its own masks. The gradient
of one draw is a random vector: what it is on average, plus noise. The mean over many draws keeps
the first and shrinks the noise, here fourteenfold. It is computed as the gradient of one long batch
in which the digits stand as often as there are draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.data import digits
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.first_block import (
    DEEP,
    Gains,
    gradient_norm,
    stacked_network,
)
from course_lib.statistics import Interval, paired_interval

DRAWS, AT_ONCE = 200, 20  # draws of the masks; how many of them are one batch
SEEDS = tuple(range(10))
STACK = "shortcut, dropping"


@dataclass
class MeanGradient:
    """Norms [seeds so far] of the first block's gradient, under DEEP blocks.

    always: without dropping. one: of one draw. mean: of the mean over DRAWS draws.
    """

    always: Tensor
    one: Tensor
    mean: Tensor

    def effect(self, what: str) -> Interval:
        """Of `one` draw or of the `mean` against `always`, in powers of ten."""
        return paired_interval(getattr(self, what).log10(), self.always.log10())


def mean_norm(
    seed: int,
    last: float = 0.5,
    norm: bool = False,
    gain: Gains = (1.0, 1.0),
    depth: int = DEEP,
    draws: int = DRAWS,
) -> float:
    """Norm of the first block's gradient, averaged over `draws` draws of the masks.

    Arguments as of `stacked_network`; draws: a multiple of AT_ONCE.
    """
    split = digits(100, 0, scale="unit", seed=seed, dtype=torch.float64)
    network, first = stacked_network(STACK, depth, seed, last, norm, gain)
    x, y = split.train_x.repeat(AT_ONCE, 1), split.train_y.repeat(AT_ONCE)
    for _ in range(draws // AT_ONCE):
        (nn.functional.cross_entropy(network(x), y) * AT_ONCE / draws).backward()
    gradients = (p.grad for p in first.parameters() if p.grad is not None)
    return sum(g.square().sum().item() for g in gradients) ** 0.5


@remembered
def compare_draws(
    norm: bool = False, gain: Gains = (1.0, 1.0), seeds: tuple[int, ...] = SEEDS
) -> Iterator[MeanGradient]:
    """Yield a `MeanGradient` that grows seed by seed, at p_L = 0.5."""
    found = []
    for seed in seeds:
        found.append(
            (
                gradient_norm("shortcut", DEEP, seed, norm=norm, gain=gain),
                gradient_norm(STACK, DEEP, seed, norm=norm, gain=gain),
                mean_norm(seed, norm=norm, gain=gain),
            )
        )
        yield MeanGradient(*torch.tensor(found, dtype=torch.float64).unbind(1))

"""How much of a gradient under dropping is signal? One draw of the masks beside the mean of many.

An untrained network and 100 digits as in `first_block`, each row with its own masks. The gradient
of one draw is a random vector: what it is on average, plus noise. The mean over many draws keeps
the first and shrinks the noise, here tenfold. It is computed as the gradient of long batches in
which the digits stand as often as there are draws. The loss is measured with it. What a run finds
on base 0 is stored in `course_lib/records/stochastic_depth/mean_gradient.json`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice
from course_lib.data import digits
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.first_block import DEEP, STARTS, stacked_network
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

DRAWS, AT_ONCE = 100, 20  # draws of the masks; how many of them are one batch
SEEDS = tuple(range(10))
LARGER = STARTS["2/n before the GELU, 1/n after it"]
WAYS = {  # start and branch → gains, LayerNorm in front of each branch
    "torch's own start": ((1.0, 1.0), False),
    "the larger one": (LARGER, False),
    "the larger one, with LayerNorm": (LARGER, True),
}
FIGURES = ("always", "one", "mean", "loss_always", "loss_mean")


@dataclass
class MeanGradient:
    """Norms [seeds so far] of the first block's gradient under DEEP blocks, and losses.

    always: without dropping. one: of one draw. mean: of the mean over DRAWS draws. loss_always,
    loss_mean: the loss without dropping, and its mean over the draws.
    """

    always: Tensor
    one: Tensor
    mean: Tensor
    loss_always: Tensor
    loss_mean: Tensor

    def ratio(self, one: str, other: str) -> Interval:
        """Of two of FIGURES, in powers of ten, paired by seed."""
        values = [getattr(self, require_choice("figure", name, FIGURES)) for name in (one, other)]
        return paired_interval(*(value.log10() for value in values))


def averaged(
    way: str, seed: int, draws: int, at_once: int = 1, last: float = 0.5, depth: int = DEEP
) -> tuple[float, float]:
    """(norm of the first block's gradient, loss), both of the mean over draws of the masks.

    way: one of WAYS. draws: a multiple of at_once, the number that is one batch. last: p_L, 1 for
    no dropping.
    """
    gain, norm = WAYS[require_choice("way", way, tuple(WAYS))]
    split = digits(100, 0, scale="unit", seed=seed, dtype=torch.float64)
    network, first = stacked_network("shortcut, dropping", depth, seed, last, norm, gain)
    x, y = split.train_x.repeat(at_once, 1), split.train_y.repeat(at_once)
    total = 0.0
    for _ in range(draws // at_once):
        loss = nn.functional.cross_entropy(network(x), y) * at_once / draws
        loss.backward()
        total += loss.item()
    gradients = (p.grad for p in first.parameters() if p.grad is not None)
    return sum(g.square().sum().item() for g in gradients) ** 0.5, total


@remembered
def measure(way: str, seeds: tuple[int, ...] = SEEDS) -> Iterator[MeanGradient]:
    """Yield a `MeanGradient` of one of WAYS that grows seed by seed, at p_L = 0.5."""
    found = []
    for seed in seeds:
        always, loss_always = averaged(way, seed, 1, last=1.0)
        one, _ = averaged(way, seed, 1)
        mean, loss_mean = averaged(way, seed, DRAWS, AT_ONCE)
        found.append((always, one, mean, loss_always, loss_mean))
        yield MeanGradient(*torch.tensor(found, dtype=torch.float64).unbind(1))


def of_draws(way: str, afresh: bool = False) -> MeanGradient:
    """`measure` on this base: as stored if it is, else measured. afresh: here and now."""
    known = {
        name: None if afresh else store.kept("stochastic_depth/mean_gradient", way, name)
        for name in FIGURES
    }
    if all(known.values()):
        return MeanGradient(
            **{name: torch.tensor(value, dtype=torch.float64) for name, value in known.items()}
        )
    *_, found = measure(way)
    return found

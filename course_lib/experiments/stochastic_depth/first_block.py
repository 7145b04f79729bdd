"""What reaches the first block? The norm of its gradient in untrained networks of every depth.

Four ways to stack. Blocks are those of `training`, the loss is the cross entropy of 100 digits.
Dropping divides a branch that is on by its survival probability; "unscaled", as in the paper, it
does not. The blocks' weight matrices are as torch draws them, even on ±1/√in, times a gain for each
of a branch's two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice
from course_lib.base.random import reseed, seeded
from course_lib.data import digits
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.steps import residual_network
from course_lib.statistics import Interval, mean_interval, paired_interval
from course_lib.stochastic_depth import survival_probabilities

DEPTHS = (1, 2, 4, 8, 16, 32, 64)
STACKS = ("no shortcut", "shortcut", "shortcut, dropping", "dropping, unscaled")
DEEP = DEPTHS[-1]
# variance of the weights of a branch's two layers at the start, n inputs each → their gains
STARTS = {
    "torch's own, 1/(3n)": (1.0, 1.0),
    "2/n before the GELU, 1/n after it": (6**0.5, 3**0.5),
    "2/n, both": (6**0.5, 6**0.5),
}
Gains = tuple[float, float]


@dataclass
class FirstBlock:
    """norm [seeds so far, stacks, depths] of the gradient in the first block's parameters.

    last: p_L.
    """

    norm: Tensor
    last: float
    gain: Gains

    def growth(self, stack: str) -> Interval:
        """Of the norm from depth 1 to depth 64, in powers of ten."""
        logs = self._of(stack)
        return mean_interval(logs[:, -1] - logs[:, 0])

    def effect_of_dropping(self, stack: str = "shortcut, dropping") -> Interval:
        """On the norm at depth 64, in powers of ten."""
        return paired_interval(self._of(stack)[:, -1], self._of("shortcut")[:, -1])

    def _of(self, stack: str) -> Tensor:
        return self.norm[:, STACKS.index(require_choice("stack", stack, STACKS))].log10()


def stacked_network(
    stack: str,
    depth: int,
    seed: int,
    last: float = 0.5,
    norm: bool = False,
    gain: Gains = (1.0, 1.0),
) -> tuple[nn.Sequential, nn.Module]:
    """(network, its first branch) in float64: weights by `seed`, the same for all stacks.

    stack: one of STACKS. last: p_L. norm: a LayerNorm in front of each branch. gain: of the
    branches' two weight matrices.
    """
    survivals = survival_probabilities(depth, last if "dropping" in stack else 1.0)
    with torch.random.fork_rng(devices=[]):
        reseed(seed)
        network, blocks = residual_network(
            survivals, generator=seeded(seed, "rows"), mode="row", norm=norm
        )
    for block in blocks:
        layers = [layer for layer in block.branch.children() if isinstance(layer, nn.Linear)]
        for layer, factor in zip(layers, gain, strict=True):
            layer.weight.data *= factor
    if stack == "dropping, unscaled":
        for block in blocks:
            block.branch.register_forward_hook(partial(_multiplied, factor=block.survival))
    if stack == "no shortcut":
        first, relu, *_, last_layer = network
        network = nn.Sequential(first, relu, *(block.branch for block in blocks), last_layer)
    return network.double(), blocks[0].branch


def _multiplied(module: nn.Module, inputs: tuple, output: Tensor, factor: float) -> Tensor:
    """What undoes the division by the survival probability."""
    return output * factor


def gradient_norm(
    stack: str,
    depth: int,
    seed: int,
    last: float = 0.5,
    norm: bool = False,
    gain: Gains = (1.0, 1.0),
) -> float:
    """Norm of the first block's gradient; 0 where no row has come through it.

    Arguments as of `stacked_network`.
    """
    split = digits(100, 0, scale="unit", seed=seed, dtype=torch.float64)
    network, first = stacked_network(stack, depth, seed, last, norm, gain)
    nn.functional.cross_entropy(network(split.train_x), split.train_y).backward()
    gradients = (p.grad for p in first.parameters() if p.grad is not None)
    return sum(g.square().sum().item() for g in gradients) ** 0.5


@remembered
def measure_first_block(
    last: float = 0.5,
    norm: bool = False,
    gain: Gains = (1.0, 1.0),
    seeds: tuple[int, ...] = tuple(range(10)),
) -> Iterator[FirstBlock]:
    """Yield a `FirstBlock` that grows seed by seed."""
    norms = []
    for seed in seeds:
        norms.append(
            [
                [gradient_norm(stack, depth, seed, last, norm, gain) for depth in DEPTHS]
                for stack in STACKS
            ]
        )
        yield FirstBlock(torch.tensor(norms, dtype=torch.float64), last, gain)

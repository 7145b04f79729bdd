"""What reaches the first block? The norm of its gradient in untrained networks of every depth,
three ways to stack.

Blocks are those of `shorter_training`, the loss is the cross entropy of 100 digits. The blocks'
weight matrices are as torch draws them, even on ±1/√in, times a `gain`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from course_lib.base.random import seeded
from course_lib.data import digits
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.steps import residual_network
from course_lib.stochastic_depth import survival_probabilities

DEPTHS = (1, 2, 4, 8, 16, 32, 64)
STACKS = ("no shortcut", "shortcut", "shortcut, dropping")


@dataclass
class FirstBlock:
    """norm [seeds so far, stacks, depths] of the gradient in the first block's parameters; `last`
    is p_L.
    """

    norm: torch.Tensor
    last: float
    gain: float


def network_of(stack, depth, seed, last=0.5, norm=False, gain=1.0):
    """(network, its first branch) in float64: weights by `seed`, the same for all three stacks."""
    survivals = survival_probabilities(depth, last if stack == "shortcut, dropping" else 1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network, blocks = residual_network(
            survivals, generator=seeded(seed, "rows"), mode="row", norm=norm
        )
    for matrix in (p for block in blocks for p in block.branch.parameters() if p.ndim == 2):
        matrix.data *= gain
    if stack == "no shortcut":
        network = nn.Sequential(*network[:2], *(block.branch for block in blocks), network[-1])
    return network.double(), blocks[0].branch


def gradient_norm(stack, depth, seed, last=0.5, norm=False, gain=1.0):
    """Norm of the first block's gradient; 0 where no row has come through it."""
    split = digits(100, 0, scale="unit", seed=seed, dtype=torch.float64)
    network, first = network_of(stack, depth, seed, last, norm, gain)
    nn.functional.cross_entropy(network(split.train_x), split.train_y).backward()
    return (
        sum(0.0 if p.grad is None else p.grad.square().sum().item() for p in first.parameters())
        ** 0.5
    )


@remembered
def measure_first_block(
    last=0.5, norm=False, gain=1.0, seeds=tuple(range(10))
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

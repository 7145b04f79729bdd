"""What does a training step cost when blocks are really skipped? Measured in a plain loop.

The network is that of `training`, one decision a batch, so that a dropped block is neither
computed nor differentiated nor updated. Rounds go through all p_L in turn, so that whatever else
the machine does meets all alike. Where torch computes on one thread, as in the lessons, its
processor time is taken, which a busy machine distorts less than the clock on the wall.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.base.random import reseed, seeded
from course_lib.data import digits
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.training import DEPTH, LAST, WIDTH
from course_lib.statistics import Interval, mean_interval
from course_lib.stochastic_depth import ResidualBlock, mlp_branch, survival_probabilities


@dataclass
class Steps:
    """[rounds so far, p_L] each: seconds and blocks computed, both per training step.

    last: the values of p_L. depth: blocks there are.
    """

    last: tuple[float, ...]
    depth: int
    seconds: Tensor
    blocks: Tensor

    @property
    def relative(self) -> Tensor:
        """Seconds, in units of the same round's step without dropping (the last of `last`)."""
        return self.seconds / self.seconds[:, -1:]

    @property
    def shares(self) -> Tensor:
        """Share of the blocks that was computed."""
        return self.blocks / self.depth

    def time(self, last: float) -> Interval:
        """Of the relative time of a step at this p_L."""
        return mean_interval(self.relative[:, self.last.index(last)])

    def excess(self, last: float) -> Interval:
        """Of the relative time minus the share of blocks computed; 0 if it is proportional."""
        return mean_interval((self.relative - self.shares)[:, self.last.index(last)])


class Count:
    """`calls`: how often the branches of these blocks were computed."""

    def __init__(self, blocks: Iterable[ResidualBlock]) -> None:
        self.calls = 0
        for block in blocks:
            block.branch.register_forward_hook(self._add)

    def _add(self, module: nn.Module, inputs: tuple, output: Tensor) -> None:
        self.calls += 1


def residual_network(
    survivals: Iterable[float],
    width: int = WIDTH,
    generator: torch.Generator | None = None,
    mode: str = "batch",
    norm: bool = False,
) -> tuple[nn.Sequential, list[ResidualBlock]]:
    """(network, its blocks): 64 → `width`, a residual block for each survival probability, → 10.

    mode, generator: as of `drop_path`. norm: a LayerNorm in front of each branch.
    """
    blocks = [
        ResidualBlock(mlp_branch(width, width, norm), survival, mode, generator)
        for survival in survivals
    ]
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), *blocks, nn.Linear(width, 10)), blocks


class Loop:
    """One network at one p_L, its optimizer, and the digits that it learns; `run` is timed."""

    def __init__(self, last: float, depth: int = DEPTH, width: int = WIDTH, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            reseed(seed)
            survivals = survival_probabilities(depth, last)
            draws = seeded(seed, f"blocks of {last}")
            self.network, blocks = residual_network(survivals, width, draws)
        self.count = Count(blocks)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=2e-3, weight_decay=0.0)
        split = digits(300, 0, label_noise=0.2, scale="unit", seed=seed)
        self.batches = list(zip(split.train_x.split(50), split.train_y.split(50)))

    def run(self, steps: int) -> tuple[float, float]:
        """(seconds, blocks computed), both per step, of `steps` training steps."""
        clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
        self.count.calls, start = 0, clock()
        for step in range(steps):
            x, y = self.batches[step % len(self.batches)]
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.network(x), y).backward()
            self.optimizer.step()
        return (clock() - start) / steps, self.count.calls / steps


@remembered
def time_shorter(
    last: tuple[float, ...] = LAST,
    depth: int = DEPTH,
    width: int = WIDTH,
    rounds: int = 20,
    steps: int = 6,
) -> Iterator[Steps]:
    """Time `rounds` rounds of `steps` steps at every p_L; yield `Steps` that grow round by round.

    `last` ends with 1.0, the network that drops nothing. On a CPU, with as many threads as torch
    has been given. Raises `ValueError` if it does not.
    """
    if last[-1] != 1.0:
        raise ValueError(f"last = {last}: must end with 1.0, to which all are compared")
    loops = [Loop(p, depth, width) for p in last]
    for loop in loops:
        loop.run(5)  # the first steps make room, and are slower
    found = []
    for _ in range(rounds):
        found.append([loop.run(steps) for loop in loops])
        seconds, blocks = torch.tensor(found, dtype=torch.float64).unbind(-1)
        yield Steps(tuple(last), depth, seconds, blocks)

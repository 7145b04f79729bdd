"""Dropout left on at prediction: 1-64-64-1 networks on the noisy sine, asked under many masks.

A point of the curve gets a mean and a standard deviation over masks. With the noise of the targets,
which is known here, they make an interval for a new target. Source: Gal & Ghahramani, "Dropout as a
Bayesian Approximation", 2016.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.data import noisy_sine
from course_lib.dropout import dropout
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward

PS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
ROWS = (10, 30, 100, 1000)
NOISE, Z = 0.3, 1.96
GRID = torch.linspace(-1.6, 1.6, 81)  # the data lie in [−1, 1)
INSIDE = GRID.abs() <= 1
TRUTH = torch.sin(math.pi * GRID)
SEEDS = tuple(range(20, 36))
SHOWN = 6  # passes of the first seed that are kept to be drawn
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


@dataclass
class Band:
    """Mean and standard deviation over masks [seeds, ps, points]; off: evaluation, masks off.

    The standard deviation is that of the masks asked (divisor: their number, `correction=0`).
    passes: a few single passes of the first seed [ps, SHOWN, points]. data: (x, y) of the first
    seed. Seeds are those that have finished; empty tensors at the beginning.
    """

    rows: int
    mean: Tensor
    spread: Tensor
    off: Tensor
    passes: Tensor | None
    data: tuple[Tensor, Tensor]
    progress: float = 0.0
    ps: tuple[float, ...] = PS

    def width(self) -> Tensor:
        """Half the 95 % interval of a new target: z·√(spread² + noise²) [seeds, ps, points]."""
        return Z * (self.spread**2 + NOISE**2).sqrt()

    def coverage(self, noise: bool = True) -> Tensor:
        """Chance that the interval holds a new target [seeds, ps], mean over points among the data.

        No draws are needed. noise=False: how often the curve itself lies within mean ± z·spread.
        """
        off = self.mean - TRUTH
        if not noise:
            return (off.abs() <= Z * self.spread)[..., INSIDE].double().mean(-1)
        high, low = ((off + side * self.width()) / NOISE for side in (1, -1))
        return (torch.special.ndtr(high) - torch.special.ndtr(low))[..., INSIDE].mean(-1)

    def error(self) -> Tensor:
        """Root mean square distance [seeds, ps] of the mean from the curve, among the data."""
        return (self.mean - TRUTH)[..., INSIDE].square().mean(-1).sqrt()

    def evaluation_gap(self) -> Tensor:
        """Root mean square distance [seeds, ps] of evaluation from the mean over masks.

        Among the data; evaluation is masks off.
        """
        return (self.mean - self.off)[..., INSIDE].square().mean(-1).sqrt()

    def mean_spread(self, where: Tensor = INSIDE) -> Tensor:
        """Root mean square spread [seeds, ps] over these points."""
        return self.spread[..., where].square().mean(-1).sqrt()


def predictions(
    parameters: list[Tensor],
    x: Tensor,
    p: float,
    passes: int,
    activation: str,
    layer: Callable = dropout,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Outputs [passes, points] of one network for x [points], each pass under masks of its own.

    A pass is one thinned network, asked at every point. Its masks are what `layer(ones, p, True,
    generator)` makes of ones [passes, units], for each hidden layer.
    """
    f, h = ACTIVATIONS[activation], x.unsqueeze(1)
    masks = [
        layer(torch.ones(passes, len(bias)), p, True, generator) for bias in parameters[1:-1:2]
    ]
    for k, mask in enumerate(masks):  # [passes, points, units]
        h = forward(parameters[2 * k :], h, layers=1, activation=f) * mask.unsqueeze(1)
    return forward(parameters[-2:], h).squeeze(-1)


@remembered
def compute_band(
    rows: int = 30,
    activation: str = "relu",
    seeds: tuple[int, ...] = SEEDS,
    passes: int = 200,
    layer: Callable = dropout,
    ps: tuple[float, ...] = PS,
) -> Iterator[Band]:
    """Train every p at every seed, ask each network `passes` times; yield a growing `Band`.

    1000 steps of 30 rows whatever the number of rows: a thousand epochs of 30 rows, thirty of 1000.
    `layer`: whose masks are used for asking; training drops with the engine's own.
    """
    spec = ModelSpec((1, 64, 64, 1), task="regression", activation=activation)
    grid = {"dropout": list(ps), "lr": 5e-3, "weight_decay": 0.0}
    done: dict[int, list[Tensor]] = {}
    for training in train(
        spec,
        lambda seed: noisy_sine(rows, 0, 1, NOISE, seed=seed),
        grid,
        seeds,
        steps=1000,
        batch_size=min(rows, 30),
    ):
        for s, seed in enumerate(seeds):
            if training.parameters[s] is not None and seed not in done:
                done[seed] = _ask(training.parameters[s], seed, ps, passes, activation, layer)
        yield _gather(rows, done, seeds, training.progress, tuple(ps))


def _ask(
    parameters: list[Tensor],
    seed: int,
    ps: tuple[float, ...],
    passes: int,
    activation: str,
    layer: Callable,
) -> list[Tensor]:
    """(mean, spread, off, a few passes) [ps, points] of one seed."""
    figures = []
    for v, p in enumerate(ps):
        network = [parameter[v].cpu() for parameter in parameters]
        with torch.no_grad():
            y = predictions(
                network, GRID, p, passes, activation, layer, seeded(seed, "masks to ask with")
            )
            off = predictions(network, GRID, 0.0, 1, activation)[0]
        figures.append((y.mean(0), y.std(0, correction=0), off, y[:SHOWN]))
    return [torch.stack(part) for part in zip(*figures)]


def _gather(
    rows: int,
    done: dict[int, list[Tensor]],
    seeds: tuple[int, ...],
    progress: float,
    ps: tuple[float, ...],
) -> Band:
    first = noisy_sine(rows, 0, 1, NOISE, seed=seeds[0])
    kept = [done[seed] for seed in seeds if seed in done]
    empty = torch.empty(0, len(ps), len(GRID))
    mean, spread, off = (
        torch.stack([part[i] for part in kept]) if kept else empty for i in range(3)
    )
    passes = done[seeds[0]][3] if seeds[0] in done else None
    data = first.train_x[:, 0], first.train_y[:, 0]
    return Band(rows, mean, spread, off, passes, data, progress, ps)


def table(p: float, *bands: Band) -> str:
    """Error, spread, and what inner and outer band hold at this p, mean over seeds: a line each."""
    lines = ["rows  error of the mean  spread  sine in inner band  new targets in outer band"]
    for band in bands:
        k = band.ps.index(p)
        error, spread, inner, outer = (
            figure[:, k].mean()
            for figure in (band.error(), band.mean_spread(), band.coverage(False), band.coverage())
        )
        lines.append(f"{band.rows:<4} {error:18.2f} {spread:7.2f} {inner:19.0%} {outer:26.0%}")
    return "\n".join(lines)

"""A network that is shorter while it learns: what is on, and what it errs, step by step."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from course_lib.base.random import seeded
from course_lib.experiments.stochastic_depth.training import (
    DEPTH,
    LAST,
    SEEDS,
    STEPS,
    Shorter,
    train_shorter,
)
from course_lib.stochastic_depth import survival_probabilities

DRAWS = 8  # rows whose way can be looked at


@dataclass
class ShorterNetwork:
    """Test figures so far; None: not there yet.

    alive [rows, p_L, blocks]: which blocks are on.
    """

    alive: np.ndarray
    training: Shorter | None = None


def alive_blocks() -> np.ndarray:
    """[rows, p_L, blocks]: one decision a block and row, as the networks are trained.

    A block that is on stays on for every larger p_L.
    """
    draws = seeded(8)
    u = torch.rand(DRAWS, 1, DEPTH, generator=draws, dtype=torch.float64)
    survivals = [survival_probabilities(DEPTH, last) for last in LAST]
    return (u < torch.tensor(survivals, dtype=torch.float64)).numpy()


def measure_shorter(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> Iterator[ShorterNetwork]:
    """Yield a `ShorterNetwork` that fills in, as the networks are trained, seed by seed."""
    alive = alive_blocks()
    yield ShorterNetwork(alive)
    for training in train_shorter(seeds=seeds, steps=steps):
        yield ShorterNetwork(alive, training)

"""Which rows go through which blocks, drawn by `drop_path` itself or by a learner's function."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.experiments.stochastic_depth.training import DEPTH
from course_lib.stochastic_depth import drop_path, survival_probabilities

ROWS, FEATURES, BATCHES = 20, 4, 60
MODES = {"row by row": "row", "the whole batch": "batch"}


@dataclass
class WhoIsOn:
    """What `drop_path` made of ones.

    batch [blocks, rows, features]: one batch. kept, mean [blocks]: over many batches.
    """

    survivals: list[float]
    batch: Tensor
    kept: np.ndarray  # share of entries that are not zero
    mean: np.ndarray  # of all entries; 1 if the expectation is kept
    numbers: dict[str, object]
    note: str


def draw_who_is_on(
    last: float, rule: str, mode: str, batch: int, layer: Callable = drop_path
) -> WhoIsOn:
    """Send 60 batches of ones through `layer`, once for each of twelve blocks.

    last: p_L. rule: as `survival_probabilities` takes it. mode: one of MODES. batch: the one to
    look at, from 1. layer: called as `drop_path` is. Raises `ValueError` where it changes the shape
    of the rows.
    """
    survivals = survival_probabilities(DEPTH, last, rule)
    found = torch.stack(
        [_through(layer, survivals, MODES[mode], number) for number in range(1, BATCHES + 1)]
    )
    kept, mean = (x.double().mean((0, 2, 3)).numpy() for x in (found != 0, found))
    numbers = {"last": last, "rule": rule, "mode": mode, "batch": batch}
    note = "" if layer is drop_path else " Drawn by your function."
    return WhoIsOn(survivals, found[batch - 1], kept, mean, numbers, note)


def _through(layer: Callable, survivals: list[float], mode: str, number: int) -> Tensor:
    """What each block makes of ones in batch `number`, [blocks, rows, features]."""
    ones, results = torch.ones(ROWS, FEATURES), []
    draws = seeded(number)
    for survival in survivals:
        result = layer(ones, 1 - survival, mode=mode, training=True, generator=draws)
        shape = getattr(result, "shape", None)
        if shape != ones.shape:
            made = f"a {type(result).__name__}" if shape is None else list(shape)
            raise ValueError(f"layer: must keep the shape {list(ones.shape)}, and made {made}")
        results.append(result)
    return torch.stack(results).detach()

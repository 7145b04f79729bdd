"""The path of the weights as λ grows: 442 patients, ten measurements, three penalties."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.data.diabetes import FEATURES, ROWS, check_table, load
from course_lib.experiments.l1_l2.penalised_regression import PENALTIES, fit, largest_l1, predict

STRENGTHS = tuple(float(f"{10 ** (k / 6):.2g}") for k in range(-18, 19))  # λ from 0.001 to 1000
SCALES = ("standardised", "as measured")


@dataclass
class Path:
    """Weights [strengths, features] and errors [strengths], both in score points.

    A weight is what a standard deviation of its feature adds.
    """

    kind: str
    scale: str
    weights: Tensor
    train_error: Tensor
    test_error: Tensor | None  # None: all rows were trained on
    empty_from: float | None  # the λ from which on all weights are zero; None: no such λ


@lru_cache(maxsize=32)
def path(kind: str, scale: str, rows: int, seed: int = 0) -> Path:
    """The whole path on `rows` patients drawn by `seed`, the others for testing.

    kind: one of `PENALTIES`; scale: one of `SCALES`. Raises ValueError for rows that cannot be
    fitted.
    """
    x, y = load()
    order = torch.randperm(ROWS, generator=seeded(seed))
    train, test = order.tensor_split([rows])
    x_seen, y_seen = x[train], y[train]
    check_table(x_seen, y_seen, FEATURES)
    (l1, l2), axis = PENALTIES[kind], torch.tensor(STRENGTHS, dtype=torch.float64)
    spread, inside = x_seen.std(0, correction=0), scale == "standardised"
    weights = fit(
        x_seen, y_seen, l1 * axis, l2 * axis, standardise=inside, tolerance=1e-7, names=FEATURES
    )

    def error(rows: Tensor) -> Tensor:
        guess = predict(x[rows], weights, (x_seen, y_seen))
        return (guess - y[rows].flatten()).square().mean(1).sqrt()

    empty = largest_l1(x_seen / spread if inside else x_seen, y_seen) / l1 if l1 else None
    tested = error(test) if len(test) else None
    return Path(kind, scale, weights * spread, error(train), tested, empty)

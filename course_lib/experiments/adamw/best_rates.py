"""The best learning rate of each row of a heat map, where rows share λ, or lr·λ."""

from collections.abc import Iterator

import numpy as np

from course_lib.experiments.adamw.two_knobs import Optimizer

LIKE_BEST = 1.05  # cells of a row this near to its lowest, as a ratio, count as low as it


def best_rates(
    optimizer: Optimizer, level: np.ndarray, product: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(points [n, 2], bars [n, 2, 2]): where rows of `level` are lowest, and how far that is so.

    level [learning rates, decays]. A point is (lr, λ), or (lr, lr·λ) if `product`, when that is
    what a row shares; a bar runs from the first to the last rate within `LIKE_BEST` of the lowest.
    A row whose lowest cell lies at its end has no lowest point that we know of, and is left out.
    """
    points, bars = [], []
    for cells in _rows(level.shape, product):
        values = np.array([level[cell] for cell in cells])
        if len(cells) < 3 or not np.isfinite(values).any():
            continue
        k = int(np.nanargmin(values))
        if 0 < k < len(cells) - 1:
            lr, decay = optimizer.lr[cells[k][0]], optimizer.decay[cells[k][1]]
            height = lr * decay if product else decay
            low, high = np.flatnonzero(values <= LIKE_BEST * values[k])[[0, -1]]
            ends = optimizer.lr[cells[low][0]] / 1.5, optimizer.lr[cells[high][0]] * 1.5
            points.append((lr, height))
            bars.append([(end, height) for end in ends])
    return np.array(points).reshape(-1, 2), np.array(bars).reshape(-1, 2, 2)


def _rows(shape: tuple[int, ...], product: bool) -> Iterator[list[tuple[int, int]]]:
    """The cells of each row, learning rates rising."""
    rates, decays = shape
    if not product:
        yield from ([(i, j) for i in range(rates)] for j in range(decays))
    else:
        for total in range(rates + decays - 1):
            yield [(i, total - i) for i in range(rates) if 0 <= total - i < decays]

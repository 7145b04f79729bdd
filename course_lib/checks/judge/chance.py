"""Could chance have made these counts? Exact binomial tests of masks, without a library.

A statistic rings where its count lies in a tail of the exact distribution with less than `ALARM`/2.
A task has at most a thousand of them, all cases together, so a right answer is refused with
probability at most 1000 · 1e-9 = 1e-6. Tests sweep the same code at 1e-2, and count.
"""

import itertools
import math
from collections.abc import Iterator

from torch import Tensor

ALARM = 1e-9  # probability that one statistic of a right answer rings
MOST = 1000  # statistics in one task: 1e-6 in all


def probability(k: int, n: int, p: float) -> float:
    """P(X = k) of X ~ Binomial(n, p)."""
    if p in (0.0, 1.0):
        return float(k == n * p)
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def is_likely(count: int, n: int, p: float, alarm: float = ALARM) -> bool:
    """False where P(X ≤ count) or P(X ≥ count) of X ~ Binomial(n, p) is below `alarm`/2."""
    if p in (0.0, 1.0):
        return count == n * p
    step = 1 if count >= n * p else -1  # away from the mean, where terms fall
    tail, k = 0.0, count
    while 0 <= k <= n and tail < alarm / 2:
        term = probability(k, n, p)
        tail, k = tail + term, k + step
        if term < alarm * 1e-6:
            break
    return tail >= alarm / 2


def statistics(gone: Tensor, p: float) -> Iterator[tuple[str, int, int, float]]:
    """(what rings, count, n, probability) of masks `gone` [draws, entries], True: dropped.

    For independent entries that are dropped with probability `p` each count is binomial: of every
    entry, of pairs that fall together, of how many fall in a draw, and of the same entry in a draw
    and the next one (in disjoint pairs of draws).
    """
    draws, entries = gone.shape
    for i in range(entries):
        yield "some are dropped too often or too rarely", int(gone[:, i].sum()), draws, p
    for i, j in itertools.combinations(range(entries), 2):
        together = int((gone[:, i] & gone[:, j]).sum())
        yield "some fall together too often or too rarely", together, draws, p * p
    for k, count in enumerate(gone.sum(1).bincount(minlength=entries + 1).tolist()):
        likely = probability(k, entries, p)
        yield "how many are dropped varies too much or too little", count, draws, likely
    pairs = gone[: draws // 2 * 2].reshape(draws // 2, 2, entries).all(1)
    for i in range(entries):
        yield "a draw depends on the one before it", int(pairs[:, i].sum()), len(pairs), p * p


def oddity(gone: Tensor, p: float, alarm: float = ALARM) -> str:
    """What in masks `gone` [draws, entries] chance alone does not explain, in words; else ""."""
    rung = (
        what
        for what, count, n, likely in statistics(gone.bool(), p)
        if not is_likely(count, n, likely, alarm)
    )
    return next(rung, "")


def nearest_twentieth(count: int, n: int, p: float) -> float:
    """`p` if `count` of `n` may be its doing, else the share in twentieths: what all draws show."""
    return p if is_likely(count, n, p) else round(20 * count / n) / 20

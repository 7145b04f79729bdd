"""Addition modulo a prime: a task whose every question is known, so that a test set is exact.

Source: Power, Burda, Edwards, Babuschkin & Misra, "Grokking: generalization beyond overfitting on
small algorithmic datasets", 2022, arXiv 2201.02177.
"""

import torch

from course_lib.base.arguments import require, require_whole
from course_lib.base.random import seeded
from course_lib.data.split import Split

CHOOSING = 0.2  # share of the pairs not trained on that validate


def modular_addition(seed: int = 0, p: int = 31, share: float = 0.6) -> Split:
    """All p² questions "a + b = ?" modulo `p`: x [rows, 3] tokens, y [rows] the answers 0 … p − 1.

    Tokens are int64: a, b in 0 … p − 1, and p, which stands for "=". The seed alone decides which
    questions are for training, a `share` of them (to rounding); of the others a fifth validates and
    all the rest test, so that together they are every question once. a + b and b + a are two
    questions. Raises ValueError for p that is no prime or below 5, and for a share outside (0, 1)
    or one that leaves a part without a row.
    """
    require_whole("p", p, 5)
    divisor = next((d for d in range(2, int(p**0.5) + 1) if p % d == 0), None)
    if divisor is not None:
        raise ValueError(f"p = {p}: must be a prime number, and {divisor} divides it")
    require("share", share, 0.0, 1.0, open_low=True)
    a, b = torch.arange(p).repeat_interleave(p), torch.arange(p).repeat(p)
    x = torch.stack([a, b, torch.full_like(a, p)], 1)
    order = torch.randperm(p * p, generator=seeded(seed, "pairs"))
    train = round(share * p * p)
    validation = round(CHOOSING * (p * p - train))
    parts = order.tensor_split((train, train + validation))
    if not all(len(part) for part in parts):
        raise ValueError(f"share = {share}: leaves no row for a part of the {p * p} questions")
    return Split.of_rows(x, (a + b) % p, *parts)

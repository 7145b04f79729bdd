"""The mean of a small residual network's training output, exactly: all 2ᴸ masks are taken."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import torch
from torch import Tensor


def _straight(z: Tensor) -> Tensor:
    return z


def run_blocks(
    x: Tensor,
    weights: Iterable[Tensor],
    factors: Iterable[float],
    bend: Callable[[Tensor], Tensor] = _straight,
) -> Tensor:
    """What blocks x + factor·bend(W·x), one for each weight and factor, make of x: [features].

    x [features]. weights: W [features, features]. bend: the nonlinearity of the branches, none by
    default.
    """
    for w, factor in zip(weights, factors, strict=True):
        x = x + factor * bend(w @ x)
    return x


def mean_over_masks(
    x: Tensor,
    weights: Sequence[Tensor],
    survivals: Sequence[float],
    scales: Sequence[float],
    bend: Callable[[Tensor], Tensor] = _straight,
) -> Tensor:
    """Mean [features] of `run_blocks` over all masks, each with its probability.

    Block l is on with probability survivals[l], and then multiplied by scales[l].
    """
    mean = torch.zeros_like(x)
    for mask in product((0, 1), repeat=len(weights)):
        chance = 1.0
        for on, survival in zip(mask, survivals, strict=True):
            chance *= survival if on else 1 - survival
        factors = [on * scale for on, scale in zip(mask, scales, strict=True)]
        mean += chance * run_blocks(x, weights, factors, bend)
    return mean

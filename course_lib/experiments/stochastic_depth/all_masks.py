"""The mean of a small residual network's training output, exactly: all 2ᴸ masks, each with its
probability.
"""

from itertools import product

import torch


def outputs_of(x, weights, factors, bend=lambda z: z):
    """x [features] after the blocks x + factor·bend(W·x), one for each of `weights` and
    `factors`.
    """
    for w, factor in zip(weights, factors, strict=True):
        x = x + factor * bend(w @ x)
    return x


def mean_over_masks(x, weights, survivals, scales, bend=lambda z: z):
    """Mean of `outputs_of` where block l is on with probability survivals[l], and then multiplied
    by scales[l].
    """
    mean = torch.zeros_like(x)
    for mask in product((0, 1), repeat=len(weights)):
        chance = 1.0
        for on, survival in zip(mask, survivals, strict=True):
            chance *= survival if on else 1 - survival
        mean += chance * outputs_of(
            x, weights, [on * scale for on, scale in zip(mask, scales, strict=True)], bend
        )
    return mean

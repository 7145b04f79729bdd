"""What a schedule of the learning rate makes of decay, which it multiplies."""

import numpy as np


def warmup_cosine(steps: int, warmup: float) -> np.ndarray:
    """Factor of the peak rate at steps 1 … `steps`: a straight rise, then half a cosine.

    The rise takes the share `warmup` of the steps, one at least.
    """
    t, rise = np.arange(1, steps + 1), max(1, round(warmup * steps))
    fall = (1 + np.cos(np.pi * (t - rise) / max(1, steps - rise))) / 2
    return np.where(t <= rise, t / rise, fall)


def decay_left(factor: np.ndarray, lr: float, strength: float) -> np.ndarray:
    """What decay leaves of a starting weight [steps], at rate lr·`factor` [steps]: Π(1 − lrₜ·λ)."""
    return np.cumprod(1 - lr * factor * strength)

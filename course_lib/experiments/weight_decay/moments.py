"""Adam's running mean of squared gradients, as its step uses it."""

from torch import Tensor


def v_hat(exp_avg_sq: Tensor, steps: int) -> Tensor:
    """v̂ after `steps` steps: v/(1 − β₂ᵗ), for β₂ = 0.999."""
    return exp_avg_sq / (1 - 0.999**steps)

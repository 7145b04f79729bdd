"""L1 and L2: which weights go, and why?"""

import torch

from course_lib._arguments import require


def soft_threshold(x, threshold):
    """Every number moves towards zero by `threshold` and stops there: sign(x)·max(|x| − threshold, 0), a new tensor.

    `threshold`: a number ≥ 0, or a tensor ≥ 0 that broadcasts against `x` (one strength per model; not checked).
    Same as `torch.nn.functional.softshrink`, which takes a number only. Raises `ValueError` for a negative or
    non-finite number.
    """
    if not isinstance(threshold, torch.Tensor):
        require("threshold", threshold)
    return x - x.clamp(-threshold, threshold)  # inside ±threshold: x − x, exactly zero; outside: x ∓ threshold

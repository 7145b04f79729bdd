"""Explorers of lesson 07: activations, memory, two modes, four norms, labels, a weight's length."""

from course_lib.explorers.batchnorm import (
    activations,
    at_rest,
    decay,
    four_norms,
    memorising,
    memory,
    mismatch,
)

__all__ = ["activations", "at_rest", "decay", "four_norms", "memorising", "memory", "mismatch"]

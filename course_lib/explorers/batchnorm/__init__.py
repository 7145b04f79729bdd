"""Explorers of lesson 07: activations, memory, two modes, four norms, a weight of any length."""

from course_lib.explorers.batchnorm import activations, decay, four_norms, memory, mismatch

__all__ = ["activations", "decay", "four_norms", "memory", "mismatch"]

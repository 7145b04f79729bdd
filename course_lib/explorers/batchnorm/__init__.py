"""Explorers of lesson 07: activations, memory, two modes, and a weight whose length is free."""

from course_lib.explorers.batchnorm import activations, decay, memory, mismatch

__all__ = ["activations", "decay", "memory", "mismatch"]

"""Explorers of lesson 07: activations layer by layer, what the running statistics remember, one
network in two modes, and what weight decay does to a weight whose length does not matter."""

from course_lib.explorers.batchnorm import activations, decay, memory, mismatch

__all__ = ["activations", "decay", "memory", "mismatch"]

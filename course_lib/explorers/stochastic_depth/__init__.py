"""Explorers and pictures of lesson 08: who is on, error by step, depths, lines, gradients, cuts."""

from course_lib.explorers.stochastic_depth import (
    cut,
    depths,
    first_block,
    lines,
    reached,
    rules,
    shorter,
    who_is_on,
)

__all__ = ["cut", "depths", "first_block", "lines", "reached", "rules", "shorter", "who_is_on"]

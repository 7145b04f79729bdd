"""Explorers of lesson 08: which blocks are on, time and error, three rules, the gradient."""

from course_lib.explorers.stochastic_depth import first_block, rules, shorter, who_is_on

__all__ = ["first_block", "rules", "shorter", "who_is_on"]

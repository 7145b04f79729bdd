"""Explorers of lesson 08: which blocks are on, error step by step, depths, rules, the gradient."""

from course_lib.explorers.stochastic_depth import depths, first_block, rules, shorter, who_is_on

__all__ = ["depths", "first_block", "rules", "shorter", "who_is_on"]

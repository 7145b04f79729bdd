"""Explorers of lesson 04: a path with its box, riddles, two knobs as a map, decay on schedule."""

from course_lib.explorers.adamw import heat_map, schedule, trajectory, which_parameter

__all__ = ["heat_map", "schedule", "trajectory", "which_parameter"]

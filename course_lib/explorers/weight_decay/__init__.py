"""Explorers of lesson 03: two pulls on one bowl, where they rest, Adam + L2 on real weights."""

from course_lib.explorers.weight_decay import effective_decay, equilibrium, goals, trajectories

__all__ = ["effective_decay", "equilibrium", "goals", "trajectories"]

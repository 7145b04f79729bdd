"""Explorers of lesson 00: a noisy path in a bowl, leaving a saddle, designing a schedule, and what
batches do to it.
"""

from course_lib.explorers.sgd import saddle, schedules, sharpness, trajectory

__all__ = ["saddle", "schedules", "sharpness", "trajectory"]

"""Explorers of lesson 00: a noisy path, leaving a saddle, designing a schedule, batch sizes."""

from course_lib.explorers.sgd import saddle, schedules, sharpness, trajectory

__all__ = ["saddle", "schedules", "sharpness", "trajectory"]

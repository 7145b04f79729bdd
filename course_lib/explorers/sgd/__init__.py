"""Pictures of lesson 00: a noisy path, a saddle, schedules, batch sizes, and two budgets."""

from course_lib.explorers.sgd import budgets, saddle, schedules, sharpness, trajectory

__all__ = ["budgets", "saddle", "schedules", "sharpness", "trajectory"]

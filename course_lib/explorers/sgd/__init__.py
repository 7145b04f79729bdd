"""Pictures of lesson 00: paths in a bowl, a saddle, schedules, batch sizes, budgets, solutions."""

from course_lib.explorers.sgd import (
    budgets,
    paths,
    saddle,
    schedules,
    sharpness,
    solutions,
    trajectory,
    two_schedules,
)

__all__ = [
    "budgets",
    "paths",
    "saddle",
    "schedules",
    "sharpness",
    "solutions",
    "trajectory",
    "two_schedules",
]

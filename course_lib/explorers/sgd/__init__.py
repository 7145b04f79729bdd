"""Pictures of lesson 00: paths in a bowl, schedules, batch sizes, budgets, solutions, valleys."""

from course_lib.explorers.sgd import (
    budgets,
    paths,
    saddle,
    schedules,
    sharpness,
    solutions,
    trajectory,
    two_schedules,
    valleys,
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
    "valleys",
]

"""Pictures of lesson 00: hops and paths in a bowl, schedules, batch sizes, solutions, valleys."""

from course_lib.explorers.sgd import (
    budgets,
    hops,
    paths,
    saddle,
    schedules,
    sharpness,
    solutions,
    ten_or_all,
    trajectory,
    two_schedules,
    valleys,
)

__all__ = [
    "budgets",
    "hops",
    "paths",
    "saddle",
    "schedules",
    "sharpness",
    "solutions",
    "ten_or_all",
    "trajectory",
    "two_schedules",
    "valleys",
]

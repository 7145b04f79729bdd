"""Pictures of lesson 03: two pulls on one bowl, where they rest, Adam + L2 on real weights."""

from course_lib.explorers.weight_decay import (
    apart,
    effective_decay,
    equilibrium,
    goals,
    prices,
    trajectories,
)

__all__ = ["apart", "effective_decay", "equilibrium", "goals", "prices", "trajectories"]

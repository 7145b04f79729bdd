"""Explorers of lesson 05: smoothed targets, reliability, four situations, clusters."""

from course_lib.explorers.label_smoothing import clusters, reliability, situations, targets

__all__ = ["clusters", "reliability", "situations", "targets"]

"""Explorers of lesson 05: smoothed targets, whether confidence can be believed, clusters."""

from course_lib.explorers.label_smoothing import clusters, reliability, targets

__all__ = ["clusters", "reliability", "targets"]

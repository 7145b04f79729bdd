"""Explorers of lesson 05: what a smoothed target asks for, whether confidence can be believed,
clusters of features.
"""

from course_lib.explorers.label_smoothing import clusters, reliability, targets

__all__ = ["clusters", "reliability", "targets"]

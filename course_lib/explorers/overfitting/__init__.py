"""Explorers of lesson 01: fits to resampled data, gaps, early stopping, double descent, filters."""

from course_lib.explorers.overfitting import (
    early_stopping,
    filters,
    gaps,
    labels_learned,
    minimum_norm,
    networks,
    polynomials,
    pushed,
    random_features,
)

__all__ = [
    "early_stopping",
    "filters",
    "gaps",
    "labels_learned",
    "minimum_norm",
    "networks",
    "polynomials",
    "pushed",
    "random_features",
]

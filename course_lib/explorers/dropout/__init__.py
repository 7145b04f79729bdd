"""Explorers of lesson 06: a network losing units, its curves, and a band from many masks."""

from course_lib.explorers.dropout import band, curves, masks

__all__ = ["band", "curves", "masks"]

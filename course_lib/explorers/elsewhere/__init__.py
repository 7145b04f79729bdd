"""Explorers of lesson 10: a transformer that learns to add, a convolution, three worlds."""

from course_lib.explorers.elsewhere import clock, conv, curves, grokking, hill, lines, worlds

__all__ = ["clock", "conv", "curves", "grokking", "hill", "lines", "worlds"]

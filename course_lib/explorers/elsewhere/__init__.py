"""Explorers of lesson 10: a transformer that learns to add, a convolution, three worlds."""

from course_lib.explorers.elsewhere import conv, curves, grokking, lines, worlds

__all__ = ["conv", "curves", "grokking", "lines", "worlds"]

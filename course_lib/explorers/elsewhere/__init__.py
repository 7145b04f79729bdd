"""Explorers of lesson 10: a transformer that learns to add, a convolution on lines of numbers."""

from course_lib.explorers.elsewhere import conv, grokking

__all__ = ["conv", "grokking"]

"""Explorers of lesson 10: a transformer that learns to add."""

from course_lib.explorers.elsewhere import grokking

__all__ = ["grokking"]

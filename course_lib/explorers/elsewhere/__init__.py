"""Explorers of lesson 10: a transformer that learns to add, a convolution, three worlds."""

from course_lib.explorers.elsewhere import (
    bars,
    clock,
    conv,
    curves,
    grokking,
    hill,
    lines,
    rises,
    worlds,
)

__all__ = ["bars", "clock", "conv", "curves", "grokking", "hill", "lines", "rises", "worlds"]

"""Explorers of lesson 02: two penalties on a bowl, a weight's way to zero, features, a network."""

from course_lib.explorers.l1_l2 import geometry, network, path, surface, zeroing

__all__ = ["geometry", "network", "path", "surface", "zeroing"]

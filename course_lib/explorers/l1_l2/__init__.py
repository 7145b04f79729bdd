"""Explorers of lesson 02: where two penalties touch a bowl, how a weight gets to zero, real
features, and a network.
"""

from course_lib.explorers.l1_l2 import geometry, network, path, surface, zeroing

__all__ = ["geometry", "network", "path", "surface", "zeroing"]

"""Explorers of lesson 09: the mixer of all techniques, a random search, the spam study."""

from course_lib.explorers.capstone import mixer, search, study

__all__ = ["mixer", "search", "study"]

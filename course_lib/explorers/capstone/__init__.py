"""Explorers of lesson 09: techniques mixed, a random search, what is re-tuned, the spam study."""

from course_lib.explorers.capstone import mixer, playbook, search, study

__all__ = ["mixer", "playbook", "search", "study"]

"""Lesson 09: techniques mixed, known worlds, a random search, what is re-tuned, the spam study."""

from course_lib.explorers.capstone import coverage, mixer, playbook, search, study

__all__ = ["coverage", "mixer", "playbook", "search", "study"]

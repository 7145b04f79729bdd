"""The pictures of lesson 09: what a study of four networks on one data set allows one to say."""

from course_lib.explorers.capstone import mixer, search, study

__all__ = ["mixer", "search", "study"]

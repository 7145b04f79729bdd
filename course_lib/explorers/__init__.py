"""The live pictures of the course: one module a lesson, holding its explorers by name.

An explorer turns sliders into plain numbers, the numbers into a result with the course's own tested
functions, and the result into a picture by moving marks: `from course_lib.explorers import adamw;
adamw.heat_map.show()`.
"""

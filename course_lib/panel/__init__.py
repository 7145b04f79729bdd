"""The one front end of every explorer: controls, a picture, a caption."""

from course_lib.panel.controls import Choice, Slider
from course_lib.panel.panel import Explorer

__all__ = ["Choice", "Explorer", "Slider"]

"""The one front end of every explorer: controls, a picture, a caption."""

from course_lib.panel.controls import Choice, Slider
from course_lib.panel.explorer import Explorer
from course_lib.panel.picture import Seen

__all__ = ["Choice", "Explorer", "Seen", "Slider"]

"""One picture of each lesson, taken from its built notebook: what the README and the map show."""

import base64
from pathlib import Path

from nbformat import NotebookNode as Cell

from course_lib.base.files import write_whole
from course_lib.learner.cells import cells_of, tags
from course_lib.learner.course_map import MAP

# of the cell whose picture stands for the lesson; without one it is the first picture there is
TAG = "picture"


def picture(cells: list[Cell]) -> bytes:
    """The PNG that stands for an executed lesson; b"" if it has none."""
    tagged = [cell for cell in cells if TAG in tags(cell)]
    outputs = [output for cell in (tagged or cells) for output in cell.get("outputs", [])]
    shown = [output.get("data", {}).get("image/png", "") for output in outputs]
    return base64.b64decode(next(filter(None, shown), ""))


def write(notebooks: Path) -> int:
    """Write each lesson's to ``pictures/`` beside the notebooks; return how many there are."""
    made = {lesson.name: picture(cells_of(notebooks / f"{lesson.name}.ipynb")) for lesson in MAP}
    (notebooks / "pictures").mkdir(exist_ok=True)
    for name, png in made.items():
        if png:
            write_whole(notebooks / "pictures" / f"{name}.png", png)
    return sum(map(bool, made.values()))

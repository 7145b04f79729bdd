"""One picture of each lesson, taken from its built notebook: what the README and the map show."""

import base64
from pathlib import Path

import nbformat

from course_lib.base.files import write_whole
from course_lib.learner.course_map import MAP

# of the cell whose picture stands for the lesson; without one it is the first picture there is
TAG = "picture"


def picture(notebook: nbformat.NotebookNode) -> bytes:
    """The PNG that stands for an executed lesson; b"" if it has none."""
    tagged = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    outputs = [output for cell in (tagged or notebook.cells) for output in cell.get("outputs", [])]
    found = (
        output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})
    )
    return base64.b64decode(next(found, ""))


def pictures(notebooks: Path) -> dict[str, bytes]:
    """File name → PNG of every built lesson of a folder."""
    files = {f"{lesson.name}.png": notebooks / f"{lesson.name}.ipynb" for lesson in MAP}
    return {
        name: picture(nbformat.read(path, as_version=4))
        for name, path in files.items()
        if path.exists()
    }


def write(notebooks: Path) -> int:
    """Write them to ``pictures/`` beside the notebooks, each whole or not at all; return how many
    there are.
    """
    found = {name: png for name, png in pictures(notebooks).items() if png}
    (notebooks / "pictures").mkdir(exist_ok=True)
    for name, png in found.items():
        write_whole(notebooks / "pictures" / name, png)
    return len(found)

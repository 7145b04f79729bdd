"""Slides of a built lesson: reveal.js, by nbconvert, from the notebook as it is.

What a reader unfolds, a lecturer steps to: folded sections are left out, each question stands on a
slide of its own, and what a reader finds folded comes one step further down, so that a room can be
asked before it is told.
"""

from copy import deepcopy
from pathlib import Path

import nbformat

from course_lib.base.files import write_whole
from course_lib.base.places import CourseError
from course_lib.learner.cells import ASKS, SPEAKS, core, kind

NEEDS = (
    "it loads reveal.js from the web; without a network use JupyterLab: "
    "View > Appearance > Presentation Mode"
)


def make(name: str, notebooks: Path, folder: Path) -> Path:
    """Write ``<name>.slides.html`` of a built lesson into a folder; return the file.

    Showing it needs a network, see `NEEDS`; making it does not. Raises CourseError where the lesson
    is not built.
    """
    from nbconvert import SlidesExporter

    source = notebooks / f"{name}.ipynb"
    if not source.exists():
        raise CourseError(f"{name} is not built yet; build it: course build {name}")
    exporter = SlidesExporter(reveal_scroll=True, reveal_number="c/t", exclude_input_prompt=True)
    exporter.exclude_output_prompt = True
    page, _ = exporter.from_notebook_node(
        prepared(nbformat.read(source, as_version=4)), {"metadata": {"name": name}}
    )
    target = folder / f"{name}.slides.html"
    write_whole(target, page)
    return target


def prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy for a lecture: the core without setup, a step down at each question and answer."""
    copy = deepcopy(notebook)
    copy.cells = [cell for cell in core(copy.cells) if kind(cell) != "setup"]
    for cell in copy.cells:
        step = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        folded = cell.metadata.get("jupyter", {}).pop("outputs_hidden", False)
        if step == "-" and (folded or kind(cell) in ASKS):
            cell.metadata["slideshow"] = {"slide_type": "subslide"}
        if kind(cell) in SPEAKS:
            cell.metadata["transient"] = {"remove_source": True}
    return copy

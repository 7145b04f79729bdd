"""Slides of a built lesson: reveal.js, by nbconvert, from the notebook as it is.

What a reader unfolds, a lecturer steps to: folded sections are left out, each question stands on a
slide of its own, and what a reader finds folded comes one step further down, so that a room can be
asked before it is told.
"""

import re
from copy import deepcopy
from pathlib import Path

import nbformat

from course_lib.base.files import write_whole
from course_lib.base.places import CourseError
from course_lib.learner.course_map import core

NEEDS = (
    "it loads reveal.js from the web; without a network use JupyterLab: View > Presentation Mode"
)
SHOWS = re.compile(
    r"(predict|quiz|reveal|show_source)\(|explore\.\w+\.show\("
)  # what it shows says it all


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
    """A copy as a lecture has it: the core alone, without setup, a step down at each question and
    each answer.
    """
    copy = deepcopy(notebook)
    copy.cells = [cell for cell in core(copy.cells) if "setup" not in cell.metadata.get("tags", [])]
    for cell in copy.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        folded = cell.metadata.get("jupyter", {}).pop("outputs_hidden", False)
        asks = re.match(r"(predict|quiz)\(", cell.source)
        if kind == "-" and (folded or asks):
            cell.metadata["slideshow"] = {"slide_type": "subslide"}
        if cell.cell_type == "code" and SHOWS.match(cell.source):
            cell.metadata["transient"] = {"remove_source": True}
    return copy

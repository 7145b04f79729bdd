"""What a lesson asks one to move above an explorer can be moved: on a page without a kernel too."""

import re

import pytest

from course_lib.authoring.site.explorers import shown_in
from course_lib.learner.cells import cells_of, kind
from course_lib.learner.course_map import MAP

ELSEWHERE = "in the notebook"  # what an instruction says that wants a kernel
TASK = re.compile(r"\*\*Do this\*\*:(.*?)\*\*Notice", re.DOTALL)


def asked_for(label, task):
    """Whether an instruction speaks of a control, by its label's words."""
    words = re.sub(r"\(.*|[^\w ]", " ", label).split()
    name = " ".join(word for word in words if len(word) > 1 or word in "λεp")
    return bool(name) and re.search(rf"\b{re.escape(name.lower())}\b", task.lower()) is not None


def tasks(path, stem):
    """(explorer as shown, the instruction above it) in a lesson."""
    task = ""
    for cell in cells_of(path):
        if cell.cell_type == "markdown":
            found = TASK.findall(cell.source)
            task = found[-1] if found else ""
        elif kind(cell) == "explorer" and task:
            shown = shown_in(cell.source, stem)
            if shown is not None:
                yield shown, task
            task = ""


@pytest.mark.parametrize("lesson", MAP, ids=lambda lesson: lesson.name)
def test_what_is_asked_for_moves_without_a_kernel(lesson, repository):
    path = repository / "notebooks" / f"{lesson.name}.ipynb"
    found = list(tasks(path, lesson.name[3:]))
    assert found
    stuck = [
        f"{shown.module}: {control.label}"
        for shown, task in found
        for name, control in shown.explorer.controls.items()
        if name not in shown.explorer.frozen and ELSEWHERE not in task
        if asked_for(control.label, task)
    ]
    assert not stuck, stuck

"""`course update`: a learner's answers carried into the exercise as it is in this version."""

from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from course_lib.authoring import build, pairing
from course_lib.base.places import CourseError
from course_lib.checks.run import notebook as reading
from course_lib.learner.cells import tags


class Update(NamedTuple):
    """What became of a notebook: where the old one is kept, and the tasks by what happened."""

    kept: Path | None  # None: it was up to date
    carried: list[str]
    changed: list[str]  # carried, and the task reads otherwise now
    gone: list[str]  # answered, and no task of that name is there any more


def update(name: str, notebooks: Path) -> Update:
    """Put this version's exercise in place of a learner's, with the learner's answers in it.

    An answer goes to the task of the same name; cells that the learner added go with the cell that
    they follow. The old file is kept aside, byte for byte. Raises CourseError for a file that
    cannot be read: nothing is changed then.
    """
    path = notebooks / f"{name}.ipynb"
    fresh = build.targets(notebooks / "src" / f"{name}.py")[path]
    if not path.exists():
        raise CourseError(f"{path.name} is not here: `course reset` makes a fresh one")
    try:
        reading.read(path)  # says what is wrong with it
        old = nbformat.read(path, as_version=4)
    except reading.Unreadable as problem:
        raise CourseError(f"{path.name} {problem}") from None
    if _texts(old) == _texts(fresh):
        return Update(None, [], [], [])
    blank = _answers(fresh)
    written = {task: cells for task, cells in _answers(old).items() if not _is_blank(cells)}
    carried = [task for task in written if task in blank]
    for task in carried:
        _put(fresh, task, written[task])
    changed = [task for task in carried if _asked(old, task) != _asked(fresh, task)]
    gone = [task for task in written if task not in blank]
    _add_own_cells(old, fresh)
    kept = pairing.put_aside(path)
    build.save(fresh, path)
    return Update(kept, carried, changed, gone)


def _task(cell: NotebookNode) -> str:
    return next((tag[7:] for tag in tags(cell) if tag.startswith("answer:")), "")


def _answers(notebook: NotebookNode) -> dict[str, list[NotebookNode]]:
    """{task: its answer cells, as they stand}."""
    found: dict[str, list[NotebookNode]] = {}
    for cell in notebook.cells:
        if task := _task(cell):
            found.setdefault(task, []).append(cell)
    return found


def _is_blank(cells: list[NotebookNode]) -> bool:
    """Whether nobody has written into them: they stand as `build.blank` leaves an answer."""
    lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
    return all(line.endswith(build.YOUR_VALUE) for line in lines) or any(
        line.strip() == build.YOUR_CODE for line in lines
    )


def _put(notebook: NotebookNode, task: str, cells: list[NotebookNode]) -> None:
    """Stand the learner's cells where the blank one of `task` stands."""
    place = next(i for i, cell in enumerate(notebook.cells) if _task(cell) == task)
    notebook.cells[place : place + 1] = [_as_written(cell) for cell in cells]


def _as_written(cell: NotebookNode) -> NotebookNode:
    """A copy without what it showed: that was another version's."""
    copy = NotebookNode(cell)
    if copy.cell_type == "code":
        copy.outputs, copy.execution_count = [], None
    return copy


def _texts(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
    """What the author wrote: all but answers and a learner's own cells."""
    ours = [cell for cell in notebook.cells if not _is_own(cell) and not _task(cell)]
    return [(cell.cell_type, cell.source, sorted(tags(cell))) for cell in ours]


def _is_own(cell: NotebookNode) -> bool:
    """Whether the learner added a cell: its id is not of what it holds, as a built one's is."""
    return not tags(cell) and cell.get("id", "").partition("-")[0] != build.id_of(cell)


def _asked(notebook: NotebookNode, task: str) -> list[str]:
    """The author's text of a task: the Markdown cells before its answer, up to another's check."""
    text: list[str] = []
    for cell in notebook.cells:
        if _task(cell) == task:
            return text
        if any(tag.startswith("check:") for tag in tags(cell)):
            text = []
        elif cell.cell_type == "markdown" and not _is_own(cell):
            text.append(cell.source)
    return text


def _add_own_cells(old: NotebookNode, fresh: NotebookNode) -> None:
    """Stand the learner's own cells behind the cell that they followed, or the last one before."""
    places = {_key(cell): i for i, cell in enumerate(fresh.cells)}
    behind: dict[int, list[NotebookNode]] = {}
    last = -1
    for cell in old.cells:
        if _is_own(cell) and not _task(cell):
            behind.setdefault(last, []).append(_as_written(cell))
        else:
            last = places.get(_key(cell), last)
    cells = list(behind.get(-1, []))
    for i, cell in enumerate(fresh.cells):
        cells += [cell, *behind.get(i, [])]
    fresh.cells = cells


def _key(cell: NotebookNode) -> str:
    """What two versions of a cell share: its tags, or its text."""
    return str(sorted(tags(cell))) if tags(cell) else f"{cell.cell_type} {cell.source}"


def said(name: str, result: Update) -> str:
    """The lines that a learner reads."""
    if result.kept is None:
        return f"{name} is up to date"
    lines = [f"{name}: {', '.join(result.carried) or 'no answer'} carried over"]
    if result.changed:
        lines.append(f"read again, the task has changed: {', '.join(result.changed)}")
    if result.gone:
        lines.append(
            f"no such task any more, the answer is in the old file: {', '.join(result.gone)}"
        )
    lines.append(f"the old file is kept as {result.kept.name}; now: course check {name[:2]}")
    return "\n  ".join(lines)

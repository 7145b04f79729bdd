"""The exercises as their author wrote them: set-up, what is given before a task, its text.

Whoever runs an answer takes these from the course's own text, never from a learner's file.
"""

import ast
import functools
import warnings
from pathlib import Path
from typing import NamedTuple

import jupytext

import course_lib
from course_lib import LESSONS
from course_lib.base.names import binds, plain, uses
from course_lib.base.places import CourseError, root

PLAIN = "import math\n\nimport torch"  # the set-up of a package that stands without its notebooks


class Cell(NamedTuple):
    """A cell of a notebook, whoever wrote it."""

    kind: str  # "code", "markdown", "raw"
    source: str
    tags: tuple[str, ...]
    id: str = ""

    def tagged(self, role):
        """What stands behind `role` in its tags: "T1" for answer:T1; "" without such a tag."""
        return next((tag[len(role) + 1 :] for tag in self.tags if tag.startswith(f"{role}:")), "")


def sources():
    """The folder of the exercises' texts: the one beside this package, not beside a submission.

    A package that was installed without it takes that of the course's folder we stand in.
    """
    beside = Path(course_lib.__file__).resolve().parents[1] / "notebooks" / "src"
    return beside if beside.is_dir() else root() / "notebooks" / "src"


def text(number):
    """The cells of a lesson's exercise, by the lesson's number; None where its text is not here."""
    try:
        path = sources() / f"{number:02d}_{LESSONS[number]}_exercises.py"
        return _text(path, path.stat().st_mtime_ns)
    except (CourseError, FileNotFoundError):
        return None


@functools.lru_cache(maxsize=32)
def _text(path, _changed):
    return [
        Cell(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())))
        for cell in jupytext.read(path).cells
    ]


def setup(cells):
    """The sources of an exercise's own first cells."""
    return [cell.source for cell in cells if cell.kind == "code" and "setup" in cell.tags]


def any_setup():
    """The set-up of the first exercise whose text is here: all import much the same."""
    texts = filter(None, map(text, range(len(LESSONS))))
    return setup(next(texts, [Cell("code", PLAIN, ("setup",))]))


def given(cells, task, source):
    """The author's cells before `task` that the answer `source` leans on, in their order.

    A table to read, a function to use: a cell counts if it binds a name that the answer uses and
    does not bind itself, or that another such cell does.
    """
    before = cells[: [cell.tagged("answer") for cell in cells].index(task)]
    open_, kept = uses(source), []
    for cell in reversed(before):
        if cell.kind != "code" or cell.tags:
            continue
        bound = binds(cell.source)
        if bound & open_:
            kept.insert(0, cell.source)
            open_ = open_ - bound | uses(cell.source)
    return kept


def syntax_problem(source):
    """Why a cell is not valid Python, with the line; "" if it is."""
    try:
        with warnings.catch_warnings():
            # "invalid escape sequence" and the like belong to the learner's own run
            warnings.simplefilter("ignore")
            compile(plain(source), "<answer>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return f"line {error.lineno}: not valid Python: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"not valid Python: {error}"
    return ""

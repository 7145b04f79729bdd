"""The hash of a lesson's code: its cells and all of the library that they compute with."""

import hashlib

from course_lib.base.sources import LIBRARY, computing, lines_that_run, reached

# Rooms that no figure comes out of: how things are shown, asked and kept.
SHOWING = {"notebook", "panel", "plotting", "learner", "records", "replication"}


def cells(source: str) -> list[str]:
    """The code cells of a lesson's text, in py:percent."""
    import jupytext

    notebook = jupytext.reads(source, fmt="py:percent")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def code_hash(source: str) -> str:
    """Of what runs in the cells and in the modules that they import: no comments, no docstrings."""
    code = "\n".join(cells(source))
    digest = hashlib.sha256(lines_that_run(code).encode())
    for path in sorted(reached(code, without=SHOWING)):
        digest.update(f"{path.relative_to(LIBRARY).as_posix()}\n{computing(path)}".encode())
    return digest.hexdigest()[:16]

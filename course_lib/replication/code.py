"""The hash of a lesson's code: its cells and all of the library that they compute with."""

import ast
import hashlib
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
# Rooms that no figure comes out of: how things are shown, asked and kept.
SHOWING = {"notebook", "panel", "plotting", "learner", "records", "replication"}


def cells(source: str) -> list[str]:
    """The code cells of a lesson's text, in py:percent."""
    import jupytext

    notebook = jupytext.reads(source, fmt="py:percent")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def code_hash(source: str) -> str:
    """Of the cells as they are run, comments aside, and of the modules that they import."""
    digest = hashlib.sha256()
    code = "\n".join(cells(source))
    for line in code.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            digest.update(line.rstrip().encode() + b"\n")
    for path in sorted(_reached(code)):
        digest.update(path.relative_to(LIBRARY).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _reached(code: str) -> set[Path]:
    """Files of the library that code imports, and that those import, and so on."""
    found: set[Path] = set()
    waiting = list(_imported(code))
    while waiting:
        path = waiting.pop()
        if path not in found and path.relative_to(LIBRARY).parts[0].split(".")[0] not in SHOWING:
            found.add(path)
            waiting += _imported(path.read_text(encoding="utf-8"))
    return found


@cache
def _imported(code: str) -> frozenset[Path]:
    """Files of the library that code names in its imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            room, _, inside = name.partition(".")
            for end in (".py", "/__init__.py") if room == LIBRARY.name and inside else ():
                path = LIBRARY / (inside.replace(".", "/") + end)
                if path.is_file():
                    found.add(path)
    return frozenset(found)

"""What code of the course is made of: the modules that it imports, and what in them computes."""

import ast
from collections.abc import Collection
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def lines_that_run(code: str) -> str:
    """The lines of code that are neither blank nor a comment."""
    lines = (line.rstrip() for line in code.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.lstrip().startswith("#"))


@cache
def computing(path: Path) -> str:
    """The lines of a module that run, its docstrings aside."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            first, last = node.body[0].lineno, node.body[0].end_lineno or 0
            lines[first - 1 : last] = [""] * (last - first + 1)
    return lines_that_run("\n".join(lines))


def reached(code: str, without: Collection[str] = ()) -> set[Path]:
    """Files of the library that code imports, and that those import, and so on.

    without: rooms that are passed over.
    """
    found: set[Path] = set()
    waiting = list(_imported(ast.parse(code)))
    while waiting:
        path = waiting.pop()
        if path not in found and path.relative_to(LIBRARY).parts[0].split(".")[0] not in without:
            found.add(path)
            waiting += _imported_by(path)
    return found


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imported_by(path: Path) -> frozenset[Path]:
    return _imported(_parsed(path))


def _imported(code: ast.Module) -> frozenset[Path]:
    """Files of the library that code names in its imports."""
    found = set()
    for node in ast.walk(code):
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

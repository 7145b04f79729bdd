"""The kinds of cells that a lesson has, and what they show.

Who asks "is this a prediction?" or "what came out?" asks here: the build, the map, a learner's
standing, the ledger, slides, teaching notes. A cell is told by its tags and by the helpers that it
calls, read by `ast`; what a helper found is in the record that it emits (`base.record`).
"""

from __future__ import annotations  # an older Python gets as far as the sentence that names it

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from course_lib.base.record import Record, records

if TYPE_CHECKING:
    from nbformat import NotebookNode as Cell

ASKS = ("predict", "quiz")
SPEAKS = (*ASKS, "reveal", "show_source", "explorer")  # what such a cell shows says it all
# Their code tells nothing, or all.
_FOLDED = ("setup", "predict", "quiz", "reveal", "show_source")
_HELPERS = (*SPEAKS, "claim", "quiz_of", "recall")


# ---- what a cell is ----


def cells_of(path: Path) -> list[Cell]:
    """The cells of a notebook file; none where there is no file."""
    import nbformat

    return nbformat.read(path, as_version=4).cells if path.exists() else []


def tags(cell: Cell) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def kind(cell: Cell) -> str:
    """What a cell is for: "text", "setup", "check", the helper that it begins with, or "code".

    Imports do not count. The helpers are predict, quiz, reveal, show_source where nothing comes
    after it, claim, quiz_of and recall; a cell that shows an explorer is an "explorer".
    """
    if cell.cell_type != "code":
        return "text"
    if "setup" in tags(cell):
        return "setup"
    if any(tag.startswith("check:") for tag in tags(cell)):
        return "check"
    statements = _parsed(cell.source).body
    first = next(
        (it for it in statements if not isinstance(it, (ast.Import, ast.ImportFrom))), None
    )
    call = first.value if isinstance(first, ast.Expr) else None
    name = _name(call.func) if isinstance(call, ast.Call) else ""
    if name == "show_source" and first is not statements[-1]:
        return "code"  # what it shows is not all
    return name if name in _HELPERS else "code"


def is_folded(cell: Cell) -> bool:
    """Whether a reader finds the code folded: it says nothing that the output does not, or all."""
    hidden = cell.metadata.get("jupyter", {}).get("outputs_hidden", False)
    return kind(cell) in _FOLDED or (kind(cell) == "claim" and hidden)


def headings(cell: Cell) -> list[str]:
    """The headings of a Markdown cell."""
    text = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE) if cell.cell_type == "markdown" else []


def core(cells: Iterable[Cell]) -> list[Cell]:
    """The cells outside folded sections: what the core minutes are for, and a lecture shows."""
    kept, folded = [], 0  # folded: level of the heading that hides what follows, 0 for none
    for cell in cells:
        levels = [len(mark) for mark in re.findall(r"^(#+) ", cell.source, re.MULTILINE)]
        level = levels[0] if cell.cell_type == "markdown" and levels else 0
        if level and (not folded or level <= folded):
            folded = level if cell.metadata.get("jp-MarkdownHeadingCollapsed") else 0
        kept += [] if folded else [cell]
    return kept


# ---- what it calls ----


class Call(NamedTuple):
    """A call of a helper, under its name; ``explore.<name>.show(…)`` is a call of "explorer"."""

    name: str
    node: ast.Call

    def argument(self, place: int, name: str) -> ast.expr | None:
        """What is passed at a place or by a name; None where nothing is."""
        named = {keyword.arg: keyword.value for keyword in self.node.keywords}
        return self.node.args[place] if place < len(self.node.args) else named.get(name)

    @property
    def about(self) -> object:
        """The constant passed first: a prediction's key, a lesson's stem, a task; None for none."""
        first = self.node.args[0] if self.node.args else None
        return first.value if isinstance(first, ast.Constant) else None


def calls(source: str, *names: str) -> list[Call]:
    """The calls of the helpers named, in the order written; none in what is not Python."""
    nodes = [node for node in ast.walk(_parsed(source)) if isinstance(node, ast.Call)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return [Call(_name(node.func), node) for node in nodes if _name(node.func) in names]


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:  # a reader's own cell, with a command of IPython's
        return ast.Module([], [])


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return "explorer" if re.fullmatch(r"explore\.\w+\.show", ast.unparse(function)) else ""


# ---- what it showed ----


def shown(cell: Cell, *kinds: str) -> list[Record]:
    """The records that an executed cell shows: all, or those of the kinds named."""
    return records(cell.get("outputs", []), *kinds)

"""A built notebook as the notebook that the site is made from: outputs as HTML, links, anchors.

Nothing is computed here. What a cell found is in its record; what can move or answer becomes an
element of `elements`.
"""

import ast
import base64
import hashlib
import html
import re
from collections.abc import Callable, Collection, Iterator
from copy import deepcopy
from typing import Any

import nbformat
from nbformat import NotebookNode as Node
from nbformat.v4 import new_markdown_cell, new_output

from course_lib.authoring.site import elements
from course_lib.base.card import style
from course_lib.base.record import MIME, Record, read
from course_lib.learner.cells import calls, kind, shown
from course_lib.learner.quizzes import cards, questions

LINK = re.compile(r"\[([^\]]+)\]\(((?:\d\d|index)\w*)\.ipynb(?:#cell-id=([\w-]+))?\)")
FOLD = '<span class="course-fold"></span>'  # marks a section that a reader finds folded
PROMPTS = ("code_prompt_show", "code_prompt_hide")  # of what MyST-NB folds
YOUR_OWN = "Your own prediction will stand here."
NEEDS_KERNEL = (
    "<p class='course-needs'>This picture stands still: a function that you write draws it, "
    "and that takes a kernel.</p>"
)

Explore = Callable[[str], str | None]  # a cell's source → the element of the explorer it shows


def links(text: str, there: Collection[str]) -> str:
    """Prose with its links to notebooks as links to pages; to those not `there`, as plain words."""

    def linked(link: re.Match[str]) -> str:
        words, name, cell = link.groups()
        if name.removesuffix("_exercises") not in {"index", *there}:
            return words
        return f'<a href="{name}.html{f"#cell-{cell}" if cell else ""}">{words}</a>'

    return LINK.sub(linked, text)


def page(notebook: Node, stem: str, explore: Explore, there: Collection[str]) -> Node:
    """A copy of a lesson for the site; `explore` gives a cell's frozen explorer, None for none."""
    made = deepcopy(notebook)
    cells: list[Node] = []
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cells.append(_text(cell, there))
        else:
            cells += _code(cell, stem, explore)
    made.cells = cells
    return made


def exercises(blank: Node, solved: Node, there: Collection[str]) -> Node:
    """The exercises for the site: blanks, each with its answer behind a click, and no checks."""
    made = deepcopy(blank)
    made.cells = []
    for cell, answered in zip(blank.cells, solved.cells, strict=True):
        if kind(cell) == "check":
            continue
        if cell.cell_type == "markdown":
            made.cells.append(_text(deepcopy(cell), there))
            continue
        cell = deepcopy(cell)
        cell.outputs = []
        fold = kind(cell) == "setup"
        made.cells += [_folded(cell, "What this page needs") if fold else cell]
        if answered.source != cell.source:
            answer = deepcopy(answered)
            answer.source = re.sub(
                r"^\s*### (BEGIN|END) SOLUTION.*\n?", "", answer.source, flags=re.M
            )
            answer.id, answer.outputs = f"{cell.id}-answer", []
            made.cells.append(_folded(answer, "A solution: try it yourself first"))
    return made


def _text(cell: Node, there: Collection[str]) -> Node:
    """Prose: an anchor that links from the ledger and the map lead to, and links as pages have."""
    cell.source = links(cell.source, there)
    folded = cell.metadata.get("jp-MarkdownHeadingCollapsed")
    anchor = _anchor(cell) + FOLD * bool(folded)
    heading, _, rest = cell.source.partition("\n")
    if heading.startswith("#"):
        cell.source = f"{heading}\n\n{anchor}\n{rest}"
    else:
        cell.source = f"{anchor}\n\n{cell.source}"
    return cell


def _code(cell: Node, stem: str, explore: Explore) -> Iterator[Node]:
    """The cells that a code cell becomes: an anchor with what answers or moves, or code."""
    what = kind(cell)
    if what == "setup":
        cell.outputs = []
        yield _folded(cell, "What this page needs")
        return
    if what == "show_source":
        code = cell.outputs[0].data["text/plain"]
        fence = f"```{{code-block}} python\n:class: course-source\n\n{code}\n```"
        yield new_markdown_cell(f"{_anchor(cell)}\n\n{fence}")
        return
    yield new_markdown_cell(_anchor(cell))
    alive = _alive(cell, what, stem, explore)
    if alive is not None:
        yield _bare(cell, alive)
        return
    hidden = cell.metadata.get("jupyter", {}).get("outputs_hidden", False)
    cell.outputs = [_output(output) for output in cell.outputs]
    if hidden and what == "claim":
        cell = _folded(cell, "How it is judged")
    elif hidden and cell.outputs:
        cell = _folded(cell, "What comes out", "hide-output")
    yield cell


def _anchor(cell: Node) -> str:
    return f'<span class="course-anchor" id="cell-{cell.id}"></span>'


def _alive(cell: Node, what: str, stem: str, explore: Explore) -> str | None:
    """The HTML that takes a cell's place; None where the cell stays as it is."""
    if what == "explorer":
        found = explore(cell.source)
        if found:
            return found
        pictures = "".join(html_of(output) for output in cell.outputs)
        return pictures + NEEDS_KERNEL
    if what == "predict":
        (asked,) = shown(cell, "predict")
        return elements.prediction(f"{stem}/{asked.id}", asked, f"ask-{stem}-{asked.id}")
    if what == "reveal":
        (came,) = shown(cell, "reveal")
        return elements.outcome(f"{stem}/{came.id}", came, html_of(cell.outputs[-1]))
    if what == "quiz":
        return elements.question(asked_in(cell, stem))
    if what == "quiz_of":
        (call,) = calls(cell.source, "quiz_of")
        return elements.deck(map(elements.of_bank, questions(str(call.about))))
    if what == "recall":
        (call,) = calls(cell.source, "recall")
        return elements.cards(cards(str(call.about)))
    return None


def asked_in(cell: Node, stem: str) -> elements.Asked:
    """The question of a cell with `quiz(…)`, its reasons read from the call."""
    (call,) = calls(cell.source, "quiz")
    parts = [call.argument(i, name) for i, name in enumerate(("question", "reasons", "answer"))]
    text, reasons, answer = (ast.literal_eval(part) for part in parts if part is not None)
    name = f"{stem}/{hashlib.sha256(text.encode()).hexdigest()[:8]}"  # as `quiz` keeps it
    return elements.asked(name, text, reasons, answer)


def _bare(cell: Node, page: str) -> Node:
    """A cell that shows `page` and no code."""
    cell.outputs = [new_output("display_data", {"text/html": page})]
    cell.metadata["tags"] = ["remove-input"]
    return cell


def _folded(cell: Node, words: str, tag: str = "hide-input") -> Node:
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), tag]
    cell.metadata["mystnb"] = dict.fromkeys(PROMPTS, words)
    return cell


def _output(output: Node) -> Node:
    if output.output_type not in ("display_data", "execute_result"):
        return output
    return new_output("display_data", {"text/html": html_of(output)})


def html_of(output: Node) -> str:
    """One output as HTML: a card without its style sheet, a picture with its words, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return _picture(data, output.metadata.get("image/png", {}))
    if "text/html" in data:
        page = data["text/html"].replace(style(), "")
        return _anchored(page, read(data[MIME])) if MIME in data else page
    text = data.get("text/plain", output.get("text", ""))
    return f"<pre>{html.escape(text)}</pre>"


def _anchored(page: str, record: Record) -> str:
    if record.kind == "reveal":
        said = f'<p class="note" data-said>{YOUR_OWN}</p>'
        return page.replace(f'<p class="note">{YOUR_OWN}</p>', said)
    return page


def _picture(data: Any, metadata: Any) -> str:
    png = data["image/png"].replace("\n", "")
    width, height = _size(base64.b64decode(png[:64]))
    words = html.escape(metadata.get("alt") or data.get("text/plain", ""))
    return (
        f'<img class="course-drawn" alt="{words}" width="{width}" height="{height}" '
        f'loading="lazy" src="data:image/png;base64,{png}">'
    )


def _size(png: bytes) -> tuple[int, int]:
    """Width and height, which stand in the first chunk of a PNG."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def write(notebook: Node) -> str:
    """The notebook as text, for Sphinx to read."""
    return nbformat.writes(notebook)

"""Slides of a built lesson: one file for any browser, without a network, explorers alive in it.

What a reader unfolds, a lecturer steps to: folded sections are left out, each question stands on a
slide of its own with its options lettered, and what a reader finds folded comes one step further
down, so that a room can be asked before it is told. Notes for the speaker say how long and what to
ask. The page itself breaks what is too high for a slide into further ones (`slides.js`).
"""

import base64
import html
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib.resources import files
from pathlib import Path

import nbformat
from nbformat import NotebookNode as Cell

from course_lib.authoring.teaching import exact_minutes
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError
from course_lib.learner.cells import ASKS, SPEAKS, core, kind, shown

WIDTH, HEIGHT = 1280, 720  # CSS pixels of a slide, which the browser scales as a whole
MOST_LINES = 20  # of code in one piece
KEYS = "→ goes on, ↓ goes deeper, S opens the speaker's notes"

Explore = Callable[[str], str | None]


def make(name: str, notebooks: Path, folder: Path, explore: Explore | None = None) -> Path:
    """Write ``<name>.slides.html`` of a built lesson into a folder; return the file.

    `explore`: a cell's source → the HTML of its frozen explorer; None: those of the course, kept in
    ``build/frozen``. Raises CourseError where the lesson is not built.
    """
    source = notebooks / f"{name}.ipynb"
    if not source.exists():
        raise CourseError(f"{name} is not built yet; build it: course build {name}")
    if explore is None:
        explore = _frozen(notebooks.parent / "build" / "frozen", name[3:])
    notebook = prepared(nbformat.read(source, as_version=4))
    target = folder / f"{name}.slides.html"
    write_whole(target, page(notebook.cells, name, explore))
    return target


def _frozen(store: Path, stem: str) -> Explore:
    from course_lib.authoring.site import elements
    from course_lib.authoring.site.explorers import kept, shown_in

    def explore(code: str) -> str | None:
        found = shown_in(code, stem)
        return elements.explorer(kept(found, store)) if found else None

    return explore


def prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy for a lecture: the core without setup, a step down at each question and answer."""
    copy = deepcopy(notebook)
    copy.cells = [cell for cell in core(copy.cells) if kind(cell) not in NO_SLIDE]
    for cell in copy.cells:
        step = _step(cell)
        folded = cell.metadata.get("jupyter", {}).pop("outputs_hidden", False)
        if step == "-" and (folded or kind(cell) in ALONE):
            cell.metadata["slideshow"] = {"slide_type": "subslide"}
        if kind(cell) in SPEAKS:
            cell.metadata["transient"] = {"remove_source": True}
    return copy


def _step(cell: Cell) -> str:
    return cell.metadata.get("slideshow", {}).get("slide_type", "-")


NO_SLIDE = ("setup", "quiz_of", "recall")  # the last two are for a learner alone
ALONE = (*ASKS, "explorer", "reveal")


def page(cells: list[Cell], name: str, explore: Explore) -> str:
    """The whole file."""
    from course_lib.authoring.site import elements, formulas
    from course_lib.authoring.site.build import style

    stacks = "".join(
        f"<section>{''.join(slides)}</section>" for slides in _stacks(cells, name[3:], explore)
    )
    reveal = files("sphinx_revealjs") / "_static" / "revealjs"
    here = files("course_lib.authoring.site") / "slides"
    parts = {
        "title": html.escape(name.replace("_", " ", 1)),
        "sheet": "\n".join(
            [_read(reveal / "dist" / "reveal.css"), style(), _read(here / "slides.css")]
        ),
        "font": base64.b64encode(formulas.font(formulas.used(stacks))).decode(),
        "course": elements.script(),
        "reveal": _script(reveal / "dist" / "reveal.js", reveal / "plugin" / "notes" / "notes.js"),
        "slides": stacks,
        "script": _read(here / "slides.js"),
        "width": str(WIDTH),
        "height": str(HEIGHT),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda part: parts[part[1]], _read(here / "slides.html"))


def _read(path: object) -> str:
    return path.read_text(encoding="utf-8")  # type: ignore[attr-defined]  # a file of a package


def _script(*paths: object) -> str:
    """Scripts as they stand in a page, which the text of an end tag in them would end."""
    return "\n".join(map(_read, paths)).replace("</script", "<\\/script")


def _stacks(cells: list[Cell], stem: str, explore: Explore) -> Iterator[list[str]]:
    """Slides in their stacks: across from slide to slide, down from step to step."""
    stack: list[str] = []
    blocks: list[str] = []
    notes: list[Cell] = []

    def end_slide() -> None:
        if blocks:
            stack.append(_slide(blocks, notes))
        blocks.clear()
        notes.clear()

    for cell in cells:
        step = _step(cell)
        if step in ("slide", "subslide"):
            end_slide()
        if step == "slide" and stack:
            yield stack
            stack = []
        if step in ("skip", "notes"):
            continue
        blocks += _blocks(cell, stem, explore)
        notes.append(cell)
    end_slide()
    yield stack


def _slide(blocks: list[str], cells: list[Cell]) -> str:
    minutes = exact_minutes(cells)
    said = [
        f"About {max(0.5, round(2 * minutes) / 2):g} minutes.",
        *filter(None, map(_to_say, cells)),
    ]
    notes = "".join(f"<p>{html.escape(line)}</p>" for line in said)
    seconds = round(60 * minutes)
    pieces = "".join(f'<div class="block">{block}</div>' for block in blocks)
    return (
        f'<section data-timing="{seconds}">{pieces}<aside class="notes">{notes}</aside></section>'
    )


def _to_say(cell: Cell) -> str:
    """What a speaker asks or says at a cell."""
    what = kind(cell)
    if what in ASKS:
        (asked,) = shown(cell, *ASKS)
        return f"Ask: {asked.text} Poll the letters, and write the counts down before you go on."
    if what == "reveal":
        (came,) = shown(cell, "reveal")
        answer = came.verdict or "undecided: an interval lies across its bound"
        return f"It came out: {answer}. Compare with the counts."
    if what == "explorer":
        return "Ask: what do you see, and what will the next move do? Move it only after a guess."
    if what == "claim":
        return "Read the bound first. What would have changed our minds?"
    return ""


def _blocks(cell: Cell, stem: str, explore: Explore) -> Iterator[str]:
    """What a cell puts on a slide, in pieces that may go on the next one."""
    from course_lib.authoring.site import lesson

    what = kind(cell)
    if what == "text":
        yield from _prose(lesson.links(cell.source, ()))
    elif what == "predict":
        (asked,) = shown(cell, "predict")
        yield _lettered(asked.text, asked.options)
    elif what == "quiz":
        one = lesson.asked_in(cell, stem)
        options = [option for option, _ in one["reasons"]]
        yield _lettered(one["text"], options) + _answer(one["answer"], options)
    elif what == "explorer":
        yield explore(cell.source) or "".join(map(lesson.html_of, cell.outputs))
    elif what == "show_source":
        yield from _code(cell.outputs[0].data["text/plain"])
    else:
        if "transient" not in cell.metadata:
            yield from _code(cell.source)
        for output in cell.outputs:
            yield lesson.html_of(output).replace(lesson.YOUR_OWN, "")


def _lettered(text: str, options: "list[str] | tuple[str, ...]") -> str:
    items = "".join(f"<li>{html.escape(option)}</li>" for option in options)
    return f'<div class="poll"><p>{html.escape(text)}</p><ol type="A">{items}</ol></div>'


def _answer(answer: str, options: list[str]) -> str:
    letter = "ABCDEFGH"[options.index(answer)]
    return f'<p class="fragment answer"><b>{letter}</b> · {html.escape(answer)}</p>'


def _prose(text: str) -> Iterator[str]:
    """Markdown as HTML, one piece for each paragraph, list or table."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    from course_lib.authoring.site.formulas import mathml

    def formula(tex: str, options: dict) -> str:
        return mathml(tex, options["display_mode"])

    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    markdown.use(dollarmath_plugin, renderer=formula, double_inline=True)
    tokens, piece = markdown.parse(text), []
    for token in tokens:
        piece.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield markdown.renderer.render(piece, markdown.options, {})
            piece = []


def _code(source: str) -> Iterator[str]:
    """Code in colour, in pieces of at most `MOST_LINES` lines."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lines = source.strip("\n").splitlines()
    count = -(-len(lines) // MOST_LINES)
    size = -(-len(lines) // max(1, count))
    formatter = HtmlFormatter(noclasses=True, nobackground=True, style="default")
    for start in range(0, len(lines), max(1, size)):
        yield highlight("\n".join(lines[start : start + size]), PythonLexer(), formatter)

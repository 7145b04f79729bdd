"""What Sphinx does not do by itself for this course: formulas, folded sections, links, cards."""

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from course_lib.authoring.site.formulas import font, mathml, used
from course_lib.authoring.site.sharing import launchers, social

FOLDED = "course-fold"


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls it."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.add_config_value("course_lessons", {}, "html")  # page → (title, description)
    app.add_config_value("course_address", "", "html")
    app.connect("doctree-read", _name_corners)
    app.connect("doctree-resolved", _fold)
    app.connect("autodoc-process-docstring", _keep_equations)
    app.connect("html-page-context", _context)
    app.connect("build-finished", _write_font)
    for name in ("course.js", "site.js"):
        app.add_js_file(name, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(self: Any, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math" tabindex="0">{mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def _fold(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """A section that a reader of the notebook finds folded is folded here."""
    for mark in list(doctree.findall(nodes.raw)):
        section = mark.parent
        while section is not None and not isinstance(section, nodes.section):
            section = section.parent
        if FOLDED not in mark.astext() or section is None:
            continue
        title = section.next_node(nodes.title)
        words = html.escape(title.astext() if title else "")
        place = section.index(title) + 1 if title in section.children else 0
        begin = f'<details class="course-deeper"><summary>Unfold: {words}</summary>'
        section.insert(place, nodes.raw("", begin, format="html"))
        section.append(nodes.raw("", "</details>", format="html"))
        mark.parent.remove(mark)


def _name_corners(app: Sphinx, doctree: nodes.document) -> None:
    """The empty corner of a table, which Markdown makes a heading, is said to be one of rows."""
    for head in doctree.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():
                entry.append(
                    nodes.raw("", '<span class="visually-hidden">row</span>', format="html")
                )


def _keep_equations(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Equations and tables of our docstrings are laid out by hand: keep them as they are."""
    kept: list[str] = []
    for line in lines:
        laid_out = line.startswith(("    ", "|"))
        if laid_out and not (kept and kept[-1].startswith("    ")):
            kept += ["::", ""] if not kept or not kept[-1].strip() else ["", "::", ""]
        if line.strip() and not laid_out and kept and kept[-1].startswith("    "):
            kept.append("")
        kept.append(f"    {line}" if laid_out else _plain(line))
    lines[:] = kept


def _plain(line: str) -> str:
    """`line` with the marks escaped that mean something in reStructuredText; code stays code."""
    parts = line.split("`")
    return "`".join(
        re.sub(r"([*|])", r"\\\1", part) if i % 2 == 0 else part for i, part in enumerate(parts)
    )


def _context(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    title, description = app.config.course_lessons.get(page, (context.get("title", ""), ""))
    address = app.config.course_address
    plain = html.unescape(re.sub(r"<[^>]*>", "", title))
    context["metatags"] = context.get("metatags", "") + social(address, page, plain, description)
    context["course_open"] = launchers(address, page) if page[:2].isdigit() else []


def _write_font(app: Sphinx, exception: Exception | None) -> None:
    if exception:
        return
    pages = Path(app.outdir).rglob("*.html")
    characters = "".join(used(page.read_text(encoding="utf-8")) for page in pages)
    (Path(app.outdir) / "_static" / "course-math.woff2").write_bytes(font(characters))

"""The site: sources collected from the built notebooks, pictures frozen, then Sphinx."""

import contextlib
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import nbformat

import course_lib
from course_lib import LESSONS
from course_lib.authoring.ledger import rows
from course_lib.authoring.site import elements, judged, lesson, pages, sharing
from course_lib.authoring.site.explorers import Shown, keep_all, kept, shown_in
from course_lib.base import card
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError, address
from course_lib.learner.cells import cells_of, kind
from course_lib.learner.course_map import MAP
from course_lib.panel.widget import part_of_page

HERE = Path(__file__).parent
HERO = ("course_lib.explorers.elsewhere.grokking", "decay=0")  # and the state that it opens in


def build(
    root: Path, target: Path, which: Iterable[str] = (), report: Callable[[str], None] = print
) -> Path:
    """Build the site of the course at `root` into `target`; returns its first page.

    `which`: names of lessons, none for all. What was computed is kept in ``build/frozen``. Raises
    CourseError where no lesson is built, or Sphinx finds fault with a page.
    """
    start = time.perf_counter()
    notebooks, store = root / "notebooks", root / "build" / "frozen"
    wanted = [one for one in MAP if not which or one.name in which]
    there = [one for one in wanted if (notebooks / f"{one.name}.ipynb").exists()]
    if not there:
        raise CourseError("no lesson is built yet; build them: make notebooks")
    shown = {one.name: _shown(notebooks / f"{one.name}.ipynb", one.stem) for one in there}
    hero = Shown.of(*HERO)
    keep_all([hero, *(each for found in shown.values() for each in found)], store, report)
    source = root / "build" / "site-source"
    shutil.rmtree(source, ignore_errors=True)
    names = [one.name for one in there]
    _collect(source, notebooks, names, store, hero)
    report(f"pages are collected after {time.perf_counter() - start:.0f} s; Sphinx makes the site")
    _sphinx(source, target, root / "build" / "doctrees", pages.described(names))
    report(f"{_size(target) / 1e6:.1f} MB in {time.perf_counter() - start:.0f} s")
    return target / "index.html"


def _shown(notebook: Path, stem: str) -> list[Shown]:
    sources = [cell.source for cell in cells_of(notebook) if kind(cell) == "explorer"]
    return [found for source in sources if (found := shown_in(source, stem))]


def _collect(source: Path, notebooks: Path, there: list[str], store: Path, hero: Shown) -> None:
    """Write all that Sphinx reads."""
    static = source / "_static"
    (static / "frozen").mkdir(parents=True)
    (static / "pictures").mkdir()
    (static / "social").mkdir()
    for path in (HERE / "static").iterdir():
        shutil.copy(path, static / path.name)
    write_whole(static / "course.js", elements.script())
    site = (HERE / "static" / "site.css").read_text(encoding="utf-8")
    write_whole(static / "course.css", f"{style()}\n{site}")

    def explorer(shown: Shown, name: str = "") -> str:
        frozen, table = kept(shown, store), f"_static/frozen/{shown.name}.js"
        data = json.dumps(frozen.table, ensure_ascii=False, separators=(",", ":"))
        write_whole(source / table, f"course.receive({json.dumps(table)},{data})\n")
        return elements.explorer(frozen, table, name)

    for name in there:
        _lesson(source, notebooks, name, there, explorer)
    _others(source, notebooks, there, explorer(hero), store)


def _lesson(
    source: Path, notebooks: Path, name: str, there: list[str], explorer: Callable[..., str]
) -> None:
    stem, addresses = name[3:], set()

    def explore(code: str) -> str | None:
        found = shown_in(code, stem)
        if found is None:
            return None
        own = ".".join(found.module.split(".")[-2:])
        address = own if own not in addresses else ""  # shown twice: the first has it
        addresses.add(own)
        return explorer(found, address)

    made = lesson.page(nbformat.read(notebooks / f"{name}.ipynb", 4), stem, explore, there)
    write_whole(source / f"{name}.ipynb", lesson.write(made))
    blank, solved = (
        folder / f"{name}_exercises.ipynb" for folder in (notebooks, notebooks / "solutions")
    )
    if blank.exists() and solved.exists():
        tasks = lesson.exercises(nbformat.read(blank, 4), nbformat.read(solved, 4), there)
        write_whole(source / blank.name, lesson.write(tasks))


def _others(source: Path, notebooks: Path, there: list[str], hero: str, store: Path) -> None:
    """Pages that no notebook is, pictures, and how links to pages look."""
    found = [row for row in rows(notebooks) if row.claim.text == judged.SENTENCE]
    where = f"{found[0].lesson}.html#cell-{found[0].cell}" if found else ""
    texts = {
        "index.md": pages.home(there, notebooks, hero, judged.element(judged.gains(store), where)),
        "lessons.md": pages.lessons(there, notebooks),
        "exercises.md": pages.exercises(there, notebooks),
        "claims.md": pages.ledger(notebooks, there),
        "cheatsheet.md": pages.cheatsheet(notebooks, there),
        "myths.md": pages.myths(there),
        "progress.md": pages.progress(there),
        "glossary.md": lesson.links((notebooks / "glossary.md").read_text("utf-8"), there),
        **pages.reference(),
    }
    for path, text in texts.items():
        (source / path).parent.mkdir(exist_ok=True)
        write_whole(source / path, text)
    library = Path(course_lib.__file__).parent
    (source / "_code").mkdir()
    for stem in (*LESSONS, *pages.NUMBERS):
        shutil.copy(library / f"{stem}.py", source / "_code")
    for name, (title, words) in pages.described(there).items():
        picture = notebooks / "pictures" / f"{name.removesuffix('_exercises')}.png"
        write_whole(
            source / "_static" / "social" / f"{name}.png", sharing.card(title, words, picture)
        )
    for name in there:
        picture = notebooks / "pictures" / f"{name}.png"
        if picture.exists():
            shutil.copy(picture, source / "_static" / "pictures")


def style() -> str:
    """The panel's style and the cards', as one sheet; dark as the theme says it."""
    cards = card.style().removeprefix("<style>").removesuffix("</style>")
    dark = cards.replace('body[data-jp-theme-light="false"]', 'html[data-theme="dark"]')
    return f"{part_of_page('panel.css')}\n{dark}"


def _sphinx(
    source: Path, target: Path, doctrees: Path, described: dict[str, tuple[str, str]]
) -> None:
    """Run Sphinx; what it warns of is an error, said in its words."""
    from sphinx.application import Sphinx
    from sphinx.util.console import nocolor

    nocolor()
    said = io.StringIO()
    more = {
        "course_lessons": described,
        "course_address": address(),
        "html_static_path": [str(source / "_static")],
    }
    shutil.rmtree(target, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()):
        app = Sphinx(
            source,
            HERE,
            target,
            doctrees,
            "html",
            confoverrides=more,
            status=None,
            warning=said,
            freshenv=True,
            parallel=os.cpu_count() or 1,
        )
        app.build()
    if app.statuscode or said.getvalue():
        raise CourseError(f"Sphinx finds fault with the site:\n{said.getvalue().strip()}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

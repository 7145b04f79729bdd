"""A term is explained before it is used: the glossary's, against the order of the lessons."""

import re
from itertools import takewhile
from pathlib import Path

import jupytext
import pytest

from course_lib.learner.cells import core, tags
from course_lib.learner.course_map import MAP

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
ENTRY = re.compile(r"^\*\*(.+?)\*\* – ", re.MULTILINE)
GREEK = re.compile(r"\s*\b[α-ω]\b")
SILENT = re.compile(
    r"`[^`]*`|\*\*Sources\.\*\*.*|\$\$.*?\$\$|\$[^$]*\$|<!--.*?-->|\]\([^)]*\)", re.DOTALL
)
LOUD = re.compile(r"\*\*([^*]{1,60})\*\*|(?<!\*)\*([^*\n]{1,60})\*(?!\*)|^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"lessons? \d\d|\]\((\d\d_|glossary)")


def entries():
    """The glossary's, each as its names: "L1, lasso" has two, and a Greek letter is none."""
    found = ENTRY.findall((NOTEBOOKS / "glossary.md").read_text(encoding="utf-8"))
    parts = [re.split(r", | \(", GREEK.sub("", entry).rstrip(")")) for entry in found]
    return [[name for name in names if name] for names in parts]


def paragraphs(lesson):
    """Of a lesson's core, as (whether it uses terms, written).

    Title, opening and aims explain and do not use: they say what is to come.
    """
    cells = core(jupytext.read(NOTEBOOKS / "src" / f"{lesson.name}.py").cells)
    opening = len([*takewhile(lambda cell: "setup" not in tags(cell), cells)])
    for number, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            for part in cell.source.split("\n\n"):
                yield number > opening and "At the end of this lesson you" not in part, part


def named(*names):
    alternatives = "|".join(map(re.escape, names))
    return re.compile(rf"(?<!\w)(?:{alternatives})(e?s)?(?!\w)", re.IGNORECASE)


def unexplained(names, text):
    """For each of an entry's names that is used before any of them is explained, where it is."""
    late, known = {}, False
    for lesson, uses, part in text:
        read = SILENT.sub(" ", part)
        loud = [next(filter(None, found.groups())) for found in LOUD.finditer(read)]
        explaining = [read] if LINK.search(part) else loud
        known = known or any(map(named(*names).search, explaining))
        for name in names:
            if uses and not known and named(name).search(read):
                late.setdefault(name, f"{lesson}: {read}")
    return late


@pytest.fixture(scope="module")
def text():
    return [(lesson.name, *part) for lesson in MAP for part in paragraphs(lesson)]


@pytest.mark.parametrize("names", entries(), ids=", ".join)
def test_a_term_is_explained_no_later_than_a_core_first_uses_it(names, text):
    assert not unexplained(names, text)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (["Its lasso shrinks."], {"lasso"}),
        (["The **lasso** shrinks.", "Its lassos shrink, and L1."], set()),
        (["**L1** pulls.", "The lasso is it."], set()),
        (["L1 comes (lesson 02).", "With `lasso` and $L1$."], set()),
        (["# L1", "L1 pulls."], set()),
        (["L1 pulls.", "**L1** pulls."], {"L1"}),
    ],
)
def test_a_term_is_explained_where_it_is_loud_or_linked(parts, found):
    text = [("02", True, part) for part in parts]
    assert set(unexplained(["L1", "lasso"], text)) == found


def test_the_words_of_verdicts_are_defined_on_the_first_page_and_lessons_lead_there():
    index = (NOTEBOOKS / "src" / "index.py").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if line.startswith("# | **")]
    for word in ("lower", "better", "told apart", "small"):
        assert sum(f"**{word}**" in row for row in rows) == 1, word
    for lesson in MAP:
        for _, part in paragraphs(lesson):
            if re.search(r"\*(lower|higher)\*", part, re.IGNORECASE) and "interval of the" in part:
                assert "](index.ipynb)" in part, f"{lesson.name}: {part}"

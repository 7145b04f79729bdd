"""The claims ledger holds what the executed lessons printed, all of it and nothing else."""

import functools
import re
from dataclasses import replace
from pathlib import Path

import nbformat.v4 as v4
import pytest

from course_lib import LESSONS
from course_lib.authoring import ledger
from course_lib.authoring.build import executed
from course_lib.base.places import CourseError
from course_lib.base.record import Bar, Record
from course_lib.learner.cells import cells_of
from tests.authoring._syllabus import PROMISES
from tests.records.test_standing import stands

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def notebook(*cells):
    made = [v4.new_code_cell("from course_lib.notebook import claim")]
    made += [
        v4.new_markdown_cell(cell) if cell.startswith("#") else v4.new_code_cell(cell)
        for cell in cells
    ]
    return v4.new_notebook(cells=made)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    made = notebook(
        "# Lesson\n\ntext\n\n## Sums",
        "from course_lib.notebook import below, equal\n"
        'claim("One and one is two.", measured=1 + 1, holds=equal(2))',
        "## Loops",
        "for n in (1, 2):\n"
        '    claim(f"{n} is small | large.", kind="measured", measured=n, holds=below(2))\n'
        'claim("Nobody knows.", None, below(2), "measured")',
        'print("Exact words are not claims")',
    )
    run = executed(made, tmp_path_factory.mktemp("nb") / "x.ipynb", "x")
    return list(ledger.rows_of(run.cells, "03_x"))


def test_sentence_bound_figure_verdict_and_place(rows):
    assert rows[0][:2] == ("03_x", "Sums")
    claims = [row.claim for row in rows]
    assert [(it.text, it.basis, it.asked, it.figure, it.verdict) for it in claims] == [
        ("One and one is two.", "exact", "equal to 2", "2", "holds"),
        ("1 is small | large.", "measured", "below 2", "1", "holds"),
        ("2 is small | large.", "measured", "below 2", "2", "does not hold"),
        ("Nobody knows.", "measured", "below 2", "None", "inconclusive"),
    ]
    assert {row.section for row in rows[1:]} == {"Loops"}


def test_the_page_counts_and_escapes(rows):
    page = ledger.table(rows)
    assert "4 in all, 1 of them exact" in page
    assert "3 others are measured over seeds: 1 hold, 1 do not, 1 are inconclusive" in page
    assert "**3 not yet replicated**" in page
    where = f"[Loops](03_x.ipynb#cell-id={rows[1].cell})"
    line = "| 1 is small \\| large. | measured | below 2 | 1 | holds | not yet replicated"
    assert f"{line} | {where} |" in page
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}


def test_what_fresh_seeds_said_stands_beside_it_and_in_the_readme(monkeypatch):
    claim = Record(
        "claim",
        "a",
        id="it",
        basis="measured",
        verdict="holds",
        status="confirmed",
        fresh=(Bar("", 1.0, 0.5, 1.5),),
    )
    rows = [ledger.Row("03_x", "Sums", "id", claim)]
    assert "| holds | confirmed: 1.0 [0.5, 1.5] | " in ledger.table(rows)
    assert "No claim was changed after its fresh result was seen." in ledger.table(rows)
    revised = stands(2, 2, 2, 2)
    revised = replace(revised, pilot=replace(revised.pilot, revision=2))
    monkeypatch.setattr(ledger, "recorded", lambda: {"it": revised})
    assert "1 changed after a fresh result was seen, 2 times" in ledger.table(rows)
    page = f"a\n{ledger.BEGIN}\nold\n{ledger.END}\nb\n"
    said = "Of 1 measured claims: **1 confirmed**."
    assert ledger.with_counts(page, rows) == f"a\n{ledger.BEGIN}\n{said}\n{ledger.END}\nb\n"
    with pytest.raises(CourseError, match="README.md: there has to be a line"):
        ledger.with_counts("a page", rows)


def test_the_readme_counts_as_the_ledger_does():
    page = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    assert ledger.with_counts(page, ledger.rows(NOTEBOOKS)) == page


def test_an_inconclusive_interval_says_what_it_would_have_told():
    claim = Record("claim", "a", basis="measured", verdict="inconclusive", detectable=0.5)
    page = ledger.table([ledger.Row("03_x", "Sums", "id", claim)])
    assert "| inconclusive (to be seen four times in five the truth would have to lie 0.5" in page


def test_every_claim_of_the_course_has_its_bound_and_its_place():
    found = ledger.rows(NOTEBOOKS)
    assert found
    assert not [row for row in found if not (row.claim.asked and row.section and row.claim.figure)]


@functools.cache
def sentences(stem):
    lesson = f"{LESSONS.index(stem):02d}_{stem}"
    cells = cells_of(NOTEBOOKS / f"{lesson}.ipynb")
    return [row.claim.text for row in ledger.rows_of(cells, lesson)]


PROMISED = [(stem, item) for stem, items in PROMISES.items() for item in items]


@pytest.mark.parametrize(("stem", "item"), PROMISED, ids=": ".join)
def test_every_promise_is_kept_by_a_claim(stem, item):
    found = sentences(stem)
    assert any(re.search(PROMISES[stem][item], sentence) for sentence in found), found


def test_every_lesson_promises():
    assert tuple(PROMISES) == LESSONS


def test_the_ledger_is_that_of_the_notebooks_beside_it():
    assert (NOTEBOOKS / "claims.md").read_text(encoding="utf-8") == ledger.table(
        ledger.rows(NOTEBOOKS)
    )

"""What is worth keeping is written once, in the lessons, and collected."""

from pathlib import Path

import pytest
from nbformat import v4

from course_lib.authoring import cheatsheet, ledger
from course_lib.authoring.build import save
from course_lib.authoring.rests import COMMENT
from course_lib.base.record import Record
from course_lib.learner.cells import cells_of, tags
from course_lib.learner.course_map import MAP

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def test_the_cheat_sheet_is_that_of_the_notebooks_beside_it():
    found = ledger.rows(NOTEBOOKS)
    page = (NOTEBOOKS / "cheatsheet.md").read_text(encoding="utf-8")
    assert page == cheatsheet.sheet(NOTEBOOKS, found)


@pytest.mark.parametrize("lesson", MAP, ids=[lesson.name for lesson in MAP])
def test_every_lesson_has_one_card_and_it_says_what_it_rests_on(lesson):
    cards = [cell for cell in cells_of(NOTEBOOKS / f"{lesson.name}.ipynb") if "card" in tags(cell)]
    assert len(cards) == 1 and COMMENT.search(cards[0].source)


def test_a_card_is_collected_with_the_status_of_what_it_rests_on(tmp_path):
    card = "## To keep\n\n- it helps <!-- rests: a, not b -->\n- who knows <!-- rests: c -->"
    cells = [
        v4.new_markdown_cell("# Lesson\n\n## To keep, not"),
        v4.new_markdown_cell(card, metadata={"tags": ["card"]}),
    ]
    save(v4.new_notebook(cells=cells), tmp_path / "06_dropout.ipynb")
    judged = [
        ledger.Row("06_dropout", "", "", Record("claim", "", id, status="confirmed"))
        for id in ("a", "b")
    ]
    page = cheatsheet.sheet(tmp_path, judged)
    assert page == cheatsheet.HEADER + (
        "\n## [06 dropout](06_dropout.ipynb)\n\n"
        "- it helps (*confirmed*)\n- who knows (*not yet replicated*)\n"
    )

"""A built notebook as the site's page: what can move or answer, links, anchors, solutions."""

import json
import re

import nbformat.v4 as v4
import pytest

from course_lib.authoring.site import formulas, lesson, pages, sharing
from course_lib.authoring.site.explorers import Shown, shown_in
from course_lib.learner.cells import cells_of
from tests.authoring import _lesson


@pytest.fixture(scope="module")
def page():
    made = lesson.page(_lesson.notebook(), "sgd", lambda source: "<b>alive</b>", [_lesson.NAME])
    return made.cells


def texts(cells):
    """Everything that a reader gets, code and outputs as one text."""
    outputs = [
        output.get("data", {}).get("text/html", "")
        for c in cells
        for output in c.get("outputs", [])
    ]
    return "\n".join([*(cell.source for cell in cells), *outputs])


def data(page, kind):
    """The data of the first element of a kind."""
    element = re.search(rf'data-kind="{kind}".*?<script[^>]*>(.*?)</script>', page, re.DOTALL)
    return json.loads(element[1].replace("<\\/", "</"))


def test_questions_and_explorers_become_elements(page):
    text = texts(page)
    assert "<b>alive</b>" in text
    assert data(text, "predict") == {
        "name": "sgd/way",
        "text": "Which way?",
        "options": ["up", "down"],
    }
    assert data(text, "reveal") == {"name": "sgd/way", "came": "down"}
    asked = data(text, "quiz")
    assert asked["answer"] == "4" and asked["reasons"] == [
        ["3", "One too few."],
        ["4", "As counted."],
    ]
    assert len(data(text, "deck")["questions"]) > 3 and len(data(text, "cards")["cards"]) > 3


def test_what_came_out_is_behind_its_prediction_and_says_what_the_reader_said(page):
    text = texts(page)
    assert '<details class="course-static course-reveal" data-kind="reveal">' in text
    assert "data-said" in text


def test_links_lead_to_pages_and_to_cells_and_nowhere_else(page):
    text = texts(page)
    assert '<a href="00_sgd.html#cell-aaaa">the claim</a>' in text
    assert "or 02." in text and "ipynb" not in text  # a lesson that is not there is no link


def test_every_cell_has_its_anchor(page):
    text = texts(page)
    for cell in _lesson.notebook().cells[:1]:
        assert cell.source.splitlines()[0] in text
    ids = re.findall(r'id="cell-([\w-]+)"', text)
    assert len(ids) == len(set(ids)) > 8


def test_a_function_of_ones_own_takes_a_kernel():
    assert shown_in("explore.heat_map.show(update=mine, seeds=1)", "adamw") is None
    source = "explore.memorising.show(share=50, rates=explore.memorising.BEST)"
    assert dict(shown_in(source, "batchnorm").numbers)["rates"] == "each its best"
    picture = lesson.page(_lesson.notebook(), "sgd", lambda source: None, [])
    assert "takes a kernel" in texts(picture.cells) and 'alt="A saddle."' in texts(picture.cells)


def test_the_name_of_a_picture_changes_with_its_sources_and_its_numbers_alone():
    one, same = (Shown.of("course_lib.explorers.sgd.saddle", lr=0.1) for _ in range(2))
    other = Shown.of("course_lib.explorers.sgd.saddle", state="lr=0.05")
    assert one == same and one.name == same.name != other.name
    assert one.name.startswith("sgd-saddle-")


def test_every_lesson_becomes_a_page(repository):
    for path in (repository / "notebooks").glob("[0-9]*[!s].ipynb"):
        notebook = v4.new_notebook(cells=cells_of(path))
        made = lesson.page(notebook, path.stem.split("_", 1)[1], lambda source: None, [])
        assert len(made.cells) > len(notebook.cells), path.stem


def test_exercises_have_no_answers_but_behind_a_click(repository):
    blank, solved = (
        v4.new_notebook(
            cells=cells_of(repository / "notebooks" / folder / "03_weight_decay_exercises.ipynb")
        )
        for folder in ("", "solutions")
    )
    cells = lesson.exercises(blank, solved, []).cells
    answers = [cell for cell in cells if cell.id.endswith("-answer")]
    assert len(answers) == 5
    for cell in answers:
        assert "hide-input" in cell.metadata["tags"] and "SOLUTION" not in cell.source
    open_ = "\n".join(cell.source for cell in cells if cell not in answers)
    assert "NotImplementedError" in open_ and "check(" not in open_


def test_every_formula_of_the_course_becomes_mathml(repository):
    found = set()
    for path in sorted((repository / "notebooks").glob("[0-9]*.ipynb")):
        text = "\n".join(c.source for c in cells_of(path) if c.cell_type == "markdown")
        text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        found |= set(re.findall(r"(?<![\\$])\$([^$\n]+)\$(?!\$)", text))
    assert len(found) > 200
    for tex in found:
        made = formulas.mathml(tex)
        words = re.sub(r'data-tex="[^"]*"', "", made)
        assert made.startswith("<math ") and "\\" not in words, tex


def test_there_is_no_link_for_sharing_without_an_address():
    assert [link.name for link in sharing.launchers("", "06_dropout")] == ["JupyterLab"]
    assert "og:image" not in sharing.social("", "06_dropout", "Dropout", "Masks.")
    address = "https://github.com/Some/where"
    binder, colab = (link.href for link in sharing.launchers(address, "06_dropout")[1:])
    assert (
        binder
        == "https://mybinder.org/v2/gh/Some/where/HEAD?urlpath=doc/tree/notebooks/06_dropout.ipynb"
    )
    assert (
        colab
        == "https://colab.research.google.com/github/Some/where/blob/HEAD/notebooks/06_dropout.ipynb"
    )
    tags = sharing.social(address, "06_dropout", 'A "title"', "Masks.")
    assert 'content="https://some.github.io/where/_static/social/06_dropout.png"' in tags
    assert "A &quot;title&quot;" in tags


def test_the_ledger_can_be_filtered_by_what_a_record_says(repository):
    text = pages.ledger(repository / "notebooks", ["06_dropout"])
    assert text.count("<tr data-kind=") > 40
    assert 'data-verdict="inconclusive"' in text and 'href="06_dropout.html#cell-' in text
    assert '<select name="verdict">' in text

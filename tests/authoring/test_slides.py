"""Slides: the core of a lesson, each question a slide, and its answer one step below."""

from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pytest

from course_lib import cli
from course_lib.authoring import slides
from course_lib.authoring.slides import prepared
from course_lib.base.places import CourseError

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def kinds(notebook):
    return [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in notebook.cells]


def test_questions_and_folded_outputs_come_one_step_down_and_folded_sections_not_at_all():
    slide, hidden = {"slideshow": {"slide_type": "slide"}}, {"jupyter": {"outputs_hidden": True}}
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# A", metadata=slide),
            v4.new_code_cell("import torch", metadata={"tags": ["setup"]}),
            v4.new_code_cell('predict("a", "b?", ["c"])'),
            v4.new_code_cell("x = 1", metadata=hidden),
            v4.new_markdown_cell("### Deeper", metadata={"jp-MarkdownHeadingCollapsed": True}),
            v4.new_code_cell("y = 1"),
            v4.new_markdown_cell("## B", metadata=slide),
        ]
    )
    made = prepared(notebook)
    assert [cell.source for cell in made.cells] == [
        "# A",
        'predict("a", "b?", ["c"])',
        "x = 1",
        "## B",
    ]
    assert kinds(made) == ["slide", "subslide", "subslide", "slide"]
    assert [bool(cell.metadata.get("transient")) for cell in made.cells] == [
        False,
        True,
        False,
        False,
    ]
    assert "outputs_hidden" in notebook.cells[3].metadata.jupyter, (
        "the notebook itself stays as it is"
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return slides.make(
        "06_dropout", NOTEBOOKS, tmp_path_factory.mktemp("slides") / "new"
    ).read_text(encoding="utf-8")


def test_the_page_has_a_section_for_each_slide_and_no_code_of_a_question(page):
    core = prepared(nbformat.read(NOTEBOOKS / "06_dropout.ipynb", as_version=4))
    steps = sum(kind in ("slide", "subslide") for kind in kinds(core))
    assert steps > 15 and page.count("<section>") + page.count("<section ") >= steps
    assert "reveal.js" in page and "data:image/png;base64" in page
    assert "When is the output in evaluation mode" in page and "predict(" not in page


def test_what_cannot_be_made_is_said(tmp_path, capsys):
    with pytest.raises(CourseError, match="06_dropout is not built yet"):
        slides.make("06_dropout", tmp_path, tmp_path)
    assert cli.main(["slides", "nothing"]) == 2
    assert "there is no lesson 'nothing'" in capsys.readouterr().err

"""Slides: the core of a lesson, each question a slide, and its answer one step below."""

import re
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pytest

from course_lib import cli
from course_lib.authoring import slides
from course_lib.authoring.slides import prepared
from course_lib.base.places import CourseError
from course_lib.learner.cells import shown
from tests.browser import _lab

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


def without_scripts(page):
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The slides of lesson 06; its explorers stand still here."""
    folder = tmp_path_factory.mktemp("slides") / "new"
    return slides.make("06_dropout", NOTEBOOKS, folder, lambda source: None)


def test_the_page_has_a_section_for_each_slide_and_no_code_of_a_question(made):
    page = made.read_text(encoding="utf-8")
    core = prepared(nbformat.read(NOTEBOOKS / "06_dropout.ipynb", as_version=4))
    steps = sum(kind in ("slide", "subslide") for kind in kinds(core))
    asked = next(record.text for cell in core.cells for record in shown(cell, "predict"))
    assert steps > 15 and page.count("<section data-timing=") >= steps
    assert "data:image/png;base64" in page and "<math " in page
    text = without_scripts(page)
    assert asked[:40] in text and "predict(" not in text


def test_the_page_is_one_file_that_asks_nothing_of_the_web(made):
    page = made.read_text(encoding="utf-8")
    loaded = re.compile(r'(?:src|href)="(?!data:|#)[^"]*"')
    assert not loaded.findall(without_scripts(page))
    assert "@import" not in page and "Your own prediction" not in page


def test_questions_are_polled_by_letters_and_the_speaker_is_told_what_to_ask(made):
    page = made.read_text(encoding="utf-8")
    core = prepared(nbformat.read(NOTEBOOKS / "06_dropout.ipynb", as_version=4)).cells
    asked = [record for cell in core for record in shown(cell, "predict", "quiz")]
    assert page.count('<ol type="A">') == len(asked) >= 4
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', page)
    assert all(note.startswith("<p>About ") for note in notes)
    assert sum("Poll the letters" in note for note in notes) == len(asked)
    assert any("It came out:" in note for note in notes)


def test_long_code_is_cut_in_pieces():
    pieces = list(slides._code("\n".join(f"x{i} = {i}" for i in range(50))))
    assert [piece.count("\n") for piece in pieces] == [17, 17, 16] or len(pieces) == 3


@pytest.mark.skipif(_lab.CHROMIUM is None, reason="no Chromium here")
@pytest.mark.browser
def test_no_slide_is_higher_than_the_screen(made, amount):
    with _lab.chromium((slides.WIDTH, slides.HEIGHT)) as page:
        page.context.set_offline(True)
        said = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(made.as_uri())
        page.wait_for_function("window.Reveal?.isReady?.()")
        found = page.evaluate(_WALK, amount(200, 1000))
        assert len(found) > 25 and not said
        for text, bottom, right, zoom in found:
            assert bottom <= slides.HEIGHT + 1 and right <= slides.WIDTH + 1, (text, bottom, right)
            assert zoom > 0.6, (text, zoom)  # code stays readable


# Every slide: [how it begins, lowest and rightmost edge in pixels, how much smaller it was made].
_WALK = """
most => {
  const found = [];
  Reveal.slide(0, 0);
  for (let i = 0; i < most; i++) {
    const slide = Reveal.getCurrentSlide();
    const boxes = [...slide.querySelectorAll('.block')].map(block => block.getBoundingClientRect());
    const bottom = Math.max(...boxes.map(box => box.bottom));
    const right = Math.max(...boxes.map(box => box.right));
    const zoom = Number(slide.style.zoom || 1);
    found.push([slide.textContent.trim().slice(0, 60), bottom, right, zoom]);
    if (Reveal.isLastSlide() && !Reveal.availableFragments().next) break;
    Reveal.next();
  }
  return found;
}
"""


def test_what_cannot_be_made_is_said(tmp_path, capsys):
    with pytest.raises(CourseError, match="06_dropout is not built yet"):
        slides.make("06_dropout", tmp_path, tmp_path)
    assert cli.main(["slides", "nothing"]) == 2
    assert "there is no lesson 'nothing'" in capsys.readouterr().err

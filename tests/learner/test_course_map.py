"""The map, the README and the first notebook agree, and every way that they show leads on."""

import re
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pytest

from course_lib import LESSONS
from course_lib.authoring import pictures
from course_lib.learner import course_map
from course_lib.learner.cells import cells_of, headings
from course_lib.learner.course_map import MAP, WAYS, ways

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUILT = [lesson for lesson in MAP if (NOTEBOOKS / f"{lesson.name}.ipynb").exists()]


def stem(lesson):
    return lesson.stem


def test_every_lesson_is_on_the_map_behind_those_it_needs():
    assert tuple(lesson.stem for lesson in MAP) == LESSONS
    for number, lesson in enumerate(MAP):
        assert (
            set(lesson.needs) <= set(LESSONS[:number])
            and lesson.question.endswith("?")
            and lesson.topics
        )


@pytest.mark.parametrize("lesson", MAP, ids=stem)
def test_the_readme_has_the_same_row_and_the_picture(lesson):
    row = next(line for line in README.splitlines() if line.startswith(f"| {lesson.number} "))
    needs = ", ".join(f"{LESSONS.index(stem):02d}" for stem in lesson.needs) or "none"
    said = course_map.minutes(cells_of(NOTEBOOKS / f"{lesson.name}.ipynb")) or "coming"
    assert row.endswith(
        f"| {lesson.question} | {'all' if len(lesson.needs) >= 9 else needs} | {said} |"
    )
    picture, notebook = f"notebooks/pictures/{lesson.name}.png", f"notebooks/{lesson.name}.ipynb"
    shown = f"({picture})]({notebook})<br>**{lesson.number}** "
    assert (f"{shown}{lesson.topics} |" in README) == (lesson in BUILT)


@pytest.mark.parametrize("lesson", BUILT, ids=stem)
def test_the_picture_is_one_that_the_notebook_shows_and_is_small(lesson):
    kept = (NOTEBOOKS / "pictures" / f"{lesson.name}.png").read_bytes()
    assert kept == pictures.picture(cells_of(NOTEBOOKS / f"{lesson.name}.ipynb"))
    assert kept.startswith(b"\x89PNG") and len(kept) <= 60_000


def test_no_picture_is_left_over():
    assert {path.stem for path in (NOTEBOOKS / "pictures").iterdir()} == {
        lesson.name for lesson in BUILT
    }


def test_a_tagged_cell_gives_the_picture_and_else_the_first_that_has_one():
    def cell(png, **metadata):
        return v4.new_code_cell(
            "", metadata=metadata, outputs=[v4.new_output("display_data", {"image/png": png})]
        )

    silent = v4.new_code_cell("", outputs=[v4.new_output("stream", text="x")])
    cells = [silent, cell("YQ=="), cell("Yg==", tags=["picture"])]
    assert [pictures.picture(cells[:n]) for n in (3, 2, 1)] == [b"b", b"a", b""]


# ---- nine ways ----


def leads(link):
    """Whether a Markdown link from a notebook leads to a file there is, and to a cell of it."""
    file, _, cell = re.fullmatch(r"\[[^]]+\]\(([^)]+)\)", link)[1].partition("#cell-id=")
    path = NOTEBOOKS / file
    if not cell or not path.exists():
        return path.exists()
    return cell in [there.id for there in cells_of(path)]


@pytest.mark.parametrize("lesson", BUILT, ids=stem)
def test_each_way_leads_into_its_notebook(lesson):
    found = ways(lesson, NOTEBOOKS)
    assert tuple(found) == WAYS
    assert all(found.values())
    assert not [link for links in found.values() for link in links if not leads(link)]
    assert len(found["play"]) >= 2 and len(found["debug"]) == max(1, len(lesson.faults))


@pytest.mark.parametrize("lesson", BUILT, ids=stem)
def test_each_lesson_ends_with_its_quiz_its_cards_and_somebody_to_explain_it_to(lesson):
    cells = cells_of(NOTEBOOKS / f"{lesson.name}.ipynb")
    text, quiz, cards = cells[-3:]
    assert headings(text) == [course_map.CLOSING]
    assert {cell.metadata.slideshow.slide_type for cell in (text, quiz, cards)} == {"skip"}
    assert all(
        part in text.source
        for part in ("**Teach it to** ", "*Draw* ", "*Disarm* ", "*And ask back:* ")
    )
    assert (
        quiz.source.endswith(f'quiz_of("{lesson.stem}")')
        and cards.source == f'recall("{lesson.stem}")'
    )
    assert all("<details>" in cell.outputs[0].data["text/html"] for cell in (quiz, cards)), (
        "readable without a kernel"
    )


def test_a_lesson_that_is_not_written_has_its_name_and_no_links(tmp_path):
    found = ways(MAP[0], tmp_path)
    assert found["read"] == ["read"] and found["code"] == ["code"]
    assert not [link for links in found.values() for link in links if "](" in link]


def test_every_fault_of_the_gallery_belongs_to_one_lesson_and_is_there():
    faults = [fault for lesson in MAP for fault in lesson.faults]
    gallery = cells_of(NOTEBOOKS / f"{course_map.GALLERY}.ipynb")
    there = [heading.split(" ·")[0] for cell in gallery for heading in headings(cell)]
    assert sorted(faults, key=lambda fault: int(fault[1:])) == [f"T{n}" for n in range(4, 13)]
    assert set(faults) <= set(there)


# ---- the first notebook ----


@pytest.fixture(scope="module")
def index():
    return nbformat.read(NOTEBOOKS / "index.ipynb", as_version=4)


def output(notebook, call):
    return next(cell.outputs[0] for cell in notebook.cells if cell.source == call)


def test_the_first_notebook_shows_the_map_and_where_each_way_leads(index):
    assert output(index, "the_map()").data["text/markdown"] == course_map.the_map().text, (
        "course build index"
    )
    links = re.findall(r"\[[^]]+\]\([^)]+\)", output(index, "the_ways()").data["text/markdown"])
    assert len(links) > 60 and not [link for link in links if not leads(link)], "course build index"


def test_the_first_notebook_links_only_what_is_there(index):
    text = "\n".join(cell.source for cell in index.cells if cell.cell_type == "markdown")
    links = re.findall(r"\[[^]]+\]\((?!http)[^)]+\)", text)
    assert links and not [link for link in links if not leads(link)]


def test_the_first_notebook_has_one_of_each_thing_that_a_lesson_has(index):
    text = "\n".join(cell.source for cell in index.cells if cell.cell_type == "code")
    for call in ("self_test()", "explore.", "predict(", "claim(", "reveal(", "standing()"):
        assert len(re.findall(rf"^{re.escape(call)}", text, re.MULTILINE)) == 1, call

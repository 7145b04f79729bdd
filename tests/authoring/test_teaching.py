"""What instructors are told: minutes by a rule, and answers that agree with what is there."""

import re
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pytest

from course_lib import LESSONS, cli
from course_lib.authoring import build, teaching
from course_lib.authoring.pairing import LEFT_OUT
from course_lib.authoring.teaching import RULE, asked, count, estimate, tasks
from course_lib.base.record import MIME, Record
from course_lib.checks.judge.task import tasks_of
from course_lib.learner.course_map import MAP
from course_lib.learner.quizzes import questions

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PAGE = (NOTEBOOKS / "solutions" / "teaching.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "TEACHING.md").read_text(encoding="utf-8")


def test_words_lines_questions_explorers_answers_and_checks_are_counted():
    cells = [
        v4.new_code_cell("import torch", metadata={"tags": ["setup"]}),
        v4.new_markdown_cell(
            "Three *words* here, $not + this$ [or](that.md).\n\n**Sources.** Nor this."
        ),
        v4.new_code_cell('predict("a", "?", ["b"])'),
        v4.new_code_cell("explore.curves.show(p=0.5)"),
        v4.new_code_cell("x = 1\n\ny = 2"),
        v4.new_code_cell(
            "def f():\n    ### BEGIN SOLUTION\n    a = 1\n    return a\n    ### END SOLUTION"
        ),
        v4.new_code_cell('t1 = check("00/T1", f)', metadata={"tags": ["check:T1"]}),
    ]
    counted = {"word": 4, "line": 3, "question": 1, "explorer": 1, "answer": 2, "check": 1}
    assert count(cells) == counted
    assert (
        estimate(cells) == round(sum(RULE[item] * number for item, number in counted.items())) == 8
    )


def test_what_a_line_rests_on_is_no_prose():
    assert count([v4.new_markdown_cell("It helps. <!-- rests: it, not that -->")])["word"] == 2


def test_the_minutes_of_a_task_are_those_of_its_section():
    words = "word " * 130
    cells = [
        v4.new_markdown_cell(text)
        for text in (f"# Exercises\n\n{words}", f"## T1 · One\n\n{words}")
    ]
    cells += [
        v4.new_code_cell("x = 1", metadata={"tags": ["check:T1"]}),
        v4.new_markdown_cell(f"### T2 · Two {words}"),
    ]
    found = tasks(cells)
    assert found["T1"] == ("One", 3) and found["T2"][1] == 1 and list(found) == ["T1", "T2"]


def test_questions_are_read_with_their_options_and_what_came_out():
    said = [
        Record("predict", "Which?", "a", options=("x", "y")),
        Record("claim", "no question"),
        Record("quiz", "Why?", "a", options=("p",)),
        Record("predict", "Who knows?", "b", options=("x",)),
        Record("reveal", "Which?", "a", verdict="y"),
        Record("reveal", "Who knows?", "b"),
    ]
    outputs = [v4.new_output("display_data", {MIME: record.as_data()}) for record in said]
    cells = [v4.new_code_cell("", outputs=outputs[:2]), v4.new_markdown_cell("# Which?")]
    cells += [v4.new_code_cell("", outputs=[output]) for output in outputs[2:]]
    assert list(asked(cells)) == [
        ("predict", "Which?", ["x", "y"], "y"),
        ("quiz", "Why?", ["p"], ""),
        ("predict", "Who knows?", ["x"], ""),
    ]


def test_the_page_is_what_the_notebooks_the_checks_and_the_quizzes_give():
    assert teaching.page(NOTEBOOKS) == PAGE, "write it again: course build index"


@pytest.mark.parametrize("lesson", MAP, ids=lambda lesson: lesson.stem)
def test_every_task_mistake_prediction_and_question_of_a_lesson_is_on_the_page(lesson):
    part = PAGE.split(f"## {lesson.number} {lesson.stem}\n")[1].split("\n## ")[0]
    for task, known in tasks_of(lesson.number).items():
        assert len(re.findall(rf"^\*\*{task} · ", part, re.MULTILINE)) == 1, task
        assert not [
            it.name
            for it in known.mistakes
            if f"- *{it.name}*: {' '.join(it.hint.split())}\n" not in part
        ]
    assert not [
        one.key for one in questions(lesson.stem) if f"- {one.text} **{one.answer}** " not in part
    ]
    path = NOTEBOOKS / f"{lesson.name}.ipynb"
    cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    written = sum(len(re.findall(r"^predict\(", cell.source, re.MULTILINE)) for cell in cells)
    assert len(re.findall(r"^- predict: ", part, re.MULTILINE)) == written
    assert f"{lesson.question} **Teach it to** " in part


def test_in_a_course_without_lessons_and_solutions_the_page_still_has_mistakes_and_quizzes(
    tmp_path,
):
    assert teaching.write(tmp_path) == len(MAP)
    text = (tmp_path / "solutions" / "teaching.md").read_text(encoding="utf-8")
    assert all(f"**{question.answer}**" in text for question in questions("dropout"))
    assert (
        "| 06 dropout |  | coming | 0 |  |" in text
        and [path.name for path in tmp_path.rglob("*.tmp")] == []
    )


def test_the_map_is_built_last_when_pictures_and_lessons_are_there(course, monkeypatch, capsys):
    notebooks, made = course(_03_toy="", index=""), []
    monkeypatch.chdir(notebooks)
    monkeypatch.setattr(
        build,
        "build",
        lambda names, folder, **_: made.append((names, (folder / "pictures").exists())),
    )
    assert cli.main(["build"]) == 0
    assert made == [(["03_toy"], False), (["index"], True)]
    assert (notebooks / "claims.md").exists() and (notebooks / "solutions" / "teaching.md").exists()


def test_the_page_is_left_out_of_what_is_handed_out():
    assert "notebooks/solutions/teaching.md".startswith(LEFT_OUT)


def test_the_lesson_plans_name_predictions_and_sections_that_are_there():
    plans = re.findall(r"^\| (\d\d) \| (.+) \| (.+) \| (.+) \|$", GUIDE, re.MULTILINE)
    assert [number for number, *_ in plans] == [f"{number:02d}" for number in range(len(LESSONS))]
    for number, *polls, _ in plans:
        text = (NOTEBOOKS / "src" / f"{number}_{LESSONS[int(number)]}.py").read_text(
            encoding="utf-8"
        )
        keys = re.findall(r"`([\w-]+)`", " ".join(polls))
        assert len(keys) >= 2 and not [key for key in keys if f'\npredict("{key}"' not in text], (
            number
        )
        assert not [
            place
            for place in re.findall(r"under \*(.+?)\*", " ".join(polls))
            if f"# {place}" not in text
        ]


def test_the_guide_says_the_rule_by_which_minutes_are_counted():
    said = {
        "word": "130 words a minute",
        "line": "10 seconds",
        "question": "a question 1 minute",
        "explorer": "an explorer 2",
        "answer": "model answer 1 minute",
        "check": "a check 2",
    }
    assert not [item for item, words in said.items() if words not in GUIDE]
    assert [round(60 * RULE[item]) for item in said if item != "word"] == [10, 60, 120, 60, 120]
    assert 1 / RULE["word"] == 130


def test_no_lesson_takes_longer_by_the_rule_than_it_says_but_for_a_minute():
    rows = re.findall(r"^\| (\d\d \w+) \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) == len(LESSONS)
    for lesson, said, by_rule in rows:
        (source,) = NOTEBOOKS.glob(f"src/{lesson.replace(' ', '_')}.py")
        most = 90 if "two sittings" in source.read_text("utf-8")[:3000] else 60
        assert int(said) <= most and int(by_rule) <= int(said) + 1, lesson

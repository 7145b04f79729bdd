"""A folder of hand-ins becomes one table."""

import csv
import shutil
from pathlib import Path

import pytest

from course_lib import cli
from course_lib.authoring import grades
from course_lib.base.places import CourseError

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture
def folder(tmp_path):
    for name in ("ada", "bob", "bob/.ipynb_checkpoints"):
        (tmp_path / "in" / name).mkdir(parents=True)
    exercise = "03_weight_decay_exercises.ipynb"
    shutil.copy(NOTEBOOKS / "solutions" / exercise, tmp_path / "in" / "ada" / "hand-in.ipynb")
    for place in ("bob/broken.ipynb", "bob/.ipynb_checkpoints/broken.ipynb"):
        (tmp_path / "in" / place).write_text("{")
    return tmp_path / "in"


def test_hand_ins_may_have_any_name_and_what_jupyter_hides_is_left_out(folder):
    assert grades.submissions(folder) == [
        folder / "ada" / "hand-in.ipynb",
        folder / "bob" / "broken.ipynb",
    ]


def test_a_folder_without_hand_ins_is_an_error(tmp_path):
    with pytest.raises(CourseError, match="holds no notebook"):
        grades.submissions(tmp_path)


def test_one_line_a_notebook_and_a_remark_where_nothing_could_be_checked(folder, tmp_path, capsys):
    assert cli.main(["check", str(folder), "--csv", str(tmp_path / "grades.csv")]) == 1
    with open(tmp_path / "grades.csv", encoding="utf-8-sig", newline="") as file:
        ada, bob = csv.DictReader(file)
    tasks = [f"03/T{n}" for n in range(1, 6)]
    assert ada == {
        "notebook": str(folder / "ada" / "hand-in.ipynb"),
        "passed": "5",
        "remark": "",
    } | dict.fromkeys(tasks, "passed")
    assert (
        bob["passed"] == "0"
        and "no whole notebook" in bob["remark"]
        and not any(bob[task] for task in tasks)
    )
    said = capsys.readouterr().out
    assert str(folder / "ada" / "hand-in.ipynb") in said and "✓ T5" in said


def test_a_task_that_a_notebook_does_not_have_stays_empty(tmp_path):
    def row(notebook, task, verdict):
        return {"notebook": notebook, "task": task, "verdict": verdict, "message": ""}

    rows = [
        row("a", "03/T1", "failed"),
        row("a", "03/T2", "passed"),
        row("b, c", "02/T1", "passed"),
    ]
    grades.save(rows, tmp_path / "g.csv")
    assert (tmp_path / "g.csv").read_text(encoding="utf-8-sig").splitlines() == [
        "notebook,passed,02/T1,03/T1,03/T2,remark",
        "a,1,,failed,passed,",
        '"b, c",1,passed,,,',
    ]

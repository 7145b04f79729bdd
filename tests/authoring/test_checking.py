"""A class is checked: several notebooks at once, kept as they come, gone on with, summed up."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from course_lib import checks, cli
from course_lib.authoring import class_summary, grades
from course_lib.checks.judge.report import Result
from course_lib.checks.judge.task import find
from course_lib.checks.run import fences

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
TASKS = [f"03/T{n}" for n in range(1, 6)]
RIGHT = [Result(task, "passed", "right") for task in TASKS]


@pytest.fixture
def folder(tmp_path):
    """Six files, of which nothing but the name matters here."""
    place = tmp_path / "in"
    place.mkdir()
    for name in "abcdef":
        (place / f"{name}.ipynb").write_text(name)
    return place


@pytest.fixture
def checked(monkeypatch):
    """Which files were really checked; each passes, but for what a test puts into `said`."""
    calls, said = [], {}

    def check_file(path, **limits):
        calls.append(path.name)
        found = said.get(path.name, RIGHT)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(checks, "check_file", check_file)
    return calls, said


def table(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return {Path(line["notebook"]).name: line for line in csv.DictReader(file)}


def test_what_goes_wrong_with_one_is_its_line_and_the_class_goes_on(folder, checked, capsys):
    checked[1]["c.ipynb"] = RuntimeError("a fault\x1b[31m of ours")
    out = folder.parent / "g.csv"
    assert cli.main(["check", str(folder), "--csv", str(out), "--jobs", "3"]) == 1
    lines = table(out)
    assert sorted(lines) == [f"{name}.ipynb" for name in "abcdef"]
    assert lines["c.ipynb"]["remark"] == "could not be checked: RuntimeError: a fault[31m of ours"
    assert [lines[f"{name}.ipynb"]["passed"] for name in "abdef"] == ["5"] * 5
    said = capsys.readouterr().out
    assert said.splitlines()[0] == fences.said() and "\x1b" not in said
    assert all(f"{folder / name}.ipynb" in said for name in "abcdef")
    assert "03/T1        5 of 5 passed" in said


def test_a_second_run_checks_what_is_new_or_changed(folder, checked):
    calls, _ = checked
    command = ["check", str(folder), "--csv", str(folder.parent / "g.csv")]
    assert cli.main(command) == 0
    assert sorted(calls) == [f"{name}.ipynb" for name in "abcdef"]
    calls.clear()
    (folder / "b.ipynb").write_text("changed")
    (folder / "g.ipynb").write_text("new")
    with open(folder.parent / "g.jsonl", "a", encoding="utf-8") as file:
        file.write('\n{"notebook": "cut o')  # as a killed run leaves it
    before = table(folder.parent / "g.csv")
    assert cli.main(command) == 0
    assert sorted(calls) == ["b.ipynb", "g.ipynb"]
    assert table(folder.parent / "g.csv") == before | {
        "g.ipynb": before["a.ipynb"] | {"notebook": str(folder / "g.ipynb")}
    }
    calls.clear()
    assert cli.main([*command, "--afresh"]) == 0 and len(calls) == 7


def test_lessons_are_skipped_with_a_word(folder, checked, capsys):
    checked[1]["a.ipynb"] = [Result("a.ipynb", "skipped", "is a lesson")]
    out = folder.parent / "g.csv"
    assert cli.main(["check", str(folder), "--csv", str(out)]) == 0
    assert f"{folder / 'a.ipynb'}  – is a lesson\n" in capsys.readouterr().out
    assert "a.ipynb" not in table(out)


def test_strict_refuses_without_bwrap(folder, checked, monkeypatch, capsys):
    monkeypatch.setattr(fences, "bwrap_problem", lambda: "bwrap is not installed")
    assert cli.main(["check", str(folder), "--strict"]) == 2
    assert capsys.readouterr().err == "course check: --strict: bwrap is not installed\n"
    assert not checked[0]


@pytest.mark.parametrize("jobs", ["0", "two", "-1"])
def test_jobs_is_a_count(jobs, capsys):
    with pytest.raises(SystemExit):
        cli.main(["check", "--jobs", jobs])
    assert "must be a whole number of at least 1" in capsys.readouterr().err


def test_an_empty_word_does_not_mean_the_folder_one_is_in(capsys):
    assert cli.main(["check", ""]) == 2
    assert "an empty word names nothing" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_leaves_a_whole_table_and_the_next_run_goes_on(tmp_path, amount):
    """For real: the signal arrives while answers run, and nothing is left running."""
    place = tmp_path / "in"
    place.mkdir()
    blank = nbformat.read(NOTEBOOKS / "03_weight_decay_exercises.ipynb", as_version=4)
    shutil.copy(NOTEBOOKS / "03_weight_decay_exercises.ipynb", place / "a.ipynb")
    for name in "bcdefg":
        cell = next(c for c in blank.cells if "answer:T3" in c.metadata.get("tags", ()))
        cell.source = f"import time\ntime.sleep(15)  # {name}"
        nbformat.write(blank, place / f"{name}.ipynb")
    out = tmp_path / "g.csv"
    command = [sys.executable, "-m", "course_lib", "check", str(place), "--csv", str(out)]
    process = subprocess.Popen(
        [*command, "--jobs", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not out.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "stopped after 1 of 7 notebooks; " in said and "goes on from there" in said
    assert [*table(out)] == ["a.ipynb"]
    kept = [json.loads(line) for line in (tmp_path / "g.jsonl").read_text().split("\n") if line]
    assert len(kept) == 1 and grades.Journal(out).get(place / "a.ipynb") == kept[0]["results"]


# ---- tables for other systems, and the summary ----


def rows(notebook, *verdicts, lesson="03"):
    return [
        {"notebook": notebook, "task": f"{lesson}/T{n}", "verdict": verdict, "message": ""}
        for n, verdict in enumerate(verdicts, 1)
    ]


CLASS = [
    *rows("in/lovelaceada_11_901_03_weight_decay_exercises.ipynb", "passed", "failed", "passed"),
    *rows("in/lovelaceada_LATE_11_907_mine.ipynb", "passed", "failed", "failed"),
    *rows("in/lovelaceada_11_950_x.ipynb", "passed", lesson="05"),
    *rows("in/boolegeorge_12_902_x.ipynb", "failed", "passed", "unanswered"),
    {"notebook": "in/hypatia_13_903_x.ipynb", "task": "x", "verdict": "error", "message": "empty"},
    *rows("in/nobody.ipynb", "passed"),
]


def test_canvas_gets_its_five_columns_and_one_a_lesson(tmp_path):
    grades.save(CLASS, tmp_path / "g.csv", "canvas")
    assert (tmp_path / "g.csv").read_text("utf-8").splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,03 weight_decay,05 label_smoothing",
        "    Points Possible,,,,,3,1",
        "lovelaceada,11,,,,2,1",
        "boolegeorge,12,,,,1,",
        "hypatia,13,,,,,",
    ]


def test_moodle_gets_the_worksheet_of_an_assignment(tmp_path):
    found = [
        *rows("in/Ada Lovelace_11_assignsubmission_file/x.ipynb", "passed", "passed"),
        *rows("in/=cmd|x_12_assignsubmission_file_x.ipynb", "failed", "passed"),
    ]
    grades.save(found, tmp_path / "g.csv", "moodle")
    assert (tmp_path / "g.csv").read_text("utf-8-sig").splitlines() == [
        "Identifier,Full name,Grade,Maximum grade,Feedback comments",
        "Participant 11,Ada Lovelace,2,2,03: 2 of 2",
        "Participant 12,'=cmd|x,1,2,03: 1 of 2",  # no formula
    ]


def test_files_that_say_nobodys_name_are_named(folder, checked, capsys):
    (folder / "lovelaceada_11_901_x.ipynb").write_text("x")
    out = folder.parent / "g.csv"
    assert cli.main(["check", str(folder), "--csv", str(out), "--for", "canvas"]) == 0
    assert f"do not say whose they are: 6, first {folder / 'a.ipynb'}" in capsys.readouterr().out
    assert "lovelaceada,11,,,,5" in out.read_text("utf-8")


def test_the_summary_counts_each_named_mistake(tmp_path):
    first, second = find("03/T1").mistakes[:2]
    said = [f"{first.hint} — case “x”", f"{first.hint} — case “y”", second.hint, "got 3"]
    found = [
        {"notebook": str(n), "task": "03/T1", "verdict": "failed", "message": message}
        for n, message in enumerate(said)
    ]
    found += rows("z", "unanswered", "passed", "passed") + rows("y", "passed", "failed")
    t1, t2, t3 = class_summary.summarise(found)
    assert (t1.handed_in, t1.passed) == (6, 1) and (t3.handed_in, t3.passed) == (1, 1)
    assert t1.mistakes == {
        **{first.name: 2, second.name: 1},
        **{class_summary.OTHER: 1, class_summary.OPEN: 1},
    }
    assert class_summary.table([t1]).startswith(
        f"03/T1        1 of 6 passed   2 × {first.name}, 1 × "
    )
    class_summary.picture([t1, t2, t3], tmp_path / "class.png")
    assert (tmp_path / "class.png").read_bytes().startswith(b"\x89PNG")

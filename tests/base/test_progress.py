"""What a learner has done: kept across restarts and kernels, and never lost to a bad file or a full
disk.
"""

import errno
import json
import os
import re
import subprocess
import sys
from datetime import date

import pytest
import torch

from course_lib import LESSONS, cli, notebook
from course_lib.base import progress
from course_lib.checks import check
from course_lib.learner import standing
from course_lib.learner.quizzes import cards, questions
from course_lib.notebook import predict, predictions, quiz, reveal
from tests.panel._page import Wire


@pytest.fixture(autouse=True)
def live(course, tmp_path, monkeypatch):
    """A live kernel of lesson 06, in an empty course of its own."""
    course(
        _06_dropout="# %%\npredict('a')\n", _06_dropout_exercises='# %%\nt1 = check("06/T1", 1)\n'
    )
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "notebooks" / "06_dropout.ipynb"))
    restart(monkeypatch)


def restart(monkeypatch):
    """What a new kernel knows: nothing."""
    monkeypatch.setattr(predictions, "_predictions", {})
    monkeypatch.setattr(progress, "_waiting", [])


def choose(question, option):
    """Choose an option as a learner does; returns what is replied."""
    Wire(question._view).say(chosen=option)
    return question._view.shown["reply"]


def kept():
    return json.loads(progress.file().read_text(encoding="utf-8"))


# which lesson


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("/courses/mine/notebooks/06_dropout.ipynb", "dropout"),
        (r"C:\course\notebooks\02_l1_l2_exercises.ipynb", "l1_l2"),
        ("04_adamw-Copy1.ipynb", "adamw"),
        ("notebooks/index.ipynb", "index"),
        ("06_dropout/notes.ipynb", ""),
        ("", ""),
    ],
)
def test_a_notebooks_lesson_is_told_by_its_name(name, stem):
    assert progress.lesson(name) == stem


def test_a_kernel_knows_its_notebook_from_jupyters_server_or_vs_code(monkeypatch):
    assert progress.lesson() == "dropout"
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert progress.lesson() == ""
    shell = type("Shell", (), {"user_ns": {"__vsc_ipynb_file__": r"c:\me\03_weight_decay.ipynb"}})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert progress.lesson() == "weight_decay"


# predictions, quizzes, tasks


def dropout(x, p=0.5, training=True, generator=None):
    """What a learner might write for 06/T1."""
    if not training:
        return x
    return (
        torch.zeros_like(x)
        if p == 1
        else x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)
    )


def test_a_prediction_survives_a_restart_and_is_judged(monkeypatch):
    assert "Kept until the answer comes." in choose(
        predict("size", "Which?", ["L2", "decay"]), "decay"
    )
    restart(monkeypatch)
    assert predict("size", "Which?", ["L2", "decay"])._view.shown["chosen"] == "decay"
    shown = reveal("size", "L2")._repr_mimebundle_()["text/plain"]
    assert "You said: decay." in shown
    entry = kept()["predictions"]["dropout/size"]
    assert (entry["said"], entry["came"], entry["right"]) == ("decay", "L2", False)


def test_a_prediction_stays_once_the_answer_is_out(monkeypatch):
    question = predict("size", "Which?", ["L2", "decay"])
    choose(question, "decay")
    reveal("size", "L2")
    assert "Before it you said: <b>decay</b>" in choose(question, "L2")
    restart(monkeypatch)
    assert "Before it you said: <b>decay</b>" in choose(
        predict("size", "Which?", ["L2", "decay"]), "L2"
    )
    assert kept()["predictions"]["dropout/size"]["right"] is False


def test_what_came_out_undecided_is_neither_right_nor_wrong():
    choose(predict("size", "Which?", ["L2", "decay"]), "decay")
    reveal("size", None)
    assert kept()["predictions"]["dropout/size"]["right"] is None


def test_a_prediction_whose_options_have_changed_since_is_asked_again(monkeypatch):
    choose(predict("size", "Which?", ["L2", "decay"]), "decay")
    restart(monkeypatch)
    assert predict("size", "Which?", ["L1", "L2"])._view.shown["chosen"] is None


def test_the_first_choice_of_a_quiz_counts_and_another_showing_is_another_try():
    asked = quiz("2 + 2?", {"3": "few", "4": "yes"}, answer="4")
    choose(asked, "3")
    choose(asked, "4")
    (entry,) = kept()["quiz"].values()
    assert (entry["said"], entry["right"]) == ("3", False)
    choose(quiz("2 + 2?", {"3": "few", "4": "yes"}, answer="4"), "4")
    (entry,) = kept()["quiz"].values()
    assert entry["right"] is True


def test_a_task_passed_in_a_notebook_is_kept_with_its_first_day(capsys, monkeypatch):
    monkeypatch.setattr(progress, "now", lambda: "first")
    assert check("06/T1", dropout)
    monkeypatch.setattr(progress, "now", lambda: "second")
    assert check("06/T1", dropout)
    assert not check("06/T1", lambda x, p=0.5, training=True, generator=None: x)
    assert kept()["tasks"] == {"dropout/T1": {"at": "first"}}
    assert capsys.readouterr().out.count("\n") == 3


def test_a_notebook_that_is_no_lesson_keeps_nothing(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "scratch.ipynb")
    choose(predict("size", "Which?", ["L2", "decay"]), "decay")
    choose(quiz("2 + 2?", {"3": "few", "4": "yes"}, answer="4"), "4")
    reveal("size", "decay")
    assert not progress.file().exists()


def test_builds_and_tests_keep_and_remember_nothing(monkeypatch):
    choose(predict("size", "Which?", ["L2", "decay"]), "decay")
    before = progress.file().read_bytes()
    restart(monkeypatch)
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    predict("size", "Which?", ["L2", "decay"])
    assert "decay" not in reveal("size", "L2")._repr_mimebundle_()["text/plain"]
    assert (
        progress.note("tasks", "dropout/T1", at="now") == ""
        and progress.file().read_bytes() == before
    )


def test_an_unknown_section_is_refused():
    with pytest.raises(
        ValueError, match="section = 'points': must be one of predictions, quiz, tasks, cards"
    ):
        progress.note("points", "dropout/T1")


# what can go wrong with the file


DAMAGED = ["", '{"tasks": {"dro', "[]", '{"tasks": 3}', '{"tasks": {"a": 1}}', "\x00", "[" * 99999]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_set_aside_and_said(text):
    progress.file().parent.mkdir()
    aside = progress.file().with_name(f"progress.damaged-{date.today()}.json")
    for place in (aside, aside.with_stem(f"{aside.stem}-2")):
        progress.file().write_text(text)
        said = progress.note("tasks", "dropout/T1", at="now")
        assert "damaged" in said and place.name in said
        assert place.read_text() == text and kept()["tasks"] == {"dropout/T1": {"at": "now"}}


def test_reading_a_damaged_file_sets_it_aside_too():
    progress.file().parent.mkdir()
    progress.file().write_bytes(b"\xff\xfe")
    found, said = progress.read()
    assert found["tasks"] == {} and "set aside as .course/progress.damaged-" in said
    assert not progress.file().exists() and progress.read()[1] == ""


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_a_sentence_and_what_could_not_be_written_comes_later(monkeypatch):
    progress.note("tasks", "dropout/T1", at="before")
    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full)
        said = choose(predict("size", "Which?", ["L2", "decay"]), "decay")
        assert (
            "You said: <b>decay</b>. Kept only until this kernel stops" in said
            and os.strerror(errno.ENOSPC) in said
        )
        assert kept()["predictions"] == {} and kept()["tasks"] == {"dropout/T1": {"at": "before"}}
        assert progress.read()[0]["predictions"]["dropout/size"]["said"] == "decay"
        assert sorted(os.listdir(progress.file().parent)) in (
            ["progress.json"],
            ["progress.json", "progress.lock"],
        )
    assert progress.note("tasks", "dropout/T2", at="after") == ""
    assert set(kept()["tasks"]) == {"dropout/T1", "dropout/T2"}
    assert kept()["predictions"]["dropout/size"]["said"] == "decay"


def test_a_full_disk_does_not_stop_a_check(monkeypatch, capsys):
    monkeypatch.setattr(os, "fsync", full)
    assert check("06/T1", dropout)
    verdict, sentence = capsys.readouterr().out.splitlines()
    assert verdict.startswith("✓ T1") and "cannot be written" in sentence


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / ".course").write_text("a file, no folder")
    assert "cannot be written" in progress.note("tasks", "dropout/T1", at="now")
    assert progress.read()[0]["tasks"] == {"dropout/T1": {"at": "now"}}


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only to an administrator"
)
def test_what_is_kept_in_a_read_only_folder_can_still_be_read(monkeypatch):
    progress.note("tasks", "dropout/T1", at="now")
    folder = progress.file().parent
    folder.chmod(0o500)
    try:
        assert "cannot be written" in progress.note("tasks", "dropout/T2", at="now")
        restart(monkeypatch)
        assert progress.read() == (
            {**dict.fromkeys(progress.SECTIONS, {}), "tasks": {"dropout/T1": {"at": "now"}}},
            "",
        )
    finally:
        folder.chmod(0o700)


def test_where_no_lock_can_be_had_one_reads_without(monkeypatch):
    progress.note("tasks", "dropout/T1", at="now")
    monkeypatch.setattr(progress, "_lock", full)
    assert progress.read()[0]["tasks"] == {"dropout/T1": {"at": "now"}} and progress.read()[1] == ""


def test_outside_the_course_there_is_a_sentence(monkeypatch):
    def nowhere():
        raise progress.CourseError("this is not the course's folder")

    monkeypatch.setattr(progress, "root", nowhere)
    assert "this is not the course's folder" in progress.note("tasks", "dropout/T1", at="now")
    assert "this is not the course's folder" in progress.read()[1]


def test_two_processes_that_write_at_once_lose_nothing():
    write = """
import sys
from course_lib.base.progress import note
for i in range(100):
    assert not note("quiz", f"{sys.argv[1]}/{i}", said=i)
"""
    writers = [subprocess.Popen([sys.executable, "-c", write, name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert set(kept()["quiz"]) == {f"{name}/{i}" for name in "ab" for i in range(100)}


def test_what_a_later_version_keeps_beside_is_left_alone():
    progress.file().parent.mkdir()
    progress.file().write_text('{"badges": ["one"]}')
    assert progress.note("tasks", "dropout/T1", at="now") == ""
    assert kept()["badges"] == ["one"]


# the table


def test_the_table_counts_what_was_done_of_what_is_asked(capsys):
    assert [line.number for line in standing.standings()[0]] == list(range(len(LESSONS)))
    assert not any(line.begun or line.finished or line.due for line in standing.standings()[0])
    choose(predict("a", "Which?", ["L2", "decay"]), "decay")
    reveal("a", "decay")
    line = standing.standings()[0][6]
    assert line[:4] == (6, "dropout", (1, 1, 1), (0, 1)) and line.begun and not line.finished
    progress.passed("06/T1")
    assert cli.main(["progress"]) == 0
    said = capsys.readouterr().out
    asked = len(questions("dropout"))
    (row,) = [line for line in said.splitlines() if line.startswith("06")]
    assert re.fullmatch(
        rf"06 dropout +1 of 1 +1 +1 of 1 +0 of {asked} +{len(cards('dropout'))} +finished", row
    )
    assert str(progress.file()) in said
    shown = notebook.standing()._repr_mimebundle_()
    assert row in shown["text/plain"] and ">06 dropout</td><td>1 of 1</td>" in shown["text/html"]


def test_a_damaged_file_is_named_in_the_table(capsys):
    progress.file().parent.mkdir()
    progress.file().write_text("?")
    assert cli.main(["progress"]) == 0
    assert "set aside as .course/progress.damaged-" in capsys.readouterr().out


def test_course_check_keeps_what_passed_in_the_courses_own_notebooks_only(
    tmp_path, monkeypatch, capsys
):
    from course_lib import checks
    from course_lib.checks.judge.report import Result

    found = [Result("06/T1", "passed", "right"), Result("06/T2", "failed", "wrong")]
    monkeypatch.setattr(checks, "check_file", lambda path, **_: found)
    cli.main(["check", str(tmp_path / "hand_in.ipynb")])
    cli.main(["check", "06", "--json"])
    assert not progress.file().exists()
    cli.main(["check", "06"])
    assert set(kept()["tasks"]) == {"dropout/T1"}


def test_course_check_says_what_was_passed_before_and_is_not_in_the_file(monkeypatch, capsys):
    from course_lib import checks
    from course_lib.checks.judge.report import Result

    found = [Result("06/T1", "unanswered", "not yet"), Result("06/T2", "unanswered", "not yet")]
    monkeypatch.setattr(checks, "check_file", lambda path, **_: found)
    cli.main(["check", "06"])
    assert "saved" not in capsys.readouterr().out
    progress.passed("06/T2")
    cli.main(["check", "06"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "  T2: passed before, but not in the file. Is it saved?"


def test_only_the_learner_is_told_how_to_get_a_fresh_file(monkeypatch, capsys, tmp_path):
    from course_lib import checks
    from course_lib.checks.judge.report import Result

    monkeypatch.setattr(
        checks, "check_file", lambda path, **_: [Result(path.name, "error", "is empty")]
    )
    cli.main(["check", "06"])
    assert "puts a fresh one in its place" in capsys.readouterr().out
    cli.main(["check", "06", "--csv", str(tmp_path / "grades.csv")])
    assert "course reset" not in capsys.readouterr().out + (tmp_path / "grades.csv").read_text()

"""The ``course`` command: what is said, what is refused, and with which status it ends."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib import checks, cli
from course_lib.checks.judge.report import Result

ROOT = Path(__file__).resolve().parents[1]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_python_m_does_what_the_command_does():
    ways = [[sys.executable, "-m", "course_lib"], [str(Path(sys.executable).with_name("course"))]]
    said = [run(*way, "--version") for way in ways]
    assert [way.stdout.strip() for way in said] == [cli.__version__] * 2


@pytest.mark.parametrize("command", ["lab", "check", "reset", "build", "pair"])
def test_an_unknown_lesson_gets_one_line(command, capsys):
    assert cli.main([command, "99"]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert re.fullmatch(
        rf"course {command}: there is no lesson '99'; there is index, 0\d \w+.*\n", said.err
    )


def test_an_unknown_option_is_refused_but_handed_on_by_lab(monkeypatch):
    import jupyterlab.labapp

    started = []
    monkeypatch.setattr(jupyterlab.labapp, "main", started.append)
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    monkeypatch.setenv("JUPYTER_PATH", "")
    with pytest.raises(SystemExit):
        cli.main(["build", "--port", "9999"])
    assert cli.main(["lab", "--no-browser", "--port", "9999"]) == 0
    assert started[0][-3:] == ["--no-browser", "--port", "9999"]
    ours = Path(os.environ["JUPYTER_CONFIG_PATH"], "labconfig", "default_setting_overrides.json")
    assert json.loads(ours.read_text())  # no question about news
    assert list(Path(os.environ["JUPYTER_PATH"], "labextensions").glob("*/package.json"))
    assert "COURSE_HEADLESS" not in os.environ  # a slider that is a picture would not move


def test_lab_opens_on_the_first_lesson_or_the_one_named(course, monkeypatch):
    import jupyterlab.labapp

    started = []
    monkeypatch.setattr(jupyterlab.labapp, "main", started.append)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    monkeypatch.setenv("JUPYTER_PATH", "own")
    # which `lab` takes away: put back for the tests that come later
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    notebooks = course()
    monkeypatch.chdir(notebooks)
    assert cli.main(["lab"]) == 2  # nothing is built
    for name in ("03_toy", "03_toy_exercises", "04_other"):
        (notebooks / f"{name}.ipynb").touch()
    cli.main(["lab"])
    cli.main(["lab", "04", "--port", "9999"])
    assert [options[0] for options in started] == [f"--ServerApp.root_dir={notebooks}"] * 2
    opened = [options[1] for options in started]
    assert opened == [
        f"--LabApp.default_url=/doc/tree/{name}.ipynb" for name in ("03_toy", "04_other")
    ]
    assert started[1][-2:] == ["--port", "9999"]
    (notebooks / "index.ipynb").touch()
    cli.main(["lab"])
    assert started[2][1] == "--LabApp.default_url=/doc/tree/index.ipynb"
    cli.main(["lab", "--classic", "--no-browser"])
    assert started[3][1:] == ["--LabApp.default_url=/lab/tree/index.ipynb", "--no-browser"]


def test_outside_the_course_its_own_notebooks_are_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["build", "99"]) == 2
    assert "there is index, 0" in capsys.readouterr().err


def test_a_hand_out_of_what_is_no_git_checkout_gets_one_line(course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(course(_03_toy=""))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for path in (os.environ["PATH"], str(tmp_path)):  # a git that finds nothing; no git at all
        monkeypatch.setenv("PATH", path)
        assert cli.main(["build", "--without-solutions", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert said.startswith("course build: only what git tracks is handed out, and in ")
        assert said.count("\n") == 1 and "git" in said.split("it says: ")[1]
    assert not (tmp_path / "out").exists()


@pytest.fixture
def read_only(monkeypatch):
    """Nothing can be put in its place; permissions alone would not keep root from it."""

    def refuse(path, *others, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "rename", refuse)  # os.rename: bound too early on Python 3.10
    monkeypatch.setattr(os, "replace", refuse)


@pytest.mark.parametrize("command", ["reset", "build", "slides", "pair"])
def test_a_folder_that_cannot_be_written_gets_one_line(
    command, course, monkeypatch, capsys, read_only
):
    notebooks = course(_03_toy="# %%\n1\n", _03_toy_exercises="# %%\n1\n")
    monkeypatch.chdir(notebooks)
    for name in ("03_toy", "03_toy_exercises"):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
        nbformat.write(notebook, notebooks / f"{name}.ipynb")
    before = {path: path.read_bytes() for path in notebooks.glob("*.ipynb")}
    which = "03_toy_exercises" if command in ("reset", "build") else "03_toy"
    assert cli.main([command, which]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(rf"course {command}: .*03_toy.*: {os.strerror(errno.EACCES)}\n", said)
    assert {path: path.read_bytes() for path in notebooks.glob("*.ipynb")} == before


# ---- course check ----


def test_check_says_each_notebooks_lines_and_fails_unless_all_is_passed(monkeypatch, capsys):
    answers = {
        "a.ipynb": [
            Result("03/T1", "passed", "well"),
            Result("03/T2", "unanswered", "not implemented yet"),
        ],
        "b.ipynb": [Result("04/T1", "passed", "well")],
    }
    monkeypatch.setattr(checks, "check_file", lambda path, **_: answers[path.name])
    assert cli.main(["check", "a.ipynb", "b.ipynb"]) == 1
    assert (
        capsys.readouterr().out
        == "a.ipynb\n  ✓ T1 well\n  ○ T2 not implemented yet\nb.ipynb\n  ✓ T1 well\n"
    )
    assert cli.main(["check", "b.ipynb", "--json"]) == 0
    row = {"notebook": "b.ipynb", "task": "04/T1", "verdict": "passed", "message": "well"}
    assert json.loads(capsys.readouterr().out) == [row]


def test_check_names_a_file_that_is_not_there(tmp_path, capsys):
    assert cli.main(["check", str(tmp_path / "none.ipynb")]) == 1
    said = capsys.readouterr().out
    assert said.startswith("none.ipynb\n  ✗ ") and "No such file" in said


@pytest.mark.parametrize("place", ["nowhere/grades.csv", "."])
def test_a_table_that_could_not_be_written_is_refused_before_the_work(
    place, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(checks, "check_file", lambda path, **_: pytest.fail("the work was begun"))
    assert cli.main(["check", "a.ipynb", "--csv", str(tmp_path / place)]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"course check: .* is no place for a table: .*\n", said)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cli.main(["check", "a.ipynb", "--csv", str(tmp_path / "grades.csv")]) == 2
    assert capsys.readouterr().err.endswith("grades.csv cannot be written: name another file\n")

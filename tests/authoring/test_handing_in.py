"""`course submit` and `course update`: what is sent, and what stays in a new version."""

import json
import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest

from course_lib import __version__, checks, cli
from course_lib.authoring import build, grades, handing_in, updating
from course_lib.base.places import CourseError
from course_lib.checks.judge.report import Result
from course_lib.checks.run import exercise

HERE = Path(__file__).resolve().parent
NAME = "03_weight_decay_exercises"
BEFORE = HERE / "before" / f"{NAME}.ipynb"  # as a former version shipped it


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """A learner's course: lesson 03's exercise, as this version has it, blank."""
    notebooks = tmp_path / "notebooks"
    (notebooks / "src").mkdir(parents=True)
    (tmp_path / "course_lib").mkdir()
    shutil.copy(exercise.sources() / f"{NAME}.py", notebooks / "src")
    fresh = build.targets(notebooks / "src" / f"{NAME}.py")[notebooks / f"{NAME}.ipynb"]
    build.save(fresh, notebooks / f"{NAME}.ipynb")
    monkeypatch.chdir(notebooks)
    return notebooks


def cell_of(notebook, tag):
    return next(cell for cell in notebook.cells if tag in cell.metadata.get("tags", ()))


# ---- submit ----


@pytest.fixture
def judged(monkeypatch):
    def check_file(path, **_):
        return [Result(f"03/T{n}", "passed" if n < 3 else "failed", "said") for n in range(1, 6)]

    monkeypatch.setattr(checks, "check_file", check_file)


def test_one_file_holds_notebook_answers_verdicts_versions(learner, judged, capsys):
    assert cli.main(["submit", "03", "--to", "mine.course.zip"]) == 1  # not all is passed
    assert capsys.readouterr().out == f"{NAME}.ipynb: 2 of 5 passed\nhand in mine.course.zip\n"
    with zipfile.ZipFile("mine.course.zip") as file:
        said = json.loads(file.read("submission.json"))
        assert file.read(f"{NAME}.ipynb") == (learner / f"{NAME}.ipynb").read_bytes()
    (entry,) = said["notebooks"]
    assert said["course"] == __version__ and {"python", "torch", "at"} < set(said)
    assert [each["verdict"] for each in entry["results"]] == ["passed"] * 2 + ["failed"] * 3
    assert entry["answers"]["T1"].startswith("def sgd_update(") and len(entry["answers"]) == 5
    assert cli.main(["submit", "03", "--to", "mine.course.zip"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_class_of_submissions_is_unpacked_and_checked(learner, judged, tmp_path, capsys):
    place = tmp_path / "in"
    place.mkdir()
    cli.main(["submit", "03", "--to", str(place / "lovelaceada_1_2_submission.course.zip")])
    (place / "boolegeorge_3_4_x.course.zip").write_bytes(b"no zip")
    (found,) = grades.submissions(place)
    assert found == place / "lovelaceada_1_2_submission.course" / f"{NAME}.ipynb"
    assert grades.person(str(found)) == ("lovelaceada", "1")
    assert "boolegeorge_3_4_x.course.zip is no submission" in capsys.readouterr().err


def changed(place, **files):
    """A submission with other contents for some of its files."""
    with zipfile.ZipFile("mine.course.zip") as file:
        contents = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(place, "w") as file:
        for name, content in (contents | files).items():
            file.writestr(name, content)


def test_a_submission_that_was_changed_or_reaches_outside_is_refused(learner, judged, tmp_path):
    cli.main(["submit", "03", "--to", "mine.course.zip"])
    changed("other.course.zip", **{f"{NAME}.ipynb": b"{}"})
    with pytest.raises(CourseError, match="was changed after it was handed in"):
        handing_in.receive(Path("other.course.zip"), tmp_path / "out")
    with zipfile.ZipFile("mine.course.zip") as file:
        said = json.loads(file.read("submission.json"))
    said["notebooks"][0]["notebook"] = "../evil.ipynb"
    changed("evil.course.zip", **{"submission.json": json.dumps(said), "../evil.ipynb": b"x"})
    with pytest.raises(CourseError, match="refused"):
        handing_in.receive(Path("evil.course.zip"), tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "evil.ipynb").exists()
    assert handing_in.receive(Path("mine.course.zip"), tmp_path / "out")


def test_a_file_that_cannot_be_read_is_not_handed_in(learner, judged, monkeypatch, capsys):
    (learner / f"{NAME}.ipynb").write_text("{")
    monkeypatch.setattr(
        checks, "check_file", lambda path, **_: [Result(path.name, "error", "is damaged")]
    )
    assert cli.main(["submit", "03"]) == 2
    assert capsys.readouterr().err == f"course submit: {NAME}.ipynb is damaged\n"
    assert not list(learner.glob("*.zip"))


# ---- update ----


def answered(path):
    """Somebody's work in a notebook: two answers, a cell and a note of their own."""
    notebook = nbformat.read(path, as_version=4)
    for tag, source in {
        "answer:T1": "def sgd_update():\n    return 'mine'",
        "answer:T3": "x",
    }.items():
        cell_of(notebook, tag).source = source
    place = notebook.cells.index(cell_of(notebook, "answer:T1")) + 1
    own = nbformat.v4.new_code_cell("my_experiment = 1", execution_count=7)
    notebook.cells.insert(place, own)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("my note"))
    return notebook


def test_answers_of_a_former_version_are_carried_into_this_one(learner, capsys):
    path = learner / f"{NAME}.ipynb"
    fresh = nbformat.read(path, as_version=4)
    nbformat.write(answered(BEFORE), path)
    before = path.read_bytes()
    assert cli.main(["update", "03"]) == 0
    said = capsys.readouterr().out
    assert "T1, T3 carried over" in said and f"kept as {NAME}.kept-1.ipynb" in said
    assert (learner / f"{NAME}.kept-1.ipynb").read_bytes() == before
    now = nbformat.read(path, as_version=4)
    assert cell_of(now, "answer:T1").source == "def sgd_update():\n    return 'mine'"
    assert cell_of(now, "answer:T3").source == "x"
    sources = [cell.source for cell in now.cells]
    assert sources.index("my_experiment = 1") == now.cells.index(cell_of(now, "answer:T1")) + 1
    assert "my note" in sources
    theirs = [
        cell.source
        for cell in now.cells
        if cell.source not in ("my_experiment = 1", "my note") and not updating._task(cell)
    ]
    assert theirs == [cell.source for cell in fresh.cells if not updating._task(cell)]
    assert not any(cell.get("execution_count") or cell.get("outputs") for cell in now.cells)
    nbformat.validate(now)
    assert cli.main(["update", "03"]) == 0
    assert capsys.readouterr().out == f"{NAME} is up to date\n"
    assert not (learner / f"{NAME}.kept-2.ipynb").exists()


def test_tasks_that_changed_or_went_are_named(learner, capsys):
    path = learner / f"{NAME}.ipynb"
    notebook = answered(path)  # of this version, …
    for tag in ("answer:T2", "answer:T5"):
        cell_of(notebook, tag).source = "x = 1"
    nbformat.write(notebook, path)
    source = learner / "src" / f"{NAME}.py"
    text = source.read_text("utf-8")  # … and the next one words T2 otherwise and has no T5
    text = text.replace("# ## T2 · Adam with both knobs", "# ## T2 · Adam, otherwise")
    source.write_text(text[: text.index("# %% [markdown]\n# ## T5")], "utf-8")
    assert cli.main(["update", "03"]) == 0
    said = capsys.readouterr().out
    assert "T1, T2, T3 carried over\n" in said
    assert "read again, the task has changed: T2\n" in said
    assert "the answer is in the old file: T5\n" in said


def test_a_damaged_notebook_is_left_alone(learner, capsys):
    path = learner / f"{NAME}.ipynb"
    path.write_text("{ half")
    assert cli.main(["update", "03"]) == 2
    assert "is no whole notebook" in capsys.readouterr().err
    assert path.read_text() == "{ half" and not list(learner.glob("*.kept*"))
    path.unlink()
    assert cli.main(["update", "03"]) == 2
    assert "`course reset` makes a fresh one" in capsys.readouterr().err

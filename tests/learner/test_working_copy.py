"""A working copy: notebooks without solutions in a folder of one's own, known as the course's."""

import pytest

from course_lib import cli
from course_lib.base import places
from course_lib.learner import working_copy


def test_a_copy_has_the_notebooks_and_is_known_as_the_course(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "mine"
    assert cli.main(["start", str(folder)]) == 0
    assert "course lab" in capsys.readouterr().out
    notebooks = folder / "notebooks"
    assert (notebooks / "06_dropout.ipynb").exists() and (notebooks / "claims.md").exists()
    assert (notebooks / "src" / "06_dropout_exercises.py").exists()
    assert not (notebooks / "solutions").exists()
    monkeypatch.chdir(notebooks)
    assert places.root() == folder


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "mine").write_text("something", encoding="utf-8")
    for place in (tmp_path, tmp_path / "mine"):
        assert cli.main(["start", str(place)]) == 2
        assert "is not an empty folder" in capsys.readouterr().err


def test_a_package_without_notebooks_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(working_copy, "_carried", lambda: iter(()))
    with pytest.raises(places.CourseError, match="carries no notebooks"):
        working_copy.make(tmp_path / "mine")

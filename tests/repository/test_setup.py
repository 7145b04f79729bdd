"""Set-up: Binder's recipe and scripts, make, CI."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.repository._project import ROOT, run, text

# ---- Binder ----


@pytest.mark.skipif(not shutil.which("git"), reason="no git")
def test_binder_builds_with_the_right_python_files_and_scripts(tmp_path):
    """The recipe that repo2docker would build from; no container engine is needed to print it."""
    pytest.importorskip("repo2docker")
    copy = tmp_path / "course"
    shutil.copytree(ROOT / "binder", copy / "binder")
    shutil.copy(ROOT / "environment.yml", copy)
    printed = run(sys.executable, "-m", "repo2docker", "--no-build", "--debug", ".", cwd=copy)
    recipe = printed.stdout + printed.stderr
    assert printed.returncode == 0, recipe
    assert "Building conda environment for python=3.12" in recipe
    assert '--file "binder/environment.yml"' in recipe
    assert "RUN ./binder/postBuild" in recipe
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in recipe


def test_binders_scripts_install_without_dependencies_and_start_as_course_lab_does():
    for script in ("postBuild", "start"):
        assert os.access(ROOT / "binder" / script, os.X_OK)
    assert "--no-deps -e ." in (ROOT / "binder" / "postBuild").read_text()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "JUPYTER_CONFIG_PATH": "own"}
    say = 'echo "$OMP_NUM_THREADS $1 $JUPYTER_CONFIG_PATH $JUPYTER_PATH"'
    started = run(
        "bash", str(ROOT / "binder" / "start"), "bash", "-c", say, "-", "two words", env=environment
    )
    ours = ROOT / "course_lib" / "jupyter"
    assert started.stdout == f"1 two words {ours}:own {ours}\n"


# ---- make ----


@pytest.fixture
def installed(tmp_path):
    """A folder in which everything is installed already, as far as make can see."""
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, tmp_path)
        os.utime(tmp_path / file, (1e9, 1e9))
    (tmp_path / ".venv").mkdir()
    for number, stamp in enumerate((".torch", ".course", ".test", ".bench")):
        (tmp_path / ".venv" / stamp).touch()
        os.utime(tmp_path / ".venv" / stamp, (1.1e9 + number,) * 2)
    return tmp_path


def planned(folder, *arguments):
    """The commands that make would run."""
    plan = run("make", "-n", *arguments, cwd=folder)
    assert plan.returncode == 0, plan.stderr
    return plan.stdout


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make")


@needs_make
@pytest.mark.parametrize("target", ["course", "test", "notebooks", "bench"])
def test_a_second_make_installs_nothing(installed, target):
    assert "pip" not in planned(installed, target)


@needs_make
@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_make_installs_again_when_what_is_asked_for_changes(installed, file):
    (installed / file).touch()
    assert planned(installed, "test").count("-m pip") >= 3


@needs_make
def test_make_hands_its_arguments_on(installed):
    assert "-m course_lib lab --no-browser --port 9999" in planned(
        installed, "course", "ARGS=--no-browser --port 9999"
    )


@needs_make
def test_a_python_too_old_is_refused_by_name(installed):
    old = installed / "python3.9"
    old.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9); $2"\n'
    )
    old.chmod(0o755)
    (installed / "pyproject.toml").touch()
    refused = run("make", "course", f"PYTHON={old}", cwd=installed)
    assert refused.returncode != 0
    assert "Python 3.10 or newer is needed" in refused.stderr and "make PYTHON=" in refused.stderr
    assert not (installed / ".venv" / "bin").exists()


@needs_make
def test_many_is_the_same_tests_with_more_time(installed):
    longer = "ARGS=--nbval-cell-timeout=1700"  # a cell of a notebook, too
    assert planned(installed, "test", longer) == planned(installed, "test-all")
    (installed / "say.mk").write_text("test: ; @echo $$COURSE_MANY $$PYTEST_TIMEOUT\n")
    said = run("make", "-s", "-f", "Makefile", "-f", "say.mk", "test-all", cwd=installed)
    assert said.stdout == "1 1800\n"


# ---- CI ----


@pytest.mark.parametrize(("ci", "outcome"), [({"CI": "1"}, "error"), ({}, "skipped")])
def test_without_chromium_a_browser_test_fails_in_ci_and_is_skipped_elsewhere(ci, outcome):
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    said = run(
        *(sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"),
        "tests/browser/test_practice_in_lab.py",
        env=environment | {"PATH": ""} | ci,
    ).stdout
    assert re.search(rf"\n\d+ {outcome}s? in ", said), said
    assert "no Chromium here" in said


def test_ci_says_that_it_is_ci():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "\nexport CI=1\n" in text(".ci/run")

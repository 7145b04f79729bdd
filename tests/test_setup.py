"""Set-up, the two environments, Binder, and the ``course`` command."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from course_lib import cli
from course_lib.learner import doctor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = {need.name: need for need in map(Requirement, PROJECT["dependencies"])}
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def run(*command, **options):
    return subprocess.run(
        command, capture_output=True, text=True, cwd=options.pop("cwd", ROOT), **options
    )


# ---- what is asked for, and in which version ----


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_every_direct_dependency_has_one_pin_that_fits_its_range(python):
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    pins = {}
    for pin in CONSTRAINTS:
        if pin.marker is None or pin.marker.evaluate(environment):
            assert pin.name not in pins, f"{pin.name} is pinned twice on Python {python}"
            pins[pin.name] = str(pin.specifier).removeprefix("==")
    extras = PROJECT["optional-dependencies"]
    for need in map(Requirement, PROJECT["dependencies"] + extras["test"] + extras["bench"]):
        assert need.specifier.contains(pins[need.name]), need.name


def conda(file):
    """Packages of an environment file, name → the rest of the line; and its pip lines."""
    listed = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    assert listed["channels"] == ["conda-forge", "nodefaults"]
    plain = [
        re.match(r"([a-z-]+)(.*)", line).groups()
        for line in listed["dependencies"]
        if isinstance(line, str)
    ]
    pip = [
        line for entry in listed["dependencies"] if isinstance(entry, dict) for line in entry["pip"]
    ]
    return dict(plain), pip


def test_conda_asks_for_what_pip_asks_for():
    packages, pip = conda("environment.yml")
    expected = {CONDA_NAMES.get(name, name): need.specifier for name, need in RUNTIME.items()}
    expected |= {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet("")}
    assert {name: SpecifierSet(versions) for name, versions in packages.items()} == expected
    assert pip == ["-e ."]


def test_binder_agrees_with_conda():
    """Binder reads binder/ alone, so what is added to one must be added to the other."""
    (packages, _), (binder, pip) = conda("environment.yml"), conda("binder/environment.yml")
    assert binder.pop("python") == "=3.12"
    torch = binder.pop("pytorch-cpu").removeprefix("=")
    assert SpecifierSet(packages["pytorch"]).contains(torch) and re.fullmatch(
        r"\d+\.\d+\.\d+", torch
    )
    assert binder == {
        name: versions for name, versions in packages.items() if name not in ("python", "pytorch")
    }
    assert not pip, "an editable install has no place in Binder's image"


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
    assert "--no-deps ." in (ROOT / "binder" / "postBuild").read_text()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "JUPYTER_CONFIG_PATH": "own"}
    say = 'echo "$OMP_NUM_THREADS $1 $JUPYTER_CONFIG_PATH"'
    started = run(
        "bash", str(ROOT / "binder" / "start"), "bash", "-c", say, "-", "two words", env=environment
    )
    assert started.stdout == f"1 two words {ROOT / 'course_lib' / 'jupyter'}:own\n"


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


# ---- course ----


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
    with pytest.raises(SystemExit):
        cli.main(["build", "--port", "9999"])
    assert cli.main(["lab", "--no-browser", "--port", "9999"]) == 0
    assert started[0][-3:] == ["--no-browser", "--port", "9999"]
    ours = Path(os.environ["JUPYTER_CONFIG_PATH"], "labconfig", "default_setting_overrides.json")
    assert json.loads(ours.read_text())  # no question about news
    assert "COURSE_HEADLESS" not in os.environ  # a slider that is a picture would not move


def test_lab_opens_on_the_first_lesson_or_the_one_named(course, monkeypatch):
    import jupyterlab.labapp

    started = []
    monkeypatch.setattr(jupyterlab.labapp, "main", started.append)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    monkeypatch.setenv(
        "COURSE_HEADLESS", "1"
    )  # which `lab` takes away: put back for the tests that come later
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
        f"--LabApp.default_url=/lab/tree/{name}.ipynb" for name in ("03_toy", "04_other")
    ]
    assert started[1][-2:] == ["--port", "9999"]
    (notebooks / "index.ipynb").touch()
    cli.main(["lab"])
    assert started[2][1] == "--LabApp.default_url=/lab/tree/index.ipynb"


def test_outside_the_course_its_own_notebooks_are_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["build", "99"]) == 2
    assert "there is index, 0" in capsys.readouterr().err


# ---- course doctor ----


def findings(look, *arguments):
    return list(look(*arguments))


def test_the_doctor_finds_this_machine_well():
    lines = []
    status = doctor.report(lines.append)
    assert status == 0 and lines[-1] == "all is well", "\n".join(lines)
    assert {"✓"} == {line[0] for line in lines[:-1]}
    for word in ("Python", "torch", "device", "kernel", "sliders", "notebooks", "memory"):
        assert any(word in line for line in lines)


def test_a_problem_comes_with_the_command_that_mends_it(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 2**28}))
    lines = []
    assert doctor.report(lines.append) == 1
    where = lines.index("✗ memory: 0.2 GiB free")
    assert lines[where + 1].startswith("    mend it: shut down other kernels")
    assert lines[-1] == "1 thing to mend"


@pytest.mark.parametrize("specifier, found", [("", "missing"), (">=1", "missing")])
def test_a_missing_package_is_named_with_its_install(specifier, found):
    finding = doctor.package("no-such-package-here", SpecifierSet(specifier))
    assert finding.found == found and finding.mend.endswith(
        f'pip install "no-such-package-here{specifier}"'
    )


def test_an_old_package_is_named_with_what_is_needed():
    finding = doctor.package("pytest", SpecifierSet(">=999"))
    assert finding.found.endswith(", >=999 is needed") and finding.mend.endswith(
        'pip install "pytest>=999"'
    )


def test_a_course_that_is_not_installed_and_a_python_too_old_are_found():
    assert [finding.found for finding in doctor.packages("no-such-course-here")] == [
        "not installed"
    ]
    assert (
        findings(doctor.python, (3, 9, 18))[0].mend
        and not findings(doctor.python, (3, 10, 0))[0].mend
    )


def test_a_kernel_of_another_python_or_none_is_found(monkeypatch):
    from jupyter_client import kernelspec

    spec = kernelspec.KernelSpec(argv=[str(Path(sys.executable).parent / "another" / "python")])
    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", lambda self, name: spec)
    assert "ipykernel install --sys-prefix" in findings(doctor.kernel)[0].mend

    def none(self, name):
        raise kernelspec.NoSuchKernel(name)

    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", none)
    assert findings(doctor.kernel)[0].found == "python3 is not registered"


def test_sliders_that_jupyterlab_cannot_show_are_found(monkeypatch, tmp_path):
    from jupyter_core import paths

    monkeypatch.setattr(paths, "jupyter_path", lambda: [str(tmp_path)])
    assert "jupyterlab_widgets" in findings(doctor.widgets)[0].mend


def test_a_folder_that_cannot_be_written_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    bad = [finding for finding in doctor.writing() if finding.mend]
    assert len(bad) == 1 and "nowhere" in bad[0].found and "mkdir -p" in bad[0].mend


def test_a_package_that_a_look_itself_needs_is_a_finding(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    lines = []
    assert doctor.report(lines.append) == 1
    assert "✗ memory: psutil is missing" in lines


# ---- course check ----


def test_check_says_each_notebooks_lines_and_fails_unless_all_is_passed(monkeypatch, capsys):
    from course_lib import checks
    from course_lib.checks.judge.report import Result

    answers = {
        "a.ipynb": [
            Result("03/T1", "passed", "well"),
            Result("03/T2", "unanswered", "not implemented yet"),
        ],
        "b.ipynb": [Result("04/T1", "passed", "well")],
    }
    monkeypatch.setattr(checks, "check_file", lambda path: answers[path.name])
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

"""``course doctor`` names what is missing, with the command that mends it."""

import re
import sys
from pathlib import Path

import psutil
import pytest
from packaging.specifiers import SpecifierSet

from course_lib.base import record
from course_lib.learner import doctor


def findings(look, *arguments):
    return list(look(*arguments))


def reported():
    """Status and lines of the report."""
    said = []
    status = doctor.report(said.append)
    return status, "\n".join(said).splitlines()


def test_the_doctor_finds_this_machine_well():
    status, lines = reported()
    assert status == 0 and lines[-1] == "all is well", "\n".join(lines)
    assert {"✓"} == {line[0] for line in lines[:-1]}
    for word in ("Python", "torch", "device", "kernel", "sliders", "notebooks", "memory"):
        assert any(word in line for line in lines)


def test_a_problem_comes_with_the_command_that_mends_it(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 2**28}))
    status, lines = reported()
    assert status == 1
    where = lines.index("✗ memory: 0.2 GiB free")
    assert lines[where + 1].startswith("    mend it: shut down other kernels")
    assert lines[-1] == "1 thing to mend"


def test_a_notebook_shows_one_line_unless_something_is_wrong(monkeypatch):
    well = doctor.page()
    assert re.fullmatch(r"all is well: Python 3\.\d.*", well["text/plain"])
    free = type("Memory", (), {"available": 2**28})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    ill = doctor.page()
    first, mend, last = ill["text/plain"].splitlines()
    assert first == "✗ memory: 0.2 GiB free" and mend.startswith("    mend it: shut down")
    assert last.startswith("1 thing to mend: Python ")
    found = record.read(ill[record.MIME])
    assert found.verdict == "to mend" and [it.what for it in found.findings if it.mend] == [
        "memory"
    ]


@pytest.mark.parametrize("specifier", ["", ">=1"])
def test_a_missing_package_is_named_with_its_install(specifier):
    finding = doctor.package("no-such-package-here", SpecifierSet(specifier))
    assert finding.found == "missing" and finding.mend.endswith(
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
    status, lines = reported()
    assert status == 1
    assert "✗ memory: psutil is missing" in lines

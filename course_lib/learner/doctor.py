"""``course doctor``: what the course needs of a machine, and the command that mends it."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.base.card import bundle
from course_lib.base.machine import free_memory
from course_lib.base.places import CourseError, root
from course_lib.base.record import Finding, Record

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

PYTHON = (3, 10)
MEMORY = 1.0  # GiB: one open lesson takes about 0.6
PIP = f"{sys.executable} -m pip install"


def report(say: Callable[[str], object] = print) -> int:
    """Say every finding; return 1 where something is to be mended, else 0."""
    found = findings()
    say("\n".join(map(_lines, found)))
    say(_summary(found))
    return int(any(finding.mend for finding in found))


def findings() -> tuple[Finding, ...]:
    """All that there is to say about this machine."""
    looks = (python, packages, device, kernel, widgets, writing, memory)
    return tuple(finding for look in looks for finding in _looked(look))


def page() -> dict[str, Any]:
    """The report for a notebook: one line where all is well, else also what is to be mended."""
    found = findings()
    bad = [_lines(finding) for finding in found if finding.mend]
    named = {finding.what: finding.found for finding in found}
    said = f"Python {named['Python']} · {named.get('device', 'no torch')}"
    record = Record("machine", said, verdict="to mend" if bad else "all is well", findings=found)
    return bundle(record, "\n".join([*bad, f"{_summary(found)}: {said}"]), bad)


def _lines(finding: Finding) -> str:
    line = f"{'✗' if finding.mend else '✓'} {finding.what}: {finding.found}"
    return line + (f"\n    mend it: {finding.mend}" if finding.mend else "")


def _summary(found: Iterable[Finding]) -> str:
    problems = sum(bool(finding.mend) for finding in found)
    return f"{problems} thing{'s' * (problems > 1)} to mend" if problems else "all is well"


def _looked(look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What one look finds; a package missing for the look itself is a finding."""
    try:
        return list(look())
    except ModuleNotFoundError as problem:
        return [Finding(look.__name__, f"{problem.name} is missing", f"{PIP} -e .")]


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """The interpreter's version."""
    found = ".".join(map(str, version)) + f" on {platform.system()} {platform.machine()}"
    mend = "install Python 3.12 from python.org, then: make course PYTHON=python3.12"
    yield Finding("Python", found, mend if version < PYTHON else "")


def packages(name: str = "course-lib") -> Iterator[Finding]:
    """Every package that the course asks for, in the version found."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in importlib.metadata.requires(name) or []]
    except importlib.metadata.PackageNotFoundError:
        yield Finding("the course's own package", "not installed", f"{PIP} -e .")
        return
    for need in wanted:
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            yield package(need.name, need.specifier)


def package(name: str, specifier: "SpecifierSet") -> Finding:
    """One package: its version, or what to do where it is missing or too old."""
    mend = f'{PIP} "{name}{specifier}"'
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", mend)
    if specifier.contains(version, prereleases=True):
        return Finding(name, version)
    return Finding(name, f"{version}, {specifier} is needed", mend)


def device() -> Iterator[Finding]:
    """That torch computes, and on what."""
    try:
        import torch
    except (ImportError, OSError) as problem:  # OSError: a library of torch's that does not load
        yield Finding("torch runs", str(problem).splitlines()[0], f"{PIP} --force-reinstall torch")
        return
    if torch.cuda.is_available():
        yield Finding("device", f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})")
    else:
        unused = "; there is an NVIDIA GPU, which this build of torch cannot use"
        found = f"CPU, {os.cpu_count()} cores"
        yield Finding("device", found + unused if shutil.which("nvidia-smi") else found)


def kernel() -> Iterator[Finding]:
    """That notebooks run in this very Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    mend = f"{sys.executable} -m ipykernel install --sys-prefix"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        yield Finding("kernel", "python3 is not registered", mend)
        return
    # A bare "python" is replaced by the Python that runs Jupyter.
    bare = Path(command).name == command
    if bare or Path(command).absolute() == Path(sys.executable).absolute():
        yield Finding("kernel", "python3 is this Python")
    else:
        yield Finding("kernel", f"python3 is {command}", mend)


def widgets() -> Iterator[Finding]:
    """That JupyterLab has the part of ipywidgets that draws sliders."""
    from jupyter_core.paths import jupyter_path

    part = "labextensions/@jupyter-widgets/jupyterlab-manager/package.json"
    if any(Path(place, part).is_file() for place in jupyter_path()):
        yield Finding("sliders", "JupyterLab can show them")
    else:
        mend = f"{PIP} --force-reinstall ipywidgets jupyterlab_widgets"
        yield Finding("sliders", "JupyterLab's widget extension is missing", mend)


def writing() -> Iterator[Finding]:
    """That notebooks can be saved and data sets kept."""
    try:
        here = root()
    except CourseError as problem:
        yield Finding("folders", str(problem), "cd into the course's folder and ask again")
        return
    for folder in (here / "notebooks", Path(os.environ.get("COURSE_DATA", here / "data"))):
        try:
            with tempfile.NamedTemporaryFile(dir=folder):
                # No path: a built notebook keeps this line.
                yield Finding("writing", f"{folder.name}/ can be written")
        except OSError as problem:
            mend = f'mkdir -p "{folder}" && chmod u+rwx "{folder}"'
            yield Finding("writing", f"{folder}: {problem.strerror}", mend)


def memory() -> Iterator[Finding]:
    """Memory free for a lesson."""
    free = free_memory() / 2**30
    mend = (
        "shut down other kernels (JupyterLab: Kernel > Shut Down All Kernels) "
        "or close other programs"
    )
    yield Finding("memory", f"{free:.1f} GiB free", mend if free < MEMORY else "")

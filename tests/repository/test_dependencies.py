"""What is asked for is what is imported, in one version, by pip, conda and Binder alike."""

import ast
import re
import sys

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.repository._project import EXTRAS, PROJECT, ROOT, RUNTIME, text

NAMED_OTHERWISE = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "markdown_it": "markdown-it-py",
}
# Used without an import: what runs notebooks, and what anywidget draws through, whose range counts.
# Below: what tests start.
RUN = {"ipykernel", "ipywidgets"}
# Of the pages: what Sphinx finds by its name, a font, what writes a font, and reveal.js.
PAGES = {"myst-nb", "pydata-sphinx-theme", "sphinx-copybutton", "ziamath", "brotli"}
PAGES |= {"sphinx-revealjs"}
TOOLS = {"jupyter-repo2docker", "mypy", "nbval", "pytest-timeout", "pytest-xdist", "ruff"}
OURS = {"course_lib", "tests", "bench", "_typeshed"}  # the last one is the type checker's own
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"} | {
    name: name.replace("-", "_")
    for name in ("jupyter-client", "jupyter-core", "jupyter-server", "jupyterlab-pygments")
}


def imported(folder):
    """The distributions that the files below a folder import from, anywhere in them."""
    modules = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.split(".")[0])
    outside = modules - sys.stdlib_module_names - OURS - {"tomllib"}  # new in Python 3.11
    return {canonicalize_name(NAMED_OTHERWISE.get(module, module)) for module in outside}


def test_the_library_declares_what_it_imports_and_nothing_else():
    site, cluster = set(EXTRAS["site"]), set(EXTRAS["cluster"])
    assert set(RUNTIME) == imported("course_lib") - site - cluster | RUN
    assert site == imported("course_lib/authoring") - set(RUNTIME) | PAGES


def test_lessons_import_what_the_library_declares():
    assert imported("notebooks/src") <= set(RUNTIME)


def test_tests_and_benchmarks_declare_what_they_import_beyond_it():
    assert set(EXTRAS) == {"test", "bench", "site", "cluster"}
    assert set(EXTRAS["test"]) == imported("tests") - set(RUNTIME) - set(EXTRAS["site"]) | TOOLS
    assert set(EXTRAS["bench"]) == imported("bench") - set(RUNTIME)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_every_direct_dependency_has_one_pin_that_fits_its_range(python):
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    pins = {}
    for line in text("constraints.txt").splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(environment):
            assert pin.name not in pins, f"{pin.name} is pinned twice on Python {python}"
            pins[pin.name] = str(pin.specifier).removeprefix("==")
    for name, need in (RUNTIME | EXTRAS["test"] | EXTRAS["bench"] | EXTRAS["site"]).items():
        if need.marker is None or need.marker.evaluate(environment):
            assert need.specifier.contains(pins[name]), name


def test_the_hashed_files_are_those_of_the_pins():
    """All but torch, whose build is of its own index, and what only benchmarks need."""
    hashed = text(".ci/requirements.txt")
    assert "://" not in hashed
    entries = re.findall(r"^(\S+)==(\S+).*((?:\n    --hash=sha256:[0-9a-f]{64}.*)+)", hashed, re.M)
    pinned = map(Requirement, re.findall(r"^\w.*", text("constraints.txt"), re.M))
    here = {"python_version": "3.12", "python_full_version": "3.12.0"}
    expected = {
        f"{pin.name}{pin.specifier}"
        for pin in pinned
        if pin.marker is None or "python" not in str(pin.marker) or pin.marker.evaluate(here)
    }
    apart = re.compile("(torch|jax|jaxlib|ml-dtypes|opt-einsum)==")
    assert {f"{name}=={version}" for name, version, _ in entries} == {
        pin for pin in expected if not apart.match(pin)
    }


def conda(file):
    """Packages of an environment file, name → the rest of the line; and its pip lines."""
    listed = yaml.safe_load(text(file))
    assert listed["channels"] == ["conda-forge", "nodefaults"]
    plain = [
        re.match(r"([a-z0-9_-]+)(.*)", line).groups()
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
    assert re.fullmatch(r"\d+\.\d+\.\d+", torch)
    assert SpecifierSet(packages["pytorch"]).contains(torch)
    assert binder == {
        name: versions for name, versions in packages.items() if name not in ("python", "pytorch")
    }
    assert not pip, "an editable install has no place in Binder's image"

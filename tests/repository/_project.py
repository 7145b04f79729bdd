"""What the repository says of itself: its folder, pyproject.toml, the files that git tracks."""

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def requirements(lines):
    """The distributions that some lines ask for: canonical name → requirement."""
    return {canonicalize_name(need.name): need for need in map(Requirement, lines)}


RUNTIME = requirements(PROJECT["dependencies"])
EXTRAS = {name: requirements(lines) for name, lines in PROJECT["optional-dependencies"].items()}


def text(file):
    """A file of the repository."""
    return (ROOT / file).read_text(encoding="utf-8")


def run(*command, **options):
    """A command in the repository's folder, with what it prints."""
    return subprocess.run(
        command, capture_output=True, text=True, cwd=options.pop("cwd", ROOT), **options
    )


TRACKED = run("git", "ls-files", "-z").stdout.split("\0")[:-1]
needs_git = pytest.mark.skipif(not TRACKED, reason="not a git checkout: no list of tracked files")

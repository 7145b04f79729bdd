"""Form and types, as pre-commit checks them."""

import sys

import pytest

from tests.repository._project import ROOT, run


@pytest.mark.parametrize(
    "arguments",
    [
        ("ruff", "check", "-q", "--output-format", "concise"),
        ("ruff", "format", "-q", "--check"),
        ("mypy",),
    ],
    ids=" ".join,
)
def test_nothing_is_found_by(arguments):
    done = run(sys.executable, "-m", *arguments, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr

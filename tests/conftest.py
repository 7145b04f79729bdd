"""What every test may use. Kernels and processes that tests start inherit this environment."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["COURSE_HEADLESS"] = "1"  # explorers compute to the end and leave a picture
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where a copy of Spambase lies beside some checkouts.
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
if SHARED.is_dir():
    os.environ.setdefault("COURSE_DATA", str(SHARED))

MANY = os.environ.get("COURSE_MANY") == "1"  # `make test-all`
settings.register_profile("few", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("many", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("many" if MANY else "few")

SOURCE = """\
# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

"""


@pytest.fixture(scope="session")
def repository() -> Path:
    """The course's own folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def amount():
    """`amount(few, many)`: how often to repeat, in `make test` and in `make test-all`."""
    return lambda few, many: many if MANY else few


@pytest.fixture
def course(tmp_path: Path):
    """A tiny course in a folder of its own: a function that writes sources there and returns the
    notebooks' folder.
    """
    notebooks = tmp_path / "notebooks"
    (tmp_path / "course_lib").mkdir()
    (notebooks / "src").mkdir(parents=True)

    def write(**sources: str) -> Path:
        for name, text in sources.items():
            (notebooks / "src" / f"{name.removeprefix('_')}.py").write_text(
                SOURCE + text, encoding="utf-8"
            )
        return notebooks

    return write

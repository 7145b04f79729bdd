"""What code is made of: imports followed, and of a module what runs."""

import pytest

from course_lib.base.sources import LIBRARY, computing, reached

CODE = '''"""About the module."""

import math

# a comment
def area(r):
    """Of a circle.

    r: its radius.
    """

    return math.pi * r**2  # π r²


class Shape:
    """Has corners."""

    name = """not a docstring
# nor a comment
"""
'''


def written(path, code):
    path.write_text(code, encoding="utf-8")
    return computing(path)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("About the module", "Of something else", True),
        ("    r: its radius.\n", "", True),
        ("# a comment\n", "", True),
        ('    """Has corners."""\n\n', "", True),
        ("r**2", "r**3", False),
        ("not a docstring", "text that is used", False),
        ("import math", "import cmath as math", False),
    ],
)
def test_what_runs_is_seen_and_what_is_said_is_not(tmp_path, old, new, same):
    assert CODE.count(old) == 1
    before = written(tmp_path / "before.py", CODE)
    assert (written(tmp_path / "after.py", CODE.replace(old, new)) == before) is same


def test_imports_are_followed_into_rooms_that_are_not_passed_over():
    found = {
        path.relative_to(LIBRARY).as_posix() for path in reached("from course_lib import dropout")
    }
    assert {"dropout.py", "base/arguments.py"} <= found
    code = "import course_lib.panel.frozen, json"
    assert LIBRARY / "panel" / "frozen.py" in reached(code)
    assert not reached(code, without={"panel"})

"""Every seed comes through one function, and a base shifts them all."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import torch

from course_lib.base.random import reseed, seeded, shifted

ROOT = Path(__file__).resolve().parents[2]
# The judge draws its own cases; what a learner writes is his own.
OWN = ("course_lib/checks/", "course_lib/base/random.py")
FILES = [
    path
    for path in sorted([*ROOT.glob("course_lib/**/*.py"), *ROOT.glob("notebooks/src/*.py")])
    if not path.relative_to(ROOT).as_posix().startswith(OWN)
    and not path.stem.endswith("_exercises")
]
# Of a seed that does not come through `seeded`; in the riddles a learner draws with a slider.
ESCAPES = {"manual_seed", "default_rng", "RandomState", "Random", "seed_all", "get_rng_state"}
RIDDLES = "course_lib/experiments/adamw/riddles.py"


def escapes(source):
    """The calls in a text that seed something past `seeded` and `reseed`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            named = {keyword.arg for keyword in node.keywords}
            bare = ast.unparse(node.func) in ("torch.Generator", "np.random.seed", "random.seed")
            if called in ESCAPES or bare or "random_state" in named:
                found.append(ast.unparse(node))
    return found


def judged(path):
    """The text of a file; of a lesson without the cells that are for copying.

    These are plain PyTorch: they seed torch as anybody does, and claim nothing.
    """
    if path.parent.name != "src":
        return path.read_text("utf-8")
    code = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    return "\n".join(it for it in code if "claim(" in it or "torch.manual_seed(" not in it)


def test_no_seed_escapes_the_base():
    found = {path.relative_to(ROOT).as_posix(): escapes(judged(path)) for path in FILES}
    assert len(found.pop(RIDDLES)) == 1
    assert not {name: calls for name, calls in found.items() if calls}


@pytest.mark.parametrize(
    "line",
    [
        "g = torch.Generator().manual_seed(0)",
        "torch.manual_seed(s)",
        "np.random.default_rng(3)",
        "train_test_split(x, random_state=0)",
        "g = torch.Generator()",
        "random.Random(7)",
    ],
)
def test_a_seed_that_escapes_is_found(line):
    assert escapes(line)


def test_on_base_0_seeds_are_torchs_own():
    given = torch.rand(3, generator=seeded(5))
    assert torch.equal(given, torch.rand(3, generator=torch.Generator().manual_seed(5)))
    with torch.random.fork_rng():
        reseed(5)
        assert torch.equal(given, torch.rand(3))
    assert shifted(5) == 5


def test_purposes_draw_apart():
    one, same, other = (seeded(0, purpose).initial_seed() for purpose in ("a", "a", "b"))
    assert one == same != other


def said(code, base):
    """What some code prints on a base, or the last line of its complaint."""
    code = "import torch\nfrom course_lib.base.random import *\n" + code
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"COURSE_BASE": base},
    )
    return (run.stdout or run.stderr).strip().splitlines()[-1]


def test_a_base_shifts_seeds_and_what_nobody_seeds():
    code = (
        "from course_lib.base.random import begin\n"
        "before = torch.initial_seed()\n"
        "begin()\n"
        "print(seeded(7).initial_seed(), torch.initial_seed() - before)"
    )
    assert said(code, "0") == "7 0" and said(code, "2") == "20007 20000"


def test_a_base_shifts_how_data_are_divided():
    code = "from course_lib.data import digits\nprint(digits(50).test_x.sum().item())"
    assert len({said(code, base) for base in ("0", "1", "2")}) == 3


def test_what_is_no_base_is_refused():
    assert said("", "-1") == "ValueError: COURSE_BASE = '-1': must be a whole number ≥ 0"

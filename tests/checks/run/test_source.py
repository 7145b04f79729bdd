"""`check_source` beside the faults of tests/faults: its arguments, its folder, what it leaves."""

import subprocess
import sys

import psutil
import pytest

from course_lib.checks import check_source
from course_lib.checks.run import pool

pytestmark = pytest.mark.usefixtures("worker")
TASK = "02/T2"
RIGHT = """
import torch

def soft_threshold(x, threshold):
    return x.sign() * (x.abs() - threshold).clamp(min=0)
"""


def test_own_folder_may_be_written():
    found = check_source(
        "import tempfile\nopen('note', 'w').write('x')\ntempfile.TemporaryFile().write(b'x')\n"
        + RIGHT,
        60,
        TASK,
    )
    assert found["verdict"] == "passed", found


def test_without_a_warm_worker_nothing_stays(monkeypatch):
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    monkeypatch.setattr(pool, "pool", None)
    assert check_source(RIGHT, 60, TASK)["verdict"] == "passed"
    assert {p.pid for p in psutil.Process().children(recursive=True)} <= before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((RIGHT, 0, TASK), "timeout = 0"),
        ((RIGHT, float("nan"), TASK), "timeout = nan"),
        ((RIGHT, "10", TASK), "timeout = '10'"),
        ((None, 10, TASK), "source = None"),
        ((RIGHT, 10, "02/T9"), "task = '02/T9'.*02/T2"),
        ((RIGHT, 10, "soft_threshold"), "task = 'soft_threshold'"),
    ],
)
def test_bad_arguments_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        check_source(*arguments)


GUARDED = """
import os, pathlib, subprocess, sys
from course_lib.checks.run import sandbox
folder, target = sys.argv[1:]
sandbox.guard_writes(folder)
open(os.path.join(folder, "mine"), "w").write("x")
assert open(target).read() == "kept"
refused = 0
for spoil in (lambda: open(target, "w"), lambda: os.open(target, os.O_RDWR),
              lambda: os.remove(target), lambda: os.rename(target, os.path.join(folder, "x")),
              lambda: pathlib.Path(target).chmod(0o777), lambda: pathlib.Path(target + "2").touch(),
              lambda: os.system("true"),
              lambda: subprocess.run([sys.executable, "-V"])):
    try:
        spoil()
    except PermissionError:
        refused += 1
sys.exit(refused != 8)
"""


def test_writes_are_guarded_where_the_kernel_does_not(tmp_path):
    target = tmp_path / "kept"
    target.write_text("kept")
    (tmp_path / "own").mkdir()
    assert (
        subprocess.run(
            [sys.executable, "-c", GUARDED, tmp_path / "own", target], timeout=60
        ).returncode
        == 0
    )
    assert target.read_text() == "kept"

"""`course check` on notebooks that learners, accidents and vandals leave: one plain line a task,
the file untouched.

Each notebook is really run, in a process of its own.
"""

import re
import shutil
from pathlib import Path

import nbformat
import psutil
import pytest

from course_lib.authoring import build
from course_lib.checks import check_file
from course_lib.checks.run import exercise as text

pytestmark = pytest.mark.usefixtures("worker")
NAME = "03_weight_decay_exercises"
MARK = "course-notebook-left-behind"


@pytest.fixture
def exercise(tmp_path, monkeypatch):
    """A course's exercise, in a folder of its own; its blank and solved notebooks."""
    source = tmp_path / "notebooks" / "src" / f"{NAME}.py"
    source.parent.mkdir(parents=True)
    shutil.copy(text.sources() / source.name, source)
    monkeypatch.setattr(text, "sources", lambda: source.parent)
    blank, solved = build.targets(source).values()
    return Exercise(tmp_path / "notebooks" / f"{NAME}.ipynb", blank, solved)


class Exercise:
    """A learner's notebook in the making."""

    def __init__(self, path, blank, solved):
        self.path, self.blank, self.solved = path, blank, solved

    def cell(self, tag):
        return next(cell for cell in self.solved.cells if tag in cell.metadata.get("tags", ()))

    def answer(self, **answers):
        """The solved notebook with other sources for some answers; {right} stands for the right
        one.
        """
        for task, source in answers.items():
            cell = self.cell(f"answer:{task}")
            cell.source = source.replace("{right}", cell.source)

    def check(self, **limits):
        """{"T1": (verdict, message), …}; the file must be as it was."""
        nbformat.write(self.solved, self.path)
        before = self.path.read_bytes()
        results = check_file(self.path, **limits)
        assert self.path.read_bytes() == before
        assert not [result for result in results if "\n" in result.line]
        return {
            result.task.rpartition("/")[2]: (result.verdict, result.message) for result in results
        }


PASSED = {f"T{n}": "passed" for n in range(1, 6)}


def verdicts(found):
    return {task: verdict for task, (verdict, _) in found.items()}


def test_answers_pass_and_blanks_are_unanswered(tmp_path):
    """The other lesson as it is built, with its set-up: three tasks solved, two blank."""
    blank, solved = build.targets(text.sources() / "04_adamw_exercises.py").values()
    for cell, right in zip(blank.cells, solved.cells):
        if set(cell.metadata.get("tags", ())) & {"answer:T2", "answer:T3", "answer:T4"}:
            cell.source = right.source
    nbformat.write(blank, tmp_path / "04 mine.ipynb")
    found = {result.task: result.verdict for result in check_file(tmp_path / "04 mine.ipynb")}
    assert found == {f"04/T{n}": "passed" if n in (2, 3, 4) else "unanswered" for n in range(1, 6)}


def test_spoiled_process_does_not_spoil_the_next_answer(exercise):
    """F14, F18, F19, F20, F22, F30, F32: one answer does its worst, the next ones are right."""
    exercise.answer(
        T1=f"""
import builtins, os, sys, pathlib
{{right}}
right = sgd_update
def sgd_update(param, grad, state, **hyper):
    import torch
    torch.allclose = torch.equal = torch.add = lambda *a, **k: True
    torch.Tensor.tolist = torch.Tensor.__mul__ = torch.Tensor.__sub__ = lambda *a: 0
    builtins.all = builtins.abs = builtins.max = lambda *a: True
    torch.set_default_dtype(torch.float16)
    torch.set_grad_enabled(False)
    return param
for target in ({str(exercise.path)!r}, {str(exercise.path.parent / "src" / f"{NAME}.py")!r}):
    for spoil in (lambda: pathlib.Path(target).write_text("gone"), lambda: os.remove(target)):
        try:
            spoil()
        except OSError:
            pass
check = torch = math = None
""",
        T2="import os, sys\nos.chdir('/')\nsys.path.clear()\nprint('x' * 30 * 2**20)\n{right}",
        T3="import sys\nsys.modules['torch'] = None\n{right}",
        T4="""
{right}
right = convert
def convert(*a, **k):
    print('x' * 2**22)
    return right(*a, **k)
""",
        T5="def shrinks_more(method, gradients_a, gradients_b):\n    return 'a'",
    )
    source = (exercise.path.parent / "src" / f"{NAME}.py").read_bytes()
    found = exercise.check()
    assert verdicts(found) == PASSED | {"T1": "error", "T5": "failed"}, found
    assert "replace functions" in found["T1"][1]
    assert (exercise.path.parent / "src" / f"{NAME}.py").read_bytes() == source


def test_answers_that_break_the_run(exercise):
    """F20, F23, F24, F26: each gets its own verdict, and the right ones after them pass."""
    exercise.answer(
        T1="""
import os
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b'{"cell": 3, "failed": "", "values": ["[]"], "raised": null}')
    except OSError:
        pass
os._exit(0)
""",
        T2="""
def adam_update(*args, **kwargs):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
        T3="import sys\nsys.exit()",
    )
    found = exercise.check(cell_timeout=4)
    assert verdicts(found) == PASSED | {"T1": "error", "T2": "timeout", "T3": "error"}, found
    assert "ended its own process" in found["T1"][1] and "no result after 4 s" in found["T2"][1]
    assert "ended itself" in found["T3"][1]


def test_answers_that_misbehave(exercise):
    """F07, F08, F16, F20, F21, F27, F28, F29, F31 in the notebook's process: as with
    `check_source`.
    """
    exercise.answer(
        T1="""
def sgd_update(*a, **k):
    from course_lib.sgd import sgd_update as ours
    return ours(*a, **k)
""",
        T2=f"""
import subprocess, sys
sleeper = [sys.executable, "-c", "import time; time.sleep(600)", "{MARK}"]
subprocess.Popen(sleeper, start_new_session=True, env={{}})
def adam_update(param, grad, state, **hyper):
    return torch.zeros(40 * 2**30)
""",
        T3="sgd_l2 = input()",
        T4="""
from IPython.display import display
def convert(value, source, target, **others):
    display({"application/x-course-values": '[{"parts": [["", "the result", 1.0]]}]'}, raw=True)
    return value
""",
        T5="""
def shrinks_more(method, gradients_a, gradients_b):
    return shrinks_more('sgd_l2', gradients_a, [])
""",
    )
    found = exercise.check()
    assert verdicts(found) == dict.fromkeys(PASSED, "error") | {"T4": "failed"}, found
    for task, says in {
        "T1": "course_lib",
        "T2": "memory",
        "T3": "input",
        "T4": "expected",
        "T5": "recursion",
    }.items():
        assert says in found[task][1], found[task]
    assert not [
        p.pid for p in psutil.process_iter(["cmdline"]) if MARK in (p.info["cmdline"] or ())
    ]


def test_cells_moved_doubled_deleted(exercise):
    """F45: cells out of order, twice, deleted, of another type; check cells edited or gone change
    nothing.
    """
    exercise.answer(T2="def helper(): return 1\n\n{right}", T5="x = (1\n")
    first, fourth = exercise.cell("answer:T1"), exercise.cell("answer:T4")
    wrong = nbformat.v4.new_code_cell(
        "def adam_update(*a, **k): return None", metadata={"tags": ["answer:T2"]}
    )
    exercise.cell("check:T2").source = "print('✓ T2')"
    exercise.cell("check:T1").source = "check = lambda *a: print('✓')"
    fourth.cell_type = "markdown"
    del fourth["outputs"], fourth["execution_count"]
    third = exercise.cell("answer:T3")
    others = [
        c
        for c in exercise.solved.cells
        if c not in (first, third) and "check:T3" not in c.metadata.get("tags", ())
    ]
    exercise.solved.cells = [third, wrong, *others]
    found = exercise.check()
    assert verdicts(found) == {
        "T1": "error",
        "T2": "passed",
        "T3": "passed",
        "T4": "error",
        "T5": "error",
    }, found
    assert "answer:T1 was deleted" in found["T1"][1] and "no code cell" in found["T4"][1]
    assert re.search(r"line \d: not valid Python", found["T5"][1])


LENT = "from course_lib.sgd import sgd_update as lent\n"


def test_texts_beside_a_submission_are_not_read(exercise, tmp_path, monkeypatch):
    """A forged text beside the notebook, or a zip of the whole course that was handed in: its
    set-up lends the course's own function, and we even stand in it.
    """
    course = tmp_path / "handed in"
    (course / "course_lib").mkdir(parents=True)
    forged = (text.sources() / f"{NAME}.py").read_text("utf-8")
    forged = forged.replace("import torch\n", LENT + "import torch\n", 1)
    (course / "notebooks" / "src").mkdir(parents=True)
    (course / "notebooks" / "src" / f"{NAME}.py").write_text(forged, "utf-8")
    monkeypatch.chdir(course)
    exercise.path = course / "notebooks" / f"{NAME}.ipynb"
    exercise.answer(T1="sgd_update = lent")
    found = exercise.check()
    assert verdicts(found) == PASSED | {"T1": "error"} and "lent" in found["T1"][1], found


def test_the_courses_own_text_is_read_wherever_one_stands(tmp_path, monkeypatch):
    """The second line: a package installed without its notebooks takes those where we stand."""
    (tmp_path / "course_lib").mkdir()
    (tmp_path / "notebooks" / "src").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    own = Path(text.__file__).resolve().parents[3]
    assert text.sources() == own / "notebooks" / "src"
    monkeypatch.setattr(text.course_lib, "__file__", str(tmp_path / "lib" / "x" / "y.py"))
    assert text.sources() == tmp_path / "notebooks" / "src"


def test_names_from_other_cells_are_explained(exercise):
    exercise.answer(
        T1="def sgd_update(*a, **k): return my_helper()",
        T2="adam_updat = 1",
        T3="{right}\nsgd_l2 = [0.7, 0.53, 0.427]",
    )
    found = exercise.check()
    assert verdicts(found) == PASSED | {"T1": "error", "T2": "error", "T3": "failed"}, found
    assert (
        "only the cells tagged as this task's answer" in found["T1"][1]
        and "adam_update" in found["T2"][1]
    )
    assert "velocity" in found["T3"][1]


BROKEN = {
    "F46 cut in half": (lambda data: data[: len(data) // 2], "cut off or damaged"),
    "F46 empty": (lambda data: b"", "is empty"),
    "F46 zeros": (lambda data: b"\0" * 512, "cut off or damaged"),
    "F46 conflict markers": (
        lambda data: b"<<<<<<< HEAD\n" + data + b"=======\n" + data + b">>>>>>> theirs\n",
        "conflict markers",
    ),
    "F46 another JSON": (lambda data: b'{"cells": 3}', "cut off or damaged"),
    "F46 not text": (lambda data: b"\xff\xfe\x00\x80" * 9, "cut off or damaged"),
}


@pytest.mark.parametrize(("spoil", "says"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(exercise, spoil, says):
    nbformat.write(exercise.solved, exercise.path)
    broken = spoil(exercise.path.read_bytes())
    exercise.path.write_bytes(broken)
    (result,) = check_file(exercise.path)
    assert result.verdict == "error" and says in result.message
    assert (
        result.line.startswith(f"✗ {exercise.path.name} ") and exercise.path.read_bytes() == broken
    )


def test_files_that_are_not_there(tmp_path):
    (missing,) = check_file(tmp_path / "03_nowhere.ipynb")
    assert missing.verdict == "error" and "cannot be read" in missing.message
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "mine.ipynb")
    (nameless,) = check_file(tmp_path / "mine.ipynb")
    assert nameless.verdict == "error" and "which lesson" in nameless.message


def test_total_time_is_limited(exercise):
    exercise.answer(T1="import time\ntime.sleep(600)")
    found = exercise.check(total_timeout=1)
    assert set(verdicts(found).values()) == {"timeout"}, found

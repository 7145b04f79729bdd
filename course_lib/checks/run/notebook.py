"""`course check`: nbval with the trust turned round.

The learner's answer cells (tags `answer:T1`) are copied into a fresh notebook made from the
course's own text in notebooks/src. Its check cells (`check:T1`) emit values, never a verdict; nbval
runs it in a process of its own and says which cells ran and what they displayed; the verdict is
made here, on cases drawn here. The learner's file is only read: check cells in it, edited, deleted
or not, play no part.
"""

import ast
import json
import os
import random
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager

import course_lib
from course_lib import LESSONS
from course_lib.base.places import CourseError, root
from course_lib.checks import CASES
from course_lib.checks.judge.report import Result, broken, is_raised, judge
from course_lib.checks.judge.task import tasks_of
from course_lib.checks.run import collect, sandbox
from course_lib.checks.run.source import clean_environment


class Unreadable(Exception):
    """A notebook that cannot be checked at all; the message says why, to whoever asked."""


def check_file(path, *, cell_timeout=20.0, total_timeout=120.0, memory_gib=4.0):
    """One `Result` per task of the exercise notebook at `path`, which is only read.

    `cell_timeout`, `total_timeout`: seconds for one cell and for the whole notebook. `memory_gib`:
    for the kernel. Never raises for a bad notebook: a file that is none gives a single `Result`,
    whose task is the file's name.
    """
    path = Path(path)
    try:
        learner = read(path)
        number = lesson_of(path, learner)
        tasks, pristine = tasks_of(number), exercise_text(number)
    except Unreadable as problem:
        return [Result(path.name, "error", str(problem))]
    answers, results = answers_of(learner, list(tasks), f"{number:02d}")
    limits = {
        "cell_timeout": cell_timeout,
        "memory_gib": memory_gib,
        "deadline": time.monotonic() + total_timeout,
    }
    while len(results) < len(tasks):
        open_ = {task: answers[task] for task in tasks if task not in results}
        results |= run(
            pristine, open_, {task: tasks[task] for task in open_}, f"{number:02d}", limits
        )
    return [results[task] for task in tasks]


# What the learner wrote


def read(path):
    """The notebook at `path`. Raises `Unreadable` with the cause."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"cannot be read: {problem.strerror}") from None
    if not data.strip():
        raise Unreadable("is empty")
    if re.search(rb"^(<<<<<<< |>>>>>>> )", data, re.MULTILINE):
        raise Unreadable("has conflict markers (<<<<<<<) of a merge in it: choose one side of each")
    try:
        notebook = nbformat.reads(data.decode("utf-8-sig"), as_version=4)
        cells = [
            (cell.cell_type, str(cell.source), list(cell.metadata.get("tags", ())))
            for cell in notebook.cells
        ]
    except Exception as problem:  # whatever a broken file makes of nbformat
        raise Unreadable(
            f"is no whole notebook: cut off or damaged ({type(problem).__name__})"
        ) from None
    return cells


def lesson_of(path, cells):
    """Number of the lesson, from the file's name, else from its check cells."""
    said = re.match(r"(\d\d)_", path.name) or re.search(
        r"check\(\s*[\"'](\d\d)/", "\n".join(source for _, source, _ in cells)
    )
    if not said or int(said[1]) >= len(LESSONS) or not tasks_of(said[1]):
        raise Unreadable(
            "does not say which lesson it belongs to: its name should begin like "
            "03_weight_decay_exercises"
        )
    return int(said[1])


def sources():
    """The folder of the exercises' texts: the one beside this package, not beside a submission.

    A package that was installed without it takes that of the course's folder we stand in.
    """
    beside = Path(course_lib.__file__).resolve().parents[1] / "notebooks" / "src"
    return beside if beside.is_dir() else root() / "notebooks" / "src"


def exercise_text(number):
    """The exercise as its author wrote it: (kind, source, tags) of each cell."""
    name = f"{number:02d}_{LESSONS[number]}_exercises.py"
    try:
        cells = jupytext.read(sources() / name).cells
    except (CourseError, FileNotFoundError):
        raise Unreadable(
            f"cannot be checked without notebooks/src/{name}: run this in the course's folder"
        ) from None
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in cells]


def answers_of(cells, tasks, number):
    """Source of each answer, its cells joined in order as "Run all" would; and what cannot run."""
    answers, results = {}, {}
    for task in tasks:
        tagged = [(kind, source) for kind, source, tags in cells if f"answer:{task}" in tags]
        answers[task] = "\n\n".join(source for kind, source in tagged if kind == "code")
        if problem := cannot_run(task, tagged, answers[task]):
            results[task] = Result(f"{number}/{task}", "error", problem)
    return answers, results


def cannot_run(task, tagged, source):
    """Why the cells of an answer cannot run; "" if they can."""
    if not tagged:
        return (
            f"the cell tagged answer:{task} was deleted: `course reset` makes a fresh notebook "
            "and keeps yours aside"
        )
    if all(kind != "code" for kind, _ in tagged):
        return (
            f"the cell tagged answer:{task} is no code cell any more: change its type back to Code"
        )
    try:
        with warnings.catch_warnings():
            # "invalid escape sequence" and the like belong to the learner's own run
            warnings.simplefilter("ignore")
            compile(
                TransformerManager().transform_cell(source),
                "<answer>",
                "exec",
                ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            )
    except SyntaxError as error:
        return f"line {error.lineno}: not valid Python: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"not valid Python: {error}"
    return ""


# The notebook that is run


def graft(pristine, answers):
    """Role, task and source of its code cells: the setup stands before each answer, to undo it."""
    setup = [
        ("setup", "", source)
        for kind, source, tags in pristine
        if kind == "code" and "setup" in tags
    ]
    checks = {
        tag[6:]: source
        for kind, source, tags in pristine
        for tag in tags
        if tag.startswith("check:")
    }
    plan = [
        ("setup", "", "from course_lib.checks.run import kernel as _kernel"),
        *setup,
        ("setup", "", "_kernel.hide_solutions()"),
    ]
    for task, answer in answers.items():
        plan += [
            *setup,
            ("answer", task, answer),
            ("check", task, f"from course_lib.checks import check\n{checks[task]}"),
        ]
    return plan


def run(pristine, answers, tasks, number, limits):
    """Results of one run: of the first open task at least, of those up to one that breaks it."""
    plan = graft(pristine, answers)
    seed = random.SystemRandom().getrandbits(32)
    cases = {
        f"{number}/{task}": {"names": each.names, "cases": each.draw(seed)}
        for task, each in tasks.items()
    }
    seconds = limits["deadline"] - time.monotonic()
    seen, log = execute(plan, cases, seconds, limits) if seconds > 0 else ({}, "")
    results, broken_by = {}, None
    for task, each in tasks.items():
        # its answer and its check
        cells = [seen.get(index) for index, (_, name, _) in enumerate(plan) if name == task]
        breaks = any(cell is None or cell["failed"] for cell in cells)
        if not_reached(cells[0]) or (breaks and broken_by):
            continue  # perhaps innocent: once more, without the one that broke the run
        broken_by = broken_by or (task if breaks else None)
        results[task] = verdict(
            f"{number}/{task}", each, cases[f"{number}/{task}"]["cases"], cells, limits
        )
    return results or unfinished(tasks, number, seen, plan, log, limits)


def not_reached(cell):
    """True for a cell that never ran, because the kernel or pytest had ended before."""
    return cell is None or "Kernel dead" in cell["failed"]


def verdict(name, task, cases, cells, limits):
    """The `Result` of what an answer cell and its check cell gave."""
    for cell in cells:
        if not_reached(cell) or cell["failed"].startswith("KernelDied"):
            return Result(
                name,
                "error",
                "the code ended its own process, or crashed it: return the result instead",
            )
        if "Timeout of" in cell["failed"]:
            return Result(
                name, "timeout", f"no result after {limits['cell_timeout']:g} s: an endless loop?"
            )
        if cell["raised"]:
            return with_hint(broken(name, task, cell["raised"]))
        if cell["failed"]:
            return Result(name, "error", f"the cell could not be run: {cell['failed']}")
    values = cells[-1]["values"]
    if len(values) != 1:
        return Result(
            name,
            "error",
            "the check cell did not give its values exactly once: does the answer display "
            "something?",
        )
    return with_hint(judge(name, task, cases, json_or_none(values[0])))


def with_hint(result):
    """A word about names that a learner may have defined in a cell that is not checked."""
    if result.verdict != "error" or "NameError" not in result.message:
        return result
    hint = "only the cells tagged as this task's answer are run, so define it there"
    return Result(result.task, result.verdict, f"{result.message}: {hint}")


def unfinished(tasks, number, seen, plan, log, limits):
    """Results where no answer was reached: its own fault if the set-up had run, else nobody's."""
    failed = [
        seen[i]
        for i, (role, _, _) in enumerate(plan)
        if role == "setup" and i in seen and seen[i]["failed"]
    ]
    if limits["deadline"] <= time.monotonic():
        verdict, message = "timeout", "not reached: the whole notebook took too long"
    elif failed:
        raised = failed[0]["raised"] or {"type": "set-up", "message": failed[0]["failed"]}
        verdict, message = (
            "error",
            f"the exercise's own first cell failed: {raised['type']}: {raised['message']}",
        )
    elif seen:
        verdict, message = "error", "the code ended the process that checks it"
    else:
        verdict, message = "error", f"the notebook could not be run: {' '.join(log.split())[-300:]}"
    blamed = list(tasks)[:1] if seen and not failed and verdict == "error" else tasks
    return {task: Result(f"{number}/{task}", verdict, message) for task in blamed}


def execute(plan, cases, seconds, limits):
    """{cell number: what it gave} of the cells that ran, and the log of pytest."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        here = Path(folder).resolve()
        cells = [
            nbformat.v4.new_code_cell(source, metadata={"tags": [role]}) for role, _, source in plan
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), here / "answers.ipynb")
        (here / "cases.json").write_text(json.dumps(cases), "utf-8")
        with tempfile.TemporaryFile() as log:
            sandbox.run(
                nbval(here), here, limits["memory_gib"], seconds, environment(here, limits), log
            )
            log.seek(0)
            return collected(here / "collected.jsonl"), log.read(2**16).decode(errors="replace")


def nbval(folder):
    """The command: pytest with nbval and our collector, nothing of a project we may stand in."""
    return [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "nbval.plugin",
        "-p",
        collect.__name__,
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=line",
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        "--noconftest",
        "--nbval-lax",
        "--nbval-current-env",
        str(folder / "answers.ipynb"),
    ]


def environment(folder, limits):
    """Jupyter writes into the temporary folder; the check cells learn where their cases are."""
    inside = {name: str(folder / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR")}
    package = str(Path(__file__).resolve().parents[3])
    return {
        **clean_environment(),
        **inside,
        "TMPDIR": str(folder),
        "PYTHONPATH": package,
        "MPLBACKEND": "agg",
        "COURSE_HEADLESS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
        collect.TIMEOUT: str(limits["cell_timeout"]),
        CASES: str(folder / "cases.json"),
        collect.FILE: str(folder / "collected.jsonl"),
    }


def collected(path):
    """{cell number: what it gave}, as far as it was written down."""
    lines = path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else []
    return {ran["cell"]: ran for ran in map(json_or_none, lines) if is_cell(ran)}


def json_or_none(text):
    """What the JSON says; None where it says nothing. The learner's code could write here too."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_cell(ran):
    """True if `ran` looks like a line of `collect`."""
    return (
        type(ran) is dict
        and type(ran.get("cell")) is int
        and type(ran.get("failed")) is str
        and type(ran.get("values")) is list
        and all(type(value) is str for value in ran["values"])
        and "raised" in ran
        and (ran["raised"] is None or is_raised(ran["raised"]))
    )

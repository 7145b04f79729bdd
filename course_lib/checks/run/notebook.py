"""`course check`: a learner's notebook, of which only the answers count.

The cells tagged as answers (`answer:T1`) are run with the set-up of the course's own text, in a
process of their own that gives values, never a verdict; the verdict is made here, on cases drawn
here. The learner's file is only read: check cells in it, edited, deleted or not, play no part.
"""

import functools
import hashlib
import random
import re
import warnings
from collections import Counter
from pathlib import Path

import nbformat

from course_lib import LESSONS
from course_lib.base.names import binds
from course_lib.checks.judge.report import Result
from course_lib.checks.judge.task import tasks_of
from course_lib.checks.run import exercise, verdict
from course_lib.checks.run.exercise import Cell
from course_lib.checks.run.pool import MEMORY_GIB

LARGEST = 2**27  # bytes of a notebook that are read
SKIPPED = "skipped"  # the verdict on a notebook that holds no exercise, and need not


class Unreadable(Exception):
    """A notebook that cannot be checked at all; the message says why, to whoever asked."""


class NoExercise(Unreadable):
    """A notebook of the course, or about it, that has no tasks."""


def check_file(path, *, cell_timeout=20.0, total_timeout=120.0, memory_gib=MEMORY_GIB):
    """One `Result` per task of the exercise notebook at `path`, which is only read.

    `cell_timeout`, `total_timeout`: seconds for one answer and for the whole notebook.
    `memory_gib`: for the process that runs it. Never raises for a bad notebook: a file that is none
    gives a single `Result`, whose task is the file's name; so does a lesson, with the verdict
    "skipped".
    """
    path = Path(path)
    try:
        learner = read(path)
        number = lesson_of(path, learner)
        tasks = tasks_of(number)
        author = exercise.text(number)
        if author is None:
            raise Unreadable(
                f"cannot be checked without notebooks/src/{number:02d}_{LESSONS[number]}"
                "_exercises.py: run this in the course's folder"
            )
    except NoExercise as reason:
        return [Result(path.name, SKIPPED, str(reason))]
    except Unreadable as problem:
        return [Result(path.name, "error", verdict.plain(problem))]
    answers, results = answers_of(learner, list(tasks), f"{number:02d}")
    seed = random.SystemRandom().getrandbits(32)
    steps = []
    for short, source in answers.items():
        given = exercise.given(author, short, source)
        steps.append(verdict.Step(f"{number:02d}/{short}", tasks[short], source, given, seed))
    limits = {"step": cell_timeout, "seconds": total_timeout, "memory_gib": memory_gib}
    results |= verdict.results_of(exercise.setup(author), steps, **limits)
    named = (results[f"{number:02d}/{short}"] for short in tasks)
    return [explained(result, learner, tasks) for result in named]


# What the learner wrote


def read(path):
    """The cells of the notebook at `path`. Raises `Unreadable` with the cause."""
    try:
        if path.exists() and not path.is_file():
            raise Unreadable("is no file")
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"is larger than {LARGEST >> 20} MiB: clear its outputs and save it")
        data = path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"cannot be read: {problem.strerror}") from None
    if not data.strip():
        raise Unreadable("is empty")
    if re.search(rb"^(<<<<<<< |>>>>>>> )", data, re.MULTILINE):
        raise Unreadable("has conflict markers (<<<<<<<) of a merge in it: choose one side of each")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a missing id, a doubled one: nothing to us
            notebook = nbformat.reads(data.decode("utf-8-sig"), as_version=4)
        return [
            Cell(
                cell.cell_type,
                str(cell.source),
                tuple(map(str, cell.metadata.get("tags", ()))),
                str(cell.get("id", "")),
            )
            for cell in notebook.cells
        ]
    except Exception as problem:  # whatever a broken file makes of nbformat
        raise Unreadable(
            f"is no whole notebook: cut off or damaged ({type(problem).__name__})"
        ) from None


def lesson_of(path, cells):
    """Number of the lesson whose exercise this is: by its check cells, its cells' ids, its name.

    Raises `NoExercise` for a notebook of the course without tasks, `Unreadable` for a stranger.
    """
    said = Counter(
        match[1]
        for cell in cells
        if cell.kind == "code" and (cell.tagged("check") or "check(" in cell.source)
        for match in re.finditer(r"check\(\s*[\"'](\d\d)/T\d", cell.source)
    )
    votes = Counter({int(number): count for number, count in said.items() if _has_tasks(number)})
    if not votes and any(cell.tagged("answer") for cell in cells):
        votes = Counter(
            number for cell in cells for number in (_home().get(cell.id, ())) if cell.id
        )
        named = re.search(r"(?:^|\D)(\d\d)_[a-z]", path.name)
        if not votes and named and _has_tasks(named[1]):
            votes[int(named[1])] = 1
    if votes:
        return votes.most_common(1)[0][0]
    if not any(cell.tagged("answer") for cell in cells) and _is_ours(cells):
        raise NoExercise("is a lesson, not an exercise: nothing to check")
    raise Unreadable(
        "does not say which lesson it belongs to: neither an answer nor a check of this course "
        "is in it; is it the right file?"
    )


def _has_tasks(number):
    return int(number) < len(LESSONS) and bool(tasks_of(number))


def _is_ours(cells):
    return any("from course_lib" in cell.source for cell in cells if cell.kind == "code")


@functools.cache
def _home():
    """{id of a cell: numbers of the exercises that have it}; a built cell's id says what it holds.

    See `authoring.build`, which gives them.
    """
    home = {}
    for number in range(len(LESSONS)):
        for cell in exercise.text(number) or ():
            key = hashlib.sha256(f"{cell.kind}\n{cell.source}".encode()).hexdigest()[:8]
            home.setdefault(key, set()).add(number)
    return {key: numbers for key, numbers in home.items() if len(numbers) == 1}


def answers_of(cells, tasks, number):
    """Source of each answer, its cells joined in order as "Run all" would; and what cannot run."""
    answers, results = {}, {}
    for task in tasks:
        tagged = [cell for cell in cells if f"answer:{task}" in cell.tags]
        source = "\n\n".join(cell.source for cell in tagged if cell.kind == "code")
        if problem := cannot_run(task, tagged, source):
            results[f"{number}/{task}"] = Result(f"{number}/{task}", "error", problem)
        else:
            answers[task] = source
    return answers, results


def cannot_run(task, tagged, source):
    """Why the cells of an answer cannot run; "" if they can."""
    if not tagged:
        return (
            f"the cell tagged answer:{task} was deleted: `course reset` makes a fresh notebook "
            "and keeps yours aside"
        )
    if all(cell.kind != "code" for cell in tagged):
        return (
            f"the cell tagged answer:{task} is no code cell any more: change its type back to Code"
        )
    return exercise.syntax_problem(source)


# In the learner's words


def explained(result, cells, tasks):
    """The `Result` with what the rest of the notebook says about it, where it says something."""
    if result.verdict not in ("unanswered", "error"):
        return result
    short = result.task.rpartition("/")[2]
    outside = {
        name
        for cell in cells
        if cell.kind == "code" and not cell.tags
        for name in binds(cell.source)
    }
    looked_for = set(tasks[short].names) if _is_missing(result) else set()
    if unknown := re.search(r"NameError: name '(\w+)' is not defined", result.message):
        looked_for.add(unknown[1])
    if strays := sorted(looked_for & outside):
        return Result(
            result.task,
            result.verdict,
            f"{result.message}: `{strays[0]}` stands in a cell of its own; move it into the answer "
            f"cell of {short}, only those are run",
        )
    if unknown:
        owners = [other for other in tasks if other != short and unknown[1] in tasks[other].names]
        hint = (
            f"it is the answer of {owners[0]}, which does not define it here"
            if owners
            else "only the cells tagged as this task's answer are run, so define it there"
        )
        return Result(result.task, result.verdict, f"{result.message}: {hint}")
    return result


def _is_missing(result):
    return result.verdict == "unanswered" or "the check looks for" in result.message

"""The checker: an answer's values against those of torch, in the learner's terms.

    check("03/T1", sgd_update)                    in an exercise notebook: one line at once
    check_file("notebooks/03_…_exercises.ipynb")  what `course check` runs: a whole notebook, in a
                                                  process of its own
    check_source(source, 10, task="03/T1")        text of an answer, run in a process of its own

All three call the answer on cases drawn afresh, note *values*, and let the same routine compare
them with the referee. The claim is that an accident cannot pass, not that cheating is impossible: a
learner owns the machine.
Importing this package loads no torch; the first check does.
"""

from course_lib.base import progress
from course_lib.base.card import bundle, inline
from course_lib.base.record import Record, show
from course_lib.base.shell import shell

__all__ = ["check", "check_file", "check_many", "check_source", "warm"]


def check(task, *answers):
    """Say one line on `answers` to `task` ("03/T1") and return the `Result`: truthy if passed.

    `answers`: the objects that the task names, in that order. A task passed is kept with the
    learner's progress; below anything else stands a button for hints, where a kernel runs. Raises
    `ValueError` for an unknown task.
    """
    from course_lib.checks.run import instant

    result = instant.check(task, answers)
    problem = progress.passed(task) if result else ""
    notes = [problem] if problem else []
    record = Record("check", result.message, task, verdict=result.verdict)
    show(bundle(record, "\n".join([result.line, *notes]), notes))
    if not result and shell() is not None and not progress.headless():
        show(_hints(task))
    return result


def _hints(task):
    """The output with a button for the hints to `task`; as plain text, the command for them."""
    from course_lib.learner.hints import hints_of
    from course_lib.panel import deck

    number, _, short = task.partition("/")
    button = deck.hints(f"Hints to {short}", [*map(inline, hints_of(int(number))[short])])
    return {**button.bundle(), "text/plain": f"hints: course hint {number} {short}"}


def check_source(source, timeout, task):
    """Run `source`, the text of an answer, in a process of its own and judge it here.

    Returns {"verdict": …, "message": …}; verdicts: passed, failed, error, timeout, unanswered.
    `timeout`: seconds the answer may take, the start of Python and torch not counted. `task`:
    "03/T1", …. It runs as its cell does in the exercise: after the set-up, with the names that the
    cells before it give; the course's own answers are not there. Its process may write into a
    temporary folder only, gets 4 GiB of memory and no keyboard, and leaves no process behind; which
    fences hold besides, `course_lib.checks.run.fences` says. Raises `ValueError` for a source that
    is not text, a timeout that is not a positive number, an unknown task.
    """
    from course_lib.checks.run.source import check

    return check(source, timeout, task)


def warm(size=1):
    """Context in which each check is forked from one of `size` processes with torch: 0.1 s, not 2.

    Where there is no fork (Windows) each check still starts its own.
    """
    from course_lib.checks.run import pool

    return pool.warm(size)


def check_file(path, **limits):
    """Judge the exercise notebook at `path`: a list with one `Result` a task.

    See `course_lib.checks.run.notebook`.
    """
    from course_lib.checks.run import notebook

    return notebook.check_file(path, **limits)


def check_many(paths, jobs=None):
    """Yield (path, `check_file(path)`) of each notebook as it is done, `jobs` at once: a core each.

    Whatever goes wrong with one notebook becomes its result. Leaving the loop ends what is at work.
    """
    from course_lib.checks.run import many

    return many.check_many(paths, check_file, jobs)

"""`check_source`: an answer's text goes into a process of its own, its values to the judge."""

import math
import random

from course_lib.checks.judge.task import find
from course_lib.checks.run import exercise, verdict
from course_lib.checks.run.pool import START


def check(source, timeout, task):
    """See `course_lib.checks.check_source`."""
    if not isinstance(source, str):
        raise ValueError(f"source = {source!r}: must be the text of an answer")
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, (int, float))
        or not 0 < timeout < math.inf
    ):
        raise ValueError(f"timeout = {timeout!r}: must be a finite number of seconds > 0")
    asked, (number, _, short) = find(task), task.partition("/")
    if problem := exercise.syntax_problem(source):
        return {"verdict": "error", "message": verdict.plain(problem)}
    cells = exercise.text(int(number))
    seed = random.SystemRandom().getrandbits(32)
    given = exercise.given(cells, short, source) if cells else []
    step = verdict.Step(task, asked, source, given, seed)
    setup = exercise.setup(cells) if cells else [exercise.PLAIN]
    limits = {"step": timeout, "seconds": START + timeout}
    result = verdict.results_of(setup, [step], **limits)[task]
    return {"verdict": result.verdict, "message": result.message}

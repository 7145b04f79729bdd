"""The runs that are missing, made, recorded and counted."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from course_lib.records.standing import Standing
from course_lib.replication import local
from course_lib.replication.lesson import Job, Outcome
from course_lib.replication.plan import Plan

Runner = Callable[[Iterable[Job]], Iterator[tuple[Job, Outcome]]]


def replicate(
    lessons: dict[str, str],
    bases: Sequence[int] | None = None,
    runner: Runner | None = None,
    folder: Path | None = None,
    report: Callable[[str], object] = print,
) -> tuple[dict[str, Standing], int]:
    """Run what is missing of `lessons` (texts by name); return standings and how many runs failed.

    First base 0, where the code has changed; then each claim's fresh bases, or the `bases` asked
    for. What a run found is recorded when it ends: who is interrupted keeps what is done, and
    nothing is run twice. runner: makes the runs; None: local processes, one a core. Problems and
    what makes no record are reported, line by line.
    """
    plan = Plan(lessons, bases, folder)
    run = runner or (lambda jobs: local.outcomes(jobs, os.cpu_count() or 1))
    failed = 0
    for jobs in (plan.pilots, plan.fresh):
        some = jobs()
        with tqdm(total=len(some), unit=" run", disable=not some) as bar:
            for job, outcome in run(some):
                refused = plan.keep(job, outcome)
                lines = [*outcome.problems, *([refused] if refused else [])]
                for line in lines:
                    report(f"{job.lesson}, base {job.base}: {line}")
                failed += bool(lines)
                bar.set_postfix_str(f"{job.lesson}, base {job.base}")
                bar.update()
    return plan.standings(), failed

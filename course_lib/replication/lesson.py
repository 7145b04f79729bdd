"""One lesson on one base: its cells are run without Jupyter, its measured claims are kept.

`run` starts a process for it, since a process has one base of seeds; there `python -m
course_lib.replication.lesson` reads the job as JSON and answers with JSON.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from typing import Any

from course_lib.records.measurement import Measurement, read
from course_lib.replication.code import cells, code_hash

COMPUTING = ("torch", "numpy", "scipy", "scikit-learn")  # whose versions may change a figure


@dataclass(frozen=True)
class Job:
    """A lesson, by its notebook's name and its text, on one base."""

    lesson: str
    source: str
    base: int


@dataclass(frozen=True)
class Outcome:
    """What a run found. `problems`: what went wrong, cell by cell; then claims are missing.

    `substituted`: data that others stood in for; then nothing of it may be recorded. `code`: the
    hash of what was run, by the process that ran it.
    """

    measured: tuple[Measurement, ...] = ()
    problems: tuple[str, ...] = ()
    substituted: tuple[str, ...] = ()
    code: str = ""


@dataclass
class Processes:
    """The processes that are running, so that who stops can stop them."""

    running: set[subprocess.Popen[str]] = field(default_factory=set)

    def stop(self) -> None:
        """End them all."""
        for process in list(self.running):
            process.kill()


def run(job: Job, processes: Processes | None = None) -> Outcome:
    """Run a job in a process of its own. One that dies is an outcome with that problem."""
    given = json.dumps({"lesson": job.lesson, "source": job.source, "base": job.base})
    here = {
        "COURSE_HEADLESS": "1",
        "COURSE_BASE": str(job.base),
        "COURSE_RECORDED": "1",  # nothing that is stored stands in for a training
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", __spec__.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | here,
    )
    known = processes or Processes()
    known.running.add(process)
    try:
        answer, said = process.communicate(given)
    finally:
        process.kill()  # where we were interrupted; else it has ended
        known.running.discard(process)
    if process.returncode:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        return Outcome(problems=(f"its process ended with {process.returncode}: {last}",))
    data = json.loads(answer)
    return Outcome(
        tuple(map(read, data["measured"])),
        tuple(data["problems"]),
        tuple(data["substituted"]),
        data["code"],
    )


def measured(job: Job) -> Outcome:
    """Run the cells here and now, in this process, which has to be on the job's base."""
    from course_lib.base.random import BASE
    from course_lib.data import loaded
    from course_lib.notebook import claims

    if job.base != BASE:
        raise ValueError(f"base = {job.base}: this process is on base {BASE}")
    problems = []
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells(job.source), 1):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(_compiled(cell, f"<{job.lesson}, code cell {number}>"), names)
        except Exception as problem:  # whatever a cell raises is told, and the next may do without
            where = traceback.extract_tb(problem.__traceback__)[-1]
            line = f"{type(problem).__name__}: {problem}".splitlines()[0]
            problems.append(f"code cell {number} ({where.name}, line {where.lineno}): {line}")
    code = code_hash(job.source)
    run: dict[str, Any] = {
        "lesson": job.lesson,
        "base": job.base,
        "code": code,
        "data": dict(loaded.hashes),
        "versions": _versions(),
        "date": date.today().isoformat(),
    }
    found = tuple(replace(one, **run) for one in claims.measurements)
    twice = {one.id for one in found if [it.id for it in found].count(one.id) > 1}
    problems += [f"{len(twice)} ids stand twice: {', '.join(sorted(twice))}"] if twice else []
    return Outcome(found, tuple(problems), tuple(loaded.substituted), code)


def _compiled(cell: str, name: str) -> Any:
    """A cell, without the explorers that it shows: what they draw was not claimed."""
    module = ast.parse(cell)
    module.body = [it for it in module.body if not _shows(it)]
    # A claim looks its bound up in the text.
    linecache.cache[name] = len(cell), None, cell.splitlines(keepends=True), name
    return compile(module, name, "exec")


def _shows(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".show")


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in COMPUTING}
    return {"python": platform.python_version(), "machine": platform.machine(), **found}


def _main(answer: Callable[[str], object]) -> None:
    outcome = measured(Job(**json.load(sys.stdin)))
    data = {
        "measured": [one.as_data() for one in outcome.measured],
        "problems": outcome.problems,
        "substituted": outcome.substituted,
        "code": outcome.code,
    }
    answer(json.dumps(data))


if __name__ == "__main__":
    _main(print)

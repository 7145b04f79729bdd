"""What a task of an exercise is: names, cases, a referee, and the mistakes it knows by name.

A case is plain data (inputs only, tensors encoded), so that it can be sent to the process that runs
the answer: {"name": "momentum", "driver": "update", …what the driver reads}. `drivers` says which
keys each driver reads.
"""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from course_lib import LESSONS
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.values import Case, Encoded, Record, encode


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people really give: its name, what to tell them, and its objects."""

    name: str
    hint: str
    answers: tuple


@dataclass(frozen=True)
class Task:
    """One task.

    `reference` and every mistake hold one object per name in `names`, like the learner's answer.
    """

    names: tuple[str, ...]
    cases: Callable[[torch.Generator], list[Case]]  # simple → complex, inputs drawn afresh
    reference: tuple
    mistakes: tuple[Mistake, ...] = ()
    praise: str = ""  # what "passed" says
    tolerance: float | None = None  # relative to the largest number; None: by dtype
    notes: dict[str, str] = field(default_factory=dict)  # part → what a difference in it means

    def draw(self, seed: int) -> list[Case]:
        """The cases with inputs drawn from `seed`."""
        return self.cases(torch.Generator().manual_seed(seed))

    def expect(self, cases: list[Case]) -> list[Record]:
        """Records of the referee's answer on `cases`."""
        return observe(self.names, self.reference, cases)


def tasks_of(number: int | str) -> dict[str, Task]:
    """{"T1": Task, …} of the lesson with this number ("03" or 3); empty where it has none yet."""
    stem = LESSONS[int(number)]
    try:
        module = importlib.import_module(f"course_lib.checks.{stem}")
    except ModuleNotFoundError as error:
        if error.name != f"course_lib.checks.{stem}":
            raise
        return {}
    return module.TASKS


def find(name: str) -> Task:
    """The task called "03/T1". Raises `ValueError` that lists the tasks there are."""
    number, _, task = str(name).partition("/")
    known = tasks_of(number) if number.isdecimal() and int(number) < len(LESSONS) else {}
    if task not in known:
        raise ValueError(f"task = {name!r}: must be one of {', '.join(all_tasks())}")
    return known[task]


@functools.cache
def all_tasks() -> tuple[str, ...]:
    """Names of all tasks, in the order of the lessons."""
    return tuple(
        f"{number:02d}/{task}" for number in range(len(LESSONS)) for task in tasks_of(number)
    )


def tensors(*values: object) -> Encoded:
    """Tensors, encoded for a case."""
    return encode(list(values))

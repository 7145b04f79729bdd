"""Call an answer on its cases and write down what came out, where the learner's code runs.

No expected value, no referee and no comparison lives here: a case is inputs only, a record is
values only.
The referee's own answer and every mistake of the bank go through the same door, in the parent.
"""

import contextlib
import dis
import inspect
import io
from collections.abc import Sequence
from typing import Any

from course_lib.checks.judge.drivers import DRIVERS, AnswerError
from course_lib.checks.judge.values import Case, Record, encode


def observe(names: Sequence[str], answers: Sequence, cases: list[Case]) -> list[Record]:
    """Records of `answers` (one per name) on `cases`, in order, up to the first that raised.

    A record is {"parts": [[where, what, value], …]} and, if the answer raised, {"raised": {"type",
    "message", "line"}}. What the answer prints is thrown away.
    """
    blank = [name for name, answer in zip(names, answers) if _is_blank(answer)]
    if blank:
        return [
            {"parts": [], "raised": {"type": "NotImplementedError", "message": ", ".join(blank)}}
        ]
    records = []
    with contextlib.redirect_stdout(_Sink()):
        for case in cases:
            records.append(_record(answers, case))
            if "raised" in records[-1]:
                break
    return records


def _record(answers: Sequence, case: Case) -> Record:
    """What `answers` did on one case."""
    parts = []

    def note(where: str, what: str, value: object) -> None:
        parts.append([where, what, encode(value)])

    try:
        DRIVERS[case["driver"]](answers, case, note)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit too: whatever the answer raises is what it answered
        return {"parts": parts, "raised": describe(error)}
    return {"parts": parts}


def describe(error: BaseException) -> dict:
    """Type, message and, where it lies in the learner's code, the line that raised."""
    kind = "signature" if isinstance(error, AnswerError) else type(error).__name__[:100]
    message = str(error.msg if isinstance(error, SyntaxError) else error)
    return {"type": kind, "message": " ".join(message.split())[:500], "line": _line_of(error)}


def _line_of(error: BaseException) -> int | None:
    """Number of the innermost line of the learner's own code in the traceback, or None."""
    if isinstance(error, SyntaxError):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if _is_learners(trace.tb_frame.f_code.co_filename):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _is_learners(filename: str) -> bool:
    """True for `check_source`'s "<answer>", and for cells: they lie in ipykernel's own folder."""
    return (
        filename == "<answer>" or "ipykernel_" in filename or filename.startswith("<ipython-input")
    )


def _is_blank(answer: Any) -> bool:
    """True for `...`, also in a list, and for a function of `...`, `pass` or a docstring only."""
    if type(answer) in (list, tuple):
        return any(_is_blank(item) for item in answer)
    if answer is Ellipsis:
        return True
    code = getattr(answer, "__code__", None)
    return inspect.iscode(code) and all(
        step.opname in ("RESUME", "NOP", "RETURN_VALUE")
        or (step.opname in LOADS and step.argval is None)
        for step in dis.get_instructions(code)
    )


LOADS = ("LOAD_CONST", "RETURN_CONST", "LOAD_COMMON_CONSTANT")


class _Sink(io.TextIOBase):
    """Where prints go to be forgotten."""

    def write(self, text: str) -> int:
        return len(text)

"""Call an answer on the cases it is given and write down what came out. Runs where the learner's
code runs.

No expected value, no referee and no comparison lives here: a case is inputs only, a record is
values only.
The referee's own answer and every mistake of the bank go through the same door, in the parent.
"""

import contextlib
import dis
import inspect
import io

from course_lib.checks.judge.drivers import DRIVERS, AnswerError
from course_lib.checks.judge.values import encode


def observe(names, answers, cases):
    """Records of `answers` (one object per name) on `cases`, in order, ending with the first one
    that raised.

    A record is {"parts": [[where, what, value], …]} and, if the answer raised, {"raised": {"type",
    "message", "line"}}. What the answer prints is thrown away.
    """
    blank = [name for name, answer in zip(names, answers) if is_blank(answer)]
    if blank:
        return [
            {"parts": [], "raised": {"type": "NotImplementedError", "message": ", ".join(blank)}}
        ]
    records = []
    with contextlib.redirect_stdout(Sink()):
        for case in cases:
            records.append(record(answers, case))
            if "raised" in records[-1]:
                break
    return records


def record(answers, case):
    """What `answers` did on one case."""
    parts = []

    def note(where, what, value):
        parts.append([where, what, encode(value)])

    try:
        DRIVERS[case["driver"]](answers, case, note)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit too: whatever the answer raises is what it answered
        return {"parts": parts, "raised": describe(error)}
    return {"parts": parts}


def describe(error):
    """Type, message and, where it lies in the learner's code, the line that raised."""
    kind = "signature" if isinstance(error, AnswerError) else type(error).__name__[:100]
    message = str(error.msg if isinstance(error, SyntaxError) else error)
    return {"type": kind, "message": " ".join(message.split())[:500], "line": line_of(error)}


def line_of(error):
    """Number of the innermost line of the learner's own code in the traceback, or None."""
    if isinstance(error, SyntaxError):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if is_learners(trace.tb_frame.f_code.co_filename):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def is_learners(filename):
    """Code of `check_source` is compiled as "<answer>"; a notebook's cells lie in ipykernel's
    temporary folder.
    """
    return (
        filename == "<answer>" or "ipykernel_" in filename or filename.startswith("<ipython-input")
    )


def is_blank(answer):
    """True for `...`, also inside a list, and for a function whose body is `...`, `pass` or only a
    docstring.
    """
    if type(answer) in (list, tuple):
        return any(is_blank(item) for item in answer)
    if answer is Ellipsis:
        return True
    code = getattr(answer, "__code__", None)
    return inspect.iscode(code) and all(
        step.opname in ("RESUME", "NOP", "RETURN_VALUE")
        or (step.opname in LOADS and step.argval is None)
        for step in dis.get_instructions(code)
    )


LOADS = ("LOAD_CONST", "RETURN_CONST", "LOAD_COMMON_CONSTANT")


class Sink(io.TextIOBase):
    """Where prints go to be forgotten."""

    def write(self, text):
        return len(text)

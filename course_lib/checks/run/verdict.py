"""From what a run of answers left to a `Result` a task, in the learner's terms."""

import signal
import threading
import time
import unicodedata

from course_lib.checks.judge.report import NOT_YET, Result, broken, is_raised, judge
from course_lib.checks.run import pool, sandbox

# Judging sends prints aside for the whole process: one at a time.
JUDGING = threading.RLock()
WHOLE = "the whole notebook took too long"


class Step:
    """One answer to run and judge: its task, what is given before it, its source, its cases."""

    def __init__(self, name, task, source, given, seed):
        self.name, self.task, self.source, self.given = name, task, source, given
        with JUDGING:
            self.cases = task.draw(seed)

    def request(self, again):
        """As `worker` reads it; `again`: it is judged already, and others lean on its names."""
        return {
            **{"given": self.given, "source": self.source, "names": list(self.task.names)},
            **{"cases": [] if again else self.cases, "again": again},
        }


def results_of(setup, steps, *, step, seconds, memory_gib=pool.MEMORY_GIB, fork=sandbox.FORK):
    """{name: `Result`} of the steps, run in order in one process.

    One that ends the process, or takes longer than `step` seconds, is left out and the others are
    run again without it. `seconds`: for all of them.
    """
    deadline = time.monotonic() + seconds
    results, skip = {}, set()
    while len(results) < len(steps):
        requests = [each.request(each.name in results) for each in steps]
        left = max(0.1, deadline - time.monotonic())
        code, lines = pool.ask(
            setup, requests, skip, step=step, seconds=left, memory_gib=memory_gib, fork=fork
        )
        if problem := next((line["setup"] for line in lines if is_raised(line.get("setup"))), None):
            said = f"the exercise's own first cell failed: {problem['type']}: {problem['message']}"
            return _all(steps, results, "error", said)
        begun, done = _progress(lines, len(steps))
        for number, line in done.items():
            if steps[number].name not in results:
                results[steps[number].name] = _judged(steps[number], line)
        broke = next((number for number in begun if number not in done), None)
        if broke is None and len(results) < len(steps):
            # it ended between two answers, or before the first
            broke = next(n for n, each in enumerate(steps) if each.name not in results)
        if broke is not None:
            if code is None and time.monotonic() >= deadline:
                return _all(steps, results, "timeout", f"not reached: {WHOLE}")
            skip.add(broke)
            results.setdefault(steps[broke].name, _ended(steps[broke], code, step))
    return {each.name: _plain(results[each.name]) for each in steps}


def _all(steps, results, verdict, said):
    """The results there are; the same for every other step."""
    others = {each.name: Result(each.name, verdict, said) for each in steps}
    return {name: _plain(result) for name, result in {**others, **results}.items()}


def _progress(lines, count):
    """Numbers of the steps that began, in order, and {number: line} of those that ended."""
    numbered = [line for line in lines if type(line.get("step")) is int]
    numbered = [line for line in numbered if 0 <= line["step"] < count]
    begun = [line["step"] for line in numbered if line.get("begun") is True]
    ended = {"records", "missing", "raised", "again"}
    return begun, {line["step"]: line for line in numbered if ended & set(line)}


def _judged(step, line):
    if is_raised(line.get("raised")):
        return _elsewhere(broken(step.name, step.task, line["raised"]))
    if "missing" in line:
        return _missing(step, line)
    with JUDGING:
        return _elsewhere(judge(step.name, step.task, step.cases, line.get("records")))


def _elsewhere(result):
    """The `Result`; where it is about a file that is not there, with what an answer sees."""
    if result.verdict != "error" or "FileNotFoundError" not in result.message:
        return result
    said = f"{result.message} (while it is checked, an answer sees its own temporary folder only)"
    return Result(result.task, result.verdict, said)


def _missing(step, line):
    """Nothing at all was written, or what was written has another name."""
    found = [str(each) for each in line["found"]] if type(line.get("found")) is list else []
    if not found:
        return Result(step.name, "unanswered", NOT_YET)
    wanted = " and ".join(f"`{each}`" for each in step.task.names)
    said = f"the check looks for {wanted}; the answer defines {', '.join(found[:5])}"
    return Result(step.name, "error", said)


def _ended(step, code, seconds):
    """The `Result` of an answer whose process ended, or was ended. No answer is never a pass."""
    if code is None:
        said = f"no result after {seconds:g} s: an endless loop?"
        if "torch.compile" in step.source:
            said = f"no result after {seconds:g} s: torch.compile takes long, hand in plain code"
        return Result(step.name, "timeout", said)
    return Result(step.name, "error", ended(code))


def ended(code):
    """How the learner's process ended itself, in words."""
    if code == sandbox.DAMAGED:
        return (
            "no result came back: the code has damaged the Python it runs in (replaced builtins "
            "or modules?)"
        )
    if code >= 0:
        return f"the code ended its own process (exit code {code}): return the result instead"
    if -code == signal.SIGSEGV:
        return "the code crashed Python (segmentation fault)"
    return f"the code ended its own process ({signal.Signals(-code).name})"


def _plain(result):
    return Result(result.task, result.verdict, plain(result.message))


def plain(text):
    """`text` without the characters that steer a terminal or turn the direction of writing."""
    return "".join(
        " " if char in "\t\n\r" else char
        for char in str(text)
        if char in "\t\n\r" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )

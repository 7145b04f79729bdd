"""The verdict: an answer's records against the referee's, and what to tell the learner in one line.

The instant check, `check_source` and `course check` all end in `judge`; the last two in a process
whose torch is sound.
"""

from dataclasses import dataclass

from course_lib.checks.judge.compare import differ, kind, show
from course_lib.checks.judge.drivers import INPUT
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.values import is_encoded

SIGNS = {"passed": "✓", "unanswered": "○"}
NOT_YET = "not implemented yet"


@dataclass(frozen=True)
class Result:
    """What a check came to; `verdict` is passed, failed, error, timeout or unanswered.

    Truthy when passed.
    """

    task: str
    verdict: str
    message: str

    def __bool__(self):
        return self.verdict == "passed"

    @property
    def answered(self):
        """False while the answer is still the blank template."""
        return self.verdict != "unanswered"

    @property
    def line(self):
        """The one line a learner sees: `✓ T1 …`, `○ T1 not implemented yet`, `✗ T1 …`."""
        return f"{SIGNS.get(self.verdict, '✗')} {self.task.rpartition('/')[2]} {self.message}"

    def as_dict(self):
        return {"task": self.task, "verdict": self.verdict, "message": self.message}

    def _ipython_display_(self):
        """As the last value of a notebook cell it shows nothing: `check` has printed the line
        already.
        """


@dataclass(frozen=True)
class Difference:
    """The first place where an answer parts from the referee: in `part` (where, what) of case
    number `index`.
    """

    index: int
    case: dict
    part: tuple[str, str]
    text: str

    def __str__(self):
        where, what = self.part
        place = ", ".join(filter(None, (where, what)))
        return f"case “{self.case['name']}”{', ' if place else ''}{place}: {self.text}{inputs(self.case, where)}"


def judge(name, task, cases, records):
    """The `Result` of the answer to `task`, called `name`, that left these `records` on `cases`."""
    if not well_formed(records):
        return Result(
            name,
            "error",
            "no values came back: does the answer replace functions of Python or torch?",
        )
    raised = next((record["raised"] for record in records if "raised" in record), None)
    if raised and is_blank(raised) and not any(record["parts"] for record in records):
        return broken(name, task, raised)
    expected = task.expect(cases)
    found = first_difference(task, cases, records, expected)
    if found is None:
        return Result(name, "passed", task.praise.format(cases=len(cases)))
    if found.part == RAISED:
        return broken(name, task, raised, f" (case “{found.case['name']}”)")
    hint = recognise(task, cases, records, found)
    return Result(name, "failed", f"{hint} — {found}" if hint else str(found))


def broken(name, task, raised, place=""):
    """The `Result` of an answer that raised instead of answering."""
    if is_blank(raised) and not place:
        return Result(name, "unanswered", not_yet(raised["message"], task))
    return Result(name, "error", explain(raised) + place)


def is_blank(raised):
    return raised["type"] == "NotImplementedError"


RAISED = ("", "raised")  # the part in which a case ends that raised


def first_difference(task, cases, records, expected):
    """The first `Difference` between two lists of records, or None."""
    for index, (case, want) in enumerate(zip(cases, expected)):
        got = records[index] if index < len(records) else {"parts": []}
        if found := differ_in_record(task, got, want):
            return Difference(index, case, *found)
    return None


def differ_in_record(task, got, want):
    """((where, what), text) of the first difference within one case, or None."""
    for (where, what, value), (right_where, right_what, right) in zip(got["parts"], want["parts"]):
        if (where, what) != (right_where, right_what):
            return (where, what), f"expected {right_what} here"
        if text := differ(value, right, task.tolerance):
            if what.startswith(INPUT):
                text = f"`{what.removeprefix(INPUT)}` was changed in place: compute something new, leave the input alone"
            return (where, what), text if value is None else task.notes.get(what, text)
    if "raised" in got:
        return RAISED, ""
    if len(got["parts"]) != len(want["parts"]):
        extra = got["parts"][len(want["parts"]) :]
        return tuple(extra[0][:2]) if extra else (
            "",
            "",
        ), "should not be there" if extra else "no result came back"
    return None


def recognise(task, cases, records, found):
    """The hint of the one mistake that gives the same result on all cases, else on the first case
    that is wrong.
    """
    bank = [(mistake, observe(task.names, mistake.answers, cases)) for mistake in task.mistakes]
    everywhere = [m for m, given in bank if first_difference(task, cases, records, given) is None]
    if everywhere:
        return everywhere[0].hint
    got = records[found.index]
    here = [
        m
        for m, given in bank
        if found.index < len(given) and differ_in_record(task, got, given[found.index]) is None
    ]
    return here[0].hint if len(here) == 1 else ""


def inputs(case, where):
    """What the answer was given there, short: arguments by name; for an update its first numbers
    too.
    """
    pairs = [*zip(case.get("arguments", ()), case.get("args", {"list": ()})["list"])]
    pairs += case.get("kwargs", NOTHING)["dict"] + case.get("hyper", NOTHING)["dict"]
    if where == "step 1":
        pairs = [
            ("param", case["params"]["list"][0]),
            ("grad", case["grads"]["list"][0]["list"][0]),
            *pairs,
        ]
    shown = ", ".join(f"{name} = {show(value)}" for name, value in pairs if kind(value) != "a dict")
    return f" ({shown})" if shown else ""


NOTHING = {"dict": []}


def not_yet(message, task):
    """The words "not implemented yet", and which names are open where the task asks for several."""
    names = [name for name in message.split(", ") if name in task.names]
    return f"{NOT_YET}: {', '.join(names)}" if len(task.names) > 1 and names else NOT_YET


def explain(raised):
    """What the learner's code raised, in the learner's terms."""
    name, message, line = raised["type"], raised["message"], raised.get("line")
    place = f"line {line}: " if line else ""
    if name in ("SyntaxError", "IndentationError", "TabError"):
        return f"{place}not valid Python: {message}"
    if name == "signature":
        return f"the function cannot be called as the task calls it: {message}"
    if name == "ModuleNotFoundError" and "course_lib" in message:
        return f"{place}course_lib's functions are not there while an answer is checked: write your own"
    if "allocate memory" in message or name == "MemoryError":
        return f"{place}more memory was asked for than a check may use"
    return place + KNOWN.get(name, "{name}: {message}").format(name=name, message=message)


KNOWN = {
    "SystemExit": "the code ended itself (sys.exit or exit): return the result instead",
    "RecursionError": "endless recursion: the function calls itself and never stops",
    "EOFError": "the code asks for input(): nobody can type while it is checked",
    "StdinNotImplementedError": "the code asks for input(): nobody can type while it is checked",
    "PermissionError": "{message}: while it is checked, an answer may write into its own temporary folder only",
}


def well_formed(records):
    """True if `records` look as `observe` writes them; they come from a process that the answer had
    to itself.
    """
    return type(records) is list and all(map(is_record, records))


def is_record(record):
    return (
        type(record) is dict
        and type(record.get("parts")) is list
        and all(map(is_part, record["parts"]))
        and ("raised" not in record or is_raised(record["raised"]))
    )


def is_part(part):
    return (
        type(part) is list
        and len(part) == 3
        and type(part[0]) is type(part[1]) is str
        and is_encoded(part[2])
    )


def is_raised(raised):
    return type(raised) is dict and type(raised.get("type")) is type(raised.get("message")) is str

"""The verdict: an answer's records against the referee's, and what to tell the learner in one line.

The instant check, `check_source` and `course check` all end in `judge`; the last two in a process
whose torch is sound.
"""

from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from course_lib.checks.judge.compare import differ, kind, show
from course_lib.checks.judge.drivers import INPUT
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.task import Task, all_tasks
from course_lib.checks.judge.values import Case, Record, is_encoded

SIGNS = {"passed": "✓", "unanswered": "○"}
NOT_YET = "not implemented yet"
Part: TypeAlias = tuple[str, str]  # (where, what) of a record


@dataclass(frozen=True)
class Result:
    """What a check came to; `verdict` is passed, failed, error, timeout or unanswered.

    Truthy when passed.
    """

    task: str
    verdict: str
    message: str

    def __bool__(self) -> bool:
        return self.verdict == "passed"

    @property
    def answered(self) -> bool:
        """False while the answer is still the blank template."""
        return self.verdict != "unanswered"

    @property
    def line(self) -> str:
        """The one line a learner sees: `✓ T1 …`, `○ T1 not implemented yet`, `✗ T1 …`.

        A `✗` ends with where to go next.
        """
        known = self.verdict in SIGNS or self.task not in all_tasks()
        sign, name = SIGNS.get(self.verdict, "✗"), self.task.rpartition("/")[2]
        return f"{sign} {name} {self.message}{'' if known else next_step(self.task)}"

    def as_dict(self) -> dict[str, str]:
        """Task, verdict and message by name."""
        return {"task": self.task, "verdict": self.verdict, "message": self.message}

    def _ipython_display_(self) -> None:
        """Show nothing as the last value of a cell: `check` has printed the line already."""


@dataclass(frozen=True)
class Difference:
    """The first place where an answer parts from the referee: in `part` of case `index`."""

    index: int
    case: Case
    part: Part
    text: str

    def __str__(self) -> str:
        where, what = self.part
        name = ", ".join(filter(None, (f"case “{self.case['name']}”", where, what)))
        return f"{name}: {self.text}{_inputs(self.case, where)}"


def judge(name: str, task: Task, cases: list[Case], records: object) -> Result:
    """The `Result` of the answer to `task`, called `name`, that left these `records` on `cases`."""
    if not _well_formed(records):
        return Result(
            name,
            "error",
            "no values came back: does the answer replace functions of Python or torch?",
        )
    raised = next((record["raised"] for record in records if "raised" in record), None)
    if raised and _is_blank(raised) and not any(record["parts"] for record in records):
        return broken(name, task, raised)
    expected = task.expect(cases)
    if any("raised" in record for record in expected):
        raise RuntimeError(f"the referee of {name} raised: {expected[-1]['raised']}")
    found = _first_difference(task, cases, records, expected)
    if found is None:
        return Result(name, "passed", task.praise.format(cases=len(cases)))
    if raised and found.part == RAISED:
        return broken(name, task, raised, f" (case “{found.case['name']}”)")
    hint = _recognise(task, cases, records, expected, found)
    said = f"{hint} — {found}" if hint else f"{found}. {_by_hand(found)}"
    return Result(name, "failed", said)


def next_step(name: str) -> str:
    """Where to go from a verdict on the task `name` that is not ✓: how every ✗ ends."""
    return f" · next: `course hint {name.replace('/', ' ')}`"


def _by_hand(found: Difference) -> str:
    """What to try where no slip is known that does the same."""
    if found.case["driver"] == "values":
        return "Look once more at this one"
    if found.index == 0:
        return "It is the simplest case: work it by hand beside your code"
    return (
        f"The simpler cases before it, {found.index} of them, are right: what is new in this one?"
    )


def broken(name: str, task: Task, raised: dict, place: str = "") -> Result:
    """The `Result` of an answer that raised instead of answering."""
    if _is_blank(raised) and not place:
        return Result(name, "unanswered", _not_yet(raised["message"], task))
    return Result(name, "error", _explain(raised) + place)


def _is_blank(raised: dict) -> bool:
    return raised["type"] == "NotImplementedError"


RAISED = ("", "raised")  # the part in which a case ends that raised


def _first_difference(
    task: Task, cases: list[Case], records: list[Record], expected: list[Record]
) -> Difference | None:
    """The first `Difference` between two lists of records, or None."""
    for index, (case, want) in enumerate(zip(cases, expected)):
        got = records[index] if index < len(records) else {"parts": []}
        if found := _differ_in_record(task, got, want):
            return Difference(index, case, *found)
    return None


def _differ_in_record(task: Task, got: Record, want: Record) -> tuple[Part, str] | None:
    """((where, what), text) of the first difference within one case, or None."""
    for (where, what, value), (right_where, right_what, right) in zip(got["parts"], want["parts"]):
        if (where, what) != (right_where, right_what):
            return (where, what), f"expected {right_what} here"
        if text := differ(value, right, task.tolerance):
            if what.startswith(INPUT):
                text = CHANGED.format(what.removeprefix(INPUT))
            return (where, what), text if value is None else task.notes.get(what, text)
    if "raised" in got:  # only a mistake raises as well, as it should then
        same = got["raised"]["type"] == want.get("raised", {}).get("type")
        return None if same and len(got["parts"]) == len(want["parts"]) else (RAISED, "")
    if "raised" in want:
        return RAISED, "no error here"
    if len(got["parts"]) > len(want["parts"]):
        where, what, _ = got["parts"][len(want["parts"])]
        return (where, what), "should not be there"
    return (("", ""), "no result came back") if len(got["parts"]) < len(want["parts"]) else None


CHANGED = "`{}` was changed in place: compute something new, leave the input alone"


def _recognise(
    task: Task, cases: list[Case], records: list[Record], expected: list[Record], found: Difference
) -> str:
    """The hint of the one mistake that gives the same on all cases.

    Else, where slips came together, of the only one that gives the same as far as the first wrong
    case and does not err where the answer is right.
    """
    here = []
    for mistake in task.mistakes:
        given = observe(task.names, mistake.answers, cases[: found.index + 1])
        if len(given) <= found.index or _first_difference(
            task, cases[: found.index + 1], records, given
        ):
            continue
        given += observe(task.names, mistake.answers, cases[found.index + 1 :])
        if _first_difference(task, cases, records, given) is None:
            return mistake.hint
        if not _is_refuted(task, records, given, expected):
            here.append(mistake)
    return AS_IF + here[0].hint if len(here) == 1 and _says_much(records, found) else ""


def _says_much(records: list[Record], found: Difference) -> bool:
    """False for a truth value or a word, which many slips have in common."""
    what = found.part
    value = next(
        (v for where, name, v in records[found.index]["parts"] if (where, name) == what), 0
    )
    return found.case["driver"] == "values" or not isinstance(value, (bool, str))


AS_IF = "in this case it looks like one of several slips: "


def _is_refuted(
    task: Task, records: list[Record], given: list[Record], expected: list[Record]
) -> bool:
    """True if the answer is right in a case in which the mistake would show."""
    return any(
        _differ_in_record(task, slip, want) and not _differ_in_record(task, got, want)
        for got, slip, want in zip(records, given, expected)
    )


def _inputs(case: Case, where: str) -> str:
    """What the answer was given there: arguments by name; for an update its first numbers too."""
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


NOTHING: dict[str, list] = {"dict": []}


def _not_yet(message: str, task: Task) -> str:
    """The words "not implemented yet", and which names are open where the task asks for several."""
    names = [name for name in message.split(", ") if name in task.names]
    return f"{NOT_YET}: {', '.join(names)}" if len(task.names) > 1 and names else NOT_YET


def _explain(raised: dict) -> str:
    """What the learner's code raised, in the learner's terms."""
    name, message, line = raised["type"], raised["message"], raised.get("line")
    place = f"line {line}: " if line else ""
    if name in ("SyntaxError", "IndentationError", "TabError"):
        return f"{place}not valid Python: {message}"
    if name == "signature":
        return f"the function cannot be called as the task calls it: {message}"
    if name == "ModuleNotFoundError" and "course_lib" in message:
        return (
            f"{place}course_lib's functions are not there while an answer is checked: write your "
            "own"
        )
    if "allocate memory" in message or name == "MemoryError":
        return f"{place}more memory was asked for than a check may use"
    return place + KNOWN.get(name, "{name}: {message}").format(name=name, message=message)


KNOWN = {
    "SystemExit": "the code ended itself (sys.exit or exit): return the result instead",
    "RecursionError": "endless recursion: the function calls itself and never stops",
    "EOFError": "the code asks for input(): nobody can type while it is checked",
    "StdinNotImplementedError": "the code asks for input(): nobody can type while it is checked",
    "PermissionError": (
        "{message}: while it is checked, an answer may write into its own temporary folder only"
    ),
}


def _well_formed(records: object) -> TypeGuard[list[Record]]:
    """True if `records` look as `observe` writes them: the answer had that process to itself."""
    return type(records) is list and all(map(_is_record, records))


def _is_record(record: object) -> bool:
    return (
        type(record) is dict
        and type(record.get("parts")) is list
        and all(map(_is_part, record["parts"]))
        and ("raised" not in record or is_raised(record["raised"]))
    )


def _is_part(part: object) -> bool:
    return (
        type(part) is list
        and len(part) == 3
        and type(part[0]) is type(part[1]) is str
        and is_encoded(part[2])
    )


def is_raised(raised: object) -> TypeGuard[dict]:
    """True if `raised` looks as `describe` of `observe` writes it."""
    return type(raised) is dict and type(raised.get("type")) is type(raised.get("message")) is str

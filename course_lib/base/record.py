"""What a cell found, asked or judged, as one record: data, a card and plain text in one bundle.

A claim, a prediction, what came out of it, a quiz, a check and the machine's report each emit one.
Ledger, teaching notes and tests read the record back from an executed notebook; the card and the
text are for people.
"""

from __future__ import annotations  # an older Python gets as far as the sentence that names it

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from course_lib.base.figures import interval_words, number
from course_lib.base.shell import shell

MIME = "application/vnd.course.record+json"
KINDS = ("claim", "predict", "reveal", "quiz", "check", "machine")
# What fresh seeds made of a measured claim: see `records.standing`.
CONFIRMED, REVERSED, NOT_CONFIRMED = "confirmed", "reversed", "not confirmed"
BY_FRESH, OPEN, STALE = "decided by fresh seeds only", "open", "not yet replicated"
STATUSES = (CONFIRMED, REVERSED, NOT_CONFIRMED, BY_FRESH, OPEN, STALE)


class Bar(NamedTuple):
    """An interval as it is drawn; `name` is empty where there is one alone."""

    name: str
    mean: float
    low: float
    high: float


class Ask(NamedTuple):
    """What a claim asks: that the interval called `name` lies between `low` and `high`.

    `name` is empty where there is one interval alone.
    """

    name: str
    low: float
    high: float


class Finding(NamedTuple):
    """One thing that was looked at. ``mend``: the command that mends it, "" where all is well."""

    what: str
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Record:
    """What a cell has to say, once; what does not apply to its `kind` is empty.

    `kind`: one of `KINDS`. `text`: the sentence judged, the question asked, what a check remarks.
    `id`: a claim's, a prediction's key, a question's name, a task ("03/T1"). `basis`: of a claim
    "exact", "measured", "checked" or "timed". `status`: of a measured one what fresh seeds made of
    it (`records.standing`), `fresh` their intervals. `rests`: the claims that an answer leans on.
    `verdict`: of a claim "holds", "does not hold" or "inconclusive"; of a check passed, failed, …;
    of a prediction the option that came out, "" if it is undecided, and `said` what was predicted.
    `figure`: what was measured, as text; `bars`: its intervals, at `level`, the first of `n` values
    (0: not known); `detectable`: see `statistics.Interval`; `asked`: what is asked of the figure,
    in words; `bounds`: the numbers that it was compared with. Intervals and bounds are as measured;
    people are shown them `times` as large, in a `unit`. `because`: why, in a sentence.
    """

    kind: str
    text: str
    id: str = ""
    basis: str = ""
    verdict: str = ""
    status: str = ""
    figure: str = ""
    bars: tuple[Bar, ...] = ()
    fresh: tuple[Bar, ...] = ()
    bounds: tuple[float, ...] = ()
    level: float = 0.0
    n: int = 0
    detectable: float | None = None
    asked: str = ""
    unit: str = ""
    times: float = 1
    options: tuple[str, ...] = ()
    rests: tuple[str, ...] = ()
    said: str = ""
    because: str = ""
    findings: tuple[Finding, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """What is emitted: plain data without what is empty."""
        empty = {"times": 1}
        return {
            name: value
            for name, value in asdict(self).items()
            if name == "text" or value and value != empty.get(name)
        }

    def shown(self, bar: Bar) -> str:
        """An interval of this record as people are shown it."""
        return enlarged(bar, self.bounds, self.times)

    def fresh_figure(self) -> str:
        """What fresh seeds measured, as text."""
        said = (f"{bar.name} {self.shown(bar)}".strip() for bar in self.fresh)
        return f"{', '.join(said)} {self.unit}".strip()

    def blind_below(self) -> str:
        """What an inconclusive interval would probably have told, as words."""
        return blind_below(self.times * (self.detectable or 0), self.unit)


def read(data: Mapping[str, Any]) -> Record:
    """The record that `as_data` gave, read from a notebook.

    Raises ValueError for a kind or a part that no record has.
    """
    if data.get("kind") not in KINDS:
        raise ValueError(f"kind = {data.get('kind')!r}: must be one of {', '.join(KINDS)}")
    unknown = set(data) - set(Record.__dataclass_fields__)
    if unknown:
        raise ValueError(f"a record has no {', '.join(sorted(unknown))}")
    typed: dict[str, Callable[[Any], Any]] = {
        "bars": lambda bars: tuple(Bar(*bar) for bar in bars),
        "fresh": lambda bars: tuple(Bar(*bar) for bar in bars),
        "findings": lambda findings: tuple(Finding(*finding) for finding in findings),
        "bounds": tuple,
        "options": tuple,
        "rests": tuple,
    }
    return Record(**{name: typed.get(name, _as_it_is)(value) for name, value in data.items()})


def _as_it_is(value: Any) -> Any:
    return value


def records(outputs: Iterable[Mapping[str, Any]], *kinds: str) -> list[Record]:
    """The records among a cell's outputs, all or those of the kinds named, in their order."""
    emitted = (output.get("data", {}).get(MIME) for output in outputs)
    found = [read(data) for data in emitted if data]
    return [record for record in found if not kinds or record.kind in kinds]


def enlarged(found: Any, bounds: Sequence[float], times: float) -> str:
    """A `Bar` or an interval, said `times` as large beside its `bounds`."""
    mean, low, high, *apart = (times * it for it in (found.mean, found.low, found.high, *bounds))
    return interval_words(mean, low, high, apart)


def rounded(value: float, digits: int) -> str:
    """A number with so many digits that count, written out: 120, not 1.2e+02."""
    return number(float(f"{value:.{digits}g}"))


def blind_below(distance: float, unit: str = "") -> str:
    """What an inconclusive interval would probably have told, as words."""
    unit = {"%": "points", "times": ""}.get(unit, unit)  # of a distance
    apart = f"{rounded(distance, 2)} {unit}".strip()
    return f"to be seen four times in five the truth would have to lie {apart} from the bound"


def show(bundle: Mapping[str, Any]) -> None:
    """Show a MIME bundle in a notebook; elsewhere print its plain text."""
    if shell() is None:
        print(bundle["text/plain"])
    else:
        from IPython.display import display

        display(dict(bundle), raw=True)

"""Claims: a sentence of the text is judged by the figure it is about."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course_lib.base.card import bundle
from course_lib.base.figures import bound_words
from course_lib.base.record import (
    BY_FRESH,
    CONFIRMED,
    NOT_CONFIRMED,
    OPEN,
    REVERSED,
    STALE,
    Ask,
    Bar,
    Record,
    enlarged,
    show,
)

if TYPE_CHECKING:  # importing the helpers is light: torch comes with the lesson's own imports
    from course_lib.records.measurement import Measurement
    from course_lib.statistics import Interval

ledger: list[Record] = []  # of this session, in the order in which they were made
measurements: list["Measurement"] = []  # what a record can be made of: those with an id
KINDS = ("exact", "measured", "checked", "timed")


def claim(
    sentence: str,
    measured: Any,
    holds: Callable[[Any], Any],
    kind: str = "exact",
    *,
    id: str = "",
    unit: str = "",
    times: float = 1,
    false_alarm: float | None = None,
) -> None:
    """Judge a `sentence` by the figure it is about, show the verdict, enter it in the `ledger`.

    `holds(measured)` → True, False, or None for inconclusive. kind:
    - "exact": an identity; it must hold, else `AssertionError`;
    - "measured": an `Interval`, alone or some by name, asked whether it lies `between` bounds (of
      several `base.verdicts.all_hold` tells); any verdict may come out. With it stands what fresh
      seeds said (`course replicate`), under `id`, which a claim keeps when it is reworded or moved;
    - "checked": a simulation or a spot check; any verdict may come out, and where all is right it
      fails with probability `false_alarm`, if that is known;
    - "timed": measured, but of this machine: nothing that seeds could confirm.
    Of an inconclusive interval the effect that it would probably have shown is said with it: what
    as many values with this spread tell from a bound four times in five. An interval and its bound
    are shown `times` as large, with their `unit`: `times=100, unit="points"` for a rate of errors.
    What is asked and recorded stays as it was measured.
    """
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}: must be one of {', '.join(map(repr, KINDS))}")
    if false_alarm is not None and not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm = {false_alarm!r}: must be a probability in (0, 1)")
    asks: list[Ask] = []
    found = holds(_watched(measured, asks))
    if times != 1 and not asks:
        raise ValueError(f"times = {times!r}: only intervals are shown larger than measured")
    bounds = tuple(sorted({end for ask in asks for end in ask[1:] if math.isfinite(end)}))
    record = Record(
        kind="claim",
        text=sentence,
        id=id,
        basis=kind,
        verdict="inconclusive" if found is None else "holds" if found else "does not hold",
        figure=_figure(measured, times, unit, bounds),
        detectable=_detectable(measured),
        bounds=bounds,
        asked=_asked(asks, times, unit) or getattr(holds, "said", getattr(holds, "__name__", "")),
        unit=unit,
        times=times,
        **_intervals(measured),
    )
    notes = []
    if kind == "measured" and id:
        record, said = _with_standing(record, measured, asks)
        notes += [said]
    ledger.append(record)
    if kind == "exact" and not found:
        raise AssertionError(
            f"This should hold exactly and does not: {sentence}\n  measured: {record.figure}"
        )
    if found is None and record.detectable is not None:
        notes.append(record.blind_below())
    if false_alarm is not None:
        notes.append(f"where all is right this fails once in {1 / false_alarm:.0f} times")
    judged = " · ".join(filter(None, (_BASES[kind], record.verdict, record.status)))
    measured_said = f"measured: {record.figure}"
    if record.fresh:
        measured_said += f"; on fresh seeds: {record.fresh_figure()}"
    lines = [f"{judged}: {sentence}", measured_said, *notes]
    show(bundle(record, "\n  ".join(filter(None, lines)), filter(None, notes)))


_BASES = {
    "exact": "Exact",
    "measured": "Measured",
    "checked": "Checked",
    "timed": "Of this machine",
}


def _with_standing(record: Record, measured: Any, asks: Sequence[Ask]) -> tuple[Record, str]:
    """A record with what fresh seeds said to its claim, and that as a sentence.

    Raises ValueError where the verdict is not that of intervals asked for bounds: nobody could ask
    fresh seeds the same.
    """
    from course_lib.records import standing
    from course_lib.records.measurement import Measurement, verdict

    intervals = _named(measured)
    here = Measurement(
        record.id,
        record.verdict,
        record.figure,
        tuple(dict.fromkeys(asks)),
        {name: it.sample for name, it in intervals.items() if it.sample},
    )
    told = verdict(here.asks, intervals) == record.verdict
    if measured is not None and not (told and len(here.samples) == len(intervals)):
        raise ValueError(
            f"claim {record.id!r}: `measured` must be an interval, or some by name, and `holds` "
            "ask each whether it lies `between` bounds; what is judged otherwise is "
            'kind="checked"'
        )
    measurements.append(here)
    known = standing.recorded().get(record.id)
    if known is None or not known.complete or not standing.like(here.asks, intervals, known.pilot):
        return replace(record, status=STALE), "fresh seeds have not judged this yet"
    bars = tuple(Bar(name, it.mean, it.low, it.high) for name, it in known.pooled().items())
    status = known.status()
    return replace(record, status=status, fresh=bars), _SAID[status].format(known.verdict())


_SAID = {
    CONFIRMED: "",
    REVERSED: "fresh seeds say the opposite",
    NOT_CONFIRMED: "fresh seeds leave it open, so it is not shown",
    BY_FRESH: "undecided here; on fresh seeds, which are more, it {}",
    OPEN: "undecided here and on fresh seeds: an interval lies across its bound",
}


def _detectable(measured: Any) -> float | None:
    """What the interval would probably have told; None where nobody worked it out."""
    detectable = getattr(measured, "detectable", math.nan)
    return None if math.isnan(detectable) else detectable


def _is_interval(measured: Any) -> bool:
    return hasattr(measured, "half_width")


def _watched(measured: Any, asks: list[Ask], name: str = "") -> Any:
    """Intervals, alone or by name, that note what they are asked."""
    if isinstance(measured, dict):
        return type(measured)((key, _watched(it, asks, str(key))) for key, it in measured.items())
    if not _is_interval(measured):
        return measured

    class Watched(type(measured)):  # type: ignore[misc]  # an interval in every other way
        def between(self, low: float = -math.inf, high: float = math.inf) -> bool | None:
            asks.append(Ask(name, float(low), float(high)))
            return super().between(low, high)

        def excludes(self, value: float) -> bool:
            asks.append(Ask(name, float(value), float(value)))
            return super().excludes(value)

    return Watched(*measured)


def _named(measured: Any) -> dict[str, "Interval"]:
    """The intervals measured, one or some by name; none where not all are intervals."""
    named = measured if isinstance(measured, dict) else {"": measured}
    found = {str(name): it for name, it in named.items() if _is_interval(it)}
    return found if len(found) == len(named) else {}


def _intervals(measured: Any) -> dict[str, Any]:
    """What a record says of the intervals measured."""
    found = _named(measured)
    if not found:
        return {}
    bars = tuple(Bar(name, it.mean, it.low, it.high) for name, it in found.items())
    if not all(math.isfinite(end) for bar in bars for end in bar[1:]):
        return {}  # an infinite ratio has no place on a scale
    first = next(iter(found.values()))
    return {"bars": bars, "level": first.level, "n": first.n}


def _asked(asks: Sequence[Ask], times: float, unit: str) -> str:
    """What intervals are asked, in words; "" where none is asked."""
    said = {ask.name: bound_words(times * ask.low, times * ask.high, unit) for ask in asks}
    if len(set(said.values())) == 1:  # the same of all
        return next(iter(said.values()))
    return ", ".join(f"{name} {words}".strip() for name, words in said.items())


def _figure(measured: Any, times: float = 1, unit: str = "", bounds: Sequence[float] = ()) -> str:
    """A figure as text: four digits, of an interval those it knows; lists of figures included."""
    if _is_interval(measured):
        return f"{enlarged(measured, bounds, times)} {unit}".strip()
    if hasattr(measured, "tolist"):
        measured = measured.tolist()
    if isinstance(measured, dict):
        each = {key: _figure(value, times, unit, bounds) for key, value in measured.items()}
        return ", ".join(f"{key} {said}" for key, said in each.items())
    if isinstance(measured, (list, tuple)):
        shown = [_figure(value) for value in measured[:12]]
        said = f"[{', '.join(shown)}{', …' if len(measured) > 12 else ''}]"
    else:
        said = f"{measured:.4g}" if isinstance(measured, float) else str(measured)
    return f"{said} {unit}".strip()

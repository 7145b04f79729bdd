"""Claims: a sentence of the text is judged by the figure it is about."""

import ast
import linecache
import math
from collections.abc import Callable
from types import CodeType
from typing import Any

from course_lib.base.card import bundle
from course_lib.base.record import Bar, Record, blind_below, show

ledger: list[Record] = []  # of this session, in the order in which they were made


def claim(sentence: str, measured: Any, holds: Callable[[Any], Any], kind: str = "exact") -> None:
    """Judge a `sentence` by the figure it is about, show the verdict, enter it in the `ledger`.

    `holds(measured)` → True, False, or None for inconclusive. kind "exact": it must hold, else
    `AssertionError`; kind "measured": any verdict may come out. Of an inconclusive interval the
    effect that it would probably have shown is said with it: what as many values with this spread
    tell from a bound four times in five.
    """
    if kind not in ("exact", "measured"):
        raise ValueError(f"kind = {kind!r}: must be 'exact' or 'measured'")
    bounds: list[float] = []
    verdict = holds(_watched(measured, bounds))
    record = Record(
        kind="claim",
        text=sentence,
        basis=kind,
        verdict="inconclusive" if verdict is None else "holds" if verdict else "does not hold",
        figure=_figure(measured),
        detectable=_detectable(measured),
        bounds=tuple(sorted(set(bounds))),
        asked=_source(holds),
        **_intervals(measured),
    )
    ledger.append(record)
    if kind == "exact" and not verdict:
        raise AssertionError(
            f"This should hold exactly and does not: {sentence}\n  measured: {record.figure}"
        )
    notes = []
    if verdict is None and record.detectable is not None:
        notes = [blind_below(record.detectable)]
    said = " ".join([record.verdict, *(f"({note})" for note in notes)])
    plain = f"{kind.capitalize()} · {said}: {sentence}\n  measured: {record.figure}"
    show(bundle(record, plain, notes))


def _detectable(measured: Any) -> float | None:
    """What the interval would probably have told; None where nobody worked it out."""
    detectable = getattr(measured, "detectable", math.nan)
    return None if math.isnan(detectable) else detectable


def _is_interval(measured: Any) -> bool:
    return hasattr(measured, "half_width")


def _watched(measured: Any, bounds: list[float]) -> Any:
    """Intervals, alone or by name, that note the finite bounds they are compared with."""
    if isinstance(measured, dict):
        return type(measured)((name, _watched(it, bounds)) for name, it in measured.items())
    if not _is_interval(measured):
        return measured

    class Watched(type(measured)):  # type: ignore[misc]  # an interval in every other way
        def between(self, low: float = -math.inf, high: float = math.inf) -> bool | None:
            bounds.extend(float(bound) for bound in (low, high) if math.isfinite(bound))
            return super().between(low, high)

        def excludes(self, value: float) -> bool:
            bounds.append(float(value))
            return super().excludes(value)

    return Watched(*measured)


def _intervals(measured: Any) -> dict[str, Any]:
    """What a record says of the intervals measured: one, or some by name."""
    named = measured if isinstance(measured, dict) else {"": measured}
    found = {str(name): it for name, it in named.items() if _is_interval(it)}
    if not found or len(found) < len(named):
        return {}
    bars = tuple(Bar(name, it.mean, it.low, it.high) for name, it in found.items())
    if not all(math.isfinite(end) for bar in bars for end in bar[1:]):
        return {}  # an infinite ratio has no place on a scale
    first = next(iter(found.values()))
    return {"bars": bars, "level": first.level, "n": first.n}


def _source(holds: Callable[[Any], Any]) -> str:
    """What is asked of a figure, as it is written: a lambda's body, or a function's name."""
    code = getattr(holds, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return getattr(holds, "__name__", "")
    source = "".join(linecache.getlines(code.co_filename))
    written = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Lambda))
    here = [node for node in written if node.lineno == code.co_firstlineno]
    # Of several on one line that which does the same; what it closes over may stand in its way.
    found = max(here, key=lambda node: _likeness(_compiled(node), code), default=None)
    return " ".join((found and ast.get_source_segment(source, found.body) or "").split())


def _likeness(one: CodeType, other: CodeType) -> tuple[bool, bool]:
    return one.co_consts == other.co_consts, one.co_code == other.co_code


def _compiled(node: ast.Lambda) -> CodeType:
    """The code of a lambda by itself."""
    whole = compile(ast.Expression(node), "", "eval")
    return next(it for it in whole.co_consts if isinstance(it, CodeType))


def _figure(measured: Any) -> str:
    """A figure as text: four digits, intervals and lists of figures included."""
    if _is_interval(measured):
        return str(measured)
    if hasattr(measured, "tolist"):
        measured = measured.tolist()
    if isinstance(measured, dict):
        return ", ".join(f"{key} {_figure(value)}" for key, value in measured.items())
    if isinstance(measured, (list, tuple)):
        shown = [_figure(value) for value in measured[:12]]
        return f"[{', '.join(shown)}{', …' if len(measured) > 12 else ''}]"
    return f"{measured:.4g}" if isinstance(measured, float) else str(measured)

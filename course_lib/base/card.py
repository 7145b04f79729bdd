"""A record as HTML: a badge in colour and words, the figure, its intervals beside the bounds."""

from __future__ import annotations  # an older Python gets as far as the sentence that names it

import html
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.base.record import MIME, Bar, Finding, Record, rounded

# Where outputs are folded JupyterLab shows their first line, as it stands: let it say nothing.
NEUTRAL = "\u200b\n"
GOOD, BAD, OPEN = ("good", "✓ "), ("bad", "✗ "), ("open", "○ ")  # class and sign
TONES = {
    **dict.fromkeys(("holds", "passed", "all is well"), GOOD),
    **dict.fromkeys(("does not hold", "failed", "error", "timeout", "to mend"), BAD),
    **dict.fromkeys(("inconclusive", "unanswered"), OPEN),
}


@cache
def style() -> str:
    """The cards' stylesheet as an element: each card brings it, a built notebook keeps one."""
    sheet = Path(__file__).with_name("card.css").read_text(encoding="utf-8")
    rules = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    return f"<style>{' '.join(rules.split())}</style>"


def bundle(record: Record, plain: str, notes: Iterable[str] = ()) -> dict[str, Any]:
    """A record with its card, and with the `plain` text that terminals and diffs show.

    `notes`: sentences that stand below on the card.
    """
    return {
        MIME: record.as_data(),
        "text/html": f"{NEUTRAL}{style()}{_card(record, notes)}",
        "text/plain": plain,
    }


def _card(record: Record, notes: Iterable[str]) -> str:
    words, (tone, sign) = _badge(record)
    badge = f'<span class="badge">{sign}{inline(words)}</span>'
    parts = [f"<div>{badge}{inline(record.text)}</div>", *_figure(record), *_scale(record)]
    parts += [f'<p class="note">{inline(note)}</p>' for note in notes]
    parts += _findings(record.findings)
    return f'<div class="course-record {tone}">{"".join(parts)}</div>'


def _badge(record: Record) -> tuple[str, tuple[str, str]]:
    if record.kind == "reveal" and not record.verdict:
        return record.status or "undecided", OPEN
    if record.kind == "reveal":
        as_said = record.said == record.verdict
        return ("as you said", GOOD) if as_said else ("it came out", ("", ""))
    task = record.id.rpartition("/")[2] if record.kind == "check" else ""
    words = {"unanswered": "not yet"}.get(record.verdict, record.verdict)
    # That it is measured is said by its intervals.
    basis = {"timed": "of this machine", "measured": ""}.get(record.basis, record.basis)
    badge = " · ".join(filter(None, (basis or task, words, record.status)))
    # What fresh seeds did not confirm is no result, whichever way it came out here.
    return badge, TONES[record.verdict] if record.status in ("", "confirmed") else OPEN


def _figure(record: Record) -> Iterator[str]:
    if record.figure and not record.bars:
        asked = f" · asked: {inline(record.asked)}" if record.asked else ""
        yield f'<p class="figure">measured <b>{inline(record.figure)}</b>{asked}</p>'


def _scale(record: Record) -> Iterator[str]:
    """A row for each interval: whose it is, its figure, and where it lies beside the bounds."""
    if not record.bars:
        return
    rows = _rows(record)
    ends = [*record.bounds, *(end for _, bar in rows for end in (bar.low, bar.high))]
    first, room = min(ends), 0.08 * (max(ends) - min(ends)) or 1.0
    width = max(ends) - first + 2 * room

    def at(value: float) -> str:
        return f"left:{100 * (value - first + room) / width:.1f}%"

    bounds = "".join(f'<i class="bound" style="{at(bound)}"></i>' for bound in record.bounds)
    cells = ""
    for name, bar in rows:
        long = 100 * (bar.high - bar.low) / width
        span = f'<i class="span" style="{at(bar.low)};width:{long:.1f}%"></i>'
        marks = f'{span}<i class="mean" style="{at(bar.mean)}"></i>{bounds}'
        cells += f"<span>{inline(name)}</span>{_interval(record, bar)}"
        cells += f'<div class="rail" aria-hidden="true">{marks}</div>'
    asked = f"asked: {inline(record.asked)}" if record.asked else ""
    yield f'<div class="scale">{cells}<span class="asked">{asked}</span>{_ticks(record, at)}</div>'


def _interval(record: Record, bar: Bar) -> str:
    mean, _, ends = record.shown(bar).partition(" ")
    what = f"mean and its {record.level or 0.95:.0%} interval"
    return f'<span title="{what}"><b>{mean}</b> {ends} {record.unit}</span>'


def _rows(record: Record) -> list[tuple[str, Bar]]:
    """The intervals by whose they are: what came out here and, if it is known, on fresh seeds."""
    values = f"{record.n} values" if record.n else ""
    level = "" if record.level in (0, 0.95) else f"{record.level:.0%}"
    here = ", ".join(filter(None, ("here" if record.fresh else "", values, level)))
    found = [(here, record.bars), ("fresh seeds", record.fresh)]
    return [
        (": ".join(filter(None, (bar.name, whose))), bar) for whose, bars in found for bar in bars
    ]


def _ticks(record: Record, at: Callable[[float], str]) -> str:
    """The bounds as numbers; where there is none, the ends of what was measured."""
    bars = (*record.bars, *record.fresh)
    ends = {min(bar.low for bar in bars), max(bar.high for bar in bars)}
    marks = sorted(record.bounds or ends)
    ticks = "".join(
        f'<span style="{at(mark)}">{rounded(record.times * mark, 3)}</span>' for mark in marks
    )
    return f'<div class="ticks" aria-hidden="true">{ticks}</div>'


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    if findings:
        lines = "".join(f"<li>{inline(what)}: {inline(found)}</li>" for what, found, _ in findings)
        yield f"<details><summary>what was looked at</summary><ul>{lines}</ul></details>"


def inline(words: str) -> str:
    """Plain words as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(words, quote=False))

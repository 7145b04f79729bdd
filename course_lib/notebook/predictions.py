"""Predictions: a commitment before the answer is known, shown beside what came out."""

import html
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from course_lib.base import card, progress
from course_lib.base.record import Record
from course_lib.notebook.shown import Page, Question


@dataclass
class _Prediction:
    """What was asked in this session, and what is kept of the answer: said, at; came and right."""

    question: str
    options: list[str]
    name: str = ""  # in the progress file; "" in a notebook that is no lesson's
    entry: dict[str, Any] = field(default_factory=dict)

    def keep(self, **entry: Any) -> str:
        """Remember more of the answer; returns "" or what is wrong with the progress file."""
        self.entry |= entry
        return progress.note("predictions", self.name, **self.entry) if self.name else ""


_predictions: dict[str, _Prediction] = {}  # by key


def predict(key: str, question: str, options: Iterable[str]) -> Question:
    """Ask for a commitment before the answer is known; `reveal(key, …)` shows what came out.

    It is kept with the learner's progress and is there again after a restart. Once the answer is
    out it stays.
    """
    options = list(options)
    asked = _predictions[key] = _Prediction(question, options, *_kept(key, options))

    def committed(option: str) -> str:
        said = asked.entry.get("said")
        if "came" in asked.entry and option != said:
            return f"The answer is out. Before it you said: <b>{html.escape(str(said))}</b>."
        problem = "" if option == said else asked.keep(said=option, at=progress.now())
        kept = html.escape(problem) or "Kept until the answer comes."
        return f"You said: <b>{html.escape(option)}</b>. {kept}"

    record = Record("predict", question, key, options=tuple(options))
    return Question(record, committed, asked.entry.get("said"))


def _kept(key: str, options: list[str]) -> tuple[str, dict[str, Any]]:
    """Name and entry of a prediction, of this session or before it; no entry if none was made."""
    stem = progress.lesson()
    name = f"{stem}/{key}" if stem else ""
    if key in _predictions:
        former = _predictions[key].entry
    else:
        former = progress.read()[0]["predictions"].get(name, {})
    return name, dict(former) if former.get("said") in options else {}


def reveal(key: str, correct: str | None, because: str = "") -> Page:
    """Show what was predicted under `key` beside the option that came out, and why.

    `correct` None: it is undecided. Raises ValueError where nothing was asked under this key, or
    `correct` was no option.
    """
    if key not in _predictions:
        raise ValueError(
            f"{key}: nothing was asked under this name; run the cell with predict({key!r}, …) first"
        )
    asked = _predictions[key]
    if correct is not None and correct not in asked.options:
        raise ValueError(
            f"correct = {correct!r}: must be one of {', '.join(map(repr, asked.options))}"
        )
    chosen, problem = asked.entry.get("said"), ""
    if chosen:
        problem = asked.keep(came=correct, right=None if correct is None else chosen == correct)
        said = f"You said the same: {correct}." if chosen == correct else f"You said: {chosen}."
    elif progress.headless():
        said = "Your own prediction will stand here."
    else:
        said = "You made no prediction."
    came = f"It came out: {correct}."
    if correct is None:
        came = "It came out undecided: an interval lies across its bound."
    notes = [line for line in (said, came, because, problem) if line]
    record = Record(
        "reveal",
        asked.question,
        key,
        verdict=correct or "",
        said=chosen or "",
        because=because,
        options=tuple(asked.options),
    )
    return Page(card.bundle(record, "\n".join([asked.question, *notes]), notes))

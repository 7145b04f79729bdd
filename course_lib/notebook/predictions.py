"""Predictions: a commitment before the answer is known, shown beside what came out."""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from course_lib.base import card, progress
from course_lib.base.record import CONFIRMED, Record
from course_lib.base.verdicts import Verdict
from course_lib.notebook.claims import ledger
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


def reveal(
    key: str,
    correct: str | None = None,
    because: str = "",
    *,
    from_interval: Mapping[str, Verdict] | None = None,
    rests: str = "",
) -> Page:
    """Show what was predicted under `key` beside the option that came out, and why.

    `correct` None: it is undecided. In its place `from_interval` says of options whether they came
    out, True, False or None, as a bound says of an interval: `from_interval={"less":
    negative(gap), "more": positive(gap)}`; undecided where it says True of none. `rests`: the ids
    of the claims that say what came out, with commas; where fresh seeds have not confirmed all of
    them (`course replicate`), both findings are shown and no prediction was wrong. Raises
    ValueError where nothing was asked under this key, `correct` was no option, or a claim was not
    judged before.
    """
    if key not in _predictions:
        raise ValueError(
            f"{key}: nothing was asked under this name; run the cell with predict({key!r}, …) first"
        )
    asked = _predictions[key]
    if from_interval is not None:
        correct = _came_out(from_interval, asked.options)
    if correct is not None and correct not in asked.options:
        raise ValueError(
            f"correct = {correct!r}: must be one of {', '.join(map(repr, asked.options))}"
        )
    leaning = _claims([id.strip() for id in rests.split(",")] if rests else [])
    shaky = [claim for claim in leaning if claim.status not in ("", CONFIRMED)]
    came = None if shaky else correct
    chosen, problem = asked.entry.get("said"), ""
    if chosen:
        problem = asked.keep(came=correct, right=None if came is None else chosen == came)
        said = f"You said the same: {correct}." if chosen == correct else f"You said: {chosen}."
    elif progress.headless():
        said = "Your own prediction will stand here."
    else:
        said = "You made no prediction."
    notes = [line for line in (said, _outcome(correct, shaky), because, problem) if line]
    record = Record(
        "reveal",
        asked.question,
        key,
        verdict=came or "",
        status=shaky[0].status if shaky else "",
        said=chosen or "",
        because=because,
        options=tuple(asked.options),
        rests=tuple(claim.id for claim in leaning),
    )
    return Page(card.bundle(record, "\n".join([asked.question, *notes]), notes))


def _came_out(verdicts: Mapping[str, Verdict], options: list[str]) -> str | None:
    """The one option that came out; None where none did."""
    unknown = [option for option in verdicts if option not in options]
    came = [option for option, verdict in verdicts.items() if verdict]
    if unknown or len(came) > 1:
        raise ValueError(
            f"from_interval = {dict(verdicts)}: must say True of one at most of "
            f"{', '.join(map(repr, options))}"
        )
    return came[0] if came else None


def _claims(ids: list[str]) -> list[Record]:
    """The claims with these ids, as this session judged them last."""
    known = {record.id: record for record in ledger if record.id}
    for id in ids:
        if id not in known:
            raise ValueError(f"rests = {id!r}: no claim of this id was judged before; run its cell")
    return [known[id] for id in ids]


def _outcome(correct: str | None, shaky: list[Record]) -> str:
    """What came out, as a sentence; where fresh seeds did not bear it out that as well."""
    if not shaky:
        return f"It came out: {correct}." if correct else _UNDECIDED
    here = f"Here it came out: {correct}." if correct else _UNDECIDED
    fresh = "; ".join(
        claim.status + f" ({claim.fresh_figure()})" * bool(claim.fresh) for claim in shaky
    )
    return f"{here} On fresh seeds: {fresh}. So no answer was wrong."


_UNDECIDED = "It came out undecided: an interval lies across its bound."

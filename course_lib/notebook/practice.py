"""Practice in a notebook: flash cards that are due, where one stands, the machine's self-test."""

import html
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from course_lib import LESSONS
from course_lib.base import progress
from course_lib.notebook.shown import Page, page, text

if TYPE_CHECKING:
    from course_lib.learner.quizzes import Card


def recall(stem: str | None = None) -> Page:
    """The flash cards that are due today, of the lessons begun or of the one named.

    New ones included. Without a kernel all cards of that lesson can be read, or where none is named
    of all lessons.
    """
    from course_lib.learner.quizzes import cards
    from course_lib.learner.recall import answer, due, nothing_due

    if progress.headless():
        return _all_cards(
            card for lesson in ([stem] if stem else LESSONS) for card in cards(lesson)
        )
    from course_lib.panel import deck

    kept, said = progress.read()
    stems = [stem] if stem else []
    found = due(kept, date.today(), stems)
    problem = [said] if said else []
    if not found:
        return text([nothing_due(kept, stems), *problem])
    shown = [(card.stem, card.front, card.back) for card in found]
    view = deck.cards(
        shown, lambda number, knew: answer(found[number], knew), "That was all for today."
    )
    fronts = [card.front for card in found]
    return text([*problem, f"Cards due today: {len(found)}.", *fronts], view)


def _all_cards(found: Iterable["Card"]) -> Page:
    shown, lines = "", []
    for card in found:
        front, back = html.escape(card.front), html.escape(card.back)
        shown += f"<details><summary>{card.stem}: {front}</summary>{back}</details>"
        lines.append(f"{card.stem}: {card.front}")
    return page(shown, "\n".join(lines))


def fresh_seeds() -> Page:
    """How many measured claims of the course fresh seeds confirm, and how many not."""
    from course_lib.base.record import STATUSES
    from course_lib.records.standing import recorded

    found = [one.status() for one in recorded().values()]
    counts = {status: found.count(status) for status in STATUSES if status in found}
    shown = "".join(f"<tr><td>{status}</td><td>{n}</td></tr>" for status, n in counts.items())
    plain = "\n".join(f"{status:<28}{n:>4}" for status, n in counts.items())
    return page(f"<table><tbody>{shown}</tbody></table>", plain)


def self_test() -> Page:
    """Whether this machine has what the course needs, and how to mend what is missing."""
    from course_lib.learner import doctor

    return Page(doctor.page())


def standing() -> Page:
    """Where the learner stands: a row a lesson, with predictions, tasks, quiz and cards."""
    from course_lib.learner.standing import HEAD, rows, standings, table

    found, said = standings()
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in HEAD)
    body = ""
    for lesson, *cells in rows(found):
        body += f'<tr><td style="text-align: left; white-space: nowrap">{lesson}</td>'
        body += "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    note = said or "What you do is kept in .course/progress.json, on this machine only."
    shown = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return page(f"{shown}<p>{html.escape(note)}</p>", f"{table(found)}\n{note}")

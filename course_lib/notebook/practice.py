"""Practice in a notebook: questions, flash cards that are due, where one stands, and the machine's
self-test.
"""

import html
from datetime import date

from course_lib.base import progress
from course_lib.notebook.shown import Page, still, text


def reply_to(reasons, answer, name):
    """What a quiz replies to a choice, as HTML. The first choice is kept under `name`, if there is
    one; the others are for reading."""
    taken = []

    def reply(option):
        problem = ""
        if name and not taken:
            problem = progress.note(
                "quiz", name, said=option, right=option == answer, at=progress.now()
            )
        taken.append(option)
        mark = "✓ Right." if option == answer else "✗ Not this one."
        return f"<b>{mark}</b> {html.escape(reasons[option])} {html.escape(problem)}".rstrip()

    return reply


def quiz_of(stem):
    """The questions of a lesson ("dropout"), one at a time; "myths": those about widely read
    errors, of all lessons.

    Each choice is answered at once with its reason; the first one counts. Without a kernel all
    questions can be read, each with its answer and reasons to unfold. Raises `ValueError` for an
    unknown stem.
    """
    from course_lib.learner.quizzes import questions

    asked = questions(stem)
    pages, texts = zip(
        *(still(one.text, list(one.reasons), one.reasons, one.answer) for one in asked)
    )
    return Page(
        "".join(pages), "\n\n".join(texts), None if progress.headless() else _live_quiz(asked)
    )


def _live_quiz(asked):
    from course_lib.panel import deck

    first = {}  # name → whether the first choice was right

    def counting(one):
        reply = reply_to(one.reasons, one.answer, one.name)

        def counted(option):
            first.setdefault(one.name, option == one.answer)
            return reply(option)

        return counted

    def status():
        return f"{sum(first.values())} right at the first try, of {len(first)} answered"

    return deck.questions([(one.text, list(one.reasons), counting(one)) for one in asked], status)


def recall(stem=None):
    """The flash cards that are due today, of the lessons begun or of the one named, new ones
    included.

    Without a kernel all cards of that lesson can be read, or where none is named of all lessons.
    """
    from course_lib import LESSONS
    from course_lib.learner import recall as cards_

    if progress.headless():
        return _all_cards(
            [card for lesson in ([stem] if stem else LESSONS) for card in cards_.cards(lesson)]
        )
    from course_lib.panel import deck

    kept, said = progress.read()
    stems = [stem] if stem else []
    found = cards_.due(kept, date.today(), stems)
    if not found:
        return text([cards_.nothing_due(kept, stems), *filter(None, [said])])
    shown = [(card.stem, card.front, card.back) for card in found]
    view = deck.cards(
        shown, lambda number, knew: cards_.answer(found[number], knew), "That was all for today."
    )
    return text(
        [*filter(None, [said]), f"Cards due today: {len(found)}.", *(card.front for card in found)],
        view,
    )


def _all_cards(found):
    unfold = "<details><summary>{}: {}</summary>{}</details>"
    page = "".join(
        unfold.format(card.stem, html.escape(card.front), html.escape(card.back)) for card in found
    )
    return Page(page, "\n".join(f"{card.stem}: {card.front}" for card in found))


def self_test():
    """Say whether this machine has what the course needs, and the command that mends what is
    missing.
    """
    from course_lib.learner.doctor import report

    report(print)


def standing():
    """Where the learner stands: a row a lesson, with predictions, tasks, quiz and cards."""
    from course_lib.learner import standing as stand

    found, said = stand.standings()
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in stand.HEAD)
    left = '<td style="text-align: left; white-space: nowrap">{}</td>'
    cells = [
        [left.format(row[0]), *(f"<td>{cell}</td>" for cell in row[1:])]
        for row in stand.rows(found)
    ]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    note = said or "What you do is kept in .course/progress.json, on this machine only."
    page = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{html.escape(note)}</p>"
    return Page(page, f"{stand.table(found)}\n{note}")

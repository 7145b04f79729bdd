"""Questions with a reason for each option: one of a lesson's own, or all of its quiz."""

import hashlib
import html
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from course_lib.base import progress
from course_lib.base.record import Record
from course_lib.notebook.shown import Page, Question, View, page, still

if TYPE_CHECKING:
    from course_lib.learner import quizzes


def quiz(question: str, reasons: Mapping[str, str], answer: str, *, rests: str = "") -> Question:
    """A question of a lesson; `reasons` maps each option to why it is right or wrong.

    `answer` is the right one. `rests`: the ids of the claims whose result it states, with commas
    (see `records.leaning`). Each choice is answered at once; without a kernel the answer is there
    to unfold.
    """
    if answer not in reasons:
        raise ValueError(f"answer = {answer!r}: must be one of {', '.join(map(repr, reasons))}")
    stem = progress.lesson()
    name = f"{stem}/{hashlib.sha256(question.encode()).hexdigest()[:8]}" if stem else ""
    leaning = tuple(filter(None, (part.strip() for part in rests.split(","))))
    record = Record("quiz", question, name, options=tuple(reasons), rests=leaning)
    return Question(record, _reply_to(reasons, answer, name), reasons=reasons, answer=answer)


def _reply_to(reasons: Mapping[str, str], answer: str, name: str) -> Callable[[str], str]:
    """What a quiz replies to a choice, as HTML.

    The first choice is kept under `name`, if there is one; the others are for reading.
    """
    taken: list[str] = []

    def reply(option: str) -> str:
        problem, right = "", option == answer
        if name and not taken:
            problem = progress.note("quiz", name, said=option, right=right, at=progress.now())
        taken.append(option)
        mark = "✓ Right." if right else "✗ Not this one."
        return f"<b>{mark}</b> {html.escape(reasons[option])} {html.escape(problem)}".rstrip()

    return reply


def quiz_of(stem: str) -> Page:
    """The questions of a lesson ("dropout"), one at a time; "myths": about widely read errors.

    Those are of all lessons. Each choice is answered at once with its reason; the first one counts.
    Without a kernel all questions can be read, each with its answer and reasons to unfold. Raises
    `ValueError` for an unknown stem.
    """
    from course_lib.learner.quizzes import questions

    asked = questions(stem)
    pages, texts = zip(
        *(still(one.text, list(one.reasons), one.reasons, one.answer) for one in asked)
    )
    view = None if progress.headless() else _live_quiz(asked)
    return page("".join(pages), "\n\n".join(texts), view)


def _live_quiz(asked: list["quizzes.Question"]) -> View:
    from course_lib.panel import deck

    first: dict[str, bool] = {}  # name → whether the first choice was right

    def counting(one: "quizzes.Question") -> Callable[[str], str]:
        reply = _reply_to(one.reasons, one.answer, one.name)

        def counted(option: str) -> str:
            first.setdefault(one.name, option == one.answer)
            return reply(option)

        return counted

    def status() -> str:
        return f"{sum(first.values())} right at the first try, of {len(first)} answered"

    return deck.questions([(one.text, list(one.reasons), counting(one)) for one in asked], status)

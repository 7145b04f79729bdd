"""What helpers of lessons show: HTML and plain text, and sliders or buttons where a kernel runs."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from course_lib.base import progress
from course_lib.learner.cells import question_text


class View(Protocol):
    """What a kernel shows: a widget."""

    def bundle(self) -> dict[str, Any]:
        """The data of an output that shows it."""


class Page:
    """Something to read: as HTML and as plain text."""

    def __init__(self, page: str, text: str, view: View | None = None):
        self._shown, self._view = {"text/html": page, "text/plain": text}, view

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {**(self._view.bundle() if self._view else {}), **self._shown}


def text(lines: Sequence[str], view: View | None = None) -> Page:
    """Lines to read, the first of them bold."""
    first, *rest = map(html.escape, lines)
    return Page(f"<p><b>{first}</b><br>{'<br>'.join(rest)}</p>", "\n".join(lines), view)


class Question(Page):
    """A question: radio buttons where a kernel runs, else its options as a list.

    `reply` answers a choice, as HTML; `chosen` is a former choice. `reasons` and `answer`, if there
    are any: see `still`.
    """

    def __init__(
        self,
        question: str,
        options: Sequence[str],
        reply: Callable[[str], str],
        chosen: str | None = None,
        reasons: Mapping[str, str] | None = None,
        answer: str = "",
    ):
        view = None
        if not progress.headless():
            from course_lib.panel.question import ask

            view = ask(question, options, reply, chosen)
        super().__init__(*still(question, options, reasons or {}, answer), view)


def still(
    question: str, options: Sequence[str], reasons: Mapping[str, str], answer: str
) -> tuple[str, str]:
    """HTML and plain text of a question; the HTML has its answer, if it has one, to unfold."""
    items = "".join(f"<li>{html.escape(option)}</li>" for option in options)
    page = f"<p><b>{html.escape(question)}</b></p><ul>{items}</ul>"
    if answer:
        page += f"<details><summary>Answer</summary>{_reasons(reasons, answer)}</details>"
    return page, question_text(question, options)


def _reasons(reasons: Mapping[str, str], answer: str) -> str:
    """The right option with its reason, then what is wrong with each of the others."""
    first = f"<b>{html.escape(answer)}</b>. {html.escape(reasons[answer])}"
    others = [
        f"{html.escape(option)}: {html.escape(reason)}"
        for option, reason in reasons.items()
        if option != answer
    ]
    return f"{first}<ul>{''.join(f'<li>{other}</li>' for other in others)}</ul>"

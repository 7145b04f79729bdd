"""What helpers of lessons show: HTML and plain text, and sliders or buttons where a kernel runs."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from course_lib.base import progress
from course_lib.base.record import MIME, Record


class View(Protocol):
    """What a kernel shows: a widget."""

    def bundle(self) -> dict[str, Any]:
        """The data of an output that shows it."""


class Page:
    """Something to read: a MIME bundle, and sliders or buttons where a kernel runs."""

    def __init__(self, shown: Mapping[str, Any], view: View | None = None):
        self._shown, self._view = shown, view

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {**(self._view.bundle() if self._view else {}), **self._shown}


def page(shown: str, plain: str, view: View | None = None) -> Page:
    """Something to read, as HTML and as plain text."""
    return Page({"text/html": shown, "text/plain": plain}, view)


def text(lines: Sequence[str], view: View | None = None) -> Page:
    """Lines to read, the first of them bold."""
    first, *rest = map(html.escape, lines)
    return page(f"<p><b>{first}</b><br>{'<br>'.join(rest)}</p>", "\n".join(lines), view)


class Question(Page):
    """A question: radio buttons where a kernel runs, else its options as a list.

    `record` holds question and options. `reply` answers a choice, as HTML; `chosen` is a former
    choice. `reasons` and `answer`, if there are any: see `still`.
    """

    def __init__(
        self,
        record: Record,
        reply: Callable[[str], str],
        chosen: str | None = None,
        reasons: Mapping[str, str] | None = None,
        answer: str = "",
    ):
        view, options = None, list(record.options)
        if not progress.headless():
            from course_lib.panel.question import ask

            view = ask(record.text, options, reply, chosen)
        shown, plain = still(record.text, options, reasons or {}, answer)
        super().__init__({MIME: record.as_data(), "text/html": shown, "text/plain": plain}, view)


def still(
    question: str, options: Sequence[str], reasons: Mapping[str, str], answer: str
) -> tuple[str, str]:
    """HTML and plain text of a question; the HTML has its answer, if it has one, to unfold."""
    items = "".join(f"<li>{html.escape(option)}</li>" for option in options)
    page = f"<p><b>{html.escape(question)}</b></p><ul>{items}</ul>"
    if answer:
        page += f"<details><summary>Answer</summary>{_reasons(reasons, answer)}</details>"
    return page, "\n".join([question, *(f"  ○ {option}" for option in options)])


def _reasons(reasons: Mapping[str, str], answer: str) -> str:
    """The right option with its reason, then what is wrong with each of the others."""
    first = f"<b>{html.escape(answer)}</b>. {html.escape(reasons[answer])}"
    others = [
        f"{html.escape(option)}: {html.escape(reason)}"
        for option, reason in reasons.items()
        if option != answer
    ]
    return f"{first}<ul>{''.join(f'<li>{other}</li>' for other in others)}</ul>"

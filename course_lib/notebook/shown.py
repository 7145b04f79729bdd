"""What helpers of lessons show: each has HTML and plain text, and sliders or buttons only where a
kernel runs.
"""

import html

from course_lib.base import progress


class Page:
    """Something to read: as HTML and as plain text."""

    def __init__(self, page, text, view=None):
        self._shown, self._view = {"text/html": page, "text/plain": text}, view

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {**(self._view._repr_mimebundle_() if self._view else {}), **self._shown}


def text(lines, view=None):
    """Lines to read, the first of them bold."""
    first, *rest = map(html.escape, lines)
    return Page(f"<p><b>{first}</b><br>{'<br>'.join(rest)}</p>", "\n".join(lines), view)


class Question(Page):
    """A question: radio buttons where a kernel runs, else its options as a list."""

    def __init__(self, question, options, reply, chosen=None, reasons=None, answer=None):
        view = None
        if not progress.headless():
            from course_lib.panel.question import ask

            view = ask(question, options, reply, chosen)
        super().__init__(*still(question, options, reasons, answer), view)


def still(question, options, reasons=None, answer=None):
    """HTML and plain text of a question; the HTML has its answer, if it has one, to unfold."""
    items = "".join(f"<li>{html.escape(option)}</li>" for option in options)
    page = f"<p><b>{html.escape(question)}</b></p><ul>{items}</ul>"
    if answer:
        page += f"<details><summary>Answer</summary>{_reasons(reasons, answer)}</details>"
    return page, "\n".join([question, *(f"  ○ {option}" for option in options)])


def _reasons(reasons, answer):
    """The right option with its reason, then what is wrong with each of the others."""
    first = f"<b>{html.escape(answer)}</b>. {html.escape(reasons[answer])}"
    others = [
        f"{html.escape(option)}: {html.escape(reason)}"
        for option, reason in reasons.items()
        if option != answer
    ]
    return f"{first}<ul>{''.join(f'<li>{other}</li>' for other in others)}</ul>"

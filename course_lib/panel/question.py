"""A question with options to choose from by mouse or keyboard; decks are the same widget."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from course_lib.panel.widget import part_of_page

Shown = dict[str, Any]


class Quiz(anywidget.AnyWidget):
    """What is `shown` (described at the top of `page/quiz.js`), and what follows from an answer.

    `answered(chosen=word)` or `answered(pressed=name)` returns what is shown then.
    """

    _esm = part_of_page("elements.js", "quiz.js")
    _css = part_of_page("panel.css")
    shown = traitlets.Dict().tag(sync=True)

    def __init__(self, shown: Shown, answered: Callable[..., Shown]):
        super().__init__(shown=shown)
        self.on_msg(lambda _, message, buffers: setattr(self, "shown", answered(**message)))

    def bundle(self) -> dict[str, Any]:
        """The data of an output that shows it."""
        return (super()._repr_mimebundle_() or ({}, {}))[0]


def page(text: str, **more: Any) -> Shown:
    """What `page/quiz.js` shows: a text, and whatever else is named."""
    nothing: Shown = {
        "where": "",
        "options": [],
        "chosen": None,
        "reply": "",
        "back": "",
        "buttons": [],
    }
    return nothing | {"text": text} | more


def button(name: str, label: str, primary: bool = False, disabled: bool = False) -> Shown:
    """A button of a deck, as `page/quiz.js` takes it."""
    return {"name": name, "label": label, "primary": primary, "disabled": disabled}


def ask(
    question: str, options: Sequence[str], answered: Callable[[str], str], chosen: str | None = None
) -> Quiz:
    """Widget with `options`, one to be chosen.

    `answered(option)` is called at each choice and returns HTML to show.
    """

    def show(chosen: str | None) -> Shown:
        reply = answered(chosen) if chosen is not None else ""
        return page(question, options=list(options), chosen=chosen, reply=reply)

    return Quiz(show(chosen), show)

"""Questions or flash cards, one at a time, by mouse or keyboard."""

import html

import ipywidgets as widgets

from course_lib.panel.page import KEYS, once_shown
from course_lib.panel.question import ask

_STYLE = """<style>.course-deck { max-width: 900px; padding: 4px 0; } .course-deck .jupyter-button { width: auto; }
.course-deck .course-card { padding: 8px 14px; border-radius: 4px; background: var(--jp-layout-color1, transparent);
  border-left: 4px solid var(--jp-brand-color1, #2196f3); } .course-deck .widget-html-content { line-height: 1.5; }
</style>"""
_HEARD = "this.closest('.course-deck')?.querySelector('.course-said')?.setAttribute('aria-live', 'polite');"


def _box(*parts):
    """The widget around it all: its own keys, and a line that a screen reader reads when it
    changes.
    """
    scripts = once_shown(KEYS.format(root="course-deck")) + once_shown(_HEARD)
    view = widgets.VBox([widgets.HTML(_STYLE + scripts), *parts])
    view.add_class("course-deck")
    return view


def _line():
    line = widgets.HTML()
    line.add_class("course-said")
    return line


def questions(asked, status):
    """Widget with questions one at a time. `asked`: (question, options, reply) each, as `ask` takes
    them.

    `status()` is a line of text on how it stands, shown after each choice beside the place in the
    deck.
    """
    at, where = 0, _line()
    back, on = (
        widgets.Button(description="← Back"),
        widgets.Button(description="Next →", button_style="primary"),
    )
    place = widgets.VBox()

    def say():
        where.value = f"Question {at + 1} of {len(asked)} · {html.escape(status())}"

    def replied(reply):
        def reply_and_say(option):
            said = reply(option)
            say()
            return said

        return reply_and_say

    views = [ask(question, options, replied(reply)) for question, options, reply in asked]

    def go(to):
        nonlocal at
        at = to
        place.children = [views[at]]
        back.disabled, on.disabled = at == 0, at == len(views) - 1
        say()

    back.on_click(lambda _: go(max(at - 1, 0)))
    on.on_click(lambda _: go(min(at + 1, len(views) - 1)))
    go(0)
    return _box(where, place, widgets.HBox([back, on]))


def cards(found, answered, done):
    """Widget with flash cards one at a time. `found`: (topic, front, back) each.

    `answered(number, knew)` keeps the answer and returns a sentence; `done` is what is said after
    the last card.
    """
    number, where, card = 0, _line(), widgets.HTML()
    card.add_class("course-card")
    turn = widgets.Button(description="Turn it", button_style="primary")
    knew, not_yet = widgets.Button(description="I knew it"), widgets.Button(description="Not yet")

    def front(before=""):
        over = number == len(found)
        topic, asked, _ = ("", "", "") if over else found[number]
        place = done if over else f"Card {number + 1} of {len(found)} · {topic}"
        where.value = html.escape(f"{before} {place}".lstrip())
        card.value = f"<b>{html.escape(asked)}</b>"
        _show(card, not over)
        _show(turn, not over)
        for button in (knew, not_yet):
            _show(button, False)

    def back(_):
        card.value += f"<br>{html.escape(found[number][2])}"
        _show(turn, False)
        for button in (knew, not_yet):
            _show(button, True)
        knew.focus()

    def judge(known):
        nonlocal number
        said = answered(number, known)
        number += 1
        front(said)
        turn.focus()

    turn.on_click(back)
    knew.on_click(lambda _: judge(True))
    not_yet.on_click(lambda _: judge(False))
    front()
    return _box(where, card, widgets.HBox([turn, knew, not_yet]))


def _show(widget, shown):
    widget.layout.display = "" if shown else "none"

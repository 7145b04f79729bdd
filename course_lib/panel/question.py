"""A question with options to choose from by mouse or keyboard."""

import html

import ipywidgets as widgets

from course_lib.panel.page import KEYS, once_shown

_STYLE = """<style>.course-question { max-width: 900px; padding: 6px 12px 8px; border-radius: 4px;
  border-left: 4px solid var(--jp-brand-color1, #2196f3); background: var(--jp-layout-color1, transparent); }
.course-question .widget-radio-box label { height: auto; white-space: normal; line-height: 1.5; }
.course-question .widget-radio { width: auto; } .course-question .widget-radio-box { max-width: none; }
.course-question .widget-html-content { line-height: 1.5; }</style>"""


def ask(question, options, answered, chosen=None):
    """Widget with `options`, one to be chosen.

    `answered(option)` is called at each choice and returns HTML to show.
    """
    radio = widgets.RadioButtons(options=options, value=chosen, layout={"width": "auto"})
    reply = widgets.HTML(answered(chosen) if chosen is not None else "")
    radio.observe(lambda change: setattr(reply, "value", answered(change.new)), "value")
    asked = (
        f"{_STYLE}{once_shown(KEYS.format(root='course-question'))}<b>{html.escape(question)}</b>"
    )
    view = widgets.VBox([widgets.HTML(asked), radio, reply])
    view.add_class("course-question")
    return view

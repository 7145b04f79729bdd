"""What stands in a page as HTML until `course.show` brings it to life, and is enough without it."""

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any

from course_lib.base.record import Record
from course_lib.learner.quizzes import Card, Question
from course_lib.panel.frozen import Frozen
from course_lib.panel.widget import FRONT_END, part_of_page

Asked = dict[str, Any]  # a question as `page/static.js` takes it


def explorer(frozen: Frozen, table: str = "", name: str = "") -> str:
    """A frozen explorer: its first picture and caption; `table`: where its other pictures lie.

    Without an address they are in the element itself. `name`: under which its state stands in the
    page's own address, no other's there; "" for none.
    """
    width, height = frozen.spec["size"]
    caption = html.escape(frozen.first["caption"])
    *under, picture = frozen.first["sources"]
    size = f'width="{width}" height="{height}"'
    images = "".join(f'<img class="course-under" alt="" {size} src="{src}">' for src in under)
    images += f'<img class="course-picture" alt="{caption}" {size} src="{picture}">'
    shown = (
        f'<figure class="course-still"><div class="course-canvas" style="--course-aspect:'
        f'{width / height:.4f}">{images}</div><figcaption>{caption}</figcaption></figure>'
    )
    first = {name: frozen.first[name] for name in ("plays", "handles", "places")}
    data = {"spec": frozen.spec | {"address": name}, **first}
    inline = "" if table else _json(frozen.table)
    return _element("panel", data, shown, inline, table=table)


def prediction(name: str, asked: Record, place: str) -> str:
    """A question whose answer comes later; `place`: the id of its element."""
    data = {"name": name, "text": asked.text, "options": asked.options}
    return _element("predict", data, _options(asked.text, asked.options), name=name, id=place)


def question(asked: Asked) -> str:
    """A question that is answered at once."""
    return _element("quiz", asked, _with_answer(asked))


def deck(asked: Iterable[Asked]) -> str:
    """Questions one at a time."""
    questions = list(asked)
    return _element("deck", {"questions": questions}, "".join(map(_with_answer, questions)))


def cards(found: Iterable[Card]) -> str:
    """Flash cards one at a time."""
    data = [
        {"name": card.name, "topic": card.stem, "front": card.front, "back": card.back}
        for card in found
    ]
    shown = "".join(
        f"<details><summary>{html.escape(card['front'])}</summary>{html.escape(card['back'])}"
        "</details>"
        for card in data
    )
    return _element("cards", {"cards": data}, shown)


def outcome(name: str, came: Record, card: str) -> str:
    """What came out of a prediction, behind a click that asks for the prediction first."""
    data = _json({"name": name, "came": came.verdict})
    summary = f"What came out: {html.escape(came.text)}"
    return (
        f'<details class="course-static course-reveal" data-kind="reveal">{data}'
        f"<summary>{summary}</summary>{card}</details>{_SHOW}"
    )


def asked(name: str, text: str, reasons: Mapping[str, str], answer: str) -> Asked:
    """A question with a reason for each option."""
    return {"name": name, "text": text, "reasons": list(reasons.items()), "answer": answer}


def of_bank(one: Question) -> Asked:
    """A question of the bank."""
    return asked(one.name, one.text, one.reasons, one.answer)


_SHOW = "<script>course.show(document.currentScript.previousElementSibling)</script>"


def _element(kind: str, data: Any, shown: str, more: str = "", **attributes: str) -> str:
    named = {"id": attributes.pop("id", "")}
    named |= {f"data-{name}": value for name, value in attributes.items()}
    said = "".join(f' {name}="{html.escape(value)}"' for name, value in named.items() if value)
    return (
        f'<div class="course-static" data-kind="{kind}"{said}>{_json(data)}{more}{shown}</div>'
        f"{_SHOW}"
    )


def _json(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f'<script type="application/json">{text}</script>'


def _options(text: str, options: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(option)}</li>" for option in options)
    return f'<div class="course-plain"><p><b>{html.escape(text)}</b></p><ul>{items}</ul></div>'


def _with_answer(one: Asked) -> str:
    reasons = dict(one["reasons"])
    right = f"{html.escape(one['answer'])}. {html.escape(reasons[one['answer']])}"
    return f"{_options(one['text'], reasons)}<details><summary>Answer</summary>{right}</details>"


def script() -> str:
    """The front end as one script for pages without a kernel; it defines `course`."""
    panel, quiz = (
        part_of_page(*names).replace("export default { render };", "return render;")
        for names in (FRONT_END[1:], ("quiz.js",))
    )
    views = f"const views = {{ panel: (() => {{{panel}}})(), quiz: (() => {{{quiz}}})() }};"
    body = "\n".join([part_of_page("elements.js"), views, part_of_page("static.js")])
    offered = "return { show, receive, everything, keep, isDue };"
    return f"const course = (() => {{\n{body}\n{offered}\n}})();\n"

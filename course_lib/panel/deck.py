"""Questions, flash cards or hints, one at a time, by mouse or keyboard."""

from collections.abc import Callable, Sequence

from course_lib.panel.question import Quiz, Shown, button, page

Asked = tuple[str, Sequence[str], Callable[[str], str]]  # question, options, reply as HTML


def questions(asked: Sequence[Asked], status: Callable[[], str]) -> Quiz:
    """Widget with questions one at a time.

    `status()` is a line of text on how it stands, shown after each choice beside the place in the
    deck.
    """
    at = 0
    said: list[tuple[str | None, str]] = [(None, "") for _ in asked]  # chosen, and the reply

    def show() -> Shown:
        question, options, _ = asked[at]
        chosen, reply = said[at]
        buttons = [
            button("back", "← Back", disabled=at == 0),
            button("next", "Next →", primary=True, disabled=at == len(asked) - 1),
        ]
        where = f"Question {at + 1} of {len(asked)} · {status()}"
        more = {"options": list(options), "chosen": chosen, "reply": reply, "buttons": buttons}
        return page(question, where=where, **more)

    def answered(chosen: str = "", pressed: str = "") -> Shown:
        nonlocal at
        if chosen:
            said[at] = chosen, asked[at][2](chosen)
        else:
            at = min(max(at + {"back": -1, "next": 1}[pressed], 0), len(asked) - 1)
        return show()

    return Quiz(show(), answered)


def cards(
    found: Sequence[tuple[str, str, str]], answered: Callable[[int, bool], str], done: str
) -> Quiz:
    """Widget with flash cards one at a time. `found`: (topic, front, back) each.

    `answered(number, knew)` keeps the answer and returns a sentence; `done` is what is said after
    the last card.
    """
    number = 0

    def front(before: str = "") -> Shown:
        if number == len(found):
            return page("", where=f"{before} {done}".lstrip())
        topic, asked, _ = found[number]
        where = f"{before} Card {number + 1} of {len(found)} · {topic}".lstrip()
        return page(asked, where=where, buttons=[button("turn", "Turn it", primary=True)])

    def back() -> Shown:
        topic, asked, answer = found[number]
        buttons = [button("knew", "I knew it", primary=True), button("not yet", "Not yet")]
        where = f"Card {number + 1} of {len(found)} · {topic}"
        return page(asked, where=where, back=answer, buttons=buttons)

    def pressed(pressed: str) -> Shown:
        nonlocal number
        if pressed == "turn":
            return back()
        said = answered(number, pressed == "knew")
        number += 1
        return front(said)

    return Quiz(front(), pressed)


def hints(title: str, texts: Sequence[str]) -> Quiz:
    """Widget with one more of the `texts`, HTML each, at each press."""
    seen = 0

    def show(pressed: str = "") -> Shown:
        nonlocal seen
        seen = min(seen + bool(pressed), len(texts))
        reply = f"<ol>{''.join(f'<li>{text}</li>' for text in texts[:seen])}</ol>" if seen else ""
        left = [button("hint", f"Hint {seen + 1} of {len(texts)}")] if seen < len(texts) else []
        return page(title, reply=reply, buttons=left)

    return Quiz(show(), show)

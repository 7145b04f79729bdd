"""Questions and cards, as their page sees them."""

from course_lib.panel import deck
from course_lib.panel.question import ask
from tests.panel._page import Wire


def test_a_choice_is_answered_and_another_one_too():
    quiz = ask("2 + 2?", ["3", "4"], lambda option: f"<b>{option}</b>")
    assert quiz.shown["chosen"] is None and quiz.shown["reply"] == ""
    wire = Wire(quiz)
    wire.say(chosen="3")
    assert quiz.shown["chosen"] == "3" and quiz.shown["reply"] == "<b>3</b>"
    wire.say(chosen="4")
    assert quiz.shown["reply"] == "<b>4</b>" and quiz.shown["options"] == ["3", "4"]


def test_a_former_choice_is_answered_at_once():
    assert ask("2 + 2?", ["3", "4"], "said {}".format, chosen="4").shown["reply"] == "said 4"


def test_questions_come_one_at_a_time_and_keep_what_was_said():
    said = []
    asked = [("a?", ["1", "2"], lambda o: said.append(o) or f"to {o}"), ("b?", ["3"], str)]
    quiz = deck.questions(asked, lambda: f"{len(said)} said")
    wire = Wire(quiz)
    back, on = quiz.shown["buttons"]
    assert back["disabled"] and not on["disabled"]
    wire.say(chosen="2")
    assert quiz.shown["where"] == "Question 1 of 2 · 1 said" and quiz.shown["reply"] == "to 2"
    wire.say(pressed="next")
    assert quiz.shown["text"] == "b?" and quiz.shown["chosen"] is None
    assert quiz.shown["buttons"][1]["disabled"]
    wire.say(pressed="back")
    assert quiz.shown["chosen"] == "2" and quiz.shown["reply"] == "to 2" and said == ["2"]


def test_cards_are_turned_and_judged():
    knew = []
    quiz = deck.cards(
        [("x", "front 1", "back 1"), ("y", "front 2", "back 2")],
        lambda number, yes: knew.append((number, yes)) or "Kept.",
        "That was all.",
    )
    wire = Wire(quiz)
    assert quiz.shown["text"] == "front 1" and quiz.shown["back"] == ""
    for answer in ("knew", "not yet"):
        wire.say(pressed="turn")
        assert quiz.shown["back"].startswith("back")
        wire.say(pressed=answer)
    assert knew == [(0, True), (1, False)]
    assert quiz.shown["where"] == "Kept. That was all." and quiz.shown["buttons"] == []


def test_a_press_gives_one_hint_more_until_there_is_none():
    quiz = deck.hints("Hints to T1", ["<i>1st</i>", "2nd"])
    wire = Wire(quiz)
    assert quiz.shown["reply"] == "" and quiz.shown["buttons"][0]["label"] == "Hint 1 of 2"
    wire.say(pressed="hint")
    assert quiz.shown["reply"] == "<ol><li><i>1st</i></li></ol>"
    assert quiz.shown["buttons"][0]["label"] == "Hint 2 of 2"
    for _ in range(2):  # a second press that was under way as the button went
        wire.say(pressed="hint")
        assert quiz.shown["reply"].count("<li>") == 2 and quiz.shown["buttons"] == []

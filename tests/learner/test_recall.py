"""Flash cards come back after 1, 3 and 7 days; a fixed clock says which day it is."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from course_lib import cli
from course_lib import notebook as helpers
from course_lib.base import progress
from course_lib.learner import recall
from course_lib.learner.quizzes import cards
from tests.panel._page import Wire

TODAY = date(2026, 3, 1)
FIRST, SECOND, *_ = CARDS = cards("dropout")


@pytest.fixture(autouse=True)
def live(course, tmp_path, monkeypatch):
    """An empty course, live."""
    course(_06_dropout="# %%\n1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.setattr(progress, "_waiting", [])


def on(days):
    """That many days later."""
    return TODAY + timedelta(days=days)


def due(day, stems=("dropout",)):
    return recall.due(progress.read()[0], day, stems)


def test_a_card_known_each_time_comes_back_after_1_3_and_7_days_and_then_rests():
    day = 0
    for wait in (1, 3, 7):
        assert recall.answer(FIRST, True, on(day)).startswith(f"It comes back in {wait} day")
        assert not [d for d in range(day, day + wait) if FIRST in due(on(d))]
        day += wait
        assert FIRST in due(on(day)) and FIRST in due(on(day + 30))
    assert recall.answer(FIRST, True, on(day)) == "Learned: it rests now."
    assert FIRST not in due(on(day + 365))


def test_a_card_not_known_goes_back_to_one_day():
    recall.answer(FIRST, True, TODAY)
    recall.answer(FIRST, True, on(1))
    assert recall.answer(FIRST, False, on(4)) == "It comes back in 1 day."
    assert FIRST not in due(on(4)) and FIRST in due(on(5))
    assert recall.answer(FIRST, True, on(5)) == "It comes back in 3 days."


def test_new_cards_come_with_the_lessons_that_were_begun_or_are_named():
    assert due(TODAY, []) == [] and due(TODAY) == CARDS
    progress.note("quiz", "dropout/rescale", right=True)
    assert due(TODAY, []) == CARDS


def test_what_is_overdue_comes_first_and_new_cards_last():
    recall.answer(FIRST, True, on(2))
    recall.answer(SECOND, True, TODAY)
    assert due(on(5))[:2] == [SECOND, FIRST]


def test_nothing_due_says_why(capsys):
    assert recall.session([], today=TODAY) == 0
    assert "No lesson is begun yet" in capsys.readouterr().out
    for card in CARDS:
        recall.answer(card, True, TODAY)
    recall.session(["dropout"], today=TODAY)
    assert capsys.readouterr().out == "Nothing is due. The next card comes on 2026-03-02.\n"
    for wait in (1, 4, 11):
        for card in CARDS:
            recall.answer(card, True, on(wait))
    recall.session(["dropout"], today=on(400))
    assert capsys.readouterr().out == "All these cards are learned.\n"


# in the terminal


def keys(*pressed):
    """Somebody who presses these keys."""
    pressed = iter(pressed)
    return lambda prompt: next(pressed)


def test_a_session_by_keys(capsys):
    recall.session(["dropout"], keys("", "y", "x", "", "maybe", "Not yet", "q"), TODAY)
    said = capsys.readouterr().out
    assert (
        said.index(FIRST.front)
        < said.index(FIRST.back)
        < said.index("1 day.")
        < said.index(SECOND.front)
    )
    assert (
        f"1 of {len(CARDS)} · dropout" in said
        and CARDS[2].front in said
        and CARDS[2].back not in said
    )
    entries = progress.read()[0]["cards"]
    assert set(entries) == {FIRST.name, SECOND.name} and entries[FIRST.name]["due"] == "2026-03-02"


@pytest.mark.parametrize("stop", [EOFError, KeyboardInterrupt])
def test_the_end_of_the_input_leaves(stop):
    def ask(prompt):
        raise stop

    assert recall.session(["dropout"], ask, TODAY) == 0


def test_without_a_keyboard_what_is_due_is_printed(capsys):
    assert cli.main(["recall", "06"]) == 0
    said = capsys.readouterr().out
    assert all(card.front in said and card.back in said for card in CARDS)
    assert progress.read()[0]["cards"] == {}
    assert cli.main(["recall", "99"]) == 2


# in a notebook


def test_cards_in_a_notebook():
    progress.note("quiz", "dropout/rescale", right=True)
    deck = helpers.recall()._view
    wire = Wire(deck)
    assert deck.shown["where"] == f"Card 1 of {len(CARDS)} · dropout"
    assert FIRST.back not in str(deck.shown)
    wire.say(pressed="turn")
    assert deck.shown["back"] == FIRST.back
    wire.say(pressed="knew")
    assert deck.shown["where"] == f"It comes back in 1 day. Card 2 of {len(CARDS)} · dropout"
    for _ in CARDS[1:]:
        wire.say(pressed="turn")
        wire.say(pressed="not yet")
    assert deck.shown["where"].endswith("That was all for today.") and not deck.shown["buttons"]
    assert set(progress.read()[0]["cards"]) == {card.name for card in CARDS}
    assert (
        helpers.recall()
        ._repr_mimebundle_()["text/plain"]
        .startswith("Nothing is due. The next card comes on ")
    )


def test_without_a_kernel_all_cards_can_be_read(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    shown = helpers.recall("dropout")._repr_mimebundle_()
    assert shown["text/html"].count("<details>") == len(CARDS)
    assert helpers.recall()._repr_mimebundle_()["text/html"].count("<details>") > 5 * len(CARDS)


def test_a_reader_that_leaves_early_is_no_error():
    command = [str(Path(sys.executable).with_name("course")), "recall", "06"]
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (0, "")

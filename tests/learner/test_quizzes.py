"""The quiz bank: enough questions, a reason for each option, each widely read error; its widget."""

from collections import Counter

import pytest

from course_lib import LESSONS
from course_lib.base import progress
from course_lib.learner.cells import cells_of
from course_lib.learner.course_map import MAP
from course_lib.learner.quizzes import Card, Question, cards, parsed, questions
from course_lib.notebook import quiz_of, recall
from tests.panel._page import Wire

# Every row of the sources' table of errors, sentence by sentence, and every myth of the syllabus.
ERRORS = {
    "sgd": {
        "standard-error",
        "noise-leaves-saddles",
        "zero-grad",
        "references",
        "sharp-minima",
        "low-training-loss",
    },
    "overfitting": {"training-accuracy", "replaces-data", "always-test", "little-data"},
    "l1_l2": {
        "l1-exactly-zero",
        "l1-only-shrinks",
        "penalise-biases",
        "names-lie",
        "squared-norm",
        "loop-indentation",
        "smoother-landscape",
    },
    "weight_decay": {
        "fully-equivalent",
        "one-word",
        "two-lambda",
        "half-lambda",
        "sign",
        "smaller-than-intended",
        "same-rate",
        "average-of-w",
        "m-carried",
    },
    "adamw": {
        "no-bias-correction",
        "half-correction",
        "decay-not-adaptive",
        "epsilon-place",
        "rate-divided-twice",
        "beta2-momentum",
    },
    "label_smoothing": {"smoothing-target"},
    "dropout": {"higher-training-loss", "one-subset", "eval-mode", "distributes"},
    "batchnorm": {"all-samples", "no-affine", "layer-norm-name", "decay-keeps-simple"},
    "stochastic_depth": {"linspace", "scaling-unnecessary", "larger-gradients"},
    "capstone": {"both-improve", "narrower-intervals"},
    "elsewhere": {"matrices-decay", "no-difference", "nothing-left"},
}
ALL_QUESTIONS = [question for stem in LESSONS for question in questions(stem)]


@pytest.mark.parametrize("stem", LESSONS)
def test_a_lesson_has_enough_questions_and_cards(stem):
    assert len(questions(stem)) >= 8 and len(cards(stem)) >= 6
    names = [block.name for block in (*questions(stem), *cards(stem))]
    assert len(set(names)) == len(names)
    assert len({question.text for question in questions(stem)}) == len(questions(stem))


@pytest.mark.parametrize("lesson", MAP, ids=lambda lesson: lesson.name)
def test_a_built_lesson_asks_what_its_file_asks(lesson, repository):
    """Who changes a quiz builds its lesson anew."""
    cells = cells_of(repository / "notebooks" / f"{lesson.name}.ipynb")
    for shown in (quiz_of, recall):
        call = f'{shown.__name__}("{lesson.stem}")'
        (outputs,) = [cell.outputs for cell in cells if call in cell.get("source", "")]
        text = shown(lesson.stem)._repr_mimebundle_()["text/plain"]
        assert [output["data"]["text/plain"] for output in outputs] == [text]


@pytest.mark.parametrize("question", ALL_QUESTIONS, ids=lambda question: question.name)
def test_every_option_has_a_reason_of_its_own(question):
    assert 3 <= len(question.reasons) <= 4 and question.answer in question.reasons
    assert all(len(reason) >= 20 for reason in question.reasons.values())
    assert len(set(question.reasons.values())) == len(question.reasons)


def test_neither_place_nor_length_gives_the_answer_away():
    places = Counter(list(question.reasons).index(question.answer) for question in ALL_QUESTIONS)
    assert max(places[place] for place in range(3)) < 0.4 * len(ALL_QUESTIONS)
    longest = sum(max(question.reasons, key=len) == question.answer for question in ALL_QUESTIONS)
    assert longest < 0.5 * len(ALL_QUESTIONS)


@pytest.mark.parametrize("stem", LESSONS)
def test_every_error_of_the_sources_is_asked_about(stem):
    assert {myth for question in questions(stem) for myth in question.myths} == ERRORS[stem]


def test_the_myths_are_a_quiz_of_their_own():
    found = questions("myths")
    assert all(question.myths for question in found) and {
        question.stem for question in found
    } == set(LESSONS)


def test_markdown_becomes_a_question_or_a_card():
    text = "sum\nMyth: one, two\n\nWhat *is*\n`1 + 1`?\n\n"
    text += "- [ ] `1`\n  Too\n  few.\n- [x] 2\n  Count.\n\n# Cards\n\n"
    assert parsed("sgd", text) == Question(
        "sgd", "sum", "What is 1 + 1?", {"1": "Too few.", "2": "Count."}, "2", ("one", "two")
    )
    assert parsed("sgd", "one\n\nFront?\n\n> Back,\n> all of it.\n") == Card(
        "sgd", "one", "Front?", "Back, all of it."
    )
    resting = parsed("sgd", "one\nMyth: m\nRests: a-1, not b\n\nFront?\n\n- [x] It\n  is.\n")
    assert (resting.myths, resting.rests) == (("m",), ("a-1", "not b"))
    assert parsed("sgd", "one\nRests: a\n\nFront?\n\n> Back.\n").rests == ("a",)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("a\n\nQ?\n\n- [ ] 1\n  r\n- [ ] 2\n  s\n", "0 right options"),
        ("a\n\nQ?\n\n- [x] 1\n  r\n- [x] 2\n  s\n", "2 right options"),
        ("a\n\nQ?\n\n- [x] 1\n  r\n- [ ] 1\n  s\n", "an option stands twice"),
        ("a\n\nQ?\n\n- [x] 1\n  r\n- [ ] 2\n", "an option without a reason"),
        ("a\n\n- [x] 1\n  r\n- [ ] 2\n  s\n", "no question"),
        ("a\n\nFront?\n", "neither options nor a quoted answer"),
    ],
)
def test_a_slip_in_the_file_is_named(block, problem):
    with pytest.raises(ValueError, match=rf"quizzes/sgd\.md, a: .*{problem}"):
        parsed("sgd", block)


def test_an_unknown_lesson_is_refused():
    with pytest.raises(ValueError, match="stem = 'swa': must be one of sgd, overfitting"):
        quiz_of("swa")


# the quiz in a notebook


def test_without_a_kernel_every_question_can_be_read_with_its_reasons():
    shown = quiz_of("dropout")._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"}
    assert shown["text/html"].count("<details>") == len(questions("dropout"))
    for question in questions("dropout"):
        assert question.text in shown["text/plain"]
        assert all(f"○ {option}" in shown["text/plain"] for option in question.reasons)
        assert not any(reason in shown["text/plain"] for reason in question.reasons.values())


@pytest.fixture
def live(course, tmp_path, monkeypatch):
    """A live kernel in an empty course."""
    course()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.setattr(progress, "_waiting", [])


def test_questions_come_one_at_a_time_and_the_first_choice_counts(live):
    first, second, *rest = questions("dropout")
    deck = quiz_of("dropout")._view
    wire = Wire(deck)
    count = 2 + len(rest)
    assert deck.shown["where"] == f"Question 1 of {count} · 0 right at the first try, of 0 answered"
    wire.say(chosen=next(option for option in first.reasons if option != first.answer))
    wire.say(chosen=first.answer)
    assert deck.shown["reply"].startswith("<b>✓ Right.</b>")
    wire.say(pressed="next")
    wire.say(chosen=second.answer)
    assert deck.shown["where"] == f"Question 2 of {count} · 1 right at the first try, of 2 answered"
    assert {name: entry["right"] for name, entry in progress.read()[0]["quiz"].items()} == {
        first.name: False,
        second.name: True,
    }
    wire.say(pressed="back")
    assert deck.shown["chosen"] == first.answer
    for _ in range(count):
        wire.say(pressed="next")
    assert deck.shown["where"].startswith(f"Question {count} of")
    assert deck.shown["buttons"][1]["disabled"]

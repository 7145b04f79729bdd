"""A lesson's quiz, its flash cards and a task's hints in JupyterLab, by keyboard alone; and the
self-test of the machine.
"""

import json

import pytest

from course_lib.learner.hints import hints_of
from course_lib.learner.quizzes import cards, questions
from tests.browser import _lab
from tests.browser.conftest import place

CELLS = [
    "from course_lib.notebook import quiz_of, recall, self_test, standing\nquiz_of('dropout')",
    "recall('dropout')",
    "from course_lib.checks import check\n_ = check('04/T2', lambda *given: None)",
    "standing()",
    "self_test()",
]


@pytest.fixture(scope="module")
def index_in_lab(tmp_path_factory):
    """A course with an index notebook, open and run in JupyterLab: page, folder, traffic."""
    folder, scratch = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("jupyter")
    for part in ("course_lib", "notebooks", "data"):
        (folder / part).mkdir()
    (folder / "notebooks" / place(CELLS, folder / "notebooks")).rename(
        folder / "notebooks" / "index.ipynb"
    )
    with _lab.jupyter_lab(folder / "notebooks", scratch) as server, _lab.chromium() as page:
        traffic = _lab.Traffic().watch(page)
        _lab.open_notebook(page, server, "index.ipynb")
        _lab.run_all(page)
        page.wait_for_selector(".course-record:has-text('what was looked at')")
        yield page, folder, traffic


def kept(folder, section):
    return json.loads((folder / ".course" / "progress.json").read_text())[section]


def test_the_quiz_is_answered_by_keyboard(index_in_lab):
    page, folder, _ = index_in_lab
    deck = page.locator(".course-quiz").first
    deck.locator("input[type=radio]").first.focus()
    page.keyboard.press("Space")
    deck.locator("text=/✓ Right|✗ Not this one/").wait_for()
    page.keyboard.press("ArrowDown")
    for _ in questions("dropout")[0].reasons:
        if page.evaluate("document.activeElement.tagName") != "BUTTON":
            page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Back cannot be pressed yet, so the first button is Next
    deck.locator(".course-said", has_text="Question 2").wait_for()
    assert deck.locator(".course-said").get_attribute("aria-live") == "polite"
    first, second = questions("dropout")[:2]
    assert deck.locator(f"text={second.text}").is_visible()
    assert kept(folder, "quiz")[first.name]["said"] == next(iter(first.reasons))


def test_cards_are_turned_and_judged_by_keyboard(index_in_lab):
    page, folder, _ = index_in_lab
    deck = page.locator(".course-quiz").nth(1)
    first, second, *_ = cards("dropout")
    deck.locator("button", has_text="Turn it").focus()
    page.keyboard.press("Enter")
    deck.locator(".course-card", has_text=first.back[:20]).wait_for()
    page.keyboard.press("Enter")  # the button that says so has the focus
    deck.locator(".course-said", has_text="It comes back in 1 day. Card 2").wait_for()
    page.keyboard.press("Enter")
    deck.locator(".course-card", has_text=second.back[:20]).wait_for()
    assert kept(folder, "cards")[first.name]["days"] == 1


def test_hints_below_a_check_come_one_at_a_press(index_in_lab):
    page, *_ = index_in_lab
    deck, known = page.locator(".course-quiz").last, hints_of(4)["T2"]
    assert deck.locator("li").count() == 0
    deck.locator("button", has_text="Hint 1 of 3").focus()
    for count in (1, 2, 3):
        page.keyboard.press("Enter")  # the button of the next one has the focus
        deck.locator(f"li:nth-child({count})").wait_for()
    assert deck.locator("li").all_inner_texts() == [text.replace("`", "") for text in known]
    assert not deck.locator("button").count()


def test_the_self_test_and_the_table_say_how_it_stands(index_in_lab):
    page, _, traffic = index_in_lab
    report = page.locator(".course-record", has_text="all is well")
    assert "Python 3." in report.inner_text() and not report.locator("li").first.is_visible()
    report.locator("summary").click()
    for line in ("Python: 3.", "sliders: ", "kernel: ", "memory: "):
        assert report.locator("li", has_text=line).first.is_visible()
    assert page.locator("td", has_text="06 dropout").is_visible()
    assert not [error for error in traffic.errors if "favicon" not in error]

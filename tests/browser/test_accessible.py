"""What a screen reader is told, keys alone reach, and axe-core finds: lesson 04's first panels."""

import pytest

from course_lib.explorers import adamw as explore
from tests.browser import _lab

CELLS = [
    "from course_lib.notebook import predict, quiz, setup\n"
    "from course_lib.explorers import adamw as explore\nsetup()",
    "predict('moved', 'Where does AdamW end?', ['nearer to zero', 'at the star'])",
    "explore.trajectory.show()",
    "quiz('2 + 2?', {'3': 'one too few', '4': 'as counted'}, answer='4')",
    "explore.which_parameter.show()",
]
OURS = {"include": [[".course-panel"], [".course-quiz"]]}


@pytest.fixture
def panels(opened):
    opened.settle()
    return opened.panels()


def test_axe_finds_nothing_in_light_dark_and_large(opened, panels):
    assert _lab.axe_findings(opened.page, OURS) == []
    for name in ("dark", "large"):
        opened.page.locator(f".course-foot button:has-text('{name}')").first.click()
        opened.settle()
        assert _lab.axe_findings(opened.page, OURS) == []
    for name in ("light", "large"):
        opened.page.locator(f".course-foot button:has-text('{name}')").first.click()
    opened.settle()


WALK = """\
- 'group "One start, one λ: Adam + L2 and AdamW"':
  - 'heading "One start, one λ: Adam + L2 and AdamW" [level=2]'
  - text: start from
  - combobox "start from":
    - option "–" [selected]
    - option "the box holds the star"
    - option "the wall cuts the star off"
    - option "decay alone throws the weights out"
    - option "ε as large as the gradients"
    - 'option "no decay: one path"'
  - text: λ
  - slider "λ": "8"
  - spinbutton "λ": "0.4"
  - text: learning rate
  - slider "learning rate": "10"
  - spinbutton "learning rate": "0.05"
  - text: β₁
  - slider "β₁": "3"
  - spinbutton "β₁": "0.9"
  - text: β₂
  - slider "β₂": "2"
  - spinbutton "β₂": "0.9"
  - text: ε
  - slider "ε": "0"
  - spinbutton "ε": "1e-8"
  - 'group "picture: arrow keys read its values"':
    - 'img "{caption}"'
    - 'button "start w₁ -1.2, start w₂ 1.4: drag, or move with the arrow keys"'
    - 'button "star w₁ 2, star w₂ 0.7: drag, or move with the arrow keys"'
  - paragraph: "{caption}"
  - button "Play step by step": ▶
  - button "Copy the line that shows this state": Copy
  - code: show()
  - button "◐ dark"
  - button "⤢ large"\
"""


def test_a_screen_reader_walks_through_the_first_panel(opened, panels):
    caption = explore.trajectory.explorer.picture()[1]
    panel = opened.page.locator(".course-panel").first
    assert panel.aria_snapshot() == WALK.format(caption=caption)
    spoken = panel.locator("input[type=range]").evaluate_all("all => all.map(e => e.ariaValueText)")
    assert spoken[:5] == ["0.4", "0.05", "0.9", "0.9", "1e-8"]  # not the places "8", "10", …


def focused(page):
    """What has the focus, in words."""
    return page.evaluate(
        "(e => e.ariaLabel || e.labels?.[0]?.textContent || e.getAttribute('role') || '')"
        "(document.activeElement)"
    )


def test_tab_goes_from_title_to_controls_to_picture_and_one_shift_tab_leaves(opened, panels):
    page = opened.page
    panels[0].element.focus()
    assert focused(page) == "group"
    walked = []
    while not walked or not walked[-1].startswith("picture"):
        page.keyboard.press("Tab")
        walked.append(focused(page).strip())
    assert walked[1:5] == ["λ", "λ", "learning rate", "learning rate"], walked
    panels[0].element.query_selector_all("input[type=range]")[3].focus()
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate("document.activeElement.closest('.course-panel')")


def test_a_pictures_values_are_read_by_arrow_keys(opened, panels):
    canvas = panels[0].element.query_selector(".course-canvas")
    canvas.focus()
    canvas.press("ArrowDown")
    tip = panels[0].element.wait_for_selector(".course-tip:not([hidden])")
    assert tip.get_attribute("role") == "status" and ": w₁ " in tip.inner_text()
    canvas.press("Tab")


def test_a_start_is_moved_by_arrow_keys_and_by_mouse(opened, panels):
    page, panel = opened.page, panels[0]
    handle = panel.element.query_selector(".course-handle")
    handle.press("ArrowRight")
    panel.until(lambda _: handle.get_attribute("aria-label").startswith("start w₁ -1.1, "))
    _lab.at_rest(page, handle)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = panel.seen()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=5)
    page.mouse.up()
    panel.changed(before)
    opened.settle()
    state = panel.element.query_selector(".course-state").inner_text()
    assert "start1=" in state and "start2=" in state


def test_a_path_is_played_and_scrubbed(opened, panels):
    panel = panels[0].element
    panel.query_selector("[aria-label='Play step by step']").click()
    scrub = panel.wait_for_selector("input[aria-label=step]:not([hidden])")
    panel.wait_for_selector("[aria-label='Play step by step']")  # it has come to its end
    assert scrub.get_attribute("aria-valuetext").startswith("step 300") or scrub.input_value() > "0"
    scrub.press("Home")
    assert scrub.get_attribute("aria-valuetext") == "step 0"
    assert panel.query_selector_all(".course-markers .course-dot")


def test_an_answer_is_taken_back_when_the_riddle_changes(opened, panels):
    panel = panels[1]
    answer = panel.control("your answer").query_selector("select")
    answer.press("ArrowDown")
    panel.until(lambda seen: "✓" in seen[3] or "✗" in seen[3])
    panel.sliders()[0].press("ArrowRight")  # other riddles
    riddle = explore.which_parameter.explorer.picture(seed=1)[1]
    panel.until(lambda seen: seen[0] == seen[3] == riddle)
    assert answer.input_value() == "?"

"""A closed form, a control that trains and a trained axis, moved by mouse, keyboard and typing in
JupyterLab.
"""

import json

import nbformat
import pytest

from tests import _toys
from tests.browser._lab import at_rest, drag

CELLS = [
    "from course_lib.notebook import predict, quiz, setup\nfrom tests import _toys\nsetup()",
    "_toys.waves.show()",
    "_toys.errors.show()",
    "predict('size', 'Which is smaller?', ['L2', 'decay'])",
]


@pytest.fixture
def waves(opened):
    yield opened.panels()[0]
    assert opened.traffic.errors == []


@pytest.fixture
def errors(opened):
    yield opened.panels()[1]
    assert opened.traffic.errors == []


def number(panel, label):
    return float(panel.control(label).query_selector("input[type=number]").input_value())


def picture_of(panel, **labels):
    """What should be seen at the numbers that the panel's boxes show."""
    return _toys.waves.picture(**{name: number(panel, label) for name, label in labels.items()})[1]


def test_a_slider_dragged_by_mouse_shows_the_picture_of_the_number_in_its_box(waves, opened):
    before = waves.until(bool)
    drag(opened.page, waves.sliders()[0], 60)
    waves.changed(before)
    # The caption says what the alternative text says; the two come as two messages.
    now = waves.until(lambda seen: seen[0] == seen[3] == picture_of(waves, frequency="frequency"))
    canvas = waves.element.query_selector(".course-canvas").bounding_box()
    assert now[1] != before[1] and now[2] == pytest.approx(canvas["width"], abs=1)


def test_a_slider_moves_with_the_arrow_keys(waves, opened):
    handle, was = waves.sliders()[1], number(waves, "damping")
    handle.focus()
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("ArrowRight")
    numbers = {"frequency": "frequency", "damping": "damping"}
    waves.until(
        lambda seen: number(waves, "damping") > was and seen[0] == picture_of(waves, **numbers)
    )
    positions = _toys.waves.controls["damping"].positions
    assert positions.index(number(waves, "damping")) == positions.index(was) + 2


def type_into(panel, label, text):
    box = panel.control(label).query_selector("input[type=number]")
    box.fill(text)
    box.press("Enter")


def test_a_number_can_be_typed_and_one_out_of_range_is_refused_in_words(waves):
    type_into(waves, "frequency", "1.234")
    numbers = {"frequency": "frequency", "damping": "damping"}
    good = waves.until(
        lambda seen: number(waves, "frequency") == 1.234 and seen[0] == picture_of(waves, **numbers)
    )
    type_into(waves, "frequency", "-3")
    now = waves.until(lambda seen: seen[3].startswith("frequency ω = -3"))
    assert "must be a finite number in [0.1, 5]. It stays at 1.234" in now[3] and now[1] == good[1]
    waves.until(lambda _: number(waves, "frequency") == 1.234)


def test_numbers_that_cannot_be_computed_grey_the_last_picture(waves):
    before = waves.seen()
    type_into(waves, "damping", "0.95")
    now = waves.until(lambda seen: "must be at most 0.9" in seen[3])
    assert now[1] == before[1] and "course-refused" in waves.element.get_attribute("class")
    type_into(waves, "damping", "0.3")
    numbers = {"frequency": "frequency", "damping": "damping"}
    waves.until(
        lambda seen: (
            number(waves, "damping") == 0.3 and seen[0] == seen[3] == picture_of(waves, **numbers)
        )
    )
    assert "course-refused" not in waves.element.get_attribute("class")


def test_every_control_has_an_accessible_name(opened):
    for panel in opened.panels():
        for field in panel.element.query_selector_all(
            "input[type=number], input[type=range], select"
        ):
            if field.is_visible():
                assert field.evaluate(
                    "e => e.labels.length > 0 && e.labels[0].textContent || e.ariaLabel"
                ).strip()
        assert (
            panel.element.query_selector(".course-caption").get_attribute("aria-live") == "polite"
        )


def test_a_trained_axis_moves_without_a_message_to_the_kernel(errors, opened, report):
    errors.served()
    slider, before = errors.sliders()[0], errors.seen()
    slider.focus()
    box = at_rest(opened.page, slider)
    messages, seen = opened.traffic.messages(), set()
    y = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + 8 + (box["width"] - 16) * 12 / 23, y)
    opened.page.mouse.down()
    for step in range(24):
        opened.page.mouse.move(box["x"] + 8 + (box["width"] - 16) * step / 23, y)
        seen.add(errors.seen()[:2])
    opened.page.mouse.up()
    for _ in range(5):
        slider.press("ArrowLeft")
        seen.add(errors.seen()[:2])
    opened.page.wait_for_timeout(300)
    assert opened.traffic.messages() == messages
    assert len(seen) >= 23 and len({alt for alt, _ in seen}) == len(
        {source for _, source in seen}
    ) == len(seen)
    now, position = errors.seen(), int(slider.input_value())
    assert f"λ = {_toys.STRENGTHS[position]:g}:" in now[0] and now[0] == now[3] != before[0]
    assert number(errors, "weight decay") == _toys.STRENGTHS[position]
    report(
        f"trained axis: {len(seen)} pictures, "
        f"{opened.traffic.messages() - messages} kernel messages"
    )


def test_a_retraining_begins_where_the_trained_slider_stands_and_serves_it_again(errors, opened):
    errors.served()
    type_into(errors, "weight decay", "0.0011")
    errors.until(lambda seen: "λ = 0.001:" in seen[0])  # the nearest position, at once
    drag(opened.page, errors.sliders()[1], 40, pause=20)
    width = int(number(errors, "width"))
    now = errors.until(
        lambda seen: seen[0].startswith(f"Width {int(number(errors, 'width'))}, λ = 0.001:")
    )
    assert int(number(errors, "width")) >= width > 16 and "seed(s)" in now[0]
    errors.until(lambda seen: "over 8 seed(s)" in seen[0])
    errors.served()
    errors.sliders()[0].press("ArrowRight")
    errors.until(lambda seen: f"λ = {_toys.STRENGTHS[1]:g}:" in seen[0])


def test_a_training_without_steps_is_played_along_its_axis_until_the_reader_moves(errors, opened):
    errors.served()
    slider, play = errors.sliders()[0], "[aria-label='Play along weight decay λ']"
    slider.press("Home")
    errors.element.query_selector(play).click()
    errors.until(lambda seen: f"λ = {_toys.STRENGTHS[3]:g}:" in seen[0])
    errors.element.query_selector("[aria-label=Pause]").click()
    stood = slider.input_value()
    opened.page.wait_for_timeout(700)
    assert slider.input_value() == stood
    errors.element.query_selector(play).click()
    slider.press("Home")
    assert errors.element.query_selector(play)


def test_a_panel_turns_dark(waves):
    before = waves.seen()
    waves.element.query_selector("button:has-text('dark')").click()
    now = waves.changed(before)
    assert now[0] == before[0] and now[1] != before[1]
    waves.element.query_selector("button:has-text('light')").click()
    waves.until(lambda seen: seen[1] == before[1])


def test_a_word_is_chosen_by_keyboard(waves, opened):
    before = waves.seen()
    waves.control("wave").query_selector("select").focus()
    opened.page.keyboard.press("ArrowDown")
    waves.changed(before)
    opened.page.keyboard.press("ArrowUp")
    waves.until(lambda seen: seen[:2] == before[:2])


def test_a_prediction_is_made_by_keyboard(opened):
    opened.page.query_selector(".course-quiz input[type=radio]").focus()
    opened.page.keyboard.press("ArrowDown")
    opened.page.wait_for_selector(".course-quiz :text('You said: decay')")


def outputs(text):
    cells = nbformat.reads(text, as_version=4).cells
    return [output["data"] for cell in cells for output in cell.outputs if "data" in output]


def without_pictures(text):
    """Characters of a notebook's file that are not a picture's."""
    return len(text) - sum(len(json.dumps(data.get("image/png", ""))) for data in outputs(text))


def test_what_is_saved_has_pictures_and_captions_and_no_widget_state_and_does_not_grow(opened):
    first = opened.save()
    assert "widgets" not in json.loads(first)["metadata"]
    assert "widget-view" not in first and "course-late" not in first
    pictures = [data for data in outputs(first) if "image/png" in data]
    assert len(pictures) == 2 and all(data["text/plain"].endswith(".") for data in pictures)
    for _ in range(3):
        opened.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    again = opened.save()
    assert len(outputs(again)) == len(outputs(first))
    assert without_pictures(again) < 1.01 * without_pictures(first)
    assert len(again) < 1.1 * len(
        first
    )  # the picture of a training is the one that stood when the cell ended


def test_a_folded_explorer_does_not_say_what_is_seen(opened):
    content = "window.jupyterapp.shell.currentWidget.content"
    for hide in (True, False):
        opened.page.evaluate(f"{content}.widgets[1].outputHidden = {str(hide).lower()}")
        if hide:
            line = opened.page.wait_for_selector(".jp-OutputPlaceholder").inner_text()
            assert line.startswith("An explorer, folded: click to open.")


def test_without_its_kernel_a_panel_says_what_to_do(opened):
    opened.page.evaluate(
        "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
    )
    for part in (".course-panel", ".course-quiz"):
        opened.page.wait_for_selector(f"{part}.course-dead .course-gone", timeout=60_000)

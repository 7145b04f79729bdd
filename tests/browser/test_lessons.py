"""A lesson's explorers as a reader meets them: opened in JupyterLab, run, their sliders moved."""

from statistics import median

import nbformat

from tests.browser._lab import ROOT, Watched, at_rest, drag

# It has panels of each kind. Its other cells are run by nbval, and with a page by the keyboard.
LESSON = nbformat.read(ROOT / "notebooks" / "03_weight_decay.ipynb", as_version=4)
CELLS = [
    cell
    for cell in LESSON.cells
    if cell.cell_type == "code"
    and ("setup" in cell.metadata.get("tags", []) or "\nexplore." in cell.source)
]


def test_explorers_were_found():
    assert len(CELLS) > 4


class TestLesson:
    def test_every_panel_shows_a_picture_with_its_caption(self, opened):
        panels = opened.panels()
        assert panels
        for panel in panels:
            alt, source, width, caption = panel.until(lambda seen: seen and seen[2] > 0, seconds=90)
            assert source.startswith("data:image/png;base64,") and alt.endswith(
                (".", "!", "?", "…", ")")
            )

    def test_a_slider_moved_by_mouse_and_by_keyboard_changes_the_picture(self, opened, report):
        for place, panel in enumerate(opened.panels()):
            for slider in panel.sliders()[-1:]:
                opened.settle()
                number = slider.evaluate_handle(
                    "e => e.parentElement.querySelector('[type=number]')"
                )
                before, was = panel.seen(), number.input_value()
                messages = opened.traffic.messages()
                inward = panel.inward(slider)
                drag(opened.page, slider, inward)
                panel.changed(before)
                assert number.input_value() != was
                messages = opened.traffic.messages() - messages
                back, on = (
                    ("ArrowLeft", "ArrowRight") if inward > 0 else ("ArrowRight", "ArrowLeft")
                )
                latencies = []
                with Watched(opened.page, panel.element) as watched:
                    for key in (back, on, back, on, back):
                        # or the press that undoes the former one may overtake it: no other picture
                        opened.settle()
                        latencies.append(watched.press(slider, key))
                report(
                    f"panel {place}: {median(latencies):.0f} ms a key press, "
                    f"{messages} kernel messages in a drag"
                )

    def test_a_trained_axis_moves_without_the_kernel(self, opened, report):
        opened.settle()
        for place, panel in enumerate(opened.panels()):
            if "course-served" not in panel.element.get_attribute("class"):
                continue
            slider = panel.sliders()[0]
            at_rest(opened.page, slider)
            slider.focus()
            messages = opened.traffic.messages()
            slider.press("Home")
            with Watched(opened.page, panel.element) as watched:
                watched.press(slider, "ArrowRight")
                before = panel.seen()
                latency = median(watched.press(slider, "ArrowRight") for _ in range(3))
            assert opened.traffic.messages() == messages
            assert panel.seen()[:2] != before[:2]
            report(
                f"panel {place}: {latency:.0f} ms a key press along the trained axis, "
                "0 kernel messages"
            )

    def test_the_console_stays_clean(self, opened):
        assert opened.traffic.errors == []

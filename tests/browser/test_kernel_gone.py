"""A restarted or killed kernel: all on the page says so, and the first cell brings it back."""

import os
import signal

import pytest

from tests import _toys

CELLS = [
    "from course_lib.notebook import predict, quiz_of, recall, setup\n"
    "from tests import _toys\nsetup()",
    "_toys.waves.show()",
    "predict('size', 'Which is smaller?', ['L2', 'decay'])",
    "quiz_of('dropout')",
    "recall('dropout')",
]
PARTS = len(CELLS) - 1
SHOWN = ".course-panel, .course-quiz"
KERNEL = "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"


def restart(opened):
    opened.page.evaluate(f"{KERNEL}.restart()")


def kill(opened):
    os.kill(int(opened.ask("import os; print(os.getpid())")), signal.SIGKILL)
    opened.page.locator(".jp-Dialog button", has_text="Ok").click()  # JupyterLab says it, too


@pytest.mark.parametrize("end", [restart, kill])
def test_all_parts_say_that_it_is_gone_and_the_first_cell_brings_them_back(opened, end):
    page = opened.page
    page.wait_for_function(f"document.querySelectorAll('{SHOWN}').length === {PARTS}")
    slider = opened.panels()[0].sliders()[0]
    slider.focus()
    slider.press("ArrowRight")
    stood = slider.input_value()
    opened.settle()
    end(opened)
    gone = page.locator(":is(.course-panel, .course-quiz).course-dead > .course-gone")
    for i in range(PARTS):
        gone.nth(i).wait_for()
        assert gone.nth(i).inner_text().startswith("The kernel has stopped. Run the first cell")
    page.wait_for_function(f"{KERNEL}.status === 'idle'")

    page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
    page.keyboard.press("Control+Enter")
    alive = f"""[...document.querySelectorAll('{SHOWN}')].filter(
        part => !part.matches('.course-dead')).length === {PARTS}"""
    page.wait_for_function(alive)
    opened.settle()
    panel = opened.panels()[0]
    slider = panel.sliders()[0]
    assert slider.input_value() == stood
    slider.press("ArrowRight")
    frequency = _toys.waves.controls["frequency"].positions[int(slider.input_value())]
    caption = _toys.waves.picture(frequency=frequency)[1]
    panel.until(lambda seen: seen[0] == seen[3] == caption)
    page.locator(".course-quiz input[type=radio]").first.check()
    page.locator(".course-quiz", has_text="You said: L2").wait_for()


def test_a_cell_run_before_the_first_says_which_one_to_run(opened):
    page = opened.page
    restart(opened)
    page.wait_for_function(f"{KERNEL}.status === 'idle'")
    page.locator(".jp-CodeCell .jp-InputArea-editor").nth(1).click()
    page.keyboard.press("Control+Enter")
    said = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea", has_text="✗")
    said.wait_for()
    assert "begins with `from course_lib.notebook import" in said.inner_text()
    assert "`_toys` is not there yet" in said.inner_text()

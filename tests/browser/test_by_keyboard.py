"""Shift+Enter from a lesson's first cell to its last, with sliders moved and questions answered."""

import nbformat
import pytest

from tests.browser import _lab

CONTENT = "window.jupyterapp.shell.currentWidget.content"
QUEUE = 600_000  # ms until all the cells before have run: a lesson's experiments, on a busy machine


class Reader:
    """Someone who reads with Shift+Enter."""

    def __init__(self, page):
        self.page = page

    def at(self):
        """The place of the active cell."""
        return self.page.evaluate(f"{CONTENT}.activeCellIndex")

    def go_on(self):
        """Press Shift+Enter where the focus is; the next cell must become the active one."""
        here = self.at()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(f"{CONTENT}.activeCellIndex === {here + 1}", timeout=10_000)

    def output(self, place, selector):
        """Wait for that part of a cell's output, and put the focus there."""
        self.page.wait_for_function(
            f"{CONTENT}.widgets[{place}].model.executionState !== 'running'", timeout=QUEUE
        )
        node = self.page.evaluate_handle(f"{CONTENT}.widgets[{place}].node")
        found = node.as_element().wait_for_selector(selector, timeout=QUEUE)
        found.focus()
        self.page.wait_for_function(f"{CONTENT}.activeCellIndex === {place}")
        return found


@pytest.fixture
def lesson(request, tmp_path_factory, amount):
    """A copy of a lesson, open in JupyterLab without outputs, with all sections unfolded.

    `make test` goes through one lesson's core, `make test-all` through two whole ones.
    """
    if request.param != "03" and amount(True, False):
        pytest.skip("`make test` goes through one lesson, `make test-all` through two")
    source = next(_lab.ROOT.glob(f"notebooks/{request.param}_*[!s].ipynb"))
    notebook = nbformat.read(source, as_version=4)
    left_out = amount({"deeper"}, set())
    notebook.cells = [c for c in notebook.cells if not left_out & {*c.metadata.get("tags", ())}]
    folder, scratch = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("jupyter")
    for part in ("course_lib", "notebooks"):
        (folder / part).mkdir()
    nbformat.write(notebook, folder / "notebooks" / source.name)
    with _lab.jupyter_lab(folder / "notebooks", scratch) as server, _lab.chromium() as page:
        traffic = _lab.Traffic().watch(page)
        _lab.open_notebook(page, server, source.name)
        for command in ("editmenu:clear-all", "notebook:expand-all-headings"):
            page.evaluate(f"window.jupyterapp.commands.execute('{command}')")
        yield page, traffic


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lesson", ["03", "07"], indirect=True)
def test_shift_enter_goes_through_the_lesson(lesson, report):
    page, traffic = lesson
    reader, did = Reader(page), {"slider": 0, "prediction": 0, "quiz": 0}
    page.evaluate(f"{CONTENT}.activeCellIndex = 0; {CONTENT}.mode = 'command'")
    page.evaluate(f"{CONTENT}.node.focus()")
    sources = page.evaluate(f"{CONTENT}.widgets.map(w => w.model.sharedModel.getSource())")
    for place, source in enumerate(sources[:-1]):
        reader.go_on()
        if "\nexplore." in source and did["slider"] < 2:
            slider = reader.output(place, ".course-panel[aria-busy=false] input[type=range]")
            page.keyboard.press("Home")
            page.keyboard.press("ArrowRight")
            said = slider.get_attribute("aria-valuetext")
            reader.go_on()  # from the slider: the explorer runs again, and keeps its positions
            page.wait_for_timeout(300)
            slider = reader.output(place, ".course-panel[aria-busy=false] input[type=range]")
            assert slider.get_attribute("aria-valuetext") == said
            did["slider"] += 1
        elif source.startswith("predict("):
            reader.output(place, ".course-quiz input[type=radio]")
            page.keyboard.press("Space")
            page.wait_for_selector(".course-quiz >> text=Kept until the answer comes.")
            did["prediction"] += 1
        elif source.startswith("quiz("):
            reader.output(place, ".course-quiz input[type=radio]")
            page.keyboard.press("Space")
            page.wait_for_selector(".course-reply >> text=/Right|Not this one/")
            did["quiz"] += 1
        else:
            continue
        reader.go_on()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        # all but the new one at the end
        f"{CONTENT}.widgets.every(w => w.model.type !== 'code' || "
        "!w.model.sharedModel.getSource() || "
        "w.model.executionCount > 0 && w.model.executionState !== 'running')",
        timeout=QUEUE,
    )
    wrong = page.locator(".jp-OutputArea-output[data-mime-type*=error]").all_inner_texts()
    assert not wrong and not traffic.errors and all(did.values())
    report(f"{place + 1} of {len(sources)} cells with Shift+Enter; {did}")

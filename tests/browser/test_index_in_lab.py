"""The first notebook in JupyterLab: it runs, and its links go to the cell that they name."""

import shutil

import pytest

from tests.browser import _lab

WIDGET = "window.jupyterapp.shell.currentWidget"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A copy of the notebooks with index.ipynb open and run: page, traffic."""
    course, scratch = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("jupyter")
    for part in ("course_lib", "data"):
        (course / part).mkdir()
    shutil.copytree(
        _lab.ROOT / "notebooks",
        course / "notebooks",
        ignore=shutil.ignore_patterns(".*", "*.kept-*"),
    )
    with _lab.jupyter_lab(course / "notebooks", scratch) as server, _lab.chromium() as page:
        traffic = _lab.Traffic().watch(page)
        _lab.open_notebook(page, server, "index.ipynb")
        _lab.run_all(page)
        page.wait_for_selector(".course-record:has-text('what was looked at')")
        page.wait_for_function(
            f"{WIDGET}.content.widgets.every(w => w.model.executionState !== 'running')"
        )
        yield page, traffic


def test_it_runs_with_a_live_explorer_and_a_question(index):
    page, traffic = index
    page.locator(".course-picture").first.scroll_into_view_if_needed()
    page.locator(".course-quiz input[type=radio]").first.scroll_into_view_if_needed()
    assert traffic.errors == []


# JupyterLab waits ten seconds for a cell; here as on a slow laptop, where they are not enough.
_HURRY = """
const timeout = window.setTimeout;
window.setTimeout = (call, ms, ...given) => timeout(call, ms === 10_000 ? 0 : ms, ...given);
"""


@pytest.mark.parametrize(
    ("way", "file", "before"),
    [("predict", "06_dropout", ""), ("T9", "09_capstone_exercises", _HURRY)],
    ids=["predict", "on a slow laptop"],
)
def test_a_link_of_the_nine_ways_opens_the_notebook_at_its_cell(index, way, file, before):
    page, _ = index
    page.evaluate(before)
    page.locator("li.lm-TabBar-tab:has-text('index.ipynb')").first.click()
    link = page.locator(
        f".jp-RenderedMarkdown a[href*='{file}'][href*='cell-id=']", has_text=way
    ).first
    link.scroll_into_view_if_needed()
    cell = link.get_attribute("href").split("cell-id=")[1]
    link.click()
    page.wait_for_function(f"{WIDGET}.context?.path === '{file}.ipynb'")
    page.wait_for_function(_SEEN % cell)


# Whether the cell with this id is in sight.
_SEEN = """
(() => {
  const view = window.jupyterapp.shell.currentWidget.content;
  const found = view.widgets.find(w => w.model.id === '%s');
  const box = found?.node.getBoundingClientRect(), frame = view.node.getBoundingClientRect();
  const inFrame = box && box.height > 0 && box.top < frame.bottom && box.bottom > frame.top;
  return Boolean(inFrame) && found.inViewport;
})()
"""

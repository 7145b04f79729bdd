"""A page of the course in JupyterLab's view of one document, by keyboard, from its first second."""

import nbformat.v4 as v4
import pytest

from tests.browser import _lab
from tests.browser.conftest import place

CELLS = [
    v4.new_markdown_cell("# A lesson"),
    v4.new_code_cell('x = 1\nprint("ran first")'),
    v4.new_markdown_cell("### Deeper", metadata={"jp-MarkdownHeadingCollapsed": True}),
    v4.new_code_cell('print("ran deeper")'),
    v4.new_markdown_cell("## Further"),
    v4.new_code_cell('from course_lib.notebook import claim\nclaim("It is one.", x, bool)'),
    v4.new_markdown_cell("The end."),
]
PANEL = "window.jupyterapp.shell.currentWidget"


@pytest.fixture
def opened(tmp_path_factory):
    """The page as `course lab` opens it, its kernel not started yet; and the server's token."""
    folder, scratch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    name = place(CELLS, folder)
    with _lab.jupyter_lab(folder, scratch) as (address, token), _lab.chromium() as page:
        where = f"{address}/doc/tree/{name}?reset&token={token}"
        page.goto(where, wait_until="commit")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        yield page, token


_STOP = """
async token => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const headers = {Authorization: `token ${token}`};
  await fetch(`/api/kernels/${kernel.id}`, {method: 'DELETE', headers});
}
"""  # as the server does where memory is short


def test_no_cell_is_lost_no_fold_opens_and_a_stopped_kernel_is_said(opened):
    page, token = opened
    assert not page.locator(".jp-FileBrowser").is_visible()
    page.locator(".jp-Cell").first.click()
    for _ in range(5):  # at once: the kernel is not there yet
        page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".course-record.good")  # the claim, by the x of the first cell
    assert page.locator(".course-record").inner_text().startswith("✓ exact · holds")
    said = " ".join(page.locator(".jp-OutputArea-output").all_inner_texts())
    assert "ran first" in said and "ran deeper" not in said
    assert page.evaluate(f"{PANEL}.content.widgets.map(cell => cell.isHidden)")[3]
    page.evaluate(_STOP, token)
    page.wait_for_selector("text=What you did is kept.")
    page.locator("button:has-text('Run the page up to here')").click()
    page.wait_for_function(f"{PANEL}.context.sessionContext.session?.kernel?.status === 'idle'")

"""A prediction made in JupyterLab is kept in the course's folder and stands there again after the
kernel's restart.
"""

import json

import pytest

from tests.browser import _lab
from tests.browser.conftest import place

CELLS = [
    "from course_lib.notebook import predict, reveal",
    "predict('size', 'Which is smaller?', ['L2', 'decay'])",
    "reveal('size', 'L2')",
]
CHECKED = ".course-quiz input[type=radio]:checked"


@pytest.fixture
def course_in_lab(tmp_path_factory):
    """A course with lesson 06, open and run in JupyterLab: the page and the folder."""
    folder, scratch = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("jupyter")
    for part in ("course_lib", "notebooks"):
        (folder / part).mkdir()
    (folder / "notebooks" / place(CELLS, folder / "notebooks")).rename(
        folder / "notebooks" / "06_dropout.ipynb"
    )
    with _lab.jupyter_lab(folder / "notebooks", scratch) as server, _lab.chromium() as page:
        _lab.open_notebook(page, server, "06_dropout.ipynb")
        _lab.run_all(page)
        yield page, folder


def test_a_prediction_is_kept_and_survives_a_restart(course_in_lab):
    page, folder = course_in_lab
    page.get_by_label("decay").check()
    page.wait_for_selector("text=Kept until the answer comes.")
    file = folder / ".course" / "progress.json"
    assert json.loads(file.read_text())["predictions"]["dropout/size"]["said"] == "decay"
    page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()")
    _lab.run_all(page)
    page.wait_for_selector("text=You said: decay.")
    assert page.query_selector(CHECKED)
    entry = json.loads(file.read_text())["predictions"]["dropout/size"]
    assert entry["came"] == "L2" and entry["right"] is False

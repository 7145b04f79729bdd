"""A front end that does not load: said after ten seconds, and not while it may still come."""

import pytest

from tests.browser import _lab
from tests.browser.conftest import place

CELLS = ["from tests import _toys\n_toys.waves.show()"]


@pytest.mark.parametrize("lost", ["anywidget", "@jupyter-widgets"])
def test_a_front_end_that_does_not_load_is_said(tmp_path_factory, lost):
    folder, scratch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    name = place(CELLS, folder)
    with _lab.jupyter_lab(folder, scratch) as server, _lab.chromium() as page:
        page.route(f"**/extensions/{lost}/**/*.js*", lambda route: route.abort())
        _lab.open_notebook(page, server, name)
        _lab.run_all(page)
        notice = page.locator(".course-late")
        notice.wait_for(state="attached")
        assert not notice.is_visible()
        notice.wait_for(timeout=30_000)
        assert notice.inner_text().startswith("No sliders above? Run the first cell")
        assert page.locator(".course-panel").count() == 0

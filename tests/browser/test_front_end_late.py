"""A front end that does not load: said after ten seconds, and not while it may still come.

One that takes three seconds is heard: anywidget itself gives up after two.
"""

import pytest

from tests.browser import _lab
from tests.browser.conftest import place

CELLS = ["from tests import _toys\n_toys.waves.show()"]
SLOW = """
import anywidget

class Slow(anywidget.AnyWidget):
    _esm = '''export default async () => {
        await new Promise(go => setTimeout(go, 3000));
        return {render({model, el}) {
            model.on("msg:custom", said => { el.textContent = said; });
            model.send("is anyone there?");
        }};
    }'''

widget = Slow()
widget.on_msg(lambda *_: widget.send("the kernel is"))
widget
"""


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


@pytest.mark.parametrize("opened", [[SLOW]], indirect=True, ids=["slow"])
def test_a_front_end_that_takes_its_time_is_heard(opened):
    opened.page.wait_for_selector(".jp-OutputArea >> text=the kernel is", timeout=20_000)
    assert not opened.traffic.errors

"""The panel as a widget: what a notebook keeps of it, and what its cell's next run keeps."""

import base64
import io
import sys

import pytest
from PIL import Image

from course_lib import plotting
from course_lib.panel import Choice, Slider
from course_lib.panel.explorer import FOLDED
from tests import _toys

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def live(monkeypatch):
    """Panels are live here, and light."""
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    plotting.use_theme("light")


def test_headless_an_explorer_is_a_still_picture_computed_to_the_end(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    data, metadata = _toys.errors.show()._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    caption = _toys.errors.picture()[1]
    assert "8 seed(s)" in caption and metadata["image/png"] == {"alt": caption}
    assert data["text/plain"].splitlines() == [FOLDED, caption]
    width, height = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size
    assert width == 900 and height > 360  # settings above, caption below


def test_headless_an_error_is_raised(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    with pytest.raises(ValueError, match="must be at most 0.9"):
        _toys.waves.show(damping=1.0)


def test_a_live_panel_carries_view_picture_and_caption():
    data, metadata = _toys.waves.show()._repr_mimebundle_()
    assert set(data) == {VIEW, "image/png", "text/plain"}
    caption = _toys.waves.picture()[1]
    assert metadata["image/png"]["alt"] == caption
    assert data["text/plain"].splitlines() == [FOLDED, caption]


def test_the_page_is_told_everything_about_the_controls():
    controls = {
        "a": Slider("a", 0.1, 10.0, 1.0, log=True, step=1, unit="per step"),
        "b": Choice("b", ("x", "y"), "x", resets=True),
    }
    explorer = _toys.line(lambda a, b: a, controls=controls, presets={"both": {"a": 10.0}})
    spec = explorer.show().panel
    assert spec["title"] == "A line" and spec["presets"] == {"both": {"a": 10.0}}
    slider, choice = spec["controls"]
    assert slider["positions"] == [0.1, 1.0, 10.0] and slider["unit"] == "per step"
    assert slider["log"] and slider["free"] and not slider["whole"]
    assert choice["kind"] == "choice" and choice["positions"] == ["x", "y"] and choice["resets"]


def test_a_state_and_keywords_say_where_a_panel_begins():
    explorer = _toys.line(
        lambda a, b: a, controls={"a": Slider("a", 0, 9, 3), "b": Slider("b", 0, 9, 3)}
    )
    assert explorer.show(state="a=7", b=5).numbers == {"a": 7, "b": 5}


@pytest.fixture
def cell(monkeypatch):
    """A cell whose runs are counted by hand: `cell.run`."""

    class Shell:
        run = 1

        def get_parent(self):
            return {"metadata": {"cellId": "cell"}, "header": {"msg_id": self.run}}

    shell = Shell()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    monkeypatch.setattr("course_lib.panel.widget._runs", {})
    return shell


def test_running_a_cell_again_closes_its_former_panels(cell):
    first, second = _toys.waves.show(), _toys.waves.show()
    assert first.comm is not None
    cell.run = 2
    third = _toys.waves.show()
    assert first.comm is None and second.comm is None and third.comm is not None

"""An explorer without a kernel: the pictures of its grid are those that a kernel would draw."""

import base64
import io
import itertools
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from course_lib import plotting
from course_lib.panel import Choice, Explorer, Slider
from course_lib.panel.frozen import freeze
from tests import _toys
from tests.panel._page import alike


@pytest.fixture(autouse=True)
def light():
    plotting.use_theme("light")


def opened(address):
    data = base64.b64decode(address.partition("base64,")[2])
    return Image.open(io.BytesIO(data)).convert("RGBA")


def seen(table, cell):
    """The picture of a cell as a page shows it, one layer over the other: [height, width, 3]."""
    picture, under = opened(table["sources"][cell]), table["under"][cell]
    if under is not None:
        picture = Image.alpha_composite(opened(table["layers"][under]), picture)
    return np.asarray(picture.convert("RGB"))


def waves(**frozen):
    toy = _toys.waves
    return Explorer(
        toy.title, toy.controls, toy.compute, toy.prepare, toy.draw, toy.size, frozen=frozen
    )


@pytest.fixture(scope="module")
def frozen():
    return freeze(waves(frequency=3, kind=2), damping=0.2)


def test_every_cell_shows_what_a_kernel_draws(frozen):
    axes = frozen.table["axes"]
    assert axes == {"frequency": (0.1, 2.0, 2.55, 5.0), "kind": ("cosine", "sine")}
    for i, cell in enumerate(itertools.product(*axes.values())):
        numbers = dict(zip(axes, cell, strict=True))
        png, caption = _toys.waves.picture(damping=0.2, **numbers)
        assert frozen.table["captions"][i] == caption
        assert alike(seen(frozen.table, i), png), numbers


def test_what_stays_is_sent_once_and_pictures_lie_over_it(frozen):
    assert len(frozen.table["layers"]) == 1 and set(frozen.table["under"]) == {0}
    for source in frozen.table["sources"]:
        assert (np.asarray(opened(source))[..., 3] == 0).mean() > 0.7


def test_the_page_moves_what_is_frozen_and_says_of_the_rest_where_it_stands(frozen):
    names = [control["name"] for control in frozen.spec["controls"]]
    assert names == ["frequency", "kind"]
    assert frozen.spec["controls"][0]["positions"] == [0.1, 2.0, 2.55, 5.0]
    assert not frozen.spec["controls"][0]["free"]
    (fixed,) = frozen.spec["fixed"]
    assert fixed == {"words": "damping λ = 0.2 per step", "state": "damping=0.2"}


def test_it_begins_where_it_is_told(frozen):
    assert frozen.spec["begun"] == {"frequency": 2.0, "damping": 0.2, "kind": "cosine"}
    assert frozen.first["caption"] == _toys.waves.picture(damping=0.2)[1]
    assert frozen.first["sources"][-1] in frozen.table["sources"]


def test_values_to_read_and_steps_to_play_come_with_it(frozen):
    values = json.loads(zlib.decompress(base64.b64decode(frozen.table["readings"])))
    assert frozen.table["plays"] and len(values) == len(frozen.table["captions"])
    curve = values[0]["curves"][0]
    assert curve["label"] == "start 0" and curve["steps"] == "x" and len(curve["x"]) == 50


def test_a_handle_comes_where_both_its_controls_are_frozen():
    from course_lib.explorers.adamw import trajectory

    toy = trajectory.explorer
    made = freeze(
        Explorer(
            toy.title, toy.controls, toy.compute, toy.prepare, toy.draw, toy.size,
            presets=toy.presets, frozen={"start1": (-1.2,), "start2": (1.4,)},
        )
    )  # fmt: skip
    assert made.first["handles"][0]["names"] == ("start1", "start2")
    assert list(made.spec["presets"]) == ["the box holds the star"]  # the others need λ
    without = freeze(waves(kind=2))
    assert without.first["handles"] is None and without.table["places"] is None


def test_a_grid_keeps_where_the_control_stands_and_refuses_what_it_cannot_be():
    control = {"a": Slider("a", 0, 10, 5), "b": Choice("b", ("x", "y", "z"), "x")}
    line = _toys.line(lambda a, b: a, controls=control)
    line.frozen = {"a": 3, "b": ("z",)}
    assert line.grid(line.numbers(a=7)) == {"a": (0, 5, 7, 10), "b": ("x", "z")}
    line.frozen = {"a": (0, 11)}
    with pytest.raises(ValueError, match="frozen a = 11: must be"):
        line.grid(line.numbers())

"""The blitted picture: as one that is drawn afresh, in layers, in every look."""

import io
from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_lib import plotting
from course_lib.panel import Explorer
from course_lib.panel.picture import Look, Picture, above, png
from tests import _toys


@pytest.fixture(autouse=True)
def light():
    plotting.use_theme("light")


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def fresh(explorer, theme="light"):
    return Picture(explorer.prepare, explorer.draw, explorer.size, Look(theme))


def test_a_blitted_picture_equals_one_that_is_drawn_afresh():
    moved = fresh(_toys.waves)
    for frequency in (1.0, 3.0, 2.0):
        result = _toys.compute_waves(frequency, 0.1, "sine")
        assert moved.draw(result)[0] == fresh(_toys.waves).draw(result)[0]


def move_limit(marks, result):
    marks["line"].axes.set_ylim(0, result)
    return "A limit."


def move_title(marks, result):
    marks["line"].axes.set_title(f"up to {result}")
    return "A title."


def move_late_mark(marks, result):
    if "point" not in marks:
        marks["point"] = marks["line"].axes.plot([0.5], [0], "o")[0]
    marks["point"].set_ydata([result / 10])
    return "A mark that comes later."


def replace_mark(marks, result):
    ax = marks["line"].axes
    marks["line"].remove()
    marks["line"] = ax.plot([0, 1], [0, result / 10], color="black", linestyle="-")[0]
    return "A mark in the place of another."


@pytest.mark.parametrize(
    "draw", [move_limit, move_title, move_late_mark, replace_mark], ids=lambda draw: draw.__name__
)
def test_whatever_else_draw_changes_is_drawn_too(draw):
    def prepare(figure):
        ax = figure.subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        return {"line": ax.plot([0, 1], [0, 1])[0]}

    explorer = Explorer("One line", {}, None, prepare, draw, size=(3, 2))
    moved = fresh(explorer)
    seen = [moved.draw(result)[0] for result in (1, 5, 2)]
    assert len(set(seen)) == 3
    assert seen[2] == fresh(explorer).draw(2)[0]


def with_legend(figure):
    ax = figure.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 9))
    line = ax.plot([0, 1], [0, 1], label="a line")[0]
    return {"line": line, "legend": ax.legend(loc="upper left")}


def move_with_legend(marks, result):
    marks["line"].set_ydata([0, result])
    marks["legend"].set_visible(result > 1)
    return "A line, with a legend from 2 on."


@pytest.mark.parametrize(
    ("explorer", "results"),
    [
        (_toys.waves, [_toys.compute_waves(n, 0.1, "sine") for n in (1.0, 2.0, 3.0)]),
        # drawn, a legend says that its frame has moved
        (Explorer("A line", {}, None, with_legend, move_with_legend, size=(3, 2)), (1, 2, 3)),
    ],
    ids=["waves", "legend"],
)
def test_what_stays_is_drawn_once(explorer, results):
    picture, drawn = fresh(explorer), []
    full = picture._canvas.draw
    picture._canvas.draw = lambda: drawn.append(full())
    assert [picture.draw(one)[0] for one in results] == [
        fresh(explorer).draw(one)[0] for one in results
    ]
    assert len(drawn) == 1


def test_a_picture_has_a_palette_and_opens_no_pyplot_figure():
    before = plt.get_fignums()
    png, caption = _toys.waves.picture()
    assert Image.open(io.BytesIO(png)).mode == "P" and len(png) < 40_000
    assert plt.get_fignums() == before
    assert caption.endswith(".")


def test_the_dark_picture_is_dark():
    light, dark = (
        pixels(_toys.waves.picture(theme=theme)[0]).mean() for theme in ("light", "dark")
    )
    assert light > 240 and dark < 40


def test_a_layer_with_what_differs_above_it_is_the_whole_picture():
    picture = fresh(_toys.waves)
    picture.paint(_toys.compute_waves(1.0, 0.1, "sine"))
    frame = picture.paint(_toys.compute_waves(2.0, 0.1, "sine"))
    over = Image.open(io.BytesIO(frame.png())).convert("RGBA")
    under = Image.open(io.BytesIO(png(frame.layer.pixels))).convert("RGBA")
    both = np.asarray(Image.alpha_composite(under, over).convert("RGB")).astype(int)
    assert np.abs(both - frame.pixels[..., :3]).max() <= 48  # of 256 colours
    assert len(frame.png()) < 0.75 * len(png(frame.pixels))


def test_what_does_not_differ_is_transparent():
    paper = np.full((20, 30, 4), 255, np.uint8)
    assert not np.asarray(Image.open(io.BytesIO(above(paper, paper))).convert("RGBA"))[..., 3].any()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("width", [600, 1800])
def test_a_picture_is_as_wide_as_the_page_asks(width, large):
    explorer = _toys.waves
    look = Look("light", width, large)
    picture = Picture(explorer.prepare, explorer.draw, explorer.size, look)
    found = picture.paint(_toys.compute_waves(1.0, 0.1, "sine")).pixels
    assert found.shape[1] == width and abs(found.shape[0] - width / 2.5) <= 1


def test_a_picture_for_a_hall_has_larger_text():
    def share(large):
        """Height of the axes' text as a share of the picture's."""
        look = Look("light", None, large)
        figure = Picture(_toys.waves.prepare, _toys.waves.draw, _toys.waves.size, look).figure
        size = figure.axes[0].xaxis.get_ticklabels()[0].get_fontsize()
        return size / 72 / figure.get_figheight()

    assert share(True) == pytest.approx(1.25 * share(False)) and share(True) > 0.025


def test_long_words_are_shrunk_to_their_room_for_a_hall_alone():
    def prepare(figure):
        left, right = figure.subplots(1, 2)
        left.set(title="A title that is far too long for the axes below it", ylabel="weight " * 9)
        right.set(title="Short", ylabel="weight")
        return {}

    def shares(large):
        picture = Picture(prepare, lambda marks, result: "", (6, 2.5), Look("light", 600, large))
        picture.paint(None)
        left, right = picture.figure.axes
        title = left._left_title if left._left_title.get_text() else left.title
        room = right.bbox.x0 - left.bbox.x0
        name = left.yaxis.label.get_window_extent().height
        return title.get_window_extent().width / room, name / picture.figure.bbox.height, right

    wide, high, _ = shares(large=False)
    assert wide > 1 and high > 1
    wide, high, right = shares(large=True)
    assert wide <= 1 and high <= 1
    assert right.yaxis.label.get_fontsize() == right.xaxis.label.get_fontsize()  # there was room


def test_panels_that_draw_in_two_themes_at_once_keep_each_its_own():
    """matplotlib's parameters are the process's: of two threads neither sees the other's."""
    ink = plotting.ink()
    alone = {theme: _toys.waves.picture(theme)[0] for theme in ("light", "dark")}

    def draw(theme):
        return [_toys.waves.picture(theme)[0] == alone[theme] for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        drawn = [*pool.map(draw, ("light", "dark") * 2)]
    assert all(map(all, drawn)) and plotting.ink() == ink

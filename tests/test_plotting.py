"""The drawing helpers: what they return; moving equals drawing afresh; gaps for no number."""

import json
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from course_lib import plotting
from course_lib.experiments.shared.surfaces import quadratic
from course_lib.statistics import mean_intervals


@pytest.fixture(autouse=True)
def light():
    plotting.use_theme("light")


def axes():
    figure = Figure(figsize=(3, 2), dpi=60)
    FigureCanvasAgg(figure)
    return figure.subplots()


def pixels(ax):
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba()).copy()


def same(move, draw):
    """`move(ax)` and `draw(ax)` leave the same picture."""
    moved, drawn = axes(), axes()
    for ax in (moved, drawn):
        ax.set(xlim=(-1, 4), ylim=(-1, 4))
    move(moved)
    draw(drawn)
    return np.array_equal(pixels(moved), pixels(drawn))


X = np.arange(4.0)
ONE = torch.tensor([[1.0, 2, 3, 2], [2, 3, 3, 1], [1, 2, 2, 3]])
OTHER = torch.tensor([[0.0, 2, float("nan"), 2], [2, float("inf"), float("nan"), 1], [1, 2, 2, 3]])


def test_a_band_is_the_mean_and_students_interval():
    line, band = plotting.draw_band(axes(), X, ONE, label="runs")
    assert np.allclose(line.get_ydata(), ONE.mean(0)) and line.get_label() == "runs"
    mean, sem = ONE[:, 1].mean(), ONE[:, 1].std() / 3**0.5
    low, high = stats.t.interval(0.95, 2, mean, sem)
    edge = band.get_paths()[0].vertices
    at = edge[edge[:, 0] == 1][:, 1]
    assert np.allclose([at.min(), at.max()], [low, high])


def test_a_band_leaves_out_what_is_not_finite():
    line, band = plotting.draw_band(axes(), X, OTHER)
    assert np.allclose(line.get_ydata(), [1, 2, 2, 2])  # two, two, one and three finite runs
    assert set(band.get_paths()[0].vertices[:, 0]) == {0, 1, 3}  # a single run has no interval
    plotting.move_band([line, band], X, torch.full((2, 4), float("nan")))
    assert np.isnan(line.get_ydata()).all() and not band.get_paths()


def test_a_geometric_band_is_that_of_the_logarithms_and_stays_above_zero():
    values = torch.tensor([[1e-3, 1.0, 0.0], [1.0, 4.0, 2.0], [1e-3, 2.0, -1.0]])
    line, band = plotting.draw_band(axes(), range(3), values, geometric=True)
    mean, half = mean_intervals(values[:, :2].log())
    assert line.get_ydata() == pytest.approx([*np.exp(mean), 2.0])  # of the third only one counts
    edge = band.get_paths()[0].vertices
    assert set(edge[:, 0]) == {0, 1} and edge[:, 1].min() > 0
    assert edge[:, 1].max() == pytest.approx(np.exp(mean + half).max())


def test_moving_a_band_equals_drawing_it():
    assert same(
        lambda ax: plotting.move_band(plotting.draw_band(ax, X, ONE), X, OTHER),
        lambda ax: plotting.draw_band(ax, X, OTHER),
    )


def test_a_path_ends_where_it_leaves_the_numbers():
    path = torch.tensor([[0.0, 0], [1, 1], [float("inf"), 2], [3, 3]])
    line, start, end = plotting.draw_path(axes(), path)
    assert line.get_xdata().tolist() == [0, 1]
    assert (start.get_xdata().tolist(), end.get_xdata().tolist()) == ([0], [1])
    plotting.move_path([line, start, end], torch.full((3, 2), float("nan")))
    assert len(line.get_xdata()) == len(end.get_xdata()) == 0


def test_moving_a_path_equals_drawing_it():
    assert same(
        lambda ax: plotting.move_path(plotting.draw_path(ax, torch.zeros(3, 2)), torch.ones(2, 2)),
        lambda ax: plotting.draw_path(ax, torch.ones(2, 2)),
    )


def test_contours_lie_on_the_surface_with_a_star_at_its_minimum():
    bowl = quadratic()
    ax = axes()
    contours, star = plotting.draw_contours(ax, bowl, levels=8)
    assert (star.get_xdata()[0], star.get_ydata()[0]) == bowl.minimum
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        if len(path.vertices):
            assert np.allclose(bowl.loss(torch.tensor(path.vertices)), level, rtol=0.02, atol=0.02)


def test_a_heat_map_writes_its_numbers_and_frames_the_lowest():
    values = [[0.5, 0.2, float("nan")], [0.1, float("inf"), 0.3]]
    cells, frame, *texts = plotting.draw_heat(axes(), values, x=(1e-4, 0.01, 1), y=(0, 0.1))
    assert [text.get_text() for text in texts] == ["0.5", "0.2", "", "0.1", "", "0.3"]
    assert cells.get_array().mask.tolist() == [[False, False, True], [False, True, False]]
    assert (np.min(frame.get_xdata()), np.min(frame.get_ydata())) == (-0.5, 0.5)
    labels = [
        [label.get_text() for label in axis.get_ticklabels()]
        for axis in (cells.axes.xaxis, cells.axes.yaxis)
    ]
    assert labels == [["1e-4", "0.01", "1"], ["0", "0.1"]]
    plotting.move_heat([cells, frame, *texts], np.full((2, 3), np.nan))
    assert not any(text.get_text() for text in texts) and len(frame.get_xdata()) == 0


def test_moving_a_heat_map_equals_drawing_it():
    one, other = np.random.default_rng(0).random((2, 3, 3))
    other[1, 1] = np.nan
    options = {"x": (1, 2, 3), "y": (1, 2, 3), "low": 0, "high": 1}
    assert same(
        lambda ax: plotting.move_heat(plotting.draw_heat(ax, one, **options), other),
        lambda ax: plotting.draw_heat(ax, other, **options),
    )


def test_the_numbers_of_a_heat_map_stand_out_from_their_cells():
    for theme in ("light", "dark"):
        with plotting.style(theme):
            cells, _, *texts = plotting.draw_heat(
                axes(), [np.linspace(0, 1, 9)], x=range(9), y=[0], low=0, high=1
            )
        for text, value in zip(texts, np.linspace(0, 1, 9), strict=True):
            assert contrast(mpl.colors.to_rgb(text.get_color()), cells.cmap(value)[:3]) >= 4.5


def contrast(a, b):
    """Contrast ratio of two sRGB colours (WCAG 2)."""
    light, dark = sorted((luminance(color) for color in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_series_stand_out_from_the_paper(theme):
    with plotting.style(theme):
        paper = mpl.colors.to_rgb(mpl.rcParams["figure.facecolor"])
        assert contrast(mpl.colors.to_rgb(plotting.ink()), paper) >= 7
        assert contrast(mpl.colors.to_rgb(plotting.muted()), paper) >= 4.5
        looks = [plotting.series(k) for k in range(4)]
        assert all(contrast(mpl.colors.to_rgb(color), paper) >= 2.9 for color, _ in looks)
    assert len({color for color, _ in looks}) == len({str(line) for _, line in looks}) == 4


def test_a_divergence_is_marked_and_unmarked():
    line, note = plotting.draw_divergence(axes(), 14, "diverged at step 14")
    assert line.get_xdata() == [14, 14] and note.get_text() == "× diverged at step 14"
    plotting.move_divergence([line, note], None)
    assert np.isnan(line.get_xdata()).all() and note.get_text() == ""


def test_limits_that_stay_cost_no_redraw():
    ax = axes()
    ax.set(xlim=(0, 1), ylim=(0, 2))
    pixels(ax)
    plotting.set_limits(ax, x=(0, 1), y=(0, 2))
    assert not ax.figure.stale
    plotting.set_limits(ax, y=(0, 3))
    assert ax.figure.stale and ax.get_ylim() == (0, 3)


def test_texts_that_stay_cost_no_redraw():
    ax, plain = axes(), axes()
    with plotting.style("light"):
        plotting.set_texts(ax, title="one", xlabel="x", ylabel="y")
        plain.set(title="one", xlabel="x", ylabel="y")
    assert np.array_equal(pixels(ax), pixels(plain))
    plotting.set_texts(ax, title="one", xlabel="x")
    assert not ax.figure.stale
    plotting.set_texts(ax, ylabel="z")
    assert ax.figure.stale and ax.get_ylabel() == "z"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (3e-5, "3e-5"),
        (12, "12"),
        (0.25, "0.25"),
        (1.5e-7, "1.5e-7"),
        (-2e6, "-2e6"),
    ],
)
def test_numbers_are_written_as_people_write_them(value, text):
    assert plotting.readable(value) == text


def test_a_style_ends_with_its_block():
    before = dict(mpl.rcParams)
    with plotting.style("dark"):
        assert mpl.rcParams["text.color"] != before["text.color"]
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("content", "theme"),
    [
        (json.dumps({"theme": "JupyterLab Dark"}), "dark"),
        (json.dumps({"theme": "JupyterLab Dark High Contrast"}), "dark"),
        (json.dumps({"theme": "JupyterLab Light"}), "light"),
        ('{ // a comment\n "theme": "JupyterLab Dark", }', "dark"),
        ('["JupyterLab Dark"]', "light"),
        ('{"theme": "JupyterLab Dark"', "light"),
        ("", "light"),
        (None, "light"),
    ],
)
def test_auto_takes_the_saved_theme_and_is_light_where_nothing_can_be_read(
    tmp_path, monkeypatch, content, theme
):
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path))
    saved = tmp_path / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    saved.parent.mkdir(parents=True)
    if content is not None:
        saved.write_text(content)
    assert plotting.use_theme("auto") == theme


def test_a_notebook_shows_a_figure_that_pyplot_did_not_make():
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
here = InteractiveShell.instance()
from course_lib import plotting
from matplotlib.figure import Figure
figure = Figure()
figure.subplots()
assert here.display_formatter.formatters["image/png"](figure)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)

"""Lesson 08's pictures, and what their captions say."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.data.mnist1d import mnist1d
from course_lib.experiments.stochastic_depth.cut import Cut
from course_lib.experiments.stochastic_depth.first_block import DEPTHS, STACKS, FirstBlock
from course_lib.experiments.stochastic_depth.rules import Rules
from course_lib.experiments.stochastic_depth.shorter import ShorterNetwork, alive_blocks
from course_lib.experiments.stochastic_depth.training import LAST, RULES
from course_lib.explorers import stochastic_depth as explore
from tests.experiments.stochastic_depth import _made_up


def test_the_learners_function_draws_the_picture():
    def drops_nothing(x, p, mode="row", training=True, generator=None):
        return x

    _, caption = explore.who_is_on.explorer.picture(handed={"layer": drops_nothing})
    assert "on average it passed 12.00" in caption and caption.endswith("Drawn by your function.")


def test_the_way_goes_through_what_is_on_and_around_what_is_off():
    marks = explore.shorter.explorer.prepare(Figure())
    caption = explore.shorter.explorer.draw(
        marks, ShorterNetwork(alive_blocks()), 0.8, 2, "test NLL"
    )
    alive = alive_blocks()[1, LAST.index(0.8)]
    assert f"{alive.sum()} are on for row 2" in caption and "10.70 of 12" in caption
    x, y = map(np.asarray, marks["path"][0].get_data())
    for block, on in zip(explore.figures.BLOCKS, alive):
        assert (y[abs(x - block) < 0.4] == (-0.14 if on else -0.3)).all()
    assert list(marks["on"][0].get_xdata()) == list(explore.figures.BLOCKS[alive])


def test_the_caption_of_the_rules_says_what_is_drawn():
    marks = explore.rules.explorer.prepare(Figure())
    caption = explore.rules.explorer.draw(marks, _made_up.rules(), 0.5, "test error", 600)
    assert (
        "after 600 steps, linear minus uniform 0.2 [0.2, 0.2]" in caption
        and "minus reversed 0.1" in caption
    )
    drawn = {rule: marks[rule][0].get_ydata() for rule in RULES}
    assert [np.sum(values) for values in drawn.values()] == pytest.approx([8.75] * 3), (
        "the same expected depth"
    )
    assert (
        list(drawn["reversed"]) == list(drawn["linear"][::-1]) and np.ptp(drawn["uniform"]) < 1e-12
    )
    assert "after 100 steps" in explore.rules.explorer.draw(
        marks, _made_up.rules(), 0.5, "test error", 100
    )
    assert marks["linear band"][0].get_ydata()[0] == pytest.approx(0.4), (
        "0.35, 0.45: the seeds that uniform has"
    )
    assert "they are one" in explore.rules.explorer.draw(
        marks, _made_up.rules(), 1.0, "test error", 600
    )
    assert "Training" in explore.rules.explorer.draw(
        marks, Rules(_made_up.training("linear", LAST, 0), {}), 0.5, "test error", 600
    )


def test_the_test_figure_is_drawn_against_the_step():
    marks = explore.shorter.explorer.prepare(Figure())
    result = ShorterNetwork(alive_blocks(), _made_up.training("linear", LAST, 0.3))
    caption = explore.shorter.explorer.draw(marks, result, 0.5, 1, "test error")
    assert "lowest after 600 steps, 41.0%; after 600 steps 41.0%" in caption
    line, band = marks[0.5]
    assert list(line.get_xdata()) == [100, 600] and line.get_ydata() == pytest.approx([0.46, 0.41])
    assert band.get_visible() and not marks[1.0][1].get_visible()


def test_the_depths_are_drawn_beside_what_is_dropped():
    marks = explore.depths.explorer.prepare(Figure())
    always, dropping, inside = (
        torch.arange(10.0).reshape(2, 5) / 100,
        torch.full((2, 1), 0.2),
        torch.full((2, 1), 0.1),
    )
    found = {"error": (always, dropping, inside)}
    caption = explore.depths.explorer.draw(marks, found, "test error")
    assert "0: 0.025" in caption and "12: 0.065" in caption and "average: 0.2" in caption
    assert list(marks["always"][0].get_xdata()) == list(explore.depths.DEPTHS)
    assert marks["point"][0].get_data() == ([5.5], [pytest.approx(0.2)]), "at the expected depth"
    assert "dropout inside: 0.1" in caption
    [ax] = explore.depths.picture(found).axes
    assert {text.get_text() for text in ax.texts} >= {"2.5%", "6.5%", "20.0%", "10.0%"}


def test_the_cut_is_drawn_by_what_it_costs_both_networks():
    lost = torch.linspace(0, 0.6, 13).expand(2, 2, 13) * torch.tensor([1.0, -1]).view(2, 1)
    found = Cut(0.2 + lost, lost, lost[:, 0, 0])
    axes = explore.cut.picture({100: found, 200: found}).axes
    titles = [ax.get_title() + ax.get_title(loc="left") for ax in axes]  # by the style in use
    assert ["100" in title for title in titles] == [True, False]
    for ax in axes:
        dropping, always, _ = ax.lines
        assert list(dropping.get_xdata()) == list(range(13))
        assert dropping.get_ydata() == pytest.approx(100 * lost[0, 0])
        assert always.get_ydata() == pytest.approx(-100 * lost[0, 0])
        assert [text.get_text() for text in ax.texts] == ["+30.0", "−30.0"]


def test_what_reaches_the_first_block_is_in_units_of_a_single_block():
    found = FirstBlock(torch.full((2, 4, 7), 1e-3).double(), 0.5, (1.0, 1.0))
    found.norm[:, STACKS.index("shortcut")] = 0.1 * torch.logspace(0, 6, 7).double()
    [ax] = explore.reached.picture(found).axes
    drawn = dict(zip(explore.reached.SHOWN, ax.lines))
    assert drawn["shortcut"].get_ydata() == pytest.approx(np.logspace(0, 6, 7))
    assert drawn["no shortcut"].get_ydata() == pytest.approx([0.01] * len(DEPTHS))
    said = {text.get_text() for text in ax.texts}
    assert said >= {"1", "1e+06", "0.01", "$10^{-2}$ at 64 blocks"}


def test_the_lines_are_drawn_beside_what_each_help_makes_of_them():
    errors = explore.lines._errors()  # stored
    split = mnist1d(0, 100, 0.0, 0, 1)
    left, right = explore.lines.picture(split, errors).axes
    for line, kind in zip(left.lines, explore.lines.CLASSES, strict=True):
        shown = split.train_x[split.train_y == kind][0]
        assert np.ptp(np.asarray(line.get_ydata()) - shown.numpy()) < 1e-5
    widths = [bar.get_width() for bar in right.patches]
    assert widths == pytest.approx([values.mean().item() for values in errors.values()])
    assert widths[0] == max(widths) and "37.5%" in {text.get_text() for text in right.texts}


def test_first_block_draws_geometric_means():
    result = FirstBlock(torch.full((2, 4, 7), 1e-3).double(), 0.5, (1.0, 1.0))
    result.norm[0], result.norm[1] = 1e-2, 1e-4
    marks = explore.first_block.explorer.prepare(Figure())
    caption = explore.first_block.explorer.draw(marks, result)
    assert (
        np.allclose(marks["shortcut"][0].get_ydata(), 1e-3) and "0.001 without shortcuts" in caption
    )
    low, high = np.sort(np.unique(marks["shortcut"][1].get_paths()[0].vertices[:, 1].round(30)))[
        [0, -1]
    ]
    assert low < 1e-3 < high and low * high == pytest.approx(1e-6, rel=1e-3)


def test_a_first_block_that_is_never_on_leaves_a_gap():
    *_, result = explore.first_block.explorer.compute(
        0.0, "LayerNorm in front", "2/n, both", seeds=(0, 1)
    )
    marks = explore.first_block.explorer.prepare(Figure())
    caption = explore.first_block.explorer.draw(marks, result)
    drawn = marks["shortcut, dropping"][0].get_ydata()
    assert np.isnan(drawn[0]) and np.isfinite(drawn[1:]).all(), "of one block with p_L = 0"
    assert caption.endswith("A gap: that first block is never on.")
    assert "gap" not in explore.first_block.explorer.draw(
        marks, FirstBlock(result.norm.clamp(min=1e-9), 0.0, (1.0, 1.0))
    )

"""Lesson 02's pictures: what their captions say, refusals, and a learner's own threshold."""

import math

import pytest
import torch
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.data.diabetes import load
from course_lib.experiments.l1_l2 import path
from course_lib.experiments.l1_l2.penalised_regression import PENALTIES
from course_lib.experiments.l1_l2.twenty import STRENGTHS, Twenty
from course_lib.explorers import l1_l2 as explore
from course_lib.explorers.l1_l2 import share_kept, twenty
from course_lib.l1_l2 import soft_threshold
from tests.panel._page import Page

LASSO, RIDGE, _ = PENALTIES
geometry, zeroing = explore.geometry.explorer, explore.zeroing.explorer


def test_the_caption_names_the_weights_that_are_exactly_zero():
    def caption(**numbers):
        return geometry.picture(**numbers)[1]

    assert "neither weight is zero" in caption(penalty=RIDGE, strength=2.0)
    assert "(0.500, 0.000); w₂ is exactly zero" in caption(penalty=LASSO, strength=0.5)
    assert "w₁ and w₂ are exactly zero" in caption(penalty=LASSO, strength=1.0)
    assert "(1.000, 0.400)" in caption(penalty=LASSO, strength=0.0, correlation=0.9)


def test_divergence_is_said_with_its_bound_and_drawn_to_its_last_good_step():
    result, _ = zeroing.compute(0.3, 3.0)
    assert set(result.diverged) >= {"l2", "l1_subgradient"}
    _, caption = zeroing.picture(strength=0.3, lr=3.0)
    step = result.diverged["l2"]
    assert (
        f"L2 diverged at step {step}" in caption
        and "2/h = 2" in caption
        and "2/(h + λ) = 1.54" in caption
    )


def test_the_learners_threshold_steers_the_picture():
    def hard(x, threshold):
        if threshold > 0:  # plain numbers: `if` works
            return torch.where(x.abs() > threshold, x, 0.0)
        return x.clone()

    (ours, _), (theirs, note) = (zeroing.compute(0.5, 0.12, update=f) for f in (None, hard))
    assert "your soft_threshold" in note
    assert not torch.equal(ours.runs["l1"], theirs.runs["l1"])
    assert torch.equal(ours.runs["l2"], theirs.runs["l2"])
    assert "your soft_threshold" in zeroing.picture(handed={"update": soft_threshold})[1]


def test_a_path_without_test_rows_has_a_picture():
    assert "error on other rows" not in explore.path.explorer.picture(rows=442)[1]


def test_the_panel_says_so_and_keeps_the_former_picture(monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    constant = "constant in all 20 rows: sex; leave such features out. The picture is the last one"
    x, y = load()
    x = torch.where(torch.arange(10) == 1, 1.0, x)
    page = Page(explore.path.show(rows=50))
    before = page.here()
    monkeypatch.setattr(path, "load", lambda: (x, y))
    page.ask(rows=20)
    page.wait()
    assert page.refused and constant in page.caption
    assert page.here(rows=50) is before
    page.widget.close()


@pytest.mark.parametrize("explorer", [geometry, zeroing])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_bad_strength_is_refused(explorer, value):
    with pytest.raises(ValueError, match="strength = "):
        explorer.picture(strength=value)


@pytest.mark.parametrize("explorer", [explore.network.explorer, explore.surface.explorer])
def test_trained_pictures_fill_in_and_tell_their_figures(explorer):
    results = list(explorer.compute(**explorer.quick))
    with plotting.style("dark"):
        marks = explorer.prepare(Figure())
        first, *_, last = [
            explorer.draw(marks, result, strength=1e-2) for result in (results[0], results[-1])
        ]
    assert "%" in first and "2 seeds" in last and "λ = 0.01" in last


def test_the_shares_drawn_are_bias_variance_and_their_sum_with_a_ring_at_the_best():
    one, two = share_kept.picture((1.0, 2.0)).axes
    for ax, weight, best in ((one, 1, 0.5), (two, 2, 0.8)):
        level, bias2, variance, total, ring = (line.get_xydata() for line in ax.get_lines())
        title = ax.get_title(loc="left") or ax.get_title()  # as the theme in force has it
        assert (level[:, 1] == 1).all() and f"True weight {weight}" in title
        assert bias2[:, 1] == pytest.approx(weight**2 * (1 - bias2[:, 0]) ** 2)
        assert variance[:, 1] == pytest.approx(variance[:, 0] ** 2)
        assert total[:, 1] == pytest.approx(bias2[:, 1] + variance[:, 1])
        assert ring[0] == pytest.approx([best, total[:, 1].min()])
    assert "True weight 2" in share_kept.words((1, 2)) and "lowest at 80 %" in share_kept.words([2])
    share_kept.show_shares(1, 2)


def test_the_errors_of_twenty_patients_are_drawn_with_their_two_parts():
    errors = torch.full((2, len(STRENGTHS)), 80.0, dtype=torch.float64)
    errors[:, 1:-1] += torch.tensor([[1.0], [3.0]])
    errors[:, STRENGTHS.index(1.0)] = 63
    chosen = torch.tensor([[92.0, 60, 70, 79], [90, 74, 72, 77]], dtype=torch.float64)
    spread = torch.tensor([[4000.0, 900, 1000, 10], [6000, 1100, 1000, 10]], dtype=torch.float64)
    drawn = Twenty(errors, chosen, spread, spread + 2000)
    left, right = twenty.picture(drawn).axes
    curve, *levels = (line.get_xydata() for line in left.get_lines())
    assert len(curve) == len(STRENGTHS) - 2 and curve[:, 1].min() == 63 and curve[0, 1] == 82
    assert [level[0, 1] for level in levels] == [91, 67, 71, 78]
    bars = [(bar.get_x(), bar.get_width()) for bar in right.patches]
    assert bars[:2] == [(0, 5), (0, 1)] and bars[4:6] == [(5, 7), (1, 3)]
    said = twenty.words(drawn)
    assert "from 91.0" in said and "to 63 near λ = 1 " in said and "it is 67.0" in said
    assert "ridge 1.0 + 3.0" in said


def test_names_stand_at_their_lines_in_their_order_and_none_on_another():
    heights = explore.path._apart([10.0, 9.0, -44.0, 35.0])
    assert heights[2:] == [-44.0, 35.0]
    assert heights[0] - heights[1] == pytest.approx(explore.path.APART)
    assert heights[0] + heights[1] == pytest.approx(19)

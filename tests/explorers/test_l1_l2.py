"""The numbers behind lesson 02's pictures: closed forms, bounds, refusals, and a learner's own
threshold.
"""

import math

import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from course_lib import plotting
from course_lib.data.diabetes import load
from course_lib.explorers import l1_l2 as explore
from course_lib.l1_l2 import soft_threshold
from course_lib.panel.panel import Panel

PENALTIES = tuple(explore.penalties.PENALTIES)
LASSO, RIDGE, NET = PENALTIES

# --- geometry
# ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6])
def test_the_solution_is_scikit_learns(penalty, correlation):
    """On 100 rows that have exactly this correlation and this least-squares solution."""
    root = torch.linalg.cholesky(explore.geometry.bowl(correlation)).T
    columns = torch.linalg.qr(
        torch.randn(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ).Q
    x = 10 * columns @ root  # XᵀX/n = H
    y = x @ explore.geometry.GOAL
    l1_ratio, strength = explore.penalties.PENALTIES[penalty][0], 0.45
    model = {
        LASSO: Lasso(strength, fit_intercept=False, tol=1e-14, max_iter=100_000),
        RIDGE: Ridge(100 * strength, fit_intercept=False),
        NET: ElasticNet(
            strength, l1_ratio=l1_ratio, fit_intercept=False, tol=1e-14, max_iter=100_000
        ),
    }[penalty]
    expected = torch.from_numpy(model.fit(x.numpy(), y.numpy()).coef_)
    found = explore.geometry.compute(penalty, strength, correlation).solution
    assert (found - expected).abs().max() < 1e-6 and torch.equal(found == 0, expected == 0)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_ball_and_contour_touch_at_the_solution(penalty):
    """Every point of the ball has the solution's penalty, of the contour its loss, and the two do
    not cross.
    """
    result = explore.geometry.compute(penalty, 0.3, 0.5)
    l1, l2 = explore.penalties.PENALTIES[penalty]

    def price(w):
        return l1 * w.abs().sum(-1) + l2 * w.square().sum(-1) / 2

    def loss(w):
        return (
            (w - explore.geometry.GOAL) @ explore.geometry.bowl(0.5) * (w - explore.geometry.GOAL)
        ).sum(-1) / 2

    assert torch.allclose(price(result.ball), price(result.solution), atol=1e-12)
    assert torch.allclose(loss(result.contours[-1]), loss(result.solution), atol=1e-12)
    assert (loss(result.ball) >= loss(result.solution) - 1e-9).all()
    assert (price(result.contours[-1]) >= price(result.solution) - 1e-9).all()


def test_the_caption_names_the_weights_that_are_exactly_zero():
    def caption(**numbers):
        return explore.geometry.explorer.picture(**numbers)[1]

    assert "neither weight is zero" in caption(penalty=RIDGE, strength=2.0)
    assert "(0.500, 0.000); w₂ is exactly zero" in caption(penalty=LASSO, strength=0.5)
    assert "w₁ and w₂ are exactly zero" in caption(penalty=LASSO, strength=1.0)
    assert "(1.000, 0.400)" in caption(penalty=LASSO, strength=0.0, correlation=0.9)


# --- zeroing
# ----------------------------------------------------------------------------------------------------------


def test_proximal_steps_end_where_the_formula_says():
    for strength in (0.0, 0.1, 0.3, 0.8):
        runs = explore.zeroing.compute(strength, 0.5).runs
        rest = soft_threshold(torch.tensor(explore.zeroing.PULLED_TO), strength).item()
        assert abs(runs["l1"][-1] - rest) < 1e-6
        assert abs(runs["l2"][-1] - explore.zeroing.PULLED_TO / (1 + strength)) < 1e-6


def test_the_stated_bounds_are_where_stability_ends():
    strength = 0.5
    for lr in (1.2, 2 / 1.5 * 0.99):
        assert "l2" not in explore.zeroing.compute(strength, lr).diverged
    assert abs(explore.zeroing.walk("l2", strength, 2 / 1.5 * 1.05)[-1]) > 10
    assert (
        abs(explore.zeroing.walk("l1", 0.0, 1.95)[-1])
        < 1
        < 10
        < abs(explore.zeroing.walk("l1", 0.0, 2.1)[-1])
    )


def test_divergence_is_said_with_its_bound_and_drawn_to_its_last_good_step():
    result = explore.zeroing.compute(0.3, 3.0)
    assert set(result.diverged) >= {"l2", "l1_subgradient"}
    _, caption = explore.zeroing.explorer.picture(strength=0.3, lr=3.0)
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

    ours, theirs = (
        explore.zeroing.compute(0.5, 0.12),
        explore.zeroing.compute(0.5, 0.12, update=hard),
    )
    assert "your soft_threshold" in theirs.note and not torch.equal(
        ours.runs["l1"], theirs.runs["l1"]
    )
    assert torch.equal(ours.runs["l2"], theirs.runs["l2"])
    assert (
        "your soft_threshold"
        in explore.zeroing.explorer.picture(handed={"update": soft_threshold})[1]
    )


# --- path
# -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", explore.path.SCALES)
def test_the_path_is_scikit_learns(scale):
    result = explore.path.compute(LASSO, scale, 300)
    x, y = load()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:300], order[300:]
    spread = x[train].std(0, correction=0)
    columns = x / spread if scale == "standardised" else x
    for k in (12, 20, 26):
        model = Lasso(explore.path.PATH[k], tol=1e-12, max_iter=1_000_000).fit(
            columns[train].numpy(), y[train, 0].numpy()
        )
        weights = torch.from_numpy(model.coef_) * (1.0 if scale == "standardised" else spread)
        assert (result.weights[k] - weights).abs().max() < 0.05, (
            "in score points: as fine as the picture shows"
        )
        error = (
            (torch.from_numpy(model.predict(columns[test].numpy())) - y[test, 0])
            .square()
            .mean()
            .sqrt()
        )
        assert abs(result.test_error[k] - error) < 0.01


def test_from_the_stated_strength_on_no_feature_is_left():
    for scale in explore.path.SCALES:
        result = explore.path.compute(LASSO, scale, 300)
        for strength, w in zip(explore.path.PATH, result.weights):
            assert (not w.any()) == (strength >= result.empty_from), (scale, strength)
    assert explore.path.compute(RIDGE, "standardised", 300).empty_from is None


def test_rows_that_cannot_be_fitted_are_refused_in_words():
    with pytest.raises(ValueError, match="x has 1 row"):
        explore.path.compute(LASSO, "standardised", 1)
    with pytest.raises(ValueError, match="constant in all 2 rows: .*sex"):
        explore.path.compute(LASSO, "standardised", 2, seed=4)
    assert explore.path.compute(LASSO, "standardised", 442).test_error is None
    explore.path.explorer.picture(rows=442)


def test_the_panel_says_so_and_keeps_the_former_picture(monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    constant = "constant in all 20 rows: sex; leave such features out. The picture is the last one"
    x, y = load()
    x = torch.where(torch.arange(10) == 1, 1.0, x)
    panel = explore.path.show(rows=50)
    try:
        assert isinstance(panel, Panel)
        panel.wait(60)
        before = panel._latest[0]
        panel._typed("rows", 1)
        assert "rows = 1: must be a finite number in [15, 442]. It stays at 50" in panel._latest[1]
        monkeypatch.setattr(explore.path, "load", lambda: (x, y))
        panel._typed("rows", 20)
        panel.wait(60)
        after, caption = panel._latest
        assert constant in caption and after == before and before is not None
    finally:
        panel.close()


@pytest.mark.parametrize("explorer", [explore.geometry.explorer, explore.zeroing.explorer])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_bad_strength_is_refused(explorer, value):
    with pytest.raises(ValueError, match="strength = "):
        explorer.picture(strength=value)


# --- trained explorers: the experiments themselves are tested in test_lab_shrinking.py
# --------------------------------


@pytest.mark.parametrize("explorer", [explore.network.explorer, explore.surface.explorer])
def test_trained_pictures_fill_in_and_tell_their_figures(explorer):
    from matplotlib.figure import Figure

    results = list(explorer.compute(**explorer.quick))
    with plotting.style("dark"):
        marks = explorer.prepare(Figure())
        first, *_, last = [
            explorer.draw(marks, result, strength=1e-2) for result in (results[0], results[-1])
        ]
    assert "%" in first and "2 seeds" in last and "λ = 0.01" in last

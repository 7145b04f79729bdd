"""Lesson 01's pictures: what captions say, what is hidden, refused, and where descent diverges."""

import math
import re

import pytest
import torch
from matplotlib.figure import Figure

from course_lib.experiments.overfitting import early_stopping
from course_lib.experiments.overfitting.bias_variance import (
    POINTS,
    networks,
    polynomials,
    training_set,
)
from course_lib.experiments.overfitting.double_descent import random_features
from course_lib.experiments.overfitting.filters import BOUND, CURVATURES
from course_lib.explorers import overfitting as explore
from course_lib.explorers.overfitting.fits import FIGURES
from course_lib.overfitting import excess_risk
from course_lib.panel import Explorer, Slider
from course_lib.panel.widget import Panel
from tests.panel._page import Page


def marks_of(explorer, result, **trained):
    marks = explorer.prepare(Figure())
    return marks, explorer.draw(marks, result, **trained)


def test_the_caption_of_a_polynomial_says_what_the_curves_show():
    result = explore.polynomials.explorer.compute(degree=5, noise=0.3, rows=30, sets=50)
    marks, caption = marks_of(explore.polynomials.explorer, result, errors="shown")
    for name in ("bias²", "variance", "training error", "validation error"):
        shown = dict(zip(*marks[name][0].get_data()))[5]
        assert f"{name} {shown:.2g}" in caption
    bias2, variance = (part.mean().item() for part in result[0].parts(5))
    assert f"bias² {bias2:.2g}, variance {variance:.2g}" in caption and "noise σ² 0.09" in caption


def test_what_is_hidden_is_nowhere():
    result = explore.polynomials.explorer.compute(degree=9, noise=0.3, rows=20, sets=20)
    marks, caption = marks_of(explore.polynomials.explorer, result, errors="hidden")
    hidden = ("truth", "mean", "bias²", "variance", "training error", "validation error")
    assert (
        not [name for name in hidden if len(marks[name][0].get_xdata())]
        and not marks["band"][0].get_paths()
    )
    assert "validation" not in caption and len(marks["fit"][0].get_xdata()) == POINTS
    assert not any(legend.get_visible() for legend in marks["legends"])  # it names the truth
    explore.polynomials.explorer.draw(marks, result, errors="shown")
    assert all(legend.get_visible() for legend in marks["legends"])


def test_two_errors_come_before_the_parts_of_one():
    result = explore.polynomials.explorer.compute(degree=3, noise=0.3, rows=20, sets=20)
    marks, caption = marks_of(
        explore.polynomials.explorer, result, errors="training and validation"
    )
    drawn = {name for name in FIGURES if len(marks[name][0].get_xdata())}
    assert drawn == {"training error", "validation error"}
    assert "validation error" in caption and "bias" not in caption and "σ" not in caption
    assert math.isnan(marks["noise"][0].get_ydata()[0])
    (short,), (_, whole) = marks["short legend"], marks["legends"]
    assert short.get_visible() and not whole.get_visible()
    assert [text.get_text() for text in short.get_texts()] == ["training error", "validation error"]
    explore.polynomials.explorer.draw(marks, result, errors="shown")
    assert not short.get_visible() and whole.get_visible()


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("polynomials", {"noise": 0.6, "rows": 200, "degree": 12}),
        ("early_stopping", {"patience": 50, "noise": 0.0}),
        ("random_features", {"noise": 0.2, "l2": 0.01}),
    ],
)
def test_what_the_text_asks_can_be_done_on_a_page_without_a_kernel(name, moved):
    explorer = getattr(explore, name).explorer
    axes = explorer.grid(explorer.numbers())
    assert all(at in axes[control] for control, at in moved.items())


def test_a_degree_that_the_points_do_not_determine_is_a_sentence_beside_the_former_picture():
    with pytest.raises(ValueError, match="degree = 12: must be at most 9 with 10 training points"):
        explore.polynomials.explorer.compute(degree=12, noise=0.3, rows=10, sets=5)
    wider = dict(
        explore.polynomials.explorer.controls,
        rows=Slider("training points", values=(1, 10, 20), default=20),
    )
    parts = explore.polynomials.explorer
    explorer = Explorer(parts.title, wider, parts.compute, parts.prepare, parts.draw)
    page = Page(Panel(explorer, {}, {"degree": 12, "noise": 0.3, "rows": 20, "errors": "shown"}))
    for rows in (10, 1):
        page.ask(rows=rows)
        page.wait()
        assert page.refused
        assert f"must be at most {rows - 1} with {rows} training points" in page.caption
    page.widget.close()


def test_bad_noise_is_refused():
    with pytest.raises(ValueError, match="noise = -1"):
        explore.polynomials.explorer.compute(degree=2, noise=-1, rows=20)
    with pytest.raises(ValueError, match="noise"):
        explore.polynomials.explorer.picture(noise=-1)
    with pytest.raises(ValueError, match="patience"):
        explore.early_stopping.explorer.picture(patience=-1)


def test_networks_begin_with_an_empty_picture_and_a_sentence():
    first, *_, last = networks(15, 0.1, sets=4, steps=20, widths=(1, 2))
    marks, caption = marks_of(explore.networks.explorer, first, width=2)
    assert caption.startswith("Training 4 networks") and not len(marks["variance"][0].get_xdata())
    marks, caption = marks_of(explore.networks.explorer, last, width=2)
    assert caption.startswith(
        "2 hidden units, 7 weights and biases, mean of 4 training sets of 15 points"
    )
    assert list(marks["bias²"][0].get_xdata()) == [1, 2]


def test_the_caption_of_early_stopping_is_what_the_curve_says():
    *_, curves = early_stopping.curves(0.2, seeds=(0, 1), steps=300, every=10)
    for patience in (1, 5, 50):
        marks, caption = marks_of(
            explore.early_stopping.explorer, curves, patience=patience, seed=1
        )
        best, last = curves.stop(patience)[1]
        assert f"best validation loss at step {curves.recorded[best]}" in caption
        assert marks["left best"][0].get_xdata()[0] == curves.recorded[best]
        assert marks["right last"][0].get_xdata()[0] == curves.recorded[last]
        assert ("it was not over yet" in caption) == (last - best < patience)
        assert f"Kept {100 * curves.test_accuracy[1, best]:.1f} % right" in caption


def test_the_law_is_drawn_beside_its_draws():
    first, *_, result = explore.minimum_norm.explorer.compute(0.5, 0.0, draws=60)
    assert 0 < first.progress < result.progress == 1
    _, caption = marks_of(explore.minimum_norm.explorer, first)
    assert "highest at d = 2:" in caption, "what is not drawn yet is not spoken of"
    marks, caption = marks_of(explore.minimum_norm.explorer, result)
    x, y = marks["law"][0].get_data()
    assert all(
        b == pytest.approx(excess_risk(30, int(a), 0.5)) for a, b in zip(x, y) if not math.isnan(b)
    )
    assert {int(a) for a, b in zip(x, y) if math.isnan(b)} == {29, 30, 31}
    assert "highest at d = 30" in caption
    assert "no peak" in explore.minimum_norm.explorer.picture(noise=0.0)[1]
    *_, tamed = explore.minimum_norm.explorer.compute(0.5, 1.0, draws=60)
    assert tamed.risks.mean(1).max() < 1


def test_the_caption_of_random_features_names_the_peak_of_the_curve():
    first, *_, result = random_features(0.2, seeds=(0, 1), widths=(20, 60, 150, 300, 600))
    _, caption = marks_of(explore.random_features.explorer, first, l2=0.0)
    assert caption == "Fitting the last layer at every width: 10%."
    marks, caption = marks_of(explore.random_features.explorer, result, l2=0.0)
    for side in ("clean", "noisy"):
        means = 100 * getattr(result, side).test_error[:, :, 0].mean(1)
        assert f"at 300 ({means[3]:.0f} %; with 600: {means[4]:.1f} %)" in caption
        assert marks[f"{side} test"][0].get_ydata() == pytest.approx(means.numpy())
    assert marks["title"][0].get_text() == "20 % wrong labels"


def test_descent_says_where_it_diverges_and_what_the_bound_is():
    marks, caption = marks_of(explore.filters.explorer, explore.filters.explorer.compute(2.2, 20))
    assert "diverges" in caption and "2/λmax = 2" in caption
    assert marks["diverged"][0].get_xdata()[0] == pytest.approx(2 / 2.2)
    unstable = CURVATURES > 2 / 2.2
    apart = explore.filters.explorer.compute(2.2, 500)[2]
    assert (apart[1][unstable][1:].abs() > 10).all() and apart[1][~unstable].abs().max() < 2.5
    marks, caption = marks_of(explore.filters.explorer, explore.filters.explorer.compute(2.0, 21))
    assert "diverges" not in caption and math.isnan(marks["diverged"][0].get_xdata()[0])


@pytest.mark.parametrize(("lr", "steps"), [(0.05, 1), (0.1, 500), (1.9, 3)])
def test_flow_never_leaves_ridge_by_more_than_its_bound(lr, steps):
    _, _, (flow, descent, ridge) = explore.filters.explorer.compute(lr, steps)
    assert (flow - ridge).abs().max() < BOUND
    found = re.search(
        r"descent by at most ([\d.]+)", explore.filters.explorer.picture(lr=lr, steps=steps)[1]
    )[1]
    assert float(found.rstrip(".")) == pytest.approx((descent - ridge).abs().max().item(), abs=1e-3)
    assert torch.allclose(flow[0], torch.tensor(lr * steps * 1e-4).double(), rtol=0.03)


def test_label_gaps_stand_beside_the_law_that_ends_at_as_many_coefficients_as_points():
    fits = polynomials(15, 0.3, degrees=(0, 3), sets=10)
    *_, nets = networks(15, 0.3, sets=4, steps=20, widths=(1, 2))
    *_, early = networks(15, 0.3, sets=4, steps=10, widths=(2,))
    (ax,) = explore.gaps.picture(fits, nets, early).axes
    law, ceiling, points, line, before = ax.get_lines()
    assert law.get_ydata() == pytest.approx([0.18 * p / 15 for p in range(1, 16)])
    assert [*ceiling.get_ydata()] == pytest.approx([0.18, 0.18])
    assert [*points.get_xdata()] == [1, 4] and [*line.get_xdata()] == [4, 7]
    assert points.get_ydata()[1] == pytest.approx(fits.gap(1).mean().item())
    assert line.get_ydata()[1] == pytest.approx(nets.gap(1).mean().item())
    assert [*before.get_xdata()] == [7] and before.get_ydata()[0] == pytest.approx(
        early.gap(0).mean().item()
    )


def test_which_labels_are_learned_is_shaded_from_the_first_to_the_last_step_that_is_kept():
    *_, found = early_stopping.curves(0.2, seeds=(0, 1), steps=300, every=10)
    (ax,) = explore.labels_learned.picture(found, patience=5).axes
    kept = [found.recorded[best] for best, _ in found.stop(5)]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"kept with patience 5: steps {min(kept)} to {max(kept)}" in names
    right, wrong = ax.get_lines()
    assert right.get_ydata() == pytest.approx(100 * found.right_fitted.mean(0).numpy())
    assert wrong.get_ydata() == pytest.approx(100 * found.wrong_fitted.mean(0).numpy())


@pytest.mark.parametrize("degree", explore.pushed.DEGREES)
def test_a_polynomial_follows_its_labels_by_as_many_coefficients_as_it_has(degree):
    # the diagonal of the hat matrix XX⁺ (Hoaglin & Welsch 1978); its sum is the rank of X
    x = training_set(0, explore.pushed.ROWS, explore.pushed.NOISE).train_x
    powers = x ** torch.arange(degree + 1)
    hat = powers @ torch.linalg.pinv(powers)
    shares = explore.pushed.shares(degree)
    torch.testing.assert_close(shares, hat.diagonal(), rtol=0, atol=1e-9)
    assert math.isclose(shares.sum().item(), degree + 1, rel_tol=1e-9)
    words = [text.get_text() for ax in explore.pushed.picture().axes for text in ax.texts]
    assert any(f"mean of the places {degree + 1}/20" in word for word in words)

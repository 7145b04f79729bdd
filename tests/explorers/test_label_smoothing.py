"""The numbers behind lesson 05's pictures: the best gap, the learner's loss, the diagram's bins,
projected classes.
"""

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from course_lib.experiments.label_smoothing import penultimate, smoothing
from course_lib.explorers import label_smoothing as explore
from course_lib.label_smoothing import loss_floor, optimal_gap


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_loss_and_gradient_are_those_of_torch(epsilon, classes):
    found = explore.targets.compute(epsilon, classes, gap=1.5)
    loss, slope = explore.targets.loss_and_slope(
        lambda z, y, e: F.cross_entropy(z, y, label_smoothing=e),
        classes,
        epsilon,
        [*explore.targets.GAPS[::40], 1.5],
    )
    torch.testing.assert_close(
        torch.cat([found.loss[::40], torch.tensor([found.here[0]]).double()]), loss
    )
    torch.testing.assert_close(
        torch.cat([found.gradient[::40], torch.tensor([found.here[1]]).double()]), slope
    )


def test_the_line_stands_where_the_loss_is_lowest():
    found = explore.targets.compute(0.1, 10, gap=0.0)
    lowest, falls = explore.targets.GAPS[found.loss.argmin()], explore.targets.GAPS < found.best
    assert abs(lowest - optimal_gap(10, 0.1)) < 0.05
    assert found.loss.min() == pytest.approx(loss_floor(10, 0.1), abs=1e-4)
    assert (found.gradient[falls] < 0).all() and (found.gradient[~falls] > 0).all()
    assert found.q.sum() == pytest.approx(1) and found.p.sum() == pytest.approx(1)


def test_without_smoothing_no_gap_is_enough():
    found = explore.targets.compute(0.0, 10, gap=14.0)
    assert found.best == math.inf and (found.gradient < 0).all() and found.floor == 0
    assert "for ever" in explore.targets.explorer.picture(epsilon=0.0)[1]
    assert "outside the picture" in explore.targets.explorer.picture(
        epsilon=0.01, classes=1000, gap=0.0
    )[1] or (optimal_gap(1000, 0.01) < explore.targets.GAPS[-1])


def test_the_learners_loss_is_drawn_wrong_ones_too():
    def exact(logits, target, epsilon):
        return F.cross_entropy(logits, target, label_smoothing=epsilon)

    def on_the_logits(logits, target, epsilon):
        return F.cross_entropy((1 - epsilon) * logits, target)

    ours, theirs, wrong = (
        explore.targets.compute(0.1, 5, 2.0, layer=layer) for layer in (None, exact, on_the_logits)
    )
    torch.testing.assert_close(ours.loss, theirs.loss)
    torch.testing.assert_close(ours.gradient, theirs.gradient)
    assert "your function" in theirs.note and not ours.note
    assert (wrong.gradient < 0).all(), "smoothing the logits leaves no finite optimum"


def test_bars_and_dots_show_target_and_prediction():
    marks = explore.targets.prepare(Figure())
    explore.targets.draw(marks, explore.targets.compute(0.3, 10, gap=optimal_gap(10, 0.3)))
    heights = [bar.get_height() for bar in marks["targets"]]
    assert heights[:10] == pytest.approx([0.73] + [0.03] * 9) and not any(heights[10:])
    assert list(marks["predictions"][0].get_ydata()) == pytest.approx(heights[:10]), (
        "at the best gap they agree"
    )


@pytest.fixture(scope="module")
def short():
    *_, result = explore.reliability.compute(0.2, 600, seeds=(0, 1), hurry=4)
    return result


def test_the_diagram_pools_the_predictions_of_all_seeds(short):
    confidence, accuracy, share = explore.reliability.pooled(short, 0, 2)
    counts = short.curves[2][:, 0, 2].numpy()
    assert share.sum() == pytest.approx(1) and share == pytest.approx(counts.sum(0) / counts.sum())
    seen = share > 0
    edges = explore.reliability.EDGES
    assert (confidence[seen] > edges[:-1][seen]).all() and (
        confidence[seen] <= edges[1:][seen]
    ).all()
    error = 1 - (accuracy[seen] * share[seen]).sum()
    assert error == pytest.approx(short.error[:, 0, 2].mean().item())


def test_the_caption_says_the_means_over_seeds(short):
    marks = explore.reliability.prepare(Figure())
    caption = explore.reliability.draw(marks, short, 0.1, "temperature, noisy labels")
    at = short.epsilons.index(0.1)
    few = marks["few"][0].get_xdata()
    assert 0 < len(few) < smoothing.BINS and set(few) <= set(marks["dots"][0].get_xdata())
    assert f"calibration error {short.ece[:, 2, at].mean():.3f}" in caption and "2 seeds" in caption
    assert f"T = {short.temperature[:, 2, at].mean():.2f}" == marks["words"][0].get_text()
    drawn = [bar.get_height() for bar in marks["counts"]]
    assert sum(drawn) == pytest.approx(1)


def test_a_seed_without_a_best_temperature_is_left_out_and_said(short):
    from dataclasses import replace

    holed = {name: getattr(short, name).clone() for name in ("error", "nll", "ece", "temperature")}
    for values in holed.values():
        values[0, 1] = torch.nan
    curves = tuple(part.clone() for part in short.curves)
    for part in curves:
        part[0, 1] = torch.nan
    some = replace(short, **holed, curves=curves)
    marks = explore.reliability.prepare(Figure())
    assert "1 of 2 seeds" in explore.reliability.draw(marks, some, 0.1, "temperature, right labels")
    for values in holed.values():
        values[1, 1] = torch.nan
    caption = explore.reliability.draw(
        marks, replace(some, **holed), 0.1, "temperature, right labels"
    )
    assert "at no seed" in caption and "nan" not in caption


def test_three_classes_in_their_plane():
    *_, result = penultimate.compare_clusters(seeds=(0, 1), steps=100)
    points, labels = explore.clusters.projected(result, 1, 0, [3, 8, 9])
    means = torch.stack([points[labels == k].mean(0) for k in (3, 8, 9)])
    assert set(labels.tolist()) == {3, 8, 9} and means.norm(dim=1).mean() == pytest.approx(1)
    assert means.mean(0).abs().max() < 1e-9
    marks = explore.clusters.prepare(Figure())
    caption = explore.clusters.draw(marks, result, 0.05, "test", "3, 8, 9")
    for space in (0, 1):
        before, after = result.scatter[:, space, 1, :2].mean(0)
        assert f"from {before:.3f} to {after:.3f}" in caption
    for plane, at in enumerate((0, 1)):
        points, labels = explore.clusters.projected(result, at, 1, [3, 8, 9])
        assert [marks[f"name {plane} {i}"][0].get_text() for i in range(3)] == ["3", "8", "9"]
        drawn = np.concatenate([marks[f"rows {plane} {i}"][0].get_xdata() for i in range(3)])
        assert sorted(drawn) == pytest.approx(sorted(points[:, 0].tolist()))
    assert marks["rows 1 0"][0].axes.get_title(loc=mpl.rcParams["axes.titlelocation"]) == "ε = 0.05"

"""Lesson 05's pictures: the learner's loss, the diagram's bins, classes in their plane."""

import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from course_lib.experiments.label_smoothing import penultimate, smoothing
from course_lib.experiments.label_smoothing.targets import GAPS, measure_targets
from course_lib.explorers import label_smoothing as explore
from course_lib.label_smoothing import optimal_gap


def test_without_smoothing_no_gap_is_enough():
    found = measure_targets(0.0, 10, gap=14.0)
    assert found.best == math.inf and (found.gradient < 0).all() and found.floor == 0
    assert "lowest" not in explore.targets.explorer.picture(epsilon=0.0)[1]
    assert "lowest" in explore.targets.explorer.picture(epsilon=0.1)[1]
    assert "outside the picture" in explore.targets.explorer.picture(
        epsilon=0.01, classes=1000, gap=0.0
    )[1] or (optimal_gap(1000, 0.01) < GAPS[-1])


def test_the_learners_loss_is_drawn_wrong_ones_too():
    def exact(logits, target, epsilon):
        return F.cross_entropy(logits, target, label_smoothing=epsilon)

    def on_the_logits(logits, target, epsilon):
        return F.cross_entropy((1 - epsilon) * logits, target)

    ours, theirs, wrong = (
        measure_targets(0.1, 5, 2.0, layer=layer) for layer in (None, exact, on_the_logits)
    )
    torch.testing.assert_close(ours.loss, theirs.loss)
    torch.testing.assert_close(ours.gradient, theirs.gradient)
    assert "your function" in theirs.note and not ours.note
    assert (wrong.gradient < 0).all(), "smoothing the logits leaves no finite optimum"


def test_bars_and_dots_show_target_and_prediction():
    marks = explore.targets.explorer.prepare(Figure())
    explore.targets.explorer.draw(marks, measure_targets(0.3, 10, gap=optimal_gap(10, 0.3)))
    heights = [bar.get_height() for bar in marks["targets"]]
    assert heights[:10] == pytest.approx([0.73] + [0.03] * 9) and not any(heights[10:])
    assert list(marks["predictions"][0].get_ydata()) == pytest.approx(heights[:10]), (
        "at the best gap they agree"
    )


def test_a_still_shows_what_the_panel_does(monkeypatch):
    shown = []
    monkeypatch.setattr("course_lib.plotting.show_with_words", lambda *both: shown.append(both))
    explore.targets.show_still(epsilon=0.1, gap=4.0)
    ((figure, words),) = shown
    assert words == explore.targets.explorer.picture(epsilon=0.1, gap=4.0)[1]
    assert len(figure.axes) == 3 and "lowest at a gap of 3.829" in words


@pytest.fixture(scope="module")
def short():
    *_, result = explore.reliability.explorer.compute(0.2, 600, seeds=(0, 1), hurry=4)
    return result


def test_the_diagram_pools_the_predictions_of_all_seeds(short):
    confidence, accuracy, share = short.pooled_bins(0.05)
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
    marks = explore.reliability.explorer.prepare(Figure())
    caption = explore.reliability.explorer.draw(marks, short, 0.1, "temperature, noisy labels")
    at = short.epsilons.index(0.1)
    few = marks["few"][0].get_xdata()
    assert 0 < len(few) < smoothing.BINS and set(few) <= set(marks["dots"][0].get_xdata())
    assert f"calibration error {short.ece[:, 2, at].mean():.3f}" in caption and "2 seeds" in caption
    assert f"T = {short.temperature[:, 2, at].mean():.2f}" == marks["words"][0].get_text()
    drawn = [bar.get_height() for bar in marks["counts"]]
    assert sum(drawn) == pytest.approx(1)


def test_a_seed_without_a_best_temperature_is_left_out_and_said(short):
    holed = {name: getattr(short, name).clone() for name in ("error", "nll", "ece", "temperature")}
    for values in holed.values():
        values[0, 1] = torch.nan
    curves = tuple(part.clone() for part in short.curves)
    for part in curves:
        part[0, 1] = torch.nan
    holes = replace(short, **holed, curves=curves)
    marks = explore.reliability.explorer.prepare(Figure())
    assert "1 of 2 seeds" in explore.reliability.explorer.draw(
        marks, holes, 0.1, "temperature, right labels"
    )
    for values in holed.values():
        values[1, 1] = torch.nan
    caption = explore.reliability.explorer.draw(
        marks, replace(holes, **holed), 0.1, "temperature, right labels"
    )
    assert "at no seed" in caption and "nan" not in caption


def test_diagrams_side_by_side_show_the_bins_of_the_diagram(short):
    shown = [(0.2, reading) for reading in smoothing.READINGS]
    axes = explore.reliability.picture(short, shown).axes
    for ax, (epsilon, reading) in zip(axes, shown, strict=True):
        confidence, accuracy, share = short.pooled_bins(epsilon, reading)
        dots = next(line for line in ax.get_lines() if line.get_label() == "a bin")
        assert list(dots.get_xdata()) == pytest.approx(confidence[share > 0])
        assert list(dots.get_ydata()) == pytest.approx(accuracy[share > 0])
        assert f"ECE {short.of('ece', epsilon, reading).mean():.3f}" in ax.get_title(
            loc=mpl.rcParams["axes.titlelocation"]
        )


def test_lines_of_runs_that_are_there_are_those_of_the_panel(short):
    situations = explore.situations
    found = dict.fromkeys(situations.SITUATIONS, short)
    for ax in situations.picture(found, "as it is").axes:
        sure, right = situations.confidence_and_right(short, "as it is")
        for values, label in ((sure, "how sure"), (right, "how often right")):
            line = next(line for line in ax.get_lines() if line.get_label() == label)
            assert list(line.get_ydata()) == pytest.approx(values.mean(0).tolist())


def test_the_words_of_pictures_say_on_which_side_the_dots_lie_and_where_lines_end(short):
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_lib.plotting.show_with_words", lambda _, words: shown.append(words))
        explore.reliability.show_diagrams(short, [(0.8, "as it is")])
        explore.situations.show_lines({"noise, tuned": short})
    diagrams, lines = shown
    sure, right = explore.situations.confidence_and_right(short, "as it is")
    excess = (sure - right)[:, -1].mean().item()
    assert excess < 0 and diagrams.startswith("ε = 0.8: ECE")
    assert f"the dots lie {-excess:.1%} above" in diagrams
    assert f"how sure goes from {sure[:, 0].mean():.0%} to {sure[:, -1].mean():.0%}" in lines


def test_three_classes_in_their_plane():
    *_, result = penultimate.compare_clusters(seeds=(0, 1), steps=100)
    points, labels = result.in_plane(0.05, "training", [3, 8, 9])
    means = torch.stack([points[labels == k].mean(0) for k in (3, 8, 9)])
    assert set(labels.tolist()) == {3, 8, 9} and means.norm(dim=1).mean() == pytest.approx(1)
    assert means.mean(0).abs().max() < 1e-9
    marks = explore.clusters.explorer.prepare(Figure())
    caption = explore.clusters.explorer.draw(marks, result, 0.05, "test", "3, 8, 9")
    for space in (0, 1):
        before, after = result.scatter[:, space, 1, :2].mean(0)
        assert f"from {before:.3f} to {after:.3f}" in caption
    for plane, epsilon in enumerate((0.0, 0.05)):
        points, _ = result.in_plane(epsilon, "test", [3, 8, 9])
        assert [marks[f"name {plane} {i}"][0].get_text() for i in range(3)] == ["3", "8", "9"]
        drawn = np.concatenate([marks[f"rows {plane} {i}"][0].get_xdata() for i in range(3)])
        assert sorted(drawn) == pytest.approx(sorted(points[:, 0].tolist()))
    assert marks["rows 1 0"][0].axes.get_title(loc=mpl.rcParams["axes.titlelocation"]) == "ε = 0.05"

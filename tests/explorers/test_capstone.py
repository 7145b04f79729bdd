"""Lesson 09's picture of the spam study: which repetitions, which interval, and what is said."""

import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.data import tables
from course_lib.experiments.capstone import mixer, playbook, search, spam_study
from course_lib.explorers import capstone as explore
from course_lib.statistics import Interval

VARIANTS = list(spam_study.VARIANTS)


@pytest.fixture
def result():
    """A study of twelve repetitions, made up: dropout costs two points, more or less."""
    accuracy = 0.94 + 0.01 * torch.randn(
        12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    accuracy[:, 1] = accuracy[:, 0] - 0.02 + 0.005 * torch.linspace(-1, 1, 12)
    return spam_study.Study(accuracy, 12, 80, 20, "Made up")


def drawn(result, repetitions=10, interval="naive", variant="dropout"):
    marks = explore.study.explorer.prepare(Figure())
    return marks, explore.study.explorer.draw(marks, result, repetitions, interval, variant)


def span(line):
    return tuple(line.get_ydata())


@pytest.mark.parametrize("kind", spam_study.KINDS)
def test_means_and_intervals_are_drawn_in_percent(result, kind):
    marks, caption = drawn(result, interval=kind)
    first = result.first(10)
    for name in VARIANTS:
        found = first.interval(name, kind)
        assert span(marks[f"accuracy {name} interval"][0]) == pytest.approx(
            (100 * found.low, 100 * found.high)
        )
        assert span(marks[f"accuracy {name} mean"][0]) == pytest.approx((100 * found.mean,))
        assert sorted(span(marks[f"accuracy {name} dots"][0])) == pytest.approx(
            sorted(100 * first.of(name).numpy())
        )
        assert f"{name} {100 * found.mean:.2f} ± {100 * found.half_width:.2f}" in caption
    for name in VARIANTS[1:]:
        found = first.difference(name, kind=kind)
        assert span(marks[f"difference {name} interval"][0]) == pytest.approx(
            (100 * found.low, 100 * found.high)
        )
    assert f"Made up, 10 repetitions, {kind} 95 % intervals. " in caption


def test_the_caption_names_what_is_told_from_plain(result):
    assert "Interval without 0: dropout." in drawn(result)[1]
    wobble = 0.01 * torch.tensor([[0.0, 1.0, -1.0, 1.0], [0.0, -1.0, 1.0, -1.0]]).repeat(6, 1)
    same = spam_study.Study(result.accuracy[:, :1] + wobble, 12, 80, 20, "Made up")
    assert "Each of these three intervals holds 0." in drawn(same)[1]
    assert "dropout −2." in drawn(result)[1], "a minus, not a hyphen"


def test_widths_are_shown_no_further_than_asked_for(result):
    marks, _ = drawn(result, repetitions=7, interval="naive", variant="both")
    (naive,), (corrected,) = marks["naive widths"], marks["corrected widths"]
    assert naive.get_xdata() == [5, 7] and not len(corrected.get_xdata())
    wanted = [100 * result.first(J).difference("both", kind="naive").half_width for J in (5, 7)]
    assert (
        naive.get_ydata() == pytest.approx(wanted)
        and marks["words"][0].get_text() == "both − plain"
    )
    assert (marks["naive here"][0].get_xdata(), marks["naive here"][0].get_ydata()) == (
        [7],
        naive.get_ydata()[-1:],
    )
    marks, _ = drawn(result, repetitions=100, interval="corrected")
    naive, corrected = (
        np.array(marks[f"{kind} widths"][0].get_ydata()) for kind in spam_study.KINDS
    )
    counts = marks["corrected widths"][0].get_xdata()
    assert counts == [5, 7, 10, 12]
    assert corrected / naive == pytest.approx([math.sqrt(1 + J / 4) for J in counts])
    assert not len(marks["naive here"][0].get_xdata()) and marks["corrected here"][
        0
    ].get_xdata() == [12]


def test_the_width_of_a_few_repetitions_is_shown_alone(result):
    marks, _ = drawn(result, repetitions=3)
    assert marks["naive here"][0].get_xdata() == [3] == marks["naive widths"][0].get_xdata()


def test_a_picture_fills_in(result):
    begun = spam_study.Study(result.accuracy[:0], 100, 80, 20, "Made up", progress=0.01)
    marks, caption = drawn(begun)
    assert caption == "Training four networks in each of 100 divisions of the data: 1%."
    some = spam_study.Study(result.accuracy, 100, 80, 20, "Made up", progress=0.12)
    assert "Made up, 12 of 30 repetitions so far, " in drawn(some, repetitions=30)[1]
    explore.study.explorer.draw(marks, some, 10, "naive", "both")
    explore.study.explorer.draw(marks, begun, 10, "naive", "both")
    assert marks.pop("words")[0].get_text() == ""
    assert not any(len(lines[0].get_xdata()) for lines in marks.values()), (
        "no mark of the former numbers stays"
    )


def test_limits_hold_every_repetition_whichever_are_shown(result):
    marks, _ = drawn(result, repetitions=2)
    low, high = marks["accuracy plain mean"][0].axes.get_ylim()
    assert low < 100 * result.accuracy.min() and 100 * result.accuracy.max() < high
    low, high = marks["difference both mean"][0].axes.get_ylim()
    differences = 100 * (result.accuracy - result.accuracy[:, :1])
    assert low < differences.min() and differences.max() < high


def test_the_caption_owns_up_to_other_data():
    table = tables.breast_cancer()
    note = "These are scikit-learn's breast-cancer data: Spambase is not here."
    other = tables.Table(table.name, table.x, table.y, note)
    *_, result = spam_study.study(4, 2, other)
    caption = drawn(result)[1]
    assert caption.startswith("Breast cancer, 4 repetitions, naive") and caption.endswith(note)


def test_compute_trains_what_the_lesson_trains():
    *_, result = explore.study.explorer.compute(epochs=1, repetitions=4)
    *_, same = spam_study.study(4, 1)
    assert result is same


def test_a_difference_of_nothing_is_no_harm():
    shape = [2, *map(len, playbook.KNOBS.values())]
    errors = torch.linspace(0.1, 0.2, 2, dtype=torch.float64).view(2, *[1] * 5).expand(shape)
    result = playbook.Factorial(errors, errors)
    explorer = explore.playbook.explorer
    for question in explorer.controls["question"].options:
        marks = explorer.prepare(Figure())
        caption = explorer.draw(marks, result, question, "all others", 3e-3)
        assert "Not told apart: +0.0 [0.0, 0.0] points" in caption
        clipping = question == "does gradient clipping help?"
        assert ("neither decay nor dropout was tried" in caption) == clipping
        assert "inf" not in caption
        ticks = [label.get_text() for label in marks["off"][0].axes.get_xticklabels()]
        assert ticks[0] == ("off" if clipping else "0")


def test_the_differences_are_written_beside_their_dots():
    shape = [2, *map(len, playbook.KNOBS.values())]
    errors = torch.full(shape, 0.2, dtype=torch.float64)
    errors[..., 1, :] -= 0.015  # dropout 0.2 gains 1.5 points
    explorer = explore.playbook.explorer
    marks = explorer.prepare(Figure())
    explorer.draw(marks, playbook.Factorial(errors, errors), "does dropout help?", "nothing", 3e-3)
    (words,) = marks["nothing words"]
    assert words.get_text() == "−1.5" and words.get_position()[0] == pytest.approx(-1.5)


def mixed(error, stopped_at):
    """A mix of some seeds, made up: recorded at steps 0, 15, 30 and 45."""
    seeds = len(error)
    curve = torch.full((seeds, 4), 0.5, dtype=torch.float64)
    figures = [torch.tensor(error, dtype=torch.float64)] * len(mixer.FIGURES)
    ended = [torch.full((seeds,), -1), torch.tensor(stopped_at)]
    return mixer.Mix(
        (0, 15, 30, 45), curve, curve, *figures, *ended, seconds=1.0, progress=1.0, note=""
    )


def test_the_mixers_curves_end_where_the_first_seed_stops():
    plain, mix = mixed([0.3, 0.4], [-1, -1]), mixed([0.1, 0.2], [30, -1])
    marks = explore.mixer.explorer.prepare(Figure())
    caption = explore.mixer.explorer.draw(marks, mixer.Pair(plain, mix))
    assert [*marks["plain"][0].get_xdata()] == [0, 15, 30, 45]
    assert [*marks["mixed"][0].get_xdata()] == [0, 15, 30] == [*marks["own"][0].get_xdata()]
    assert "The curves end at step 30, where the first of them stops." in caption


def test_mixes_stand_side_by_side_with_a_line_for_each_seed():
    arms = {name: mixed([0.1 * k, 0.2 * k], [-1, -1]) for k, name in enumerate("abc", 1)}
    for ax in explore.mixer.picture(arms).axes:
        assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
        seeds, intervals, means = ax.collections
        wanted = [[[0, 0.1], [1, 0.2], [2, 0.3]], [[0, 0.2], [1, 0.4], [2, 0.6]]]
        np.testing.assert_allclose(seeds.get_segments(), wanted)
        assert means.get_offsets()[:, 1].tolist() == pytest.approx([0.15, 0.3, 0.45])
        assert len(intervals.get_segments()) == 3


def test_the_search_says_what_of_a_lead_is_optimism_and_joins_its_two_measures():
    validation = torch.tensor([0.10, 0.20, 0.30]).repeat(2, 10).unsqueeze(-1).expand(2, 30, 3)
    test = 0.25 + 0.2 * (validation - 0.2)
    missed = torch.zeros(2, 30, 1, dtype=torch.bool)
    result = search.Search((), 0.0, search.RUNGS, validation, test, missed, 1.0, "")
    marks = explore.search.explorer.prepare(Figure())
    caption = explore.search.explorer.draw(marks, result, 30, search.RUNGS[-1])
    # the winner: 10 % and 23 %; a candidate drawn blindly: 20 % and 25 %
    assert "a lead of 10.0 points promised on the rows that chose it, 2.0 kept" in caption
    assert "8.0 of optimism" in caption
    seeds, _, means = marks["leads"]
    np.testing.assert_allclose(seeds.get_segments(), [[[0, 10], [1, 2]]] * 2, atol=1e-4)
    assert means.get_offsets()[:, 1].tolist() == pytest.approx([10, 2], abs=1e-4)
    assert "0.0 of optimism" in explore.search.explorer.draw(marks, result, 1, 200)


def test_worlds_that_miss_the_truth_are_crosses_and_each_stands_on_its_line():
    def interval(low, high):
        return Interval((low + high) / 2, low, high)

    wide = interval(0.85, 0.96)
    worlds = [(interval(0.88, 0.91), wide), (interval(0.91, 0.93), wide)]
    for ax, crosses in zip(explore.coverage.picture(worlds).axes, ([2], []), strict=True):
        holding, missing, truth = ax.get_lines()
        assert [*missing.get_ydata()] == crosses and missing.get_marker() == "x"
        assert sorted([*holding.get_ydata(), *missing.get_ydata()]) == [1, 2]
        assert [*truth.get_xdata()] == [90, 90]
        assert missing.get_label() == f"misses it: {len(crosses)}"
    left = explore.coverage.picture(worlds).axes[0].collections
    ends = [part.vertices[:, 0] for lines in left for part in lines.get_paths()]
    assert [pytest.approx(one) for one in ([88, 91], [91, 93])] == [*map(list, ends)]

"""Lesson 07's pictures, and what their captions say."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.experiments.batchnorm import batch_statistics, ghost, turning
from course_lib.experiments.batchnorm.activations import UNITS, measure_activations
from course_lib.experiments.batchnorm.four_norms import find_sharing
from course_lib.explorers import batchnorm as explore


def test_the_memory_of_the_learners_layer_is_drawn():
    def lazy(x, running_mean, running_var, gamma, beta, training, momentum, eps):
        return x

    _, caption = explore.memory.explorer.picture(handed={"layer": lazy})
    assert "Kept by your function" in caption and "differ by ±0 " in caption


def test_mismatch_names_the_figures_of_the_last_look():
    *_, result = batch_statistics.compare_modes(16, seeds=(0, 1), steps=60)
    marks = explore.mismatch.explorer.prepare(Figure())
    caption = explore.mismatch.explorer.draw(marks, result, 0.01)
    m = batch_statistics.MOMENTA.index(0.01)
    assert "60 steps" in caption and "mean of 2 seeds" in caption
    for name, words in (("batch", "all test rows"), ("trained", "in batches of 16 as trained")):
        late = 100 * getattr(result, name).mean(1) if result.seen <= 10 else 100 * result.late(name)
        assert f"{late.mean():.1f} % {'with ' if name == 'batch' else ''}{words}" in caption
    assert f"{100 * result.late('evaluation')[:, m].mean():.1f} % in evaluation" in caption
    assert np.allclose(marks["evaluation"][0].get_ydata(), 100 * result.evaluation[:, m].mean(0))
    assert np.allclose(
        marks["evaluation end"][0].get_ydata(), 100 * result.late("evaluation").mean(0)
    )
    assert np.allclose(marks["trained"][0].get_ydata(), 100 * result.trained.mean(0))
    assert list(marks["here"][0].get_xdata()) == [0.01, 0.01]
    first = next(iter(batch_statistics.compare_modes(8, seeds=(0, 1), steps=60)))
    assert "after 0 steps" in explore.mismatch.explorer.draw(marks, first, 1.0)


def drawn(result, strength):
    marks = explore.decay.explorer.prepare(Figure())
    return marks, explore.decay.explorer.draw(marks, result, strength)


def test_decay_draws_what_was_computed_and_the_place_of_rest():
    result = turning.turn(0.1)
    marks, caption = drawn(result, 0.1)
    assert marks["norm"][0].get_ydata()[0] == turning.SCALES[0] and len(marks["norm"]) == 3
    assert marks["norm rest"][0].get_ydata()[0] == turning.norm_at_rest(0.1, 0.1, 1.0)
    assert marks["rate"][1].get_ydata()[-1] == pytest.approx(
        marks["rate rest"][0].get_ydata()[0], rel=1e-9
    )
    assert marks["angle"][2].get_ydata()[-1] == pytest.approx(
        np.rad2deg(turning.angle_at_rest(0.1, 0.1)), rel=1e-9
    )
    assert "w turns by 8.11° a step (at rest 8.11°)" in caption
    assert marks["norm"][0].get_label() == "3 starting lengths"
    marks, caption = drawn(result, 0.0)
    assert caption.startswith("No decay") and np.isnan(marks["norm rest"][0].get_ydata()).all()


def test_every_curve_lies_within_its_axes():
    for result in map(turning.turn, explore.decay.explorer.controls["lr"].positions):
        for strength in turning.STRENGTHS:
            marks, _ = drawn(result, strength)
            for name in ("norm", "rate", "angle"):
                low, high = marks[name][0].axes.get_ylim()
                assert all(
                    ((low < line.get_ydata()) & (line.get_ydata() < high)).all()
                    for line in marks[name]
                    if len(line.get_ydata())
                ), (name, strength, result.lr)


def test_every_place_of_the_sliders_can_be_drawn():
    for gain in (0.3, 5.0):
        for unit in UNITS:
            caption = explore.activations.explorer.picture(gain=gain, unit=unit, batch_size=2)[1]
            assert f"Gain {gain:g}, {unit}:" in caption
            assert ("Beyond ±0.95" in caption) == (unit == "tanh")
    assert "no batch" in explore.memory.explorer.picture(batch_size=2, momentum=1.0)[1]


def test_the_window_holds_all_that_is_drawn_and_is_no_larger_than_it_must_be():
    for gain, decades in ((1.0, 4), (5.0, 16)):
        figure = Figure()
        marks = explore.activations.explorer.prepare(figure)
        result = measure_activations(gain, 64, "ReLU")
        explore.activations.explorer.draw(marks, result)
        assert np.array_equal(marks["ends", False][0].get_ydata(), result.ends[False])
        assert list(marks["gain"][0].get_xdata()) == [gain, gain]
        for ax in figure.axes[:2]:
            low, high = ax.get_ylim()
            assert high / low == pytest.approx(10**decades)
            values = np.concatenate([mark.get_ydata() for mark in ax.lines])
            assert low < values.min() and values.max() < high


def test_what_the_sliders_do_not_allow_is_refused():
    with pytest.raises(ValueError, match="gain"):
        explore.activations.explorer.picture(gain=-1.0)


def test_four_norms_shades_and_counts_what_shares_a_mean():
    marks = explore.four_norms.explorer.prepare(Figure())
    caption = explore.four_norms.explorer.draw(marks, find_sharing(3, 2))
    assert "16" not in caption and "8 in BatchNorm, 24 in LayerNorm" in caption
    assert "4 in InstanceNorm, 8 in GroupNorm (3 groups)" in caption
    shaded = marks["BatchNorm"][0].get_array()
    assert shaded.sum() == 8 and shaded[:4, 2:4].all() and shaded.mask[4:].all()
    assert marks["GroupNorm"][0].get_array()[:2, :4].all()


def test_memorising_draws_error_against_step_and_share_and_says_where_it_is_reached():
    first, *_, result = ghost.compare_ghost_batches(seeds=(0, 1), steps=60)
    marks = explore.memorising.explorer.prepare(Figure())
    rates = explore.memorising.BEST
    caption = explore.memorising.explorer.draw(marks, result, 50, rates)
    for arm in explore.memorising.ARMS:
        lr = ghost.CHOSEN[arm]
        errors = 100 * result.error[arm, lr].mean(0)
        x, y = marks["share", arm][0].get_data()
        assert np.allclose(x, 100 * result.wrong[arm, lr].mean(0)) and np.allclose(y, errors)
        x, y = marks["step", arm][0].get_data()
        assert list(x) == [20, 40, 60] and np.allclose(y, errors)
        assert f"({errors[-1]:.1f} % at the end)" in caption
    assert "mean of 2 seeds" in caption and "batch of 64 does not get there" in caption
    assert list(marks["share"][0].get_xdata()) == [50, 50]
    caption = explore.memorising.explorer.draw(marks, first, 25, "0.1 for both")
    assert caption.endswith("first fitted: in training.")
    assert len(marks["share", "parts of 4"][0].get_xdata()) == 0


def test_at_rest_sets_two_decays_abreast_and_draws_the_length_that_is_lagged_behind():
    *partial, result = turning.turn_on_digits(0.1, seeds=(4, 5), steps=300)
    marks = explore.at_rest.explorer.prepare(Figure())
    caption = explore.at_rest.explorer.draw(marks, partial[0], 0.1, 0.01)
    assert caption.startswith("Training 2 seeds at 5 strengths: 0%")
    caption = explore.at_rest.explorer.draw(marks, result, 0.1, 0.01)
    for side, strength in ("left", 0.1), ("right", 0.01):
        i = result.strengths.index(strength)
        assert f"{result.ratio()[:, i].mean():.2f} times" in caption
        x, y = marks[side, "angle"][0].get_data()
        law = turning.angle_at_rest(0.1, strength)
        late = result.angles[:, i, 280:].square().mean(1).sqrt().mean() / law
        assert x[-1] == 290 and y[-1] == pytest.approx(late.item())
        slope = result.scale_free_gradient[:, i, 280:].square().mean().sqrt().item()
        goal = marks[side, "goal"][0].get_ydata()[-1]
        assert goal == pytest.approx(turning.norm_at_rest(0.1, strength, slope))
        assert marks[side, "norm"][0].axes.get_ylim()[1] > result.norms[:, i, 20:].max()
    still, lags = (
        marks[side, "norm"][0].get_ydata()[-1] / marks[side, "goal"][0].get_ydata()[-1]
        for side in ("left", "right")
    )
    assert still == pytest.approx(1, abs=0.05) and abs(lags - 1) > 0.05

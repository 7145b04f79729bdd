"""The numbers behind lesson 07's pictures, and what their captions say of them."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.experiments.batchnorm import batch_statistics, turning
from course_lib.experiments.batchnorm.batch_statistics import variance_of_running_mean
from course_lib.explorers import batchnorm as explore


@pytest.mark.parametrize("gain", [0.3, 1.0, 5.0])
def test_batch_norm_keeps_sizes_whatever_the_gain(gain):
    found = explore.activations.compute(gain, 64, "ReLU")
    assert found.size[True].std() < 0.02 and abs(found.size[True].mean() - 0.5**0.5) < 0.02
    factor = (found.size[False][1:] / found.size[False][:-1]).log().mean().exp().item()
    assert factor == pytest.approx(gain / 2**0.5, rel=0.15), "ReLU halves the mean square"


def test_gradients_are_those_of_the_stated_loss():
    found = explore.activations.compute(1.0, 16, "tanh")
    assert found.gradient[True][-1] == pytest.approx(found.gradient[False][-1].item()), (
        "the last is the goal itself"
    )
    assert all(
        (found.stuck[norm] <= 1).all() and found.size[norm].shape == (10,) for norm in (True, False)
    )


def test_with_a_batch_of_two_only_the_sign_is_left():
    x = torch.randn(2, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = [
        torch.randn(64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
        for k in (1, 2)
    ]
    outputs = explore.activations.forward(x, weights, lambda z: z, norm=True)
    assert all((y.abs() - 1).abs().max() < 1e-2 for y in outputs)


def test_the_memory_is_the_layers_own_and_settles_as_the_formula_says():
    found = explore.memory.compute(16, 0.1)
    assert found.mean.shape == (201, 40) and not found.mean[0].any() and (found.var[0] == 1).all()
    assert found.expected == variance_of_running_mean(0.1, 1.0, 16) ** 0.5
    at_rest = found.mean[60:100].std(1).mean().item()
    assert at_rest == pytest.approx(found.expected, rel=0.15)
    assert (
        found.mean[100].mean() == pytest.approx(2.0, abs=0.05) and abs(found.mean[-1].mean()) < 0.05
    )
    assert found.mean[105].mean() == pytest.approx(2 * 0.9**5, abs=0.1), (
        "five batches after the jump"
    )


def test_the_learners_layer_keeps_the_memory():
    def forgetful(x, running_mean, running_var, gamma, beta, training, momentum, eps):
        running_mean.copy_(x.mean(0))
        return x

    found = explore.memory.compute(8, 0.1, layer=forgetful)
    assert (found.var == 1).all() and found.mean[-1].std() == pytest.approx(8**-0.5, rel=0.3)
    assert (
        "Kept by your function" in explore.memory.explorer.picture(handed={"layer": forgetful})[1]
    )


def test_mismatch_names_the_figures_of_the_last_look():
    *_, result = batch_statistics.compare_modes(16, seeds=(0, 1), steps=60)
    marks = explore.mismatch.prepare(Figure())
    caption = explore.mismatch.draw(marks, result, 0.01)
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
    assert "after 0 steps" in explore.mismatch.draw(marks, first, 1.0)


def drawn(result, strength):
    marks = explore.decay.prepare(Figure())
    return marks, explore.decay.draw(marks, result, strength)


def test_decay_draws_what_was_computed_and_the_place_of_rest():
    result = turning.turn(0.1)
    marks, caption = drawn(result, 0.1)
    assert (
        marks["norm"][0].get_ydata()[0] == turning.SCALES[0]
        and len(marks["norm"][3].get_ydata()) == 0
    )
    assert marks["norm rest"][0].get_ydata()[0] == turning.norm_at_rest(0.1, 0.1, 1.0)
    assert marks["rate"][1].get_ydata()[-1] == pytest.approx(
        marks["rate rest"][0].get_ydata()[0], rel=1e-9
    )
    assert marks["angle"][2].get_ydata()[-1] == pytest.approx(
        np.rad2deg(turning.angle_at_rest(0.1, 0.1)), rel=1e-9
    )
    assert "w turns by 8.11° a step (at rest 8.11°; lr·λ·steps = 15)" in caption
    assert marks["legend"].get_texts()[0].get_text() == "3 starting lengths"
    marks, caption = drawn(result, 0.0)
    assert caption.startswith("No decay") and np.isnan(marks["norm rest"][0].get_ydata()).all()


def test_every_curve_lies_within_its_axes():
    runs = [turning.turn(lr) for lr in explore.decay.explorer.controls["lr"].positions]
    *_, digits = turning.turn_on_digits(0.1, seeds=(2, 3), steps=300)
    for result in (*runs, digits):
        for strength in turning.STRENGTHS:
            marks, _ = drawn(result, strength)
            for name in ("norm", "rate", "angle"):
                low, high = marks[name][0].axes.get_ylim()
                assert all(
                    ((low < line.get_ydata()) & (line.get_ydata() < high)).all()
                    for line in marks[name]
                    if len(line.get_ydata())
                ), (name, strength, result.lr)


def test_decay_on_digits_fills_in_and_promises_no_length():
    *partial, result = turning.turn_on_digits(0.1, seeds=(0, 1), steps=300)
    marks, caption = drawn(partial[0], 0.1)
    assert caption.startswith("Training 2 seeds at 5 strengths: 0%")
    marks, caption = drawn(result, 0.1)
    assert (
        np.isnan(marks["norm rest"][0].get_ydata()).all()
        and np.isfinite(marks["angle rest"][0].get_ydata()).all()
    )
    assert (
        f"{result.late_angle()[:, 4].mean().rad2deg().item():.3g}° a step" in caption
        and "between" in caption
    )
    assert marks["legend"].get_texts()[0].get_text() == "2 seeds"
    assert len(marks["norm"][1].get_ydata()) == 31 and len(marks["norm"][2].get_ydata()) == 0


def test_every_place_of_the_sliders_can_be_drawn():
    for gain in (0.3, 5.0):
        for unit in explore.activations.UNITS:
            caption = explore.activations.explorer.picture(gain=gain, unit=unit, batch_size=2)[1]
            assert f"Gain {gain:g}, {unit}:" in caption
    assert "no batch" in explore.memory.explorer.picture(batch_size=2, momentum=1.0)[1]
    with pytest.raises(ValueError, match="gain"):
        explore.activations.explorer.picture(gain=-1.0)

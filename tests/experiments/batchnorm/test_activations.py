"""Ten layers with fresh weights: sizes, gradients, and what a batch of two leaves."""

import pytest
import torch

from course_lib.experiments.batchnorm import activations as lab


@pytest.mark.parametrize("gain", [0.3, 1.0, 5.0])
def test_batch_norm_keeps_sizes_whatever_the_gain(gain):
    found = lab.measure_activations(gain, 64, "ReLU")
    assert found.size[True].std() < 0.02 and abs(found.size[True].mean() - 0.5**0.5) < 0.02
    factor = (found.size[False][1:] / found.size[False][:-1]).log().mean().exp().item()
    assert factor == pytest.approx(gain / 2**0.5, rel=0.15), "ReLU halves the mean square"


def test_gradients_are_those_of_the_stated_loss():
    found = lab.measure_activations(1.0, 16, "tanh")
    assert found.gradient[True][-1] == pytest.approx(found.gradient[False][-1].item()), (
        "the last is the goal itself"
    )
    assert all(
        (found.saturated[norm] <= 1).all() and found.size[norm].shape == (10,)
        for norm in (True, False)
    )


@pytest.mark.parametrize("unit", lab.UNITS)
def test_the_last_outputs_at_every_gain_do_not_depend_on_where_one_looks_from(unit):
    one, other = (lab.measure_activations(gain, 64, unit) for gain in (lab.GAINS[3], 2.0))
    assert one.ends[False][3] == pytest.approx(one.size[False][-1].item())
    assert all(torch.allclose(one.ends[norm], other.ends[norm]) for norm in (True, False))


def test_with_a_batch_of_two_only_the_sign_is_left():
    x = torch.randn(2, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = [
        torch.randn(64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
        for k in (1, 2)
    ]
    outputs = lab.outputs_by_layer(x, weights, lambda z: z, norm=True)
    assert all((y.abs() - 1).abs().max() < 1e-2 for y in outputs)

"""What lesson 06 measures on digits: each figure against the plain way to get it."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.dropout import Dropout
from course_lib.lab import dropout_curves as lab


@pytest.fixture(scope="module")
def curves():
    *_, curves = lab.compute_curves("20 % wrong", seeds=(0, 1))
    return curves


def model_of(network, p=0.0, generator=None):
    """The same network as a plain torch module."""
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), Dropout(p, generator=generator), nn.Linear(128, 10))
    with torch.no_grad():
        for own, trained in zip(model.parameters(), network):
            own.copy_(trained)
    return model


def test_curves_fill_in_and_are_remembered(curves):
    assert curves.train_loss.shape == (2, len(lab.PS), len(lab.RECORDED)) and curves.progress == 1
    assert curves.train_loss.isfinite().all() and len(list(lab.compute_curves(seeds=(0, 1)))) == 1


@pytest.mark.parametrize("p", [0.0, 0.5, 0.96])
def test_networks_and_curves_belong_together(curves, p):
    split = lab.split_of("20 % wrong", 1)
    model = model_of(curves.network(1, p)).eval()
    with torch.no_grad():
        loss = cross_entropy(model(split.test_x), split.test_y).item()
        error = (model(split.test_x).argmax(1) != split.test_y).double().mean().item()
    assert curves.test_loss[1, curves.at(p), -1].item() == pytest.approx(loss, rel=1e-4)
    assert curves.test_error[1, curves.at(p), -1].item() == pytest.approx(error, abs=1e-6)


def test_three_losses_are_what_a_module_gives_in_both_modes(curves):
    found, split = lab.three_losses(curves, p=0.5, draws=200), lab.split_of("20 % wrong", 0)
    network = curves.network(0, 0.5)
    model = model_of(network, 0.5, torch.Generator().manual_seed(7))
    with torch.no_grad():
        off = cross_entropy(model.eval()(split.train_x), split.train_y).item()
        on = torch.stack([cross_entropy(model.train()(split.train_x), split.train_y) for _ in range(200)])
        plain = cross_entropy(model_of(curves.network(0, 0.0))(split.train_x), split.train_y).item()
    assert found.off[0].item() == pytest.approx(off, rel=1e-4)
    assert found.plain[0].item() == pytest.approx(plain, rel=1e-4)
    assert abs(found.on[0] - on.mean()) < 5 * on.std() * (2 / 200) ** 0.5, "two means of 200 draws"


def test_at_p_0_masks_change_nothing(curves):
    found = lab.three_losses(curves, p=0.0, draws=2)
    assert torch.allclose(found.on, found.off, rtol=1e-4) and torch.equal(found.off, found.plain)


@pytest.mark.parametrize("on", ["train", "test"])
def test_a_unit_is_removed_as_a_module_would(curves, on):
    split, network = lab.split_of("20 % wrong", 0), curves.network(0, 0.5)
    x, y = getattr(split, f"{on}_x")[:200], getattr(split, f"{on}_y")[:200]
    rises = lab.without_each_unit(network, x, y)
    assert rises.shape == (128,)
    for unit in (0, 17, 127):
        lacking = [parameter.clone() for parameter in network]
        lacking[2][:, unit] = 0.0  # nobody reads it
        with torch.no_grad():
            expected = cross_entropy(model_of(lacking)(x), y) - cross_entropy(model_of(network)(x), y)
        assert rises[unit].item() == pytest.approx(expected.item(), abs=2e-6)


def test_removals_are_sorted(curves):
    rises = lab.unit_removal(curves, 0.0)
    assert rises.shape == (2, 128) and (rises[:, 1:] <= rises[:, :-1]).all()


def test_timidity_is_accuracy_minus_confidence(curves):
    split, model = lab.split_of("20 % wrong", 1), model_of(curves.network(1, 0.9)).eval()
    with torch.no_grad():
        chances = model(split.test_x).softmax(1)
    accuracy = (chances.argmax(1) == split.test_y).double().mean().item()
    assert lab.timidity(curves, 0.9)[1].item() == pytest.approx(accuracy - chances.amax(1).mean().item(), abs=1e-5)

"""Asking under many masks: predictions, spread and coverage against plain ways to get them."""

import pytest
import torch
from torch import nn

from course_lib.dropout import MCDropout
from course_lib.experiments.dropout import mc_dropout as lab

FIRST = {"seeds": (0, 1), "passes": 50}


@pytest.fixture(scope="module")
def band():
    *_, band = lab.compute_band(30, "relu", **FIRST)
    return band


def network():
    generator = torch.Generator().manual_seed(0)
    shapes = ((64, 1), (64,), (64, 64), (64,), (1, 64), (1,))
    return [torch.randn(shape, generator=generator) / shape[-1] ** 0.5 for shape in shapes]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_pass_has_the_mean_and_spread_of_a_module_with_mc_dropout(activation):
    parameters, f = network(), {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
    model = nn.Sequential(
        nn.Linear(1, 64),
        f(),
        MCDropout(0.3, generator=torch.Generator().manual_seed(1)),
        nn.Linear(64, 64),
        f(),
        MCDropout(0.3, generator=torch.Generator().manual_seed(2)),
        nn.Linear(64, 1),
    ).eval()
    with torch.no_grad():
        for own, given in zip(model.parameters(), parameters):
            own.copy_(given)
        x = torch.tensor([-0.5, 1.2])
        theirs = model(x.repeat(4000).unsqueeze(1)).reshape(4000, 2)
    generator = torch.Generator().manual_seed(3)
    ours = lab.predictions(parameters, x, 0.3, 4000, activation, generator=generator)
    error = (theirs.std(0) ** 2 / 2000).sqrt()  # of a difference of two means
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 5 * error).all()
    assert (ours.std(0) / theirs.std(0) - 1).abs().max() < 0.1


def test_one_pass_is_one_network_at_every_point():
    """Without noise from point to point: the same x twice gives the same answer within a pass, not
    between passes.
    """
    generator = torch.Generator().manual_seed(0)
    y = lab.predictions(network(), torch.tensor([0.4, 0.4]), 0.5, 20, "relu", generator=generator)
    assert torch.equal(y[:, 0], y[:, 1]) and len(y[:, 0].unique()) == 20


def test_at_p_0_every_pass_is_evaluation():
    y = lab.predictions(network(), lab.GRID, 0.0, 3, "tanh")
    assert torch.equal(y[0], y[1]) and torch.equal(y[1], y[2])


def test_a_band_has_a_place_for_every_seed_p_and_point(band):
    shape = (2, len(lab.PS), len(lab.GRID))
    assert band.mean.shape == band.spread.shape == band.off.shape == shape and band.progress == 1
    assert band.passes.shape == (len(lab.PS), lab.SHOWN, len(lab.GRID))
    assert band.spread.min() > 0 and band.mean.isfinite().all()


def test_seed_by_seed():
    parts = list(lab.compute_band(10, "tanh", **FIRST))
    assert all(len(part.mean) <= 2 for part in parts) and parts[-1].progress == 1


def test_some_ps_alone_are_the_same_networks(band):
    *_, alone = lab.compute_band(30, "relu", ps=(0.2,), **FIRST)
    i = band.ps.index(0.2)
    assert alone.ps == (0.2,) and torch.allclose(
        alone.off[:, 0], band.off[:, i], rtol=1e-2, atol=1e-3
    )
    assert torch.allclose(alone.mean_spread()[:, 0], band.mean_spread()[:, i], rtol=1e-2)


def test_the_spread_is_that_of_the_masks_asked():
    """The divisor is the number of masks."""
    *_, band = lab.compute_band(30, "relu", seeds=(0,), passes=lab.SHOWN, ps=(0.2,))
    assert torch.allclose(band.spread[0, 0], band.passes[0].std(0, correction=0), atol=1e-6)


def test_coverage_is_what_many_new_targets_say(band):
    y = lab.TRUTH + lab.NOISE * torch.randn(
        4000, len(lab.GRID), generator=torch.Generator().manual_seed(0)
    )
    inside = (
        y.unsqueeze(1).unsqueeze(1) - band.mean
    ).abs() <= band.width()  # [draws, seeds, ps, points]
    counted = inside[..., lab.INSIDE].double().mean((0, -1))
    assert (band.coverage() - counted).abs().max() < 0.01


def test_coverage_of_a_perfect_band_is_95_percent(band):
    perfect = lab.Band(
        30, lab.TRUTH.expand(1, 1, -1), torch.zeros(1, 1, len(lab.GRID)), None, None, ()
    )
    assert (
        perfect.coverage().item() == pytest.approx(0.95, abs=1e-3) and perfect.error().item() == 0
    )
    assert perfect.coverage(noise=False).item() == 1


def test_error_and_spread_are_root_mean_squares_among_the_rows(band):
    inside = lab.GRID.abs() <= 1
    expected = (band.mean[0, 2, inside] - lab.TRUTH[inside]).square().mean().sqrt()
    assert band.error()[0, 2].item() == pytest.approx(expected.item(), rel=1e-6)
    expected = (band.mean[1, 3, inside] - band.off[1, 3, inside]).square().mean().sqrt()
    assert band.evaluation_gap()[1, 3].item() == pytest.approx(expected.item(), rel=1e-6)
    beyond = band.spread[1, 0, ~inside].square().mean().sqrt()
    assert band.mean_spread(~lab.INSIDE)[1, 0].item() == pytest.approx(beyond.item(), rel=1e-6)


def test_the_learners_masks_are_asked():
    def none(x, p, training=True, generator=None):
        return x

    *_, band = lab.compute_band(10, "tanh", layer=none, **FIRST)
    assert band.spread.abs().max() < 1e-5 and torch.allclose(band.mean, band.off, atol=1e-5)


def test_the_table_has_a_line_for_each_band(band):
    _, line, again = lab.table(0.2, band, band).splitlines()
    k = band.ps.index(0.2)
    shares = [band.coverage(noise)[:, k].mean().item() for noise in (False, True)]
    assert line == again and line.split()[0] == "30"
    assert line.split()[-2:] == [f"{share:.0%}" for share in shares]

"""What lesson 06 measures on digits: each figure against the plain way to get it."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.dropout import Dropout
from course_lib.experiments.dropout import curves as lab


@pytest.fixture(scope="module")
def curves():
    *_, curves = lab.compute_curves("20 % wrong", seeds=(0, 1))
    return curves


def model_of(network, p=0.0, generator=None):
    """The same network as a plain torch module."""
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), Dropout(p, generator=generator), nn.Linear(128, 10)
    )
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
        on = torch.stack(
            [cross_entropy(model.train()(split.train_x), split.train_y) for _ in range(200)]
        )
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
            expected = cross_entropy(model_of(lacking)(x), y) - cross_entropy(
                model_of(network)(x), y
            )
        assert rises[unit].item() == pytest.approx(expected.item(), abs=2e-6)


def test_removals_are_sorted(curves):
    rises = lab.unit_removal(curves, 0.0)
    assert rises.shape == (2, 128) and (rises[:, 1:] <= rises[:, :-1]).all()


def test_timidity_is_accuracy_minus_confidence(curves):
    split, model = lab.split_of("20 % wrong", 1), model_of(curves.network(1, 0.9)).eval()
    with torch.no_grad():
        chances = model(split.test_x).softmax(1)
    accuracy = (chances.argmax(1) == split.test_y).double().mean().item()
    assert lab.timidity(curves, 0.9)[1].item() == pytest.approx(
        accuracy - chances.amax(1).mean().item(), abs=1e-5
    )


def test_fewer_steps_are_the_beginning_of_the_same_runs(curves):
    *_, early = lab.compute_curves(seeds=(0, 1), ps=(0.0, 0.5), steps=130)
    assert early.steps == (0, 10, 20, 40, 70, 100, 130) and early.ps == (0.0, 0.5)
    for p in early.ps:
        ours, theirs = early.train_loss[:, early.at(p), :6], curves.train_loss[:, curves.at(p), :6]
        assert torch.allclose(ours, theirs, rtol=1e-3), p
    split = lab.split_of("20 % wrong", 1)
    loss = cross_entropy(model_of(early.network(1, 0.5))(split.train_x), split.train_y).item()
    assert early.train_loss[1, early.at(0.5), -1].item() == pytest.approx(loss, rel=1e-4)


def test_recorded_steps_end_where_the_run_does():
    assert lab.recorded_until(lab.STEPS) == lab.RECORDED
    assert lab.recorded_until(40) == (0, 10, 20, 40) and lab.recorded_until(45)[-2:] == (40, 45)


def made_of(train_loss, test_error):
    """Curves of two seeds and p = 0 and 0.5, made by hand: [seeds, ps, steps 0, 100, 200]."""
    losses, errors = torch.tensor(train_loss), torch.tensor(test_error)
    stage, nets = "20 % wrong", [None, None]
    return lab.Curves(
        stage, (0, 1), losses, losses, errors, errors, nets, ps=(0.0, 0.5), steps=(0, 100, 200)
    )


FALLING = [[[2.0, 1.0, 0.2], [2.0, 1.2, 0.6]]] * 2


def test_stopped_where_the_mean_error_is_lowest():
    curves = made_of(
        FALLING, [[[0.9, 0.1, 0.2], [0.9, 0.3, 0.2]], [[0.9, 0.3, 0.4], [0.9, 0.3, 0.1]]]
    )
    step, error = lab.stopped(curves, 0.0)
    assert step == 100 and torch.allclose(error, torch.tensor([0.1, 0.3]))
    step, error = lab.stopped(curves, 0.5)
    assert step == 200 and torch.allclose(error, torch.tensor([0.2, 0.1]))


def test_stopped_looks_at_what_is_there():
    nan = torch.nan
    curves = made_of(FALLING, [[[0.9, 0.5, nan], [0.9, nan, nan]], [[nan] * 3, [nan] * 3]])
    assert lab.stopped(curves, 0.0)[0] == 100 and lab.stopped(curves, 0.5)[0] == 0


def test_the_step_that_fits_as_well_lies_where_the_losses_meet():
    # 0.6 is half way from 1.0 to 0.2
    assert lab.fits_as_well(made_of(FALLING, FALLING), 0.5) == 150
    assert lab.fits_as_well(made_of(FALLING, FALLING), 0.0) == 200
    never = [[[2.0, 1.0, 0.7], [2.0, 1.2, 0.6]]] * 2
    assert lab.fits_as_well(made_of(never, never), 0.5) == 200


def test_the_plain_network_stopped_there_has_that_loss(curves):
    step = lab.fits_as_well(curves, 0.5)
    *_, early = lab.compute_curves(seeds=(0, 1), ps=(0.0,), steps=step)
    aim = curves.train_loss[:, curves.at(0.5), -1].mean().item()
    assert early.train_loss[:, 0, -1].mean().item() == pytest.approx(aim, rel=0.05)


def test_a_winner_is_named_only_where_intervals_tell_it_from_all_others():
    a = torch.tensor([0.10, 0.11, 0.12, 0.13])
    apart, near = (
        a + torch.tensor([0.05, 0.06, 0.05, 0.06]),
        a + torch.tensor([0.02, -0.01, 0.02, -0.01]),
    )
    assert lab.told_apart({"far": apart, "low": a}) == "low"
    assert lab.told_apart({"far": apart, "low": a, "near": near}) is None


def test_losses_by_label_add_up_to_the_training_loss(curves):
    right, wrong = lab.loss_by_label(curves, 0.0)
    assert torch.allclose(
        (240 * right + 60 * wrong) / 300, curves.train_loss[:, curves.at(0.0), -1], rtol=1e-4
    )
    assert (wrong > right).all()


def test_the_fit_may_be_that_of_the_training_error():
    curves = made_of(FALLING, [[[0.9, 0.4, 0.2], [0.9, 0.5, 0.25]]] * 2)
    # the loss 0.6 lies half way from 1.0 to 0.2, the error 0.25 three quarters from 0.4 to 0.2
    assert lab.fits_as_well(curves, 0.5) == 150
    assert lab.fits_as_well(curves, 0.5, by="train_error") == 175


def test_equal_fits_are_the_plain_network_stopped_at_either_figure(curves):
    found = lab.equal_fits(curves, 0.5)
    for by, fit in found.items():
        figure = f"train_{by}"
        assert fit.ps == (0.0,) and fit.steps[-1] == lab.fits_as_well(curves, 0.5, figure)
        aim = getattr(curves, figure)[:, curves.at(0.5), -1].mean().item()
        assert getattr(fit, figure)[:, 0, -1].mean().item() == pytest.approx(aim, rel=0.15), by


def test_the_table_has_a_bar_for_each_loss():
    one, two, three = (torch.full((2,), loss) for loss in (0.1, 0.2, 0.35))
    lines = lab.ThreeLosses(one, two, three).table().splitlines()
    assert [line.count("█") for line in lines] == [10, 20, 35]
    assert lines[1].startswith("2. masks off  0.20 ")


def test_the_table_has_a_line_for_each_p(curves):
    head, *lines = lab.table(curves).splitlines()
    assert "step 1000" in head and len(lines) == len(lab.PS)
    step, best = lab.stopped(curves, 0.5)
    end = curves.test_error[:, curves.at(0.5), -1]
    assert lines[lab.PS.index(0.5)].split() == [
        "p",
        "=",
        "0.5",
        f"{end.mean():.1%}",
        f"{best.mean():.1%}",
        str(step),
    ]

"""The numbers behind lesson 06's pictures, and what a learner's own dropout does to them."""

import pytest
import torch
from matplotlib.figure import Figure

from course_lib.dropout import dropout
from course_lib.experiments.dropout import curves, mc_dropout
from course_lib.explorers import dropout as explore

HALF = {"p_input": 0.0, "p_first": 0.5, "p_second": 0.5, "row": 3, "mode": "training"}


def thinned(**changed):
    return explore.masks.compute(**{**HALF, **changed})


def test_every_row_has_masks_of_its_own_and_the_mean_settles_on_evaluation():
    result = thinned()
    first = result.after[1]
    assert (
        first.shape == (explore.masks.BATCH, explore.masks.UNITS[1])
        and len((first != 0).unique(dim=0)) > 40
    )
    ratio = first / result.before[1]
    assert torch.allclose(ratio[first != 0], torch.tensor(2.0, dtype=torch.float64))
    standard_error = result.whole[1] / explore.masks.BATCH**0.5  # x²p/(1−p) at p = 0.5 is x²
    assert ((first.mean(0) - result.whole[1]).abs() < 4 * standard_error).all()


def test_every_unit_of_the_network_is_awake():
    """So that a zero in the picture was dropped."""
    result = thinned(mode="evaluation")
    assert all((part > 0).all() for part in result.whole) and all(
        (part > 0).all() for part in result.after
    )


def test_evaluation_is_the_whole_network_in_every_row():
    result = thinned(mode="evaluation", p_input=0.9)
    for after, whole in zip(result.after, result.whole, strict=True):
        assert torch.allclose(after, whole.expand_as(after), rtol=0, atol=1e-14)
    assert "nobody is missing" in explore.masks.explorer.picture(mode="evaluation")[1]


def drawn(result):
    marks = explore.masks.prepare(Figure())
    return marks, explore.masks.draw(marks, result)


@pytest.mark.parametrize("row", [1, 3, 64])
def test_the_picture_shows_that_row(row):
    result = thinned(row=row)
    marks, caption = drawn(result)
    assert [bar.get_height() for bar in marks["bars"]] == result.after[1][row - 1].tolist()
    assert marks["mean"][0].get_ydata().tolist() == result.after[1][:row].mean(0).tolist()
    dropped = sum(int((part[row - 1] == 0).sum()) for part in result.after)
    assert len(marks["dropped"][0].get_xdata()) == dropped
    assert len(marks["kept"][0].get_xdata()) == sum(explore.masks.UNITS) - dropped
    assert f"Row {row}: " in caption and "multiplied by 2" in caption


def test_an_edge_is_drawn_where_both_its_ends_are_kept():
    result = thinned()
    marks, _ = drawn(result)
    stays = [*((part[2] != 0).sum().item() for part in result.after), explore.masks.UNITS[-1]]
    expected = sum(a * b for a, b in zip(stays, stays[1:]))
    assert sum(width > 0 for width in marks["edges"][0].get_linewidths()) == expected


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_ends_of_the_slider(p):
    _, caption = drawn(thinned(p_input=p, p_first=p, p_second=p))
    assert ("nothing dropped" if p == 0 else "4 of 4 inputs, 8 of 8 units of layer 1") in caption
    assert ("0% off" if p == 0 else "100% off") in caption


def test_the_learners_masks_are_drawn_a_wrong_one_too():
    def unscaled(x, p, training, generator):
        return x * (torch.rand(x.shape, generator=generator) >= p) if training else x

    marks, caption = drawn(explore.masks.compute(**HALF, layer=unscaled))
    assert "Masks by your function" in caption and "multiplied by 1" in caption
    with pytest.raises(ValueError, match="layer: must return a tensor of the shape of x"):
        explore.masks.compute(**HALF, layer=lambda x, p, training, generator: None)


def test_curves_say_what_they_show():
    *_, result = explore.curves.explorer.compute("20 % wrong", seeds=(0, 1))
    marks = explore.curves.prepare(Figure())
    caption = explore.curves.draw(marks, result, p=0.85)
    at = result.at(0.85)
    assert (
        f"{result.test_error[:, at, -1].mean():.1%} of the test labels" in caption
        and "2 seeds" in caption
    )
    line, _ = marks["test error"]
    assert torch.allclose(
        torch.tensor(line.get_ydata()).float(), result.test_error[:, :, -1].mean(0), atol=1e-6
    )
    step, at_best = curves.stopped(result, 0.85)
    line, _ = marks["best error"]
    assert torch.tensor(line.get_ydata())[at].item() == pytest.approx(
        at_best.mean().item(), abs=1e-6
    )
    assert f"Stopped at its best recorded step, {step}: {at_best.mean():.1%}" in caption
    *_, first = (
        partial
        for partial in [next(iter(explore.curves.explorer.compute("all right", seeds=(0,))))]
    )
    assert "%" in explore.curves.draw(explore.curves.prepare(Figure()), first, p=0.0)


def test_the_band_is_drawn_around_the_mean_of_the_first_seed():
    *_, (band, note) = explore.band.compute("30", "relu", seeds=(0, 1))
    marks = explore.band.prepare(Figure())
    caption = explore.band.draw(marks, (band, note), p=0.2)
    i = band.ps.index(0.2)
    assert torch.allclose(torch.tensor(marks["mean"][0].get_ydata()), band.mean[0, i])
    (path,) = marks["target"][0].get_paths()
    assert path.vertices[40, 1] == pytest.approx(
        (band.mean - band.width())[0, i, 40].item(), abs=1e-5
    )
    assert (
        f"holds {band.coverage()[:, i].mean():.0%} of new targets" in caption
        and "your function" not in caption
    )


def test_the_band_before_its_first_seed_says_how_far_it_is():
    empty = mc_dropout.Band(
        30, *[torch.empty(0, len(mc_dropout.PS), 81)] * 3, None, ([0.0], [0.0]), 0.25
    )
    assert "25%" in explore.band.draw(explore.band.prepare(Figure()), (empty, ""), p=0.2)


def test_the_learners_masks_make_the_band():
    def mine(x, p, training=True, generator=None):
        return dropout(x, p, training, generator)

    *_, (ours, _) = explore.band.compute("10", "tanh", seeds=(0,))
    *_, (theirs, note) = explore.band.compute("10", "tanh", layer=mine, seeds=(0,))
    assert torch.equal(ours.mean, theirs.mean) and "your function" in note

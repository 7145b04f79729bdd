"""The numbers behind lesson 06's pictures, and what a learner's own dropout does to them."""

import pytest
import torch
from matplotlib.figure import Figure

from course_lib.dropout import dropout
from course_lib.experiments.dropout import averages, curves, fitted, longer, mc_dropout, worth
from course_lib.experiments.dropout.thinned import UNITS, thin_network
from course_lib.explorers import dropout as explore
from course_lib.explorers.dropout import fitted as drawn_fitted
from course_lib.explorers.dropout import losses as drawn_losses
from course_lib.explorers.dropout import shaken
from course_lib.explorers.dropout import worth as drawn_worth

HALF = {"p_input": 0.0, "p_first": 0.5, "p_second": 0.5, "row": 3, "mode": "training"}


def thinned(**changed):
    return thin_network(**{**HALF, **changed})


def drawn(result):
    marks = explore.masks.explorer.prepare(Figure())
    return marks, explore.masks.explorer.draw(marks, result)


@pytest.mark.parametrize("row", [1, 3, 64])
def test_the_picture_shows_that_row(row):
    result = thinned(row=row)
    marks, caption = drawn(result)
    assert [bar.get_height() for bar in marks["bars"]] == result.after[1][row - 1].tolist()
    assert marks["mean"][0].get_ydata().tolist() == result.after[1][:row].mean(0).tolist()
    dropped = sum(int((part[row - 1] == 0).sum()) for part in result.after)
    assert len(marks["dropped"][0].get_xdata()) == dropped
    assert len(marks["kept"][0].get_xdata()) == sum(UNITS) - dropped
    assert f"Row {row}: " in caption and "multiplied by 2" in caption


def test_an_edge_is_drawn_where_both_its_ends_are_kept():
    result = thinned()
    marks, _ = drawn(result)
    stays = [*((part[2] != 0).sum().item() for part in result.after), UNITS[-1]]
    expected = sum(a * b for a, b in zip(stays, stays[1:]))
    assert sum(width > 0 for width in marks["edges"][0].get_linewidths()) == expected


def test_in_evaluation_nobody_is_missing():
    assert "nobody is missing" in explore.masks.explorer.picture(mode="evaluation")[1]


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_ends_of_the_slider(p):
    _, caption = drawn(thinned(p_input=p, p_first=p, p_second=p))
    assert ("nothing dropped" if p == 0 else "4 of 4 inputs, 8 of 8 units of layer 1") in caption
    assert ("0% off" if p == 0 else "100% off") in caption


def test_the_learners_masks_are_drawn_a_wrong_one_too():
    def unscaled(x, p, training, generator):
        return x * (torch.rand(x.shape, generator=generator) >= p) if training else x

    marks, caption = drawn(thin_network(**HALF, layer=unscaled))
    assert "Masks by your function" in caption and "multiplied by 1" in caption
    with pytest.raises(ValueError, match="layer: must return a tensor of the shape of x"):
        thin_network(**HALF, layer=lambda x, p, training, generator: None)


def test_curves_say_what_they_show():
    *_, result = explore.curves.explorer.compute("20 % wrong", seeds=(0, 1))
    marks = explore.curves.explorer.prepare(Figure())
    caption = explore.curves.explorer.draw(marks, result, p=0.85)
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
    first = next(explore.curves.explorer.compute("all right", seeds=(0,)))
    assert "%" in explore.curves.explorer.draw(
        explore.curves.explorer.prepare(Figure()), first, p=0.0
    )


def test_the_band_is_drawn_around_the_mean_of_the_first_seed():
    *_, (band, note) = explore.band.explorer.compute("30", "relu", seeds=(0, 1))
    marks = explore.band.explorer.prepare(Figure())
    caption = explore.band.explorer.draw(marks, (band, note), p=0.2)
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
    assert "25%" in explore.band.explorer.draw(
        explore.band.explorer.prepare(Figure()), (empty, ""), p=0.2
    )


def test_the_learners_masks_make_the_band():
    def mine(x, p, training=True, generator=None):
        return dropout(x, p, training, generator)

    *_, (ours, _) = explore.band.explorer.compute("10", "tanh", seeds=(0,))
    *_, (theirs, note) = explore.band.explorer.compute("10", "tanh", layer=mine, seeds=(0,))
    assert torch.equal(ours.mean, theirs.mean) and "your function" in note


def test_the_average_is_drawn_beside_networks_run_once(capsys):
    answers = averages.Averages(
        {name: torch.tensor([0.1, 0.3]) for name in averages.ANSWERS}, {}, {}
    )
    by_masks = torch.linspace(0.2, 0.1, len(worth.COUNTS)).expand(2, -1)
    found = worth.Worth(by_masks, torch.tensor([0.15, 0.25]), 1000, 1000)
    figure = drawn_worth.picture(((answers, found), (answers, found)))
    for ax in figure.axes:
        curve, *rivals = ax.get_lines()
        assert torch.allclose(torch.tensor(curve.get_ydata()).float(), by_masks[0], atol=1e-6)
        assert [line.get_ydata()[0] for line in rivals] == pytest.approx([0.2] * 3)
    lines = drawn_worth.table((answers, found), (answers, found)).splitlines()
    assert len(lines) == 1 + 5 and all(line.count("20.0%") == 2 for line in lines[1:])
    drawn_worth.show_worth((answers, found), (answers, found))
    assert capsys.readouterr().out.splitlines()[-len(lines) :] == lines


def test_rings_stand_where_both_have_fitted_as_many_right_labels(capsys):
    ends = (0.6, 1.0), (0.4, 0.8), (0.2, 0.4), (0.7, 0.9), (0.5, 0.7)  # one for each setting
    right = torch.tensor([[[0.0, *end] for end in ends]])
    found = fitted.Fitted(right, right / 2, fitted.SETTINGS, (0, 10, 20))
    on_the_way, against = drawn_fitted.picture(found).axes
    rings = [
        [line.get_xydata()[0].tolist() for line in ax.get_lines() if line.get_marker() == "o"]
        for ax in (on_the_way, against)
    ]
    assert sum(rings[0], []) == pytest.approx([10, 0.6, 10, 0.3, 20, 0.8, 20, 0.4])
    assert sum(rings[1], []) == pytest.approx([0.6, 0.3, 0.8, 0.4])
    drawn_fitted.show_fitted(found)
    *_, where, plain, half, mild = capsys.readouterr().out.splitlines()
    assert "80.0% (the rings)" in where
    assert [line.split()[-2:] for line in (plain, half)] == [["30.0%", "49.5%"], ["40.0%", "–"]]
    assert mild.split()[-2:] == ["–", "–"]
    half, plain, end, decay, _, _, _, *levels = drawn_fitted.levels(found).splitlines()[1:]
    assert half.split()[-3:] == ["20", "80.0%", "40.0%"]
    assert plain.split()[-3:] == ["10", "60.0%", "30.0%"] and end.split()[-1] == "50.0%"
    assert decay.split()[-2:] == ["90.0%", "45.0%"]
    assert levels[0].split()[-3:] == ["47.5%", "49.0%", "49.5%"]
    assert [line.split()[-3:] for line in levels[1:]] == [["–"] * 3] * 4


def test_the_three_losses_are_drawn_where_they_were_looked_at():
    pairs = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.2, 0.3], [0.0, 0.1]]
    one = longer.Longer(*torch.tensor(pairs))
    figure = drawn_losses.picture({1000: one, 10000: one})
    lines = [line.get_xydata().tolist() for ax in figure.axes for line in ax.get_lines()]
    for line, height in zip(lines, (0.55, 0.35, 0.15, 0.25, 0.05), strict=True):
        assert sum(line, []) == pytest.approx([1000, height, 10000, height])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[-2:] == ["what the masks add", "the looser fit"]


def test_the_bowl_shows_the_numbers_of_the_text():
    thinned, whole = shaken.predictions()
    assert sorted(thinned.tolist()) == [0, 4, 6, 10] and whole == 5
    (ax,) = shaken.picture().axes
    said = " ".join(text.get_text() for text in (*ax.texts, *ax.get_legend().get_texts()))
    for name, error in (("none", 49), ("the first", 1), ("the second", 9), ("both", 9)):
        assert f"{name} kept: {error}" in said
    assert "add: 13" in said and "mean error: 17" in said and "masks off: 4" in said

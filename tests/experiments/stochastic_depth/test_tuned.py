"""Equal budgets, what is frozen, and that the stored sweep is what `pilot` computes."""

import pytest
import torch

from course_lib.experiments.stochastic_depth import tuned
from course_lib.experiments.stochastic_depth.training import RECORDED, train_shorter


def test_every_side_tried_its_sixteen_settings_and_no_more():
    for arm in tuned.ARMS:
        lines = tuned.tried(arm)
        assert {line.contestant for line in lines} == {*tuned.GRIDS[arm]}
        assert len(lines) == len(tuned.GRIDS[arm]) == 16
        assert all(len(line.nll) == len(line.error) == len(RECORDED) for line in lines)
    every = {one for grid in tuned.GRIDS.values() for one in grid}
    assert len(tuned.sweep()) == len(every)


def test_the_decays_that_were_left_out_had_never_been_chosen():
    for figure in tuned.FIGURES:
        kept, _ = tuned.frozen("twelve", figure)
        assert kept in tuned.GRIDS["decays"]


@pytest.mark.parametrize("one", [tuned.GRIDS["decays"][5], tuned.GRIDS["dropout"][5]])
def test_a_line_that_came_later_comes_out_again(monkeypatch, one):
    [stored] = [line for line in tuned.sweep() if line.contestant == one]
    monkeypatch.setattr(tuned, "STEPS", 25)
    monkeypatch.setattr(tuned, "RECORDED", (25,))
    again = tuned.pilot(one)
    assert again.contestant == one
    assert again.nll[0] == pytest.approx(stored.nll[0], rel=1e-3)
    assert again.error[0] == pytest.approx(stored.error[0], abs=2e-3)


def test_pilot_and_judging_seeds_stay_apart():
    assert not {*tuned.PILOT} & {*tuned.SEEDS}


@pytest.mark.parametrize("figure", tuned.FIGURES)
def test_the_frozen_one_has_the_lowest_mean_validation_figure(figure):
    for only in ({}, {"blocks": 6}):
        one, step = tuned.frozen("fewer", figure, **only)
        lines = [
            line
            for line in tuned.sweep()
            if line.arm == "fewer" and only.get("blocks") in (None, line.blocks)
        ]
        lowest = min(min(getattr(line, figure)) for line in lines)
        [its] = [line for line in lines if line.contestant == one]
        assert getattr(its, figure)[RECORDED.index(step)] == lowest
    with pytest.raises(ValueError, match="arm"):
        tuned.frozen("both", figure)
    with pytest.raises(ValueError, match="figure"):
        tuned.frozen("dropping", "accuracy")


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_line_of_the_sweep_comes_out_again(monkeypatch, blocks):
    one = tuned.Contestant(blocks, 1.0, 2e-3)
    [stored] = [line for line in tuned.sweep() if line.contestant == one]
    monkeypatch.setattr(tuned, "STEPS", 25)
    monkeypatch.setattr(tuned, "RECORDED", (25,))
    again = tuned.pilot(one)
    assert again.nll[0] == pytest.approx(stored.nll[0], rel=1e-3)
    assert again.error[0] == pytest.approx(stored.error[0], abs=2e-3)


def test_what_is_judged_is_the_network_of_the_lesson():
    one = tuned.Contestant(2, 1.0, 2e-3)
    for figure in tuned.FIGURES:
        *_, judged = tuned.judge(one, 25, figure, seeds=(0, 1))
        *_, same = train_shorter(last=(1.0,), depth=2, seeds=(0, 1), steps=25, watch=False)
        assert torch.allclose(judged, same.at(figure)[:, 0], rtol=1e-3, atol=2e-3)


def test_sides_are_compared_seed_by_seed(monkeypatch):
    values = {"dropping": torch.tensor([1.0, 2.0, 3.0]), "fewer": torch.tensor([2.0, 2.5, 3.5])}
    monkeypatch.setattr(tuned, "frozen", lambda arm, figure, **only: (arm, 0))
    monkeypatch.setattr(tuned, "judge", lambda arm, step, figure, seeds: iter([values[arm]]))
    assert [*tuned.compare("fewer", figures=("error",))] == ["error"]
    found = tuned.compare("fewer", blocks=6)
    assert {figure: it.mean for figure, it in found.items()} == {
        "nll": pytest.approx(-2 / 3),
        "error": pytest.approx(-2 / 3),
    }


def test_wrong_labels_that_are_said_are_counted():
    one = tuned.Contestant(2, 0.0, 8e-3)
    *_, few = tuned.by_heart(one, 1, seeds=(0, 1))
    *_, many = tuned.by_heart(one._replace(last=1.0), 1200, seeds=(0, 1))
    assert few.shape == many.shape == (2,)
    assert (few < 30).all() and (many > 50).all() and (many <= 60).all()

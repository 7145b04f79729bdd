"""The numbers behind lesson 08's pictures."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.explorers import stochastic_depth as explore
from course_lib.lab.shorter_training import DEPTH, LAST, Shorter


def who(last=0.5, rule="linear", mode="row by row", batch=1, **handed):
    return explore.compute_who_is_on(last, rule, mode, batch, **handed)


def test_rows_are_whole_and_the_mean_is_one():
    result = who()
    on = result.batch != 0
    assert (on.all(-1) == on.any(-1)).all() and 0 < on.double().mean() < 1
    assert np.allclose(result.mean * result.survivals, result.kept, rtol=1e-5), "1/p_l for each that is kept"
    spread = np.sqrt(np.array(result.survivals) * (1 - np.array(result.survivals)) / (explore.BATCHES * explore.ROWS))
    assert (abs(result.kept - result.survivals) < 5 * spread).all()


def test_a_batch_that_decides_as_one():
    on = who(mode="the whole batch").batch[..., 0] != 0
    assert (on.all(1) == on.any(1)).all()


def test_at_the_ends_all_or_the_rule_alone():
    assert (who(last=1.0).batch == 1).all()
    assert (who(last=0.0).batch[-1] == 0).all() and who(last=0.0).kept[-1] == 0
    assert (who(last=0.0, rule="uniform").batch == 0).all()


def test_the_learners_function_draws_the_picture():
    def forgets_to_rescale(x, p, mode="row", training=True, generator=None):
        return x * (torch.rand(len(x), 1, generator=generator) >= p)

    result = who(layer=forgets_to_rescale)
    assert np.allclose(result.mean, result.kept) and "your function" in result.note
    _, caption = explore.who_is_on.picture(handed={"layer": forgets_to_rescale})
    assert caption.endswith("Drawn by your function.")
    with pytest.raises(ValueError, match=r"must keep the shape \[20, 4\], and made \[20, 1\]"):
        who(layer=lambda x, p, **options: x[:, :1])
    with pytest.raises(ValueError, match="made a NoneType"):
        who(layer=lambda x, p, **options: None)


def test_a_block_that_is_on_stays_on_as_p_L_rises():
    alive = explore.alive_blocks()
    assert alive.shape == (explore.DRAWS, len(LAST), DEPTH) and alive[:, -1].all() and not alive[:, 0, -1].any()
    assert (alive[:, 1:] >= alive[:, :-1]).all()


def test_the_way_goes_through_what_is_on_and_around_what_is_off():
    marks = explore.prepare_shorter(Figure())
    caption = explore.draw_shorter(marks, explore.ShorterNetwork(explore.alive_blocks()), 0.3, 2, "test NLL")
    alive = explore.alive_blocks()[1, LAST.index(0.3)]
    assert f"{alive.sum()} are on in batch 2" in caption and "7.45 of 12" in caption
    x, y = map(np.asarray, marks["path"][0].get_data())
    for block, on in zip(explore.BLOCKS, alive):
        assert (y[abs(x - block) < 0.4] == (-0.14 if on else -0.3)).all()
    assert list(marks["on"][0].get_xdata()) == list(explore.BLOCKS[alive])


def fake(rule, last, shift):
    values = torch.arange(3.0).double().unsqueeze(1) / 10 + torch.arange(len(last)).double() / 100 + shift
    return Shorter(rule, last, *[values] * 5, progress=1.0)


def test_the_rules_are_compared_on_the_seeds_that_both_have():
    linear, uniform = fake("linear", LAST, 0.3), fake("uniform", explore.COMPARED[:-1], 0.1)
    uniform.error = uniform.error[:2]
    ours, theirs = explore.both(explore.Rules(linear, uniform), "error")
    assert ours.shape == theirs.shape == (2, len(explore.COMPARED))
    columns = [LAST.index(last) for last in explore.COMPARED]
    assert torch.equal(ours, linear.error[:2, columns]) and torch.equal(theirs[:, :-1], uniform.error)
    assert torch.equal(ours[:, -1], theirs[:, -1])
    marks = explore.prepare_rules(Figure())
    caption = explore.draw_rules(marks, explore.Rules(linear, uniform), 0.5, "test error")
    assert "linear minus uniform: 0.2 [0.2, 0.2]" in caption
    both = [np.sum(marks[rule][0].get_ydata()) for rule in ("linear", "uniform")]
    assert both == pytest.approx([8.75, 8.75]), "the same expected depth"


def test_first_block_draws_geometric_means():
    result = explore.FirstBlock(torch.full((2, 3, 7), 1e-3).double(), 0.5)
    result.norm[0], result.norm[1] = 1e-2, 1e-4
    marks = explore.prepare_first_block(Figure())
    caption = explore.draw_first_block(marks, result)
    assert np.allclose(marks["shortcut"][0].get_ydata(), 1e-3) and "0.001 without shortcuts" in caption
    low, high = np.sort(np.unique(marks["shortcut"][1].get_paths()[0].vertices[:, 1].round(30)))[[0, -1]]
    assert low < 1e-3 < high and low * high == pytest.approx(1e-6, rel=1e-3)


def test_a_first_block_that_is_never_on_leaves_a_gap():
    *_, result = explore.compute_first_block(0.0, "LayerNorm in front", seeds=(0, 1))
    marks = explore.prepare_first_block(Figure())
    caption = explore.draw_first_block(marks, result)
    drawn = marks["shortcut, dropping"][0].get_ydata()
    assert np.isnan(drawn[0]) and np.isfinite(drawn[1:]).all(), "of one block with p_L = 0"
    assert caption.endswith("A gap: that first block is never on.")
    assert "gap" not in explore.draw_first_block(marks, explore.FirstBlock(result.norm.clamp(min=1e-9), 0.0))

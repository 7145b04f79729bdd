"""The numbers behind lesson 08's pictures."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.experiments.stochastic_depth.first_block import FirstBlock
from course_lib.experiments.stochastic_depth.training import DEPTH, LAST, RULES, Shorter
from course_lib.explorers import stochastic_depth as explore


def who(last=0.5, rule="linear", mode="row by row", batch=1, **handed):
    return explore.who_is_on.compute(last, rule, mode, batch, **handed)


def test_rows_are_whole_and_the_mean_is_one():
    result = who()
    on = result.batch != 0
    assert (on.all(-1) == on.any(-1)).all() and 0 < on.double().mean() < 1
    assert np.allclose(result.mean * result.survivals, result.kept, rtol=1e-5), (
        "1/p_l for each that is kept"
    )
    spread = np.sqrt(
        np.array(result.survivals)
        * (1 - np.array(result.survivals))
        / (explore.who_is_on.BATCHES * explore.who_is_on.ROWS)
    )
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
    _, caption = explore.who_is_on.explorer.picture(handed={"layer": forgets_to_rescale})
    assert caption.endswith("Drawn by your function.")
    with pytest.raises(ValueError, match=r"must keep the shape \[20, 4\], and made \[20, 1\]"):
        who(layer=lambda x, p, **options: x[:, :1])
    with pytest.raises(ValueError, match="made a NoneType"):
        who(layer=lambda x, p, **options: None)


def test_a_block_that_is_on_stays_on_as_p_L_rises():
    alive = explore.shorter.alive_blocks()
    assert (
        alive.shape == (explore.shorter.DRAWS, len(LAST), DEPTH)
        and alive[:, -1].all()
        and not alive[:, 0, -1].any()
    )
    assert (alive[:, 1:] >= alive[:, :-1]).all()


def test_the_way_goes_through_what_is_on_and_around_what_is_off():
    marks = explore.shorter.prepare(Figure())
    caption = explore.shorter.draw(
        marks,
        explore.shorter.ShorterNetwork(explore.shorter.alive_blocks()),
        0.3,
        2,
        "test NLL",
        600,
    )
    alive = explore.shorter.alive_blocks()[1, LAST.index(0.3)]
    assert f"{alive.sum()} are on in batch 2" in caption and "7.45 of 12" in caption
    x, y = map(np.asarray, marks["path"][0].get_data())
    for block, on in zip(explore.figures.BLOCKS, alive):
        assert (y[abs(x - block) < 0.4] == (-0.14 if on else -0.3)).all()
    assert list(marks["on"][0].get_xdata()) == list(explore.figures.BLOCKS[alive])


def fake(rule, last, shift):
    """Three seeds, two recorded steps; the figures fall by 0.05 between them."""
    values = (
        torch.arange(3.0).double().unsqueeze(1) / 10
        + torch.arange(len(last)).double() / 100
        + shift
    )
    curves = [torch.stack([values + 0.05, values], -1)] * 3
    return Shorter(rule, last, (100, 600), *curves, values, values, progress=1.0)


def fake_rules():
    others = {
        rule: fake(rule, explore.rules.COMPARED[:-1], shift)
        for rule, shift in (("uniform", 0.1), ("reversed", 0.2))
    }
    others["uniform"].error = others["uniform"].error[:2]
    return explore.rules.Rules(fake("linear", LAST, 0.3), others)


def test_the_rules_are_compared_on_the_seeds_that_both_have():
    result, columns = fake_rules(), [LAST.index(last) for last in explore.rules.COMPARED]
    linear, uniform = explore.rules.compared(
        result, "uniform", lambda training: training.at("error")
    )
    assert linear.shape == uniform.shape == (2, len(explore.rules.COMPARED))
    assert torch.equal(linear, result.linear.at("error")[:2, columns])
    assert torch.equal(uniform[:, :-1], result.others["uniform"].at("error"))
    assert torch.equal(linear[:, -1], uniform[:, -1]), "where nothing is dropped the rules are one"
    missing = explore.rules.compared(
        explore.rules.Rules(result.linear, {}), "uniform", lambda training: training.at("error")
    )
    assert missing[0].shape == (3, len(explore.rules.COMPARED)) and missing[1].isnan().all()


def test_the_caption_of_the_rules_says_what_is_drawn():
    marks = explore.rules.prepare(Figure())
    caption = explore.rules.draw(marks, fake_rules(), 0.5, "test error", 600)
    assert (
        "after 600 steps, linear minus uniform 0.21 [0.21, 0.21]" in caption
        and "minus reversed 0.11" in caption
    )
    drawn = {rule: marks[rule][0].get_ydata() for rule in RULES}
    assert [np.sum(values) for values in drawn.values()] == pytest.approx([8.75] * 3), (
        "the same expected depth"
    )
    assert (
        list(drawn["reversed"]) == list(drawn["linear"][::-1]) and np.ptp(drawn["uniform"]) < 1e-12
    )
    assert "after 100 steps" in explore.rules.draw(marks, fake_rules(), 0.5, "test error", 100)
    assert marks["linear band"][0].get_ydata()[0] == pytest.approx(0.4), (
        "0.35, 0.45: the seeds that uniform has"
    )
    assert "they are one" in explore.rules.draw(marks, fake_rules(), 1.0, "test error", 600)
    assert "Training" in explore.rules.draw(
        marks, explore.rules.Rules(fake("linear", LAST, 0), {}), 0.5, "test error", 600
    )


def test_the_test_figure_is_that_of_the_step():
    marks = explore.shorter.prepare(Figure())
    result = explore.shorter.ShorterNetwork(
        explore.shorter.alive_blocks(), None, fake("linear", LAST, 0.3)
    )
    for step, expected in ((600, 0.42), (100, 0.47)):
        caption = explore.shorter.draw(marks, result, 0.5, 1, "test error", step)
        assert f"test error after {step} steps {expected:g}" in caption
        assert marks["dots"][0].get_ydata()[LAST.index(0.5)] == pytest.approx(expected)
    assert "after 600 steps" in explore.shorter.draw(marks, result, 0.5, 1, "test error", 75), (
        "75 is not recorded"
    )


def test_first_block_draws_geometric_means():
    result = FirstBlock(torch.full((2, 3, 7), 1e-3).double(), 0.5, 1.0)
    result.norm[0], result.norm[1] = 1e-2, 1e-4
    marks = explore.first_block.prepare(Figure())
    caption = explore.first_block.draw(marks, result)
    assert (
        np.allclose(marks["shortcut"][0].get_ydata(), 1e-3) and "0.001 without shortcuts" in caption
    )
    low, high = np.sort(np.unique(marks["shortcut"][1].get_paths()[0].vertices[:, 1].round(30)))[
        [0, -1]
    ]
    assert low < 1e-3 < high and low * high == pytest.approx(1e-6, rel=1e-3)


def test_a_first_block_that_is_never_on_leaves_a_gap():
    *_, result = explore.first_block.compute(0.0, "LayerNorm in front", "1/n", seeds=(0, 1))
    marks = explore.first_block.prepare(Figure())
    caption = explore.first_block.draw(marks, result)
    drawn = marks["shortcut, dropping"][0].get_ydata()
    assert np.isnan(drawn[0]) and np.isfinite(drawn[1:]).all(), "of one block with p_L = 0"
    assert caption.endswith("A gap: that first block is never on.")
    assert "gap" not in explore.first_block.draw(
        marks, FirstBlock(result.norm.clamp(min=1e-9), 0.0, 1.0)
    )

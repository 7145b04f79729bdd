"""Lesson 04's pictures: their captions, whose update they draw, riddles, and the map's cells."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.adamw import adamw_update
from course_lib.experiments.adamw import noise, two_knobs
from course_lib.experiments.adamw.box import BOWL, box_point
from course_lib.experiments.adamw.riddles import PARAMETERS
from course_lib.explorers import adamw as explore
from course_lib.explorers.adamw.heat_map import PAPER, TORCH, HeatMaps
from course_lib.explorers.adamw.memory import draw_memory
from course_lib.explorers.adamw.pull import draw_pull
from course_lib.explorers.adamw.valleys import draw_valleys, valleys_of

trajectory, heat_map = explore.trajectory.explorer, explore.heat_map.explorer


def test_the_caption_names_the_bound_that_was_passed():
    result = trajectory.compute(strength=2.0, lr=1.5, beta1=0.9, beta2=0.95, eps=1e-8)
    assert result.diverged is not None and len(result.paths["AdamW"]) == result.diverged
    _, caption = trajectory.picture(strength=2.0, lr=1.5, beta2=0.95)
    assert (
        f"step {result.diverged}" in caption and "lr·λ = 3" in caption and "below 1 here" in caption
    )


def test_where_the_theorem_is_silent_no_box_is_promised():
    result = trajectory.compute(strength=0.3, lr=0.05, beta1=0.0, beta2=0.9, eps=1.0)
    w = result.paths["AdamW"][-1]
    g = BOWL.gradient(w)
    assert torch.allclose(0.3 * w, -g / (g.abs() + 1.0), atol=1e-3)  # what the caption says
    assert (w - box_point(1 / 0.3)).norm() > 0.5
    for numbers, said in (
        ({"eps": 1.0}, "λw = −g/(|g| + ε)"),
        ({"beta1": 0.95, "beta2": 0.5}, "β₁ > β₂"),
    ):
        _, caption = trajectory.picture(strength=0.3, **numbers)
        assert said in caption and "holds the star" not in caption and "from the star" in caption
    marks = trajectory.prepare(Figure())
    trajectory.draw(marks, result)
    assert (
        not len(marks["best in the box"][0].get_xdata())
        and np.isnan(marks["gap AdamW"][0].get_ydata()).all()
    )
    assert len(marks["ridge, its rest"][0].get_xdata()) == 1


def test_the_learners_update_steers_and_is_named():
    def no_decay(param, grad, state, *, weight_decay, **options):
        return adamw_update(param, grad, state, weight_decay=0.0, **options)

    _, caption = trajectory.picture(handed={"update": no_decay}, strength=1.0)
    ours = trajectory.compute(strength=1.0, lr=0.05, beta1=0.9, beta2=0.95, eps=1e-8)
    theirs = trajectory.compute(
        strength=1.0, lr=0.05, beta1=0.9, beta2=0.95, eps=1e-8, update=no_decay
    )
    assert "your function" in caption
    assert torch.equal(ours.paths["Adam + L2"], theirs.paths["Adam + L2"])
    assert (ours.paths["AdamW"][-1] - theirs.paths["AdamW"][-1]).norm() > 0.5


def test_another_riddle_starts_without_an_answer():
    assert explore.which_parameter.explorer.controls["answer"].resets


def test_every_answer_gets_its_own_sentence():
    riddles = explore.which_parameter.explorer
    marks, quizzes = riddles.prepare(Figure()), riddles.compute(0)
    for letter in "ABCD":
        said = [
            riddles.draw(marks, quizzes, picture=letter, answer=answer)
            for answer in ("?", *PARAMETERS)
        ]
        assert len(set(said)) == 5
        assert sum("✓" in text for text in said) == 1
        assert sum("✗" in text for text in said) == 3


@pytest.mark.parametrize("coordinates", [TORCH, PAPER])
def test_cells_tile_the_map(coordinates):
    known = torch.ones(1, 9, 9)
    result = maps_of(known, known)
    marks = heat_map.prepare(Figure())
    heat_map.draw(marks, result, column=1, measure="test loss", coordinates=coordinates)
    paths = marks["maps"][0]["cells"].get_paths()
    corners = np.log10([path.vertices[:4] for path in paths]).reshape(9, 9, 4, 2)
    assert np.allclose(corners[1:, :, 0], corners[:-1, :, 1])  # one begins where its neighbour ends
    assert np.allclose(corners[:, 1:, 0], corners[:, :-1, 3])


def maps_of(coupled, decoupled):
    surfaces = {
        name: two_knobs.LossSurface(
            two_knobs.OPTIMIZERS[name], loss, loss / 3, loss / 3, loss.isnan(), finished=len(loss)
        )
        for name, loss in (("Adam + L2", coupled), ("AdamW", decoupled))
    }
    return HeatMaps(surfaces, len(coupled), own=False)


def test_diverged_cells_are_drawn_as_such():
    loss = torch.full((1, 9, 9), 2.0)
    lost = loss.clone()
    lost[0, 8, 8] = torch.nan
    marks = heat_map.prepare(Figure())
    caption = heat_map.draw(
        marks, maps_of(loss, lost), column=9, measure="test loss", coordinates=TORCH
    )
    assert len(marks["maps"][1]["diverged"].get_paths()) == 1
    assert marks["maps"][1]["cells"].get_array().mask.sum() == 1
    assert "diverged at one seed or more, always at lr·λ > 2" in caption


def test_a_cell_that_diverged_at_one_seed_has_no_mean():
    loss = torch.full((2, 9, 9), 0.6)
    loss[1, 4, 4] = torch.nan
    marks = heat_map.prepare(Figure())
    caption = heat_map.draw(
        marks, maps_of(loss, loss), column=1, measure="test loss", coordinates=TORCH
    )
    assert marks["maps"][0]["cells"].get_array().mask.sum() == 1
    assert "always" not in caption
    assert "one seed or more" in caption


def test_the_constant_rate_decays_by_the_same_factor_at_every_step():
    *_, constant, product = explore.schedule.explorer.compute(0.1, 0.2, 40, warmup=0.25)
    assert product == pytest.approx(0.02)
    assert constant[-1] == pytest.approx(0.98**40)


def test_a_star_dragged_into_the_box_is_where_adamw_heads():
    inside = {"strength": 0.8, "star1": 0.8, "star2": -1.0}
    assert "cuts the star off" in trajectory.picture(strength=0.8)[1]
    assert "holds the star" in trajectory.picture(**inside)[1]
    result = trajectory.compute(lr=0.05, beta1=0.9, beta2=0.9, eps=1e-8, **inside)
    seen = trajectory.draw(trajectory.prepare(Figure()), result)
    assert {names: at for names, _, *at in seen.handles} == {
        ("star1", "star2"): [0.8, -1.0],
        ("start1", "start2"): [-1.2, 1.4],
    }


def test_the_memory_is_where_about_a_third_is_left():
    figure = draw_memory((0.01, 0.33, 3.3), lr=0.01, steps=300, epoch=6)
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    dots = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert [line.get_ydata()[-1] for line in curves] == pytest.approx(
        [0.9999**300, 0.9967**300, 0.967**300]
    )
    assert [dot.get_xdata()[0] for dot in dots] == [300, 30], "10 000 steps lie beyond the run"
    assert [dot.get_ydata()[0] for dot in dots] == pytest.approx([np.exp(-1)] * 2, abs=0.01)


def test_the_pull_ends_at_the_balance_that_it_draws():
    decoupled, coupled = draw_pull((1.0, 3.0)).axes
    for ax, rests in ((decoupled, [noise.balance(1.0), noise.balance(3.0)]), (coupled, [1.0, 1.0])):
        means = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) > 2]
        assert [path[0] for path in means] == [noise.STAR] * 2
        assert [path[-500:].mean() for path in means] == pytest.approx(rests, rel=0.03)


def test_a_valley_is_marked_where_it_is_lowest_and_a_longer_run_is_dashed():
    optimizer = two_knobs.OPTIMIZERS["AdamW"]
    error = torch.rand(3, len(optimizer.lr), len(optimizer.decay), dtype=torch.float64)
    error[0, optimizer.lr.index(0.1), -1] = torch.nan  # diverged: no mean of the survivors
    none = torch.zeros_like(error)
    surface = two_knobs.LossSurface(optimizer, none, error, none, none > 0, 3)
    valleys = valleys_of("AdamW", surface, rates=(0.01, 0.1), long=(0.001,))
    assert [one.steps for one in valleys.values()] == [300, 300, 3000]
    for ax in draw_valleys(valleys, valleys).axes:
        for curve, valley in zip(ax.lines, valleys.values(), strict=True):
            means = valley.error.mean(0)
            means = means[means.isfinite()].numpy()
            assert len(means) == len(valley.decay) - (valley.rate == 0.1)
            assert np.allclose(curve.get_ydata(), means)
            assert curve.get_markevery() == [means.argmin()]
            assert curve.get_linestyle() == ("--" if valley.steps == 3000 else "-")
        assert len({curve.get_marker() for curve in ax.lines}) == 3

"""Lesson 03's pictures: what their captions say, whose update they draw, and a fair sample."""

import pytest
import torch
from matplotlib.figure import Figure

from course_lib.adamw import adam_update
from course_lib.experiments.shared.surfaces import descend
from course_lib.experiments.weight_decay.bowl import BOWL, START, STEPS
from course_lib.experiments.weight_decay.effective_decay import STRENGTHS, measure_decay
from course_lib.experiments.weight_decay.held import held_rests, sizes_of
from course_lib.experiments.weight_decay.parabola import PULLS
from course_lib.explorers import weight_decay as explore
from course_lib.sgd import sgd_update

MU = 0.9
trajectories = explore.trajectories.explorer
equilibrium = explore.equilibrium.explorer


def test_divergence_is_said_with_its_bound():
    result = trajectories.compute("SGD", strength=0.5, lr=1.0, momentum=MU)
    assert set(result.diverged) == set(PULLS)
    _, caption = trajectories.picture(optimizer="SGD", lr=1.0)
    assert (
        f"diverged at step {result.diverged['l2']}" in caption
        and f"{result.stable['l2']:.3g}" in caption
    )


def test_the_learners_update_steers_the_picture():
    def lazy(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
        if l2 > 0:  # plain floats: `if` works
            grad = grad + l2 * param
        return param.sub_(lr * grad)  # forgets momentum and decay

    ours = trajectories.compute("SGD with momentum", 0.5, 0.08, MU)
    theirs = trajectories.compute("SGD with momentum", 0.5, 0.08, MU, update=lazy)
    assert "your update" in theirs.note and not theirs.stable, (
        "no bound of ours for a function of theirs"
    )
    assert not torch.equal(ours.paths["l2"], theirs.paths["l2"])
    plain = descend(BOWL, sgd_update, START, STEPS, lr=0.08, l2=0.5)
    assert torch.allclose(theirs.paths["l2"], plain, rtol=0, atol=1e-12)
    assert (
        "Drawn by the course's update"
        in trajectories.picture(optimizer="Adam", handed={"update": lazy})[1]
    )


def test_a_cross_stands_where_this_lesson_says_that_paths_rest():
    for optimizer, momentum in (("SGD", 0.0), ("SGD with momentum", MU)):
        rest = trajectories.compute(optimizer, strength=0.7, lr=0.08, momentum=MU).rest
        assert torch.equal(rest["l2"], BOWL.ridge(0.7))
        assert torch.equal(rest["weight_decay"], BOWL.ridge(0.7 * (1 - momentum)))
    adam = trajectories.compute("Adam", strength=0.7, lr=0.08, momentum=MU)
    assert adam.rest["weight_decay"] is None and not adam.stable


def test_an_adam_of_the_learner_is_not_drawn_as_sgd():
    ours, theirs = (
        trajectories.compute("SGD", 0.5, 0.08, MU, update=update) for update in (None, adam_update)
    )
    assert torch.equal(ours.paths["l2"], theirs.paths["l2"]) and "course's update" in theirs.note


def test_a_wrong_update_that_diverges_is_said_to():
    def grows(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
        return param.sub_(lr * (grad - (l2 + weight_decay) * param))

    _, caption = equilibrium.picture(strength=2.0, momentum=0.0, handed={"update": grows})
    assert caption.count("diverged at step") == 2
    with pytest.raises(ValueError, match="must take the keywords momentum, l2 and weight_decay"):
        equilibrium.compute(0.5, 0.9, update=adam_update)


def test_the_dots_are_a_fair_sample():
    """They spread as all weights do: thinning must not follow the image's rows and columns."""
    *_, result = measure_decay(seeds=(0, 1))
    marks = explore.effective_decay.explorer.prepare(Figure())
    explore.effective_decay.explorer.draw(marks, result, strength=1e-4)
    drawn = torch.tensor(marks["cloud"][0].get_ydata(), dtype=torch.float64)
    low, high = drawn.quantile(torch.tensor([0.05, 0.95], dtype=torch.float64))
    assert abs(high - low - result.spread[0, STRENGTHS.index(1e-4)]) < 0.1


def test_the_lines_of_equal_loss_move_with_the_star():
    marks = trajectories.prepare(figure := Figure())
    axes = figure.axes[0]

    def losses(star):
        result = trajectories.compute("SGD", 0.5, 0.08, MU, star1=star[0], star2=star[1])
        trajectories.draw(marks, result)
        (lines,) = (c for c in axes.collections if c.get_visible())
        to_data = lines.get_transform() - axes.transData
        seen = [torch.tensor(to_data.transform(part)) for part in lines.get_segments()]
        return torch.stack([result.bowl.loss(part) for part in seen])

    before, moved, back = (losses(star) for star in ((2.0, 1.0), (0.3, 2.3), (2.0, 1.0)))
    assert torch.allclose(before, before[:, :1], rtol=1e-6)
    assert torch.allclose(moved, before, rtol=1e-6) and torch.equal(back, before)


def test_the_two_goals_are_drawn_where_they_are_and_priced():
    goals = explore.goals.explorer
    figure = Figure()
    marks = goals.prepare(figure)
    lines = [lines for lines in figure.axes[0].collections if lines.get_visible()]
    assert len(lines) == 1, "of equal loss, around the star"
    l2, decay = (BOWL.ridge(0.5), held_rests(sizes_of(16.0), 0.5)["weight_decay"])
    caption = goals.draw(marks, goals.compute(ratio=16.0))
    for pull, end in (("l2", l2), ("weight_decay", decay)):
        assert torch.allclose(torch.tensor(marks[pull][0].get_xydata())[0], end)
        assert f"({end[0]:.2f}, {end[1]:.2f})" in caption
    prices = [bar.get_height() for bar in marks["price weight_decay"]]
    assert prices == pytest.approx([2.0, 0.125])
    assert decay[0] < l2[0] and decay[1] > l2[1] > BOWL.minimum[1]


def test_each_place_of_rest_is_drawn_against_the_momentum():
    marks = equilibrium.prepare(Figure())
    equilibrium.draw(marks, equilibrium.compute(0.5, 0.9))
    for pull, at_zero, at_the_end in (("l2", 1 / 1.5, 1 / 1.5), ("weight_decay", 1 / 1.5, 1.0)):
        curve = marks[f"curve {pull}"][0].get_ydata()
        assert (curve[0], curve[-1]) == pytest.approx((at_zero, at_the_end))
    ((x, y),) = marks["end weight_decay"][0].get_xydata()
    assert (x, y) == pytest.approx((0.9, 1 / 1.05))


def test_the_two_paths_are_drawn_as_one_under_plain_sgd_alone():
    axes = explore.apart.picture().axes
    titles = [ax.get_title() or ax.get_title(loc="left") for ax in axes]
    assert titles == list(explore.apart.TITLES.values())
    for ax, one in zip(axes, (True, False, False)):
        l2, decay, *onward = (
            torch.tensor(path.get_xydata()) for path in ax.lines if len(path.get_xdata()) > 1
        )
        assert torch.allclose(l2, decay, rtol=0, atol=1e-12) == one
    (onward,) = onward  # under Adam, the last
    assert torch.allclose(onward[0], decay[-1])
    assert (onward[-1] - torch.tensor(BOWL.minimum)).norm() < 0.1, "it creeps to the star"


def test_a_large_gradient_makes_decay_dearer_and_l2_not():
    assert explore.prices.rest("l2", 0.1) == explore.prices.rest("l2", 10.0) == 1 / 1.5
    rests = [explore.prices.rest("weight_decay", size) for size in (0.1, 1.0, 10.0)]
    assert rests == pytest.approx([1 / 1.05, 1 / 1.5, 1 / 6])
    texts = {text.get_text() for text in explore.prices.picture().axes[0].texts}
    assert texts == {"0.952", "0.167", "0.667"}

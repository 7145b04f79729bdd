"""Lesson 00's pictures: what their captions say, whose update they draw, and the band of a loss."""

import math
from types import SimpleNamespace

import pytest
import torch
from matplotlib.figure import Figure

from course_lib.experiments.sgd.batch_size import BatchSizes, compare_batch_sizes
from course_lib.experiments.sgd.bowl import ROWS
from course_lib.experiments.sgd.equal_steps import EqualSteps
from course_lib.experiments.sgd.finished import Finished
from course_lib.experiments.sgd.network_reading import Budgets, Way
from course_lib.experiments.sgd.schedules import Scheduled
from course_lib.explorers import sgd as explore
from course_lib.plotting import PATH
from course_lib.statistics import mean_interval, paired_interval

trajectory = explore.trajectory.explorer


def test_each_panel_shows_the_batches_of_one_budget_to_its_end():
    ways = [
        Way(10, 0.05, 0.9, [0, 150, 300], *torch.rand(2, 3, 3) + 0.1),
        Way(500, 0.05, 0.9, [0, 150, 300], *torch.rand(2, 3, 3) + 0.1),
        Way(500, 1.5, 0.9, [0, 3, 6], *torch.rand(2, 3, 3) + 0.1),
    ]
    small, equal_steps, equal_examples = ways
    left, right = explore.budgets.picture(Budgets(*ways)).axes
    for ax, x, shown in (
        (left, [0, 150, 300], (small, equal_steps)),
        (right, [0, 1500, 3000], (small, equal_examples)),
    ):
        assert ax.get_xlim() == (0, x[-1]) and ax.get_xlabel()
        for line, way in zip(ax.get_lines(), shown, strict=True):
            assert [*line.get_xdata()] == x
            assert line.get_ydata() == pytest.approx(way.loss.log().mean(0).exp().numpy())
            assert f"{way.size}, rate {way.rate:g}" in line.get_label()


def test_a_shift_costs_half_the_curvature():
    for ax, h in zip(explore.valleys.picture().axes, (0.2, 2.0), strict=True):
        training, new, cost = ax.get_lines()
        w = training.get_xdata()
        assert training.get_ydata() == pytest.approx(h / 2 * w**2)
        assert new.get_ydata() == pytest.approx(h / 2 * (w - 1) ** 2)
        assert [*cost.get_ydata()] == [
            0,
            h / 2,
        ] and f"costs {h / 2:g}" in ax.get_title() + ax.get_title("left")


def test_noise_lifts_a_run_higher_in_the_steep_valley():
    for ax, h in zip(explore.valleys.hovering().axes, (0.2, 2.0), strict=True):
        mean, _, run = ax.get_lines()
        assert mean.get_ydata() == pytest.approx(h / 2 * mean.get_xdata() ** 2)
        w = torch.as_tensor(run.get_xdata())
        assert run.get_ydata() == pytest.approx((h / 2 * w**2).numpy())
        wanted = (w[1:] - (1 - 0.4 * h) * w[:-1]) / (0.4 * h)  # each step went down one example
        assert wanted.abs() == pytest.approx(1.0, abs=1e-5)
        assert f"{(h / 2 * w[1:] ** 2).mean():.2g}" in ax.get_title() + ax.get_title("left")
    flat, steep = (h / 2 * explore.valleys.hover(h).square().mean() for h in (0.2, 2.0))
    assert steep > 10 * flat


def test_sharpness_side_by_side_stands_below_the_bound_of_each_rate():
    figures = torch.rand(2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = BatchSizes((10, 50, 300), (1.0, 2.0), 0.012, *[figures] * 5, progress=1.0)
    for v, ax in enumerate(explore.sharpness.picture(found, (1.0, 2.0)).axes):
        seeds, mean, bound = ax.get_lines()
        assert seeds.get_ydata() == pytest.approx(figures[:, :, v].flatten().numpy())
        assert mean.get_ydata() == pytest.approx(figures[:, :, v].mean(0).numpy())
        assert {*bound.get_ydata()} == {2 / found.lrs[v]}


def test_few_steps_get_a_dot_each():
    loss = torch.rand(3, 3) + 0.1
    ways = [Way(size, 0.05, 0.9, [0, 150, 300], loss, loss) for size in (10, 500)]
    ways.append(Way(500, 1.5, 0.9, [0, 3, 6], loss, loss))
    left, right = explore.budgets.picture(Budgets(*ways)).axes
    marked = [line.get_marker() for ax in (left, right) for line in ax.get_lines()]
    assert marked == ["None", "None", "None", "o"]


def test_paths_side_by_side_are_the_panels_and_say_where_each_ends():
    figure, words = explore.paths.picture(condition=100, lr=(0.9, 1.1), momentum=(0, 0.9))
    for ax, lr, momentum in zip(figure.axes, (0.9, 1.1), (0, 0.9), strict=True):
        result = trajectory.compute(lr=lr, momentum=momentum, batch_size=ROWS, condition=100)
        (line,) = [line for line in ax.get_lines() if line.get_gid() == PATH]
        assert [*line.get_xdata()] == result.path[:, 0].tolist()
        assert ax.get_ylim()[1] > result.path[:, 1].max()
        assert f"rate {lr:g}, momentum {momentum:g}" in (ax.get_title(), ax.get_title("left"))
        end = float(ax.get_xlabel().split()[2])
        assert end == pytest.approx(result.loss[-1].item(), rel=0.05) and f"{lr:g}" in words
    with pytest.raises(ValueError, match="zip"):
        explore.paths.picture(lr=(0.9, 1.1), momentum=(0,))


def test_examples_are_drawn_where_batches_of_them_are_asked():
    for settings, dots in (({"batch_size": (1, 8)}, True), ({"momentum": (0, 0.9)}, False)):
        figure, _ = explore.paths.picture(**settings)
        labels = [line.get_label() for line in figure.axes[0].get_lines()]
        assert ("what one example wants" in labels) == dots


def test_hops_are_the_steps_of_the_function_given_with_the_factor_of_each():
    def descend(rate, curvature, steps):
        return [(1 - rate * curvature) ** (t + 1) for t in range(steps)]

    rates = 0.3, 1.1
    axes = explore.hops.picture(descend, rates).axes
    for ax, (h, rate) in zip(axes, [(h, rate) for h in (2.0, 0.2) for rate in rates], strict=True):
        (hops,) = [line for line in ax.get_lines() if line.get_gid() == PATH]
        w = [1.0, *descend(rate, h, 5)]
        assert hops.get_xdata() == pytest.approx(w)
        assert hops.get_ydata() == pytest.approx([h / 2 * x**2 for x in w])
        factor = float(ax.get_xlabel().split("× ")[1].replace("−", "-"))
        assert factor == pytest.approx(1 - rate * h)


def compared():
    """What `ten_or_all` is given, all of it 3 seeds with a loss of their own."""
    draw = torch.Generator().manual_seed(0)

    def some(*shape):
        return torch.rand(3, *shape, generator=draw) + 0.5

    own = EqualSteps({}, *({10: some(), 500: some()} for _ in range(3)))
    steady, shared = (
        {
            size: SimpleNamespace(train_loss=some(rates, 2), test_loss=some(rates, 2))
            for size in (10, 500)
        }
        for rates in (1, 2)
    )
    squared = Finished({10: 2.8, 50: 4.0, 300: 4.0}, [2.8, 4.0], *(some(3, 2) for _ in range(4)))
    return steady, shared, own, squared


def test_ten_or_all_shows_each_run_as_a_ratio_with_the_interval_of_its_logarithm():
    steady, shared, own, squared = compared()
    found = explore.ten_or_all.compared(steady, shared, own, squared)
    cross, other = found.values()
    assert cross["constant, rate of ten"]["new"][1].equal(steady[500].test_loss[:, 0, -1])
    assert cross["cosine, rate of ten"]["fit"][0].equal(shared[10].train_loss[:, 0, -1])
    assert cross["cosine, rate of all"]["new"][0].equal(shared[10].test_loss[:, 1, -1])
    assert cross["cosine, own rates"]["new"][1].equal(own.test_loss[500])
    assert other["cosine, rate of ten"]["sharp"][1].equal(squared.at("sharpness", 300, 2.8))
    assert other["cosine, rate of all"]["new"][0].equal(squared.at("test_loss", 10, 4.0))
    assert other["cosine, own rates"]["fit"][1].equal(squared.at("train_loss", 300, 4.0))
    figure, words = explore.ten_or_all.picture(found)
    fit, new, sharp = figure.axes
    assert [len(ax.containers) for ax in (fit, new, sharp)] == [7, 7, 3]
    pair = other["cosine, own rates"]["new"]
    ratio = paired_interval(*(values.log() for values in pair))
    line, _, (bar,) = new.containers[-1]
    assert line.get_xdata() == pytest.approx(math.exp(ratio.mean))
    ends = [x for x, _ in bar.get_segments()[0]]
    assert ends == pytest.approx([math.exp(ratio.low), math.exp(ratio.high)])
    assert [text.get_text() for text in fit.get_yticklabels()][line.get_ydata()[0]] == (
        "cosine, own rates"
    )
    assert f"loss on new digits {new.texts[-1].get_text()}" in words

    losses = torch.rand(3, 31, dtype=torch.float64) + 0.1
    runs = {"constant": Scheduled([0.05] * 300, losses, losses, 1.0, 0)}
    left, right = explore.two_schedules.picture(runs).axes
    assert {*left.get_lines()[0].get_ydata()} == {0.05}
    (line,) = right.get_lines()
    assert line.get_ydata() == pytest.approx(losses.log().mean(0).exp().numpy())
    assert line.get_label() == f"constant: ends at {losses[:, -1].log().mean().exp():.2g}"


def test_the_ends_on_the_line_of_solutions_are_named_with_their_length():
    path = torch.tensor([[1.0, -1.0], [2.0 - 1e-9, 1e-9]])
    (ax,) = explore.solutions.picture([path]).axes
    assert [text.get_text() for text in ax.texts] == ["start", "(2, 0), length 2"]
    assert ax.get_lines()[1].get_label() == "from (1, -1)"


def test_accuracy_is_drawn_seed_by_seed_against_the_first_batch_size():
    figures = torch.rand(2, 3, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = BatchSizes((10, 50, 300), (1.0,), 0.012, *[figures] * 5, progress=1.0)
    marks = explore.sharpness.explorer.prepare(Figure())
    explore.sharpness.explorer.draw(marks, found, lr=1.0)
    less = 100 * (figures - figures[:, :1])[..., 0]
    assert marks["accuracy"][0].get_ydata() == pytest.approx(less.mean(0).numpy())
    assert marks["sharpness"][0].get_ydata() == pytest.approx(figures[..., 0].mean(0).numpy())


def test_divergence_is_said_with_its_bound():
    result = trajectory.compute(lr=1.5, momentum=0.0, batch_size=ROWS, condition=10.0)
    _, caption = trajectory.picture(lr=1.5, batch_size=ROWS)
    assert f"Diverged at step {result.diverged}" in caption and "2/λmax = 1" in caption
    _, caption = trajectory.picture(lr=2.0, momentum=0.5, batch_size=ROWS)
    assert "2(1 + μ)/λmax = 1.5" in caption
    _, caption = trajectory.picture(lr=1.01, batch_size=ROWS, condition=1.0)
    assert caption.startswith("Unstable") and "bound" in caption, (
        "too slow to have diverged, yet said"
    )
    _, caption = trajectory.picture(lr=1.0, batch_size=ROWS)
    assert caption.startswith("On the edge")


def test_the_caption_of_the_whole_set_names_the_loss_at_the_end_of_the_curve():
    result = trajectory.compute(lr=0.3, momentum=0.0, batch_size=ROWS, condition=10.0)
    assert f"{result.loss[-1].item():.2g} above" in trajectory.picture(batch_size=ROWS)[1]
    assert f"{result.loss[-20:].mean().item():.2g}" != f"{result.loss[-1].item():.2g}"


def test_the_learners_update_steers_and_gets_no_bound_of_ours():
    def forgetful(param, grad, state, *, lr, momentum=0.0):
        return param.sub_(lr * grad)

    theirs = trajectory.compute(0.3, 0.9, 8, 10.0, update=forgetful)
    plain = trajectory.compute(0.3, 0.0, 8, 10.0)
    assert torch.allclose(theirs.path, plain.path, rtol=0, atol=1e-14) and theirs.bound is None
    caption = trajectory.picture(lr=2.5, handed={"update": forgetful})[1]
    assert (
        caption.startswith("Diverged at step")
        and "bound" not in caption
        and "Drawn by your update" in caption
    )

    def other(weight, gradient):
        raise AssertionError("never called: its keywords do not fit")

    assert "yours takes other keywords" in trajectory.compute(0.3, 0.0, 8, 10.0, update=other).note


def test_every_explorer_that_takes_an_update_draws_the_learners():
    def standing(param, grad, state, *, lr, momentum=0.0):
        return param

    def other(weight, gradient):
        raise AssertionError("never called: its keywords do not fit")

    for explorer in (trajectory, explore.saddle.explorer, explore.schedules.explorer):
        for update, said in ((standing, "Drawn by your update."), (other, "takes other keywords.")):
            _, caption = explorer.picture(handed={"update": update, **explorer.quick})
            assert caption.endswith(said)
    path = explore.saddle.explorer.compute(0.1, 0.0, 0.0, "constant", update=standing)[0].path
    assert (path == path[0]).all()


def test_the_band_of_the_losses_is_that_of_their_logarithms():
    marks = explore.schedules.explorer.prepare(Figure())
    losses = torch.rand(3, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scheduled = Scheduled([0.1] * 300, losses, losses, 1.0, 0)
    explore.schedules.explorer.draw(marks, (scheduled, ""))
    line, band = marks["training"]
    expected = mean_interval(losses[:, 1].log())
    assert line.get_ydata()[1] == pytest.approx(math.exp(expected.mean))
    heights = [y for x, y in band.get_paths()[0].vertices if x == 10]
    assert sorted(heights) == pytest.approx([math.exp(expected.low), math.exp(expected.high)])
    nothing = torch.full((3, 31), torch.nan)
    explore.schedules.explorer.draw(marks, (Scheduled([0.1] * 300, nothing, nothing, 0.0, 0), ""))
    assert not band.get_paths()


def test_a_target_that_no_seed_reaches_is_said():
    *_, never = compare_batch_sizes(seeds=(0, 1), target=1e-9, steps=20)
    marks = explore.sharpness.explorer.prepare(Figure())
    assert "fewer than two seeds" in explore.sharpness.explorer.draw(marks, never, lr=1.0)

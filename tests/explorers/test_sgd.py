"""The numbers behind lesson 00's pictures: bounds, escapes, schedules, and the figures against
batch size.
"""

import math

import pytest
import torch
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.sgd import batch_size as lab
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.gradient_noise import all_batches
from course_lib.experiments.shared.sharpness import exact_hessian
from course_lib.explorers import sgd as explore
from course_lib.sgd import cosine_decay, cyclical, linear_warmup, one_cycle, sgd_update
from course_lib.statistics import mean_interval

ALL = explore.trajectory.ROWS


def test_examples_average_to_the_goal_with_the_stated_spread():
    centres = explore.trajectory.examples()
    assert torch.allclose(centres.mean(0), explore.trajectory.GOAL)
    assert torch.allclose(
        (centres - explore.trajectory.GOAL).T @ (centres - explore.trajectory.GOAL) / ALL,
        0.36 * torch.eye(2).double(),
    )


@pytest.mark.parametrize("condition", [1.0, 10.0, 100.0])
def test_the_bowl_has_the_stated_curvatures(condition):
    assert torch.allclose(
        torch.linalg.eigvalsh(explore.trajectory.bowl(condition)),
        torch.tensor([2 / condition, 2.0], dtype=torch.float64),
    )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("batch_size", [4, ALL])
def test_the_stated_bound_is_where_stability_ends(momentum, batch_size):
    """Just below it a long path stays, just above it blows up; batches change nothing about
    that.
    """
    bound = explore.trajectory.compute(0.1, momentum, batch_size, 10.0).bound

    def far(lr):
        path = explore.trajectory.walk(
            sgd_update,
            explore.trajectory.bowl(10.0),
            batch_size,
            steps=3000,
            lr=lr,
            momentum=momentum,
        )
        return not path[-1].norm() < 1e3

    assert not far(0.99 * bound) and far(1.01 * bound)


def test_divergence_is_said_with_its_bound():
    result = explore.trajectory.compute(lr=1.5, momentum=0.0, batch_size=ALL, condition=10.0)
    _, caption = explore.trajectory.explorer.picture(lr=1.5, batch_size=ALL)
    assert f"Diverged at step {result.diverged}" in caption and "2/λmax = 1" in caption
    _, caption = explore.trajectory.explorer.picture(lr=2.0, momentum=0.5, batch_size=ALL)
    assert "2(1 + μ)/λmax = 1.5" in caption
    _, caption = explore.trajectory.explorer.picture(lr=1.01, batch_size=ALL, condition=1.0)
    assert caption.startswith("Unstable") and "bound" in caption, (
        "too slow to have diverged, yet said"
    )
    _, caption = explore.trajectory.explorer.picture(lr=1.0, batch_size=ALL)
    assert caption.startswith("On the edge")


def test_the_whole_set_comes_to_rest_and_batches_hover():
    rest, hover = (explore.trajectory.compute(0.3, 0.0, size, 5.0).loss[-20:] for size in (ALL, 4))
    assert rest.max() < 1e-9 < 1e-4 < hover.mean()


def test_the_caption_of_the_whole_set_names_the_loss_at_the_end_of_the_curve():
    result = explore.trajectory.explorer.compute(
        lr=0.3, momentum=0.0, batch_size=explore.trajectory.ROWS, condition=10.0
    )
    assert (
        f"{result.loss[-1].item():.2g} above"
        in explore.trajectory.explorer.picture(batch_size=explore.trajectory.ROWS)[1]
    )
    assert f"{result.loss[-20:].mean().item():.2g}" != f"{result.loss[-1].item():.2g}"


def test_the_learners_update_steers_and_gets_no_bound_of_ours():
    def forgetful(param, grad, state, *, lr, momentum=0.0):
        return param.sub_(lr * grad)

    theirs = explore.trajectory.compute(0.3, 0.9, 8, 10.0, update=forgetful)
    plain = explore.trajectory.compute(0.3, 0.0, 8, 10.0)
    assert torch.allclose(theirs.path, plain.path, rtol=0, atol=1e-14) and theirs.bound is None
    caption = explore.trajectory.explorer.picture(lr=2.5, handed={"update": forgetful})[1]
    assert (
        caption.startswith("Diverged at step")
        and "bound" not in caption
        and "Drawn by your update" in caption
    )

    def other(weight, gradient):
        raise AssertionError("never called: its keywords do not fit")

    assert (
        "yours takes other keywords"
        in explore.trajectory.compute(0.3, 0.0, 8, 10.0, update=other).note
    )


def test_on_the_ridge_plain_descent_never_leaves_and_beside_it_it_leaves_when_predicted():
    never = explore.saddle.compute(0.1, 0.0, 0.0, "constant")
    assert never.left_at is None and (never.path[:, 0] == 0).all() and never.path[-1].norm() < 1e-9
    for offset in (1e-12, 1e-8, 1e-4):
        found = explore.saddle.compute(0.1, offset, 0.0, "constant")
        assert abs(found.left_at - math.log(0.5 / offset) / math.log(1.1)) < 4
        small = found.predicted < 1e-2
        assert torch.allclose(found.path[small, 0], found.predicted[small], rtol=1e-2, atol=0)


def test_noise_leaves_the_ridge_sooner_the_stronger_it_is():
    steps = [
        explore.saddle.compute(0.1, 0.0, noise, "constant").left_at for noise in (1e-8, 1e-4, 1e-2)
    ]
    assert steps == sorted(steps, reverse=True) and None not in steps


def test_cyclical_rates_have_the_mean_and_the_peak_they_are_named_after():
    cycle = 2 * explore.saddle.CYCLE
    mean, peak = (explore.saddle.rate_factors(rate, cycle) for rate in explore.saddle.RATES[1:])
    assert (
        sum(mean) / cycle == pytest.approx(1) and max(peak) == 1 and min(peak) == explore.saddle.LOW
    )
    assert peak == [cyclical(t, explore.saddle.CYCLE, low=explore.saddle.LOW) for t in range(cycle)]


def test_a_cyclical_rate_of_the_same_mean_may_leave_sooner_or_later():
    constant, same_mean, _ = explore.saddle.RATES
    later = [
        explore.saddle.compute(0.1, offset, 0.0, same_mean).left_at
        - explore.saddle.compute(0.1, offset, 0.0, constant).left_at
        for offset in (1e-12, 1e-8)
    ]
    assert later[0] > 0 > later[1]


def test_a_design_is_a_warm_up_and_then_the_shape_above_its_floor():
    factors = [explore.schedules.designed("cosine", 40, 0.2, t) for t in range(300)]
    assert factors[:40] == [linear_warmup(t, 40, 0.02) for t in range(40)]
    assert factors[40:] == pytest.approx([cosine_decay(t, 260, 0.2) for t in range(260)])
    assert [explore.schedules.designed("one-cycle", 0, 0.0, t) for t in range(300)] == [
        one_cycle(t, 300) for t in range(300)
    ]
    for shape in explore.schedules.SHAPES:
        for floor in (0.0, 0.3):
            assert all(
                floor <= explore.schedules.designed(shape, 0, floor, t) <= 1 + 1e-12
                for t in range(300)
            )


def test_a_scheduled_update_is_the_update_at_that_rate():
    factors, gradient = [1.0, 0.5, 0.1], torch.tensor([1.0, -2.0])
    w, state, update = torch.zeros(2), {}, explore.schedules.scheduled(sgd_update, factors)
    for _ in factors:
        update(w, gradient, state, lr=0.2, momentum=0.0)
    assert torch.allclose(w, -0.2 * sum(factors) * gradient)


def test_schedules_fill_in_and_a_decay_ends_lower_than_a_constant_rate():
    def last(shape):
        *_, result = explore.schedules.compute(shape, 0, 0.0, 0.1, seeds=(0, 1))
        assert result.progress == 1 and result.train_loss.isfinite().all()
        return result.train_loss[:, -1]

    assert (last("cosine") < last("constant")).all()


def test_the_band_of_the_losses_is_that_of_their_logarithms():
    figure = Figure()
    marks = plotting.draw_band(figure.subplots(), [], torch.empty(0, 0))
    losses = torch.tensor([[1.0, 0.1], [4.0, 0.001], [2.0, 0.1]], dtype=torch.float64)
    explore.schedules.move_geometric(marks, (0, 10), losses)
    expected = mean_interval(losses[:, 1].log())
    assert marks[0].get_ydata()[1] == pytest.approx(math.exp(expected.mean))
    heights = [y for x, y in marks[1].get_paths()[0].vertices if x == 10]
    assert sorted(heights) == pytest.approx([math.exp(expected.low), math.exp(expected.high)])
    explore.schedules.move_geometric(
        marks, (0, 10), torch.full((3, 2), torch.nan)
    )  # nothing trained yet
    assert not marks[1].get_paths()


def test_figures_of_a_network_are_right():
    split = lab.digits_to_fit(0)
    generator = torch.Generator().manual_seed(0)
    parameters = [
        0.1 * torch.randn(*s, dtype=torch.float64, generator=generator)
        for s in ((3, 64), (3,), (10, 3), (10,))
    ]
    sharpness, norm, accuracy = lab.figures_of(parameters, split, 0)

    def loss(parameters):
        return (forward(parameters, split.train_x) - split.train_y).square().mean()

    exact = torch.linalg.eigvalsh(exact_hessian(loss, parameters))[-1].item()
    assert abs(sharpness / exact - 1) < 1e-2
    assert norm == pytest.approx(torch.cat([p.flatten() for p in parameters]).norm().item())
    hits = [
        forward(parameters, x).argmax() == y.argmax() for x, y in zip(split.test_x, split.test_y)
    ]
    assert accuracy == pytest.approx(sum(map(float, hits)) / len(hits))


def test_batch_sizes_are_compared_at_equal_training_loss():
    *partial, result = lab.compare_batch_sizes(seeds=(0, 1), target=0.05, steps=200)
    assert result.progress == 1 and all(earlier.progress <= 1 for earlier in partial)
    reached = result.loss.isfinite()
    assert (
        reached.any()
        and (result.loss[reached] <= 0.05).all()
        and (result.loss[reached] > 0.03).all()
    )
    assert (result.sharpness.isfinite() == reached).all() and (result.sharpness[reached] > 0).all()
    *_, never = lab.compare_batch_sizes(seeds=(0, 1), target=1e-9, steps=20)
    assert never.sharpness.isnan().all()
    assert "fewer than two seeds" in explore.sharpness.explorer.draw(*_drawn(never), lr=1.0)


def _drawn(result):
    from matplotlib.figure import Figure

    return explore.sharpness.prepare(Figure()), result


def test_the_walk_over_the_whole_set_takes_the_mean_of_all_gradients():
    hessian = explore.trajectory.bowl(3.0)
    start = torch.tensor(explore.trajectory.START, dtype=torch.float64)
    gradients = (start - explore.trajectory.examples()) @ hessian
    first = explore.trajectory.walk(sgd_update, hessian, ALL, steps=1, lr=0.1)[-1]
    assert torch.allclose(first, start - 0.1 * all_batches(gradients, 1).mean(0))

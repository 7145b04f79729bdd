"""The interaction statistic on surfaces whose coefficients are known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course_lib.experiments.adamw.separability import (
    Quadratic,
    cross_fits,
    drift,
    fit_quadratic,
    in_turn,
    jackknife,
    mean_interaction,
    near_best,
)
from course_lib.statistics import mean_interval

AXES = torch.arange(9.0).double() / 2 - 4, torch.arange(9.0).double() / 2 - 3
X, Y = (part.flatten() for part in torch.meshgrid(*AXES, indexing="ij"))
BOWL = Quadratic(k=-1.0, p=0.3, q=-0.2, a=0.5, b=0.25, c=-0.4, r2=1.0)
number = st.floats(-3, 3)
six_numbers = st.tuples(number, number, number, number, number, number)


@given(six_numbers)
def test_a_quadratic_is_found_again_exactly(coefficients):
    truth = Quadratic(*coefficients, r2=1.0)
    found = fit_quadratic(X, Y, truth(X, Y))
    assert torch.allclose(torch.tensor(found[:6]), torch.tensor(truth[:6]), atol=1e-10)


@given(number, number, six_numbers)
def test_c_is_what_both_turns_add_to_each_alone(x, y, coefficients):
    f = Quadratic(*coefficients, r2=1.0)
    both = f(x + 1, y + 1) - f(x + 1, y) - f(x, y + 1) + f(x, y)
    assert both == pytest.approx(f.c, abs=1e-9)


@given(six_numbers)
def test_the_papers_coordinates_describe_the_same_surface(coefficients):
    torch_axes = Quadratic(*coefficients, r2=1.0)
    paper_axes = torch_axes.over_product()
    assert torch.allclose(paper_axes(X, X + Y), torch_axes(X, Y), atol=1e-9)
    assert paper_axes.c == pytest.approx(torch_axes.c - 2 * torch_axes.b)
    refitted = fit_quadratic(X, X + Y, torch_axes(X, Y))
    assert torch.allclose(torch.tensor(refitted[:6]), torch.tensor(paper_axes[:6]), atol=1e-9)


def test_at_most_one_pair_of_coordinates_can_be_free():
    assert BOWL._replace(c=0.0).over_product().c == -0.5
    assert BOWL._replace(c=0.5).over_product().c == 0.0


def noisy(surface, seeds, generator, spread=0.1):
    """Losses [seeds, settings] of a known surface, each setting with its own noise in the log."""
    noise = spread * torch.randn(seeds, len(X), generator=generator, dtype=torch.float64)
    return (surface(X, Y) + noise).exp()


@pytest.mark.parametrize("cut", [0.3, 1.0, 100.0])
def test_the_jackknife_covers_the_known_interaction(cut, amount):
    """Binomial test at p < 10⁻³ (few) of 95 %."""
    generator = torch.Generator().manual_seed(0)
    bowl = BOWL._replace(p=1.6, q=-0.3)  # lowest at (−2, −1), the middle of the grid

    def covers():
        losses = noisy(bowl, 10, generator)
        return not jackknife(
            lambda picked: mean_interaction(losses[picked], X, Y, cut), 10
        ).excludes(bowl.c)

    draws = amount(30, 300)
    covered = sum(covers() for _ in range(draws))
    assert stats.binomtest(covered, draws, 0.95, alternative="less").pvalue > 4e-4


def test_the_jackknife_of_a_mean_is_students_interval():
    values = torch.randn(7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours, students = (
        jackknife(lambda picked: values[picked].mean().item(), 7),
        mean_interval(values),
    )
    assert ours[:6] == pytest.approx(students[:6])
    assert ours.sample.values == pytest.approx(students.sample.values)
    squared = jackknife(lambda picked: values[picked].mean().item() ** 2, 7)
    # around the statistic of all, whatever its bias
    assert squared.mean == pytest.approx(students.mean**2)
    with pytest.raises(ValueError, match="seeds = 3"):
        jackknife(lambda picked: 0.0, 3)


def test_each_seed_is_fitted_where_the_others_are_low():
    losses = torch.full((2, len(X)), 5.0, dtype=torch.float64)
    losses[0, X < -2] = 0.1  # the first seed is lowest on the left, the second on the right
    losses[1, X > -2] = 0.1
    seen = []

    def watch(x, y, z):
        seen.append(x)
        return fit_quadratic(x, y, z)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_lib.experiments.adamw.separability.fit_quadratic", watch)
        cross_fits(losses, X, Y, cut=0.5)
    assert len(seen) == 2 and (seen[0] > -2).all() and (seen[1] < -2).all()


def test_the_mean_interaction_is_that_of_either_coordinates():
    losses = BOWL(X, Y).exp().repeat(4, 1)
    assert mean_interaction(losses, X, Y, 100.0) == pytest.approx(BOWL.c)
    assert mean_interaction(losses, X, Y, 100.0, product=True) == pytest.approx(BOWL.c - 2 * BOWL.b)


def surface(f):
    """Losses [4 seeds, 9 learning rates, 9 decays] whose log is f(x, y)."""
    return f(X, Y).exp().reshape(1, 9, 9).repeat(4, 1, 1)


def test_drift_is_the_slope_of_the_best_rates():
    axes = [10**axis for axis in AXES]
    assert drift(surface(lambda x, y: (x + 2) ** 2 + y), *axes).tolist() == pytest.approx([0.0] * 4)
    # best at x = y − 1: one decade for each, all within the grid
    diagonal = surface(lambda x, y: (x - y + 1) ** 2)
    assert drift(diagonal, *axes).tolist() == pytest.approx([1.0] * 4)
    assert drift(diagonal[:, :, :5], axes[0], axes[1][:5]).tolist() == pytest.approx([1.0] * 4)
    never = surface(lambda x, y: (x + 2) ** 2)
    never[:, 0] = math.nan
    assert drift(never, *axes).tolist() == pytest.approx([0.0] * 4)


def test_tuning_in_turn_costs_nothing_where_effects_add_up():
    assert in_turn(surface(lambda x, y: (x + 2) ** 2 + (y + 1) ** 2)).tolist() == pytest.approx(
        [0.0] * 4
    )
    # at y = −3 the best x is −4; from there the best y is −3, and both stay although (0, 1) is
    # lower by 1
    trap = in_turn(surface(lambda x, y: 2 * (x - y + 1) ** 2 - 0.25 * (y + 3)))
    assert trap.tolist() == pytest.approx([1.0] * 4)
    with pytest.raises(ValueError, match="seeds = 1"):
        in_turn(torch.ones(1, 9, 9))


def test_tuning_in_turn_is_judged_by_the_other_half():
    log_loss = torch.zeros(2, 2, 2)
    log_loss[0, 0] = torch.tensor([-1.0, -2.0])  # the first seed: in turn and together at (0, 1)
    # the second: first (1, 0), where it stays; together the same
    log_loss[1, 1] = torch.tensor([-1.0, 0.0])
    log_loss[1, 0, 1] = -3.0  # … but for this: together at (0, 1)
    assert in_turn(log_loss.exp()).tolist() == pytest.approx([2.0, 0.0])


def test_cells_are_those_near_the_lowest_mean_log_loss_and_never_a_diverged_one():
    losses = torch.tensor([[1.0, 2.0, 3.0, 0.5], [1.0, 2.0, 4.0, math.nan]])
    assert near_best(losses, 0.5).tolist() == [True, False, False, False]
    assert near_best(losses, 0.7).tolist() == [True, True, False, False]  # log 2 = 0.693
    assert not near_best(torch.full((2, 3), math.nan), 1.0).any()


def test_a_run_that_diverged_is_left_out_of_its_own_fit_only():
    losses = BOWL(X, Y).exp().repeat(4, 1)
    losses[1, 7] = math.inf
    for fit in cross_fits(losses, X, Y, 100.0):
        assert fit.c == pytest.approx(BOWL.c)


def test_r2_falls_when_the_surface_is_no_quadratic():
    assert fit_quadratic(X, Y, BOWL(X, Y)).r2 == pytest.approx(1.0)
    assert fit_quadratic(X, Y, (2 * X).cos()).r2 < 0.5


def test_points_that_cannot_fix_six_numbers_are_refused():
    for line in (torch.arange(5.0), torch.arange(9.0)):
        with pytest.raises(ValueError, match=f"{len(line)} points"):
            fit_quadratic(line, line, line)
    with pytest.raises(ValueError, match="finite"):
        fit_quadratic(X, Y, torch.full_like(X, math.nan))
    with pytest.raises(ValueError, match="cut = 0"):
        near_best(torch.ones(2, 3), 0)
    with pytest.raises(ValueError, match="seeds = 1"):
        cross_fits(torch.ones(1, len(X)), X, Y, 1.0)

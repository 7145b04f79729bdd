"""The numbers behind lesson 03's pictures: closed forms, learner's functions, and what is measured on digits."""

import pytest
import torch

from course_lib.explorers import weight_decay as explore
from course_lib.lab.surfaces import descend
from course_lib.sgd import sgd_update

MU = 0.9


def test_one_path_under_plain_sgd_two_under_momentum_and_adam():
    def gap(optimizer):
        paths = explore.compute_trajectories(optimizer, strength=0.5, lr=0.08, momentum=MU).paths
        return (paths["l2"] - paths["weight_decay"]).norm(dim=1)

    assert gap("SGD").max() < 1e-14
    assert gap("SGD with momentum")[1] < 1e-15 < 1e-3 < gap("SGD with momentum")[2]
    assert gap("Adam")[1] > 1e-3


@pytest.mark.parametrize("optimizer", ["SGD", "SGD with momentum"])
@pytest.mark.parametrize("pull", explore.PULLS)
def test_paths_come_to_rest_where_the_cross_stands(optimizer, pull):
    momentum = {"momentum": MU} if optimizer != "SGD" else {}
    end = descend(explore.BOWL, sgd_update, explore.START, 2000, lr=0.08, **momentum, **{pull: 0.7})[-1]
    rest = explore.compute_trajectories(optimizer, strength=0.7, lr=0.08, momentum=MU).rest[pull]
    assert (end - rest).norm() < 1e-12


@pytest.mark.parametrize("optimizer", ["SGD", "SGD with momentum"])
@pytest.mark.parametrize("pull", explore.PULLS)
def test_the_stated_bound_is_where_stability_ends(optimizer, pull):
    """Just below it a long path stays small, just above it blows up; above it the caption's figure is that bound."""
    momentum = {"momentum": MU} if optimizer != "SGD" else {}
    _, bound = explore.compute_trajectories(
        optimizer, strength=0.5, lr=1.0 * (1 + 9 * bool(momentum)), momentum=MU
    ).diverged[pull]

    def far(lr):
        path = descend(explore.BOWL, sgd_update, explore.START, 2000, lr=lr, **momentum, **{pull: 0.5})
        return not path[-1].norm() < 1e3

    assert not far(0.99 * bound)
    assert far(1.01 * bound)


def test_divergence_is_said_and_the_picture_stays_finite():
    result = explore.compute_trajectories("SGD", strength=0.5, lr=1.0, momentum=MU)
    assert set(result.diverged) == set(explore.PULLS)
    _, caption = explore.trajectories.picture(optimizer="SGD", lr=1.0)
    step, bound = result.diverged["l2"]
    assert f"diverged at step {step}" in caption and f"{bound:.3g}" in caption


def test_the_learners_update_steers_the_picture():
    def lazy(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
        if l2 > 0:  # plain floats: `if` works
            grad = grad + l2 * param
        return param.sub_(lr * grad)  # forgets momentum and decay

    ours = explore.compute_trajectories("SGD with momentum", 0.5, 0.08, MU)
    theirs = explore.compute_trajectories("SGD with momentum", 0.5, 0.08, MU, update=lazy)
    assert theirs.author == "your update"
    assert not torch.equal(ours.paths["l2"], theirs.paths["l2"])
    plain = descend(explore.BOWL, sgd_update, explore.START, explore.STEPS, lr=0.08, l2=0.5)
    assert torch.allclose(theirs.paths["l2"], plain, rtol=0, atol=1e-12)
    adam = explore.compute_trajectories("Adam", 0.5, 0.08, MU, update=lazy)
    assert adam.author == "the course's update (yours has other keywords)"
    assert "Drawn by the course's update" in explore.trajectories.picture(optimizer="Adam", handed={"update": lazy})[1]


def test_equilibrium_runs_end_at_the_formulas():
    for strength, momentum in ((0.5, 0.9), (2.0, 0.0), (0.0, 0.5), (1.3, 0.95)):
        runs, *_ = explore.compute_equilibrium(strength, momentum)
        for pull in explore.PULLS:
            assert abs(runs[pull][-1] - explore.rest_on_parabola(pull, strength, momentum)) < 1e-4


def test_effective_decay_is_read_off_right():
    """Weights whose gradients are known: decay is exactly 1/size, dead weights do not count."""
    size = torch.logspace(-5, -2, 400, dtype=torch.float64)
    size[:100] = 0.0
    square = size.square().expand(len(explore.STRENGTHS), 1, 400)
    found = explore.measure_one_seed(square, square * (1 - 0.999**explore.LAST), torch.full_like(square, 1e-9))
    live = size[100:]
    spread = (live.quantile(0.95) / live.quantile(0.05)).log10()
    assert torch.allclose(found["spread"], spread, atol=0.02)
    assert torch.allclose(found["slope"], torch.tensor(-1.0, dtype=torch.float64), atol=1e-2)
    assert (found["share_below_one"] == 0).all()


def test_effective_decay_trains_seed_by_seed():
    *partial, complete = explore.compute_effective_decay(seeds=(0, 1))
    assert complete.progress == 1 and complete.spread.shape == (2, len(explore.STRENGTHS))
    assert all(len(earlier.spread) <= 2 for earlier in partial)
    assert complete.slope.isfinite().all()
    assert list(explore.compute_effective_decay(seeds=(0, 1))) == [complete], "trained once, then remembered"

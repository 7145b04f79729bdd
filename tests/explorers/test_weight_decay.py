"""The numbers behind lesson 03's pictures: closed forms, learner's functions, and what is measured
on digits.
"""

import pytest
import torch
from matplotlib.figure import Figure

from course_lib.adamw import adam_update
from course_lib.experiments.shared.surfaces import descend
from course_lib.explorers import weight_decay as explore
from course_lib.sgd import sgd_update

MU = 0.9


def options(optimizer):
    return {"momentum": MU} if optimizer == "SGD with momentum" else {}


def test_one_path_under_plain_sgd_two_under_momentum_and_adam():
    def gap(optimizer):
        paths = explore.trajectories.compute(optimizer, strength=0.5, lr=0.08, momentum=MU).paths
        return (paths["l2"] - paths["weight_decay"]).norm(dim=1)

    assert gap("SGD").max() < 1e-14
    assert gap("SGD with momentum")[1] < 1e-15 < 1e-3 < gap("SGD with momentum")[2]
    assert gap("Adam")[1] > 1e-3


@pytest.mark.parametrize("optimizer", ["SGD", "SGD with momentum"])
@pytest.mark.parametrize("pull", explore.update.PULLS)
def test_paths_come_to_rest_where_the_cross_stands(optimizer, pull):
    end = descend(
        explore.trajectories.BOWL,
        sgd_update,
        explore.trajectories.START,
        2000,
        lr=0.08,
        **options(optimizer),
        **{pull: 0.7},
    )[-1]
    rest = explore.trajectories.compute(optimizer, strength=0.7, lr=0.08, momentum=MU).rest[pull]
    assert (end - rest).norm() < 1e-12


def test_under_adam_too_l2_comes_to_rest_at_its_cross():
    end = descend(explore.trajectories.BOWL, adam_update, (0.0, 0.0), 2000, lr=0.05, l2=0.7)[-1]
    rest = explore.trajectories.compute("Adam", strength=0.7, lr=0.08, momentum=MU).rest
    assert (end - rest["l2"]).norm() < 1e-9 and rest["weight_decay"] is None


@pytest.mark.parametrize("optimizer", ["SGD", "SGD with momentum"])
@pytest.mark.parametrize("pull", explore.update.PULLS)
def test_the_stated_bound_is_where_stability_ends(optimizer, pull):
    """Just below it a long path stays small, just above it blows up."""
    bound = explore.trajectories.compute(optimizer, strength=0.5, lr=0.1, momentum=MU).stable[pull]

    def far(lr):
        path = descend(
            explore.trajectories.BOWL,
            sgd_update,
            explore.trajectories.START,
            2000,
            lr=lr,
            **options(optimizer),
            **{pull: 0.5},
        )
        return not path[-1].norm() < 1e3

    assert not far(0.99 * bound)
    assert far(1.01 * bound)


def test_divergence_is_said_with_its_bound():
    result = explore.trajectories.compute("SGD", strength=0.5, lr=1.0, momentum=MU)
    assert set(result.diverged) == set(explore.update.PULLS)
    _, caption = explore.trajectories.explorer.picture(optimizer="SGD", lr=1.0)
    assert (
        f"diverged at step {result.diverged['l2']}" in caption
        and f"{result.stable['l2']:.3g}" in caption
    )


def test_the_learners_update_steers_the_picture():
    def lazy(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
        if l2 > 0:  # plain floats: `if` works
            grad = grad + l2 * param
        return param.sub_(lr * grad)  # forgets momentum and decay

    ours = explore.trajectories.compute("SGD with momentum", 0.5, 0.08, MU)
    theirs = explore.trajectories.compute("SGD with momentum", 0.5, 0.08, MU, update=lazy)
    assert "your update" in theirs.note and not theirs.stable, (
        "no bound of ours for a function of theirs"
    )
    assert not torch.equal(ours.paths["l2"], theirs.paths["l2"])
    plain = descend(
        explore.trajectories.BOWL,
        sgd_update,
        explore.trajectories.START,
        explore.trajectories.STEPS,
        lr=0.08,
        l2=0.5,
    )
    assert torch.allclose(theirs.paths["l2"], plain, rtol=0, atol=1e-12)
    assert (
        "Drawn by the course's update"
        in explore.trajectories.explorer.picture(optimizer="Adam", handed={"update": lazy})[1]
    )


def test_an_adam_of_the_learner_is_not_drawn_as_sgd():
    ours, theirs = (
        explore.trajectories.compute("SGD", 0.5, 0.08, MU, update=update)
        for update in (None, adam_update)
    )
    assert torch.equal(ours.paths["l2"], theirs.paths["l2"]) and "course's update" in theirs.note


def test_equilibrium_runs_end_at_the_formulas():
    for strength, momentum in ((0.5, 0.9), (2.0, 0.0), (0.0, 0.5), (1.3, 0.95)):
        runs, *_ = explore.equilibrium.compute(strength, momentum)
        for pull in explore.update.PULLS:
            assert (
                abs(runs[pull][-1] - explore.equilibrium.rest_on_parabola(pull, strength, momentum))
                < 1e-4
            )


def test_a_wrong_update_that_diverges_is_said_to():
    def grows(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
        return param.sub_(lr * (grad - (l2 + weight_decay) * param))

    _, caption = explore.equilibrium.explorer.picture(
        strength=2.0, momentum=0.0, handed={"update": grows}
    )
    assert caption.count("diverged at step") == 2
    with pytest.raises(ValueError, match="must take the keywords momentum, l2 and weight_decay"):
        explore.equilibrium.compute(0.5, 0.9, update=adam_update)


def test_effective_decay_is_read_off_right():
    """Weights whose gradients are known: decay is exactly 1/size, dead weights count nowhere."""
    size = torch.logspace(-5, -2, 6400, dtype=torch.float64).reshape(100, 64)
    size[:, :8] = 0.0  # the first row of pixels is always blank
    square = size.square().expand(len(explore.effective_decay.STRENGTHS), -1, -1)
    found = explore.effective_decay.measure_one_seed(
        square, square * (1 - 0.999**explore.effective_decay.LAST)
    )
    live = size[:, 8:].flatten()
    percentiles = live.quantile(torch.tensor([1.0, 0.95, 0.05], dtype=torch.float64)).log10().neg()
    for name, expected in zip(("least", "low", "high"), percentiles, strict=True):
        assert torch.allclose(found[name], expected, atol=0.01), name
    assert found["pixels"][:, :8].isnan().all() and found["pixels"][:, 8:].isfinite().all()
    assert torch.allclose(found["shares"].sum(1), torch.tensor(1.0, dtype=torch.float64))


def test_the_dots_are_a_fair_sample():
    """They spread as all weights do: thinning must not follow the image's rows and columns."""
    *_, result = explore.effective_decay.compute(seeds=(0, 1))
    marks = explore.effective_decay.prepare(Figure())
    explore.effective_decay.draw(marks, result, strength=1e-4)
    drawn = torch.tensor(marks["cloud"][0].get_ydata(), dtype=torch.float64)
    low, high = drawn.quantile(torch.tensor([0.05, 0.95], dtype=torch.float64))
    assert abs(high - low - result.spread[0, explore.effective_decay.STRENGTHS.index(1e-4)]) < 0.1


def test_effective_decay_trains_seed_by_seed():
    *partial, complete = explore.effective_decay.compute(seeds=(0, 1))
    assert complete.progress == 1 and complete.low.shape == (
        2,
        len(explore.effective_decay.STRENGTHS),
    )
    assert all(earlier.low is None or len(earlier.low) <= 2 for earlier in partial)
    assert complete.spread.isfinite().all() and (complete.least <= complete.low).all()
    assert list(explore.effective_decay.compute(seeds=(0, 1))) == [complete], (
        "trained once, then remembered"
    )

"""The numbers behind the explorers of lesson 04: closed forms, riddles that can be solved, the
two-knobs experiment.
"""

import dataclasses
import math
import threading

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.adamw import adam_update, adamw_update
from course_lib.experiments.adamw import two_knobs
from course_lib.experiments.adamw.riddles import (
    BASE,
    PARAMETERS,
    STEPS,
    quiz_trajectories,
    read_paths,
    see,
)
from course_lib.experiments.shared.surfaces import descend
from course_lib.explorers import adamw as explore
from course_lib.explorers.adamw import heat_map as knobs_map

# ---------------------------------------------------------------- the box and the ridge


@pytest.mark.parametrize("strength", [0.1, 0.3, 0.5, 0.7, 1.0, 2.0, 5.0])
def test_the_point_in_the_box_is_its_lowest(strength):
    best = explore.trajectory.box_point(1 / strength)
    assert best.abs().max() <= 1 / strength + 1e-12
    side = torch.linspace(-1 / strength, 1 / strength, 401, dtype=torch.float64)
    everywhere = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1)
    assert (
        explore.trajectory.BOWL.loss(best) <= explore.trajectory.BOWL.loss(everywhere).min() + 1e-12
    )


def test_the_ridge_is_where_loss_and_pull_balance():
    for strength in (0.1, 1.0, 10.0):
        w = explore.trajectory.ridge_point(strength)
        assert torch.allclose(explore.trajectory.BOWL.gradient(w), -strength * w, atol=1e-12)


def settle(update, rate=lambda t: 0.05 / (1 + t / 200), betas=(0.9, 0.95), steps=6000, **pull):
    """The path on the explorer's bowl under a rate that falls as 1/t: its sum is infinite."""
    t = 0

    def scheduled(param, grad, state, **options):
        nonlocal t
        t += 1
        return update(param, grad, state, lr=rate(t), betas=betas, **options)

    return descend(explore.trajectory.BOWL, scheduled, explore.trajectory.START, steps, **pull)


@pytest.mark.parametrize("strength", [0.2, 0.45, 0.6, 1.0, 2.0])
def test_adamw_ends_in_the_box_and_adam_on_the_ridge(strength):
    decoupled = settle(adamw_update, weight_decay=strength)[-1]
    coupled = settle(adam_update, l2=strength)[-1]
    assert (decoupled - explore.trajectory.box_point(1 / strength)).norm() < 2e-3
    assert (coupled - explore.trajectory.ridge_point(strength)).norm() < 2e-3
    assert (decoupled - explore.trajectory.ridge_point(strength)).norm() > 2e-2


def test_the_caption_names_the_bound_that_was_passed():
    result = explore.trajectory.compute(strength=2.0, lr=1.5, beta1=0.9, beta2=0.95, eps=1e-8)
    assert result.diverged is not None and len(result.paths["AdamW"]) == result.diverged
    _, caption = explore.trajectory.explorer.picture(strength=2.0, lr=1.5, beta2=0.95)
    assert (
        f"step {result.diverged}" in caption and "lr·λ = 3" in caption and "below 1 here" in caption
    )


def test_where_the_theorem_is_silent_no_box_is_promised():
    result = explore.trajectory.compute(strength=0.3, lr=0.05, beta1=0.0, beta2=0.9, eps=1.0)
    w = result.paths["AdamW"][-1]
    g = explore.trajectory.BOWL.gradient(w)
    assert torch.allclose(0.3 * w, -g / (g.abs() + 1.0), atol=1e-3)  # what the caption says
    assert (w - explore.trajectory.box_point(1 / 0.3)).norm() > 0.5
    for numbers, said in (
        ({"eps": 1.0}, "λw = −g/(|g| + ε)"),
        ({"beta1": 0.95, "beta2": 0.5}, "β₁ > β₂"),
    ):
        _, caption = explore.trajectory.explorer.picture(strength=0.3, **numbers)
        assert said in caption and "holds the star" not in caption and "from the star" in caption
    marks = explore.trajectory.explorer.prepare(Figure())
    explore.trajectory.explorer.draw(marks, result)
    assert (
        not len(marks["best in the box"][0].get_xdata())
        and np.isnan(marks["gap AdamW"][0].get_ydata()).all()
    )
    assert len(marks["ridge, its rest"][0].get_xdata()) == 1


def test_the_learners_update_steers_and_is_named():
    def no_decay(param, grad, state, *, weight_decay, **options):
        return adamw_update(param, grad, state, weight_decay=0.0, **options)

    _, caption = explore.trajectory.explorer.picture(handed={"update": no_decay}, strength=1.0)
    ours = explore.trajectory.compute(strength=1.0, lr=0.05, beta1=0.9, beta2=0.95, eps=1e-8)
    theirs = explore.trajectory.compute(
        strength=1.0, lr=0.05, beta1=0.9, beta2=0.95, eps=1e-8, update=no_decay
    )
    assert "your function" in caption
    assert torch.equal(ours.paths["Adam + L2"], theirs.paths["Adam + L2"])
    assert (ours.paths["AdamW"][-1] - theirs.paths["AdamW"][-1]).norm() > 0.5


# ---------------------------------------------------------------- which parameter is varied?


@pytest.mark.parametrize("seed", range(25))
def test_each_riddle_varies_one_parameter_and_shows_it(seed):
    quizzes = quiz_trajectories(seed)
    assert sorted(quiz.parameter for quiz in quizzes) == sorted(PARAMETERS)
    for quiz in quizzes:
        for name in set(PARAMETERS) - {quiz.parameter}:
            assert {setting[name] for setting in quiz.settings} == {BASE[quiz.parameter][name]}
        assert len(set(quiz.values)) == 4
        assert read_paths(quiz.paths, quiz.surface.minimum) == quiz.parameter
        for i in range(4):
            for j in range(i):
                assert (quiz.paths[i] - quiz.paths[j]).norm(dim=-1).max() > 0.1


def test_paths_are_what_adamw_does_with_the_settings_given():
    quiz = quiz_trajectories(7)[2]
    for path, setting in zip(quiz.paths, quiz.settings):
        w, state = torch.zeros(2, dtype=torch.float64, requires_grad=True), None
        state = torch.optim.AdamW(
            [w], lr=setting["lr"], betas=(setting["β₁"], setting["β₂"]), weight_decay=setting["λ"]
        )
        for step in range(STEPS):
            assert torch.allclose(path[step], w, atol=1e-9)
            w.grad = quiz.surface.gradient(w)
            state.step()


def test_riddles_come_from_their_seed_alone():
    again = quiz_trajectories(3)
    assert all(torch.equal(a.paths, b.paths) for a, b in zip(quiz_trajectories(3), again))
    assert not torch.equal(quiz_trajectories(4)[0].paths, again[0].paths)


def test_signs_are_measured_in_units_of_the_way_to_the_star():
    path = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    signs = see(torch.stack([path, 0.5 * path]), (0.0, 2.0))
    assert signs.first_step.tolist() == [0.5, 0.25]
    assert signs.nearest.tolist() == [0.0, 0.0]
    assert signs.beyond.tolist() == [1.0, 0.0]
    assert signs.arrival.tolist() == [3, 4]


def test_no_answer_is_read_from_a_picture_that_shows_none():
    quiz = quiz_trajectories(0)[0]
    assert read_paths(quiz.paths[:1].expand(4, -1, -1), quiz.surface.minimum) is None


def test_another_riddle_starts_without_an_answer(monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    panel = explore.which_parameter.show()
    for name, number in (("picture", "C"), ("seed", 5)):
        panel._set("answer", "lr")
        assert panel.numbers["answer"] == "lr"
        panel._set(name, number)
        assert panel.numbers["answer"] == "?" and panel.numbers[name] == number
    panel.close()


def test_every_answer_gets_its_own_sentence():
    for letter in "ABCD":
        said = [
            explore.which_parameter.explorer.picture(picture=letter, answer=a)[1]
            for a in ("?", *PARAMETERS)
        ]
        assert (
            len(set(said)) == 5
            and sum("✓" in text for text in said) == 1
            and sum("✗" in text for text in said) == 3
        )


# ---------------------------------------------------------------- the two knobs


@pytest.fixture
def two_seeds(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    return two_knobs.surfaces(["Adam + L2", "AdamW"], range(2), steps=3)


def test_a_cell_is_the_network_trained_alone(two_seeds):
    from course_lib.data import digits
    from course_lib.engine import ModelSpec, train

    i, j = 3, 5
    surface = two_seeds["AdamW"]
    lr, decay = surface.optimizer.lr[i], surface.optimizer.decay[j]
    split = digits(300, 0, label_noise=0.2, scale="unit", seed=1)
    *_, alone = train(
        ModelSpec((64, 128, 10)),
        split,
        {"lr": lr, "weight_decay": decay},
        [1],
        update=adamw_update,
        steps=3,
        batch_size=50,
    )
    assert surface.loss[1, i, j].item() == pytest.approx(alone.test_loss[0, 0, -1].item(), rel=1e-4)
    assert surface.error[1, i, j].item() == pytest.approx(
        1 - alone.test_accuracy[0, 0, -1].item(), abs=1e-3
    )
    assert surface.train_error[1, i, j].item() == pytest.approx(
        1 - alone.train_accuracy[0, 0, -1].item(), abs=1e-2
    )


def test_axes_stand_in_the_order_of_the_losses(two_seeds):
    surface = two_seeds["Adam + L2"]
    flat = surface.loss.flatten(1).shape[1]
    assert surface.x.shape == surface.y.shape == (flat,)
    assert surface.x.unflatten(0, (9, 9))[:, 0].tolist() == pytest.approx(
        np.log10(surface.optimizer.lr)
    )
    assert surface.y.unflatten(0, (9, 9))[0].tolist() == pytest.approx(
        np.log10(surface.optimizer.decay)
    )
    assert surface.finished == 2 and not surface.diverged.any()


def test_nothing_is_trained_twice_and_more_seeds_build_on_fewer(two_seeds, monkeypatch):
    monkeypatch.setattr(two_knobs, "train", None)  # training again would raise
    again = two_knobs.surfaces(["Adam + L2", "AdamW"], range(2), steps=3)
    assert torch.equal(again["AdamW"].loss, two_seeds["AdamW"].loss)
    *_, one = two_knobs.sweep(["AdamW"], [1], steps=3)
    assert torch.equal(one["AdamW"].loss[0], two_seeds["AdamW"].loss[1])


def test_a_cell_that_asks_while_the_picture_trains_waits_for_it(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    trained, real = [], two_knobs.train

    def counted(spec, data, grid, seeds, **how):
        trained.append(seeds)
        return real(spec, data, grid, seeds, **how)

    monkeypatch.setattr(two_knobs, "train", counted)
    picture = threading.Thread(target=lambda: two_knobs.surfaces(["AdamW"], range(3), steps=40))
    picture.start()
    cell = two_knobs.surfaces(["AdamW"], range(3), steps=40)
    picture.join()
    assert cell["AdamW"].finished == 3 and len(trained) == 3


def test_one_who_waits_for_himself_is_refused(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    started = two_knobs.sweep(["AdamW"], [0])
    next(started), next(started)
    with pytest.raises(RuntimeError, match="AdamW, seed 0, is still trained in this thread"):
        two_knobs.surfaces(["AdamW"], [0])
    started.close()
    assert two_knobs.surfaces(["AdamW"], [0], steps=1)["AdamW"].finished == 1


def test_a_sweep_fills_in_and_can_be_left(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    sweep = two_knobs.sweep(["Adam + L2", "AdamW"], range(2), steps=2)
    first = next(sweep)
    assert all(surface.loss.isnan().all() and surface.finished == 0 for surface in first.values())
    known = [surfaces["AdamW"].loss.isfinite().sum().item() for surfaces in sweep]
    assert known == sorted(known) and known[-1] == 2 * 81
    left = two_knobs.sweep(["AdamW"], range(50, 60))
    next(left), next(left)
    left.close()
    assert ("AdamW", two_knobs.STEPS, 59) not in two_knobs._kept


def test_the_learners_function_is_called_with_plain_numbers_and_not_kept(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    seen = set()

    def mine(param, grad, state, *, lr, weight_decay):
        seen.update((type(lr), type(weight_decay)))
        return param.sub_(math.sqrt(lr) * weight_decay * grad) if lr else param

    *_, surfaces = two_knobs.sweep(["Adam + L2", "AdamW"], [0], update=mine, steps=1)
    assert seen == {float} and set(two_knobs._kept) == {("Adam + L2", 1, 0)}
    assert surfaces["AdamW"].loss.isfinite().any()


def test_the_row_with_the_best_rates_is_found_in_both_coordinates():
    optimizer = two_knobs.OPTIMIZERS["AdamW"]
    x, y = np.log10(optimizer.lr)[:, None], np.log10(optimizer.decay)[None]
    plain, bars = knobs_map.best_rates(
        "AdamW", 1 + 0.1 * (x + 2) ** 2 + 0 * y, product=False
    )  # free of λ
    assert len(plain) == 9 and np.allclose(plain[:, 0], 1e-2)
    alike = (
        10**-2.5 / 1.5,
        10**-1.5 * 1.5,
    )  # half a decade to either side is 2.5 % above the lowest, a decade 10 %
    assert bars.shape == (9, 2, 2) and np.allclose(bars[:, :, 0], alike, rtol=1e-2)
    sheared, _ = knobs_map.best_rates(
        "AdamW", (2 * x + y + 4) ** 2, product=True
    )  # best at lr = 1e-4/(lr·λ)
    assert (
        np.abs(np.log10(sheared.prod(1)) + 4).max() < 0.51 and len(sheared) == 3
    )  # half a decade: the grid's own step
    assert not len(
        knobs_map.best_rates("AdamW", 9 + x + 0 * y, product=False)[0]
    )  # lowest at the end of each row


@pytest.mark.parametrize("product", [False, True])
def test_cells_tile_the_map(product):
    corners = np.log10(knobs_map.cell_corners("Adam + L2", product)).reshape(9, 9, 4, 2)
    assert np.allclose(
        corners[1:, :, 0], corners[:-1, :, 1]
    )  # a cell begins where its neighbour ends
    assert np.allclose(corners[:, 1:, 0], corners[:, :-1, 3])


def test_diverged_cells_are_drawn_as_such():
    loss = torch.full((1, 9, 9), 2.0)
    loss[0, 8, 8] = torch.nan
    surface = two_knobs.Surface(
        two_knobs.OPTIMIZERS["AdamW"], loss, loss / 3, loss / 3, loss.isnan(), finished=1
    )
    none = torch.zeros(1, 9, 9, dtype=torch.bool)
    twin = dataclasses.replace(surface, optimizer=two_knobs.OPTIMIZERS["Adam + L2"], diverged=none)
    result = knobs_map.HeatMaps({"Adam + L2": twin, "AdamW": surface}, 1, own=False)
    marks = explore.heat_map.explorer.prepare(Figure())
    caption = explore.heat_map.explorer.draw(
        marks, result, row=9, measure="test loss", coordinates=knobs_map.TORCH
    )
    assert (
        len(marks["maps"][1]["diverged"].get_paths()) == 1
        and marks["maps"][1]["cells"].get_array().mask.sum() == 1
    )
    assert "diverged at one seed or more, always at lr·λ > 2" in caption


def test_a_cell_that_diverged_at_one_seed_has_no_mean():
    loss = torch.full((2, 9, 9), 0.6)
    loss[1, 4, 4] = torch.nan
    surface = two_knobs.Surface(
        two_knobs.OPTIMIZERS["AdamW"], loss, loss, loss, loss.isnan(), finished=2
    )
    marks = explore.heat_map.explorer.prepare(Figure())
    result = knobs_map.HeatMaps({"Adam + L2": surface, "AdamW": surface}, 2, own=False)
    caption = explore.heat_map.explorer.draw(
        marks, result, row=1, measure="test loss", coordinates=knobs_map.TORCH
    )
    assert marks["maps"][0]["cells"].get_array().mask.sum() == 1
    assert "always" not in caption and "one seed or more" in caption


# ---------------------------------------------------------------- schedules


def test_the_schedule_is_torchs_and_decay_is_its_product():
    steps, lr, strength = 40, 0.1, 0.2
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=lr, weight_decay=strength)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / 10, 1, total_iters=9)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
    plan = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [9])
    factor, left, constant, _ = explore.schedule.compute(lr, strength, steps, warmup=0.25)
    for t in range(steps):
        assert optimizer.param_groups[0]["lr"] / lr == pytest.approx(factor[t], abs=1e-9)
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        plan.step()
        assert weight.item() == pytest.approx(left[t], rel=1e-12)
    assert constant[-1] == pytest.approx((1 - lr * strength) ** steps)

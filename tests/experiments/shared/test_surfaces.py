"""Surfaces are what their formulas say, and a path over them is the optimizer's own."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import rosen

from course_lib.adamw import adam_update, adamw_update
from course_lib.experiments.shared.surfaces import descend, ellipse, quadratic, rosenbrock, saddle
from course_lib.sgd import sgd_update
from tests._optimizers import assert_close, normal

SURFACES = {"quadratic": quadratic(angle=30.0), "saddle": saddle(), "rosenbrock": rosenbrock()}
surfaces = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


def point(*w):
    return torch.tensor(w, dtype=torch.float64)


# --- surfaces


@surfaces
def test_the_gradient_is_the_slope_of_the_loss(surface):
    w, h = normal(7, 5, 2), 1e-5
    slopes = [
        (surface.loss(w + step) - surface.loss(w - step)) / (2 * h)
        for step in (point(h, 0), point(0, h))
    ]
    assert_close(surface.name, surface.gradient(w), torch.stack(slopes, -1), 1e-7)
    with torch.no_grad():
        assert_close("under no_grad", surface.gradient(w)[0, 0], surface.gradient(w[0, 0]), 1e-15)
    assert torch.equal(w, normal(7, 5, 2)) and not w.requires_grad


@surfaces
def test_the_minimum_is_in_the_window_flat_and_lower_than_everything_drawn(surface):
    lowest = point(*surface.minimum)
    left, right, bottom, top = surface.window
    assert left < lowest[0] < right and bottom < lowest[1] < top
    assert surface.loss(lowest) == 0 and torch.equal(surface.gradient(lowest), point(0, 0))
    assert (surface.grid()[2] > 0).all()


@surfaces
def test_the_grid_has_rows_along_y_and_columns_along_x(surface):
    x, y, loss = surface.grid(points=11)
    assert (x[0], x[-1], y[0], y[-1]) == surface.window
    assert loss.shape == (11, 11) and loss.dtype == torch.float64
    assert loss[2, 7] == surface.loss(torch.stack([x[7], y[2]])) != loss[7, 2]


@given(
    curvatures=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    angle=st.floats(-180, 180),
    minimum=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_a_quadratic_has_the_curvatures_it_was_asked_for(curvatures, angle, minimum):
    surface = quadratic(curvatures, angle, minimum)
    hessian = torch.autograd.functional.hessian(surface.loss, normal(2))
    assert_close("Hessian", surface.hessian, hessian, 1e-11)
    assert_close("curvatures", torch.linalg.eigvalsh(hessian), point(*sorted(curvatures)), 1e-11)
    assert surface.minimum == minimum


def test_a_quadratic_is_turned_by_degrees_anticlockwise():
    flat = quadratic((1.0, 10.0), angle=30.0, minimum=(0.0, 0.0))
    along = point(math.cos(math.pi / 6), math.sin(math.pi / 6))  # the first axis, turned
    assert_close("H·along = 1·along", flat.gradient(along), along)
    assert_close("untilted", quadratic((1.0, 10.0)).hessian, torch.diag(point(1.0, 10.0)))


def test_the_saddle_is_a_saddle_between_two_minima():
    surface = saddle()
    assert torch.equal(surface.gradient(point(0, 0)), point(0, 0))
    hessian = torch.autograd.functional.hessian(surface.loss, point(0, 0))
    assert torch.equal(torch.linalg.eigvalsh(hessian), point(-1, 1))
    assert surface.loss(point(-1, 0)) == surface.loss(point(1, 0)) == 0


def test_rosenbrock_is_scipys_divided_by_a_hundred():
    w = normal(50, 2)
    assert_close("rosenbrock", rosenbrock().loss(w), torch.as_tensor(rosen(w.T.numpy())) / 100)


@pytest.mark.parametrize("curvatures", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_a_quadratic_without_a_single_lowest_point_is_refused(curvatures):
    with pytest.raises(
        ValueError, match=r"^curvatures\[[01]\] = .*: must be a finite number in \(0, ∞\)$"
    ):
        quadratic(curvatures)


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_the_ridge_is_where_loss_and_pull_balance(strength):
    surface = quadratic((0.5, 4.0), angle=-20, minimum=(2.0, 1.0))
    w = surface.ridge(strength)
    assert_close("gradient", surface.gradient(w), -strength * w)


# --- paths


def test_a_bowl_that_is_moved_is_one_made_there():
    moved, made = quadratic(angle=20).moved((0.5, -1.0)), quadratic(angle=20, minimum=(0.5, -1.0))
    w = normal(7, 2)
    assert moved.minimum == made.minimum and torch.equal(moved.ridge(0.3), made.ridge(0.3))
    assert_close("loss", moved.loss(w), made.loss(w))
    assert_close("gradient", moved.gradient(w), made.gradient(w))


def test_an_ellipse_is_where_the_loss_is_one():
    bowl = quadratic(angle=20)
    around = ellipse(bowl.hessian)
    losses = bowl.loss(torch.tensor(bowl.minimum) + around)
    assert_close("loss", losses, torch.ones_like(losses))


def test_gradient_descent_on_a_quadratic_is_its_closed_form():
    surface, start, lr = quadratic((1.0, 10.0), angle=20.0), (-0.5, 2.0), 0.15
    visited = descend(surface, sgd_update, start, 100, lr=lr)
    assert visited.shape == (101, 2) and visited.dtype == torch.float64
    assert torch.equal(visited[0], point(*start))
    step, away = torch.eye(2) - lr * surface.hessian, point(*start) - point(*surface.minimum)
    for t, w in enumerate(visited):
        assert_close(
            f"step {t}", w, point(*surface.minimum) + torch.linalg.matrix_power(step, t) @ away
        )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_it_converges_up_to_the_largest_stable_rate_and_not_beyond(momentum):
    surface, bound = quadratic((1.0, 10.0), angle=20.0), 2 * (1 + momentum) / 10.0
    end = {
        scale: descend(surface, sgd_update, (0.0, 0.0), 1500, lr=scale * bound, momentum=momentum)[
            -1
        ]
        for scale in (0.99, 1.01)
    }
    assert_close("below", end[0.99], point(1, 1), 1e-6)
    assert not (end[1.01].abs() < 1e6).all(), "above: gone, or no longer a number"


def test_a_path_that_leaves_every_bound_is_returned_as_it_is():
    visited = descend(quadratic(), sgd_update, (0.0, 0.0), 1000, lr=1.0)
    assert (
        visited.shape == (1001, 2)
        and visited[:100].isfinite().all()
        and not visited[-1].isfinite().all()
    )


UPDATES = {
    "SGD": (
        sgd_update,
        {"lr": 0.01, "momentum": 0.9, "l2": 0.1},
        torch.optim.SGD,
        {"weight_decay": 0.1},
    ),
    "Adam": (adam_update, {"lr": 0.1, "l2": 0.1}, torch.optim.Adam, {"weight_decay": 0.1}),
    "AdamW": (
        adamw_update,
        {"lr": 0.1, "weight_decay": 0.1},
        torch.optim.AdamW,
        {"weight_decay": 0.1},
    ),
}


@surfaces
@pytest.mark.parametrize(("update", "hyper", "kind", "decay"), UPDATES.values(), ids=UPDATES)
def test_the_path_is_the_one_torchs_optimizer_takes(update, hyper, kind, decay, surface):
    start = (-0.5, 1.5)
    p = point(*start).requires_grad_()
    optimizer = kind([p], **{**{k: v for k, v in hyper.items() if k != "l2"}, **decay})
    for t, w in enumerate(descend(surface, update, start, 100, **hyper)[1:], 1):
        optimizer.zero_grad()
        surface.loss(p).backward()
        optimizer.step()
        assert_close(f"step {t}", w, p, 1e-10)  # its own gradients: rounding may grow


def test_any_update_function_gets_one_state_and_plain_numbers():
    seen = []

    def mine(param, grad, state, *, lr, label):
        state["t"] = state.get("t", 0) + 1
        seen.append((state["t"], lr, label))
        param -= lr * grad

    visited = descend(quadratic(), mine, (0.0, 0.0), 3, lr=0.1, label="x")
    assert seen == [(1, 0.1, "x"), (2, 0.1, "x"), (3, 0.1, "x")]
    assert_close("path", visited, descend(quadratic(), sgd_update, (0.0, 0.0), 3, lr=0.1))


def test_noise_comes_from_the_generator_given_and_from_nowhere_else():
    def run(noise, seed):
        return descend(
            saddle(),
            sgd_update,
            (0.0, 0.5),
            20,
            noise=noise,
            generator=torch.Generator().manual_seed(seed),
            lr=0.1,
        )

    before = torch.get_rng_state()
    assert torch.equal(run(0.1, 1), run(0.1, 1))
    assert not torch.equal(run(0.1, 1), run(0.1, 2))
    assert torch.equal(run(0.0, 1), descend(saddle(), sgd_update, (0.0, 0.5), 20, lr=0.1))
    assert torch.equal(before, torch.get_rng_state())
    generator = torch.Generator().manual_seed(1)
    draws = torch.stack(
        [torch.randn(2, dtype=torch.float64, generator=generator) for _ in range(20)]
    )
    flat = descend(
        quadratic((1e-300, 1e-300)),
        sgd_update,
        (0.0, 0.0),
        20,
        noise=0.3,
        generator=torch.Generator().manual_seed(1),
        lr=0.1,
    )
    assert_close(
        "on a plain, the path is the sum of the noise", flat[1:], -0.1 * 0.3 * draws.cumsum(0)
    )


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 0), ("steps", math.nan), ("noise", -0.1), ("noise", math.inf)]
)
def test_descend_refuses(name, value):
    with pytest.raises(ValueError, match=f"^{name} = {value}: must be a finite number in "):
        descend(quadratic(), sgd_update, (0.0, 0.0), **{"steps": 3, name: value}, lr=0.1)

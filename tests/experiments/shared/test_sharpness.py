"""Curvature against the exact Hessian, and against matrices whose eigenvalues are known."""

import pytest
import torch

from course_lib.experiments.shared.sharpness import (
    exact_hessian,
    hessian_vector_product,
    kind_of_point,
    top_eigenvalue,
)


def form(matrix):
    """½wᵀHw: a loss whose Hessian is the given symmetric matrix."""
    return lambda params: params[0] @ matrix @ params[0] / 2


def symmetric(eigenvalues, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = len(eigenvalues)
    axes = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q
    return axes @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ axes.T


def network(seed=0):
    """Loss of a 3-4-2 tanh network on five rows, and its parameters."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    x, y, params = draw(5, 3), draw(5, 2), [draw(4, 3), draw(4), draw(2, 4), draw(2)]

    def loss(params):
        hidden = torch.tanh(torch.nn.functional.linear(x, *params[:2]))
        return (torch.nn.functional.linear(hidden, *params[2:]) - y).square().mean()

    return loss, params


def start():
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("seed", range(3))
def test_power_iteration_finds_the_top_of_the_exact_hessian(seed):
    loss, params = network(seed)
    hessian = exact_hessian(loss, params)
    assert torch.allclose(hessian, hessian.T, rtol=0, atol=1e-12)
    top = torch.linalg.eigvalsh(hessian)[-1].item()
    assert (
        abs(top_eigenvalue(loss, params, tolerance=1e-6, iterations=5000, generator=start()) - top)
        < 1e-5 * top
    )


def test_the_exact_hessian_is_torchs():
    loss, params = network()
    flat = torch.cat([p.reshape(-1) for p in params])

    def of_flat(w):
        return loss(
            [part.view(p.shape) for part, p in zip(w.split([p.numel() for p in params]), params)]
        )

    expected = torch.autograd.functional.hessian(of_flat, flat)
    assert torch.allclose(exact_hessian(loss, params), expected, rtol=0, atol=1e-12)


def test_a_product_is_matrix_times_vector():
    matrix, w = symmetric([3.0, 1.0, -2.0]), torch.ones(3, dtype=torch.float64)
    v = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert torch.allclose(hessian_vector_product(form(matrix), [w])(v), matrix @ v)


@pytest.mark.parametrize("eigenvalues", [[5.0, 1.0, 0.1], [2.0, -7.0, 1.0], [-1.0, -2.0, -9.0]])
def test_the_largest_with_its_sign_not_the_largest_in_size(eigenvalues):
    loss, w = form(symmetric(eigenvalues)), torch.ones(3, dtype=torch.float64)
    found = top_eigenvalue(loss, [w], tolerance=1e-8, iterations=3000, generator=start())
    assert abs(found - max(eigenvalues)) < 1e-6


def test_flat_losses_have_no_curvature():
    w = torch.ones(3, dtype=torch.float64)
    assert top_eigenvalue(lambda params: params[0].sum(), [w], generator=start()) == 0
    assert top_eigenvalue(form(torch.zeros(3, 3, dtype=torch.float64)), [w], generator=start()) == 0


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="top eigenvalue = nan"):
        top_eigenvalue(
            lambda params: (params[0] * torch.nan).square().sum(),
            [torch.ones(2)],
            generator=start(),
        )
    with pytest.raises(ValueError, match="iterations = 0"):
        top_eigenvalue(form(symmetric([1.0])), [torch.ones(1, dtype=torch.float64)], iterations=0)


def test_points_are_told_apart_by_signs():
    kinds = {
        (1.0, 2.0): "minimum",
        (-1.0, -2.0): "maximum",
        (1.0, -1e-3): "saddle",
        (1.0, 0.0): "undecided",
    }
    kinds |= {(0.0, 0.0): "undecided", (1.0, 0.0, -1.0): "saddle", (-1.0, 0.0): "undecided"}
    assert {key: kind_of_point(key) for key in kinds} == kinds

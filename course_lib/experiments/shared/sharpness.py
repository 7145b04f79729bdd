"""How curved is a loss? Hessian-vector products, the top eigenvalue, and the exact Hessian.

    sharpness = λ_max(H),  H = ∂²loss/∂w∂w
    H·v = ∂/∂w (∇loss · v)                   one more backward pass, H is never built

`loss` is a function of a list of parameters that returns a scalar; `params` is that list. Work in
float64.
Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 1994.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from course_lib.base.arguments import require

Loss = Callable[[list[Tensor]], Tensor]
Product = Callable[[Tensor], Tensor]


def hessian_vector_product(loss: Loss, params: Sequence[Tensor]) -> Product:
    """The function v → H·v at `params`; v is one flat vector [P] over all parameters."""
    params = [p.detach().requires_grad_() for p in params]
    with torch.enable_grad():
        grad = _flat(
            torch.autograd.grad(loss(params), params, create_graph=True, materialize_grads=True)
        )

    def product(v: Tensor) -> Tensor:
        if not grad.requires_grad:  # a loss that is linear, or constant: H = 0
            return torch.zeros_like(v)
        found = torch.autograd.grad(grad, params, v, retain_graph=True, materialize_grads=True)
        return _flat(found)  # ∂/∂w (g·v)

    return product


def exact_hessian(loss: Loss, params: Sequence[Tensor]) -> Tensor:
    """The whole Hessian [P, P], a column at a time: for small models only."""
    product, size = hessian_vector_product(loss, params), sum(p.numel() for p in params)
    identity = torch.eye(size, dtype=params[0].dtype)
    return torch.stack([product(column) for column in identity], 1)


def top_eigenvalue(
    loss: Loss,
    params: Sequence[Tensor],
    *,
    iterations: int = 300,
    tolerance: float = 1e-4,
    generator: torch.Generator | None = None,
) -> float:
    """The largest eigenvalue of the Hessian at `params`, by power iteration.

    Begins in a random direction; stops when ‖Hv − λv‖ ≤ `tolerance`·|λ|, which bounds the distance
    from λ to some eigenvalue, or after `iterations` products. Power iteration finds the eigenvalue
    largest in magnitude; if that is negative, H is shifted by it and iterated again, so that the
    result is the largest one with its sign. Raises `ValueError` for a loss not finite.
    """
    require("iterations", iterations, 1)
    require("tolerance", tolerance, open_low=True)
    product, like = hessian_vector_product(loss, params), _flat(params)
    start = torch.randn(like.shape, dtype=like.dtype, generator=generator)
    value = _power(product, start, iterations, tolerance)
    if value < 0:
        bottom = value
        value = bottom + _power(lambda v: product(v) - bottom * v, start, iterations, tolerance)
    require("top eigenvalue", value, -torch.inf)
    return value


def _power(product: Product, v: Tensor, iterations: int, tolerance: float) -> float:
    v = v / v.norm()
    for _ in range(iterations):
        image = product(v)
        value = v @ image  # λ = vᵀHv
        if (image - value * v).norm() <= tolerance * value.abs() or not image.norm() > 0:
            break
        v = image / image.norm()  # v ← Hv/‖Hv‖
    return value.item()


def kind_of_point(eigenvalues: Tensor | Sequence[float], zero: float = 1e-9) -> str:
    """What a point without gradient is, by its Hessian's `eigenvalues`.

    "minimum", "maximum" or "saddle", by their signs; "undecided" where one is zero (|λ| ≤ `zero`)
    and the others agree: the next derivatives decide.
    """
    eigenvalues = torch.as_tensor(eigenvalues)
    up, down = bool((eigenvalues > zero).any()), bool((eigenvalues < -zero).any())
    if up and down:
        return "saddle"
    if bool((eigenvalues.abs() <= zero).any()):
        return "undecided"
    return "minimum" if up else "maximum"


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])

"""Loss surfaces in two dimensions, and an optimizer's whole path over them.

A surface is a function of w = (w₁, w₂), shape [..., 2], with values of shape [...]. Everything is
float64, so that a path can be compared with a closed form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from course_lib.base.arguments import require


@dataclass(frozen=True)
class Surface:
    """A loss over the plane, where it is lowest, and the window to draw it in.

    loss: w [..., 2] → [...].
    """

    name: str
    loss: Callable[[Tensor], Tensor]
    minimum: tuple[float, float]
    window: tuple[float, float, float, float]  # left, right, bottom, top

    def gradient(self, w: Tensor) -> Tensor:
        """Gradient of the loss at `w` [..., 2], by autograd."""
        with torch.enable_grad():
            w = w.detach().requires_grad_()
            return torch.autograd.grad(self.loss(w).sum(), w)[0]

    def grid(self, points: int = 80) -> tuple[Tensor, Tensor, Tensor]:
        """Coordinates x, y [points] and losses [y, x] over the window, for contours."""
        left, right, bottom, top = self.window
        x = torch.linspace(left, right, points, dtype=torch.float64)
        y = torch.linspace(bottom, top, points, dtype=torch.float64)
        return x, y, self.loss(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1))


@dataclass(frozen=True)
class Bowl(Surface):
    """A quadratic surface; its Hessian H [2, 2] is the same everywhere."""

    hessian: Tensor

    def gradient(self, w: Tensor) -> Tensor:
        """Gradient of the loss at `w` [..., 2]: H(w − w*)."""
        return (w - torch.tensor(self.minimum, dtype=w.dtype)) @ self.hessian

    def ridge(self, strength: float) -> Tensor:
        """The lowest point [2] of the loss plus (λ/2)‖w‖²: (H + λI)⁻¹Hw*."""
        identity = torch.eye(2, dtype=self.hessian.dtype)
        minimum = torch.tensor(self.minimum, dtype=self.hessian.dtype)
        return torch.linalg.solve(self.hessian + strength * identity, self.hessian @ minimum)

    def moved(self, minimum: tuple[float, float]) -> "Bowl":
        """The same bowl with its star at `minimum`."""
        by = torch.tensor(minimum, dtype=torch.float64) - torch.tensor(
            self.minimum, dtype=torch.float64
        )
        return replace(self, minimum=minimum, loss=lambda w: self.loss(w - by))


def ellipse(hessian: Tensor, points: int = 121) -> Tensor:
    """All u [points, 2], once around, at which ½uᵀHu = 1 for a positive definite H [2, 2]."""
    turn = torch.linspace(0, 2 * math.pi, points, dtype=torch.float64)
    circle = torch.stack([turn.cos(), turn.sin()])
    return math.sqrt(2) * torch.linalg.solve(torch.linalg.cholesky(hessian).T, circle).T


def quadratic(
    curvatures: tuple[float, float] = (1.0, 10.0),
    angle: float = 0.0,
    minimum: tuple[float, float] = (1.0, 1.0),
    window: tuple[float, float, float, float] = (-0.6, 2.6, -0.6, 2.2),
) -> Bowl:
    """A bowl ½(w − w*)ᵀH(w − w*) around w* = `minimum`, turned by `angle` degrees.

    curvatures: the eigenvalues of H, > 0, else `ValueError`. Gradient descent on it converges iff
    lr < 2/max(curvatures).
    """
    for i, curvature in enumerate(curvatures):
        require(f"curvatures[{i}]", curvature, open_low=True)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    hessian = turn @ torch.diag(torch.tensor(curvatures, dtype=torch.float64)) @ turn.T
    center = torch.tensor(minimum, dtype=torch.float64)

    def loss(w: Tensor) -> Tensor:
        return ((w - center) @ hessian * (w - center)).sum(-1) / 2

    return Bowl("quadratic", loss, minimum, window, hessian)


def saddle(window: tuple[float, float, float, float] = (-2.0, 2.0, -2.0, 2.0)) -> Surface:
    """(w₁² − 1)²/4 + w₂²/2: a saddle at the origin between two equal minima at (±1, 0)."""

    def loss(w: Tensor) -> Tensor:
        return (w[..., 0] ** 2 - 1) ** 2 / 4 + w[..., 1] ** 2 / 2

    return Surface("saddle", loss, (1.0, 0.0), window)


def rosenbrock(window: tuple[float, float, float, float] = (-2.0, 2.0, -1.0, 3.0)) -> Surface:
    """(1 − w₁)² + 100(w₂ − w₁²)², the curved valley of Rosenbrock (1960), divided by 100."""

    def loss(w: Tensor) -> Tensor:
        return ((1 - w[..., 0]) ** 2 + 100 * (w[..., 1] - w[..., 0] ** 2) ** 2) / 100

    return Surface("rosenbrock", loss, (1.0, 1.0), window)


def descend(
    surface: Surface,
    update: Callable,
    start: tuple[float, float],
    steps: int,
    *,
    noise: float = 0.0,
    generator: torch.Generator | None = None,
    **hyper: Any,
) -> Tensor:
    """The path [steps + 1, 2] that `update` takes from `start`, its first point.

    `update(param, grad, state, **hyper)` is any update function of the course, or the learner's
    own; it gets plain floats. `noise` ≥ 0 is the standard deviation of the normal noise added to
    each gradient, drawn from `generator`.
    A path that leaves every bound is returned as it is, with inf or NaN in it.
    """
    require("steps", steps, low=1)
    require("noise", noise)
    w = torch.tensor(start, dtype=torch.float64)
    state: dict[str, Tensor] = {}
    path = [w.clone()]
    for _ in range(steps):
        grad = surface.gradient(w)
        if noise:
            grad = grad + noise * torch.randn(2, dtype=torch.float64, generator=generator)
        update(w, grad, state, **hyper)
        path.append(w.clone())
    return torch.stack(path)


def diverged_at(losses: Tensor) -> int | None:
    """The first step at which a run has diverged, or None, from its `losses` [steps + 1].

    Diverged: not finite, or twice running above 1000 × the first loss (which counts as at least
    1e-3). To look for NaN is not enough: many runs that blow up stay finite.
    """
    bad = ~(losses.abs() <= 1000 * max(losses[0].item(), 1e-3))
    bad = bad & (~losses.isfinite() | bad.roll(1))
    bad[0] = False
    return int(bad.nonzero()[0]) if bad.any() else None

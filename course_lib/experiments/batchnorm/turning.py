"""What does weight decay do to a weight whose length does not matter? Norm, rate, angle per step.

In front of a BatchNorm the loss depends on the direction of w only. Its gradient is at right angles
to w and goes as 1/‖w‖, so one step of plain SGD with decay, w ← (1 − lr·λ)w − lr·g, obeys
Pythagoras:

    ‖w‖² ← (1 − lr·λ)²‖w‖² + lr²·g̃²/‖w‖²
    at rest     ‖w‖⁴ = lr·g̃²/(λ(2 − lr·λ)),   cos angle = 1 − lr·λ,   angle ≈ √(2·lr·λ) per step

g̃ = ‖w‖·‖g‖: the gradient on the unit sphere. The direction moves by (lr/‖w‖²)·g̃: lr/‖w‖² is the
effective learning rate. Sources: van Laarhoven, "L2 regularization versus batch and weight
normalization", 2017; Wan et al., "Spherical motion dynamics", NeurIPS 2021; Li & Arora, "An
exponential learning rate schedule for deep learning", ICLR 2020.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.data import Split, digits
from course_lib.engine.cache import remembered
from course_lib.experiments.batchnorm.networks import NormedNetworks, train_stepwise
from course_lib.sgd import sgd_update

STRENGTHS = (0.0, 0.003, 0.01, 0.03, 0.1)
WIDTHS, ROWS, NOISE, BATCH = (64, 64, 10), 1000, 0.2, 32
SCALES = (0.2, 1.0, 3.0)
STEPS = 1500


def angle_at_rest(lr: float, strength: float, momentum: float = 0.0) -> float:
    """Radians per step at rest: arccos(1 − lr·λ), for 0 ≤ lr·λ ≤ 1.

    Under heavy-ball momentum μ with L2 about √(2·lr·λ/(1 + μ)), to leading order in lr·λ/(1 − μ).
    """
    product = require("lr·λ", lr * strength, 0.0, 1.0, open_high=False)
    return math.acos(1 - product) if momentum == 0 else math.sqrt(2 * product / (1 + momentum))


def norm_at_rest(lr: float, strength: float, gradient: float) -> float:
    """‖w‖ at rest: the fourth root of lr·g̃²/(λ(2 − lr·λ)), for 0 < lr·λ < 2; ∞ without decay."""
    product = require("lr·λ", lr * strength, 0.0, 2.0)
    return (lr * gradient**2 / (strength * (2 - product))) ** 0.25 if strength else math.inf


@dataclass
class Turning:
    """Norms [runs, strengths, steps + 1] after 0, 1, … steps, angles [runs, strengths, steps].

    An angle, in radians, is that of one step. Runs are starting lengths or seeds. `gradient`: g̃
    where it is constant, else None. NaN: not there yet.
    """

    lr: float
    strengths: tuple[float, ...]
    norms: Tensor
    angles: Tensor
    gradient: float | None
    momentum: float = 0.0
    progress: float = 1.0

    @property
    def effective_lr(self) -> Tensor:
        """lr/‖w‖² [runs, strengths, steps + 1]."""
        return self.lr / self.norms.square()

    @property
    def scale_free_gradient(self) -> Tensor:
        """g̃ = ‖w‖·‖g‖ [runs, strengths, steps], from lengths and angles; without momentum.

        tan(angle) = lr·‖g‖/((1 − lr·λ)·‖w‖), for the gradient is at right angles to w.
        """
        kept = 1 - self.lr * torch.tensor(self.strengths, dtype=torch.float64).unsqueeze(1)
        return self.angles.tan() * kept * self.norms[..., :-1].square() / self.lr

    def late_angle(self) -> Tensor:
        """Root mean square over the last half of the steps, [runs, strengths]."""
        return self.angles[..., self.angles.shape[-1] // 2 :].square().mean(-1).sqrt()

    def ratio(self) -> Tensor:
        """`late_angle` over the angle at rest, [runs, strengths]; infinite without decay."""
        rest = [angle_at_rest(self.lr, strength, self.momentum) for strength in self.strengths]
        return self.late_angle() / torch.tensor(rest, dtype=torch.float64)


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Angle [...] in radians of vectors [..., n].

    From the chord between their unit vectors: exact for small angles too.
    """
    chord = (a / a.norm(dim=-1, keepdim=True) - b / b.norm(dim=-1, keepdim=True)).norm(dim=-1)
    return 2 * torch.asin((chord / 2).clamp(max=1))


def turn(
    lr: float,
    strengths: Sequence[float] = STRENGTHS,
    gradient: float = 1.0,
    scales: Sequence[float] = SCALES,
    steps: int = STEPS,
) -> Turning:
    """A weight in the plane whose loss falls evenly as it turns: f(w) = −g̃·(angle of w).

    In float64, a run for each of the starting lengths `scales`. f knows no length, and its
    gradient, g̃/‖w‖ at right angles to w, is of constant size on every circle.
    """
    require("lr", lr, open_low=True)
    w = torch.zeros(len(scales), len(strengths), 2, dtype=torch.float64)
    w[..., 0] = torch.tensor(scales, dtype=w.dtype).unsqueeze(1)
    decay = torch.tensor(strengths, dtype=w.dtype).view(1, -1, 1)
    norms, angles = [w.norm(dim=-1)], []
    for _ in range(steps):
        before = w.clone()
        sideways = torch.stack([-w[..., 1], w[..., 0]], -1)  # ∇(angle of w) = sideways/‖w‖²
        grad = -gradient * sideways / w.square().sum(-1, keepdim=True)
        sgd_update(w, grad, {}, lr=lr, weight_decay=decay)
        norms.append(w.norm(dim=-1))
        angles.append(angle_between(before, w))
    return Turning(lr, tuple(strengths), torch.stack(norms, -1), torch.stack(angles, -1), gradient)


@remembered
def turn_on_digits(
    lr: float = 0.1,
    strengths: tuple[float, ...] = STRENGTHS,
    seeds: tuple[int, ...] = tuple(range(8)),
    steps: int = STEPS,
    momentum: float = 0.0,
) -> Iterator[Turning]:
    """The first weight of 64-64-10 networks with BatchNorm; yields a `Turning` that fills in.

    1000 digits, a fifth of the labels wrong, batches of 32. All 64 rows of the weight are one
    vector; only they decay (L2).
    """
    networks = NormedNetworks(WIDTHS, "batch", _noisy_digits(seeds), seeds, len(strengths))
    shape = len(seeds), len(strengths)
    norms, angles = (
        torch.full((*shape, n), torch.nan, dtype=torch.float64) for n in (steps + 1, steps)
    )
    before = torch.empty(0)
    for step in train_stepwise(networks, steps, BATCH, lr, decay=strengths, momentum=momentum):
        w = networks.parameters[0].detach().flatten(1)
        norms[..., step] = w.norm(dim=1).view(shape).double()
        if step:
            angles[..., step - 1] = angle_between(before, w).view(shape).double()
        before = w.clone()
        if step % 100 == 0:
            yield Turning(
                lr, tuple(strengths), norms.clone(), angles.clone(), None, momentum, step / steps
            )


def _noisy_digits(seeds: tuple[int, ...]) -> list[Split]:
    return [digits(ROWS, label_noise=NOISE, scale="unit", seed=seed) for seed in seeds]


# ------------------------------------------------ weight decay against a learning rate that grows

VARIANTS = ("decay", "neither", "growing rate")
LOOKS = 10


@dataclass
class Rates:
    """Test error (share) and test loss [variants, seeds], means over late looks.

    Of each of `VARIANTS`; effective_lr [variants, seeds, steps + 1].
    """

    error: Tensor
    loss: Tensor
    effective_lr: Tensor
    progress: float = 1.0


def growing_rate(lr: float, strength: float, step: int) -> float:
    """lr·(1 − lr·λ)^−(2t + 1), the rate that does in step t what weight decay λ does.

    Without decay, it turns a weight whose length does not matter the same way.
    """
    return lr * (1 - lr * strength) ** -(2 * step + 1)


@remembered
def compare_rates(
    lr: float = 0.1,
    strength: float = 0.05,
    seeds: tuple[int, ...] = tuple(range(20, 30)),
    steps: int = STEPS,
) -> Iterator[Rates]:
    """Train the `VARIANTS` from one start on the same batches; yields `Rates`.

    The first weight decays (L2); it does not; it does not, and its learning rate grows. Test
    figures are means over ten looks in the last quarter: a single one wobbles.
    """
    networks = NormedNetworks(WIDTHS, "batch", _noisy_digits(seeds), seeds, len(VARIANTS))
    shape, rows = (len(seeds), len(VARIANTS)), networks.rows("test")
    looks = {steps - k * (steps // (4 * LOOKS)) for k in range(LOOKS)}
    error, loss = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    effective = torch.full((*shape, steps + 1), torch.nan, dtype=torch.float64)

    def first(step: int) -> list[float]:
        return [lr, lr, growing_rate(lr, strength, step)]

    decay = [strength, 0.0, 0.0]
    for step in train_stepwise(networks, steps, BATCH, lr, decay=decay, first=first):
        norms = networks.parameters[0].detach().flatten(1).norm(dim=1).double().view(shape)
        effective[..., step] = torch.tensor(first(step), dtype=torch.float64) / norms.square()
        if step in looks:
            error += networks.test_error() / LOOKS
            loss += networks.losses(*rows).detach().double().view(shape) / LOOKS
        if step % 100 == 0:
            nothing = torch.full((len(VARIANTS), len(seeds)), torch.nan, dtype=torch.float64)
            yield Rates(nothing, nothing, effective.movedim(1, 0).clone(), step / steps)
    yield Rates(error.T, loss.T, effective.movedim(1, 0))

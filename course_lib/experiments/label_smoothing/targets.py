"""What does a smoothed target ask for? One label against K − 1 other logits, all equal.

The loss and its gradient as the label's logit rises above the others by a gap; where p = q the loss
is lowest, at the entropy of the target.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.label_smoothing import cross_entropy, loss_floor, optimal_gap, smooth_labels

GAPS = np.linspace(-2, 14, 321)


@dataclass
class Targets:
    """Loss and gradient [gaps] for one label, over GAPS, and what the label's row looks like."""

    epsilon: float
    gap: float
    q: Tensor  # target [K]
    p: Tensor  # prediction [K] at `gap`
    loss: Tensor
    gradient: Tensor  # ∂loss/∂z of the label
    floor: float  # the loss where p = q
    best: float  # the gap there; inf at ε = 0
    here: tuple[float, float]  # loss and gradient at `gap`
    note: str


def loss_and_slope(
    loss: Callable[[Tensor, Tensor, float], Tensor],
    classes: int,
    epsilon: float,
    gaps: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """`loss(logits, target, ε)` and its slope [gaps], for logits (gap, 0, …, 0) and label 0.

    The slope is the derivative in the label's logit, found by autograd.
    """
    losses, slopes = [], []
    for gap in torch.as_tensor(gaps, dtype=torch.float64):
        z = torch.zeros(1, classes, dtype=torch.float64)
        z[0, 0] = gap
        z.requires_grad_()
        value = loss(z, torch.tensor([0]), epsilon)
        slopes.append(torch.autograd.grad(value, z)[0][0, 0])
        losses.append(value.detach())
    return torch.stack(losses), torch.stack(slopes)


def measure_targets(
    epsilon: float,
    classes: int,
    gap: float,
    layer: Callable[[Tensor, Tensor, float], Tensor] | None = None,
) -> Targets:
    """`Targets` by our loss, or by the learner's `layer(logits, target, epsilon)`.

    Of the learner's function autograd finds the gradient.
    """
    q = smooth_labels(torch.tensor(0), classes, epsilon, torch.float64)
    z = torch.zeros(classes, dtype=torch.float64)
    z[0] = gap
    if layer is None:
        rows = torch.zeros(len(GAPS) + 1, classes, dtype=torch.float64)
        rows[:, 0] = torch.tensor([*GAPS, gap])
        labels = torch.zeros(len(rows), dtype=torch.long)
        loss = cross_entropy(rows, labels, reduction="none", label_smoothing=epsilon)
        gradient, note = rows.softmax(1)[:, 0] - q[0], ""  # p − q
    else:
        loss, gradient = loss_and_slope(layer, classes, epsilon, [*GAPS, gap])
        note = (
            " Loss and gradient are those of your function; "
            "the dotted line is where the minimum should be."
        )
    return Targets(
        epsilon,
        gap,
        q,
        z.softmax(0),
        loss[:-1],
        gradient[:-1],
        loss_floor(classes, epsilon),
        optimal_gap(classes, epsilon),
        (loss[-1].item(), gradient[-1].item()),
        note,
    )

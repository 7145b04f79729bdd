"""What ten layers with fresh weights make of a batch, with a BatchNorm in each and without."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm
from course_lib.data import digits

DEPTH, WIDTH = 10, 64
GAINS = tuple(0.3 * (5 / 0.3) ** (k / 16) for k in range(17))
UNITS = {"ReLU": torch.relu, "tanh": torch.tanh}


@dataclass
class Activations:
    """Figures of each layer, {with BatchNorm: [layers]}.

    size: root mean square of what the layer puts out; gradient: of the gradient that reaches it;
    saturated: share of outputs beyond ±0.95, where tanh is flat. ends: size of the last layer's
    outputs at each of `GAINS`, {with BatchNorm: [gains]}.
    """

    size: dict[bool, Tensor]
    gradient: dict[bool, Tensor]
    saturated: dict[bool, Tensor]
    ends: dict[bool, Tensor]
    unit: str
    gain: float


def outputs_by_layer(
    x: Tensor, weights: list[Tensor], activate: Callable[[Tensor], Tensor], norm: bool
) -> list[Tensor]:
    """What each layer puts out [rows, out], from the first to the last, of x [rows, in]."""
    outputs = []
    for weight in weights:
        z = x @ weight.T
        x = activate(batch_norm(z, training=True) if norm else z)
        outputs.append(x)
    return outputs


def measure_activations(gain: float, batch_size: int, unit: str) -> Activations:
    """Ten layers, fresh normal weights of spread gain/√64, one batch of digits.

    unit: one of UNITS. The loss is a fixed random sum of the outputs.
    """
    generator = seeded(0)
    weights = [
        gain * torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=generator) / 8
        for _ in range(DEPTH)
    ]
    goal = torch.randn(batch_size, WIDTH, dtype=torch.float64, generator=generator)
    x = digits(1000, dtype=torch.float64).train_x[:batch_size].requires_grad_()
    size, gradient, saturated, ends = {}, {}, {}, {}
    for norm in (False, True):
        outputs = outputs_by_layer(x, weights, UNITS[unit], norm)
        grads = torch.autograd.grad((goal * outputs[-1]).sum() / batch_size, outputs)
        size[norm] = torch.stack([_rms(y) for y in outputs]).detach()
        gradient[norm] = torch.stack([_rms(g) * batch_size for g in grads])
        saturated[norm] = torch.stack([(y.abs() > 0.95).double().mean() for y in outputs])
        scaled = ([other / gain * weight for weight in weights] for other in GAINS)
        last = [outputs_by_layer(x, some, UNITS[unit], norm)[-1] for some in scaled]
        ends[norm] = torch.stack([_rms(y) for y in last]).detach()
    return Activations(size, gradient, saturated, ends, unit, gain)


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()

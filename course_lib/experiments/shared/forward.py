"""The forward pass of a plain network given as a list of parameters, differentiable in them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def forward(
    parameters: Sequence[Tensor],
    x: Tensor,
    *,
    layers: int | None = None,
    activation: Callable[[Tensor], Tensor] = torch.relu,
) -> Tensor:
    """What a network says of rows x [rows, inputs]: [rows, outputs], without a last activation.

    parameters: weight [out, in], bias [out], weight, bias, … as `engine.train` orders them. Each
    may have the same leading axes, of models: [models, out, in], [models, out] give [models, rows,
    outputs], x being shared or [models, rows, inputs]. layers: stop behind so many; behind a hidden
    layer that is its activations. `parameters[2 * k:]` goes on from there.

    Other than `engine.outputs_of`, which evaluates trained networks of any `ModelSpec`, it can be
    differentiated, and entered and left at any layer.
    """
    count = len(parameters) // 2
    for k in range(count if layers is None else layers):
        weight, bias = parameters[2 * k : 2 * k + 2]
        x = x @ weight.mT + bias.unsqueeze(-2)
        if k + 1 < count:
            x = activation(x)
    return x

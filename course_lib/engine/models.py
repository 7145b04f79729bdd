"""What room a model takes, and what trained models say of rows."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.engine.spec import Spec


def model_size(spec: Spec, batch_size: int) -> int:
    """Parameters and activations of one model: what a step writes and reads."""
    return sum(math.prod(shape) for shape in spec.shapes()) + batch_size * spec.units


@torch.no_grad()
def outputs_of(
    spec: Spec,
    parameters: list[Tensor],
    x: Tensor,
    buffers: Sequence[Tensor] = (),
    survival: float | Sequence[float] | Tensor | None = None,
) -> Tensor:
    """What V trained models say of rows x [rows, inputs], in evaluation.

    Returns logits or predictions [V, rows, outputs]; nothing of them can be differentiated.
    parameters, buffers: lists of [V, …], as `Training` has them for a seed. survival: the grid's
    column where it was trained with one, V numbers or one for all: a block that never survived is
    left out. Raises ValueError for another number of buffers than the model has.
    """
    options = {}
    if survival is not None:
        options["survival"] = torch.as_tensor(
            survival, dtype=parameters[0].dtype, device=x.device
        ).expand(len(parameters[0]))
    networks = spec.networks(parameters, 1, options, 1)  # as if each had a seed of its own
    for buffer, value in zip(networks.buffers, buffers, strict=True):
        buffer.copy_(value)
    return networks.outputs(x).mT

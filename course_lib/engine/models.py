"""Which class trains a model, which columns of the grid are the model's, what room it takes."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.engine.layers import LayeredNetworks
from course_lib.engine.networks import Networks
from course_lib.engine.spec import ModelSpec

Range = dict[str, Any]  # low, high, open_low, open_high: as `require` takes them
PROBABILITY: Range = {"high": 1.0, "open_high": False}


def make_networks(
    spec: ModelSpec, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
) -> Networks:
    """The networks of `spec` as one, for a chunk: see the docstring of `networks.py`."""
    return (Networks if spec.plain else LayeredNetworks)(spec, start, settings, options, batch_size)


def model_options(spec: ModelSpec) -> dict[str, Range]:
    """Names in the grid that are the model's, not the update's: name → range."""
    options: dict[str, Range] = {"dropout": {"high": 1.0}}
    if spec.task == "classification":
        options["label_smoothing"] = PROBABILITY
    if spec.residual_blocks:
        options["survival"] = PROBABILITY
    return options


def model_size(spec: ModelSpec, batch_size: int) -> int:
    """Parameters and activations of one model: what a step writes and reads."""
    return sum(math.prod(shape) for shape in spec.shapes()) + batch_size * spec.units


def require_batch(spec: ModelSpec, batch_size: int) -> None:
    """Raise ValueError for a batch of one row where a BatchNorm wants its variance."""
    if spec.norm == "batch" and batch_size < 2:
        raise ValueError(
            f"batch_size = {batch_size}: must be at least 2, for a BatchNorm: "
            "one row has no variance"
        )


@torch.no_grad()
def outputs_of(
    spec: ModelSpec,
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
        options["survival"] = torch.as_tensor(survival, dtype=x.dtype, device=x.device).expand(
            len(parameters[0])
        )
    networks = make_networks(spec, parameters, 1, options, 1)  # as if each had a seed of its own
    for buffer, value in zip(networks.buffers, buffers, strict=True):
        buffer.copy_(value)
    return networks.outputs(x).mT

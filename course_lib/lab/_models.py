"""Which class trains a model, which columns of the grid belong to the model, and how much room it takes."""

import math

from torch import Tensor

from course_lib.lab._layered import LayeredNetworks
from course_lib.lab._network import Networks

PROBABILITY = {"high": 1.0, "open_high": False}


def make_networks(spec, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int) -> Networks:
    """The networks of `spec` as one, for a chunk: see the docstring of `_network.py`."""
    return (Networks if spec.plain else LayeredNetworks)(spec, start, settings, options, batch_size)


def model_options(spec) -> dict[str, dict]:
    """Names in the grid that are the model's, not the update's: name → range as `require` takes it."""
    options = {"dropout": {"high": 1.0}}
    if spec.task == "classification":
        options["label_smoothing"] = PROBABILITY
    if spec.residual_blocks:
        options["survival"] = PROBABILITY
    return options


def model_size(spec, batch_size: int) -> int:
    """Parameters and activations of one model: what a step writes and reads."""
    return sum(math.prod(shape) for shape in spec.shapes()) + batch_size * spec.units


def require_batch(spec, batch_size: int) -> None:
    """Raise ValueError for a batch of one row where a BatchNorm wants its variance."""
    if spec.norm == "batch" and batch_size < 2:
        raise ValueError(f"batch_size = {batch_size}: must be at least 2, for a BatchNorm: one row has no variance")

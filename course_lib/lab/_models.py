"""Which class trains a model, which columns of the grid belong to the model, and how much room it takes."""

from torch import Tensor

from course_lib.lab._network import Networks


def make_networks(spec, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int) -> Networks:
    """The networks of `spec` as one, for a chunk: see the docstring of `_network.py`."""
    return Networks(spec, start, settings, options, batch_size)


def model_options(spec) -> dict[str, dict]:
    """Names in the grid that are the model's, not the update's: name → range as `require` takes it."""
    return Networks.ranges


def model_size(spec, batch_size: int) -> int:
    """Parameters and activations of one model: what a step writes and reads."""
    widths = spec.widths
    return sum((n + 1) * m for n, m in zip(widths, widths[1:])) + batch_size * sum(widths[1:-1])

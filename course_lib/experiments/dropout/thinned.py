"""One small network and one example, sent through it once for every row of masks."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.dropout import dropout

UNITS = (4, 8, 8, 3)  # inputs, two hidden layers, outputs
BATCH = 64  # the same example again and again: each row has masks of its own
MODES = ("training", "evaluation")


@dataclass
class Thinned:
    """A batch that went through the network, and the row to look at.

    before, after: what the masked layers were given and handed on, a tensor [rows, units] each for
    inputs and hidden layers. whole: the same, [units], with nothing dropped.
    """

    before: list[Tensor]
    after: list[Tensor]
    whole: list[Tensor]
    row: int
    training: bool
    note: str


def thin_network(
    p_input: float, p_first: float, p_second: float, row: int, mode: str, layer: Callable = dropout
) -> Thinned:
    """The batch as `Thinned`; `layer(x, p, training, generator)` throws the masks.

    p_input, p_first, p_second: of the inputs and of each hidden layer. row: from 1. mode: one of
    MODES. Raises `ValueError` for a layer that does not keep the shape of x.
    """
    (weights, example), ps = _network_and_example(), (p_input, p_first, p_second)
    x, training = example.expand(BATCH, -1), mode == "training"
    before, after = _send(x, weights, ps, training, layer, seeded(0, "masks"))
    _, whole = _send(example.unsqueeze(0), weights, ps, False, dropout, None)
    note = "" if layer is dropout else " Masks by your function."
    return Thinned(before, after, [part[0] for part in whole], row - 1, training, note)


def _network_and_example() -> tuple[list[Tensor], Tensor]:
    """Weights [out, in], and inputs that leave every unit awake: a zero was dropped."""
    generator = seeded(0, "a network to thin")
    weights = [
        (torch.rand(m, n, generator=generator, dtype=torch.float64) * 1.5 - 0.4) / n
        for n, m in zip(UNITS, UNITS[1:])
    ]
    return weights, 0.5 + torch.rand(UNITS[0], generator=generator, dtype=torch.float64)


def _send(
    x: Tensor,
    weights: list[Tensor],
    ps: tuple[float, ...],
    training: bool,
    layer: Callable,
    generator: torch.Generator | None,
) -> tuple[list[Tensor], list[Tensor]]:
    """(before, after) of the masked layers for inputs x [rows, inputs]."""
    before, after = [x], [_masked(x, ps[0], training, layer, generator)]
    for weight, p in zip(weights, ps[1:]):
        before.append(torch.relu(after[-1] @ weight.T + 0.2))
        after.append(_masked(before[-1], p, training, layer, generator))
    return before, after


def _masked(
    x: Tensor, p: float, training: bool, layer: Callable, generator: torch.Generator | None
) -> Tensor:
    y = layer(x, p, training, generator)
    if not isinstance(y, Tensor) or y.shape != x.shape:
        raise ValueError("layer: must return a tensor of the shape of x")
    return y

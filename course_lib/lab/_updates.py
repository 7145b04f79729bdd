"""One optimizer step for V networks: the stems' own update functions, on pieces that fit into the cache.

The parameters of V networks are far larger than a core's cache, and an update makes about ten passes over them. So each
parameter is cut along the settings into blocks, and all passes are made over one block before the next is touched. The
optimizer's state is born block by block too, in the update function, which keeps the formula its own business.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course_lib.adamw import adam_update, adamw_update
from course_lib.sgd import sgd_update

BATCHED = (sgd_update, adam_update, adamw_update)   # these take hyper-parameters as tensors
BLOCK = 16384                                       # elements: 64 kB in float32, times about six tensors


@dataclass
class Block:
    """A few networks' share of one parameter: views to change and to read, and what the update remembers of them."""

    param: Tensor
    grad: Tensor
    options: dict
    state: dict = field(default_factory=dict)


class Updates:
    """Applies `update` to networks that differ in their hyper-parameters.

    options: keyword → list of V floats, or one value for all. An update function of ours gets each block as a matrix
    [networks, elements], hyper-parameters as columns [networks, 1]. Any other (a learner's) gets one network's
    parameter in its own shape, and plain floats.
    """

    def __init__(self, update: Callable, parameters: list[Tensor], gradients: list[Tensor], options: dict):
        self.update = update
        cut = _matrices if update in BATCHED else _single_networks
        self.blocks = [list(cut(p, g, options)) for p, g in zip(parameters, gradients)]

    def step(self) -> None:
        """Change all parameters in place, from the gradients as they are now."""
        for block in (block for blocks in self.blocks for block in blocks):
            self.update(block.param, block.grad, block.state, **block.options)

    def states(self, parameters: list[Tensor]) -> list[dict]:
        """Per parameter, what the update remembers: tensors [V, …]; whatever is no tensor (a step count) as it is."""
        return [_joined([b.state for b in blocks], p) for blocks, p in zip(self.blocks, parameters)]


def _matrices(param: Tensor, grad: Tensor, options: dict):
    size = max(1, BLOCK // param[0].numel())
    for start in range(0, len(param), size):
        some = slice(start, start + size)
        own = {name: _pick(value, lambda column: _column(column[some], param)) for name, value in options.items()}
        yield Block(param[some].flatten(1), grad[some].flatten(1), own)


def _single_networks(param: Tensor, grad: Tensor, options: dict):
    for v in range(len(param)):
        yield Block(param[v], grad[v], {name: _pick(value, lambda column: column[v]) for name, value in options.items()})


def _pick(value, choose: Callable):
    """`choose` applied to every list within a hyper-parameter: a list, a pair of them (betas), or a plain value."""
    if isinstance(value, tuple):
        return tuple(_pick(part, choose) for part in value)
    return choose(value) if isinstance(value, list) else value


def _column(values: list[float], like: Tensor) -> Tensor | float:
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=like.dtype, device=like.device).unsqueeze(1)


def _joined(states: list[dict], like: Tensor) -> dict:
    return {
        name: torch.cat([s[name].reshape(-1, *like.shape[1:]) for s in states]) if isinstance(value, Tensor) else value
        for name, value in states[0].items()
    }

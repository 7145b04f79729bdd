"""One optimizer step for V networks, with the stems' own update functions or with a learner's."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.adamw import adam_update, adamw_update
from course_lib.lab._network import Networks, cut
from course_lib.sgd import sgd_update

BATCHED = (sgd_update, adam_update, adamw_update)  # these take hyper-parameters as tensors


def choose_update(update: Callable, networks: Networks, options: dict) -> "Together | OneByOne":
    """What applies `update` to all networks. options: keyword → list of V floats, or one value for all."""
    return (Together if update in BATCHED else OneByOne)(update, networks, options)


class Together:
    """All parameters of all networks as one matrix [V, P], hyper-parameters that differ as columns [V, 1]: one call."""

    def __init__(self, update: Callable, networks: Networks, options: dict):
        self.update, self.networks, self.state = update, networks, {}
        self.grad = torch.empty_like(networks.matrix)
        self.parts = [gradient.flatten(1) for gradient in networks.gradients]
        self.options = {name: _pick(value, self._column) for name, value in options.items()}

    def step(self) -> None:
        """Change all parameters in place, from the gradients as they are now."""
        torch.cat(self.parts, 1, out=self.grad)
        self.update(self.networks.matrix, self.grad, self.state, **self.options)

    def states(self) -> list[dict]:
        """Per parameter, what the update remembers: tensors [V, …], numbers as they are."""
        pieces = {name: cut(value, self.networks.shapes) if isinstance(value, Tensor) else [value] * len(self.parts)
                  for name, value in self.state.items()}  # fmt: skip
        return [dict(zip(pieces, values)) for values in zip(*pieces.values())] or [{} for _ in self.parts]

    def _column(self, values: list[float]) -> Tensor:
        return self.grad.new_tensor(values).unsqueeze(1)


class OneByOne:
    """One call per network and parameter, with plain floats, so that `if` and `math.sqrt` work in `update`."""

    def __init__(self, update: Callable, networks: Networks, options: dict):
        self.update, self.networks = update, networks
        self.options = [{name: _pick(value, lambda column, v=v: column[v]) for name, value in options.items()}
                        for v in range(len(networks.matrix))]  # fmt: skip
        self.memory = [[{} for _ in self.options] for _ in networks.parameters]

    def step(self) -> None:
        """Change all parameters in place, from the gradients as they are now."""
        for params, grads, states in zip(self.networks.parameters, self.networks.gradients, self.memory):
            for param, grad, state, options in zip(params, grads, states, self.options):
                self.update(param, grad, state, **options)

    def states(self) -> list[dict]:
        """Per parameter, what the update remembers: tensors [V, …]; else the value, a list where they differ."""
        return [{name: _stacked([state.get(name) for state in states]) for name in states[0]} for states in self.memory]


def _pick(value, choose: Callable):
    """`choose` applied to every list within a hyper-parameter: a list, a pair of them (betas), or a plain value."""
    if isinstance(value, tuple):
        return tuple(_pick(part, choose) for part in value)
    return choose(value) if isinstance(value, list) else value


def _stacked(values: list):
    if all(isinstance(value, Tensor) for value in values):
        return torch.stack(values)
    return values[0] if all(value == values[0] for value in values) else values

"""One optimizer step for V networks, by the ideas' own update functions or a learner's; and L1."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.arguments import is_on
from course_lib.engine.fused_adam import quick
from course_lib.engine.networks import Networks, cut, spread
from course_lib.l1_l2 import soft_threshold
from course_lib.sgd import sgd_update

BATCHED = (sgd_update, adam_update, adamw_update)  # these take hyper-parameters as tensors
L1 = ("l1", "l1_subgradient")


Factor = Callable[[int], float | list[float]]  # step → what multiplies lr: a number or V numbers


def choose_update(
    update: Callable, networks: Networks, options: dict, penalties: dict, factor: Factor | None
) -> "Together | OneByOne":
    """What applies `update` to all networks.

    options, penalties: see `grid.Grid`, their lists V long.
    """
    kind = Together if update in BATCHED else OneByOne
    return kind(update, networks, options, penalties, factor)


class Together:
    """All parameters of all networks as one vector [V·P]: one call.

    Hyper-parameters that differ by network, or by parameter too, are such vectors.
    """

    def __init__(
        self,
        update: Callable,
        networks: Networks,
        options: dict,
        penalties: dict,
        factor: Callable | None,
    ):
        self.networks, self.factor = networks, factor
        self.state: dict[str, Any] = {}
        self.options = {name: _pick(value, self._tensor) for name, value in options.items()}
        self.l1, self.l1_subgradient = (
            _pick(penalties.get(name, 0.0), self._tensor) for name in L1
        )
        self.update = quick(update, self.options, networks)
        self.rate: tuple[Any, Any] = None, None  # the last factor, and lr times it

    def step(self, step: int) -> None:
        """Change all parameters in place, from the gradients as they are after `step` updates."""
        weights, grad, options = self.networks.flat, self.networks.flat_gradients, self.options
        if self.factor is not None:
            options = options | {"lr": self._rate(self.factor(step))}
        if is_on(self.l1_subgradient):
            grad.add_(self.l1_subgradient * weights.sign())  # g ← g + λ·sign(w)
        self.update(weights, grad, self.state, **options)
        if is_on(self.l1):
            # the proximal step of λ‖w‖₁
            weights.copy_(soft_threshold(weights, options["lr"] * self.l1))

    def _rate(self, factor: float | list[float]) -> Any:
        """A factor times lr, the same object as before where that has not changed."""
        if factor != self.rate[0]:
            self.rate = factor, self.options["lr"] * _pick(factor, self._tensor)
        return self.rate[1]

    def states(self, rows: slice) -> list[dict[str, Any]]:
        """Per parameter, what the update remembers of some networks.

        Tensors are [rows, …], numbers stay as they are.
        """
        networks = self.networks
        pieces = {
            name: [part[rows] for part in cut(value, networks.count, networks.shapes)]
            if isinstance(value, Tensor)
            else [value] * len(networks.shapes)
            for name, value in self.state.items()
        }
        return [dict(zip(pieces, values)) for values in zip(*pieces.values())] or [
            {} for _ in networks.shapes
        ]

    def _tensor(self, values: list) -> Tensor:
        """V numbers, or V tuples of a number per parameter tensor, as [V·P]."""
        return spread(self.networks.flat.new_tensor(values), self.networks.shapes)


class OneByOne:
    """One call per network and parameter, with plain floats: `if` and `math.sqrt` work in them."""

    def __init__(
        self,
        update: Callable,
        networks: Networks,
        options: dict,
        penalties: dict,
        factor: Callable | None,
    ):
        self.update, self.networks, self.factor = update, networks, factor
        penalties = dict.fromkeys(L1, 0.0) | penalties
        places = [(i, v) for i in range(len(networks.parameters)) for v in range(networks.count)]
        self.options, self.penalties = (
            {
                (i, v): {
                    name: _pick(value, partial(_at, i=i, v=v)) for name, value in values.items()
                }
                for i, v in places
            }
            for values in (options, penalties)
        )
        self.memory: list[list[dict[str, Any]]] = [
            [{} for _ in range(networks.count)] for _ in networks.parameters
        ]

    def step(self, step: int) -> None:
        """Change all parameters in place, from the gradients as they are after `step` updates."""
        factors = 1.0 if self.factor is None else self.factor(step)
        for (i, v), options in self.options.items():
            if self.factor is not None:
                factor = factors[v] if isinstance(factors, list) else factors
                options = options | {"lr": options["lr"] * factor}
            param, grad = self.networks.parameters[i][v], self.networks.gradients[i][v]
            l1, l1_subgradient = (self.penalties[i, v][name] for name in L1)
            if l1_subgradient:
                grad = grad + l1_subgradient * param.sign()  # g ← g + λ·sign(w)
            self.update(param, grad, self.memory[i][v], **options)
            if l1:
                param.copy_(soft_threshold(param, options["lr"] * l1))  # the proximal step of λ‖w‖₁

    def states(self, rows: slice) -> list[dict[str, Any]]:
        """As `Together.states`; what is no tensor is a list where networks differ."""
        return [
            {name: _stacked([state.get(name) for state in states[rows]]) for name in states[0]}
            for states in self.memory
        ]


def _pick(value: Any, choose: Callable[[list], Any]) -> Any:
    """`choose` applied to every list within a hyper-parameter.

    That is a list, a pair of them (betas), or a plain value.
    """
    if isinstance(value, tuple):
        return tuple(_pick(part, choose) for part in value)
    return choose(value) if isinstance(value, list) else value


def _at(column: list, i: int, v: int) -> float:
    """What a column says of parameter i of network v."""
    return column[v][i] if isinstance(column[v], tuple) else column[v]


def _stacked(values: list) -> Any:
    if all(isinstance(value, Tensor) for value in values):
        return torch.stack(values)
    return values[0] if all(value == values[0] for value in values) else values

"""What our optimizer classes share: reading groups, closures, refusals.

The algorithm itself is one pure function.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_lib.base.arguments import require, require_nesterov

State = dict[str, Any]  # what an update keeps between steps, in torch's names: tensors, counts
RANGES: dict[str, dict[str, Any]] = {
    "lr": {},
    "weight_decay": {},
    "momentum": {"high": 1.0},
    "dampening": {"low": -torch.inf, "open_low": True},
    "eps": {"high": 1.0, "open_low": True},
}
# The last is put there by torch.
NOT_FOR_THE_UPDATE = ("maximize", "decoupled_weight_decay", "differentiable")


class UpdateRule(torch.optim.Optimizer):
    """An optimizer that calls `self.update(param, grad, state, **options)` for every gradient.

    A subclass sets `update` to a pure function that changes `param` and `state` in place.
    Everything else is `torch.optim.Optimizer`: groups, `state_dict`, schedulers, pickling. Differs
    from torch in that it refuses every value outside its range (torch lets NaN and infinity pass
    for several), and sparse and complex gradients.
    """

    update: ClassVar[Callable[..., Tensor]]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group as torch does. Raises `ValueError` for an option outside its range."""
        options = {**self.defaults, **param_group}
        for name in RANGES.keys() & options.keys():
            require(name, options[name], **RANGES[name])
        if "betas" in options:
            _require_betas(options["betas"])
        if "nesterov" in options:
            require_nesterov(options["nesterov"], options["momentum"], options["dampening"])
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(  # type: ignore[override]  # torch's is overloaded
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """Update every parameter once; return the closure's loss, if there is a closure.

        Gradients stay as they are.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            options, update, state = self.options(group), self.update, self.state
            for param in group["params"]:
                grad = param.grad
                if grad is not None:
                    grad = -_plain(grad) if group["maximize"] else _plain(grad)
                    update(param, grad, state[param], **options)
        return loss

    def options(self, group: dict[str, Any]) -> dict[str, Any]:
        """Keyword arguments of the update function, from a parameter group in torch's names.

        torch says `weight_decay` for both kinds; here the coupled kind is `l2`, and only the
        decoupled one decays. Schedulers and torch's own `state_dict` leave other keys in a group:
        those are not ours to read.
        """
        options = {name: group[name] for name in self.defaults if name not in NOT_FOR_THE_UPDATE}
        if not group["decoupled_weight_decay"]:
            options["l2"] = options.pop("weight_decay")
        return options

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # one that torch's optimizer saved lacks what only we have
            for name, default in self.defaults.items():
                group.setdefault(name, default)


def _require_betas(betas: object) -> None:
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ValueError(f"betas = {betas!r}: must be two numbers, each in [0, 1)")
    for i, beta in enumerate(betas):
        require(f"betas[{i}]", beta, high=1.0)


def _plain(grad: Tensor) -> Tensor:
    if grad.layout != torch.strided or grad.is_complex():
        kind = "complex" if grad.is_complex() else f"sparse ({grad.layout})"
        raise RuntimeError(
            f"the gradient is {kind}: these optimizers take dense real gradients only"
        )
    return grad

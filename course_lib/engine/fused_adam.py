"""Adam for all networks in three passes: torch's fused kernel, and each network's own rate.

The kernel knows one learning rate and one decay for all that it is given. At lr = 1 and λ = 0, on
zeros, it leaves there u = −m̂/(√v̂ + ε); what remains is w ← (1 − lr·λ)·w + lr·u. The same as
`adam_update` and `adamw_update`, to rounding, in a third of the time.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.arguments import Number, is_on
from course_lib.base.optimizer import State
from course_lib.engine.networks import Networks, cut
from course_lib.weight_decay import add_l2

SHORT = 1 << 15  # weights of all networks together


def quick(update: Callable, options: dict[str, Any], networks: Networks) -> Callable:
    """What does the same as `update` with these options, sooner: itself, unless it is Adam.

    Adam's β₁, β₂ and ε must be numbers that all networks share, and AMSGrad off.
    """
    if update not in (adam_update, adamw_update):
        return update
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(update).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    betas, eps, amsgrad = ((defaults | options)[name] for name in ("betas", "eps", "amsgrad"))
    served = not amsgrad and not any(isinstance(it, Tensor) for it in (*betas, eps))
    return FusedAdam(networks, defaults) if served else update


class FusedAdam:
    """Called as `adam_update` with all parameters of `networks` [V·P], step after step.

    defaults: the options of what it stands for. Hyper-parameters: numbers, or [V·P].
    """

    def __init__(self, networks: Networks, defaults: dict[str, Any]):
        self.networks, self.defaults = networks, defaults
        self.direction = torch.zeros_like(networks.flat)  # u
        self.short = len(self.direction) <= SHORT
        self.parts = list(zip(self._parts(networks.flat), self._parts(self.direction)))
        self.count = networks.flat.new_zeros(())  # the kernel's own, of steps
        self.factors: tuple[Number, Number, list] = 0.0, 0.0, []  # lr, λ, and what follows

    def __call__(self, param: Tensor, grad: Tensor, state: State, **options: Any) -> Tensor:
        """One step: changes `param` and `state` in place, returns `param`; `grad` stays."""
        options = self.defaults | options
        (beta1, beta2), lr, weight_decay = (options[it] for it in ("betas", "lr", "weight_decay"))
        if not state:
            moments = torch.zeros_like(param), torch.zeros_like(param)
            state.update(step=0, exp_avg=moments[0], exp_avg_sq=moments[1])
        if is_on(options.get("l2", 0.0)):
            grad = add_l2(grad, param, options["l2"])  # g ← g + λw
        state["step"] += 1
        adamw(
            [self.direction.zero_()],
            [grad],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [self.count],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=1.0,
            weight_decay=0.0,
            eps=options["eps"],
            maximize=False,
        )  # u ← −m̂/(√v̂ + ε)
        for (w, u), (rate, kept) in zip(self.parts, self._factors(lr, weight_decay)):
            w.mul_(kept).addcmul_(u, rate)  # w ← (1 − lr·λ)w + lr·u
        return param

    def _factors(self, lr: Number, weight_decay: Number) -> list[tuple[Tensor, Tensor]]:
        """Return lr and 1 − lr·λ for each part, computed anew only where they change."""
        if self.factors[0] is not lr or self.factors[1] is not weight_decay:
            columns = self._columns(lr), self._columns(1 - lr * weight_decay)
            self.factors = lr, weight_decay, list(zip(*columns))
        return self.factors[2]

    def _columns(self, value: Number) -> list[Tensor]:
        """Of each part: [V, 1], read once and not once a weight, for it waits for memory.

        Of a short vector itself, or a number: there it is calls that take time.
        """
        whole = torch.as_tensor(value, dtype=self.direction.dtype, device=self.direction.device)
        if self.short:
            return [whole]
        return [part[:, :1] for part in self._parts(whole.expand_as(self.direction))]

    def _parts(self, flat: Tensor) -> list[Tensor]:
        """Views [V, …] of [V·P], one for each parameter tensor; a short vector itself."""
        if self.short:
            return [flat]
        networks = self.networks
        return [part.flatten(1) for part in cut(flat, networks.count, networks.shapes)]

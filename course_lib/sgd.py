"""Minibatch SGD: what does one step do with the gradient?

    v ← μ·v + (1 − τ)·g          heavy-ball momentum (the first v is g itself)
    w ← w − lr·v                 Nesterov: w ← w − lr·(g + μ·v)

w: weights · g: gradient, v: velocity, shape of w · μ ∈ [0, 1): momentum · τ: dampening ·
lr ≥ 0: learning rate.

With g + λw for g there is L2 (coupled); with w ← (1 − lr·λ)w before the step there is weight decay
(decoupled). Same as `torch.optim.SGD`, which has only the coupled kind and calls it `weight_decay`.

Clipping comes before all that: g ← g·min(1, c/‖g‖), ‖g‖ over all parameters of a network together.

A schedule is a function step → factor: the learning rate of that step is lr·factor. Steps count
from 0. Each is one of `torch.optim.lr_scheduler`; apply it with `LambdaLR(optimizer, factor)` or in
a loop of your own.

Sources: Polyak 1964; Sutskever et al., "On the importance of initialization and momentum", ICML
2013; clipping: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural
networks", ICML 2013; schedules: Loshchilov & Hutter 2017 (cosine), Goyal et al. 2017 (warm-up),
Smith 2017 (cyclical), Smith & Topin 2019 (one-cycle).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_lib.base.arguments import (
    Number,
    add_scaled,
    is_on,
    require,
    require_probability,
    require_whole,
)
from course_lib.base.optimizer import State, UpdateRule
from course_lib.weight_decay import add_l2, decay


def sgd_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number,
    momentum: Number = 0.0,
    dampening: Number = 0.0,
    nesterov: bool = False,
    l2: Number = 0.0,
    weight_decay: Number = 0.0,
) -> Tensor:
    """One step of SGD: changes `param` and `state` in place, returns `param`; `grad` stays.

    `param`, `grad`: same shape. `state` starts as {} and holds `momentum_buffer` (v). Every
    hyper-parameter is a float or a tensor that broadcasts against `param` (one value per model).
    `l2` is the coupled strength, `weight_decay` the decoupled one; both see the old weights.
    Same as one `torch.optim.SGD` step with `weight_decay=l2`; torch has no decoupled SGD.
    """
    if is_on(l2):
        grad = add_l2(grad, param, l2)  # g ← g + λw     L2: joins the gradient, and so the velocity
    if is_on(weight_decay):
        decay(param, lr, weight_decay)  # w ← (1 − lr·λ)w     weight decay: goes past both
    if is_on(momentum):
        if "momentum_buffer" not in state:
            v = state["momentum_buffer"] = grad.clone()  # v ← g, undamped, as in torch
        else:
            v = state["momentum_buffer"].mul_(momentum)
            undamped = 1 - dampening * (momentum != 0)  # as in torch: no μ, no τ
            add_scaled(v, undamped, grad, out=v)  # v ← μv + (1 − τ)g
        grad = grad + momentum * v if nesterov else v
    return add_scaled(param, -lr, grad, out=param)  # w ← w − lr·v


class SGD(UpdateRule):
    """`sgd_update` as an optimizer: `torch.optim.SGD`'s arguments, and one more.

    `weight_decay` is coupled (L2) as in torch, unless `decoupled_weight_decay=True`, which makes it
    SGDW. Raises `ValueError` for `lr`, `weight_decay` negative, NaN or infinite, `momentum` outside
    [0, 1), and Nesterov without momentum or with dampening. Differs from torch in that torch
    accepts some of these.
    """

    update = staticmethod(sgd_update)

    def __init__(
        self,
        params: ParamsT,
        lr: Number = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )


def clip_grad_norm(grads: Sequence[Tensor], max_norm: Number) -> Tensor:
    """Shorten the whole gradient of a network where it is longer than `max_norm` ≥ 0.

    `grads`: of all its parameters, changed in place. Returns ‖g‖ over all of them, as it was. At
    math.inf nothing is shortened. `max_norm` [V]: one for each of V networks, whose gradients are
    [V, …]; then the norms are [V] too. Same as `torch.nn.utils.clip_grad_norm_`, a network at a
    time; at 0 nothing is left of a gradient, as there.
    """
    c = torch.as_tensor(max_norm, dtype=grads[0].dtype, device=grads[0].device)  # [] or [V]
    parts = [torch.linalg.vector_norm(g.reshape(*c.shape, -1), dim=-1) for g in grads]
    norm = torch.linalg.vector_norm(torch.stack(parts), dim=0)  # ‖g‖ = √Σ‖gᵢ‖²
    factor = (c / (norm + 1e-6)).clamp(max=1)  # torch adds 1e-6 as well
    for g in grads:
        g.mul_(factor.view(c.shape + (1,) * (g.dim() - c.dim())))  # g ← g·min(1, c/‖g‖)
    return norm


# ---------------------------------------------------------------- schedules: step → factor


def step_decay(step: int, step_size: int, gamma: float = 0.1) -> float:
    """γ to the power of ⌊t/s⌋: every `step_size` steps the rate is multiplied by `gamma` ∈ (0, 1].

    Same as `StepLR`, which takes any number. Raises `ValueError` for a step below 0, `step_size`
    below 1, and `gamma` outside (0, 1].
    """
    t, s = require_whole("step", step), require_whole("step_size", step_size, 1)
    return require_probability("gamma", gamma, open_low=True) ** (t // s)  # γ^⌊t/s⌋


def exponential_decay(step: int, gamma: float) -> float:
    """γᵗ: every step multiplies the rate by `gamma` ∈ (0, 1]. Same as `ExponentialLR`.

    Raises as `step_decay`.
    """
    t = require_whole("step", step)
    return require_probability("gamma", gamma, open_low=True) ** t  # γᵗ


def cosine_decay(step: int, T_max: int, floor: float = 0.0) -> float:
    """Half a cosine from 1 at step 0 down to `floor` ∈ [0, 1] at step `T_max`; `floor` from then.

    Same as `CosineAnnealingLR(T_max, eta_min=floor·lr)` on 0 … T_max; torch's rate then climbs
    again. Raises `ValueError` for a step below 0, `T_max` below 1, `floor` outside [0, 1].
    """
    t, T = require_whole("step", step), require_whole("T_max", T_max, 1)
    require_probability("floor", floor)
    return _between(1.0, floor, min(t, T) / T)  # floor + (1 − floor)·(1 + cos πt/T)/2


def linear_warmup(step: int, total_iters: int, start_factor: float = 1 / 3) -> float:
    """A straight line from `start_factor` ∈ (0, 1] at step 0 to 1 at `total_iters`; 1 from then.

    Same as `LinearLR`. Raises `ValueError` for a step below 0, `total_iters` below 1,
    `start_factor` outside (0, 1].
    """
    t, T = require_whole("step", step), require_whole("total_iters", total_iters, 1)
    require_probability("start_factor", start_factor, open_low=True)
    return start_factor + (1 - start_factor) * min(t, T) / T


def cyclical(
    step: int, step_size_up: int, step_size_down: int | None = None, low: float = 0.1
) -> float:
    """A triangle without end: from `low` to 1 in `step_size_up` steps, down in `step_size_down`.

    As many down as up unless given. Same as `CyclicLR(base_lr=low·lr, max_lr=lr)`: the factor is of
    the highest rate. Raises `ValueError` for a step below 0, lengths below 1, `low` outside [0, 1].
    """
    t, up = require_whole("step", step), require_whole("step_size_up", step_size_up, 1)
    down = up if step_size_down is None else require_whole("step_size_down", step_size_down, 1)
    require_probability("low", low)
    t = t % (up + down)
    return low + (1 - low) * (t / up if t <= up else (up + down - t) / down)


def one_cycle(
    step: int,
    total_steps: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> float:
    """Up along a cosine from 1/`div_factor` to 1, and down to 1/(both divisors) at the end.

    The way up takes the share `pct_start` of the steps. Same as `OneCycleLR(max_lr=lr)` with its
    defaults: the factor is of the highest rate, steps end at total_steps − 1. Raises `ValueError`
    for a step outside that, `pct_start`·`total_steps` ≤ 1 or `pct_start` ≥ 1, divisors below 1.
    """
    last = require_whole("total_steps", total_steps, 2) - 1
    t = require_whole("step", step, 0, last)
    top = require("pct_start", pct_start, 1 / total_steps, 1.0, open_low=True) * total_steps - 1
    start = 1 / require("div_factor", div_factor, 1.0)
    end = start / require("final_div_factor", final_div_factor, 1.0)
    if t <= top:
        return _between(start, 1.0, t / top)
    return _between(1.0, end, (t - top) / (last - top))


def _between(start: float, end: float, share: float) -> float:
    """From `start` at share 0 to `end` at share 1 along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

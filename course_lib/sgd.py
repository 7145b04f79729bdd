"""Minibatch SGD: what does one step do with the gradient?

    v ← μ·v + (1 − τ)·g          heavy-ball momentum (the first v is g itself)
    w ← w − lr·v                 Nesterov: w ← w − lr·(g + μ·v)

w: weights · g: gradient, v: velocity, shape of w · μ ∈ [0, 1): momentum · τ: dampening · lr ≥ 0:
learning rate.
With g + λw for g there is L2 (coupled); with w ← (1 − lr·λ)w before the step there is weight decay
(decoupled).
Same as `torch.optim.SGD`, which has only the coupled kind and calls it `weight_decay`.
A schedule is a function step → factor: the learning rate of that step is lr·factor. Steps count
from 0.
Each is one of `torch.optim.lr_scheduler`; apply it with `LambdaLR(optimizer, factor)` or in a loop
of your own. Sources: Polyak 1964; Sutskever et al., "On the importance of initialization and
momentum", ICML 2013; schedules: Loshchilov & Hutter 2017 (cosine), Goyal et al. 2017 (warm-up),
Smith 2017 (cyclical), Smith & Topin 2019 (one-cycle).
"""

import math

from course_lib.base.arguments import add_scaled, is_on, require
from course_lib.base.optimizer import UpdateRule
from course_lib.weight_decay import add_l2, decay


def sgd_update(
    param, grad, state, *, lr, momentum=0.0, dampening=0.0, nesterov=False, l2=0.0, weight_decay=0.0
):
    """One step of SGD: changes `param` and `state["momentum_buffer"]` in place, returns `param`;
    `grad` is not touched.

    `param`, `grad`: same shape. Every hyper-parameter is a float or a tensor that broadcasts
    against `param`
    (one value per model). `l2` is the coupled strength, `weight_decay` the decoupled one; both see
    the old weights. Same as one `torch.optim.SGD` step with `weight_decay=l2`; torch has no
    decoupled SGD.
    """
    if is_on(l2):
        grad = add_l2(
            grad, param, l2
        )  # g ← g + λw            L2: joins the gradient, and so the velocity
    if is_on(weight_decay):
        decay(
            param, lr, weight_decay
        )  # w ← (1 − lr·λ)w       weight decay: past gradient and velocity
    if is_on(momentum):
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = grad.clone()  # v ← g, undamped, as in torch
        else:
            v = state["momentum_buffer"].mul_(momentum)
            add_scaled(
                v, 1 - dampening * (momentum != 0), grad, out=v
            )  # v ← μv + (1 − τ)g (as in torch: no μ, no τ)
        v = state["momentum_buffer"]
        grad = grad + momentum * v if nesterov else v
    return add_scaled(param, -lr, grad, out=param)  # w ← w − lr·v


class SGD(UpdateRule):
    """`sgd_update` as an optimizer: `torch.optim.SGD`'s arguments, order and defaults, and one
    more.

    `weight_decay` is coupled (L2) as in torch, unless `decoupled_weight_decay=True`, which makes it
    SGDW.
    Raises `ValueError` for `lr`, `weight_decay` negative, NaN or infinite, `momentum` outside [0,
    1), and Nesterov without momentum or with dampening. Differs from torch in that torch accepts
    some of these.
    """

    update = staticmethod(sgd_update)

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        decoupled_weight_decay=False,
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


# ---------------------------------------------------------------- schedules: step → factor


def step_decay(step, step_size, gamma=0.1):
    """γ to the power of ⌊t/s⌋: after every `step_size` steps the rate is multiplied by `gamma` ∈
    (0, 1].

    Same as `StepLR`, which takes any number. Raises `ValueError` for a step below 0, `step_size`
    below 1, and `gamma` outside (0, 1].
    """
    t, s = _whole("step", step, 0), _whole("step_size", step_size, 1)
    return _gamma(gamma) ** (t // s)  # γ^⌊t/s⌋


def exponential_decay(step, gamma):
    """γᵗ: every step multiplies the rate by `gamma` ∈ (0, 1]. Same as `ExponentialLR`.

    Raises as `step_decay`.
    """
    return _gamma(gamma) ** _whole("step", step, 0)  # γᵗ


def cosine_decay(step, T_max, floor=0.0):
    """Half a cosine from 1 at step 0 down to `floor` ∈ [0, 1] at step `T_max`, and `floor` from
    there on.

    Same as `CosineAnnealingLR(T_max, eta_min=floor·lr)` on 0 … T_max; torch's rate then climbs
    again.
    Raises `ValueError` for a step below 0, `T_max` below 1, `floor` outside [0, 1].
    """
    t, T = _whole("step", step, 0), _whole("T_max", T_max, 1)
    require("floor", floor, 0.0, 1.0, open_high=False)
    return _between(1.0, floor, min(t, T) / T)  # floor + (1 − floor)·(1 + cos πt/T)/2


def linear_warmup(step, total_iters, start_factor=1 / 3):
    """A straight line from `start_factor` ∈ (0, 1] at step 0 to 1 at step `total_iters`, and 1 from
    there on.

    Same as `LinearLR`. Raises `ValueError` for a step below 0, `total_iters` below 1,
    `start_factor` outside (0, 1].
    """
    t, T = _whole("step", step, 0), _whole("total_iters", total_iters, 1)
    require("start_factor", start_factor, 0.0, 1.0, open_low=True, open_high=False)
    return start_factor + (1 - start_factor) * min(t, T) / T


def cyclical(step, step_size_up, step_size_down=None, low=0.1):
    """A triangle without end: from `low` up to 1 in `step_size_up` steps, down again in
    `step_size_down` (as many).

    Same as `CyclicLR(base_lr=low·lr, max_lr=lr)`: the factor is of the highest rate. Raises
    `ValueError` for a step below 0, lengths below 1, `low` outside [0, 1].
    """
    t, up = _whole("step", step, 0), _whole("step_size_up", step_size_up, 1)
    down = up if step_size_down is None else _whole("step_size_down", step_size_down, 1)
    require("low", low, 0.0, 1.0, open_high=False)
    t = t % (up + down)
    return low + (1 - low) * (t / up if t <= up else (up + down - t) / down)


def one_cycle(step, total_steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4):
    """Up along a cosine from 1/`div_factor` to 1 over the share `pct_start`, and down to 1/(both
    divisors) at the end.

    Same as `OneCycleLR(max_lr=lr)` with its defaults: the factor is of the highest rate, steps end
    at total_steps − 1. Raises `ValueError` for a step outside that, `pct_start`·`total_steps` ≤ 1
    or `pct_start` ≥ 1, divisors below 1.
    """
    last = _whole("total_steps", total_steps, 2) - 1
    t = require("step", _whole("step", step, 0), 0, last, open_high=False)
    top = require("pct_start", pct_start, 1 / total_steps, 1.0, open_low=True) * total_steps - 1
    start = 1 / require("div_factor", div_factor, 1.0)
    end = start / require("final_div_factor", final_div_factor, 1.0)
    return (
        _between(start, 1.0, t / top) if t <= top else _between(1.0, end, (t - top) / (last - top))
    )


def _between(start, end, share):
    """From `start` at share 0 to `end` at share 1 along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _gamma(gamma):
    return require("gamma", gamma, 0.0, 1.0, open_low=True, open_high=False)


def _whole(name, value, low):
    if require(name, value, low) != int(value):
        raise ValueError(f"{name} = {value!r}: must be a whole number")
    return int(value)

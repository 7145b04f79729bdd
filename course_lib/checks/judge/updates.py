"""Update functions for lessons 00, 03, 04: torch as the referee, and a workshop of wrong ones."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.judge.cases import away_from_zero, between
from course_lib.checks.judge.drivers import step_by
from course_lib.checks.judge.task import Mistake, tensors
from course_lib.checks.judge.values import Case, encode

# The referee


def sgd_by_torch(
    param: Tensor,
    grad: Tensor,
    state: dict,
    *,
    lr: float,
    momentum: float = 0.0,
    l2: float = 0.0,
    weight_decay: float = 0.0,
) -> Tensor:
    """`torch.optim.SGD`, whose `weight_decay` is L2; the line that shrinks is not in torch."""
    old = param.clone()
    step_by(torch.optim.SGD, param, grad, state, lr=lr, momentum=momentum, weight_decay=l2)
    return param.sub_(lr * weight_decay * old)


def adam_by_torch(
    param: Tensor,
    grad: Tensor,
    state: dict,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    l2: float = 0.0,
    weight_decay: float = 0.0,
) -> Tensor:
    """`torch.optim.AdamW` without L2; with it `torch.optim.Adam`, and the line that shrinks."""
    if l2 == 0:
        return adamw_by_torch(
            param, grad, state, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay
        )
    old = param.clone()
    step_by(torch.optim.Adam, param, grad, state, lr=lr, betas=betas, eps=eps, weight_decay=l2)
    return param.sub_(lr * weight_decay * old)


def adamw_by_torch(
    param: Tensor,
    grad: Tensor,
    state: dict,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Tensor:
    """`torch.optim.AdamW`."""
    step_by(
        torch.optim.AdamW,
        param,
        grad,
        state,
        lr=lr,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
    )
    return param


# The workshop: one update with its screws, and what comes of turning one of them


def heavy_ball(
    grad: Tensor, state: dict, *, lr: float, momentum: float = 0.0, new: Callable = lambda mu: 1.0
) -> Tensor:
    """Heavy ball: v ← μv + g, the step is lr·v; `new(μ)` weighs g."""
    state["v"] = momentum * state.get("v", 0) + new(momentum) * grad
    return lr * state["v"]


def adam(
    grad: Tensor,
    state: dict,
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    correct_m: bool = True,
    correct_v: bool = True,
    root: Callable = lambda v, eps: v.sqrt() + eps,
    swap: bool = False,
    early: bool = False,
    inside: bool = False,
) -> Tensor:
    """Adam: m, v ← averages of g, g²; the step is lr·m̂/(√v̂ + ε).

    `early`: ε joins √v before the correction; `inside`: m holds lr·g.
    """
    beta1, beta2 = betas[::-1] if swap else betas
    t = state["t"] = state.get("t", 0) + 1
    eps = eps / (1 - beta2**t) ** 0.5 if early else eps
    if inside:
        m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * lr * grad
        v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * grad**2
        return m / (1 - beta1**t) / root(v / (1 - beta2**t), eps)
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * grad
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * grad**2
    return (
        lr
        * (m / (1 - beta1**t) if correct_m else m)
        / root(v / (1 - beta2**t) if correct_v else v, eps)
    )


def variant(
    rule: Callable,
    pull: Callable = lambda l2, decay: l2,
    shrink: Callable = lambda lr, l2, decay: lr * decay,
    after: bool = False,
    carry: bool = True,
    **screws: Any,
) -> Callable:
    """An update: g + pull·w goes into `rule`; w is multiplied by 1 − shrink, first or `after`."""

    def update(
        param: Tensor,
        grad: Tensor,
        state: dict,
        *,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        **hyper: Any,
    ) -> Tensor:
        step = rule(
            grad + pull(l2, weight_decay) * param, state if carry else {}, **hyper, **screws
        )
        factor = 1 - shrink(hyper["lr"], l2, weight_decay)
        return param.sub_(step).mul_(factor) if after else param.mul_(factor).sub_(step)

    return update


def decay_mistakes(rule: Callable, inside: str) -> tuple[Mistake, ...]:
    """What goes wrong with `weight_decay`; `inside` says what happens to it in the gradient."""
    return (
        Mistake(
            "coupled decay",
            f"the decay went into the gradient, where {inside}: that is L2. Shrink the weight "
            f"itself",
            (variant(rule, pull=lambda l2, decay: l2 + decay, shrink=lambda lr, l2, decay: 0),),
        ),
        Mistake(
            "decay without lr",
            "the decay is not scaled by the learning rate: torch shrinks by the factor 1 − lr·λ",
            (variant(rule, shrink=lambda lr, l2, decay: decay),),
        ),
        Mistake(
            "decay sign",
            "the decay has the wrong sign: it makes the weights grow",
            (variant(rule, shrink=lambda lr, l2, decay: -lr * decay),),
        ),
        Mistake(
            "decay factor 2",
            "the decay is twice too strong: the factor is 1 − lr·λ, without a 2",
            (variant(rule, shrink=lambda lr, l2, decay: 2 * lr * decay),),
        ),
        Mistake(
            "decay after the step",
            "the weight decays after it has moved. That convention exists, but torch shrinks the "
            "old weight first",
            (variant(rule, after=True),),
        ),
        Mistake(
            "decay forgotten",
            "`weight_decay` has no effect",
            (variant(rule, shrink=lambda lr, l2, decay: 0),),
        ),
    )


def _l2_of_shrunk(rule: Callable) -> Callable:
    """An update that shrinks the weight first, and then takes λw of what is left."""
    plain = variant(rule)

    def update(
        param: Tensor, grad: Tensor, state: dict, *, weight_decay: float = 0.0, **hyper: Any
    ) -> Tensor:
        return plain(param.mul_(1 - hyper["lr"] * weight_decay), grad, state, **hyper)

    return update


def l2_mistakes(rule: Callable) -> tuple[Mistake, ...]:
    """What goes wrong with `l2` in any optimizer."""
    return (
        Mistake(
            "L2 factor 2",
            "L2 is twice too strong: `l2` = λ stands for the penalty (λ/2)‖w‖², whose gradient is "
            "λw, not 2λw",
            (variant(rule, pull=lambda l2, decay: 2 * l2),),
        ),
        Mistake(
            "L2 sign",
            "L2 has the wrong sign: g − λw makes the weights grow; a widely read tutorial prints "
            "it so",
            (variant(rule, pull=lambda l2, decay: -l2),),
        ),
        Mistake(
            "L2 decoupled",
            "`l2` shrinks the weight past the optimizer: that is weight decay. Add λw to the "
            "gradient first",
            (
                variant(
                    rule, pull=lambda l2, decay: 0, shrink=lambda lr, l2, decay: lr * (l2 + decay)
                ),
            ),
        ),
        Mistake(
            "knobs exchanged",
            "the two knobs are exchanged: `l2` joins the gradient, `weight_decay` shrinks the "
            "weight",
            (variant(rule, pull=lambda l2, decay: decay, shrink=lambda lr, l2, decay: lr * l2),),
        ),
        Mistake(
            "L2 of the shrunk weight",
            "L2 looks at the weight after it was shrunk: both pulls look at the old weight",
            (_l2_of_shrunk(rule),),
        ),
        Mistake("L2 forgotten", "`l2` has no effect", (variant(rule, pull=lambda l2, decay: 0),)),
    )


def _rate_in_velocity(grad: Tensor, state: dict, *, lr: float, momentum: float = 0.0) -> Tensor:
    state["v"] = momentum * state.get("v", 0) + lr * grad
    return state["v"]


def _nesterov(grad: Tensor, state: dict, *, lr: float, momentum: float = 0.0) -> Tensor:
    return lr * grad + momentum * heavy_ball(grad, state, lr=lr, momentum=momentum)


RATE_INSIDE = (
    "the learning rate is inside {what}: at a constant rate that makes no difference, under a "
    "schedule old gradients keep their old rate. Multiply by lr only where the weight moves"
)
SGD_MISTAKES = (
    Mistake(
        "rate in the velocity",
        RATE_INSIDE.format(what="the velocity"),
        (variant(_rate_in_velocity),),
    ),
    Mistake(
        "Nesterov",
        "that is Nesterov's step, which looks ahead, g + μv: the heavy ball moves by v itself",
        (variant(_nesterov),),
    ),
    Mistake(
        "velocity not carried",
        "the velocity starts anew at each step: keep it in `state` and multiply it by the momentum",
        (variant(heavy_ball, carry=False),),
    ),
    Mistake(
        "average for momentum",
        "that is an average, (1 − μ)g: torch's velocity is v ← μv + g",
        (variant(heavy_ball, new=lambda momentum: 1 - momentum),),
    ),
)

ADAM_MISTAKES = (
    Mistake("rate in m", RATE_INSIDE.format(what="m"), (variant(adam, inside=True),)),
    Mistake(
        "ε beside the uncorrected root",
        "ε is added to √v before the bias correction: it stands beside the corrected root, √v̂ + ε",
        (variant(adam, early=True),),
    ),
    Mistake(
        "no bias correction",
        "the bias correction is missing: m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ)",
        (variant(adam, correct_m=False, correct_v=False),),
    ),
    Mistake(
        "only m corrected",
        "only m is corrected: v̂ = v/(1 − β₂ᵗ) needs it too",
        (variant(adam, correct_v=False),),
    ),
    Mistake(
        "ε inside the root",
        "ε stands inside the root: torch divides by √v̂ + ε, not by √(v̂ + ε)",
        (variant(adam, root=lambda v, eps: (v + eps).sqrt()),),
    ),
    Mistake(
        "betas exchanged",
        "β₁ and β₂ are exchanged: β₁ belongs to the mean of g, β₂ to the mean of g²",
        (variant(adam, swap=True),),
    ),
    Mistake(
        "state created anew",
        "the state is created anew at each step, so every step is the first: fill `state` once and "
        "keep it",
        (variant(adam, carry=False),),
    ),
)

# The cases

NOTES = {
    "grad": "`grad` was changed in place: leave the caller's gradient as it is",
    "the gradients of all steps": (
        "the gradient of an earlier step was changed at a later one: `state` holds the caller's "
        "own tensor and changes it in place. Keep a new one (`grad.clone()`)"
    ),
    "returned": (
        "something other than `param` was returned: change `param` itself, in place, and return it"
    ),
}


def case(
    name: str,
    params: list[Tensor],
    grads: list[list[Tensor]],
    *,
    copied_before: int | None = None,
    changes: list[dict] | None = None,
    one_buffer: bool = False,
    **hyper: Any,
) -> Case:
    """A case for the driver `update`: `grads` holds one list of gradients per step.

    `changes`: the options that are different at each step.
    """
    return {
        "name": name,
        "driver": "update",
        "params": tensors(*params),
        "grads": tensors(*grads),
        "hyper": encode(hyper),
        "copied_before": copied_before,
        "changes": encode(changes),
        "one_buffer": one_buffer,
    }


def drawn(
    generator: torch.Generator,
    name: str,
    steps: int,
    shapes: list[tuple[int, ...]],
    dtype: torch.dtype = torch.float64,
    **hyper: Any,
) -> Case:
    """A case with weights and gradients drawn afresh, none of them near zero."""

    def draw(shape: tuple[int, ...]) -> Tensor:
        return away_from_zero(generator, *shape, by=0.2).to(dtype)

    weights = [draw(shape) for shape in shapes]
    return case(name, weights, [[draw(shape) for shape in shapes] for _ in range(steps)], **hyper)


def in_use(generator: torch.Generator, *knobs: str, **hyper: Any) -> list[Case]:
    """What training asks of an update besides its formula, in four cases.

    Under a schedule the rate changes from step to step, and so may each of `knobs`; the caller
    uses one tensor for all gradients; numbers come in float32.
    """

    def options() -> dict[str, float]:
        return {"lr": between(generator, 0.05, 0.3)} | {
            knob: between(generator, 0.2, 0.8) for knob in knobs
        }

    def one(name: str, steps: int = 4, **more: Any) -> Case:
        return drawn(generator, name, steps, [(3,)], **{**hyper, **options(), **more})

    halved = [{"lr": 0.2 * 0.5**step} for step in range(4)]
    return [
        one("the rate is halved at each step", changes=halved),
        one("every option changes from step to step", changes=[options() for _ in range(4)]),
        one("each gradient comes in the same tensor", one_buffer=True),
        one("float32", dtype=torch.float32),
    ]

"""Adam and AdamW: a step of its own size for every weight, and what that does to weight decay.

    m ← β₁·m + (1 − β₁)·g              mean of the gradient          m̂ = m/(1 − β₁ᵗ)
    v ← β₂·v + (1 − β₂)·g²             mean of its square            v̂ = v/(1 − β₂ᵗ)
    w ← w − lr·m̂/(√v̂ + ε)

w: weights · g: gradient, shape of w · m, v: moments, shape of w · t = 1, 2, …: step ·
β₁, β₂ ∈ [0, 1) · ε > 0 · lr ≥ 0: learning rate.

Adam with L2 puts g + λw for g: the pull is divided by √v̂ like everything else. AdamW decays
w ← (1 − lr·λ)w instead. Same as `torch.optim.Adam` and `torch.optim.AdamW`.
Sources: Kingma & Ba, ICLR 2015; Reddi et al., ICLR 2018 (AMSGrad); Loshchilov & Hutter, ICLR 2019
(AdamW).
"""

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_lib.base.arguments import Number, is_on
from course_lib.base.optimizer import State, UpdateRule
from course_lib.weight_decay import add_l2, decay


def adam_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number = 1e-3,
    betas: tuple[Number, Number] = (0.9, 0.999),
    eps: Number = 1e-8,
    l2: Number = 0.0,
    weight_decay: Number = 0.0,
    amsgrad: bool = False,
) -> Tensor:
    """One step of Adam: changes `param` and `state` in place, returns `param`; `grad` stays.

    `param`, `grad`: same shape. `state` starts as {} and holds `step`, `exp_avg` (m), `exp_avg_sq`
    (v), as in torch. Every hyper-parameter is a float or a tensor that broadcasts against `param`
    (one value per model). `l2` is the coupled strength, `weight_decay` the decoupled one; both see
    the old weights. With `amsgrad` the largest v so far takes the place of v. Same as one step of
    `torch.optim.Adam(weight_decay=l2)` or `AdamW(weight_decay=weight_decay)`.
    """
    if is_on(l2):
        grad = add_l2(grad, param, l2)  # g ← g + λw          Adam with L2: divided by √v̂ below
    if is_on(weight_decay):
        decay(param, lr, weight_decay)  # w ← (1 − lr·λ)w     AdamW: it is not
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(param), exp_avg_sq=torch.zeros_like(param))
    t = state["step"] = int(state["step"]) + 1
    (beta1, beta2), m, v = betas, state["exp_avg"], state["exp_avg_sq"]
    m.lerp_(grad, 1 - beta1)  # m ← β₁m + (1 − β₁)g
    v.lerp_(grad * grad, 1 - beta2)  # v ← β₂v + (1 − β₂)g²
    if amsgrad:
        v = state["max_exp_avg_sq"] = v.maximum(state.get("max_exp_avg_sq", v))
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param.sub_(lr * m_hat / (v_hat.sqrt() + eps))  # w ← w − lr·m̂/(√v̂ + ε)


def adamw_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number = 1e-3,
    betas: tuple[Number, Number] = (0.9, 0.999),
    eps: Number = 1e-8,
    weight_decay: Number = 1e-2,
    amsgrad: bool = False,
) -> Tensor:
    """One step of AdamW: Adam and one line, with torch's default for its λ, 0.01."""
    decay(param, lr, weight_decay)  # w ← (1 − lr·λ)w
    return adam_update(param, grad, state, lr=lr, betas=betas, eps=eps, amsgrad=amsgrad)


class Adam(UpdateRule):
    """`adam_update` as an optimizer: `torch.optim.Adam`'s arguments, order and defaults.

    `weight_decay` is coupled (L2) unless `decoupled_weight_decay=True`, as in torch. Raises
    `ValueError` for `lr`, `weight_decay` negative, NaN or infinite, `betas` outside [0, 1), `eps`
    outside (0, 1). Differs from torch in keeping `step` as an int; either loads the other's
    `state_dict`.
    """

    update = staticmethod(adam_update)

    def __init__(
        self,
        params: ParamsT,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )


class AdamW(Adam):
    """`Adam` with decoupled weight decay, 0.01 by default. Same as `torch.optim.AdamW`."""

    def __init__(
        self,
        params: ParamsT,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        options = {"maximize": maximize, "decoupled_weight_decay": True}
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # also when the state comes from an Adam that was coupled
            group["decoupled_weight_decay"] = True

"""What came after AdamW, as update functions, each beside the line that it changes.

Muon for matrices with AdamW for the rest, cautious weight decay, schedule-free AdamW.
"""

import torch
from torch import Tensor

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.arguments import Number
from course_lib.base.optimizer import State

QUINTIC = 3.4445, -4.7750, 2.0315  # Jordan et al. 2024: steep at 0, and near 1 within [0.7, 1.2]


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """Nearly UVᵀ for `matrix` = UΣVᵀ, [..., out, in]: directions kept, lengths made alike.

    Newton–Schulz steps send each singular value s, divided by the matrix's norm, through
    as + bs³ + cs⁵. Same as in `torch.optim.Muon`, which computes in bfloat16.
    """
    a, b, c = QUINTIC
    wide = matrix.mT if matrix.shape[-2] > matrix.shape[-1] else matrix
    x = wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x  # s ← as + bs³ + cs⁵
    return x.mT if wide is not matrix else x


def muon_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number = 1e-3,
    momentum: float = 0.95,
    weight_decay: Number = 0.1,
) -> Tensor:
    """One step of Muon for matrices [..., out, in]; changes `param` and `state`, returns `param`.

    Differs from SGD with Nesterov momentum in that the step is orthogonalised, and as long as one
    of AdamW usually is, so that lr and λ can be AdamW's (Liu et al. 2025). Same as
    `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")`.
    """
    buffer = state.setdefault("momentum_buffer", torch.zeros_like(param))
    buffer.mul_(momentum).add_(grad)  # v ← μv + g
    step = orthogonalise(grad + momentum * buffer)
    length = 0.2 * max(param.shape[-2:]) ** 0.5
    return param.mul_(1 - lr * weight_decay).sub_(lr * length * step)


def muon_and_adamw_update(
    param: Tensor, grad: Tensor, state: State, *, lr: float = 1e-3, weight_decay: float = 0.1
) -> Tensor:
    """Muon for a matrix, AdamW for a bias: for `show(update=…)`, one network at a time.

    Differs from the usual recipe in that the last layer, a matrix, gets Muon too.
    """
    update = muon_update if param.dim() == 2 else adamw_update
    return update(param, grad, state, lr=lr, weight_decay=weight_decay)


def cautious_update(
    param: Tensor, grad: Tensor, state: State, *, lr: Number = 1e-3, weight_decay: Number = 1e-2
) -> Tensor:
    """AdamW that decays only weights that Adam's step brings nearer to 0; changes `param`, `state`.

    w ← w − lr·(u + λ·[u·w ≥ 0]·w), u Adam's step (Chen et al. 2025, cautious weight decay).
    """
    before = param.clone()
    adam_update(param, grad, state, lr=lr)
    alike = (before - param) * before >= 0  # u·w ≥ 0
    return param.sub_(lr * weight_decay * torch.where(alike, before, 0.0))


def schedule_free_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Number = 1e-2,
) -> Tensor:
    """One step of schedule-free AdamW (Defazio et al. 2024); changes `param` and `state`.

    `param` is y, where gradients are taken. `state["z"]` makes the steps, `state["x"]` is their
    mean, weighted by lr²: the weights to use in the end.
    """
    if not state:
        state.update(step=0, z=param.clone(), x=param.clone(), sum=0.0)
        state["exp_avg_sq"] = torch.zeros_like(param)
    t = state["step"] = int(state["step"]) + 1
    (beta1, beta2), z, x, v = betas, state["z"], state["x"], state["exp_avg_sq"]
    v.lerp_(grad * grad, 1 - beta2)
    z.sub_(lr * (grad / ((v / (1 - beta2**t)).sqrt() + eps) + weight_decay * param))
    state["sum"] = state["sum"] + lr**2
    x.add_(lr**2 / state["sum"] * (z - x))  # x ← the mean of all z so far
    return param.copy_((1 - beta1) * z + beta1 * x)

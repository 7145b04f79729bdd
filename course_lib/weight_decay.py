"""Weight decay versus L2: where does the pull towards zero enter?

Two lines, and the difference between them is a whole lesson:

    L2 (coupled)               g ← g + λ·w          joins the gradient: meets momentum, Adam's √v, …
    weight decay (decoupled)   w ← (1 − lr·λ)·w     goes past the optimizer, straight to the weight

w: weights (any shape) · g: gradient of the loss (shape of w) · λ ≥ 0: strength · lr: learning rate.
torch calls both `weight_decay`: coupled in `SGD` and `Adam`, decoupled in `AdamW`.
Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
"""

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.base.arguments import Number, add_scaled, require, require_choice

NORMS = (
    nn.modules.batchnorm._NormBase,  # every BatchNorm and InstanceNorm
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def add_l2(grad: Tensor, param: Tensor, l2: Number) -> Tensor:
    """Gradient of loss + (λ/2)‖w‖²: a new tensor g + λ·w, shape of `param`; `grad` stays.

    Same as what `torch.optim.SGD(weight_decay=λ)` and `Adam(weight_decay=λ)` do first.
    """
    return add_scaled(grad, l2, param)  # g + λw


def decay(param: Tensor, lr: Number, weight_decay: Number) -> Tensor:
    """Shrink `param` in place by the factor 1 − lr·λ and return it.

    The loss and its gradient play no part. Same as what `torch.optim.AdamW(weight_decay=λ)` does
    first.
    """
    return param.mul_(1 - lr * weight_decay)  # w ← (1 − lr·λ)w


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two parameter groups for any optimizer: weights decay, biases and norm parameters do not.

    A parameter is spared if it belongs to a normalisation module or has fewer than two dimensions:
    by what it is, not by its name (names lie). Each trainable parameter appears once, in the order
    of `model.parameters()`. Raises `ValueError` for a negative or non-finite `weight_decay`.
    """
    require("weight_decay", weight_decay)
    norms = {
        id(p)
        for module in model.modules()
        if isinstance(module, NORMS)
        for p in module.parameters(recurse=False)
    }
    trained = [p for p in model.parameters() if p.requires_grad]
    spared = {id(p) for p in trained if p.ndim < 2 or id(p) in norms}
    return [
        {"params": [p for p in trained if id(p) not in spared], "weight_decay": weight_decay},
        {"params": [p for p in trained if id(p) in spared], "weight_decay": 0.0},
    ]


def convert_strength(
    value: float,
    source: str,
    target: str,
    *,
    examples: float | None = None,
    lr: float | None = None,
    momentum: float = 0.0,
) -> float:
    """Say the strength `value`, given in convention `source`, in convention `target`.

    | convention     | what λ multiplies                                     | pull on w           |
    |----------------|-------------------------------------------------------|---------------------|
    | `penalty`      | loss + λ‖w‖²                                          | 2λw                 |
    | `half_penalty` | loss + (λ/2)‖w‖²; torch's `weight_decay` of SGD, Adam | λw                  |
    | `per_example`  | loss + (λ/2m)‖w‖², m = `examples`                     | (λ/m)w              |
    | `decoupled`    | w ← (1 − lr·λ)w; torch's `weight_decay` of AdamW      | λ(1 − μ)w           |
    | `per_step`     | w ← (1 − λ)w: the λ of the paper's equation 1         | (λ/lr)(1 − μ)w      |

    Between penalties, and for plain SGD between all five, the weights agree at every step. Under
    heavy-ball `momentum` μ the last two agree with the penalties only where training comes to rest,
    since momentum multiplies what enters the gradient by 1/(1 − momentum) and leaves decay alone.
    Under Adam no factor makes the two kinds agree. Raises `ValueError` for an unknown convention, a
    bad number, or a missing `examples` or `lr`.
    """
    require("value", value)
    require("momentum", momentum, high=1.0)
    pulls: dict[str, Callable[[], float]] = {  # on w, in units of λw
        "penalty": lambda: 2.0,
        "half_penalty": lambda: 1.0,
        "per_example": lambda: 1 / require("examples", examples, open_low=True),
        "decoupled": lambda: 1 - momentum,
        "per_step": lambda: (1 - momentum) / require("lr", lr, open_low=True),
    }
    require_choice("source", source, pulls)
    require_choice("target", target, pulls)
    return value * pulls[source]() / pulls[target]()

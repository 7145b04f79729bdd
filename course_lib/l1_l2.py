"""L1 and L2: which weights go, and why?

    L1   λ‖w‖₁ = λ Σ|wᵢ|          pulls every weight equally hard, ±λ: to exactly zero,
                                  where a step may stop there
    L2   (λ/2)‖w‖² = (λ/2) Σwᵢ²   pulls a weight in proportion to its size, λw: smaller, never zero

|w| has no gradient at 0. A step along a subgradient, lr·λ·sign(w), jumps over 0 and back. The
proximal step goes along the gradient of the loss and then solves the rest exactly:

    w ← S(w − lr·∇loss(w), lr·λ)       S(x, t) = sign(x)·max(|x| − t, 0)       "soft threshold"

w: weights (any shape) · λ ≥ 0: strength, `l1` or `l2` · lr: learning rate · t ≥ 0: threshold.
L2 as here is torch's `weight_decay` of SGD and Adam (`course_lib.weight_decay` says how other texts
scale λ); torch has no proximal optimizer. Which parameters to penalise: `decay_groups` there.
Sources: Tibshirani 1996 (lasso); Zou & Hastie 2005 (elastic net); Daubechies, Defrise & De Mol 2004
(ISTA).
"""

from collections.abc import Callable, Iterable

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_lib.base.arguments import Number, add_scaled, is_on, require
from course_lib.base.optimizer import State, UpdateRule


def l1_penalty(params: Tensor | Iterable[Tensor]) -> Tensor:
    """‖w‖₁ = Σ|wᵢ| over all entries of one tensor or of several (`model.parameters()`).

    A number with a gradient: sign(w), and 0 at 0, as torch has it: one of the subgradients there,
    which are all of [−1, 1].
    """
    return sum(p.abs().sum() for p in _tensors(params))  # Σ|w|


def l2_penalty(params: Tensor | Iterable[Tensor]) -> Tensor:
    """½‖w‖² = ½Σwᵢ² over all entries of one tensor or of several.

    A number with a gradient, which is w. Half the *squared* norm, so that λ times it is torch's
    `weight_decay=λ` in plain SGD.
    """
    return sum(p.square().sum() for p in _tensors(params)) / 2  # ½Σw²


def elastic_net_penalty(params: Tensor | Iterable[Tensor], l1: float, l2: float) -> Tensor:
    """l1·‖w‖₁ + (l2/2)‖w‖², over one tensor or several.

    Same as scikit-learn's `ElasticNet` with l1 = alpha·l1_ratio, l2 = alpha·(1 − l1_ratio). Raises
    `ValueError` for a negative or non-finite strength.
    """
    params = _tensors(params)
    return require("l1", l1) * l1_penalty(params) + require("l2", l2) * l2_penalty(params)


def soft_threshold(x: Tensor, threshold: Number) -> Tensor:
    """S(x, t) = sign(x)·max(|x| − t, 0): every number moves towards zero by t and stops there.

    A new tensor. `threshold`: t, a number ≥ 0, or a tensor ≥ 0 that broadcasts against `x` (one
    strength per model; not checked). Same as `torch.nn.functional.softshrink`, which takes a number
    only. Raises `ValueError` for a negative or non-finite number.
    """
    _require_strengths(threshold=threshold)
    return x - x.clamp(-threshold, threshold)  # within ±t: x − x, exactly zero; beyond: x ∓ t


def proximal_gradient(
    gradient: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    lr: Number,
    l1: Number = 0.0,
    l2: Number = 0.0,
    steps: int = 1000,
) -> Tensor:
    """Minimise loss(w) + l1·‖w‖₁ + (l2/2)‖w‖² for a convex loss, by proximal steps (ISTA).

    `gradient`: function w → ∇loss(w). `start` [..., d]: leading axes are problems solved side by
    side; `lr`, `l1` and `l2` are numbers, or tensors that broadcast against `start` (a strength per
    problem, or per weight). Returns new weights, after `steps` steps. Converges if 0 < lr < 2/λmax
    of the loss's Hessian; the steps then never grow. Raises `ValueError` if they did, and for a
    negative or non-finite number.
    """
    _require_strengths(lr=lr, l1=l1, l2=l2)
    w, moves = start, []
    for step in range(steps):
        old = w
        w = soft_threshold(w - lr * gradient(w), lr * l1)  # w ← S(w − lr·∇loss, lr·l1)
        w = w / (1 + lr * l2)  # the same for l2: w ← w/(1 + lr·l2)
        if step in (0, steps - 1):
            moves.append((w - old).norm(dim=-1))
    if moves and not (moves[-1] <= moves[0] + 1e-9 * start.norm(dim=-1)).all():  # beyond rounding
        raise ValueError(
            f"lr = {lr}: the steps grow; must be in (0, 2/λmax) of the Hessian of a convex loss"
        )
    return w.clone()


def proximal_sgd_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number,
    l1: Number = 0.0,
    momentum: Number = 0.0,
    l2: Number = 0.0,
) -> Tensor:
    """One step of SGD with heavy-ball momentum and coupled L2, then the soft threshold.

    Changes `param` and `state["momentum_buffer"]`, returns `param`. `param`, `grad`: same shape;
    hyper-parameters are numbers, or tensors that broadcast. With `l1=0` the same as one step of
    `torch.optim.SGD(weight_decay=l2)`. With momentum it is no longer exactly the proximal method:
    the threshold belongs to a step of length lr, and the velocity makes longer ones.
    """
    if is_on(l2):
        grad = add_scaled(grad, l2, param)  # g ← g + λ₂w     L2 has a gradient, and goes its way
    if is_on(momentum):
        v = state.get("momentum_buffer")
        grad = grad.clone() if v is None else v.mul_(momentum).add_(grad)  # v ← μv + g
        state["momentum_buffer"] = grad
    add_scaled(param, -lr, grad, out=param)  # w ← w − lr·v
    return param.copy_(soft_threshold(param, lr * l1)) if is_on(l1) else param  # w ← S(w, lr·λ₁)


class ProximalSGD(UpdateRule):
    """`proximal_sgd_update` as an optimizer: SGD with an `l1` that makes weights exactly zero.

    `weight_decay` is coupled L2, as in `torch.optim.SGD`. Put biases and norms into a group with
    `l1=0`. Raises `ValueError` for `lr`, `l1`, `weight_decay` negative, NaN or infinite and
    `momentum` outside [0, 1).
    """

    update = staticmethod(proximal_sgd_update)

    def __init__(
        self,
        params: ParamsT,
        lr: Number = 1e-3,
        l1: float = 0.0,
        momentum: float = 0,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "l1": l1,
                "momentum": momentum,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
        )

    def add_param_group(self, param_group: dict) -> None:
        """Refuse a bad `l1`; other options are refused where all our optimizers refuse them."""
        require("l1", param_group.get("l1", self.defaults["l1"]))
        super().add_param_group(param_group)

    def options(self, group: dict) -> dict:
        """Keyword arguments of the update: what torch calls `weight_decay` is `l2` here."""
        options = {name: group[name] for name in ("lr", "l1", "momentum")}
        return options | {"l2": group["weight_decay"]}


def _require_strengths(**values: Number) -> None:
    for name, value in values.items():
        if not isinstance(value, Tensor):
            require(name, value)


def _tensors(params: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """A list of one tensor or of several: `model.parameters()` runs dry after one use."""
    tensors = [params] if isinstance(params, Tensor) else list(params)
    if not tensors:
        raise ValueError("params = []: must hold at least one tensor")
    return tensors

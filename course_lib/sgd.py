"""Minibatch SGD: what does one step do with the gradient?

    v ← μ·v + (1 − τ)·g          heavy-ball momentum (the first v is g itself)
    w ← w − lr·v                 Nesterov: w ← w − lr·(g + μ·v)

w: weights · g: gradient, v: velocity, shape of w · μ ∈ [0, 1): momentum · τ: dampening · lr ≥ 0: learning rate.
With g + λw for g there is L2 (coupled); with w ← (1 − lr·λ)w before the step there is weight decay (decoupled).
Same as `torch.optim.SGD`, which has only the coupled kind and calls it `weight_decay`.
Sources: Polyak 1964; Sutskever et al., "On the importance of initialization and momentum", ICML 2013.
"""

from course_lib._arguments import add_scaled, is_on
from course_lib._optimizer import UpdateRule
from course_lib.weight_decay import add_l2, decay


def sgd_update(param, grad, state, *, lr, momentum=0.0, dampening=0.0, nesterov=False, l2=0.0, weight_decay=0.0):
    """One step of SGD: changes `param` and `state["momentum_buffer"]` in place, returns `param`; `grad` is not touched.

    `param`, `grad`: same shape. Every hyper-parameter is a float or a tensor that broadcasts against `param`
    (one value per model). `l2` is the coupled strength, `weight_decay` the decoupled one; both see the old weights.
    Same as one `torch.optim.SGD` step with `weight_decay=l2`; torch has no decoupled SGD.
    """
    if is_on(l2):
        grad = add_l2(grad, param, l2)  # g ← g + λw            L2: joins the gradient, and so the velocity
    if is_on(weight_decay):
        decay(param, lr, weight_decay)  # w ← (1 − lr·λ)w       weight decay: past gradient and velocity
    if is_on(momentum):
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = grad.clone()  # v ← g, undamped, as in torch
        else:
            v = state["momentum_buffer"].mul_(momentum)
            add_scaled(v, 1 - dampening * (momentum != 0), grad, out=v)  # v ← μv + (1 − τ)g (as in torch: no μ, no τ)
        v = state["momentum_buffer"]
        grad = grad + momentum * v if nesterov else v
    return add_scaled(param, -lr, grad, out=param)  # w ← w − lr·v


class SGD(UpdateRule):
    """`sgd_update` as an optimizer: `torch.optim.SGD`'s arguments, order and defaults, and one more.

    `weight_decay` is coupled (L2) as in torch, unless `decoupled_weight_decay=True`, which makes it SGDW.
    Raises `ValueError` for `lr`, `weight_decay` negative, NaN or infinite, `momentum` outside [0, 1), and Nesterov
    without momentum or with dampening. Differs from torch in that torch accepts some of these.
    """

    update = staticmethod(sgd_update)

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *,
                 maximize=False, decoupled_weight_decay=False):  # fmt: skip
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

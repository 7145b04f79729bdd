"""L2 and weight decay: two lines of code, where they agree, and where and by how much they do
not.
"""

import math
from itertools import cycle, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.adamw import Adam, AdamW, adam_update
from course_lib.sgd import SGD, sgd_update
from course_lib.weight_decay import add_l2, convert_strength, decay, decay_groups
from tests._optimizers import assert_close, normal, path

float64 = {"dtype": torch.float64}

# ---------------------------------------------------------------- the two lines


def loss_of(w):
    """Logistic loss of w [3, 2] on forty rows: not quadratic, so that nothing agrees by linearity
    alone.
    """
    x, y = normal(40, 3, seed=7), normal(40, 2, seed=8).sign()
    return nn.functional.softplus(-y * (x @ w)).mean()


def gradient_of(loss):
    def gradient(w):
        w = w.detach().clone().requires_grad_()
        return torch.autograd.grad(loss(w), w)[0]

    return gradient


@given(strength=st.floats(0, 10), shape=st.lists(st.integers(1, 4), max_size=4))
def test_add_l2_is_the_gradient_of_the_loss_plus_half_lambda_w_squared(strength, shape):
    w = normal(*shape)

    def loss(w):
        return w.sin().sum()

    def penalised(w):
        return loss(w) + strength / 2 * (w**2).sum()

    grad = gradient_of(loss)(w)
    before = grad.clone()
    assert_close(f"λ = {strength}", add_l2(grad, w, strength), gradient_of(penalised)(w))
    assert torch.equal(grad, before) and torch.equal(w, normal(*shape))


@given(lr=st.floats(0, 1), strength=st.floats(0, 10), shape=st.lists(st.integers(1, 4), max_size=4))
def test_decay_shrinks_in_place(lr, strength, shape):
    w = normal(*shape)
    assert decay(w, lr, strength) is w
    assert_close(f"lr = {lr}, λ = {strength}", w, normal(*shape) - lr * strength * normal(*shape))


def test_a_strength_per_model():
    strengths, w = torch.tensor([0.0, 0.1, 2.0], **float64).view(3, 1, 1), normal(3, 2, 2)
    pulled, shrunk = add_l2(normal(3, 2, 2, seed=1), w, strengths), decay(w.clone(), 0.5, strengths)
    for i, strength in enumerate((0.0, 0.1, 2.0)):
        assert_close(
            f"add_l2, model {i}",
            pulled[i],
            add_l2(normal(3, 2, 2, seed=1)[i], w[i], strength),
            1e-15,
        )
        assert_close(f"decay, model {i}", shrunk[i], decay(w[i].clone(), 0.5, strength), 1e-15)


# ---------------------------------------------------------- lesson 03, Exact: where they agree


def test_plain_sgd_has_one_weight_decay_said_in_three_ways():
    lr, lam, start = 0.1, 0.02, normal(3, 2)
    penalised = gradient_of(lambda w: loss_of(w) + lam * (w**2).sum())
    runs = {
        "loss + λ‖w‖²": path(sgd_update, start, [penalised] * 1000, lr=lr),
        "weight_decay = 2λ": path(
            sgd_update, start, [gradient_of(loss_of)] * 1000, lr=lr, l2=2 * lam
        ),
        "w ← (1 − lr·2λ)w": path(
            sgd_update, start, [gradient_of(loss_of)] * 1000, lr=lr, weight_decay=2 * lam
        ),
    }
    undecayed = path(sgd_update, start, [gradient_of(loss_of)] * 1000, lr=lr)
    for name, run in runs.items():
        assert_close(name, run, runs["loss + λ‖w‖²"])
    assert (undecayed - run)[-1].abs().max() > 1e-2, "the decay must matter"


# ---------------------------------------------------------------- and where they do not: momentum

FED = [normal(3, 2, seed=step) for step in range(1, 6)]


def both(**options):
    """Weights of the coupled and the decoupled run, after each step, on the same gradients."""
    return path(sgd_update, normal(3, 2), FED, l2=0.1, **options), path(
        sgd_update, normal(3, 2), FED, weight_decay=0.1, **options
    )


def test_heavy_ball_agrees_on_the_first_step_and_differs_from_the_second():
    coupled, decoupled = both(lr=0.1, momentum=0.9)
    assert_close("step 1", coupled[0], decoupled[0], 1e-15)
    # lr·μ·λw: the velocity still holds the pull of step 1
    remembered = 0.1 * 0.9 * 0.1 * normal(3, 2)
    assert_close("step 2", coupled[1], decoupled[1] - remembered)
    assert (coupled - decoupled)[1:].abs().amax((1, 2)).min() > 1e-3


def test_nesterov_differs_from_the_first_step():
    coupled, decoupled = both(lr=0.1, momentum=0.9, nesterov=True)
    ahead = 0.1 * 0.9 * 0.1 * normal(3, 2)  # lr·μ·λw: the pull is followed one step ahead as well
    assert_close("step 1", coupled[0], decoupled[0] - ahead)


HESSIAN = torch.tensor([[2.0, 0.5], [0.5, 1.0]], **float64)
CENTER = torch.tensor([2.0, -1.0], **float64)  # the loss is ½(w − center)ᵀH(w − center)


def bowl(w):
    return HESSIAN @ (w - CENTER)


def ridge(lam):
    """Where (H + λ)w = H·center: the lowest point of the loss + (λ/2)‖w‖²."""
    return torch.linalg.solve(HESSIAN + lam * torch.eye(2, **float64), HESSIAN @ CENTER)


def rest(ema=False, **options):
    """Where 700 steps on the bowl end.

    With `ema`, v ← βv + (1 − β)g from v = 0, as in the source.
    """
    state = {"momentum_buffer": torch.zeros(2, **float64)} if ema else {}
    damped = {"dampening": options["momentum"]} if ema else {}
    return path(
        sgd_update, torch.zeros(2, **float64), [bowl] * 700, state, lr=0.2, **damped, **options
    )[-1]


@pytest.mark.parametrize("lam", [0.1, 1.0])
@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_at_rest_momentum_leaves_l2_alone_and_weakens_weight_decay(beta, lam):
    assert_close("coupled", rest(momentum=beta, l2=lam), ridge(lam))
    assert_close("decoupled", rest(momentum=beta, weight_decay=lam), ridge(lam * (1 - beta)))
    assert_close("plain SGD, decoupled", rest(weight_decay=lam), ridge(lam))
    assert (ridge(lam) - ridge(lam * (1 - beta))).abs().max() > 0.02, "the two ends differ"


def test_at_rest_momentum_of_nine_tenths_makes_weight_decay_ten_times_weaker():
    assert_close("λ = 0.5", rest(momentum=0.9, weight_decay=0.5), rest(momentum=0.9, l2=0.05))


@pytest.mark.parametrize("lam", [0.1, 1.0])
def test_at_rest_the_averaging_form_leaves_both_alone(lam):
    assert_close("coupled", rest(ema=True, momentum=0.9, l2=lam), ridge(lam))
    assert_close("decoupled", rest(ema=True, momentum=0.9, weight_decay=lam), ridge(lam))


def averaging(start, lr, beta=0.9, **options):
    state = {"momentum_buffer": torch.zeros_like(start)}
    return path(
        sgd_update, start, [bowl] * 200, state, lr=lr, momentum=beta, dampening=beta, **options
    )


def heavy_ball(start, lr, beta=0.9, **options):
    return path(sgd_update, start, [bowl] * 200, lr=lr, momentum=beta, **options)


def test_averaging_and_heavy_ball_are_one_path_under_a_rate_ten_times_smaller():
    start, lr = normal(2), 0.5
    assert_close("no decay", averaging(start, lr), heavy_ball(start, lr * 0.1))
    assert_close("L2", averaging(start, lr, l2=0.2), heavy_ball(start, lr * 0.1, l2=0.2))
    decayed = averaging(start, lr, weight_decay=0.02)
    assert_close(
        "weight decay, λ rescaled too", decayed, heavy_ball(start, lr * 0.1, weight_decay=0.2)
    )
    assert (decayed - heavy_ball(start, lr * 0.1, weight_decay=0.02))[1:].abs().amax(
        1
    ).min() > 1e-3, "else not"


# ---------------------------------------------------------------- and where they do not: Adam

V = torch.logspace(-4, 4, 9, **float64)  # mean squared gradient of nine weights


def shrinkage(**options):
    """Relative shrinkage in one step, over lr·λ = 10⁻⁶, of weights with these v whose gradient is
    zero just now.
    """
    w = normal(9) + normal(9).sign()
    state = {"step": 10**9, "exp_avg": torch.zeros(9, **float64), "exp_avg_sq": V / 0.999}
    after = path(
        adam_update, w, [torch.zeros(9, **float64)], state, lr=1.0, betas=(0.0, 0.999), **options
    )[0]
    return (w - after) / w / 1e-6


def test_under_adam_l2_decays_a_weight_as_one_over_root_v_and_weight_decay_all_alike():
    # λ is so small that λw adds nothing to v; ε = 10⁻⁸ is 10⁻⁶ of the smallest √v
    coupled, decoupled = shrinkage(l2=1e-6), shrinkage(weight_decay=1e-6)
    assert (coupled * V.sqrt() - 1).abs().max() < 2e-6
    assert (decoupled - 1).abs().max() < 1e-6
    assert coupled[0] / coupled[-1] == pytest.approx(1e4, rel=1e-5), "large gradients, small decay"


@pytest.mark.parametrize("scale", [1e-3, 2.0, 100.0])
def test_scaling_the_loss_under_adam_is_scaling_lambda_and_epsilon_down(scale):
    grads = [normal(3, 2, seed=step) for step in range(1, 51)]
    scaled = path(adam_update, normal(3, 2), [scale * g for g in grads], lr=0.05, l2=0.1, eps=0.01)
    both = path(adam_update, normal(3, 2), grads, lr=0.05, l2=0.1 / scale, eps=0.01 / scale)
    assert_close("λ/c and ε/c", scaled, both)
    only_l2 = path(adam_update, normal(3, 2), grads, lr=0.05, l2=0.1 / scale, eps=0.01)
    only_eps = path(adam_update, normal(3, 2), grads, lr=0.05, l2=0.1, eps=0.01 / scale)
    assert (scaled - only_l2).abs().max() > 1e-4 and (scaled - only_eps).abs().max() > 1e-4


def test_scaling_the_loss_under_adamw_leaves_lambda_alone():
    grads = [normal(3, 2, seed=step) for step in range(1, 51)]
    scaled = path(
        adam_update, normal(3, 2), [100 * g for g in grads], lr=0.05, weight_decay=0.1, eps=0.01
    )
    assert_close(
        "ε/c",
        scaled,
        path(adam_update, normal(3, 2), grads, lr=0.05, weight_decay=0.1, eps=0.01 / 100),
    )


# ---------------------------------------------------------------- convert_strength

EXAMPLES, LR = 50, 0.1
PENALTIES = {  # what each convention adds to the loss
    "penalty": lambda w, lam: lam * (w**2).sum(),
    "half_penalty": lambda w, lam: lam / 2 * (w**2).sum(),
    "per_example": lambda w, lam: lam / (2 * EXAMPLES) * (w**2).sum(),
}
SHRINKING = {  # by what each convention multiplies the weights
    "decoupled": lambda lam: 1 - LR * lam,
    "per_step": lambda lam: 1 - lam,
}
CONVENTIONS = [*PENALTIES, *SHRINKING]
conventions = st.sampled_from(CONVENTIONS)


def pull(convention, w, lam):
    """What one step of plain SGD takes from w on account of this convention, over lr."""
    if convention in PENALTIES:
        return gradient_of(lambda w: PENALTIES[convention](w, lam))(w)
    return (w - SHRINKING[convention](lam) * w) / LR


@pytest.mark.parametrize("target", CONVENTIONS)
@pytest.mark.parametrize("source", CONVENTIONS)
def test_converted_strengths_pull_alike(source, target):
    converted = convert_strength(0.3, source, target, examples=EXAMPLES, lr=LR)
    assert_close(
        f"{source} → {target}",
        pull(target, normal(5), converted),
        pull(source, normal(5), 0.3),
        1e-14,
    )


def test_torchs_weight_decay_is_twice_the_penalty():
    assert convert_strength(0.3, "penalty", "half_penalty") == 0.6
    assert convert_strength(0.5, "decoupled", "per_step", lr=0.01) == pytest.approx(
        0.005, rel=1e-15
    )
    assert convert_strength(3.0, "per_example", "half_penalty", examples=60) == pytest.approx(
        0.05, rel=1e-15
    )


@pytest.mark.parametrize(
    ("source", "target", "momentum"),
    [(*pair, mu) for pair, mu in zip(product(CONVENTIONS, repeat=2), cycle([0.5, 0.9]))],
)
def test_converted_strengths_rest_at_one_place_under_momentum(source, target, momentum):
    as_options = {  # what training takes for a strength in each convention
        "penalty": lambda lam: {"l2": 2 * lam},
        "half_penalty": lambda lam: {"l2": lam},
        "per_example": lambda lam: {"l2": lam / EXAMPLES},
        "decoupled": lambda lam: {"weight_decay": lam},
        "per_step": lambda lam: {"weight_decay": lam / 0.2},  # the lr of rest()
    }
    converted = convert_strength(0.03, source, target, examples=EXAMPLES, lr=0.2, momentum=momentum)
    ends = [
        rest(momentum=momentum, **as_options[name](lam))
        for name, lam in ((source, 0.03), (target, converted))
    ]
    assert_close(f"{source} → {target}", *ends)


@given(
    value=st.just(0.0) | st.floats(1e-6, 1e6),
    a=conventions,
    b=conventions,
    c=conventions,
    numbers=st.fixed_dictionaries(
        {
            "examples": st.integers(1, 10**6),
            "lr": st.floats(1e-6, 10),
            "momentum": st.floats(0, 0.99),
        }
    ),
)
def test_conversions_go_there_and_back_and_compose(value, a, b, c, numbers):
    there = convert_strength(value, a, b, **numbers)
    assert math.isclose(convert_strength(there, b, a, **numbers), value, rel_tol=1e-14)
    straight = convert_strength(value, a, c, **numbers)
    assert math.isclose(convert_strength(there, b, c, **numbers), straight, rel_tol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": -1.0}, r"^value = -1.0: must be a finite number in \[0, ∞\)$"),
        ({"value": math.nan}, r"^value = nan: "),
        (
            {"source": "l2"},
            r"^source = 'l2': must be one of 'penalty', 'half_penalty', 'per_example', ",
        ),
        ({"target": "l2"}, r"^target = 'l2': must be one of "),
        ({"source": "per_example"}, r"^examples = None: must be a finite number in \(0, ∞\)$"),
        ({"source": "per_example", "examples": 0}, r"^examples = 0: "),
        ({"target": "per_step"}, r"^lr = None: must be a finite number in \(0, ∞\)$"),
        ({"target": "per_step", "lr": 0.0}, r"^lr = 0.0: "),
        ({"momentum": 1.0}, r"^momentum = 1.0: must be a finite number in \[0, 1\)$"),
    ],
)
def test_convert_strength_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        convert_strength(**{"value": 1.0, "source": "penalty", "target": "decoupled", **arguments})


# ---------------------------------------------------------------- decay_groups


class Net(nn.Module):
    """One of everything that decides whether a parameter is decayed, with misleading names."""

    def __init__(self):
        super().__init__()
        self.bias_free_conv = nn.Conv2d(3, 4, 3)
        self.bn_like_name = nn.Linear(4, 4)
        self.innocent = nn.BatchNorm2d(4)
        self.group = nn.GroupNorm(2, 4)
        self.over_two_axes = nn.LayerNorm((4, 5))  # its weight has two dimensions
        self.rms = nn.RMSNorm((4, 5))
        self.instance = nn.InstanceNorm1d(4, affine=True)
        self.embedding = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight  # tied
        self.temperature = nn.Parameter(torch.tensor(1.0))
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.free_matrix = nn.Parameter(torch.ones(2, 2))


def names(net, params):
    name_of = {id(p): name for name, p in net.named_parameters()}
    return [name_of[id(p)] for p in params]


def test_decay_groups_go_by_what_a_parameter_is():
    net = Net()
    decayed, spared = decay_groups(net, 0.1)
    assert decayed["weight_decay"] == 0.1 and spared["weight_decay"] == 0.0
    assert names(net, decayed["params"]) == [
        "free_matrix",
        "bias_free_conv.weight",
        "bn_like_name.weight",
        "embedding.weight",
    ]
    trained = {name for name, p in net.named_parameters() if p.requires_grad}
    assert set(names(net, spared["params"])) == trained - set(names(net, decayed["params"]))
    assert len(decayed["params"]) + len(spared["params"]) == len(trained), (
        "each once, tied ones too"
    )


def test_decay_groups_keep_the_order_of_the_parameters():
    net = Net()
    order = names(net, net.parameters())
    for group in decay_groups(net, 0.1):
        places = [order.index(name) for name in names(net, group["params"])]
        assert places == sorted(places)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize(
    "make",
    [Net, lambda: nn.LayerNorm(3), lambda: nn.Linear(3, 2, bias=False)],
    ids=["everything", "norm", "no bias"],
)
def test_any_optimizer_takes_the_groups_and_decays_the_weights_only(make, kind):
    net = make()
    groups = decay_groups(net, 0.5)
    before = {p: p.detach().clone() for p in net.parameters()}
    optimizer = kind(groups, lr=0.1)
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert all(((p - before[p]) * before[p] < 0).all() for p in groups[0]["params"]), "towards zero"
    assert all(torch.equal(p, before[p]) for p in groups[1]["params"])


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1"])
def test_decay_groups_refuse(value):
    with pytest.raises(
        ValueError, match=r"^weight_decay = .*: must be a finite number in \[0, ∞\)$"
    ):
        decay_groups(nn.Linear(2, 2), value)

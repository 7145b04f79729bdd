"""Our optimizers are real torch optimizers: groups, state, schedules, closures and refusals, beside
torch's own.
"""

import copy
import inspect
import io
import itertools
import math
import pickle
import re

import pytest
import torch

from course_lib.adamw import Adam, AdamW
from course_lib.sgd import SGD
from tests._optimizers import (
    SCHEDULERS,
    STEPS,
    assert_close,
    assert_same_path,
    build,
    feed,
    gradients,
    normal,
    parameters,
    params_of,
    with_gaps,
)

TWINS = {  # name: (ours, torch's, options that leave no term out)
    "SGD": (
        SGD,
        torch.optim.SGD,
        {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "Adam": (Adam, torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}),
    "AdamW": (AdamW, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}
twins = pytest.mark.parametrize(("ours", "theirs", "options"), TWINS.values(), ids=TWINS)
BATCHES = list(gradients(40))


def saved_and_loaded(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def train(optimizer, batches):
    for batch in batches:
        feed(optimizer, batch)
    return optimizer


def continued(kind, optimizer, options, carry=copy.deepcopy):
    """A new optimizer of this kind on copies of the parameters, with the state of `optimizer`."""
    fresh = build(kind, options)
    with torch.no_grad():
        for p, q in zip(params_of(fresh), params_of(optimizer), strict=True):
            p.copy_(q)
    fresh.load_state_dict(carry(optimizer.state_dict()))
    return fresh


def assert_bitwise(ours, theirs):
    for p, q in zip(params_of(ours), params_of(theirs), strict=True):
        assert torch.equal(p, q)


# ---------------------------------------------------------------- schedules


@twins
@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_a_scheduler_on_top_gives_torchs_run(schedule, ours, theirs, options):
    optimizers = build(ours, options), build(theirs, options)
    schedulers = [SCHEDULERS[schedule](optimizer) for optimizer in optimizers]
    metric = itertools.cycle([3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 1.0])
    seen = set()

    def between(step):
        value = [next(metric)] if schedule == "ReduceLROnPlateau" else []
        for scheduler in schedulers:
            scheduler.step(*value)
        left, right = (
            {k: o.param_groups[0].get(k) for k in ("lr", "momentum", "betas")} for o in optimizers
        )
        assert left == right, f"{schedule}, step {step}"
        seen.add(tuple(left.values()))

    assert_same_path(schedule, *optimizers, gradients(STEPS - 1), between)
    assert len(seen) > 2, "the schedule must have moved"
    if schedule == "OneCycleLR":
        assert len({values[1:] for values in seen}) > 2, "and momentum or β₁ with it"


@twins
def test_a_scheduler_changes_a_tensor_rate_in_place(ours, theirs, options):
    rates = torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)
    optimizers = [
        build(kind, {**options, "lr": lr}) for kind, lr in zip((ours, theirs), rates, strict=True)
    ]
    schedulers = [SCHEDULERS["StepLR"](optimizer) for optimizer in optimizers]
    assert_same_path(
        "tensor rate",
        *optimizers,
        BATCHES,
        lambda step: [scheduler.step() for scheduler in schedulers],
    )
    assert rates[0] == rates[1] == 0.1 / 2**5


@twins
def test_the_schedule_is_read_from_initial_lr_in_a_state_dict(ours, theirs, options):
    def schedule(optimizer, **where):
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step), **where)

    whole = build(ours, options)
    scheduler = schedule(whole)
    rates = []
    for batch in BATCHES[:20]:
        feed(whole, batch)
        scheduler.step()
        rates.append(whole.param_groups[0]["lr"])
        if len(rates) == 7:
            part = continued(ours, whole, {**options, "lr": 123.0})
    group = part.state_dict()["param_groups"][0]
    assert group["initial_lr"] == options["lr"] and math.isclose(
        group["initial_lr"] / group["lr"], 1 + 7
    )
    again = schedule(part, last_epoch=7 - 1)  # needs initial_lr; its own first step is number 7
    for batch, rate in zip(BATCHES[7:20], rates[6:], strict=False):
        assert part.param_groups[0]["lr"] == rate
        feed(part, batch)
        again.step()
    assert_bitwise(part, whole)


# ---------------------------------------------------------------- state


@twins
@pytest.mark.parametrize(
    "carry", [copy.deepcopy, saved_and_loaded], ids=["state_dict", "torch.save and torch.load"]
)
def test_a_resumed_run_is_bit_for_bit_the_uninterrupted_one(carry, ours, theirs, options):
    first = train(build(ours, options), BATCHES[:20])
    resumed = continued(ours, first, {"lr": 0.5}, carry)  # the options come with the state
    assert_bitwise(train(resumed, BATCHES[20:]), train(first, BATCHES[20:]))


@twins
def test_a_run_resumed_with_its_scheduler_is_bit_for_bit_the_uninterrupted_one(
    ours, theirs, options
):
    make = SCHEDULERS["OneCycleLR"]
    first = build(ours, options)
    scheduler = make(first)
    for batch in BATCHES[:20]:
        feed(first, batch)
        scheduler.step()
    second = build(ours, options)
    other = make(second)
    with torch.no_grad():
        for p, q in zip(params_of(second), params_of(first), strict=True):
            p.copy_(q)
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    other.load_state_dict(copy.deepcopy(scheduler.state_dict()))
    for batch in BATCHES[20:]:
        for optimizer, schedule in ((first, scheduler), (second, other)):
            feed(optimizer, batch)
            schedule.step()
    assert_bitwise(second, first)


@twins
def test_resuming_without_the_state_is_not_the_same_run(ours, theirs, options):
    first = train(build(ours, options), BATCHES[:20])
    forgetful = continued(ours, first, options, lambda state: {**copy.deepcopy(state), "state": {}})
    train(forgetful, BATCHES[20:])
    train(first, BATCHES[20:])
    assert (params_of(forgetful)[0] - params_of(first)[0]).abs() > 1e-4


@twins
def test_torch_loads_our_state_and_we_load_torchs(ours, theirs, options):
    for source, target in ((ours, theirs), (theirs, ours)):
        first = train(build(source, options), BATCHES[:20])
        second = continued(target, first, {"lr": 0.5}, saved_and_loaded)
        case = f"{source.__module__} → {target.__module__}"
        assert_same_path(
            case, *((first, second) if source is ours else (second, first)), BATCHES[20:]
        )


def test_adamw_stays_decoupled_when_it_loads_the_state_of_a_coupled_adam():
    options = TWINS["Adam"][2]
    first = train(build(Adam, options), BATCHES[:20])
    pair = continued(AdamW, first, {}), continued(torch.optim.AdamW, first, {})
    assert_same_path("Adam → AdamW", *pair, BATCHES[20:])


@twins
def test_pickled_and_deep_copied_optimizers_go_on_alike(ours, theirs, options):
    first = train(build(ours, options), BATCHES[:20])
    pickled, copied = pickle.loads(pickle.dumps(first)), copy.deepcopy(first)
    assert params_of(copied)[0] is not params_of(first)[0]
    train(first, BATCHES[20:])
    assert_bitwise(train(pickled, BATCHES[20:]), first)
    assert_bitwise(train(copied, BATCHES[20:]), first)


# ---------------------------------------------------------------- parameters


@twins
def test_a_group_may_join_in_the_middle(ours, theirs, options):
    optimizers = []
    for kind in (ours, theirs):
        params = parameters()
        optimizer = kind(params[:2], **options)
        for batch in BATCHES[:10]:
            for p, g in zip(params, batch[:2], strict=False):
                p.grad = g.clone()
            optimizer.step()
        optimizer.add_param_group({"params": params[2:], "lr": 0.2})
        assert optimizer.param_groups[1]["weight_decay"] == options["weight_decay"], (
            "defaults fill the new group"
        )
        optimizers.append(optimizer)
    assert_same_path("joined", *optimizers, BATCHES[10:])


@twins
def test_named_parameters_are_taken_and_their_names_kept(ours, theirs, options):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4)).double()
    with torch.no_grad():
        net[0].weight.copy_(normal(4, 3))
        net[0].bias.copy_(normal(4))
    other = copy.deepcopy(net)
    optimizers = ours(net.named_parameters(), **options), theirs(other.parameters(), **options)
    x = normal(5, 3)
    for step in range(5):
        for model, optimizer in zip((net, other), optimizers, strict=True):
            optimizer.zero_grad()
            model(x).tanh().sum().backward()
            optimizer.step()
        for (name, p), q in zip(net.named_parameters(), other.parameters(), strict=True):
            assert_close(f"step {step}, {name}", p, q)
    assert optimizers[0].state_dict()["param_groups"][0]["param_names"] == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
    ]


@twins
def test_no_gradients_no_step(ours, theirs, options):
    optimizer = build(ours, options)
    before = [p.clone() for p in params_of(optimizer)]
    assert optimizer.step() is None
    assert all(torch.equal(p, q) for p, q in zip(params_of(optimizer), before, strict=True))
    assert not any(optimizer.state.values())


@twins
def test_parameters_need_not_be_contiguous(ours, theirs, options):
    def build_transposed(kind):
        params = parameters()
        params[2] = torch.nn.Parameter(normal(3, 4).T)
        params[3] = torch.nn.Parameter(
            params[3].detach().contiguous(memory_format=torch.channels_last)
        )
        assert not params[2].is_contiguous() and not params[3].is_contiguous()
        return kind(params, **options)

    assert_same_path(
        "not contiguous", build_transposed(ours), build_transposed(theirs), with_gaps(BATCHES)
    )


# ---------------------------------------------------------------- step()


@twins
def test_the_closure_runs_once_with_gradients_on_and_its_loss_comes_back(ours, theirs, options):
    optimizer, calls, losses = build(ours, options), [], []

    def closure():
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in params_of(optimizer))
        loss.backward()
        calls.append(torch.is_grad_enabled())
        losses.append(loss)
        return loss

    with torch.no_grad():
        returned = [optimizer.step(closure) for _ in range(3)]
    assert calls == [True] * 3
    assert all(a is b for a, b in zip(returned, losses, strict=True))
    assert losses[2] < losses[1] < losses[0]


@twins
@pytest.mark.parametrize("maximize", [False, True])
def test_step_never_touches_the_gradient(maximize, ours, theirs, options):
    optimizer = build(ours, {**options, "maximize": maximize})
    for batch in BATCHES[:3]:
        for p, g in zip(params_of(optimizer), batch, strict=True):
            p.grad = g.clone()
        held = [(p.grad, p.grad._version) for p in params_of(optimizer)]
        optimizer.step()
        optimizer.step()  # gradients add up until zero_grad: a second step sees the same ones
        for p, g, (grad, version) in zip(params_of(optimizer), batch, held, strict=True):
            assert p.grad is grad and grad._version == version and torch.equal(grad, g)


@twins
def test_leaves_no_graph_behind(ours, theirs, options):
    optimizer = train(build(ours, options), BATCHES[:2])
    for p in params_of(optimizer):
        assert p.is_leaf and p.requires_grad
        assert not any(torch.is_tensor(v) and v.requires_grad for v in optimizer.state[p].values())


@twins
def test_sparse_and_complex_gradients_are_refused(ours, theirs, options):
    weights = torch.nn.Embedding(5, 2, sparse=True)
    weights(torch.tensor([1, 3])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse.*dense real gradients only"):
        ours(weights.parameters(), **options).step()
    z = torch.zeros(2, dtype=torch.complex128, requires_grad=True)
    z.grad = torch.ones_like(z)
    with pytest.raises(RuntimeError, match="complex.*dense real gradients only"):
        ours([z], **options).step()


# ---------------------------------------------------------------- refusals

nan, inf = math.nan, math.inf
NOT_A_STRENGTH = [
    -1.0,
    nan,
    inf,
    -inf,
    "0.1",
    True,
    None,
    torch.tensor(nan),
    torch.tensor([0.1, 0.2]),
]
REFUSED = [  # argument, optimizer, value, allowed range
    *(
        (name, kind, value, "[0, ∞)")
        for name in ("lr", "weight_decay")
        for kind in TWINS
        for value in NOT_A_STRENGTH
    ),
    *(("momentum", "SGD", value, "[0, 1)") for value in (-0.1, 1.0, 1.5, nan, inf, "0.9")),
    *(("dampening", "SGD", value, "(−∞, ∞)") for value in (nan, inf, "0")),
    *(
        ("eps", kind, value, "(0, 1)")
        for kind in ("Adam", "AdamW")
        for value in (0.0, -1e-8, 1.0, nan, inf, "0")
    ),
]


@pytest.mark.parametrize(
    ("name", "kind", "value", "allowed"),
    REFUSED,
    ids=lambda x: repr(x) if not isinstance(x, str) else x,
)
def test_refuses_naming_argument_value_and_range(name, kind, value, allowed):
    ours, options = TWINS[kind][0], {"lr": 0.1}
    message = f"{name} = {value!r}: must be a finite number in {allowed}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ours(parameters(), **{**options, name: value})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):  # in one group of several
        ours([{"params": parameters()}, {"params": parameters(), name: value}], **options)
    optimizer = ours(parameters(), **options)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):  # in a group that comes later
        optimizer.add_param_group({"params": parameters(), name: value})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, nan, inf, "0.9"])
def test_refuses_betas_naming_which_one(value, place, kind):
    betas = [0.9, 0.999]
    betas[place] = value
    message = f"betas[{place}] = {value!r}: must be a finite number in [0, 1)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kind(parameters(), betas=tuple(betas))


@pytest.mark.parametrize("betas", [(), (0.9,), (0.9, 0.99, 0.999), 0.9, None])
def test_refuses_betas_that_are_no_pair(betas):
    with pytest.raises(
        ValueError,
        match=f"^{re.escape(f'betas = {betas!r}: must be two numbers, each in [0, 1)')}$",
    ):
        Adam(parameters(), betas=betas)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.0}, {"momentum": 0.9, "dampening": 0.1}])
def test_refuses_nesterov_without_momentum_or_with_dampening(options):
    with pytest.raises(
        ValueError,
        match=r"nesterov = True with momentum = .*momentum in \(0, 1\) and dampening = 0",
    ):
        SGD(parameters(), nesterov=True, **options)


def test_torch_lets_some_of_these_pass():
    # what the docstring of UpdateRule says of torch; should torch mend it, the sentence goes
    for options in (
        {"lr": nan},
        {"lr": inf},
        {"momentum": 1.5},
        {"momentum": nan},
        {"weight_decay": nan},
    ):
        torch.optim.SGD(parameters(), **options)
    for options in ({"lr": inf}, {"weight_decay": inf}):
        torch.optim.Adam(parameters(), **options)


@twins
def test_arguments_have_torchs_names_order_and_defaults(ours, theirs, options):
    mine, torchs = (inspect.signature(kind).parameters for kind in (ours, theirs))
    by_position = [name for name, p in mine.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == list(torchs)[: len(by_position)]
    for name in mine.keys() & torchs.keys():
        assert mine[name].default == torchs[name].default, name
    assert mine.keys() - torchs.keys() <= {"decoupled_weight_decay"}

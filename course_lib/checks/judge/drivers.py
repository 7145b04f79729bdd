"""How each kind of answer is put through a case: the calls that are made, and what of them is
written down.

A driver gets the answer's objects, the case (inputs only, see `task`) and `note(where, what,
value)`.
"""

import copy
import functools
import inspect
import io

import torch
from torch import nn

from course_lib.checks.judge import masks, norms, scripts
from course_lib.checks.judge.values import decode


class AnswerError(Exception):
    """The answer cannot be called the way the task calls it."""


def invoke(function, *args, **kwargs):
    """`function(*args, **kwargs)`, having first asked whether its signature takes these
    arguments.
    """
    if not callable(function):
        raise AnswerError(f"a {type(function).__name__} stands there where a function should")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a built-in without one
        return function(*args, **kwargs)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise AnswerError(f"{error}") from None
    return function(*args, **kwargs)


INPUT = "the input "  # what a part is called that notes an argument after the call


def call(answers, case, note):
    """One function, called once: its result, what became of its inputs, and whether the two share
    memory.
    """
    (function,) = answers
    args, kwargs = decode(case["args"]), decode(case.get("kwargs", {"dict": []}))
    result = invoke(function, *args, **kwargs)
    note("", "the result", result)
    for name, value in zip(case["arguments"], args):
        note("", f"{INPUT}{name}", value)
        if (
            type(value) is type(result) is torch.Tensor
            and value.numel()
            and not case.get("may_share")
        ):
            note(
                "",
                "shares memory",
                result.untyped_storage().data_ptr() == value.untyped_storage().data_ptr(),
            )


def update(answers, case, note):
    """One update function, several steps on one or more parameters in turn, each with a state of
    its own.
    """
    (function,) = answers
    params, hyper = decode(case["params"]), decode(case["hyper"])
    states = [{} for _ in params]
    for step, grads in enumerate(decode(case["grads"]), start=1):
        if step == case.get("copied_before"):  # a resumed run: only what is in `state` comes along
            params, states = [p.clone() for p in params], copy.deepcopy(states)
        for i, grad in enumerate(grads):
            returned = invoke(function, params[i], grad, states[i], **hyper)
            where = f"step {step}" + (f" of tensor {i + 1}" if len(params) > 1 else "")
            note(where, "returned", "param" if returned is params[i] else returned)
            note(where, "grad", grad)
            note(where, "param", params[i])


def values(answers, case, note):
    """One of several answers that are plain numbers: noted as it is."""
    note("", case["what"], answers[case["position"]])


def detect(answers, case, note):
    """A function that is given two updates, one coupled and one not, in an order it cannot know."""
    (function,) = answers
    first, second = (adam_like(**knobs) for knobs in decode(case["knobs"]))
    note("", "the answer", invoke(function, first, second))


def adam_like(**knobs):
    """Adam by torch as an update function; `knobs` say how much of the `weight_decay` it is given
    goes which way.
    """

    def update(param, grad, state, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        grad = grad + knobs["pull"] * weight_decay * param
        param.data.mul_(1 - knobs["shrink"] * lr * weight_decay)
        step_by(torch.optim.Adam, param, grad, state, lr=lr, betas=betas, eps=eps)
        return param

    return update


def step_by(kind, param, grad, state, **hyper):
    """One step of a torch optimizer of this kind on a plain tensor, in place, keeping its memory in
    `state`.
    """
    weight = nn.Parameter(param.detach())  # shares the memory of `param`
    weight.grad = grad.detach().clone()
    optimizer = kind([weight], **hyper)
    optimizer.state[weight].update(state)
    optimizer.step()
    state.update(optimizer.state[weight])


def groups(answers, case, note):
    """A function from a model to parameter groups: the decay under which each named parameter ended
    up.
    """
    (function,) = answers
    model = build(decode(case["model"]))
    returned = invoke(function, model, case["weight_decay"])
    if type(returned) not in (list, tuple) or not all(type(group) is dict for group in returned):
        return note("", "the result", returned)
    note("", "the result", [])
    names = {id(p): name for name, p in model.named_parameters()}
    seen = {name: [] for name in sorted(names.values())}
    for group in returned:
        for p in members(group):
            seen.setdefault(names.get(id(p), STRANGER), []).append(
                group.get("weight_decay", "no weight_decay in its group")
            )
    for name, decays in seen.items():
        note(
            "",
            f"weight decay of {name}",
            decays[0] if len(decays) == 1 else f"in {len(decays)} groups",
        )


STRANGER = "a tensor that the model does not have"


def members(group):
    params = group.get("params", ())
    return [params] if isinstance(params, torch.Tensor) else list(params)


def build(tree):
    """A module from nested dicts: name → dict for a module of modules, name → ["Linear", 4, 8] for
    a layer of nn.
    """
    module = nn.Module()
    with torch.random.fork_rng(
        devices=[]
    ):  # initial weights are drawn, and the learner's generator is not ours to move
        for name, item in tree.items():
            module.add_module(
                name, build(item) if isinstance(item, dict) else getattr(nn, item[0])(*item[1:])
            )
    return module.double()


def resume(answers, case, note):
    """Two functions, `save` and `resume`: a run that goes on after saving, and another from the
    checkpoint.
    """
    save, load = answers
    batches = decode(case["batches"])
    first = Run(case)
    first.train(batches[: case["saved_after"]])
    checkpoint = invoke(save, first.model, first.optimizer, first.scheduler)
    if case["through_file"]:
        file = io.BytesIO()
        torch.save(checkpoint, file)
        checkpoint = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    first.train(batches[case["saved_after"] :])
    first.note(note, "the run that was not interrupted")
    second = Run(case)
    second.train(batches[:1])  # not the initial weights: everything must come from the checkpoint
    invoke(load, checkpoint, second.model, second.optimizer, second.scheduler)
    second.train(batches[case["saved_after"] :])
    second.note(note, "the resumed run")


class Run:
    """A small regression with AdamW and a scheduler, in float64 from given weights."""

    def __init__(self, case):
        self.model = build({"0": ["Linear", 3, 4], "1": ["Linear", 4, 1]})
        for p, start in zip(self.model.parameters(), decode(case["weights"])):
            p.data.copy_(start)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), **decode(case["hyper"]))
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=case["horizon"]
        )

    def train(self, batches):
        layers = dict(self.model.named_children())
        for x in batches:
            loss = (
                (layers["1"](torch.tanh(layers["0"](x))) - x.sum(1, keepdim=True)).square().mean()
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()

    def note(self, note, who):
        note(who, "lr", self.optimizer.param_groups[0]["lr"])
        for name, p in self.model.named_parameters():
            note(who, name, p.detach())


def drops(answers, case, note):
    """A function that drops parts of x at random: what every one of many draws shows, and the share
    that is kept.

    x has no zeros.
    """
    (function,) = answers
    x, options = decode(case["x"]), decode(case["options"])

    def draw(generator, x=x):
        return function(x, **options, generator=generator)

    first = invoke(function, x, **options, generator=seeded(case["seed"]))
    if type(first) is not torch.Tensor or first.shape != x.shape or first.dtype != x.dtype:
        return note("", "the result", first)
    note("", "the result", "a tensor like x")
    generator = seeded(case["seed"] + 1)
    ratios = torch.stack([draw(generator) for _ in range(case["draws"])]).detach().double() / x
    note_ratios(ratios, note)
    rows = ratios.flatten(2)
    note("", "values of result/x within one row, at most", most_values(rows.flatten(0, 1)))
    note("", "values of result/x within one call, at most", most_values(rows.flatten(1)))
    decided = (rows[..., 0] != 0).double()  # [draws, rows]
    part = decided.T @ (
        1 - decided
    )  # [rows, rows]: draws in which the first lives and the second does not
    pairs = torch.triu_indices(len(part), len(part), 1)
    note(
        "",
        "pairs of rows that always share their fate",
        int(((part + part.T)[pairs[0], pairs[1]] == 0).sum()),
    )
    again = [
        torch.stack([draw(generator) for _ in range(20)]) for generator in map(seeded, (1, 1, 2))
    ]
    note(
        "",
        "one seed gives one result",
        torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2]),
    )
    weight = x.clone().requires_grad_()
    out = draw(seeded(case["seed"]), weight)
    slope = (
        torch.autograd.grad(out.sum(), weight)[0]
        if out.requires_grad
        else torch.full_like(x, torch.nan)
    )
    note(
        "", "the gradient is the mask", torch.allclose(slope * x, out.detach(), rtol=1e-6, atol=0.0)
    )


def note_ratios(ratios, note):
    """Which values there are (five at most), and how many of them are not zero: the nearest of 0.1,
    0.3, 0.5, 0.7, 0.9.

    Cases have such shares, and draws enough that chance hardly ever moves one by the 0.1 that it
    takes to be misread.
    """
    values = sorted({float(f"{ratio:.6g}") for ratio in ratios.unique().tolist()})
    note("", "values of result/x", values[:5])
    share = (ratios != 0).double().mean().item()
    note(
        "",
        "share that is kept, roughly",
        min((0.1, 0.3, 0.5, 0.7, 0.9), key=lambda near: abs(near - share)),
    )


def most_values(rows):
    """The largest number of different values in a row of `rows` [n, …]."""
    return (
        int((rows.sort(1).values.diff(dim=1).abs() > 1e-6).sum(1).max()) + 1
        if rows.shape[1] > 1
        else 1
    )


def seeded(seed):
    return torch.Generator().manual_seed(seed)


class Branch:
    """tanh(xA + c), which is nowhere zero where x is; it counts how often it is computed."""

    def __init__(self, case):
        self.weight, self.bias = decode(case["branch"])
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return torch.tanh(x @ self.weight + self.bias)


def wire(answers, case, note):
    """A function that is given x, a branch, and a function that drops known rows."""
    (function,) = answers
    x, mask, branch = decode(case["x"]), decode(case["mask"]), Branch(case)
    note("", "the result", invoke(function, x, branch, lambda part: part * mask))
    note("", f"{INPUT}x", x)


def skips(answers, case, note):
    """A residual block that takes one decision for the batch: its results over many calls, and what
    it computed.
    """
    (function,) = answers
    x, branch, options = decode(case["x"]), Branch(case), decode(case["options"])
    residual, generator, results, wasted = branch(x), seeded(case["seed"]), [], 0
    invoked = functools.partial(invoke, function)
    for _ in range(case["draws"]):
        branch.calls = 0
        results.append(
            (function if results else invoked)(x, branch, **options, generator=generator)
        )
        if type(results[-1]) is not torch.Tensor or results[-1].shape != x.shape:
            return note("", "the result", results[-1])
        wasted += branch.calls != (not torch.equal(results[-1], x))
    results = torch.stack(results)
    lost = (results.flatten(1) == 0).all(1).sum().item()
    note("", "calls that lost the shortcut", lost)
    note_ratios((results - x) / residual, note)
    note("", "calls that computed a branch they did not use", wasted)


DRIVERS = {
    "call": call,
    "update": update,
    "values": values,
    "detect": detect,
    "groups": groups,
    "resume": resume,
    "drops": drops,
    "wire": wire,
    "skips": skips,
    **{
        name: functools.partial(driver, invoke)
        for name, driver in {**masks.DRIVERS, **norms.DRIVERS, **scripts.DRIVERS}.items()
    },
}

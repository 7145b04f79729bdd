"""How each kind of answer is put through a case: the calls that are made, and what of them is written down.

A driver gets the answer's objects, the case (inputs only, see `_task`) and `note(where, what, value)`.
"""

import copy
import functools
import inspect
import io

import torch
from torch import nn

from course_lib.checks import _masks
from course_lib.checks._values import decode


class AnswerError(Exception):
    """The answer cannot be called the way the task calls it."""


def invoke(function, *args, **kwargs):
    """`function(*args, **kwargs)`, having first asked whether its signature takes these arguments."""
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
    """One function, called once: its result, what became of its inputs, and whether the two share memory."""
    (function,) = answers
    args, kwargs = decode(case["args"]), decode(case.get("kwargs", {"dict": []}))
    result = invoke(function, *args, **kwargs)
    note("", "the result", result)
    for name, value in zip(case["arguments"], args):
        note("", f"{INPUT}{name}", value)
        if type(value) is type(result) is torch.Tensor and value.numel():
            note("", "shares memory", result.untyped_storage().data_ptr() == value.untyped_storage().data_ptr())


def update(answers, case, note):
    """One update function, several steps on one or more parameters in turn, each with a state of its own."""
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
    """Adam by torch as an update function; `knobs` say how much of the `weight_decay` it is given goes which way."""

    def update(param, grad, state, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        grad = grad + knobs["pull"] * weight_decay * param
        param.data.mul_(1 - knobs["shrink"] * lr * weight_decay)
        step_by(torch.optim.Adam, param, grad, state, lr=lr, betas=betas, eps=eps)
        return param

    return update


def step_by(kind, param, grad, state, **hyper):
    """One step of a torch optimizer of this kind on a plain tensor, in place, keeping its memory in `state`."""
    weight = nn.Parameter(param.detach())  # shares the memory of `param`
    weight.grad = grad.detach().clone()
    optimizer = kind([weight], **hyper)
    optimizer.state[weight].update(state)
    optimizer.step()
    state.update(optimizer.state[weight])


def groups(answers, case, note):
    """A function from a model to parameter groups: the decay under which each named parameter ended up."""
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
        note("", f"weight decay of {name}", decays[0] if len(decays) == 1 else f"in {len(decays)} groups")


STRANGER = "a tensor that the model does not have"


def members(group):
    params = group.get("params", ())
    return [params] if isinstance(params, torch.Tensor) else list(params)


def build(tree):
    """A module from nested dicts: name → dict for a module of modules, name → ["Linear", 4, 8] for a layer of nn."""
    module = nn.Module()
    with torch.random.fork_rng(
        devices=[]
    ):  # initial weights are drawn, and the learner's generator is not ours to move
        for name, item in tree.items():
            module.add_module(name, build(item) if isinstance(item, dict) else getattr(nn, item[0])(*item[1:]))
    return module.double()


def resume(answers, case, note):
    """Two functions, `save` and `resume`: a run that goes on after saving, and another from the checkpoint."""
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
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=case["horizon"])

    def train(self, batches):
        layers = dict(self.model.named_children())
        for x in batches:
            loss = (layers["1"](torch.tanh(layers["0"](x))) - x.sum(1, keepdim=True)).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()

    def note(self, note, who):
        note(who, "lr", self.optimizer.param_groups[0]["lr"])
        for name, p in self.model.named_parameters():
            note(who, name, p.detach())


DRIVERS = {
    "call": call,
    "update": update,
    "values": values,
    "detect": detect,
    "groups": groups,
    "resume": resume,
    **{name: functools.partial(driver, invoke) for name, driver in _masks.DRIVERS.items()},
}

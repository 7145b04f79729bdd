"""How each kind of answer is put through a case: what is called, and what of it is noted.

A driver gets the answer's objects, the case (inputs only, see `task`) and `note(where, what,
value)`.
"""

import copy
import functools
import inspect
import io
import itertools
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.checks.judge import blocks, masks, norms, scripts
from course_lib.checks.judge.chance import nearest_twentieth, oddity
from course_lib.checks.judge.values import Case, Note, decode


class AnswerError(Exception):
    """The answer cannot be called the way the task calls it."""


def invoke(function: Any, *args: Any, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`; raises `AnswerError` if its signature does not take these."""
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


def _call(answers: Sequence, case: Case, note: Note) -> None:
    """One function, called once: its result, its inputs afterwards, whether they share memory."""
    (function,) = answers
    args, kwargs = decode(case["args"]), decode(case.get("kwargs", {"dict": []}))
    result = invoke(function, *args, **kwargs)
    note("", "the result", result)
    for name, value in zip(case["arguments"], args):
        note("", f"{INPUT}{name}", value)
        if not case.get("may_share"):
            note("", "shares memory", _shares(value, result))
    for name in case.get("slopes", ()):
        args = decode(case["args"])
        leaf = args[case["arguments"].index(name)]
        leaves = leaf if isinstance(leaf, list) else [leaf]
        for each in leaves:
            each.requires_grad_()
        found = norms.slopes(function(*args, **kwargs), leaves)
        note("", f"the gradient with respect to {name}", found)


def _shares(value: object, result: object) -> bool:
    """True if `result`, or a tensor in it, has the memory of the tensor `value`."""
    parts = result if isinstance(result, (list, tuple)) else [result]
    return isinstance(value, Tensor) and any(
        part.untyped_storage().data_ptr() == value.untyped_storage().data_ptr()
        for part in parts
        if isinstance(part, Tensor) and part.numel() and part.layout is torch.strided
    )


def _update(answers: Sequence, case: Case, note: Note) -> None:
    """One update function, several steps on parameters in turn, each with a state of its own.

    Case: "changes" holds the options that are different at each step; "one_buffer": the caller
    writes each gradient into the same tensor, as `zero_grad(set_to_none=False)` does.
    """
    (function,) = answers
    params, hyper, changes = decode(case["params"]), decode(case["hyper"]), decode(case["changes"])
    states: list[dict] = [{} for _ in params]
    given = decode(case["grads"])
    for step, grads in enumerate(given, start=1):
        hyper.update(changes[step - 1] if changes else {})
        if case["one_buffer"]:
            grads = [kept.copy_(grad) for kept, grad in zip(given[0], grads)]
        if step == case.get("copied_before"):  # a resumed run: only what is in `state` comes along
            params, states = [p.clone() for p in params], copy.deepcopy(states)
        for i, grad in enumerate(grads):
            returned = invoke(function, params[i], grad, states[i], **hyper)
            where = f"step {step}" + (f" of tensor {i + 1}" if len(params) > 1 else "")
            note(where, "returned", "param" if returned is params[i] else returned)
            note(where, "grad", grad)
            note(where, "param", params[i])
    note("after the last step", "the gradients of all steps", given)


def _values(answers: Sequence, case: Case, note: Note) -> None:
    """One of several answers that are plain numbers: noted as it is."""
    note("", case["what"], answers[case["position"]])


def _detect(answers: Sequence, case: Case, note: Note) -> None:
    """A function that is given two updates, one coupled and one not, in an order it cannot know."""
    (function,) = answers
    first, second = (_adam_like(**knobs) for knobs in decode(case["knobs"]))
    note("", "the answer", invoke(function, first, second))


def _adam_like(**knobs: float) -> Callable:
    """Adam by torch as an update; `knobs`: how much of its `weight_decay` goes which way."""

    def update(
        param: Tensor,
        grad: Tensor,
        state: dict,
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> Tensor:
        grad = grad + knobs["pull"] * weight_decay * param
        param.data.mul_(1 - knobs["shrink"] * lr * weight_decay)
        step_by(torch.optim.Adam, param, grad, state, lr=lr, betas=betas, eps=eps)
        return param

    return update


def step_by(
    kind: type[torch.optim.Optimizer], param: Tensor, grad: Tensor, state: dict, **hyper: Any
) -> None:
    """One step of a torch optimizer of this kind on a plain tensor, in place; `state` remembers."""
    weight = nn.Parameter(param.detach())  # shares the memory of `param`
    weight.grad = grad.detach().clone()
    optimizer = kind([weight], **hyper)
    optimizer.state[weight].update(state)
    optimizer.step()
    state.update(optimizer.state[weight])


def _groups(answers: Sequence, case: Case, note: Note) -> None:
    """A function from a model to parameter groups: the decay that each named parameter gets."""
    (function,) = answers
    model = build(decode(case["model"]))
    for kept, tied in case.get("tied", ()):
        owner, _, name = tied.rpartition(".")
        setattr(model.get_submodule(owner), name, model.get_parameter(kept))
    for name in case.get("frozen", ()):
        model.get_parameter(name).requires_grad_(False)
    returned = invoke(function, model, case["weight_decay"])
    if not isinstance(returned, (list, tuple)) or not all(
        isinstance(group, Mapping) for group in returned
    ):
        note("", "the result", returned)
        return
    note("", "the result", [])
    names = {id(p): name for name, p in model.named_parameters()}
    seen: dict[str, list] = {name: [] for name in sorted(names.values())}
    for group in returned:
        for p in _members(group):
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


def _members(group: Mapping) -> list:
    """The parameters of a group, as torch takes them: one, several, or pairs with names."""
    params = group.get("params", ())
    members = [params] if isinstance(params, torch.Tensor) else list(params)
    return [member[1] if isinstance(member, tuple) else member for member in members]


def build(tree: dict) -> nn.Module:
    """A module from nested dicts: name → a dict of its own, or ["Linear", 4, 8], a layer of nn."""
    module = nn.Module()
    # weights are drawn: the learner's dice stay as they are
    with torch.random.fork_rng(devices=[]):
        for name, item in tree.items():
            module.add_module(
                name, build(item) if isinstance(item, dict) else getattr(nn, item[0])(*item[1:])
            )
    return module.double()


def _resume(answers: Sequence, case: Case, note: Note) -> None:
    """`save` and `resume`: a run that goes on after saving, and another from the checkpoint."""
    save, load = answers
    batches = decode(case["batches"])
    first = _Run(case)
    first.train(batches[: case["saved_after"]])
    checkpoint = invoke(save, first.model, first.optimizer, first.scheduler)
    if case["through_file"]:
        checkpoint, problem = _through_file(checkpoint)
        note("", FILE, problem)
        if problem:
            return
    first.train(batches[case["saved_after"] :])
    first.note(note, "the run that was not interrupted")
    second = _Run(case)
    second.train(batches[:1])  # not the initial weights: everything must come from the checkpoint
    invoke(load, checkpoint, second.model, second.optimizer, second.scheduler)
    second.train(batches[case["saved_after"] :])
    second.note(note, "the resumed run")


FILE = "the checkpoint read from a file"


def _through_file(checkpoint: object) -> tuple[Any, str]:
    """(the checkpoint written to a file and read, ""), or (None, what it is that does not go)."""
    file = io.BytesIO()
    try:
        torch.save(checkpoint, file)
        return torch.load(io.BytesIO(file.getvalue()), weights_only=True), ""
    except (pickle.PickleError, AttributeError, TypeError) as error:
        return None, type(error).__name__


class _Run:
    """A small regression with AdamW and a scheduler, in float64 from given weights."""

    def __init__(self, case: Case) -> None:
        self.model = build(
            {"body": {"0": ["Linear", 3, 4], "norm": ["BatchNorm1d", 4]}, "1": ["Linear", 4, 1]}
        )
        for p, start in zip(self.model.parameters(), decode(case["weights"])):
            p.data.copy_(start)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), **decode(case["hyper"]))
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=case["horizon"]
        )

    def train(self, batches: list[Tensor]) -> None:
        first, norm, last = map(self.model.get_submodule, ("body.0", "body.norm", "1"))
        for x in batches:
            y = last(torch.tanh(norm(first(x))))
            loss = (y - x.sum(1, keepdim=True)).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()

    def note(self, note: Note, who: str) -> None:
        note(who, "lr", self.optimizer.param_groups[0]["lr"])
        for name, kept in self.model.state_dict().items():
            note(who, name, kept)


def _drops(answers: Sequence, case: Case, note: Note) -> None:
    """A function that drops parts of x at random: what all draws show, and the share that is kept.

    x has no zeros.
    """
    (function,) = answers
    x, options = decode(case["x"]), decode(case["options"])

    def draw(generator: torch.Generator, x: Tensor = x) -> Tensor:
        return function(x, **options, generator=generator)

    first = invoke(function, x, **options, generator=_seeded(case["seed"]))
    if type(first) is not torch.Tensor or first.shape != x.shape or first.dtype != x.dtype:
        note("", "the result", first)
        return
    note("", "the result", "a tensor like x")
    note("", f"{INPUT}x", x)
    x = decode(case["x"])
    generator = _seeded(case["seed"] + 1)
    ratios = torch.stack([draw(generator, x) for _ in range(case["draws"])]).detach().double() / x
    p = options["p"] if options.get("training", True) else 0.0
    masks.note_observed(ratios.flatten(1), p, note)
    _note_ratios(ratios, 1 - p, note)
    rows = ratios.flatten(2)
    note("", "values of result/x within one row, at most", masks.most_values(rows.flatten(0, 1)))
    note("", "values of result/x within one call, at most", masks.most_values(rows.flatten(1)))
    gone = rows[..., 0] == 0  # [draws, rows]
    if options.get("mode") == "batch":
        note("", "rows share their fate", bool((gone == gone[:, :1]).all()))
        gone = gone[:, :1]
    note("", masks.ON_ITS_OWN, oddity(gone, p))
    again = [
        torch.stack([draw(generator) for _ in range(case["draws"])])
        for generator in map(_seeded, (1, 1, 2))
    ]
    note(
        "",
        "one seed gives one result",
        torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2]),
    )
    weight, generator = x.clone().requires_grad_(), _seeded(case["seed"])
    out = draw(generator, weight)
    for _ in range(case["draws"]):  # a result of zeros needs no graph
        out = out if out.any() else draw(generator, weight)
    slope = (
        torch.autograd.grad(out.sum(), weight)[0]
        if out.requires_grad
        else torch.full_like(x, torch.nan)
    )
    note(
        "", "the gradient is the mask", torch.allclose(slope * x, out.detach(), rtol=1e-6, atol=0.0)
    )


def _note_ratios(ratios: Tensor, kept: float, note: Note) -> None:
    """Which values there are (five at most), and the share that is kept: `kept` if it may be.

    ratios: [draws, rows or 1, …]. Decisions are those of whole rows, or of the whole draw.
    """
    note("", "values of result/x", masks.few_values(ratios))
    alive = ratios.flatten(1) != 0
    decisions = alive[:, 0] if (alive == alive[:, :1]).all() else (ratios.flatten(2) != 0)[..., 0]
    count, n = int(decisions.sum()), decisions.numel()
    note("", "share that is kept", nearest_twentieth(count, n, kept))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class _Branch:
    """tanh(xA + c), which is nowhere zero where x is; it counts how often it is computed."""

    def __init__(self, case: Case) -> None:
        self.weight, self.bias = decode(case["branch"])
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return torch.tanh(x @ self.weight + self.bias)


def _wire(answers: Sequence, case: Case, note: Note) -> None:
    """A function that is given x, a branch, and a function that drops known rows."""
    (function,) = answers
    x, mask, branch = decode(case["x"]), decode(case["mask"]), _Branch(case)

    def dropping() -> Callable:
        masks = itertools.chain([mask], itertools.repeat(mask.roll(1, 0)))  # dice are thrown anew
        return lambda part: part * next(masks)

    note("", "the result", invoke(function, x, branch, dropping()))
    note("", f"{INPUT}x", x)
    leaf = decode(case["x"]).requires_grad_()
    note("", "the gradient", norms.slopes(function(leaf, branch, dropping()), [leaf]))


def _skips(answers: Sequence, case: Case, note: Note) -> None:
    """A residual block with one decision for the batch: its results, and what it computed."""
    (function,) = answers
    x, branch, options = decode(case["x"]), _Branch(case), decode(case["options"])
    residual, generator, given = branch(x), _seeded(case["seed"]), x.clone()
    seen: list[Any] = []
    wasted = 0
    invoked = functools.partial(invoke, function)
    for _ in range(case["draws"]):
        branch.calls = 0
        result = (function if seen else invoked)(x, branch, **options, generator=generator)
        if type(result) is not torch.Tensor or result.shape != x.shape:
            note("", "the result", result)
            return
        seen.append(result)
        wasted += branch.calls != (not torch.equal(result, given))
    results = torch.stack(seen)
    note("", f"{INPUT}x", x)
    x = decode(case["x"])
    lost = (results.flatten(1) == 0).all(1).sum().item()
    note("", "calls that lost the shortcut", lost)
    training = options["training"] and options["survival"] < 1
    kept = options["survival"] if training else float(options["survival"] > 0)
    _note_ratios((results - x) / residual, kept, note)
    alone = (results == x).flatten(1).all(1, keepdim=True)
    note("", masks.ON_ITS_OWN, oddity(alone, 1 - kept) if training else "")
    note("", "calls that computed a branch they did not use", wasted)
    leaf = decode(case["x"]).requires_grad_()
    whole = {**options, "survival": float(options["survival"] > 0)}
    note("", "the gradient, nothing dropped", norms.slopes(function(leaf, branch, **whole), [leaf]))


DRIVERS: dict[str, Callable[[Sequence, Case, Note], None]] = {
    "call": _call,
    "update": _update,
    "values": _values,
    "detect": _detect,
    "groups": _groups,
    "resume": _resume,
    "drops": _drops,
    "wire": _wire,
    "skips": _skips,
    **{
        name: functools.partial(driver, invoke)
        for name, driver in {
            **masks.DRIVERS,
            **norms.DRIVERS,
            **scripts.DRIVERS,
            **blocks.DRIVERS,
        }.items()
    },
}

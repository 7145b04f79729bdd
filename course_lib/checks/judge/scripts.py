"""How answers of the capstone are put through a case: a script that is run, a network that is
built, a study. See `drivers`."""

import copy
import functools

import torch
from torch import nn

from course_lib.checks.judge.values import decode


def exhibit(invoke, answers, case, note):
    """A detector: run the text of a script, hand over what it made, and note the verdict."""
    (function,) = answers
    with torch.random.fork_rng(
        devices=[]
    ):  # the script sets the seed, and the learner's generator is not ours to move
        made = run(case["script"])
        copies = copy.deepcopy(
            [made[name] for name in case["takes"]]
        )  # the next detector is to see them untouched
        verdict = invoke(function, *copies)
    note("", "the verdict", plain(verdict))


@functools.lru_cache(maxsize=32)
def run(script):
    """The names that a script leaves behind."""
    made = {"__name__": "script"}
    exec(compile(script, "<script>", "exec"), made)
    return made


def plain(verdict):
    """A truth value of torch or NumPy as Python's own; anything else as it is."""
    is_truth = str(getattr(verdict, "dtype", "")) in ("torch.bool", "bool") and verdict.shape == ()
    return bool(verdict) if is_truth else verdict


def network(invoke, answers, case, note):
    """A function that builds a network: which layers run and in which order, and what comes out in
    either mode.
    """
    (function,) = answers
    with torch.random.fork_rng(
        devices=[]
    ):  # initial weights and dropout are drawn from the learner's generator
        torch.manual_seed(case["seed"])
        model = invoke(function, tuple(case["widths"]), **decode(case["options"]))
        note("", "the result", model)
        if isinstance(model, nn.Module):
            note_network(model.double().eval(), decode(case["x"]), case["seed"], note)


def note_network(model, x, seed, note):
    """The layers of `model` as they run on `x`; then, with weights of ours, its outputs."""
    layers = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda layer, *_: layers.append(layer))
    with torch.no_grad():
        model(x)
        order = list(layers)
        note("", "the layers, as they run", [name for name in map(describe, order) if name])
        generator = torch.Generator().manual_seed(seed)
        for layer in order:
            fill(layer, generator)
        note("evaluation", "the output", model(x))
        torch.manual_seed(seed)
        note("training", "the output", model.train()(x))


def describe(layer):
    """A layer in a few words; "" for a dropout that drops nothing."""
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        return f"{name} {layer.in_features} → {layer.out_features}"
    if isinstance(layer, nn.Dropout):
        return f"{name} {layer.p:.3g}" if layer.p else ""
    return f"{name} {layer.num_features}" if isinstance(layer, nn.BatchNorm1d) else name


def fill(layer, generator):
    """Numbers of our own for all that a layer has learned or counted."""
    for tensor in layer.state_dict(keep_vars=True).values():
        if tensor.is_floating_point():
            tensor.copy_(0.2 + torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))


def report(invoke, answers, case, note):
    """A function that reports intervals, as pairs of numbers."""
    (function,) = answers
    note("", "the two intervals", numbers(invoke(function, *decode(case["args"]))))


def study(invoke, answers, case, note):
    """A study that is given data, an order of the rows, candidates, and how to fit and to
    measure.
    """
    (function,) = answers
    x, y, order = decode(case["data"])
    result = numbers(invoke(function, x, y, order, case["strengths"], ridge, mean_square))
    note("", "the strength that was chosen, and the error", result)


def numbers(result):
    """Tensors and arrays as plain numbers or lists, tuples as lists; anything else as it is."""
    if hasattr(result, "tolist"):
        return result.tolist()
    return [numbers(part) for part in result] if type(result) in (tuple, list) else result


def ridge(x, y, strength):
    """The weights that minimise ‖xw − y‖² + strength·‖w‖²."""
    return torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)


def mean_square(w, x, y):
    """Mean squared error of the weights w."""
    return (x @ w - y).square().mean()


DRIVERS = {"exhibit": exhibit, "network": network, "report": report, "study": study}

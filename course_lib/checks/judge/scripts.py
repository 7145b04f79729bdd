"""How answers of the capstone are put through a case: scripts, networks, studies. See `drivers`."""

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.checks.judge.values import Case, Note, decode


def _exhibit(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A detector: run the text of a script, hand over what it made, and note the verdict."""
    (function,) = answers
    with torch.random.fork_rng(devices=[]):  # scripts set the seed: the learner's dice stay
        made = run(case["script"])
        # Copies, so that the next detector sees them untouched.
        copies = copy.deepcopy([made[name] for name in case["takes"]])
        verdict = invoke(function, *copies)
    note("", "the verdict", verdict)


@functools.lru_cache(maxsize=32)
def run(script: str) -> dict[str, Any]:
    """The names that a script leaves behind."""
    made: dict[str, Any] = {"__name__": "script"}
    exec(compile(script, "<script>", "exec"), made)
    return made


def _network(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A function that builds a network: its layers as they run, and its output in either mode."""
    (function,) = answers
    with torch.random.fork_rng(devices=[]):  # weights and dropout throw the learner's dice
        torch.manual_seed(case["seed"])
        model = invoke(function, tuple(case["widths"]), **decode(case["options"]))
        note("", "the result", model)
        if isinstance(model, nn.Module):
            _note_network(model.double().eval(), decode(case["x"]), case["seed"], note)


def _note_network(model: nn.Module, x: Tensor, seed: int, note: Note) -> None:
    """The layers of `model` as they run on `x`; then, with weights of ours, its outputs."""
    layers = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda layer, *_: layers.append(layer))
    with torch.no_grad():
        model(x)
        order = list(layers)
        note("", "the layers, as they run", [name for name in map(_describe, order) if name])
        generator = torch.Generator().manual_seed(seed)
        for layer in order:
            _fill(layer, generator)
        note("evaluation", "the output", model(x))
        torch.manual_seed(seed)
        note("training", "the output", model.train()(x))


def _describe(layer: nn.Module) -> str:
    """A layer in a few words; "" for a dropout that drops nothing."""
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        return f"{name} {layer.in_features} → {layer.out_features}"
    if isinstance(layer, nn.Dropout):
        return f"{name} {layer.p:.3g}" if layer.p else ""
    return f"{name} {layer.num_features}" if isinstance(layer, nn.BatchNorm1d) else name


def _fill(layer: nn.Module, generator: torch.Generator) -> None:
    """Numbers of our own for all that a layer has learned or counted."""
    for tensor in layer.state_dict(keep_vars=True).values():
        if tensor.is_floating_point():
            tensor.copy_(0.2 + torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))


def _report(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A function that reports intervals, as pairs of numbers."""
    (function,) = answers
    note("", "the two intervals", invoke(function, *decode(case["args"])))


def _study(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A study that is given data, an order of the rows, candidates, how to fit and to measure."""
    (function,) = answers
    x, y, order = decode(case["data"])
    result = invoke(function, x, y, order, case["strengths"], ridge, mean_square)
    note("", "the strength that was chosen, and the error", result)


def ridge(x: Tensor, y: Tensor, strength: float) -> Tensor:
    """The weights that minimise ‖xw − y‖² + strength·‖w‖²."""
    return torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)


def mean_square(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error of the weights w."""
    return (x @ w - y).square().mean()


DRIVERS = {"exhibit": _exhibit, "network": _network, "report": _report, "study": _study}

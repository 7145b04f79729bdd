"""How answers about normalisation are put through a case: modes, running statistics, gradients.

See `drivers`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.checks.judge.masks import note_traces
from course_lib.checks.judge.values import Case, Note, decode


def _differentiate(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """One function of tensors, called once: its result, and the gradients of a weighted sum."""
    (function,) = answers
    args, kwargs = decode(case["args"]), decode(case.get("kwargs", {"dict": []}))
    leaves = [arg.requires_grad_() for arg in args]
    result = invoke(function, *leaves, **kwargs)
    note("", "the result", result)
    _note_gradients("", result, dict(zip(case["arguments"], leaves)), decode(case["weights"]), note)


def _note_gradients(
    where: str, result: object, leaves: dict[str, Tensor], weights: Tensor, note: Note
) -> None:
    """The gradient of Σ weights·result for each leaf."""
    if type(result) is not torch.Tensor or result.shape != weights.shape:
        return  # already noted, and wrong
    grads = slopes(result, list(leaves.values()), weights)
    if isinstance(grads, str):
        note(where, "gradient", grads)
        return
    for name, grad in zip(leaves, grads):
        note(where, f"gradient of {name}", grad)


def slopes(
    result: object, leaves: list[Tensor], weights: Tensor | None = None
) -> list[Tensor] | str:
    """Gradients of Σ weights·result for each leaf; zeros where the result does not depend on it.

    Without `weights` they are cos(k): they differ, so that no sum hides what is exchanged.
    """
    cut = "none: the result is cut off from every input"
    if not isinstance(result, Tensor) or not result.requires_grad:
        return cut
    if weights is None:
        weights = torch.arange(result.numel(), dtype=result.dtype).cos().reshape(result.shape)
    total = (weights * result).sum()
    if not total.requires_grad:  # an answer may switch gradients off
        return cut
    return list(torch.autograd.grad(total, leaves, materialize_grads=True, allow_unused=True))


def _remember(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A norm with a memory, several calls in either mode: output, statistics, graph, gradients."""
    (function,) = answers
    running = dict(zip(("running_mean", "running_var"), decode(case["running"])))
    hyper, affine = decode(case["hyper"]), decode(case["affine"])
    for k, (x, weights, training) in enumerate(
        zip(decode(case["batches"]), decode(case["weights"]), case["modes"]), 1
    ):
        where = f"call {k} ({'training' if training else 'evaluation'})"
        leaves = {
            n: t.clone().requires_grad_() for n, t in zip(("x", "weight", "bias"), (x, *affine))
        }
        x, *parameters = leaves.values()
        result = invoke(function, x, *running.values(), *parameters, training, **hyper)
        note(where, "the output", result)
        for name, buffer in running.items():
            note(where, name, buffer)
            note(where, f"{name} in a graph", buffer.requires_grad)
        _note_gradients(where, result, leaves, weights, note)


def _evaluate(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A function that evaluates a model with BatchNorm: its result, and how it leaves the model."""
    (function,) = answers
    model = nn.Sequential(
        nn.utils.skip_init(nn.Linear, 3, 2, dtype=torch.float64),
        nn.BatchNorm1d(2, dtype=torch.float64),
    )
    model.load_state_dict({**model.state_dict(), **decode(case["state"])})
    model.train(case["training"])
    result = invoke(function, model, decode(case["batches"]))
    note("", "the result", result)
    note("", "carries a graph", isinstance(result, Tensor) and result.requires_grad)
    note_traces(model, note)
    note("", "the model's mode afterwards", "training" if model.training else "evaluation")
    for name in ("running_mean", "running_var"):
        note("", f"{name} afterwards", getattr(model[1], name))


def _diagnose(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A function that is given a norm, sound or with one fault, and says which."""
    (function,) = answers
    note("", "the answer", invoke(function, suspect(**decode(case["screws"]))))


def suspect(
    by_running: bool = False,
    biased: bool = False,
    reversed_momentum: bool = False,
    detached: bool = False,
) -> Callable:
    """A batch norm for x [rows, features] with these faults.

    It is called as (x, running_mean, running_var, training, momentum=0.1) and returns y.
    """

    def norm(
        x: Tensor, running_mean: Tensor, running_var: Tensor, training: bool, momentum: float = 0.1
    ) -> Tensor:
        mean, var = x.mean(0), x.var(0, correction=0)
        if training:
            new = 1 - momentum if reversed_momentum else momentum
            n = len(x)
            with torch.no_grad():
                running_mean += new * (mean - running_mean)
                running_var += new * ((var if biased else var * n / (n - 1)) - running_var)
        if by_running or not training:
            mean, var = running_mean.clone(), running_var.clone()
        elif detached:
            mean, var = mean.detach(), var.detach()
        return (x - mean) / (var + 1e-5).sqrt()

    return norm


DRIVERS = {
    "differentiate": _differentiate,
    "remember": _remember,
    "evaluate": _evaluate,
    "diagnose": _diagnose,
}

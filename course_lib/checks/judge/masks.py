"""Drivers for answers that throw dice: noted is what all right answers share, whatever they draw.

Whether entries fall as often as they should, and on their own, is told by `chance`, for which a
right answer rings with probability 1e-6 at most. Two lines of a mask that are the same by chance
(80 rows of 100, p ≤ 0.85): below 1e-6, too.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from course_lib.checks.judge.chance import nearest_twentieth, oddity
from course_lib.checks.judge.values import Case, Note, decode


def _draws(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A function `(x, …, generator=)` that masks `x`: its result where exact, else facts about it.

    `x` has no zero in it. Case: "args" and "kwargs" as for `call`, "seed", "exact" (nothing is left
    to chance).
    """
    (function,) = answers
    (x, *rest), kwargs = decode(case["args"]), decode(case.get("kwargs", {"dict": []}))

    def drawn(x: Tensor, seed: int = case["seed"]) -> Any:
        return invoke(function, x, *rest, generator=torch.Generator().manual_seed(seed), **kwargs)

    given = x.clone()
    y = drawn(given)
    if not _is_tensor_like(y, x) or case["exact"]:
        note("", "the result", y if case["exact"] or y is None else _describe(y))
        note("", "the input x", given)
        return
    note("", "the result", _describe(y))
    note("", "the input x", given)
    _note_mask(y / x, rest[0], note)
    if x.ndim == 2:
        many = [drawn(x[:2, :3].clone(), case["seed"] + k) for k in range(DRAWS)]
        gone = torch.stack(many).flatten(1) == 0
        note("", "each entry falls on its own, as often as p says", oddity(gone, rest[0]))
    same = torch.equal(y, drawn(x.clone()))
    note("", "the same seed, the same mask", same)
    note("", "another seed, another mask", not torch.equal(y, drawn(x.clone(), case["seed"] + 1)))
    note("", "gradient − mask", _gradient_off(drawn, x))


DRAWS = 400  # of a mask of six entries
ON_ITS_OWN = "each decision on its own, as often as p says"
BY_OBSERVED = "what is kept is divided by the share that happened to be kept"
OBSERVED_NOTE = f"{BY_OBSERVED}: the factor is 1/(1 − p), however many are dropped this time"


def is_observed(by_share: Tensor, by_rule: Tensor) -> bool:
    """True if factors times the observed share are all 1, and times 1 − p they are not."""
    ones = torch.ones_like(by_share)
    near = torch.allclose(by_rule, ones, rtol=1e-5)
    return not near and torch.allclose(by_share, ones, rtol=1e-5)


def note_observed(ratios: Tensor, p: float, note: Note, where: str = "") -> None:
    """Whether each draw is divided by the share that it happened to keep; ratios: [draws, n]."""
    stayed = ratios != 0
    shares = stayed.double().mean(1, keepdim=True)
    note(
        where,
        BY_OBSERVED,
        bool(stayed.any()) and is_observed((ratios * shares)[stayed], (ratios * (1 - p))[stayed]),
    )


def few_values(ratios: Tensor) -> list[float]:
    """The five smallest of the different `ratios`, to six digits."""
    return sorted({float(f"{ratio:.6g}") for ratio in ratios.unique().tolist()})[:5]


def most_values(rows: Tensor) -> int:
    """The largest number of different values in a row of `rows` [n, …]."""
    return (
        int((rows.sort(1).values.diff(dim=1).abs() > 1e-6).sum(1).max()) + 1
        if rows.shape[1] > 1
        else 1
    )


def _note_mask(factor: Tensor, p: float, note: Note) -> None:
    """What became of the entries, from what each was multiplied by."""
    gone = factor == 0
    stayed, dropped = factor[~gone], int(gone.sum())
    note("", "share that is dropped", nearest_twentieth(dropped, gone.numel(), p))
    kept = 1 - dropped / gone.numel()
    note("", BY_OBSERVED, bool(stayed.numel()) and is_observed(stayed * kept, stayed * (1 - p)))
    note(
        "",
        "factor of what is kept (least, most)",
        torch.stack(stayed.detach().aminmax()) if stayed.numel() else [],
    )
    for axis, name in enumerate(("rows", "columns")):
        lines = gone.movedim(axis, 0).flatten(1)
        note("", f"{name} with different masks", len(lines.unique(dim=0)))


def _gradient_off(drawn: Callable, x: Tensor) -> float | None:
    """How far the gradient is from the factors that the same draw put on x; None: there is none."""
    x = x.clone().requires_grad_()
    y = drawn(x)
    if not y.requires_grad:
        return None
    y.sum().backward()
    return (x.grad - y.detach() / x.detach()).abs().max().item()


def _is_tensor_like(y: object, x: Tensor) -> TypeGuard[Tensor]:
    return type(y) is torch.Tensor and y.shape == x.shape and y.dtype == x.dtype


def _describe(y: object) -> str:
    """A result in words, where its numbers are left to chance."""
    if type(y) is not torch.Tensor:
        return f"a {type(y).__name__}"
    return f"a {str(y.dtype).removeprefix('torch.')} tensor of shape {list(y.shape)}"


class Small(nn.Module):
    """Linear, batch norm, dropout, linear, with running statistics that have moved."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        weights = decode(case["weights"])
        self.first, norm = nn.Linear(*case["widths"][:2]), nn.BatchNorm1d(case["widths"][1])
        self.body = nn.Sequential(norm, nn.Sequential(nn.Dropout(case["p"])))
        self.last = nn.Linear(*case["widths"][1:])
        self.double()
        with torch.no_grad():
            buffers = list(norm.buffers())[:2]  # running mean and variance
            for own, given in zip([*self.parameters(), *buffers], weights):
                own.copy_(given)

    def forward(self, x: Tensor) -> Tensor:
        """The four layers in turn: x [N, inputs] → [N, outputs]."""
        return self.last(self.body(self.first(x)))


def note_traces(model: nn.Module, note: Note) -> None:
    """What an answer may leave behind besides modes and buffers: gradients switched off."""
    note("", "gradients are on afterwards", torch.is_grad_enabled())
    torch.set_grad_enabled(True)
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    note("", "parameters that are frozen afterwards", frozen)


def _passes(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A function `(model, x, passes)` that asks a network with dropout in it many times."""
    (function,) = answers
    x = decode(case["x"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case["seed"])
        model = Small(case).eval()
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        y = invoke(function, model, x.clone(), case["passes"])
    note("", "the result", y if y is None else _describe(y))
    if type(y) is not torch.Tensor or y.shape != (case["passes"], len(x), case["widths"][-1]):
        return
    note("", "carries a graph", y.requires_grad)
    note_traces(model, note)
    moved = [
        name for name, buffer in model.named_buffers() if not torch.equal(buffer, buffers[name])
    ]
    note("", "buffers of the model that changed", moved)
    note(
        "",
        "layers left in training mode",
        [name for name, part in model.named_modules() if part.training],
    )
    # 2ⁿ of n hidden units
    note("", "all answers for the first row", y.detach()[:, 0].round(decimals=9).unique())


DRIVERS = {"draws": _draws, "passes": _passes}

"""Adam for all networks in three passes: torch's fused kernel, and each network's own rate.

The kernel knows one learning rate and one decay for all that it is given. At lr = 1 and λ = 0, on
zeros, it leaves there u = −m̂/(√v̂ + ε); what remains is w ← (1 − lr·λ)·w + lr·u. The same as
`adam_update` and `adamw_update`, to rounding, in a third of the time.
"""

import inspect
import math
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.arguments import Number, is_on
from course_lib.base.optimizer import State
from course_lib.engine.networks import Networks
from course_lib.weight_decay import add_l2

PIECE = 1 << 15  # numbers that five vectors have of each
LANES = 64  # a multiple of the numbers that any processor's vector holds


def quick(update: Callable, options: dict[str, Any], networks: Networks) -> Callable:
    """What does the same as `update` with these options, sooner: itself, unless it is Adam.

    Adam's β₁, β₂ and ε must be numbers that all networks share, and AMSGrad off.
    """
    if update not in (adam_update, adamw_update):
        return update
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(update).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    betas, eps, amsgrad = ((defaults | options)[name] for name in ("betas", "eps", "amsgrad"))
    served = not amsgrad and not any(isinstance(it, Tensor) for it in (*betas, eps))
    return FusedAdam(networks, defaults) if served else update


class FusedAdam:
    """Called as `adam_update` with all parameters of `networks` [V·P], step after step.

    defaults: the options of what it stands for. Hyper-parameters: numbers, or [V·P]. A long vector
    it goes through piece by piece, so that what the kernel leaves is still in the cache where it is
    read; there a network's rate is read once for each of its tensors, not once a weight. A short
    one takes few calls.
    """

    def __init__(self, networks: Networks, defaults: dict[str, Any]):
        self.defaults, flat = defaults, networks.flat
        self.short = len(flat) <= PIECE
        widths = [math.prod(shape) for shape in networks.shapes]
        pieces = [[(1, len(flat))]] if self.short else _pieces(widths, networks.count)
        self.sizes = [sum(rows * width for rows, width in piece) for piece in pieces]
        room = flat.new_empty(max(self.sizes))
        self.directions = [room[:size] for size in self.sizes]  # u, one after the other
        self.counts = [flat.new_zeros(()) for _ in pieces]  # the kernel's own, of steps
        self.parts = [
            list(zip(_rows(w, piece), _rows(u, piece)))
            for w, u, piece in zip(flat.split(self.sizes), self.directions, pieces)
        ]
        self.rows = [rows for piece in pieces for rows, _ in piece]
        ends = accumulate(w for piece in pieces for rows, w in piece for _ in range(rows))
        self.first = torch.tensor([0, *ends][:-1], device=flat.device)  # number of each row
        self.factors: tuple[Number, Number, list] = 0.0, 0.0, []  # lr, λ, and what follows

    def __call__(self, param: Tensor, grad: Tensor, state: State, **options: Any) -> Tensor:
        """One step: changes `param` and `state` in place, returns `param`; `grad` stays."""
        options = self.defaults | options
        (beta1, beta2), lr, weight_decay = (options[it] for it in ("betas", "lr", "weight_decay"))
        if not state:
            moments = torch.zeros_like(param), torch.zeros_like(param)
            state.update(step=0, exp_avg=moments[0], exp_avg_sq=moments[1])
        if is_on(options.get("l2", 0.0)):
            grad = add_l2(grad, param, options["l2"])  # g ← g + λw
        state["step"] += 1
        factors = iter(self._factors(lr, weight_decay))
        vectors = (grad, state["exp_avg"], state["exp_avg_sq"])
        pieces = (vector.split(self.sizes) for vector in vectors)
        for u, g, m, v, count, parts in zip(self.directions, *pieces, self.counts, self.parts):
            adamw(
                [u.zero_()],
                [g],
                [m],
                [v],
                [],
                [count],
                fused=True,
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=1.0,
                weight_decay=0.0,
                eps=options["eps"],
                maximize=False,
            )  # u ← −m̂/(√v̂ + ε)
            for (w, part), (rate, kept) in zip(parts, factors):
                w.mul_(kept).addcmul_(part, rate)  # w ← (1 − lr·λ)w + lr·u
        return param

    def _factors(self, lr: Number, weight_decay: Number) -> list[tuple[Tensor, Tensor]]:
        """Return lr and 1 − lr·λ for each part, computed anew only where they change."""
        if self.factors[0] is not lr or self.factors[1] is not weight_decay:
            rate, decay = self._of_rows(lr), self._of_rows(weight_decay)
            columns = self._columns(rate), self._columns(1 - rate * decay)
            self.factors = lr, weight_decay, list(zip(*columns))
        return self.factors[2]

    def _of_rows(self, value: Number) -> Number:
        """What differs by weight, for the first of each row; of a short vector all of it."""
        if self.short or not isinstance(value, Tensor) or value.dim() == 0:
            return value
        return value[self.first]

    def _columns(self, value: Number) -> list[Tensor]:
        """[rows, 1] for each part; of a short vector itself, or a number."""
        room = self.directions[0]
        whole = torch.as_tensor(value, dtype=room.dtype, device=room.device)
        if self.short:
            return [whole]
        return [part.unsqueeze(1) for part in whole.expand(len(self.first)).split(self.rows)]


def _pieces(widths: list[int], count: int) -> list[list[tuple[int, int]]]:
    """Divide rows, `count` of each width, one behind the other, into pieces of some PIECE numbers.

    Each is a list of (rows, width). A piece ends where `LANES` divides its end, so that the kernel
    rounds each number as it would in one piece.
    """
    pieces: list[list[tuple[int, int]]] = [[]]
    size = 0
    for width in widths:
        rows = 0
        for _ in range(count):
            rows, size = rows + 1, size + width
            if size >= PIECE and size % LANES == 0:
                pieces[-1].append((rows, width))
                pieces.append([])
                rows = size = 0
        if rows:
            pieces[-1].append((rows, width))
    return [piece for piece in pieces if piece]


def _rows(vector: Tensor, piece: list[tuple[int, int]]) -> list[Tensor]:
    """Views [rows, width] of a piece."""
    parts = vector.split([rows * width for rows, width in piece])
    return [part.view(-1, width) for part, (_, width) in zip(parts, piece)]

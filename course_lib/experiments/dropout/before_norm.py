"""Dropout in front of BatchNorm: the norm remembers a variance that evaluation never sees.

64-128-128-128-10 networks on 1000 digits with right labels, AdamW at 0.002, batches of 50, 500
steps. Three orders of a hidden layer: dropout directly in front of the norm; as far behind it as
can be, where the norm changes sides with the ReLU, too; and behind a norm that stays behind the
ReLU, so that dropout alone has moved. Source: Li, Chen, Hu & Yang, "Understanding the Disharmony
between Dropout and Batch Normalization by Variance Shift", CVPR 2019.
"""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.batchnorm import batch_norm
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered

ORDERS = {
    "before": "linear-activation-dropout-norm",
    "behind": "linear-norm-activation-dropout",
    "moved": "linear-activation-norm-dropout",
}
PS = (0.0, 0.5, 0.7)
WIDTHS, LAYERS = (64, 128, 128, 128, 10), 3
BY_LAYER = ("ratio", "expected")
FIGURES = (*BY_LAYER, "error", "loss", "error_again", "loss_again")


@dataclass
class Shift:
    """FIGURES of all orders [orders, seeds, ps, …], in the order of ORDERS; NaN: not there yet.

    ratio [.., layers]: variance that a norm remembers over the variance it meets in evaluation,
    summed over its units. expected [.., layers]: what (E[x²]/(1−p) − E[x]²)/Var[x] says for the
    units of a norm that dropout feeds directly. error, loss: on the test rows, with the statistics
    remembered; error_again, loss_again: with statistics taken anew over the training rows, dropout
    off.
    """

    ratio: Tensor
    expected: Tensor
    error: Tensor
    loss: Tensor
    error_again: Tensor
    loss_again: Tensor
    _: KW_ONLY
    progress: float = 0.0
    ps: tuple[float, ...] = PS


def split_of(seed: int) -> Split:
    """1000 training digits with right labels; all others are test rows."""
    return digits(1000, 0, scale="unit", seed=seed)


def send_through(
    parameters: list[Tensor], x: Tensor, order: str, statistics: list[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """Logits [V, rows, 10] of V networks in evaluation, and what each norm was fed.

    parameters [V, …] as `engine.train` leaves them, x [rows, 64], order: as `ModelSpec` takes it.
    statistics: mean and variance [V, units] of each norm in turn; None: those of x itself. A norm
    was fed [V, rows, units].
    """
    given, kept, fed = iter(parameters), iter(statistics or ()), []
    h = x.expand(len(parameters[0]), -1, -1)
    for kind in order.split("-") * LAYERS:
        if kind == "linear":
            h = h @ next(given).mT + next(given).unsqueeze(1)
        elif kind == "activation":
            h = torch.relu(h)
        elif kind == "norm":
            fed.append(h)
            weight, bias = next(given), next(given)
            mean, var = (next(kept), next(kept)) if statistics else (h.mean(1), h.var(1))
            h = batch_norm(h, mean, var, weight, bias, dim=1)
    return h @ next(given).mT + next(given).unsqueeze(1), fed


def _judge(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(error, loss) [V] of logits [V, rows, classes]."""
    loss = torch.stack([cross_entropy(one, y) for one in logits])
    return (logits.argmax(-1) != y).double().mean(-1), loss


def _ratio(remembered_var: Tensor, fed: Tensor) -> Tensor:
    """Variance remembered [V, units] over that of `fed` [V, rows, units], each summed: [V]."""
    return remembered_var.sum(-1) / fed.var(1).sum(-1)


def _shift_by_formula(fed: Tensor, p: Tensor) -> Tensor:
    """(E[x²]/(1−p) − E[x]²)/Var[x] of what a norm is fed in evaluation, each summed: [V]."""
    second, mean = fed.square().mean(1), fed.mean(1)
    return (second / (1 - p) - mean.square()).sum(-1) / (second - mean.square()).sum(-1)


@remembered
def compute_shift(seeds: tuple[int, ...] = tuple(range(20, 28))) -> Iterator[Shift]:
    """Train every p in every order; yield a `Shift` that fills in seed by seed."""
    shape = (len(ORDERS), len(seeds), len(PS))
    figures = {
        name: torch.full((*shape, LAYERS) if name in BY_LAYER else shape, torch.nan)
        for name in FIGURES
    }
    for o, order in enumerate(ORDERS.values()):
        spec = ModelSpec(WIDTHS, norm="batch", order=order)
        grid = {"dropout": list(PS), "lr": 2e-3, "weight_decay": 0.0}
        done: set[int] = set()
        for training in train(spec, split_of, grid, seeds, steps=500, batch_size=50):
            for s, seed in enumerate(seeds):
                if training.parameters[s] is not None and s not in done:
                    done.add(s)
                    found = _look(
                        training.parameters[s], training.buffers[s], order, split_of(seed)
                    )
                    for name, value in found.items():
                        figures[name][o, s] = value
            progress = (o + training.progress) / len(ORDERS)
            yield Shift(*(figures[name].clone() for name in FIGURES), progress=progress)


def _look(
    parameters: list[Tensor], buffers: list[Tensor], order: str, split: Split
) -> dict[str, Tensor]:
    """FIGURES of one seed [ps, …]."""
    _, fed = send_through(parameters, split.train_x, order, buffers)
    p = torch.tensor(PS).unsqueeze(1)
    found = {
        "ratio": torch.stack([_ratio(var, part) for var, part in zip(buffers[1::2], fed)], -1),
        "expected": torch.stack([_shift_by_formula(part, p) for part in fed], -1),
    }
    _, anew = send_through(parameters, split.train_x, order, None)
    again = [statistic for part in anew for statistic in (part.mean(1), part.var(1))]
    for suffix, statistics in (("", buffers), ("_again", again)):
        logits, _ = send_through(parameters, split.test_x, order, statistics)
        found[f"error{suffix}"], found[f"loss{suffix}"] = _judge(logits, split.test_y)
    return found

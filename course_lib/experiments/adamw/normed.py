"""A BatchNorm behind every hidden layer: there theory expects AdamW to turn all neurons alike.

Of a neuron's incoming weights w only the direction counts then. The gradient of w is at right
angles to it and of size g̃/‖w‖: Adam's steps make w longer, decay makes it shorter, and it comes to
rest at a length where it turns by one angle at every step. On gradients that are noise that is

    AdamW       √(2·lr·λ·(1 − β₁)/(1 + β₁)), whatever g̃
    Adam + L2   the same with λ·‖w‖/g̃ for λ, the pull being λw/√v̂: less, where g̃ is larger

with g̃ counted for each weight (Kosson, Messmer & Jaggi, "Rotational Equilibrium", ICML 2024). To
the even turning they trace that AdamW made fewer errors: ResNet-18 on CIFAR-10, each optimizer
tuned, a rate that falls along half a cosine.

So it falls here, on data, batches and seeds of the map (`two_knobs`), from the rate at which the
map compares the two, over twice its steps: as large a sum of rates. Biases and norms do not decay.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.engine.job import Observer
from course_lib.experiments.adamw.longer import TUNED_AT, column_of
from course_lib.experiments.adamw.two_knobs import Optimizer
from course_lib.experiments.shared.side_by_side import side_by_side
from course_lib.sgd import cosine_decay

NETS = {
    "one hidden layer": ModelSpec((64, 128, 10), norm="batch"),
    "three hidden layers": ModelSpec((64, 64, 64, 64, 10), norm="batch"),
}
STEPS = 600
LOOKS = 20  # successive steps, from half-time on, whose angles are measured


@dataclass(frozen=True)
class Column:
    """What came out at each decay of `optimizer`, [seeds, decays] each.

    error: share of the clean test rows; train_error: of the training labels, wrong ones included;
    NaN where a run diverged. uneven: how unlike the hidden neurons turn, see `unevenness`.
    """

    optimizer: Optimizer
    error: Tensor
    train_error: Tensor
    uneven: Tensor


def columns(
    net: str, names: Sequence[str], seeds: Sequence[int], lr: float = TUNED_AT, steps: int = STEPS
) -> dict[str, Column]:
    """{name: `Column`} of the optimizers called `names` on one of `NETS`, side by side.

    lr: the rate from which it falls.

    Trained once a session. Raises KeyError for a name or a net that is not there.
    """
    for _ in side_by_side([_trained(net, name, tuple(seeds), lr, steps) for name in names]):
        pass
    found = {}
    for name in names:
        *_, found[name] = _trained(net, name, tuple(seeds), lr, steps)
    return found


@remembered
def _trained(
    net: str, name: str, seeds: tuple[int, ...], lr: float, steps: int
) -> Generator[Column, None, None]:
    """Yield the `Column` of one optimizer, ever fuller; one worker, for its twin."""
    optimizer = replace(column_of(name), lr=(lr,), options={"only_weights": True})
    spec, decays = NETS[net], len(optimizer.decay)
    squares = torch.zeros(len(seeds), decays, sum(spec.widths[1:-1]))
    looks = range(steps // 2, min(steps // 2 + LOOKS + 1, steps))
    for training in train(
        spec,
        partial(digits, 300, 0, 0.2, "unit"),
        optimizer.grid,
        seeds,
        update=optimizer.update,
        steps=steps,
        batch_size=50,
        schedule=partial(cosine_decay, T_max=steps),
        workers=1,
        observe=_adding_angles(spec, seeds, looks, squares),
        keep_parameters=False,
    ):
        right, learned = training.test_accuracy[..., -1], training.train_accuracy[..., -1]
        yield Column(optimizer, 1 - right, 1 - learned, unevenness(squares))


def _adding_angles(
    spec: ModelSpec, seeds: tuple[int, ...], looks: range, squares: Tensor
) -> Observer:
    """For the engine to call: adds squared turns from each of `looks` to the next to `squares`."""
    matrices = [i for i, shape in enumerate(spec.shapes()) if len(shape) > 1][:-1]  # hidden layers
    before: dict[int, list[Tensor]] = {}

    def observe(seed: int, step: int, parameters: list[Tensor], gradients: list[Tensor]) -> None:
        if step not in looks:
            return
        now = [parameters[i] / parameters[i].norm(dim=-1, keepdim=True) for i in matrices]
        known = before.get(seed, now)  # at the first look: no turn
        turned = [(a - b).square().sum(-1) for a, b in zip(known, now)]
        squares[seeds.index(seed)] += torch.cat(turned, -1)
        before[seed] = now

    return observe


def unevenness(squares: Tensor) -> Tensor:
    """How unlike neurons turn [...]: standard deviation of their angles over the mean.

    squares [..., neurons]: the sum of each neuron's squared angles, over equally many steps. 0
    where all turn alike, whatever the angle.
    """
    angles = squares.double().sqrt()
    return angles.std(-1) / angles.mean(-1)

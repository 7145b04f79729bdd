"""A BatchNorm behind the hidden layer: there theory expects AdamW to turn all neurons alike.

Of a neuron's incoming weights w only the direction counts then. The gradient of w is at right
angles to it and of size g̃/‖w‖: Adam's steps make w longer, decay makes it shorter, and it comes to
rest at a length where it turns by one angle at every step. On gradients that are noise that is

    AdamW       √(2·lr·λ·(1 − β₁)/(1 + β₁)), whatever g̃
    Adam + L2   the same with λ·‖w‖/g̃ for λ, the pull being λw/√v̂: less, where g̃ is larger

with g̃ counted for each weight (Kosson, Messmer & Jaggi, "Rotational Equilibrium", ICML 2024). To
the even turning they trace that AdamW made fewer errors: ResNet-18 on CIFAR-10, each optimizer
tuned, a rate that falls along half a cosine.

So it falls here, from torch's default, on data, batches and seeds of the map (`two_knobs`). Behind
a norm small weights do no harm, so a decay may be far too strong for the map and best here: both
optimizers get the same thirteen, up to lr·λ = 1, where a step of AdamW keeps nothing of a weight.
Biases and norms do not decay. By the angle lr·λ is the number to keep where the rate changes: so
AdamW runs from `LARGER` as well.
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
from course_lib.experiments.adamw.longer import last_of
from course_lib.experiments.adamw.two_knobs import OPTIMIZERS, Optimizer, half_decades
from course_lib.sgd import cosine_decay

NET = ModelSpec((64, 128, 10), norm="batch")
RATE, LARGER, DECAYS, STEPS = 0.001, 0.01, half_decades(-3, 3), 600
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
    names: Sequence[str], seeds: Sequence[int], steps: int = STEPS, rate: float = RATE
) -> dict[str, Column]:
    """{name: `Column`} of the map's optimizers called `names`, side by side.

    `rate`: the learning rate at first, from which it falls.

    Trained once a session. Raises KeyError for a name that the map does not have.
    """
    return last_of(names, lambda name: _trained(name, tuple(seeds), steps, rate))


@remembered
def _trained(
    name: str, seeds: tuple[int, ...], steps: int, rate: float
) -> Generator[Column, None, None]:
    """Yield the `Column` of one optimizer, ever fuller; one worker, for its twin."""
    optimizer = replace(OPTIMIZERS[name], lr=(rate,), decay=DECAYS, options={"only_weights": True})
    squares = torch.zeros(len(seeds), len(DECAYS), NET.widths[1])
    for training in train(
        NET,
        partial(digits, 300, 0, 0.2, "unit"),
        optimizer.grid,
        seeds,
        update=optimizer.update,
        steps=steps,
        batch_size=50,
        schedule=partial(cosine_decay, T_max=steps),
        workers=1,
        observe=_adding_angles(seeds, steps // 2, squares),
        keep_parameters=False,
    ):
        right, learned = training.test_accuracy[..., -1], training.train_accuracy[..., -1]
        yield Column(optimizer, 1 - right, 1 - learned, unevenness(squares))


def _adding_angles(seeds: tuple[int, ...], start: int, squares: Tensor) -> Observer:
    """For the engine to call: adds to `squares` the squared turns of LOOKS steps from `start` on.

    squares [seeds, decays, neurons].
    """
    before: dict[int, Tensor] = {}

    def observe(seed: int, step: int, parameters: list[Tensor], gradients: list[Tensor]) -> None:
        if start <= step <= start + LOOKS:
            now = parameters[0] / parameters[0].norm(dim=-1, keepdim=True)
            squares[seeds.index(seed)] += (now - before.get(seed, now)).square().sum(-1)
            before[seed] = now

    return observe


def unevenness(squares: Tensor) -> Tensor:
    """How unlike neurons turn [...]: standard deviation of their angles over the mean.

    squares [..., neurons]: the sum of each neuron's squared angles, over equally many steps. 0
    where all turn alike, whatever the angle.
    """
    angles = squares.double().sqrt()
    return angles.std(-1) / angles.mean(-1)

"""Is noise good for new data? Steps of 10 examples or of all 500, as many of either, each tuned.

The network of the lesson's plain loop, momentum 0.9, a cosine down to 0. Each batch size at the
rate at which twenty pilot seeds, which judge nothing, end at the lowest loss on the validation
rows, of a grid by √2: four pilot seeds and steps of 2 do not always choose alike.
What is judged is the loss on the test rows, which no choice has seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, Training, train
from course_lib.experiments.sgd.schedules import SPEC
from course_lib.sgd import cosine_decay, sgd_update

ROWS, STEPS, SIZES = 500, 600, (10, 500)
RATES = (0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.16, 0.23, 0.32, 0.45, 0.64)  # by √2, rounded
PILOT, JUDGED = range(9000, 9020), range(8)


@dataclass
class EqualSteps:
    """Figures after the last step, batch size → [seeds], each at its `best` learning rate."""

    best: dict[int, float]
    train_loss: dict[int, Tensor]
    test_loss: dict[int, Tensor]
    test_accuracy: dict[int, Tensor]


def digits_of(seed: int) -> Split:
    """The digits of a seed, `ROWS` of them to train on."""
    return digits(ROWS, scale="unit", seed=seed)


def ends(
    size: int,
    rates: Sequence[float],
    seeds: Sequence[int],
    *,
    spec: ModelSpec = SPEC,
    data: Callable[[int], Split] = digits_of,
    momentum: float = 0.9,
    falling: bool = True,
    keep_parameters: bool = False,
) -> Training:
    """Trained in batches of `size` at each rate and seed; measured at the last step alone.

    falling: whether each rate falls to 0 along a cosine; else it is constant.
    """
    *_, result = train(
        spec,
        data,
        {"lr": list(rates), "momentum": momentum},
        seeds,
        update=sgd_update,
        schedule=(lambda step: cosine_decay(step, STEPS)) if falling else None,
        steps=STEPS,
        batch_size=size,
        validate=True,
        keep_parameters=keep_parameters,
    )
    return result


def best_of(rates: Sequence[float], losses: Tensor) -> float:
    """The rate at which `losses` [seeds, rates] are lowest, by geometric mean.

    NaN, where a seed diverged, counts as infinite.
    """
    return rates[int(losses.nan_to_num(torch.inf, torch.inf).log().mean(0).argmin())]


def choose() -> dict[int, float]:
    """Batch size → its own rate: the one of `RATES` that the pilot seeds end lowest at."""
    best = {}
    for size in SIZES:
        pilot = ends(size, RATES, PILOT).validation_loss[:, :, -1]
        best[size] = best_of(RATES, pilot)
    return best


def compare(best: dict[int, float]) -> EqualSteps:
    """The judged seeds, each batch size at its rate in `best`, as `choose` finds them."""
    found = EqualSteps(best, {}, {}, {})
    for size, rate in best.items():
        judged = ends(size, (rate,), JUDGED)
        for name in ("train_loss", "test_loss", "test_accuracy"):
            getattr(found, name)[size] = getattr(judged, name)[:, 0, -1]
    return found

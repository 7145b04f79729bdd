"""What dropout gains in a wide network whose rate and stop are chosen, as the plain one's are.

The digits of `curves` with wrong labels, 64-width-10 networks, AdamW without decay, 1000 steps at
each of three rates. Of every width and p the rate and the recorded step are those of the lowest
mean validation error: 200 more rows a seed, a fifth of their labels wrong as well. Srivastava,
Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", 2014, appendix A, advise more units and a
higher rate with dropout; the max-norm that they add is not tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered
from course_lib.experiments.dropout import curves
from course_lib.records import store

WIDTHS = (128, 512)
PS = (0.0, 0.5, 0.85)
RATES = (0.0005, 0.002, 0.008)


@dataclass
class Arm:
    """One width and p as chosen: its mean validation error, and test errors [seeds]."""

    width: int
    p: float
    rate: float
    step: int
    validation: float
    error: Tensor


def split_of(seed: int) -> Split:
    """300 rows to train on and 200 to choose by; a fifth of the labels of both is wrong."""
    return digits(300, 200, label_noise=0.2, scale="unit", seed=seed)


def tried(
    width: int, grid: dict[str, Any], seeds: tuple[int, ...], steps: int
) -> tuple[tuple[int, ...], Tensor, Tensor]:
    """The recorded steps; validation and test errors [seeds, settings, steps] of a grid there.

    0 to 1; a network that has diverged errs always.
    """
    recorded = curves.recorded_until(steps)
    *_, training = train(
        ModelSpec((64, width, 10)),
        split_of,
        grid,
        seeds,
        steps=steps,
        batch_size=50,
        record_at=recorded,
        validate=True,
        keep_parameters=False,
    )
    validation, test = (
        (1 - accuracy.double()).nan_to_num(nan=1.0)
        for accuracy in (training.validation_accuracy, training.test_accuracy)
    )
    return recorded, validation, test


@remembered
def measure(
    width: int, seeds: tuple[int, ...] = curves.SEEDS, steps: int = curves.STEPS
) -> Iterator[list[Arm]]:
    """Train every p at every rate; yield what is chosen, an `Arm` for each of PS."""
    grid = {**product(dropout=PS, lr=RATES), "weight_decay": 0.0}
    recorded, *errors = tried(width, grid, seeds, steps)
    validation, test = (error.reshape(len(seeds), len(PS), -1) for error in errors)
    best = validation.mean(0).argmin(-1).tolist()
    yield [
        Arm(
            width,
            p,
            RATES[at // len(recorded)],
            recorded[at % len(recorded)],
            validation[:, i, at].mean().item(),
            test[:, i, at],
        )
        for i, (p, at) in enumerate(zip(PS, best))
    ]


def arms(afresh: bool = False) -> list[Arm]:
    """Every width and p on this base: as kept in `records/dropout/wide.json`, else trained.

    afresh: trained here and now.
    """
    found = []
    for width in WIDTHS:
        known = {p: None if afresh else store.kept("dropout/wide", f"{width}, {p:g}") for p in PS}
        if all(known.values()):
            found += [_read(width, p, values) for p, values in known.items() if values]
        else:
            *_, measured = measure(width)
            found += measured
    return found


def _read(width: int, p: float, values: Sequence[float]) -> Arm:
    rate, step, validation, *error = values
    return Arm(width, p, rate, int(step), validation, torch.tensor(error, dtype=torch.float64))


def best(among: Sequence[Arm]) -> Arm:
    """That of the arms whose validation error is lowest."""
    return min(among, key=lambda arm: arm.validation)


def table(found: Sequence[Arm]) -> str:
    """A line for each width and p."""
    lines = ["units     p    rate  step  validation error  test error"]
    lines += [
        f"{a.width:5}  {a.p:4g}  {a.rate:6g}  {a.step:4}  {a.validation:16.1%}  "
        f"{a.error.mean():10.1%}"
        for a in found
    ]
    return "\n".join(lines)

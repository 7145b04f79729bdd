"""Do L1's zeros stay, and does a threshold after subgradient steps do as well as proximal steps?

Networks of `shrinking`'s task at one λ, by either kind of step. A weight at zero stays there while
the loss of the batch pulls with at most λ, and each batch pulls differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.engine import train
from course_lib.experiments.l1_l2.shrinking import (
    RATE,
    SEEDS,
    SPEC,
    STEPS,
    digits_to_shrink,
    weights_that_count,
)
from course_lib.experiments.shared.forward import forward
from course_lib.sgd import sgd_update

STRENGTH = 1e-3
EPOCH = 6  # batches


@dataclass
class Staying:
    """Figures [seeds].

    left: of the proximal steps' zeros an epoch before the end, the share that is none at the end.
    zeros, error: [seeds, 2], share of the weights at zero and test error, by proximal steps, and by
    subgradient steps with all that is below ηλ then set to zero.
    """

    left: Tensor
    zeros: Tensor
    error: Tensor


def compare(seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Staying:
    """Train both kinds at `STRENGTH`."""
    before: dict[int, Tensor] = {}
    splits = {seed: digits_to_shrink(seed) for seed in seeds}
    lit = {seed: split.train_x.any(0) for seed, split in splits.items()}

    def look(seed: int, _: slice, step: int, parameters: list[Tensor]) -> None:
        if step == steps - EPOCH:
            before[seed] = weights_that_count(parameters, lit[seed])[0] == 0

    grid = {
        "l1": [STRENGTH, 0.0],
        "l1_subgradient": [0.0, STRENGTH],
        "lr": RATE,
        "only_weights": True,
    }
    *_, training = train(
        SPEC,
        splits.__getitem__,
        grid,
        seeds,
        update=sgd_update,
        steps=steps,
        record_at=(steps - EPOCH, steps),
        look=look,
    )
    found = []
    for i, seed in enumerate(seeds):
        ends = [p.cpu() for p in training.parameters[i]]
        cut = [p[1] * (p[1].abs() >= RATE * STRENGTH) if p.dim() == 3 else p[1] for p in ends]
        now = weights_that_count(ends, lit[seed])[0] == 0
        small = weights_that_count([p.unsqueeze(0) for p in cut], lit[seed])[0] == 0
        wrong = (forward(cut, splits[seed].test_x).argmax(1) != splits[seed].test_y).double().mean()
        found.append(
            (
                (before[seed] & ~now).sum() / before[seed].sum(),
                now.double().mean(),
                small.double().mean(),
                1 - training.test_accuracy[i, 0, -1],
                wrong,
            )
        )
    left, *figures = torch.tensor(found, dtype=torch.float64).unbind(1)
    return Staying(left, torch.stack(figures[:2], 1), torch.stack(figures[2:], 1))

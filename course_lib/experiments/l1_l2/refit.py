"""What L1's zeros cost, and what its shrinking: the weights that L1 keeps, trained again under L2.

Proximal L1 does two things at once: it sets weights to zero, and takes λ off those that it keeps.
Here they are taken apart. Networks of `shrinking`'s task are trained with L1 at the λ that `tuned`
chose; then the kept weights alone, from their first values on, under L2, under L1 with a λ of its
own, and without a penalty; beside them all weights under either penalty. All see the same batches,
each tries the eleven λ of `tuned` for its penalty, and validation rows choose. Fitting what a lasso
keeps once more without its penalty is the relaxed lasso (Meinshausen 2007).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import train
from course_lib.engine.cache import remembered
from course_lib.experiments.l1_l2.shrinking import RATE, SPEC, STEPS, digits_to_shrink
from course_lib.experiments.l1_l2.tuned import COUNT, GRIDS, SEEDS, compute_tuned
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.l1_l2 import soft_threshold
from course_lib.sgd import sgd_update

ARMS = (
    "all weights, L2",
    "kept weights, L2",
    "all weights, L1",
    "kept weights, L1",
    "kept weights, no penalty",
)
ROWS = 50  # a batch


@dataclass
class Refit:
    """Test errors [seeds] of the seeds that are done, and which share of the weights is kept.

    l1: under L1 itself. arms [seeds, `ARMS`]: trained again.
    """

    progress: float
    l1: Tensor
    arms: Tensor
    kept: Tensor


@remembered
def compute_refit(seeds: Sequence[int] = SEEDS) -> Iterator[Refit]:
    """Yields a `Refit` that grows seed by seed."""
    for tuned in compute_tuned(seeds):
        yield Refit(tuned.progress / 2, *torch.empty(3, 0))
    strengths, done = tuned.strengths()[:, 1], []
    for seed, strength in zip(seeds, strengths.tolist()):
        split = digits_to_shrink(seed)
        start, ended = one_network(seed, 1, lr=0.0), one_network(seed, STEPS, l1=strength)
        masks = [torch.ones_like(p) if p.dim() == 1 else (p != 0).float() for p in ended]
        kept = torch.cat([m.flatten() for m in masks if m.dim() > 1]).mean()
        done.append((_wrong(ended, split)[1], torch.stack(again(split, start, masks, seed)), kept))
        l1, arms, shares = (torch.stack(column).double() for column in zip(*done))
        yield Refit(0.5 + len(done) / len(seeds) / 2, l1, arms, shares)


@lru_cache(maxsize=64)  # `choosing` asks for those that are trained here
def one_network(seed: int, steps: int, **settings: float) -> list[Tensor]:
    """Parameters of one network of the task; at rate 0 those that it starts with.

    Trained once a session: nobody may change them.
    """
    grid = {"lr": RATE, "only_weights": True, **settings}
    *_, training = train(SPEC, digits_to_shrink, grid, (seed,), update=sgd_update, steps=steps)
    return [p[0].cpu() for p in training.parameters[0]]


def again(
    split: Split, start: Sequence[Tensor], masks: Sequence[Tensor], seed: int, steps: int = STEPS
) -> list[Tensor]:
    """Test error of each of `ARMS`, trained from `start`; masks: 0 where a weight stays zero."""
    none = (0.0,) * COUNT
    decays = torch.tensor([*GRIDS["l2"], *GRIDS["l2"], *none, *none, 0.0])
    l1 = torch.tensor([*none, *none, *GRIDS["l1"], *GRIDS["l1"], 0.0])
    allowed = []
    for mask in masks:
        whole = torch.ones_like(mask)
        arms = torch.stack([whole, mask, whole, mask]).repeat_interleave(COUNT, 0)
        allowed.append(torch.cat([arms, mask[None]]))
    validation, test = retrained(split, start, allowed, decays, seed, steps, l1)
    grids = zip(validation[:-1].view(-1, COUNT), test[:-1].view(-1, COUNT))
    return [*(errors[last_of_lowest(chooses)] for chooses, errors in grids), test[-1]]


def retrained(
    split: Split,
    start: Sequence[Tensor],
    allowed: Sequence[Tensor],
    decays: Tensor,
    seed: int,
    steps: int = STEPS,
    l1: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Validation and test error [networks], trained from `start` on the same batches.

    allowed: a tensor [networks, …] for each of `start`, 0 where a weight stays zero. decays: the
    strength of L2 in each network; l1: of L1, by proximal steps.
    """
    networks = [(p * m).requires_grad_() for p, m in zip(start, allowed)]
    rows = batches(len(split.train_x), ROWS, generator=seeded(seed, "refit"))
    for batch in islice(rows, steps):
        scores = forward(networks, split.train_x[batch])
        target = split.train_y[batch].repeat(len(scores))
        # a sum over networks: each gets the gradient of its own mean loss
        loss = cross_entropy(scores.flatten(0, 1), target, reduction="sum") / len(batch)
        with torch.no_grad():
            for p, m, slope in zip(networks, allowed, torch.autograd.grad(loss, networks)):
                if p.dim() == 3:  # biases are spared
                    slope = slope + decays.view(-1, 1, 1) * p
                p -= RATE * m * slope
                if l1 is not None and p.dim() == 3:
                    p.copy_(soft_threshold(p, RATE * l1.view(-1, 1, 1)))
    with torch.no_grad():
        return _wrong(networks, split)


def last_of_lowest(errors: Tensor) -> int:
    """Place of the lowest of some errors; of equals the last, so the strongest penalty."""
    return len(errors) - 1 - int(errors.flip(0).argmin())


def _wrong(networks: Sequence[Tensor], split: Split) -> tuple[Tensor, Tensor]:
    """Shares of validation and of test rows that are wrong."""
    sides = (split.validation_x, split.validation_y), (split.test_x, split.test_y)
    validation, test = ((forward(networks, x).argmax(-1) != y).float().mean(-1) for x, y in sides)
    return validation, test

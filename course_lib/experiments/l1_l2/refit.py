"""What L1's zeros cost, and what its shrinking: the weights that L1 keeps, trained again.

Proximal L1 does two things at once: it sets weights to zero, and takes λ off those that it keeps.
Here they are taken apart. Networks of `shrinking`'s task are trained with L1 at the λ that `tuned`
chose; then the kept weights alone, from their first values on, without a penalty, under L1 and
under L2; beside them all weights, in the same ways. Under L1 some of the kept weights may become
zero, too: what is left is trained once more, under L2. All see the same batches, each tries the
eleven λ of `tuned` for its penalty, and validation rows choose. Fitting what a lasso keeps once
more without its penalty is the relaxed lasso (Meinshausen 2007).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import train
from course_lib.engine.cache import remembered
from course_lib.engine.grid import read_grid
from course_lib.engine.updates import choose_update
from course_lib.experiments.l1_l2.shrinking import RATE, SPEC, STEPS, digits_to_shrink
from course_lib.experiments.l1_l2.tuned import GRIDS, SEEDS, compute_tuned
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

ARMS = (
    "all weights, no penalty",
    "kept weights, no penalty",
    "all weights, L2",
    "kept weights, L2",
    "all weights, L1",
    "kept weights, L1",
    "kept twice, L2",
)
ROWS = 50  # a batch
Mask = Sequence[Tensor]  # a tensor for each parameter, 0 where a weight stays zero


@dataclass
class Refit:
    """Figures [seeds] of the seeds that are done.

    l1: test error under L1 itself. kept: which share of the weights is not zero then. arms [seeds,
    `ARMS`]: test errors, trained again. emptied: of the kept weights, the share that is zero when
    L1 has trained them again.
    """

    progress: float
    l1: Tensor
    kept: Tensor
    arms: Tensor
    emptied: Tensor


@remembered
def compute_refit(seeds: Sequence[int] = SEEDS) -> Iterator[Refit]:
    """Yields a `Refit` that grows seed by seed."""
    for tuned in compute_tuned(seeds):
        yield Refit(tuned.progress / 2, *torch.empty(4, 0))
    strengths, done = tuned.strengths()[:, 1], []
    for seed, strength in zip(seeds, strengths.tolist()):
        split = digits_to_shrink(seed)
        start, ended = one_network(seed, 1, lr=0.0), one_network(seed, STEPS, l1=strength)
        mask = not_zero(ended)
        done.append((wrong(ended, split)[1], share(mask), *again(split, start, mask, seed)))
        figures = (torch.stack(column).double() for column in zip(*done))
        yield Refit(0.5 + len(done) / len(seeds) / 2, *figures)


@lru_cache(maxsize=64)  # `choosing` asks for those that are trained here
def one_network(seed: int, steps: int, **settings: float) -> list[Tensor]:
    """Parameters of one network of the task; at rate 0 those that it starts with.

    Trained once a session: nobody may change them.
    """
    grid = {"lr": RATE, "only_weights": True, **settings}
    *_, training = train(SPEC, digits_to_shrink, grid, (seed,), update=sgd_update, steps=steps)
    return [p[0].cpu() for p in training.parameters[0]]


def not_zero(network: Sequence[Tensor]) -> list[Tensor]:
    """The mask of the weights of a network that are not zero; biases are all in it."""
    return [torch.ones_like(p) if p.dim() == 1 else (p != 0).to(p.dtype) for p in network]


def share(mask: Mask) -> Tensor:
    """Which share of the weights a mask lets be; biases do not count."""
    return torch.cat([part.flatten() for part in mask if part.dim() > 1]).mean()


def again(
    split: Split, start: Sequence[Tensor], mask: Mask, seed: int, steps: int = STEPS
) -> tuple[Tensor, Tensor]:
    """Test errors of `ARMS`, the weights of `mask` trained from `start`; and `Refit.emptied`."""
    masks = [torch.ones_like(part) for part in mask], mask
    under_l2 = retrained(split, start, masks, seed, steps, l2=(0.0, *GRIDS["l2"]))
    under_l1 = retrained(split, start, masks, seed, steps, l1=GRIDS["l1"])
    validation, test = (errors.view(2, -1) for errors in wrong(under_l2, split))
    arms = [*test[:, 0], *at_lowest(validation[:, 1:], test[:, 1:])]
    validation, test = (errors.view(2, -1) for errors in wrong(under_l1, split))
    arms += at_lowest(validation, test)
    chosen = validation.shape[1] + last_of_lowest(validation[1])
    left = not_zero([p[chosen] for p in under_l1])
    twice = retrained(split, start, [left], seed, steps, l2=GRIDS["l2"])
    arms += at_lowest(*(errors.view(1, -1) for errors in wrong(twice, split)))
    return torch.stack(arms), 1 - share(left) / share(mask)


def retrained(
    split: Split,
    start: Sequence[Tensor],
    masks: Sequence[Mask],
    seed: int,
    steps: int = STEPS,
    **strengths: Sequence[float],
) -> list[Tensor]:
    """Parameters [masks × strengths, …], trained from `start` on the same batches.

    strengths: of one penalty, `l2`, or `l1` by proximal steps; each mask has them all.
    """
    ((penalty, values),) = strengths.items()
    grid = {penalty: [*values] * len(masks), "lr": RATE, "only_weights": True}
    columns = read_grid(grid, sgd_update, SPEC)
    networks = SPEC.networks([p.unsqueeze(0) for p in start], columns.settings, {}, ROWS)
    optimizer = choose_update(sgd_update, networks, columns.update, columns.penalties, None)
    stacked = (torch.stack(parts).repeat_interleave(len(values), 0) for parts in zip(*masks))
    allowed = torch.cat([part.flatten() for part in stacked])  # as the networks' weights lie
    networks.flat.mul_(allowed)
    target = one_hot(split.train_y, SPEC.outputs).to(split.train_x.dtype)
    rows = batches(len(split.train_x), ROWS, generator=seeded(seed, "refit"))
    for step, batch in enumerate(islice(rows, steps)):
        networks.compute_gradients(split.train_x[batch], target[batch], [])
        networks.flat_gradients.mul_(allowed)
        optimizer.step(step)
    return networks.parameters


def wrong(networks: Sequence[Tensor], split: Split) -> tuple[Tensor, Tensor]:
    """Shares of validation and of test rows that are wrong."""
    sides = (split.validation_x, split.validation_y), (split.test_x, split.test_y)
    validation, test = ((forward(networks, x).argmax(-1) != y).float().mean(-1) for x, y in sides)
    return validation, test


def at_lowest(validation: Tensor, test: Tensor) -> list[Tensor]:
    """The test error of each mask at its lowest validation error; both [masks, strengths]."""
    return [errors[last_of_lowest(chooses)] for chooses, errors in zip(validation, test)]


def last_of_lowest(errors: Tensor) -> int:
    """Place of the lowest of some errors; of equals the last, so the strongest penalty."""
    return len(errors) - 1 - int(errors.flip(0).argmin())

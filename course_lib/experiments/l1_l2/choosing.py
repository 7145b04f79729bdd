"""Does L1 choose well? As many weights chosen otherwise, trained again under L2 just as L1's are.

In `refit` the weights that L1 kept are trained again, from their first values on, under L2. Here
other masks of the same size, layer by layer, have the same: weights drawn at random, and those that
are largest in the network that L2 trained at the λ that `tuned` chose. Weights of pixels that are
black on all training rows are in no mask: L1 empties them, and they would make a weak rival.
Start, batches, steps and the eleven λ for L2 are those of `refit`; each mask has its λ chosen by
validation rows. To train a part of the weights from their first values on, chosen by their size
after a first training, is the way of Frankle & Carbin ("The Lottery Ticket Hypothesis", ICLR 2019).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.engine.cache import remembered
from course_lib.experiments.l1_l2.refit import at_lowest, one_network, retrained, wrong
from course_lib.experiments.l1_l2.shrinking import STEPS, digits_to_shrink
from course_lib.experiments.l1_l2.tuned import GRIDS, SEEDS, compute_tuned

ARMS = ("drawn at random", "largest under L2")


@dataclass
class Choosing:
    """Test error [seeds, `ARMS`] of the seeds that are done."""

    progress: float
    wrong: Tensor


@remembered
def compute_choosing(seeds: Sequence[int] = SEEDS) -> Iterator[Choosing]:
    """Yields a `Choosing` that grows seed by seed."""
    for tuned in compute_tuned(seeds):
        yield Choosing(tuned.progress / 2, torch.empty(0, len(ARMS)))
    done: list[Tensor] = []
    for seed, (l2, l1) in zip(seeds, tuned.strengths().tolist()):
        split, start = digits_to_shrink(seed), one_network(seed, 1, lr=0.0)
        masks = rivals(
            one_network(seed, STEPS, l1=l1),
            one_network(seed, STEPS, l2=l2),
            split.train_x.any(0),
            torch.rand(sum(p.numel() for p in start), generator=seeded(seed, "mask")),
        )
        networks = retrained(split, start, masks, seed, l2=GRIDS["l2"])
        errors = (side.view(len(ARMS), -1) for side in wrong(networks, split))
        done.append(torch.stack(at_lowest(*errors)))
        yield Choosing(0.5 + len(done) / len(seeds) / 2, torch.stack(done).double())


def rivals(
    l1: Sequence[Tensor], l2: Sequence[Tensor], lit: Tensor, draws: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Masks of `ARMS`, a tensor of zeros and ones for each parameter; biases are all in.

    l1, l2: parameters of a network trained under either. lit [pixels]: whether any training row has
    something there. draws: a number in (0, 1) for each element of the parameters.
    """
    parts = draws.split([p.numel() for p in l1])
    masks: tuple[list[Tensor], list[Tensor]] = ([], [])
    for layer, (kept, big, part) in enumerate(zip(l1, l2, parts)):
        for mask, score in zip(masks, (part.view_as(kept), big.abs())):
            if kept.dim() == 1:
                mask.append(torch.ones_like(kept))
            else:
                mask.append(_highest(score * lit if layer == 0 else score, int((kept != 0).sum())))
    return masks


def _highest(score: Tensor, count: int) -> Tensor:
    """A mask of the `count` highest scores."""
    places = score.flatten().topk(count).indices
    return torch.zeros(score.numel()).index_fill(0, places, 1.0).view_as(score)

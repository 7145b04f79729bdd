"""Does decay work as a faster rate? How far one update turns the weights.

A step of the same length turns smaller weights further. So decay might be no more than a faster
*effective* rate. Then an update should turn a decayed network at least about as far as one that
adds in part without decay, for it trains at 4.2 times the rate (`late.FAST`). All weights of a
network are one arrow here, of which only the direction counts.
"""

import torch
from torch import Tensor

from course_lib.experiments.elsewhere.grokking import Arm, compute_grokking
from course_lib.experiments.elsewhere.late import DECAYED, FAST
from course_lib.records import store

ARMS = {"no decay, rate 0.01": Arm(), "λ = 2, rate 0.01": DECAYED, "no decay, rate 0.042": FAST}
SEEDS = tuple(range(8))
WINDOWS = ((51, 60), (91, 100), (141, 150))  # the first and the last of ten updates


def turned(weights: Tensor) -> Tensor:
    """How far arrows turn from look to look [..., looks − 1] of weights [..., looks, n].

    ‖w'/‖w'‖ − w/‖w‖‖: of a small step the part at right angles to w, over ‖w‖; in radians.
    """
    arrows = weights / weights.norm(dim=-1, keepdim=True)
    return arrows.diff(dim=-2).norm(dim=-1)


def measured(seeds: tuple[int, ...] = SEEDS) -> Tensor:
    """By arm of ARMS and window of WINDOWS, means over its updates [2, arms, windows, seeds].

    First the norm of all weights before an update, then how far the update turns them, `turned`.
    """
    looks = [step for first, last in WINDOWS for step in range(first - 1, last + 1)]
    found = []
    for arm in ARMS.values():
        *_, run = compute_grokking((arm,), seeds, looks[-1], tuple(looks), keep=arm)
        weights = torch.cat([one.flatten(2) for one in run.way or ()], -1).double()
        parts = weights.split(len(looks) // len(WINDOWS), 1)  # a look before, ten after
        norms = [one[:, :-1].norm(dim=-1).mean(1) for one in parts]
        found.append(torch.stack([*norms, *(turned(one).mean(1) for one in parts)]))
    return torch.stack(found).unflatten(1, (2, len(WINDOWS))).transpose(0, 1)


def known() -> Tensor:
    """`measured` at SEEDS, as stored in `course_lib/records/elsewhere/faster.json`, or trained."""
    kept = store.kept("elsewhere/faster")
    return torch.tensor(kept, dtype=torch.float64) if kept else measured()

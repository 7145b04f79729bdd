"""How much patience takes a network over the hill of its validation loss?

Early stopping hands back the network at the lowest value that it has seen when its patience ends.
From a run recorded to the end, what each patience would have handed back is read off.
"""

import math

import torch
from torch import Tensor

from course_lib.experiments.elsewhere.grokking import Grokking
from course_lib.overfitting import EarlyStopping


def stopped(watched: Tensor, patience: int) -> tuple[Tensor, Tensor]:
    """The looks [seeds] that early stopping hands back, and at which it stops, or the last ones.

    watched: curves [seeds, looks], of which low is good.
    """
    found = []
    for values in watched.tolist():
        stopping = EarlyStopping(patience, restore_best=False)
        any(stopping.step(value) for value in values)  # until it says stop
        found.append((stopping.best_step, stopping.steps - 1))
    kept, ends = torch.tensor(found).T
    return kept, ends


def handed_back(watched: Tensor, patience: int) -> Tensor:
    """The looks [seeds] that early stopping hands back; see `stopped`."""
    return stopped(watched, patience)[0]


def accuracy_of(
    run: Grokking, arm: int, patience: int = 5, watched: Tensor | None = None
) -> Tensor:
    """The test accuracy [seeds] of what early stopping hands back of an arm, by its place.

    watched: curves [seeds, arms, looks], of which low is good; None: the validation loss.
    """
    curves = run.validation_loss if watched is None else watched
    kept = handed_back(curves[:, arm], patience)
    return run.test_accuracy[range(len(run.seeds)), arm, kept].double()


def needed(watched: Tensor, worth: Tensor, enough: float) -> list[float]:
    """For each seed the fewest looks of patience that hand back what is `worth` enough.

    watched, worth [seeds, looks]: what is watched, low is good, and what is wanted. Patience beyond
    it may still hand back another network; ∞ where none does.
    """
    rows = torch.arange(len(watched))
    found = [math.inf] * len(watched)
    for patience in range(watched.shape[1], 0, -1):
        good = worth[rows, handed_back(watched, patience)] >= enough
        found = [patience if there else so_far for there, so_far in zip(good.tolist(), found)]
    return found

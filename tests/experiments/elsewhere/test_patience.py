"""What early stopping hands back of a recorded curve, and how much patience a hill takes."""

import math
from types import SimpleNamespace

import pytest
import torch

from course_lib.experiments.elsewhere import patience
from course_lib.overfitting import EarlyStopping

HILL = torch.tensor([[3.0, 4, 5, 4, 2, 1], [3.0, 2, 4, 4, 4, 4], [3.0, 4, 5, 6, 7, 8]])
WORTH = torch.tensor([[0.0, 0, 0, 0.5, 0.9, 1], [0.0, 0.3, 0, 0, 0, 0], [0.0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("looks", "kept", "ends"),
    [(1, [0, 1, 0], [1, 2, 1]), (3, [0, 1, 0], [3, 4, 3]), (4, [5, 1, 0], [5, 5, 4])],
)
def test_the_lowest_look_before_patience_ends_is_handed_back(looks, kept, ends):
    assert patience.handed_back(HILL, looks).tolist() == kept
    assert patience.stopped(HILL, looks)[1].tolist() == ends


def test_what_is_handed_back_is_worth_its_test_accuracy():
    curves = torch.stack([HILL, HILL.flip(0)], 1)  # [seeds, arms, looks]
    worth = torch.stack([WORTH, WORTH.flip(0)], 1)
    run = SimpleNamespace(seeds=(0, 1, 2), validation_loss=curves, test_accuracy=worth)
    assert patience.accuracy_of(run, 0, 4).tolist() == pytest.approx([1, 0.3, 0])
    assert patience.accuracy_of(run, 1, 4).tolist() == pytest.approx([0, 0.3, 1])
    last = patience.accuracy_of(run, 0, 4, watched=-torch.arange(6.0).expand(3, 2, 6))
    assert last.tolist() == WORTH[:, -1].tolist()


def test_it_is_the_lessons_own_early_stopping():
    stopping = EarlyStopping(3, restore_best=False)
    values = [3.0, 2.5, 2.6, 2.4, 2.7, 2.8, 2.9, 1.0]
    any(stopping.step(value) for value in values)
    assert patience.handed_back(torch.tensor([values]), 3).item() == stopping.best_step == 3


def test_the_patience_that_a_hill_takes():
    assert patience.needed(HILL, WORTH, 0.9) == [4, math.inf, math.inf]
    assert patience.needed(HILL, WORTH, 0.3) == [4, 1, math.inf]

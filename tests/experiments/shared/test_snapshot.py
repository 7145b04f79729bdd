"""A snapshot stays what it was while the figures it was taken of fill in."""

from dataclasses import dataclass

import torch

from course_lib.experiments.shared.snapshot import snapshot


@dataclass
class Figures:
    name: str
    loss: torch.Tensor
    progress: float = 0.0


def test_it_holds_copies_of_tensors_and_everything_else():
    figures = Figures("digits", torch.zeros(2))
    taken = snapshot(figures, 0.5)
    figures.loss[0] = 1.0
    assert taken.loss.tolist() == [0.0, 0.0]
    assert (taken.name, taken.progress, figures.progress) == ("digits", 0.5, 0.0)

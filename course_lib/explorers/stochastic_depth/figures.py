"""What explorers of lesson 08 share."""

import numpy as np
import torch

from course_lib.experiments.stochastic_depth.training import DEPTH

BLOCKS = np.arange(1, DEPTH + 1)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


FIGURES = {
    "test error": ("error", "share of wrong answers"),
    "test NLL": ("nll", "mean negative log likelihood"),
}


def after(training, name, step):
    """(a figure after `step` steps or, where a hurried training never came so far, at its end; that
    step)
    """
    step = step if step in training.recorded else training.recorded[-1]
    return training.at(name, step), step

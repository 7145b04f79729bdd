"""What pictures of lesson 08 share: the numbers of the blocks, and the two test figures."""

import numpy as np

from course_lib.experiments.stochastic_depth.training import DEPTH

BLOCKS = np.arange(1, DEPTH + 1)
TEST_FIGURES = {
    "test error": ("error", "share of wrong answers"),
    "test NLL": ("nll", "mean negative log likelihood"),
}
LIMITS = {"error": (0, 0.4), "nll": (0, 2.6)}

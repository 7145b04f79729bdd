"""Where two arms are alike, a study hardly ever says that one is better."""

import torch
from scipy.stats import binom
from torch import nn

from course_lib import study
from course_lib.study.findings import BETTER, WORSE

ROWS, FEATURES = 90, 8


def world(seed):
    """Eight features that count alike for the class, and noise: either half tells as much."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, FEATURES, generator=generator)
    return x, (x.sum(1) + 2 * torch.randn(ROWS, generator=generator) > 0).long()


class Half(nn.Module):
    """Ridge regression on half of the features, on the class as ±1."""

    def __init__(self, features):
        super().__init__()
        self.features, self.weight = features, None

    def forward(self, x):
        score = x[:, self.features] @ self.weight
        return torch.stack([-score, score], 1)


def solve(model, x, y, ridge=1.0):
    half = x[:, model.features]
    gram = half.T @ half + ridge * torch.eye(half.shape[1])
    model.weight = torch.linalg.solve(gram, half.T @ (2.0 * y - 1))


def decided(seed):
    """Whether a study of the two halves, in a world of its own, says that one is better."""
    halves = {"first": slice(0, FEATURES // 2), "second": slice(FEATURES // 2, None)}
    arms = {
        name: study.Arm(lambda half=half: Half(half), fit=solve, ridge=[0.1, 1.0, 10.0])
        for name, half in halves.items()
    }
    planned = study.plan(
        arms, world(seed), matters=0.001, budget=3, pilots=2, divisions=(10, 10), seed=seed
    )
    return planned.run(None).verdict("second") in (BETTER, WORSE)


def test_at_most_one_null_in_twenty_is_decided(amount):
    studies = amount(60, 1000)
    found = sum(decided(seed) for seed in range(studies))
    # at a rate of 5 % this many or more come up once in 10 000 times
    assert found < binom.isf(1e-4, studies, 0.05), f"{found} of {studies} nulls decided"

"""What does stochastic depth do to the error? Residual networks on digits, one p_L beside the other.

A 64-32-10 network with twelve residual blocks of width 32 learns 300 digits. A fifth of the training labels is wrong
unless asked otherwise, the test labels are right. A branch is Linear–GELU–Linear, with a LayerNorm in front if asked.
The engine decides row by row, computes all blocks and masks what is dropped, so nothing is said here about time; see
`shorter_steps` for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from course_lib.lab.data import digits
from course_lib.lab.ensemble import ModelSpec, train
from course_lib.lab.remember import remembered
from course_lib.stochastic_depth import survival_probabilities

DEPTH, WIDTH, STEPS = 12, 32, 600
LAST = (0.0, 0.3, 0.5, 0.8, 1.0)  # p_L
SEEDS = tuple(range(10))
EARLY = 20  # the first steps, over which gradients are averaged; as they are over the second half of all
FIGURES = ("error", "nll", "train_loss", "early", "late")


@dataclass
class Shorter:
    """Figures [seeds, survivals]; NaN: not there yet, or diverged.

    error, nll: share of wrong answers and mean negative log likelihood on the test rows, all blocks on.
    train_loss: the same on the training rows with their wrong labels. early, late: norm of the gradient in the first
    block, averaged over the first twenty steps and over the second half of all; NaN where nobody watched.
    """

    rule: str
    last: tuple
    error: torch.Tensor
    nll: torch.Tensor
    train_loss: torch.Tensor
    early: torch.Tensor
    late: torch.Tensor
    depth: int = DEPTH
    progress: float = 0.0

    @property
    def depths(self):
        """Expected depth at each p_L."""
        return expected_depths(self.last, self.rule, self.depth)


def expected_depths(last=LAST, rule="linear", depth=DEPTH):
    """Expected number of blocks that survive, of `depth` that there are, for each of the `last`."""
    return [sum(survival_probabilities(depth, p, rule)) for p in last]


def uniform_twins(last=LAST):
    """For each p_L of the linear rule the uniform survival with the same expected depth."""
    return tuple(depth / DEPTH for depth in expected_depths(last))


@remembered
def train_shorter(
    rule="linear", last=LAST, depth=DEPTH, norm=False, rows=300, noise=0.2, seeds=SEEDS, steps=STEPS, watch=True
) -> Iterator[Shorter]:
    """Train every p_L in `last` at every seed, with AdamW (lr 2e-3, no decay); yield a `Shorter` that fills in.

    depth: residual blocks. norm: a LayerNorm in front of each branch. rows, noise: digits to learn from, and the share
    of wrong labels among them.
    `watch`: note the first block's gradients, for which seeds are trained one by one; without, several go together.
    """
    spans = range(EARLY), range(steps // 2, steps)
    norms = {seed: torch.zeros(2, len(last)) for seed in seeds}

    def observe(seed, step, parameters, gradients):
        """Of the first block: behind weight and bias of the input layer, [γ, β,] W, b, W, b."""
        for kind, span in enumerate(spans):
            if step in span:
                square = sum(g.flatten(1).square().sum(1) for g in gradients[2 : 8 if norm else 6])
                norms[seed][kind] += square.sqrt().cpu() / len(span)

    spec = ModelSpec((64, WIDTH, 10), residual_blocks=depth, expansion=1, branch_norm=norm, survival_rule=rule)
    grid = {"survival": list(last), "lr": 2e-3, "weight_decay": 0.0}
    for training in train(
        spec,
        lambda seed: digits(rows, 0, label_noise=noise, scale="unit", seed=seed),
        grid,
        seeds,
        steps=steps,
        observe=observe if watch else None,
    ):
        done = torch.tensor([p is not None for p in training.parameters]).unsqueeze(1)
        measured = [1 - training.test_accuracy, training.test_loss, training.train_loss]
        kept = [figure[:, :, -1].double() for figure in measured]
        kept += [torch.stack([norms[seed][kind] for seed in seeds]).double() for kind in (0, 1)]
        kept[3:] = kept[3:] if watch else [torch.full_like(norm, torch.nan) for norm in kept[3:]]
        gone = ~done | (training.diverged_at >= 0)
        kept = [figure.masked_fill(gone, torch.nan) for figure in kept]
        yield Shorter(rule, tuple(last), *kept, depth=depth, progress=training.progress)

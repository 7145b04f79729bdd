"""The experiment of lesson 06: what dropout does to a network on noisy digits, from no dropout to nearly all dropped.

64-128-10 networks, AdamW at 0.002 without decay, batches of 50, 1000 steps. Two stages: 300 digits of which 60 carry a
wrong label, or 200 with right ones; the test rows are all others, with right labels. Every p of a seed shares split,
initial weights, batch order and noise field.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from course_lib.dropout import dropout
from course_lib.lab.data import Split, digits
from course_lib.lab.ensemble import ModelSpec, train
from course_lib.lab.remember import remembered

STAGES = {"20 % wrong": (300, 0.2), "all right": (200, 0.0)}  # labels → rows, label noise
PS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.96)
SPEC = ModelSpec((64, 128, 10))
STEPS = 1000
RECORDED = (0, 10, 20, 40, 70, 100, 150, 200, 300, 400, 600, 800, STEPS)


def split_of(stage: str, seed: int) -> Split:
    rows, noise = STAGES[stage]
    return digits(rows, 0, label_noise=noise, scale="unit", seed=seed)


@dataclass
class Curves:
    """Losses and errors [seeds, ps, recorded], NaN where they are not there yet; measured with masks off.

    Training figures are on the training labels as given, wrong ones included. parameters: a list per seed.
    """

    stage: str
    seeds: tuple
    train_loss: Tensor
    test_loss: Tensor
    train_error: Tensor
    test_error: Tensor
    parameters: list = field(repr=False)
    progress: float = 0.0
    ps: tuple = PS
    steps: tuple = RECORDED

    def at(self, p: float) -> int:
        """The place of p on the second axis."""
        return self.ps.index(p)

    def network(self, s: int, p: float) -> list[Tensor]:
        """Weights and biases of seed number s at this p: W₁ [128, 64], b₁, W₂ [10, 128], b₂."""
        return [parameter[self.at(p)] for parameter in self.parameters[s]]


@remembered
def compute_curves(stage: str = "20 % wrong", seeds: tuple = tuple(range(12))) -> Iterator[Curves]:
    """Train every p at every seed; yield `Curves` that fill in."""
    grid = {"dropout": list(PS), "lr": 2e-3, "weight_decay": 0.0}
    for training in train(
        SPEC, lambda seed: split_of(stage, seed), grid, seeds, steps=STEPS, batch_size=50, record_at=RECORDED
    ):
        yield Curves(
            stage,
            tuple(seeds),
            training.train_loss,
            training.test_loss,
            1 - training.train_accuracy,
            1 - training.test_accuracy,
            training.parameters,
            training.progress,
        )


def hidden(network: list[Tensor], x: Tensor) -> Tensor:
    """Activations [rows, 128] of the hidden layer."""
    weight, bias = network[:2]
    return torch.relu(x @ weight.T + bias)


def logits(network: list[Tensor], h: Tensor) -> Tensor:
    weight, bias = network[2:]
    return h @ weight.T + bias


def losses_by_mask(network: list[Tensor], x: Tensor, y: Tensor, p: float, draws: int, generator=None) -> Tensor:
    """Mean cross entropy [draws] of the network under `draws` fresh masks for every row."""
    h = hidden(network, x)
    return torch.stack([cross_entropy(logits(network, dropout(h, p, True, generator)), y) for _ in range(draws)])


@dataclass
class ThreeLosses:
    """Training losses [seeds]: the plain network; the one trained with dropout, its masks off; the same, masks on."""

    plain: Tensor
    off: Tensor
    on: Tensor


def three_losses(curves: Curves, p: float = 0.5, draws: int = 50) -> ThreeLosses:
    """The three numbers on the training rows at the end of training, each `on` a mean over `draws` masks a row."""
    on = []
    for s, seed in enumerate(curves.seeds):
        split, generator = split_of(curves.stage, seed), torch.Generator().manual_seed(seed)
        network = curves.network(s, p)
        on.append(losses_by_mask(network, split.train_x, split.train_y, p, draws, generator).mean())
    return ThreeLosses(curves.train_loss[:, curves.at(0.0), -1], curves.train_loss[:, curves.at(p), -1],
                       torch.stack(on))  # fmt: skip


def without_each_unit(network: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """By how much the mean cross entropy rises [units] when one hidden unit alone is set to 0, masks off."""
    h = hidden(network, x)
    whole = logits(network, h)  # [rows, classes]
    lacking = whole.unsqueeze(1) - h.unsqueeze(2) * network[2].T  # [rows, units, classes]: without unit j's share
    right = y.view(-1, 1, 1).expand(-1, h.shape[1], 1)
    return -log_softmax(lacking, -1).gather(-1, right).squeeze(-1).mean(0) - cross_entropy(whole, y)


def unit_removal(curves: Curves, p: float, on: str = "train") -> Tensor:
    """`without_each_unit` on the training or test rows of every seed [seeds, units], largest rise first."""
    rises = []
    for s, seed in enumerate(curves.seeds):
        split = split_of(curves.stage, seed)
        rises.append(without_each_unit(curves.network(s, p), getattr(split, f"{on}_x"), getattr(split, f"{on}_y")))
    return torch.stack(rises).sort(1, descending=True).values


def timidity(curves: Curves, p: float) -> Tensor:
    """Accuracy minus mean confidence on the test rows [seeds]; above 0: right more often than it says."""
    gaps = []
    for s, seed in enumerate(curves.seeds):
        split, network = split_of(curves.stage, seed), curves.network(s, p)
        confidence, answer = logits(network, hidden(network, split.test_x)).softmax(1).max(1)
        gaps.append((answer == split.test_y).float().mean() - confidence.mean())
    return torch.stack(gaps)

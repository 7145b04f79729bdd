"""What does stochastic depth do to the error? Residual networks on digits, p_L beside p_L.

A 64-32-10 network with twelve residual blocks of width 32 learns 300 digits. A fifth of the
training labels is wrong unless asked otherwise, the test labels are right. A branch is
Linear–GELU–Linear, with a LayerNorm in front if asked. The engine decides row by row, computes all
blocks and masks what is dropped, so nothing is said here about time; see `steps` for that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.statistics import Interval, paired_interval
from course_lib.stochastic_depth import survival_probabilities

DEPTH, WIDTH, STEPS = 12, 32, 600
RECORDED = (25, 50, 75, 100, 150, 200, 300, 400, STEPS)
LAST = (0.0, 0.5, 0.8, 1.0)  # p_L
RULES = ("linear", "uniform", "reversed")
SEEDS = tuple(range(12))
# the first steps, over which gradients are averaged; as they are over the second half of all
EARLY = 20
FIGURES = ("error", "nll", "train_loss")


@dataclass
class Shorter:
    """Figures [seeds, survivals, recorded]; NaN: not there yet, or diverged.

    error, nll: share of wrong answers and mean negative log likelihood on the test rows, all blocks
    on. train_loss: the latter on the training rows with their wrong labels. early, late [seeds,
    survivals]: norm of the gradient in the first block, averaged over the first twenty steps and
    over the second half of all; NaN where nobody watched. recorded: the steps after which the
    figures were taken, the last one at the end.
    """

    rule: str
    last: tuple[float, ...]
    recorded: tuple[int, ...]
    error: Tensor
    nll: Tensor
    train_loss: Tensor
    early: Tensor
    late: Tensor
    _: KW_ONLY
    progress: float = 0.0

    def at(self, name: str, step: int | None = None) -> Tensor:
        """One of FIGURES after `step` steps, at the end if None, [seeds, survivals].

        Raises `ValueError` if that is not recorded.
        """
        return getattr(self, name)[:, :, self.recorded.index(step) if step else -1]

    def seen_at(self, step: int) -> int:
        """`step` if it is recorded; the last step of a training that never came so far."""
        return step if step in self.recorded else self.recorded[-1]

    def best_steps(self) -> list[int]:
        """For each p_L, the recorded step at which its test NLL, averaged over seeds, is lowest."""
        return [self.recorded[k] for k in self.nll.mean(0).argmin(1)]

    def gain(self, name: str, last: float, stopped: bool = False) -> Interval:
        """One of FIGURES with this p_L minus that with the last one, 1; at the end or `stopped`."""
        values = self.stopped(name) if stopped else self.at(name)
        return paired_interval(values[:, self.last.index(last)], values[:, -1])

    def gradient(self, when: str, last: float) -> Interval:
        """`early` or `late`: the first block's gradient with this p_L minus that with 1."""
        values = getattr(self, require_choice("when", when, ("early", "late")))
        return paired_interval(values[:, self.last.index(last)], values[:, -1])

    def stopped(self, name: str) -> Tensor:
        """One of FIGURES, each p_L after its own best step, [seeds, survivals].

        It is what early stopping could win.
        """
        return torch.stack(
            [self.at(name, step)[:, i] for i, step in enumerate(self.best_steps())], 1
        )


class Reversed(ModelSpec):
    """The linear rule the other way round: block 1 is dropped most, as block L otherwise is."""

    def survival(self, last: float) -> list[float]:
        """Survival probability of each block; `last` is the first one's."""
        return super().survival(last)[::-1]


class InBranch(ModelSpec):
    """`dropout` acts in the branches, behind the GELU: each number of a row for itself.

    Its p is the same in every block; outside of the branches nothing is dropped.
    """

    def layers(self) -> Iterator[tuple]:
        """As of `ModelSpec`, but without a dropout in the layer that reads the data."""
        return (layer for layer in super().layers() if layer[0] != "dropout")

    def branch(self) -> list[tuple]:
        """As of `ModelSpec`, with ("dropout", width inside) in front of the last layer."""
        *front, last = super().branch()
        return [*front, ("dropout", last[1]), last]


class FromZero(ModelSpec):
    """Every branch's last layer starts at zero, so that all blocks start as their shortcuts."""

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """As of `ModelSpec`, but for the last weight and bias of each block."""
        start = super().initial(seed, dtype)
        size = 6 if self.branch_norm else 4  # of each block [γ, β,] W, b, W, b
        for block in range(self.residual_blocks):
            first = len(start) - 2 - size * (self.residual_blocks - block)
            for parameter in start[first + size - 2 : first + size]:
                parameter.zero_()
        return start


def expected_depths(last: tuple[float, ...] = LAST) -> list[float]:
    """Expected number of blocks, of twelve, that survive under the linear rule, for each p_L."""
    return [sum(survival_probabilities(DEPTH, p)) for p in last]


def uniform_twins(last: tuple[float, ...] = LAST) -> tuple[float, ...]:
    """For each p_L of the linear rule the uniform survival with the same expected depth."""
    return tuple(depth / DEPTH for depth in expected_depths(last))


def spec_of(rule: str, depth: int, norm: bool = False, from_zero: bool = False) -> ModelSpec:
    """The `ModelSpec` with that many blocks under one of RULES.

    p_L of "reversed" is the first block's. norm: a LayerNorm in front of each branch. from_zero:
    each branch's last layer starts at zero; not with "reversed".
    """
    backwards = require_choice("rule", rule, RULES) == "reversed"
    if backwards and from_zero:
        raise ValueError("from_zero = True: with rule 'linear' or 'uniform' alone")
    return (Reversed if backwards else FromZero if from_zero else ModelSpec)(
        (64, WIDTH, 10),
        survival_rule="linear" if backwards else rule,
        residual_blocks=depth,
        expansion=1,
        branch_norm=norm,
    )


@remembered
def train_shorter(
    rule: str = "linear",
    last: tuple[float, ...] = LAST,
    depth: int = DEPTH,
    norm: bool = False,
    from_zero: bool = False,
    rows: int = 300,
    noise: float = 0.2,
    seeds: tuple[int, ...] = SEEDS,
    steps: int = STEPS,
    watch: bool = True,
) -> Iterator[Shorter]:
    """Train every p_L in `last` at every seed; yield a `Shorter` that fills in.

    AdamW at learning rate 2e-3, no decay. rule, depth, norm, from_zero: as `spec_of` takes them.
    rows, noise: digits to learn from, and the share of wrong labels among them. `watch`: note the
    first block's gradients.
    """
    spans = range(EARLY), range(steps // 2, steps)
    norms = {seed: torch.zeros(2, len(last)) for seed in seeds}

    def observe(
        seed: int, step: int, parameters: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> None:
        """Of the first block: behind weight and bias of the input layer, [γ, β,] W, b, W, b."""
        for kind, span in enumerate(spans):
            if step in span:
                block = gradients[2 : 8 if norm else 6]
                square = sum((g.flatten(1).square().sum(1) for g in block), torch.zeros(()))
                norms[seed][kind] += square.sqrt().cpu() / len(span)

    for training in train(
        spec_of(rule, depth, norm, from_zero),
        lambda seed: digits(rows, 0, label_noise=noise, scale="unit", seed=seed),
        {"survival": list(last), "lr": 2e-3, "weight_decay": 0.0},
        seeds,
        steps=steps,
        record_at=[step for step in RECORDED if step < steps] + [steps],
        observe=observe if watch else None,
    ):
        done = torch.tensor([p is not None for p in training.parameters]).unsqueeze(1)
        gone = ~done | (training.diverged_at >= 0)
        measured = (1 - training.test_accuracy, training.test_loss, training.train_loss)
        curves = [figure.double().masked_fill(gone.unsqueeze(-1), torch.nan) for figure in measured]
        watched = [torch.stack([norms[seed][kind] for seed in seeds]).double() for kind in (0, 1)]
        watched = [
            norm.masked_fill(gone if watch else torch.ones_like(gone), torch.nan)
            for norm in watched
        ]
        yield Shorter(
            rule,
            tuple(last),
            tuple(training.recorded),
            *curves,
            *watched,
            progress=training.progress,
        )

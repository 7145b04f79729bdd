"""What grows while the test accuracy stands still?

A run of `grokking` that kept one arm's parameters on the way, seen at every look. Which test pairs
are right, of those whose mirror was trained and of the others? What share of the embeddings' power
lies in the run's *final waves*, the three frequencies that are strongest after the last update? And
which test pairs are right when the embeddings consist of these waves alone? Nothing is trained.

After the "restricted loss" of Nanda et al., "Progress measures for grokking via mechanistic
interpretability", ICLR 2023, who keep the key frequencies of the scores; here they are kept in the
embeddings, and what is counted is right answers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice, require_whole
from course_lib.engine import outputs_of
from course_lib.experiments.elsewhere.grokking import PRIME, SPEC, Grokking, mirrored, split_of
from course_lib.statistics import Interval, paired_interval

WAVES = 3  # as many as the lesson draws, and leaves alone
STILL = 60  # an update between the two rises of the test accuracy


@dataclass
class Progress:
    """Shares [seeds, recorded] of one arm.

    test, mirrored, others: of all test pairs, of those with a trained mirror and of the others
    those right; alone: of all test pairs those right with the final waves alone; power: of the
    embeddings' power what lies in the final waves. waves: these frequencies, seed by seed, the
    strongest first.
    """

    recorded: tuple[int, ...]
    waves: tuple[tuple[int, ...], ...]
    test: Tensor
    mirrored: Tensor
    others: Tensor
    alone: Tensor
    power: Tensor

    def mirrors_ahead(self, at: int = STILL) -> Interval:
        """Of test pairs with a trained mirror the share right at a step, less that of the others.

        Raises ValueError for a step that is not recorded.
        """
        place = self.recorded.index(require_choice("at", at, self.recorded))
        return paired_interval(self.mirrored[:, place], self.others[:, place])

    def grown_beyond(self, control: Tensor, until: int) -> Interval:
        """By how much more `power` has grown from the first look to a step than `control` has.

        control [seeds, recorded]: shares of another arm, as of `final_power`. Raises ValueError for
        a step that is not recorded.
        """
        place = self.recorded.index(require_choice("until", until, self.recorded))
        ours, theirs = (one[:, place] - one[:, 0] for one in (self.power, control))
        return paired_interval(ours, theirs)


def shares_of(numbers: Tensor) -> Tensor:
    """The share of each frequency 1 … (p − 1)/2 in the power of numbers [..., p, width]."""
    power = torch.fft.rfft(numbers.double(), dim=-2)[..., 1:, :].abs().square().sum(-1)
    return power / power.sum(-1, keepdim=True)


def final_power(numbers: Tensor) -> Tensor:
    """The share of the power in the final waves [..., looks] of numbers [..., looks, p, width].

    Final waves: the WAVES frequencies with most power at the last look, each run's own.
    """
    shares = shares_of(numbers)
    final = shares[..., -1:, :].topk(WAVES).indices
    return shares.gather(-1, final.expand(*shares.shape[:-1], WAVES)).sum(-1)


def strongest(numbers: Tensor, count: int = WAVES) -> tuple[int, ...]:
    """The frequencies of numbers [p, width] with most power, the first the strongest."""
    require_whole("count", count, 1, (len(numbers) - 1) // 2)
    return tuple((shares_of(numbers).topk(count).indices + 1).tolist())


def filtered(numbers: Tensor, frequencies: tuple[int, ...], keep: bool = True) -> Tensor:
    """Numbers [..., p, width], p odd: their mean and the waves of these frequencies alone.

    keep: False leaves out these waves, and keeps the others. Raises ValueError for a frequency that
    is none of 1 … (p − 1)/2.
    """
    p = numbers.shape[-2]
    for one in frequencies:
        require_whole("frequencies", one, 1, (p - 1) // 2)
    waves = torch.fft.rfft(numbers, dim=-2)
    stay = torch.full((waves.shape[-2], 1), not keep)
    stay[list(frequencies)] = keep
    stay[0] = True
    return torch.fft.irfft(waves * stay, n=p, dim=-2)


def over_time(run: Grokking) -> Progress:
    """Look at a complete run that has a `way`; raises ValueError for one that has none."""
    if run.way is None:
        raise ValueError("run has no way: compute_grokking must be told which arm to keep")
    curves, waves = [], []
    for i, seed in enumerate(run.seeds):
        split = split_of(seed)
        there = mirrored(split)
        parameters = [one[i] for one in run.way]  # [looks, …]: as if each were a network
        numbers = parameters[0][:, :PRIME]
        final = strongest(numbers[-1])
        bare = parameters[0].clone()
        bare[:, :PRIME] = filtered(numbers, final)
        right, alone = (
            outputs_of(SPEC, one, split.test_x).argmax(-1) == split.test_y
            for one in (parameters, [bare, *parameters[1:]])
        )
        parts = right, right[:, there], right[:, ~there], alone
        means = (one.double().mean(-1) for one in parts)
        curves.append(torch.stack([*means, final_power(numbers)]))
        waves.append(final)
    return Progress(run.recorded, tuple(waves), *torch.stack(curves, 1))

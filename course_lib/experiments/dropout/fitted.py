"""Which training labels a network has fitted, step by step: the right ones, and the wrong ones.

The networks of `curves` on 300 digits of which 60 carry a wrong label, and two with weight decay in
dropout's place: as strong as `rival` chooses it, and the one of its strengths that comes nearest to
p = 0.5 in test error at step 1000. A label is fitted where it is the network's
answer, masks off. If dropout only slowed learning down, a plain network that has fitted as many
right labels would have fitted as many wrong ones, too. Arpit et al., "A Closer Look at Memorization
in Deep Networks", 2017, ask of several regularizers what they do to random labels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.experiments.dropout import curves
from course_lib.experiments.dropout.curves import PLAIN
from course_lib.experiments.shared.forward import forward

LOOKS = (0, 10, 20, 40, 70, *range(100, curves.STEPS + 1, 50))
HALF, MOST, DECAY, MILD = (0.5, 0.0), (0.85, 0.0), (0.0, 2.0), (0.0, 0.5)
SETTINGS = PLAIN, HALF, MOST, DECAY, MILD  # (p, decay)
LEVELS = (0.95, 0.98, 0.99)  # shares of right labels
Setting = tuple[float, float]


@dataclass
class Fitted:
    """Shares of the right and of the wrong labels fitted [seeds, settings, steps], 0 to 1."""

    right: Tensor
    wrong: Tensor
    settings: tuple[Setting, ...]
    steps: tuple[int, ...]

    def at(self, setting: Setting) -> int:
        """The place of a setting (p, decay) on the second axis."""
        return self.settings.index(setting)

    def before_passing(self, p: float) -> int:
        """The place of the last step before no dropout has fitted more right labels than p has.

        p at the end, and means over the seeds: there no dropout has fitted as many, or fewer.
        """
        plain = self.right[:, self.at(PLAIN)].mean(0)
        more = plain > self.right[:, self.at((p, 0.0)), -1].mean()
        return max(int(more.double().argmax()) - 1, 0) if more.any() else len(self.steps) - 1

    def wrong_at_equal_right(self, p: float) -> tuple[Tensor, Tensor]:
        """Shares of wrong labels fitted [seeds]: no dropout's `before_passing`, p's at the end."""
        plain = self.wrong[:, self.at(PLAIN), self.before_passing(p)]
        return plain, self.wrong[:, self.at((p, 0.0)), -1]

    def wrong_where(self, setting: Setting, share: float) -> Tensor:
        """Shares of wrong labels fitted [seeds] where the mean one of right labels reaches `share`.

        For the first time; between two looks both run on a straight line. NaN: it is not reached.
        """
        right = self.right.double().mean(0)[self.at(setting)]
        wrong, reached = self.wrong[:, self.at(setting)].double(), right >= share
        if not reached.any():
            return torch.full_like(wrong[:, 0], torch.nan)
        k = int(reached.double().argmax())
        part = ((share - right[k - 1]) / (right[k] - right[k - 1])).item() if k else 1.0
        return wrong[:, k - 1].lerp(wrong[:, k], part)

    def wrong_of_both(self, one: Setting, other: Setting) -> tuple[Tensor, Tensor]:
        """`wrong_where` of two: at the share of right labels that both have reached at the end."""
        ends = self.right.double().mean(0)[:, -1]
        share = min(ends[self.at(setting)].item() for setting in (one, other))
        return self.wrong_where(one, share), self.wrong_where(other, share)


def shares(network: list[Tensor], split: Split) -> Tensor:
    """Shares [2, …] of the right and of the wrong training labels that are a network's answers.

    network: as `forward` takes it, with leading axes … of networks, if there are several.
    """
    fitted = forward(network, split.train_x).argmax(-1) == split.train_y
    wrong = split.train_y != split.clean_train_y
    return torch.stack([fitted[..., rows].float().mean(-1) for rows in (~wrong, wrong)])


def compute_fitted(
    seeds: tuple[int, ...] = curves.SEEDS,
    settings: tuple[Setting, ...] = SETTINGS,
    steps: tuple[int, ...] = LOOKS,
) -> Fitted:
    """Train every setting at every seed to the last of `steps`, and count at each of them."""
    splits = {seed: curves.split_of("20 % wrong", seed) for seed in seeds}
    found = torch.full((2, len(seeds), len(settings), len(steps)), torch.nan)

    def look(seed: int, part: slice, step: int, parameters: list[Tensor]) -> None:
        found[:, seeds.index(seed), part, steps.index(step)] = shares(parameters, splits[seed])

    curves.watch(splits.__getitem__, seeds, steps, look, settings)
    right, wrong = found
    return Fitted(right, wrong, settings, steps)

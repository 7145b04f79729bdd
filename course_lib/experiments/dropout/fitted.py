"""Which training labels a network has fitted, step by step: the right ones, and the wrong ones.

The networks of `curves` on 300 digits of which 60 carry a wrong label. A label is fitted where it
is the network's answer, masks off. If dropout only slowed learning down, a plain network that has
fitted as many right labels would have fitted as many wrong ones, too. Arpit et al., "A Closer Look
at Memorization in Deep Networks", 2017, ask of several regularizers what they do to random labels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.engine import train
from course_lib.experiments.dropout import curves
from course_lib.experiments.shared.forward import forward

LOOKS = (0, 10, 20, 40, 70, *range(100, curves.STEPS + 1, 50))


@dataclass
class Fitted:
    """Shares of the right and of the wrong labels that are fitted [seeds, ps, steps], 0 to 1."""

    right: Tensor
    wrong: Tensor
    ps: tuple[float, ...]
    steps: tuple[int, ...]

    def at(self, p: float) -> int:
        """The place of p on the second axis."""
        return self.ps.index(p)

    def before_passing(self, p: float) -> int:
        """The place of the last step before no dropout has fitted more right labels than p has.

        p at the end, and means over the seeds: there no dropout has fitted as many, or fewer.
        """
        plain = self.right[:, self.at(0.0)].mean(0)
        more = plain > self.right[:, self.at(p), -1].mean()
        return max(int(more.double().argmax()) - 1, 0) if more.any() else len(self.steps) - 1

    def wrong_at_equal_right(self, p: float) -> tuple[Tensor, Tensor]:
        """Shares of wrong labels fitted [seeds]: no dropout's `before_passing`, p's at the end."""
        plain = self.wrong[:, self.at(0.0), self.before_passing(p)]
        return plain, self.wrong[:, self.at(p), -1]


def shares(network: list[Tensor], split: Split) -> Tensor:
    """Shares [2, …] of the right and of the wrong training labels that are a network's answers.

    network: as `forward` takes it, with leading axes … of networks, if there are several.
    """
    fitted = forward(network, split.train_x).argmax(-1) == split.train_y
    wrong = split.train_y != split.clean_train_y
    return torch.stack([fitted[..., rows].float().mean(-1) for rows in (~wrong, wrong)])


def compute_fitted(
    seeds: tuple[int, ...] = curves.SEEDS,
    ps: tuple[float, ...] = (0.0, 0.5),
    steps: tuple[int, ...] = LOOKS,
) -> Fitted:
    """Train every p at every seed to the last of `steps`, and count at each of them."""
    splits = {seed: curves.split_of("20 % wrong", seed) for seed in seeds}
    found = torch.full((2, len(seeds), len(ps), len(steps)), torch.nan)

    def look(seed: int, settings: slice, step: int, parameters: list[Tensor]) -> None:
        found[:, seeds.index(seed), settings, steps.index(step)] = shares(parameters, splits[seed])

    for _ in train(
        curves.SPEC,
        splits.__getitem__,
        {"dropout": list(ps), "lr": 2e-3, "weight_decay": 0.0},
        seeds,
        steps=steps[-1],
        batch_size=50,
        record_at=steps,
        look=look,
        keep_parameters=False,
    ):
        pass
    right, wrong = found
    return Fitted(right, wrong, tuple(ps), tuple(steps))

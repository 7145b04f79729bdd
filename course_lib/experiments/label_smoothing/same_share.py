"""Does stopping early make a network too modest, or do wrong labels? Compared at the same stage.

At the same step a network on right labels is further on than one on noisy labels. So both are
looked at where they have learned the same share of their labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.engine import train
from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.shared.forward import forward

NOISES = (0.2, 0.0)
LOOKS = (*range(5, 100, 5), *range(100, 1001, 20))  # closer where right labels are learned


@dataclass
class Stages:
    """Curves [noises, seeds, steps], without smoothing.

    learned: share of the training rows classified as labelled; sure, right: mean confidence and
    share right on the test rows. steps: at which they were measured.
    """

    noises: tuple[float, ...]
    steps: Tensor
    learned: Tensor
    sure: Tensor
    right: Tensor

    def where(self, noise: float, share: float) -> Tensor:
        """Place along `steps`, [seeds], where first so large a share has been learned.

        Raises ValueError if some seed never gets there.
        """
        reached = self.learned[self.noises.index(noise)] >= share
        if not reached.any(1).all():
            raise ValueError(f"share = {share}: not every seed learns so much, noise {noise}")
        return reached.int().argmax(1)

    def at(self, name: str, noise: float, share: float) -> Tensor:
        """One of the curves there, [seeds]."""
        curve = getattr(self, name)[self.noises.index(noise)]
        return curve.gather(1, self.where(noise, share).unsqueeze(1)).squeeze(1)

    def excess(self, noise: float, share: float) -> Tensor:
        """Sure of − right on, [seeds]: below 0 where the network is too modest."""
        return self.at("sure", noise, share) - self.at("right", noise, share)


@remembered
def compare_stages(
    seeds: tuple[int, ...] = smoothing.SEEDS, steps: tuple[int, ...] = LOOKS
) -> Iterator[Stages]:
    """Train the network of `smoothing` on noisy and on right labels, looking at it again and again.

    The learning rate is its 0.002.
    """
    curves = torch.stack([_curves(noise, seeds, steps) for noise in NOISES])
    yield Stages(NOISES, torch.tensor(steps), *curves.unbind(-1))


def _curves(noise: float, seeds: tuple[int, ...], steps: tuple[int, ...]) -> Tensor:
    """[seeds, steps, 3]: learned, sure, right."""
    splits = {seed: smoothing.data(seed, noise) for seed in seeds}
    found: dict[tuple[int, int], tuple[float, float, float]] = {}

    def look(seed: int, _: slice, step: int, parameters: list[Tensor]) -> None:
        split = splits[seed]
        own, new = (forward(parameters, x)[0] for x in (split.train_x, split.test_x))
        confidence, guess = new.softmax(1).max(1)
        found[seed, step] = (
            (own.argmax(1) == split.train_y).double().mean().item(),
            confidence.mean().item(),
            (guess == split.test_y).double().mean().item(),
        )

    grid = {"lr": [smoothing.RATE], "weight_decay": 0.0}
    for _ in train(
        smoothing.SPEC, splits.__getitem__, grid, seeds, steps=steps[-1], record_at=steps, look=look
    ):
        pass
    return torch.tensor([[found[seed, step] for step in steps] for seed in seeds]).double()

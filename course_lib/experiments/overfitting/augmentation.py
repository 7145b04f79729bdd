"""What digits shifted by a pixel are worth: more data for nothing, or as good as new ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward

SPEC = ModelSpec((64, 128, 10))
SEEDS, STEPS = tuple(range(12)), 1000
# Arm → training images, and how often each comes as it is beside its eight shifts.
# None: no shifts at all.
ARMS = {
    "300": (300, None),
    "300, 30 % shifted": (300, 19),
    "300, 8 in 9 shifted": (300, 1),
    "600": (600, None),
}
DIRECTIONS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right)


@dataclass
class Augmented:
    """Accuracies after training, arm → [seeds].

    On test images as they are, and on test images shifted by a pixel.
    """

    test_accuracy: dict[str, Tensor]
    shifted_accuracy: dict[str, Tensor]
    progress: float = 0.0


def shift(images: Tensor, down: int, right: int) -> Tensor:
    """Images [rows, 64] of 8 × 8 pixels, moved by `down` and `right` in −7 … 7 pixels.

    What leaves is lost, what enters is blank. Raises ValueError for larger moves.
    """
    for name, by in (("down", down), ("right", right)):
        require(name, by, -7, 7, open_high=False)
    moved = torch.zeros_like(images).reshape(-1, 8, 8)
    rows, columns = (slice(max(by, 0), 8 + min(by, 0)) for by in (down, right))
    source = tuple(slice(max(-by, 0), 8 - max(by, 0)) for by in (down, right))
    moved[:, rows, columns] = images.reshape(-1, 8, 8)[(slice(None), *source)]
    return moved.reshape(images.shape)


def shift_each(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image in one of the eight directions, drawn by lot."""
    all_ways = torch.stack([shift(images, *direction) for direction in DIRECTIONS])
    return all_ways[
        torch.randint(len(DIRECTIONS), (len(images),), generator=generator),
        torch.arange(len(images)),
    ]


def augmented(split: Split, originals: int | None) -> Split:
    """Every training row `originals` times as it is and once in each of the eight directions.

    None: the split is left alone.
    """
    if originals is None:
        return split
    require("originals", originals, 0)
    shifted = [shift(split.train_x, *direction) for direction in DIRECTIONS]
    x = torch.cat([split.train_x] * originals + shifted)
    labels = {
        name: getattr(split, name).repeat(originals + 8) for name in ("train_y", "clean_train_y")
    }
    return replace(split, train_x=x, **labels)


@remembered
def compare(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> Iterator[Augmented]:
    """64-128-10 networks by AdamW (λ = 0), as many steps on each of `ARMS`.

    Yields as arms are trained.
    """
    found = Augmented({}, {})
    for k, (name, (rows, originals)) in enumerate(ARMS.items()):
        for training in train(
            SPEC,
            partial(_arm, rows, originals),
            {"lr": 2e-3, "weight_decay": 0.0},
            seeds,
            steps=steps,
        ):
            yield replace(found, progress=(k + training.progress) / len(ARMS))
        moved = [_on_shifted(training.parameters[s], rows, seed) for s, seed in enumerate(seeds)]
        found = Augmented(
            found.test_accuracy | {name: training.test_accuracy[:, 0, -1]},
            found.shifted_accuracy | {name: torch.stack(moved)},
            (k + 1) / len(ARMS),
        )
        yield found


def _arm(rows: int, originals: int | None, seed: int) -> Split:
    return augmented(digits(rows, 200, 0.0, "unit", seed), originals)


def _on_shifted(parameters: list[Tensor], rows: int, seed: int) -> Tensor:
    """Accuracy of the one network in `parameters` on its test images, each shifted by a pixel."""
    split = _arm(rows, None, seed)
    moved = shift_each(split.test_x, seeded(seed, "shifted test images"))
    scores = forward([p[0].cpu() for p in parameters], moved)
    return (scores.argmax(1) == split.test_y).float().mean()

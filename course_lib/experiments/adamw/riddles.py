"""Four pictures of AdamW at work, made from a seed, in each of which one setting is varied.

The answer can be read off the paths. All start at 0, where decay has nothing to pull on, in a bowl
without noise:

- lr is the length of the first step, in every coordinate, whatever the other three are;
- λ > 1/max|w*| keeps a path from the star for good: it comes to rest on the edge of the box |w| ≤
  1/λ;
- β₁ carries a path past the star and back;
- β₂ is how long the early, steep gradients stay in the denominator: steps shorten on the way,
  arrival is late.

`read_paths` looks for exactly these signs, in this order. A picture in which it does not clearly
find the right one is never shown.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.adamw import adamw_update
from course_lib.experiments.shared.surfaces import Surface, descend, quadratic

PARAMETERS = ("lr", "β₁", "β₂", "λ")
STEPS = 90
BASE = {
    "lr": {"β₁": 0.8, "β₂": 0.99, "λ": 0.0},
    "β₁": {"lr": 0.1, "β₂": 0.99, "λ": 0.0},
    "β₂": {"lr": 0.1, "β₁": 0.0, "λ": 0.0},
    "λ": {"lr": 0.1, "β₁": 0.5, "β₂": 0.9},
}
VALUES = {  # λ: times 1/max|w*|, at which the box reaches the star
    "lr": ((0.02, 0.05, 0.1, 0.25), (0.03, 0.06, 0.15, 0.3)),
    "β₁": ((0.0, 0.7, 0.9, 0.97), (0.2, 0.8, 0.92, 0.97)),
    "β₂": ((0.0, 0.5, 0.8, 0.95), (0.1, 0.6, 0.85, 0.98)),
    "λ": ((0.0, 1.5, 2.2, 4.0), (0.0, 1.3, 2.0, 3.0)),
}


@dataclass(frozen=True)
class Quiz:
    """`paths` [4, steps + 1, 2] over `surface`, one for each of `settings`.

    The settings differ in `parameter` alone.
    """

    parameter: str
    settings: tuple[dict[str, float], ...]
    surface: Surface
    paths: Tensor

    @property
    def values(self) -> tuple[float, ...]:
        """The four values of the parameter that is varied."""
        return tuple(setting[self.parameter] for setting in self.settings)


@dataclass(frozen=True)
class Signs:
    """What can be seen in four paths, one number for each.

    Lengths are in units of the star's distance from the start.
    """

    first_step: Tensor
    nearest: Tensor  # closest approach to the star
    beyond: Tensor  # how far past the star, along either axis
    arrival: Tensor  # step from which on the star is within a tenth; STEPS + 1 if never


def see(paths: Tensor, star: tuple[float, float]) -> Signs:
    """The `Signs` of paths [4, steps + 1, 2] around a `star` (w₁, w₂)."""
    goal = torch.tensor(star, dtype=paths.dtype)
    reach = goal.norm()
    distance = (paths - goal).norm(dim=-1) / reach
    steps = torch.arange(paths.shape[1])
    away = torch.where(distance > 0.1, steps, -1).amax(1)
    return Signs(
        first_step=(paths[:, 1] - paths[:, 0]).norm(dim=-1) / reach,
        nearest=distance.amin(1),
        beyond=((paths - goal) * goal.sign()).amax((1, 2)).clamp(min=0) / reach,
        arrival=away + 1,
    )


REASONS = {
    "lr": "the very first steps differ in length, and only lr decides that",
    "λ": "the first steps agree, yet some paths stop short of the star for good, "
    "at the edge of the box |w| ≤ 1/λ",
    "β₁": "the first steps agree and all paths reach the star, "
    "but some are carried past it and have to come back",
    "β₂": "the first steps agree, none swings past the star, "
    "and the longer β₂ remembers, the shorter steps become",
}


def read_paths(paths: Tensor, star: tuple[float, float]) -> str | None:
    """The parameter that is varied, from the picture alone; None where it does not show clearly."""
    signs = see(paths, star)
    if _ratio(signs.first_step) > 1.5:
        return "lr"
    if signs.nearest.max() > 0.2 and signs.nearest.min() < 0.05:
        return "λ"
    if signs.nearest.max() < 0.1 and signs.beyond.max() > 0.2 and signs.beyond.min() < 0.08:
        return "β₁"
    if signs.nearest.max() < 0.1 and signs.beyond.max() < 0.1 and _ratio(signs.arrival) > 1.4:
        return "β₂"
    return None


def _least_gap(paths: Tensor) -> float:
    """How far the two most similar paths are apart, where they are furthest apart."""
    gaps = (paths[:, None] - paths[None]).norm(dim=-1).amax(-1)
    return gaps[~torch.eye(len(paths), dtype=torch.bool)].min().item()


def _ratio(values: Tensor) -> float:
    return (values.max() / values.min()).item()


def quiz_trajectories(seed: int) -> tuple[Quiz, ...]:
    """Four quizzes, each of `PARAMETERS` once, in an order and with bowls drawn from `seed`."""
    draw = random.Random(f"which parameter {seed}")
    return tuple(_quiz(parameter, draw) for parameter in draw.sample(PARAMETERS, 4))


def _quiz(parameter: str, draw: random.Random) -> Quiz:
    """Draw bowls until the parameter can be read off the paths."""
    while True:
        surface = _bowl(draw)
        values = list(draw.choice(VALUES[parameter]))
        if parameter == "λ":
            reach = max(map(abs, surface.minimum))
            values = [round(value / reach, 2) for value in values]
        settings = tuple({**BASE[parameter], parameter: value} for value in values)
        paths = torch.stack([_path(surface, setting) for setting in settings])
        if read_paths(paths, surface.minimum) == parameter and _least_gap(paths) > 0.1:
            return Quiz(parameter, settings, surface, paths)


def _bowl(draw: random.Random) -> Surface:
    """A bowl whose star lies well off the diagonals, so that paths bend."""
    angle = draw.uniform(0, 180)
    slant = draw.choice((1, 3, 5, 7)) * 45
    reach = draw.uniform(1.8, 2.4)
    direction = math.radians(slant + draw.choice((-1, 1)) * draw.uniform(20, 40))
    star = (reach * math.cos(direction), reach * math.sin(direction))
    middle, half = (star[0] / 2, star[1] / 2), 2.1
    window = (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)
    return quadratic((1.0, draw.uniform(2.0, 8.0)), angle, star, window)


def _path(surface: Surface, setting: dict[str, float]) -> Tensor:
    lr, beta1, beta2, decay = (setting[name] for name in PARAMETERS)
    return descend(
        surface, adamw_update, (0.0, 0.0), STEPS, lr=lr, betas=(beta1, beta2), weight_decay=decay
    )

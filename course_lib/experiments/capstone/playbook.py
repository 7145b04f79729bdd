"""Does it help? That may depend on which other knobs were tuned for each arm: try them all.

A hyper-parameter is *scientific* where the question is about it, *nuisance* where it must be tuned
anew for every value of the scientific one, *fixed* where it stays, and then the answer holds for
that value alone. Every combination of `KNOBS`, clipping aside, is trained once, at every seed;
which is which is decided afterwards, so that the same networks answer every way to ask. `LONGER`
asks whether 300 steps were enough: more of them, without decay and clipping.
Source: Godbole, Dahl, Gilmer, Shallue & Nado, "Deep Learning Tuning Playbook", 2023,
github.com/google-research/tuning_playbook.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import digits
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered
from course_lib.statistics import Interval, mean_interval

KNOBS: dict[str, tuple[float, ...]] = {
    "clip": (math.inf, 1.0, 0.1),
    "lr": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "weight_decay": (0.0, 0.3, 1.0, 3.0),
    "dropout": (0.0, 0.2, 0.5, 0.8),
    "steps": (50, 100, 200, 300),
}
LONGER = KNOBS | {
    "clip": (math.inf,),
    "weight_decay": (0.0,),
    "steps": (*KNOBS["steps"], 600, 1000),
}
# What was tried beside every value of a scientific knob. Clipping: 10 networks a seed, not 160.
BESIDE = {
    "dropout": ("lr", "weight_decay", "steps"),
    "weight_decay": ("lr", "dropout", "steps"),
    "clip": ("lr", "steps"),
}
OFF = {"clip": math.inf, "weight_decay": 0.0, "dropout": 0.0}  # the first of their values
FIXED = OFF | {"lr": 1e-3, "steps": 300}
SEEDS = tuple(range(6))


@dataclass
class Factorial:
    """Errors on validation and on test rows [seeds, clip, lr, weight_decay, dropout, steps].

    Shares of rows that are wrong; NaN: not there yet, or not tried (see `BESIDE`). A network that
    diverged is wrong about all. knobs: the values of each.
    """

    validation: Tensor
    test: Tensor
    progress: float = 1.0
    knobs: dict[str, tuple[float, ...]] = field(default_factory=lambda: KNOBS)


@dataclass
class Answer:
    """What a factorial says of a scientific knob.

    values: of the knob. chosen: for each the setting of all knobs that erred least on validation
    rows, as the mean over seeds. errors [seeds, values]: of those on test rows. knobs: what was
    tried.
    """

    values: tuple[float, ...]
    chosen: list[dict[str, float]]
    validation: Tensor
    errors: Tensor
    knobs: dict[str, tuple[float, ...]] = field(default_factory=lambda: KNOBS)

    @property
    def best(self) -> int:
        """Which value other than off (the first) erred least on validation rows."""
        return 1 + int(self.validation[1:].argmin())

    @property
    def gain(self) -> Tensor:
        """How much less the best value errs than off, on test rows [seeds]."""
        return self.errors[:, 0] - self.errors[:, self.best]

    @property
    def difference(self) -> Interval:
        """Test error of the best value minus that of off, paired by seed."""
        return mean_interval(-self.gain)

    def edges(self, tuned: frozenset[str]) -> list[str]:
        """Which tuned knobs were best at an end of their values, for off or for the best."""
        ends = {name: (self.knobs[name][0], self.knobs[name][-1]) for name in tuned}
        return [
            f"{name} = {setting[name]:g}"
            for setting in (self.chosen[0], self.chosen[self.best])
            for name in self.knobs
            if name in tuned and setting[name] in ends[name] and setting[name] != OFF.get(name)
        ]


def grid(clip: float, knobs: dict[str, tuple[float, ...]] = KNOBS) -> dict[str, list[float]]:
    """The networks that are trained with a value of `clip`: all; or the plain ones, if clipped."""
    tried = {name: knobs[name] for name in ("lr", "weight_decay", "dropout")}
    if clip != OFF["clip"]:
        tried |= {name: (OFF[name],) for name in ("weight_decay", "dropout")}
    return product(**tried)


@remembered
def factorial(
    seeds: tuple[int, ...] = SEEDS, width: int = 64, longer: bool = False
) -> Iterator[Factorial]:
    """Train every `grid` on 300 digits with 20 % wrong labels; yield what is known.

    A training for each value of `clip`, the first of which clips nothing: those networks are the
    same whatever else there is. longer: LONGER instead of KNOBS.
    """
    knobs = LONGER if longer else KNOBS
    shape = [len(seeds), *(len(values) for values in knobs.values())]
    errors = torch.full((2, *shape), math.nan, dtype=torch.float64)
    for number, clip in enumerate(knobs["clip"]):
        decays, drops = (len({*grid(clip, knobs)[name]}) for name in ("weight_decay", "dropout"))
        for training in train(
            ModelSpec((64, width, 10)),
            lambda seed: digits(300, 500, label_noise=0.2, seed=seed),
            grid(clip, knobs) | {"clip": clip},
            seeds,
            steps=int(knobs["steps"][-1]),
            record_at=[int(step) for step in knobs["steps"]],
            validate=True,
            keep_parameters=False,
        ):
            ended = (training.diverged_at >= 0).unsqueeze(-1)
            for k, accuracy in enumerate((training.validation_accuracy, training.test_accuracy)):
                wrong = (1 - accuracy).double()
                wrong = wrong.masked_fill(ended & ~accuracy.isfinite(), 1.0)
                place = errors[k, :, number, :, :decays, :drops]
                place[:] = wrong.view(place.shape)
            progress = (number + training.progress) / len(knobs["clip"])
            yield Factorial(errors[0].clone(), errors[1].clone(), progress, knobs)


def ask(
    found: Factorial, scientific: str, tuned: frozenset[str], fixed: dict[str, float] | None = None
) -> Answer:
    """The answer of a complete factorial, with the knobs in `tuned` chosen anew for each value.

    scientific: one of BESIDE, tuned: some of those that were tried beside it. The others stand as
    in `fixed` (default: FIXED). Raises ValueError for a knob that is none of these.
    """
    require_choice("scientific", scientific, tuple(BESIDE))
    for name in tuned:
        require_choice("tuned", name, BESIDE[scientific])
    held = FIXED | (fixed or {})
    mean = found.validation.mean(0)
    allowed = torch.ones_like(mean, dtype=torch.bool)
    for axis, (name, values) in enumerate(found.knobs.items()):
        if name not in tuned | {scientific}:
            here = torch.tensor([value == held[name] for value in values])
            allowed &= here.view([-1 if k == axis else 1 for k in range(mean.ndim)])
    open_to = mean.masked_fill(~allowed, torch.inf)
    axis = tuple(found.knobs).index(scientific)
    chosen: list[dict[str, Any]] = []
    errors, lowest = [], []
    for k in range(len(found.knobs[scientific])):
        part = open_to.select(axis, k)
        at = [int(i) for i in torch.unravel_index(part.argmin(), part.shape)]
        at.insert(axis, k)
        chosen.append({name: found.knobs[name][i] for name, i in zip(found.knobs, at)})
        place: tuple[Any, ...] = (slice(None), *at)
        errors.append(found.test[place])
        lowest.append(mean[tuple(at)])
    return Answer(
        found.knobs[scientific], chosen, torch.stack(lowest), torch.stack(errors, 1), found.knobs
    )

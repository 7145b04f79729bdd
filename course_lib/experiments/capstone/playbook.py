"""Does it help? That may depend on which other knobs were tuned for each arm: try them all.

A hyper-parameter is *scientific* where the question is about it, *nuisance* where it must be tuned
anew for every value of the scientific one, *fixed* where it stays, and then the answer holds for
that value alone. Every combination of `KNOBS` is trained once, at every seed; which is which is
decided afterwards, so that the same networks answer every way to ask.
Source: Godbole, Dahl, Gilmer, Shallue & Nado, "Deep Learning Tuning Playbook", 2023,
github.com/google-research/tuning_playbook.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.data import digits
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered
from course_lib.statistics import Interval, mean_interval

KNOBS: dict[str, tuple[float, ...]] = {
    "lr": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "weight_decay": (0.0, 0.3, 1.0, 3.0),
    "dropout": (0.0, 0.2, 0.5, 0.8),
    "steps": (50, 100, 200, 300),
}
SCIENTIFIC = ("dropout", "weight_decay")
FIXED = {"lr": 1e-3, "weight_decay": 0.0, "dropout": 0.0, "steps": 300}
SEEDS = tuple(range(6))


@dataclass
class Factorial:
    """Errors on validation and on test rows [seeds, lr, weight_decay, dropout, steps].

    Shares of rows that are wrong; NaN: not there yet. A network that diverged is wrong about all.
    """

    validation: Tensor
    test: Tensor
    progress: float = 1.0


@dataclass
class Answer:
    """What a factorial says of a scientific knob.

    values: of the knob. chosen: for each the setting of all knobs that erred least on validation
    rows, as the mean over seeds. errors [seeds, values]: of those on test rows.
    """

    values: tuple[float, ...]
    chosen: list[dict[str, float]]
    validation: Tensor
    errors: Tensor

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
        ends = {name: (KNOBS[name][0], KNOBS[name][-1]) for name in tuned}
        off = {"weight_decay": 0.0, "dropout": 0.0}  # nothing lies below
        return [
            f"{name} = {setting[name]:g}"
            for setting in (self.chosen[0], self.chosen[self.best])
            for name in KNOBS
            if name in tuned and setting[name] in ends[name] and setting[name] != off.get(name)
        ]


@remembered
def factorial(seeds: tuple[int, ...] = SEEDS, width: int = 64) -> Iterator[Factorial]:
    """Train every combination on 300 digits with 20 % wrong labels; yield what is known."""
    names = tuple(KNOBS)[:-1]
    shape = [len(seeds), *(len(values) for values in KNOBS.values())]
    for training in train(
        ModelSpec((64, width, 10)),
        lambda seed: digits(300, 500, label_noise=0.2, seed=seed),
        product(**{name: KNOBS[name] for name in names}),
        seeds,
        steps=int(KNOBS["steps"][-1]),
        record_at=[int(step) for step in KNOBS["steps"]],
        validate=True,
        keep_parameters=False,
    ):
        ended = (training.diverged_at >= 0).unsqueeze(-1)
        validation, test = (
            (1 - accuracy).double().masked_fill(ended & ~accuracy.isfinite(), 1.0).view(shape)
            for accuracy in (training.validation_accuracy, training.test_accuracy)
        )
        yield Factorial(validation, test, training.progress)


def ask(
    found: Factorial, scientific: str, tuned: frozenset[str], fixed: dict[str, float] | None = None
) -> Answer:
    """The answer of a complete factorial, with the knobs in `tuned` chosen anew for each value.

    scientific: one of SCIENTIFIC. The others stand as in `fixed` (default: FIXED). Raises
    ValueError for a knob that is none, or the scientific one among the tuned.
    """
    require_choice("scientific", scientific, SCIENTIFIC)
    for name in tuned:
        require_choice("tuned", name, tuple(knob for knob in KNOBS if knob != scientific))
    held = FIXED | (fixed or {})
    mean = found.validation.mean(0)
    allowed = torch.ones_like(mean, dtype=torch.bool)
    for axis, (name, values) in enumerate(KNOBS.items()):
        if name not in tuned | {scientific}:
            here = torch.tensor([value == held[name] for value in values])
            allowed &= here.view([-1 if k == axis else 1 for k in range(mean.ndim)])
    open_to = mean.masked_fill(~allowed, torch.inf)
    axis = tuple(KNOBS).index(scientific)
    chosen: list[dict[str, Any]] = []
    errors, lowest = [], []
    for k in range(len(KNOBS[scientific])):
        part = open_to.select(axis, k)
        at = [int(i) for i in torch.unravel_index(part.argmin(), part.shape)]
        at.insert(axis, k)
        chosen.append({name: KNOBS[name][i] for name, i in zip(KNOBS, at)})
        place: tuple[Any, ...] = (slice(None), *at)
        errors.append(found.test[place])
        lowest.append(mean[tuple(at)])
    return Answer(KNOBS[scientific], chosen, torch.stack(lowest), torch.stack(errors, 1))

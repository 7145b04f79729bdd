"""A search done properly: random settings, chosen on validation rows, looked at once on test rows.

The settings are the mixer's. Every seed is a study of its own: another division of the rows,
another start, and other settings drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.engine import outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.experiments.capstone.mixer import (
    NORMS,
    STRENGTHS,
    VALIDATION,
    Setting,
    network,
    note_of,
    world,
)
from course_lib.statistics import Interval, paired_interval

CANDIDATES, STEPS = 30, 200
RUNGS = (STEPS // 4, STEPS // 2, STEPS)


@dataclass
class Search:
    """Errors of every candidate, [seeds, candidates, rungs], as shares; NaN: not yet, or diverged.

    settings: of each seed, its candidates. rungs: the steps at which they were measured, the last
    one the end. noise: share of wrong training and validation labels; test labels are right.
    missed: the validation rows that each is wrong about at the end [seeds, candidates, rows].
    note: what a caption must say of the data.
    """

    settings: tuple[tuple[Setting, ...], ...]
    noise: float
    rungs: tuple[int, ...]
    validation: Tensor
    test: Tensor
    missed: Tensor
    progress: float
    note: str

    @property
    def disagreement(self) -> Tensor:
        """Share of validation rows on which one of two is wrong, the other right; all pairs' mean.

        At the end [seeds].
        """
        count = self.missed.shape[1]
        wrong = self.missed.double().mean(1)  # of the candidates, on each row
        return (2 * wrong * (1 - wrong)).mean(1) * count / (count - 1)

    def best_of(self, n: int, rung: int = -1) -> tuple[Tensor, Tensor]:
        """(validation error, test error) [seeds] of the winner among `n` drawn by lot.

        It wins on validation rows. The mean over all possible draws, exactly: see `chances`. A
        candidate that diverged never wins.
        """
        weights = chances(self.validation.shape[1], n)
        scores, test = (
            errors[:, :, rung].nan_to_num(1.0) for errors in (self.validation, self.test)
        )
        order = scores.argsort(dim=1, stable=True)
        validation, honest = (
            values.gather(1, order).double() @ weights for values in (scores, test)
        )
        return validation, honest

    def optimism(self, n: int) -> Interval:
        """How much more the winner of `n` flatters itself than a candidate drawn blindly does.

        Test minus validation error, of the winner minus of all: what the choice adds.
        """
        (chose, best), (chose_one, one) = self.best_of(n), self.best_of(1)
        return paired_interval(best - chose, one - chose_one)

    def pays(self, n: int) -> Interval:
        """Test error of the winner of `n` minus that of a candidate drawn blindly."""
        return paired_interval(self.best_of(n)[1], self.best_of(1)[1])


def chances(candidates: int, n: int) -> Tensor:
    """How likely the first, second, … best of all is the best of `n` drawn: [candidates].

    Drawn without replacement. The k-th best wins if it is drawn and the n − 1 others come from the
    candidates behind it: C(candidates − k, n − 1) / C(candidates, n).
    """
    if require("n", n, 1, candidates, open_high=False) != int(n):
        raise ValueError(f"n = {n!r}: must be a whole number")
    ways = [comb(candidates - k, n - 1) for k in range(1, candidates + 1)]
    return torch.tensor([way / comb(candidates, n) for way in ways], dtype=torch.float64)


def draw_settings(count: int, generator: torch.Generator) -> tuple[Setting, ...]:
    """`count` settings by lot: each technique is off in half of them.

    Strengths are even in their logarithm, shares even on their range. Learning rate 10⁻³·⁵ … 10⁻²,
    norms in turn.
    """

    def even(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    def sometimes(value: float, off: float = 0.0) -> float:
        return value if even(0, 1) < 0.5 else off

    return tuple(
        Setting(
            lr=10 ** even(-3.5, -2),
            l1=sometimes(10 ** even(-5, -2)),
            l2=sometimes(10 ** even(-4, -1)),
            weight_decay=sometimes(10 ** even(-2, 1)),
            label_smoothing=sometimes(even(0, 0.3)),
            dropout=sometimes(even(0, 0.8)),
            norm=NORMS[number % len(NORMS)],
            survival=sometimes(even(0.2, 1), off=1.0),
        )
        for number in range(count)
    )


@remembered
def search(
    data: str = "e-mails",
    rows: int = 300,
    noise: float = 0.0,
    seeds: tuple[int, ...] = tuple(range(8)),
    candidates: int = CANDIDATES,
    rungs: tuple[int, ...] = RUNGS,
) -> Iterator[Search]:
    """Train all candidates at every seed; yields a growing `Search`.

    data, rows, noise: as `mixer.world` takes them. Studies come one by one.
    """
    settings = tuple(draw_settings(candidates, seeded(seed, "settings")) for seed in seeds)
    note = note_of(data, rows)
    errors = torch.full((2, len(seeds), candidates, len(rungs)), torch.nan)
    missed = torch.zeros(len(seeds), candidates, VALIDATION, dtype=torch.bool)
    parts = [(i, norm) for i in range(len(seeds)) for norm in NORMS]
    for part, (i, norm) in enumerate(parts):
        split = world(data, rows, noise, seeds[i])
        where = [k for k, setting in enumerate(settings[i]) if setting.norm == norm]
        grid = {name: [getattr(settings[i][k], name) for k in where] for name in STRENGTHS}
        spec = network(split, norm)
        for training in train(
            spec,
            split,
            grid,
            (seeds[i],),
            update=adam_update,
            steps=rungs[-1],
            record_at=rungs,
            validate=True,
        ):
            errors[0, i, where] = 1 - training.validation_accuracy[0]
            errors[1, i, where] = 1 - training.test_accuracy[0]
            if (kept := training.parameters[0]) is not None:
                buffers, survival = training.buffers[0] or [], training.grid["survival"]
                said = outputs_of(spec, kept, split.validation_x, buffers, survival).argmax(2)
                missed[i, where] = said != split.validation_y
            validation, test = errors.clone()
            progress = (part + training.progress) / len(parts)
            yield Search(settings, noise, rungs, validation, test, missed.clone(), progress, note)


def halve(found: Search) -> tuple[Tensor, Tensor, int]:
    """Successive halving on what was measured: (validation error, test error, steps).

    The errors [seeds] are the winner's. All candidates train to the first rung; there, and at each
    further one, the better half by validation error goes on. What is dropped costs nothing more.
    Nothing is retrained here: a candidate's curve does not depend on the others'.
    """
    scores, test = found.validation.nan_to_num(1.0), found.test.nan_to_num(1.0)
    alive = [torch.arange(scores.shape[1])] * len(scores)
    steps, before = 0, 0
    for rung, step in enumerate(found.rungs):
        steps, before = steps + len(alive[0]) * (step - before), step
        keep = 1 if rung == len(found.rungs) - 1 else len(alive[0]) // 2
        alive = [
            left[scores[s, left, rung].argsort(stable=True)[:keep]] for s, left in enumerate(alive)
        ]
    winners = torch.cat(alive)
    validation, honest = (
        values[range(len(winners)), winners, -1].double() for values in (scores, test)
    )
    return validation, honest, steps

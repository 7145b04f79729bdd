"""How many thinned networks does the average need, and what does a network of their size do?

The networks of `curves`, trained with dropout and asked under the masks of `averages`. The rival is
a plain network of 64 units, as many as p = 0.5 leaves of 128 on average, trained by itself: same
rows, batch order, rate and steps. Test errors at step 1000, and stopped in time: those with dropout
where evaluation is best, the small one at its own best step. `thinned_at_best` stops one thinned
network at its own. A like picture: Srivastava, Hinton, Krizhevsky,
Sutskever & Salakhutdinov, "Dropout", 2014, section 7.5.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.dropout import dropout
from course_lib.engine import ModelSpec, train
from course_lib.experiments.dropout import averages, curves

COUNTS = (1, 2, 5, 10, 20, 50, 100, averages.MASKS)  # so many thinned networks are averaged
SMALL = ModelSpec((64, 64, 10))


@dataclass
class Worth:
    """Test errors at one stop: by_masks [seeds, COUNTS], small [seeds]; its step, and theirs."""

    by_masks: Tensor
    small: Tensor
    step: int
    small_step: int


def compute_worth(
    p: float, stop: int, seeds: tuple[int, ...] = curves.SEEDS, steps: int = curves.STEPS
) -> tuple[Worth, Worth]:
    """What is found after `steps`; and with dropout at `stop`, the small one at its best step."""
    recorded, small = small_network(seeds, steps)
    best = int(small.mean(0).argmin())
    found = [
        Worth(error_by_masks(p, step, seeds), small[:, place], step, recorded[place])
        for step, place in ((steps, len(recorded) - 1), (stop, best))
    ]
    return found[0], found[1]


def error_by_masks(p: float, steps: int, seeds: tuple[int, ...] = curves.SEEDS) -> Tensor:
    """Test error [seeds, COUNTS] of the mean probability of so many thinned networks.

    Of the 200 masks of a network each belongs to one group of that size; the mean over the groups.
    """
    *_, trained = curves.compute_curves(seeds=seeds, ps=(p,), steps=steps)
    found = torch.empty(len(seeds), len(COUNTS))
    for s, seed in enumerate(seeds):
        split, network = curves.split_of("20 % wrong", seed), trained.network(s, p)
        masks = _masks(p, len(network[1]), seed)
        said = averages.log_probabilities(network, split.test_x, masks).exp()
        for k, count in enumerate(COUNTS):
            means = said.unflatten(0, (-1, count)).mean(1)  # a group each
            found[s, k] = (means.argmax(-1) != split.test_y).float().mean()
    return found


def thinned_at_best(
    p: float, seeds: tuple[int, ...] = curves.SEEDS, steps: int = curves.STEPS, masks: int = 20
) -> tuple[int, Tensor]:
    """The recorded step that is best for one thinned network, and its test error [seeds] there.

    The step is that of the lowest mean error over the seeds and the first `masks` of the masks; the
    error there is the mean over all 200.
    """
    recorded = curves.recorded_until(steps)
    splits = {seed: curves.split_of("20 % wrong", seed) for seed in seeds}
    found = torch.empty(len(seeds), len(recorded))

    def look(seed: int, settings: slice, step: int, parameters: list[Tensor]) -> None:
        network, split = [parameter[0] for parameter in parameters], splits[seed]
        thrown = _masks(p, len(network[1]), seed)[:masks]
        said = averages.log_probabilities(network, split.test_x, thrown).argmax(-1)
        wrong = (said != split.test_y).float().mean()
        found[seeds.index(seed), recorded.index(step)] = wrong

    curves.watch(splits.__getitem__, seeds, recorded, look, [(p, 0.0)])
    best = recorded[int(found.mean(0).argmin())]
    return best, error_by_masks(p, best, seeds)[:, 0]


def _masks(p: float, units: int, seed: int) -> Tensor:
    """The masks [200, units] of a seed's networks."""
    return dropout(torch.ones(averages.MASKS, units), p, True, seeded(seed, "masks to average"))


def small_network(seeds: tuple[int, ...], steps: int) -> tuple[tuple[int, ...], Tensor]:
    """The recorded steps, and there the test error [seeds, recorded] of the plain small network."""
    recorded = curves.recorded_until(steps)
    *_, training = train(
        SMALL,
        lambda seed: curves.split_of("20 % wrong", seed),
        {"dropout": 0.0, "lr": 2e-3, "weight_decay": 0.0},
        seeds,
        steps=steps,
        batch_size=50,
        record_at=recorded,
        keep_parameters=False,
    )
    return recorded, 1 - training.test_accuracy[:, 0]

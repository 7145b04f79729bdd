"""What depends on who else is in the batch? Noise of the statistics, and one network in two modes.

    independent rows:  Var(batch mean) = σ²/B

σ²: variance of one row · B: rows in a batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm
from course_lib.data import digits
from course_lib.engine import ModelSpec
from course_lib.engine.cache import remembered
from course_lib.experiments.batchnorm.networks import NormedNetworks, train_stepwise

SIZES = (8, 16, 32, 64, 128, 256)


@dataclass
class BatchNoise:
    """Variances over batches drawn afresh, [seeds, batch sizes], means over 64 units of a layer.

    mean: of the batch mean. activation: of one digit's normalised activation, whose batch mates
    alone change.
    """

    sizes: tuple[int, ...]
    mean: Tensor
    activation: Tensor

    def slopes(self, figure: str) -> Tensor:
        """Slope of log variance on log B, least squares, [seeds]."""
        x = torch.tensor(self.sizes, dtype=torch.float64).log()
        x = x - x.mean()
        return (getattr(self, figure).log() * x).sum(1) / x.square().sum()


def measure_noise(
    seeds: tuple[int, ...] = tuple(range(8)), sizes: tuple[int, ...] = SIZES, draws: int = 200
) -> BatchNoise:
    """Activations of a 64 → 64 layer with fresh weights on 1000 digits, and their noise.

    Batches are drawn with replacement, `draws` of each size.
    """
    mean, activation = (torch.zeros(len(seeds), len(sizes), dtype=torch.float64) for _ in range(2))
    for s, seed in enumerate(seeds):
        generator = seeded(seed, "batches")
        x = digits(1000, scale="unit", seed=seed, dtype=torch.float64).train_x
        weight, bias = ModelSpec((64, 64)).initial(seed, torch.float64)
        z = x @ weight.T + bias  # [1000, 64]
        for b, size in enumerate(sizes):
            rows = torch.randint(len(z), (draws, size), generator=generator)
            rows[:, 0] = 0  # in each of these batches there is the same digit
            seen = batch_norm(z[rows], training=True, dim=1)[:, 0]  # [draws, 64]: its activation
            free = torch.randint(len(z), (draws, size), generator=generator)
            mean[s, b] = z[free].mean(1).var(0).mean()
            activation[s, b] = seen.var(0).mean()
    return BatchNoise(tuple(sizes), mean, activation)


# ---------------------------------------------------------------- one network, two modes

MOMENTA = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
START = {"mean": 0.0, "var": 1.0}  # of the running statistics
STEPS, EVERY, LATE = 300, 10, 10
# sixteen that played no part while this experiment was thought out
NEW_SEEDS = tuple(range(20, 36))


@dataclass
class Modes:
    """Test errors (share) after `at` steps, by statistics of three kinds; NaN: not there yet.

    `evaluation` [seeds, momenta, looks]: by the running statistics that each momentum would have
    kept. [seeds, looks] each: `batch`, by the statistics of all test rows at once; `trained`, by
    those of as many test rows as a batch in training has; `sorted`, the same with the test rows
    sorted by class; `corrected`, by the running statistics of the longest memory, with what it
    began with taken out.
    """

    batch_size: int
    at: tuple[int, ...]
    evaluation: Tensor
    batch: Tensor
    trained: Tensor
    sorted: Tensor
    corrected: Tensor
    progress: float = 1.0

    @property
    def seen(self) -> int:
        """How many looks there are so far."""
        return int(self.batch.isfinite().all(0).sum())

    def late(self, name: str) -> Tensor:
        """Mean of one of these over the last ten looks there are.

        `evaluation` [seeds, momenta], of the others [seeds].
        """
        return getattr(self, name)[..., max(self.seen - LATE, 0) : self.seen].mean(-1)

    def behind(self, momentum: float) -> Tensor:
        """By how many percentage points `evaluation` errs more than `batch`, late; [seeds]."""
        return 100 * (self.late("evaluation")[:, MOMENTA.index(momentum)] - self.late("batch"))


@remembered
def compare_modes(
    batch_size: int, seeds: tuple[int, ...] = NEW_SEEDS, steps: int = STEPS, every: int = EVERY
) -> Iterator[Modes]:
    """Train 64-64-10 networks with BatchNorm on 500 clean digits; yields `Modes` that fill in.

    SGD with momentum 0.9 at 0.02. How the running statistics are kept plays no part in training, so
    one run serves all momenta.
    """
    splits = [digits(500, scale="unit", seed=seed) for seed in seeds]
    # momentum 1: what is kept is the last batch
    networks = NormedNetworks((64, 64, 10), "batch", splits, seeds, momentum=1.0)
    at, shape = tuple(range(0, steps + 1, every)), (len(seeds), len(MOMENTA), steps // every + 1)
    evaluation = torch.full(shape, torch.nan, dtype=torch.float64)
    batch, trained, by_class, corrected = (
        torch.full_like(evaluation[:, 0], torch.nan) for _ in range(4)
    )
    (last,) = networks.running
    kept = [{name: value.clone() for name, value in last.items()} for _ in MOMENTA]
    for step in train_stepwise(networks, steps, batch_size, 0.02, momentum=0.9):
        for momentum, running in zip(MOMENTA, kept if step else ()):
            for name, value in running.items():
                value.lerp_(last[name], momentum)
        if step in at:
            i = at.index(step)
            batch[:, i] = networks.test_error(training=True).flatten()
            for figure, sort in (trained, False), (by_class, True):
                figure[:, i] = networks.test_error(True, batch_size, sort).flatten()
            for m, running in enumerate(kept):
                networks.running[0] = running
                evaluation[:, m, i] = networks.test_error().flatten()
            networks.running[0] = _without_start(kept[0], MOMENTA[0], step)
            corrected[:, i] = networks.test_error().flatten()
            networks.running[0] = last
            yield Modes(
                *(batch_size, at, evaluation.clone(), batch.clone(), trained.clone()),
                *(by_class.clone(), corrected.clone(), step / steps),
            )


def _without_start(kept: dict[str, Tensor], momentum: float, step: int) -> dict[str, Tensor]:
    """The running statistics after `step` batches without the 0 and 1 that they began with."""
    left = (1 - momentum) ** step  # as Adam corrects: subtract that share of the start, divide
    return {
        name: (value - left * START[name]) / (1 - left) if step else value
        for name, value in kept.items()
    }

"""What depends on who else is in the batch? Noise of the statistics, the memory of them, one
network in two modes.

    independent rows:  Var(batch mean) = σ²/B
    running ← (1 − m)·running + m·batch, at rest:  Var(running mean) = m/(2 − m) · σ²/B,  and it lags about 1/m batches

σ²: variance of one row · B: rows in a batch · m ∈ (0, 1]: weight of the newest batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm
from course_lib.data import digits
from course_lib.engine import ModelSpec
from course_lib.engine.cache import remembered
from course_lib.experiments.batchnorm.networks import Networks, train

SIZES = (8, 16, 32, 64, 128, 256)


def variance_of_running_mean(momentum, variance, batch_size):
    """m/(2 − m)·σ²/B, for independent batches and m ∈ (0, 1]."""
    require("momentum", momentum, 0, 1, open_low=True, open_high=False)
    return momentum / (2 - momentum) * variance / batch_size


@dataclass
class BatchNoise:
    """Over batches drawn afresh, [seeds, batch sizes], means over the 64 units of a layer: the
    variance of the batch mean, and that of one digit's normalised activation, whose batch mates
    alone change."""

    sizes: tuple
    mean: torch.Tensor
    activation: torch.Tensor

    def slopes(self, figure):
        """Slope of log variance on log B, least squares, [seeds]."""
        x = torch.tensor(self.sizes, dtype=torch.float64).log()
        x = x - x.mean()
        return (getattr(self, figure).log() * x).sum(1) / x.square().sum()


def measure_noise(seeds=tuple(range(8)), sizes=SIZES, draws=200) -> BatchNoise:
    """Activations of a 64 → 64 layer with fresh weights on 1000 digits; batches drawn with
    replacement.
    """
    mean, activation = (torch.zeros(len(seeds), len(sizes), dtype=torch.float64) for _ in range(2))
    for s, seed in enumerate(seeds):
        generator, x = (
            seeded(seed, "batches"),
            digits(1000, scale="unit", seed=seed, dtype=torch.float64).train_x,
        )
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
STEPS, EVERY, LATE = 300, 10, 10
NEW_SEEDS = tuple(
    range(20, 36)
)  # sixteen that played no part while this experiment was thought out


@dataclass
class Modes:
    """Test errors (share) after `at` steps. `evaluation` [seeds, momenta, looks]: by the running
    statistics that each momentum would have kept. [seeds, looks] each: `batch`, by the statistics
    of all test rows at once; `trained`, by those of as many test rows as a batch in training has.
    NaN: not there yet."""

    batch_size: int
    at: tuple
    evaluation: torch.Tensor
    batch: torch.Tensor
    trained: torch.Tensor
    progress: float = 1.0

    @property
    def seen(self):
        """How many looks there are so far."""
        return int(self.batch.isfinite().all(0).sum())

    def late(self, name):
        """Mean over the last ten looks there are, `evaluation` [seeds, momenta], `batch` or
        `trained` [seeds].
        """
        return getattr(self, name)[..., max(self.seen - LATE, 0) : self.seen].mean(-1)

    def behind(self, momentum):
        """How much higher `evaluation` errs than `batch`, in percentage points, in the last ten
        looks; [seeds].
        """
        return 100 * (self.late("evaluation")[:, MOMENTA.index(momentum)] - self.late("batch"))


@remembered
def compare_modes(batch_size, seeds=NEW_SEEDS, steps=STEPS, every=EVERY) -> Iterator[Modes]:
    """Train 64-64-10 networks with BatchNorm, SGD with momentum 0.9 at 0.02, on 500 clean digits.
    How the running statistics are kept plays no part in training, so one run serves all momenta."""
    splits = [digits(500, scale="unit", seed=seed) for seed in seeds]
    networks = Networks(
        (64, 64, 10), "batch", splits, seeds, momentum=1.0
    )  # 1: what is kept is the last batch
    at, shape = tuple(range(0, steps + 1, every)), (len(seeds), len(MOMENTA), steps // every + 1)
    evaluation = torch.full(shape, torch.nan, dtype=torch.float64)
    batch, trained = (torch.full_like(evaluation[:, 0], torch.nan) for _ in range(2))
    (last,) = networks.running
    kept = [{name: value.clone() for name, value in last.items()} for _ in MOMENTA]
    for step in train(networks, steps, batch_size, 0.02, momentum=0.9):
        for momentum, running in zip(MOMENTA, kept if step else ()):
            for name, value in running.items():
                value.lerp_(last[name], momentum)
        if step in at:
            i = at.index(step)
            batch[:, i] = networks.test_error(training=True).flatten()
            trained[:, i] = networks.test_error(training=True, batch_size=batch_size).flatten()
            for m, running in enumerate(kept):
                networks.running[0] = running
                evaluation[:, m, i] = networks.test_error().flatten()
            networks.running[0] = last
            yield Modes(
                batch_size, at, evaluation.clone(), batch.clone(), trained.clone(), step / steps
            )

"""What does label smoothing change on unseen digits? Error, likelihood, calibration against ε.

A 64-128-10 network, trained on 300 digits of which a share has a wrong label, at every ε and seed.
The same logits are then read three ways: as they are, divided by a temperature fitted on 200
validation rows with right labels, and by one fitted on the same rows labelled as carelessly as the
training rows. Test rows always have right labels.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward
from course_lib.label_smoothing import (
    brier_score,
    error_auroc,
    expected_calibration_error,
    reliability_curve,
    temperature_scale,
)
from course_lib.statistics import Interval, paired_interval

SPEC = ModelSpec((64, 128, 10))
EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
RATE = 2e-3  # learning rate; `tuned_stop` has another
SEEDS = tuple(range(40, 48))  # settings and questions come from other seeds
READINGS = ("as it is", "temperature, right labels", "temperature, noisy labels")
ROWS, VALIDATION, BINS = 300, 200, 15
FIGURES = ("error", "nll", "ece", "temperature", "brier", "auroc")


@dataclass
class Smoothing:
    """Figures on the test rows, [seeds, readings, epsilons]; seeds are those that have finished.

    nll in nats, error and ece as shares, brier in [0, 2], auroc of telling errors by confidence
    (`label_smoothing.error_auroc`). temperature: 1 for the first reading, NaN where the
    likelihood has no top. memorised [seeds, epsilons]: share of the training rows that are
    classified as labelled, rightly or not. validation_nll [seeds, epsilons]: as it is, on the
    validation rows with right labels; what ε may be chosen by. ece_if_calibrated [seeds, epsilons]:
    what is left after the temperature for right labels if it makes the network perfect: the mean
    calibration error for labels drawn from its own probabilities.
    curves: confidence, accuracy and count of each bin, [seeds, readings, epsilons, bins] each; NaN
    in empty bins.
    """

    epsilons: tuple[float, ...]
    error: Tensor
    nll: Tensor
    ece: Tensor
    temperature: Tensor
    brier: Tensor
    auroc: Tensor
    memorised: Tensor
    validation_nll: Tensor
    ece_if_calibrated: Tensor
    curves: tuple[Tensor, ...]
    progress: float

    def of(self, name: str, epsilon: float, reading: str = "as it is") -> Tensor:
        """One of FIGURES at one ε and reading, [seeds]."""
        return getattr(self, name)[:, READINGS.index(reading), self.epsilons.index(epsilon)]

    def change(self, name: str, epsilon: float, reading: str = "as it is") -> Interval:
        """What ε or a reading changes in one of FIGURES, against ε = 0 as it is, seed by seed."""
        return paired_interval(self.of(name, epsilon, reading), self.of(name, 0.0))

    def chosen(self, name: str) -> Tensor:
        """One of FIGURES as it is, [seeds], at the ε with the lowest NLL on validation rows.

        Each seed chooses its own.
        """
        best = self.validation_nll.argmin(1, keepdim=True)
        return getattr(self, name)[:, 0].gather(1, best).squeeze(1)

    def mean_confidence(self, epsilon: float) -> Tensor:
        """Mean confidence on the test rows as it is, [seeds]."""
        confidence, _, count = self._bins(epsilon)
        return (confidence.nan_to_num() * count).sum(1) / count.sum(1)

    def ece_in(self, bins: int, epsilon: float) -> Tensor:
        """The calibration error as it is in fewer bins, [seeds].

        `bins` divides BINS: neighbours are put together.
        """
        confidence, accuracy, count = self._bins(epsilon)
        excess = (accuracy - confidence).nan_to_num() * count  # n·(acc − conf)
        return excess.unflatten(1, (bins, -1)).sum(2).abs().sum(1) / count.sum(1)

    def pooled_bins(
        self, epsilon: float, reading: str = "as it is"
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Confidence, accuracy and share of rows of each bin [bins], all seeds' rows together."""
        confidence, accuracy, count = (part.numpy() for part in self._bins(epsilon, reading))
        total = np.nansum(count, 0)
        with np.errstate(invalid="ignore"):
            says, is_right = (
                np.nansum(np.nan_to_num(part) * count, 0) / total for part in (confidence, accuracy)
            )
        return says, is_right, total / max(total.sum(), 1)

    def _bins(self, epsilon: float, reading: str = "as it is") -> list[Tensor]:
        at = READINGS.index(reading), self.epsilons.index(epsilon)
        return [part[:, at[0], at[1]] for part in self.curves]


def read(
    z: Tensor, target: Tensor, temperature: float
) -> tuple[tuple[float, ...], tuple[Tensor, ...]]:
    """What softmax(z/T) is worth: FIGURES, and (confidence, accuracy, count) of each bin.

    z: logits [rows, 10], target [rows]. All NaN where T is NaN.
    """
    if math.isnan(temperature):
        nothing = torch.full((BINS,), torch.nan, dtype=torch.float64)
        return (torch.nan,) * len(FIGURES), (nothing, nothing, nothing)
    p = (z / temperature).softmax(1)
    error = (p.argmax(1) != target).double().mean().item()
    nll = cross_entropy(z / temperature, target).item()
    ece = expected_calibration_error(p, target, BINS)
    scores = brier_score(p, target), error_auroc(p, target)
    return (error, nll, ece, temperature, *scores), reliability_curve(p, target, BINS)


def fitted_temperature(z: Tensor, target: Tensor) -> float:
    """`temperature_scale`, or NaN where every row is right and the likelihood has no top."""
    if (z.argmax(1) == target).all():
        return torch.nan
    return temperature_scale(z, target)


def measure_one_seed(
    parameters: Sequence[Tensor], seed: int, noise: float
) -> tuple[Tensor, Tensor, Tensor]:
    """One seed's figures [readings, epsilons, 4], curves [3, readings, epsilons, bins], and more.

    parameters [epsilons, …] as `engine.train` leaves them. The third are three rows [3, epsilons]:
    memorised, validation_nll, ece_if_calibrated.
    """
    split = data(seed, noise)
    noisy = digits(ROWS, VALIDATION, noise, "unit", seed).validation_y
    test, validation, own = (
        forward(parameters, x).double() for x in (split.test_x, split.validation_x, split.train_x)
    )
    figures, curves = [], []
    for labels in (None, split.validation_y, noisy):
        temperatures = [
            1.0 if labels is None else fitted_temperature(z, labels) for z in validation
        ]
        found = [read(z, split.test_y, T) for z, T in zip(test, temperatures)]
        figures.append(torch.tensor([f for f, _ in found], dtype=torch.float64))
        curves.append(
            torch.stack([torch.stack([part.double() for part in c]) for _, c in found], 1)
        )
    memorised = (own.argmax(2) == split.train_y).double().mean(1)
    nll = torch.stack([cross_entropy(z, split.validation_y) for z in validation])
    fitted = figures[1][:, FIGURES.index("temperature")]
    ideal = torch.stack([ece_if_calibrated(z / T, seed) for z, T in zip(test, fitted)])
    return torch.stack(figures), torch.stack(curves, 1), torch.stack([memorised, nll, ideal])


def ece_if_calibrated(z: Tensor, seed: int, draws: int = 10) -> Tensor:
    """Mean calibration error of softmax(z) for labels drawn from softmax(z) itself.

    z: logits [rows, 10]; NaN where z is NaN.
    """
    if z.isnan().any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    p, generator = z.softmax(1), seeded(seed)
    labels = p.multinomial(draws, replacement=True, generator=generator).T
    return torch.tensor(
        [expected_calibration_error(p, y, BINS) for y in labels], dtype=torch.float64
    ).mean()


def data(seed: int, noise: float) -> Split:
    """The rows of one seed: training labels wrong with probability `noise`, the others right."""
    return digits(ROWS, VALIDATION, noise, "unit", seed, clean_validation=True)


def train_smoothed(
    data: Callable[[int], Split],
    epsilons: Sequence[float],
    seeds: tuple[int, ...],
    steps: int,
    rate: float = RATE,
    decay: float | list[float] = 0.0,
) -> Iterator[tuple[dict[int, list[Tensor]], float]]:
    """Train every ε at every seed; yield (seed → parameters [epsilons, …], progress).

    AdamW at learning rate `rate`. decay: one weight decay, or one for each ε. data: seed → `Split`.
    The first two seeds go ahead, one per thread, so that there is something to see soon.
    """
    grid = {"label_smoothing": list(epsilons), "lr": rate, "weight_decay": decay}
    found: dict[int, list[Tensor]] = {}
    begun = 0
    for together in filter(None, (seeds[:2], seeds[2:])):
        for training in train(SPEC, data, grid, together, steps=steps, record_at=(steps,)):
            for seed, parameters in zip(together, training.parameters):
                if parameters is not None and seed not in found:
                    found[seed] = [part.cpu() for part in parameters]
            yield dict(found), (begun + training.progress * len(together)) / len(seeds)
        begun += len(together)


@remembered
def train_networks(
    noise: float, steps: int, seeds: tuple[int, ...], rate: float
) -> Iterator[tuple[dict[int, list[Tensor]], float]]:
    """The networks of `compare_smoothing`: (seed → parameters [epsilons, …], progress)."""
    yield from train_smoothed(lambda seed: data(seed, noise), EPSILONS, seeds, steps, rate)


@remembered
def compare_smoothing(
    noise: float = 0.2, steps: int = 2000, seeds: tuple[int, ...] = SEEDS, rate: float = RATE
) -> Iterator[Smoothing]:
    """Train every ε at every seed on labels with this `noise`; yield a growing `Smoothing`."""
    found: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
    for networks, progress in train_networks(noise, steps, seeds, rate):
        for seed in networks.keys() - found.keys():
            found[seed] = measure_one_seed(networks[seed], seed, noise)
        yield _gather(found, progress)


def _gather(found: dict[int, tuple[Tensor, Tensor, Tensor]], progress: float) -> Smoothing:
    done = [found[seed] for seed in sorted(found)]
    shape = len(READINGS), len(EPSILONS)
    figures = _stack([figures for figures, _, _ in done], (*shape, len(FIGURES)))
    curves = _stack([curves for _, curves, _ in done], (3, *shape, BINS))
    memorised, validation_nll, ideal = _stack(
        [others for *_, others in done], (3, len(EPSILONS))
    ).unbind(1)
    return Smoothing(
        EPSILONS,
        **dict(zip(FIGURES, figures.unbind(-1))),
        memorised=memorised,
        validation_nll=validation_nll,
        ece_if_calibrated=ideal,
        curves=curves.unbind(1),
        progress=progress,
    )


def _stack(parts: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    return torch.stack(parts) if parts else torch.empty(0, *shape, dtype=torch.float64)

"""What does label smoothing change on unseen digits? Error, likelihood and calibration against ε,
beside temperature.

A 64-128-10 network, trained on 300 digits of which a share has a wrong label, at every ε and seed.
The same logits are then read three ways: as they are, divided by a temperature fitted on 200
validation rows with right labels, and by one fitted on the same rows labelled as carelessly as the
training rows. Test rows always have right labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.label_smoothing import (
    expected_calibration_error,
    reliability_curve,
    temperature_scale,
)

SPEC = ModelSpec((64, 128, 10))
EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
SEEDS = tuple(range(40, 48))  # settings and questions come from other seeds
READINGS = ("as it is", "temperature, right labels", "temperature, noisy labels")
ROWS, VALIDATION, BINS = 300, 200, 15
FIGURES = ("error", "nll", "ece", "temperature")


@dataclass
class Smoothing:
    """Figures on the test rows, [seeds, readings, epsilons]; seeds are those that have finished.

    nll in nats, error and ece as shares. temperature: 1 for the first reading, NaN where the
    likelihood has no top. memorised [seeds, epsilons]: share of the training rows that are
    classified as labelled, rightly or not. validation_nll [seeds, epsilons]: as it is, on the
    validation rows with right labels; what ε may be chosen by. ece_if_calibrated [seeds, epsilons]:
    what is left after the temperature for right labels if it makes the network perfect: the mean
    calibration error for labels drawn from its own probabilities.
    curves: confidence, accuracy and count of each bin, [seeds, readings, epsilons, bins] each; NaN
    in empty bins.
    """

    epsilons: tuple
    error: torch.Tensor
    nll: torch.Tensor
    ece: torch.Tensor
    temperature: torch.Tensor
    memorised: torch.Tensor
    validation_nll: torch.Tensor
    ece_if_calibrated: torch.Tensor
    curves: tuple
    progress: float

    def of(self, name, epsilon, reading="as it is"):
        """One of FIGURES at one ε and reading, [seeds]."""
        return getattr(self, name)[:, READINGS.index(reading), self.epsilons.index(epsilon)]

    def chosen(self, name):
        """One of FIGURES as it is, [seeds], at the ε that each seed's validation rows choose: the
        lowest NLL there.
        """
        best = self.validation_nll.argmin(1, keepdim=True)
        return getattr(self, name)[:, 0].gather(1, best).squeeze(1)

    def mean_confidence(self, epsilon):
        """Mean confidence on the test rows as it is, [seeds]."""
        confidence, _, count = (part[:, 0, self.epsilons.index(epsilon)] for part in self.curves)
        return (confidence.nan_to_num() * count).sum(1) / count.sum(1)

    def ece_in(self, bins, epsilon):
        """The calibration error as it is in fewer bins, [seeds]; `bins` divides BINS: neighbours
        are put together.
        """
        at = self.epsilons.index(epsilon)
        confidence, accuracy, count = (part[:, 0, at] for part in self.curves)
        excess = (
            ((accuracy - confidence).nan_to_num() * count).unflatten(1, (bins, -1)).sum(2)
        )  # n·(acc − conf)
        return excess.abs().sum(1) / count.sum(1)


def logits(parameters: list, x: torch.Tensor) -> torch.Tensor:
    """[models, rows, 10] of networks with one hidden layer; parameters [models, …] as `train`
    leaves them.
    """
    w, b = parameters[2:]
    return hidden(parameters, x) @ w.mT + b.unsqueeze(1)


def hidden(parameters: list, x: torch.Tensor) -> torch.Tensor:
    """The penultimate features [models, rows, units] of the same networks: what the last layer
    reads.
    """
    w, b = parameters[:2]
    return torch.relu(x @ w.mT + b.unsqueeze(1))


def read(z: torch.Tensor, target: torch.Tensor, temperature: float) -> tuple:
    """((error, nll, ece, temperature), (confidence, accuracy, count)) of softmax(z/T); all NaN
    where T is NaN.
    """
    if temperature != temperature:
        nothing = torch.full((BINS,), torch.nan, dtype=torch.float64)
        return (torch.nan,) * 4, (nothing, nothing, nothing)
    p = (z / temperature).softmax(1)
    error = (p.argmax(1) != target).double().mean().item()
    ece = expected_calibration_error(p, target, BINS)
    return (
        error,
        cross_entropy(z / temperature, target).item(),
        ece,
        temperature,
    ), reliability_curve(p, target, BINS)


def fitted_temperature(z: torch.Tensor, target: torch.Tensor) -> float:
    """`temperature_scale`, or NaN where every row is right and the likelihood has no top."""
    if (z.argmax(1) == target).all():
        return torch.nan
    return temperature_scale(z, target)


def measure_one_seed(parameters: list, seed: int, noise: float) -> tuple:
    """One seed's figures [readings, epsilons, 4], curves [3, readings, epsilons, bins], and three
    rows [epsilons]: memorised, validation_nll, ece_if_calibrated."""
    split = data(seed, noise)
    noisy = digits(ROWS, VALIDATION, noise, "unit", seed).validation_y
    test, validation, own = (
        logits(parameters, x).double() for x in (split.test_x, split.validation_x, split.train_x)
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


def ece_if_calibrated(z: torch.Tensor, seed: int, draws: int = 10) -> torch.Tensor:
    """Mean calibration error of softmax(z) for labels drawn from softmax(z) itself; NaN where z is
    NaN.
    """
    if z.isnan().any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    p, generator = z.softmax(1), torch.Generator().manual_seed(seed)
    labels = p.multinomial(draws, replacement=True, generator=generator).T
    return torch.tensor(
        [expected_calibration_error(p, y, BINS) for y in labels], dtype=torch.float64
    ).mean()


def data(seed: int, noise: float):
    """The rows of one seed: training labels wrong with probability `noise`, validation and test
    labels right.
    """
    return digits(ROWS, VALIDATION, noise, "unit", seed, clean_validation=True)


def train_smoothed(data, epsilons, seeds: tuple, steps: int) -> Iterator[tuple[dict, float]]:
    """Train every ε at every seed, AdamW at learning rate 0.002, no decay: (seed → parameters
    [epsilons, …], progress).

    data: seed → `Split`. The first two seeds go ahead, one per thread, so that there is something
    to see soon.
    """
    grid, found, begun = {"label_smoothing": list(epsilons), "lr": 2e-3, "weight_decay": 0.0}, {}, 0
    for some in filter(None, (seeds[:2], seeds[2:])):
        for training in train(SPEC, data, grid, some, steps=steps, record_at=(steps,)):
            done = {
                seed: p
                for seed, p in zip(some, training.parameters)
                if p is not None and seed not in found
            }
            found |= {seed: [part.cpu() for part in p] for seed, p in done.items()}
            yield found, (begun + training.progress * len(some)) / len(seeds)
        begun += len(some)


@remembered
def compare_smoothing(noise=0.2, steps=2000, seeds=SEEDS) -> Iterator[Smoothing]:
    """Train every ε at every seed on labels with this `noise`; yield a `Smoothing` that grows seed
    by seed.
    """
    found = {}
    for networks, progress in train_smoothed(
        lambda seed: data(seed, noise), EPSILONS, seeds, steps
    ):
        for seed in networks.keys() - found.keys():
            found[seed] = measure_one_seed(networks[seed], seed, noise)
        yield _gather(found, progress)


def _gather(found: dict, progress: float) -> Smoothing:
    done = [found[seed] for seed in sorted(found)]
    shape = len(READINGS), len(EPSILONS)
    figures = _stack([figures for figures, _, _ in done], (*shape, len(FIGURES)))
    curves = _stack([curves for _, curves, _ in done], (3, *shape, BINS))
    others = _stack([others for *_, others in done], (3, len(EPSILONS)))
    return Smoothing(EPSILONS, *figures.unbind(-1), *others.unbind(1), curves.unbind(1), progress)


def _stack(rows: list, shape: tuple) -> torch.Tensor:
    return torch.stack(rows) if rows else torch.empty(0, *shape, dtype=torch.float64)

"""Two ways to use a smoothed network: the recipe that ends lesson 05, and smoothing turned round.

The recipe trains each ε of CANDIDATES, fits a temperature to each on the validation rows, and keeps
the lowest NLL on these same rows. Its rival spends as many trainings on the weight decays of DECAYS
instead, without smoothing. Turned round is what a network says once the doubt that its loss
asked for is taken off again, without any label. Networks and rows are those of `smoothing`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.shared.forward import forward
from course_lib.label_smoothing import expected_calibration_error

CANDIDATES = (0.0, 0.1, 0.2, 0.4)
# Decoupled. λ · rate · steps, is 0.1 to 12 beyond the first.
DECAYS = (0.0, 0.3, 1.0, 3.0)
WIDE_DECAYS = (0.0, 3.0, 10.0, 30.0)  # as many, for where 3 was always kept
FIGURES = ("validation_nll", "error", "nll", "ece", "plain_ece", "turned_ece", "ruled_out")


@dataclass
class Recipe:
    """What each candidate is worth, [seeds, candidates] each; on test rows unless said otherwise.

    validation_nll: on the 200 validation rows with right labels, after the temperature that these
    rows fit; error, nll, ece: after the same temperature. plain_ece: as it is; turned_ece: of the
    probabilities `turned_round`, without a temperature; ruled_out: share of the rows whose true
    class these give a probability of 0.
    """

    candidates: tuple[float, ...]
    validation_nll: Tensor
    error: Tensor
    nll: Tensor
    ece: Tensor
    plain_ece: Tensor
    turned_ece: Tensor
    ruled_out: Tensor

    def of(self, name: str, candidate: float) -> Tensor:
        """One of FIGURES at one candidate, [seeds]."""
        return getattr(self, name)[:, self.candidates.index(candidate)]

    def kept(self) -> Tensor:
        """The candidate that each seed keeps, [seeds]: that of the lowest `validation_nll`."""
        return torch.tensor(self.candidates)[self.validation_nll.argmin(1)]

    def chosen(self, name: str) -> Tensor:
        """One of FIGURES at the candidate that each seed keeps, [seeds]."""
        best = self.validation_nll.argmin(1, keepdim=True)
        return getattr(self, name).gather(1, best).squeeze(1)


def turned_round(p: Tensor, epsilon: float) -> Tensor:
    """What p says without the doubt that smoothing asks for, [rows, K]: η of p = (1 − ε)·η + ε/K.

    Where p is below ε/K it is 0; the rest is divided by its sum. ε < 1.
    """
    eta = ((p - epsilon / p.shape[1]) / (1 - epsilon)).clamp(min=0)  # η = (p − ε/K)/(1 − ε)
    return eta / eta.sum(1, keepdim=True)


@remembered
def follow_recipe(
    noise: float = 0.2,
    steps: int = 2000,
    rate: float = smoothing.RATE,
    seeds: tuple[int, ...] = smoothing.SEEDS,
) -> Iterator[Recipe]:
    """Read the CANDIDATES among the networks of `smoothing.compare_smoothing`, seed by seed."""
    *_, (networks, _) = smoothing.train_networks(noise, steps, seeds, rate)
    places = [smoothing.EPSILONS.index(epsilon) for epsilon in CANDIDATES]
    some = [[part[places] for part in networks[seed]] for seed in seeds]
    yield _read(CANDIDATES, CANDIDATES, some, seeds, noise)


@remembered
def decay_instead(
    noise: float = 0.2,
    steps: int = 2000,
    rate: float = smoothing.RATE,
    seeds: tuple[int, ...] = smoothing.SEEDS,
    decays: tuple[float, ...] = DECAYS,
) -> Iterator[Recipe]:
    """Train ε = 0 at each of `decays`, as many trainings as the recipe's, and choose as it does."""
    none = [0.0] * len(decays)
    *_, (networks, _) = smoothing.train_smoothed(
        lambda seed: smoothing.data(seed, noise), none, seeds, steps, rate, list(decays)
    )
    yield _read(decays, none, [networks[seed] for seed in seeds], seeds, noise)


def _read(
    candidates: tuple[float, ...],
    epsilons: Sequence[float],
    networks: Sequence[list[Tensor]],
    seeds: Sequence[int],
    noise: float,
) -> Recipe:
    """FIGURES of every candidate, trained with its ε, at every seed."""
    found = [_one_seed(some, epsilons, seed, noise) for some, seed in zip(networks, seeds)]
    return Recipe(candidates, **dict(zip(FIGURES, torch.stack(found).unbind(2))))


def _one_seed(
    parameters: list[Tensor], epsilons: Sequence[float], seed: int, noise: float
) -> Tensor:
    """FIGURES of each candidate, [candidates, figures]."""
    split = smoothing.data(seed, noise)
    held_out, test = (forward(parameters, x).double() for x in (split.validation_x, split.test_x))
    figures = []
    for epsilon, z, new in zip(epsilons, held_out, test):
        T = smoothing.fitted_temperature(z, split.validation_y)
        T = 1.0 if math.isnan(T) else T  # all rows are right: there is nothing to fit
        error, nll, ece, *_ = smoothing.read(new, split.test_y, T)[0]
        p = new.softmax(1)
        turned = turned_round(p, epsilon)
        figures.append(
            [
                cross_entropy(z / T, split.validation_y).item(),
                error,
                nll,
                ece,
                expected_calibration_error(p, split.test_y, smoothing.BINS),
                expected_calibration_error(turned, split.test_y, smoothing.BINS),
                (turned.gather(1, split.test_y[:, None]) == 0).double().mean().item(),
            ]
        )
    return torch.tensor(figures, dtype=torch.float64)

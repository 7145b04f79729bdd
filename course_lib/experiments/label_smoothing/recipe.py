"""Two ways to use a smoothed network: the recipe that ends lesson 05, and smoothing turned round.

The recipe trains each ε of CANDIDATES, fits a temperature to each on the validation rows, and keeps
the lowest NLL on these same rows. Turned round is what a network says once the doubt that its loss
asked for is taken off again, without any label. Networks and rows are those of `smoothing`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.shared.forward import forward
from course_lib.label_smoothing import expected_calibration_error

CANDIDATES = (0.0, 0.1, 0.2, 0.4)
FIGURES = ("validation_nll", "error", "nll", "ece", "plain_ece", "turned_ece", "ruled_out")


@dataclass
class Recipe:
    """What each candidate is worth, [seeds, epsilons] each; on test rows unless said otherwise.

    validation_nll: on the 200 validation rows with right labels, after the temperature that these
    rows fit; error, nll, ece: after the same temperature. plain_ece: as it is; turned_ece: of the
    probabilities `turned_round`, without a temperature; ruled_out: share of the rows whose true
    class these give a probability of 0.
    """

    epsilons: tuple[float, ...]
    validation_nll: Tensor
    error: Tensor
    nll: Tensor
    ece: Tensor
    plain_ece: Tensor
    turned_ece: Tensor
    ruled_out: Tensor

    def of(self, name: str, epsilon: float) -> Tensor:
        """One of FIGURES at one ε, [seeds]."""
        return getattr(self, name)[:, self.epsilons.index(epsilon)]

    def kept(self) -> Tensor:
        """The ε that each seed keeps, [seeds]: that of the lowest `validation_nll`."""
        return torch.tensor(self.epsilons)[self.validation_nll.argmin(1)]

    def chosen(self, name: str) -> Tensor:
        """One of FIGURES at the ε that each seed keeps, [seeds]."""
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
    found = torch.stack([_one_seed(networks[seed], seed, noise) for seed in seeds])
    yield Recipe(CANDIDATES, **dict(zip(FIGURES, found.unbind(2))))


def _one_seed(parameters: list[Tensor], seed: int, noise: float) -> Tensor:
    """FIGURES of each candidate, [epsilons, figures]."""
    split = smoothing.data(seed, noise)
    some = [part[[smoothing.EPSILONS.index(e) for e in CANDIDATES]] for part in parameters]
    held_out, test = (forward(some, x).double() for x in (split.validation_x, split.test_x))
    figures = []
    for epsilon, z, new in zip(CANDIDATES, held_out, test):
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

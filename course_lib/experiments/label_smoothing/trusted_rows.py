"""What do trusted labels buy? A temperature from few of them, or more rows to train on.

Beside 300 rows, a fifth of them with a wrong label, there are 200 validation rows with right ones.
`few_rows` fits a temperature on some of these, drawn many times; `train_on_them` puts them into the
training set instead, all or all but some for a temperature. Test rows are those of `smoothing`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.shared.forward import forward
from course_lib.label_smoothing import expected_calibration_error

EPSILONS = (0.0, 0.1)
ROWS, DRAWS = (20, 50, 100, 200), 50
TEMPERATURES = torch.logspace(-1, 1, 400, dtype=torch.float64)  # those of the lesson's own search


@dataclass
class FewRows:
    """Calibration error and NLL on test rows after a temperature from few rows.

    ece, nll: [seeds, epsilons, sizes, draws]; sizes are ROWS. unfitted, the same shape: whether all
    drawn rows were right, so that the likelihood has no top and T stays 1.
    """

    epsilons: tuple[float, ...]
    sizes: tuple[int, ...]
    ece: Tensor
    nll: Tensor
    unfitted: Tensor

    def of(self, name: str, epsilon: float, rows: int) -> Tensor:
        """Mean over the draws of `ece` or `nll`, [seeds]."""
        return self.drawn(name, epsilon, rows).mean(1)

    def drawn(self, name: str, epsilon: float, rows: int) -> Tensor:
        """`ece`, `nll` or `unfitted` of each draw, [seeds, draws]."""
        return getattr(self, name)[:, self.epsilons.index(epsilon), self.sizes.index(rows)]


@dataclass
class TrainedOn:
    """Figures on the test rows, [seeds, epsilons] each; after a temperature where rows were left.

    error, ece: shares; nll in nats.
    """

    epsilons: tuple[float, ...]
    error: Tensor
    ece: Tensor
    nll: Tensor

    def of(self, name: str, epsilon: float) -> Tensor:
        """`error`, `ece` or `nll`, [seeds]."""
        return getattr(self, name)[:, self.epsilons.index(epsilon)]


@remembered
def few_rows(
    noise: float = 0.2,
    steps: int = 2000,
    rate: float = smoothing.RATE,
    seeds: tuple[int, ...] = smoothing.SEEDS,
    sizes: tuple[int, ...] = ROWS,
    draws: int = DRAWS,
) -> Iterator[FewRows]:
    """Fit a temperature on `draws` draws of so many validation rows, of each network of EPSILONS.

    The networks are those of `smoothing.compare_smoothing`.
    """
    *_, (networks, _) = smoothing.train_networks(noise, steps, seeds, rate)
    places = [smoothing.EPSILONS.index(epsilon) for epsilon in EPSILONS]
    found = [_one_seed(networks[seed], places, seed, noise, sizes, draws) for seed in seeds]
    ece, nll, unfitted = torch.stack(found).unbind(1)
    yield FewRows(EPSILONS, sizes, ece, nll, unfitted.bool())


def _one_seed(
    parameters: list[Tensor],
    places: list[int],
    seed: int,
    noise: float,
    sizes: tuple[int, ...],
    draws: int,
) -> Tensor:
    """The three parts of `FewRows` for one seed, [3, epsilons, sizes, draws]."""
    split = smoothing.data(seed, noise)
    both = [part[places] for part in parameters]
    held_out, test = (forward(both, x).double() for x in (split.validation_x, split.test_x))
    generator = seeded(seed, "trusted rows")  # every network is given the same rows
    rows = [
        [torch.randperm(len(split.validation_y), generator=generator)[:size] for _ in range(draws)]
        for size in sizes
    ]
    figures = [
        [
            [_judge(new, split.test_y, T) for T in _fitted(z, split.validation_y, drawn)]
            for drawn in rows
        ]
        for z, new in zip(held_out, test)
    ]
    return torch.tensor(figures, dtype=torch.float64).movedim(-1, 0)


def _fitted(z: Tensor, target: Tensor, draws: list[Tensor]) -> list[float | None]:
    """For each draw of rows the T of TEMPERATURES with the lowest NLL; None where all are right."""
    scaled = (z / TEMPERATURES.view(-1, 1, 1)).flatten(0, 1)
    nll = cross_entropy(scaled, target.repeat(len(TEMPERATURES)), reduction="none")
    nll = nll.view(len(TEMPERATURES), -1)  # of each row at each T
    right = z.argmax(1) == target
    return [
        None if right[rows].all() else TEMPERATURES[nll[:, rows].mean(1).argmin()].item()
        for rows in draws
    ]


def _judge(z: Tensor, target: Tensor, temperature: float | None) -> tuple[float, float, bool]:
    """(calibration error, NLL, whether there was no temperature) on test rows."""
    scaled = z / (temperature or 1.0)
    ece = expected_calibration_error(scaled.softmax(1), target, smoothing.BINS)
    return ece, cross_entropy(scaled, target).item(), temperature is None


def with_trusted_rows(seed: int, noise: float, held_out: int = 0) -> Split:
    """The rows of `smoothing.data`, but the last `held_out` validation rows, all to train on."""
    split = smoothing.data(seed, noise)
    moved = len(split.validation_y) - held_out
    x, y = split.validation_x.tensor_split([moved]), split.validation_y.tensor_split([moved])
    return replace(
        split,
        train_x=torch.cat([split.train_x, x[0]]),
        train_y=torch.cat([split.train_y, y[0]]),
        clean_train_y=torch.cat([split.clean_train_y, y[0]]),
        validation_x=x[1],
        validation_y=y[1],
    )


@remembered
def train_on_them(
    noise: float = 0.2,
    steps: int = 2000,
    rate: float = smoothing.RATE,
    seeds: tuple[int, ...] = smoothing.SEEDS,
    held_out: int = 0,
) -> Iterator[TrainedOn]:
    """Train EPSILONS on the 300 rows and the trusted ones, for as many steps.

    held_out: of the 200 trusted rows as many are kept for a temperature; with 0 there is none.
    """
    *_, (networks, _) = smoothing.train_smoothed(
        lambda seed: with_trusted_rows(seed, noise, held_out), EPSILONS, seeds, steps, rate
    )
    found = []
    for seed in seeds:
        split = with_trusted_rows(seed, noise, held_out)
        figures = []
        for k in range(len(EPSILONS)):
            one = [part[k] for part in networks[seed]]
            T = None
            if held_out:
                z = forward(one, split.validation_x).double()
                (T,) = _fitted(z, split.validation_y, [torch.arange(held_out)])
            new = forward(one, split.test_x).double()
            figures.append(smoothing.read(new, split.test_y, T or 1.0)[0][:3])
        found.append(figures)
    error, nll, ece = torch.tensor(found, dtype=torch.float64).unbind(2)
    yield TrainedOn(EPSILONS, error, ece, nll)

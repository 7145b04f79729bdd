"""Test error beyond the point where a model fits every label: an exact law, and random features.

Both worlds fit by least squares with ridge λ, loss ‖Φw − y‖²/n + λ‖w‖²; λ = 0 is the minimum-norm
solution. One set of singular values s and directions of Φ serves all λ: each direction lets s²/(s²
+ nλ) of the least-squares fit through.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from course_lib.base.arguments import require, require_probability
from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.snapshot import snapshot
from course_lib.overfitting import excess_risk

# --- a world whose risk is known exactly

ROWS, DRAWS = 30, 500
FEATURES = (
    *(2, 5, 10, 14, 18, 21, 24, 26, 28, 29),  # fewer than rows
    *(30, 31, 32, 34, 36, 40, 45, 50, 60, 80, 120, 200, 300),
)
FINE = tuple(np.unique(np.round(np.geomspace(2, 300, 200)).astype(int)).tolist())


def minimum_norm(
    features: int, noise: float, l2: float = 0.0, rows: int = ROWS, draws: int = DRAWS
) -> Tensor:
    """Excess risks [draws] of regression on `features` isotropic Gaussian features.

    All of them are in the truth, ‖β‖ = 1. One number per data set of `rows` rows: ‖ŵ − β‖²,
    averaged exactly over labels y = xβ + noise. l2 = 0: minimum norm. Raises ValueError for less
    than one row or feature, less than two draws, negative noise or l2.
    """
    require("noise", noise)
    require("l2", l2)
    require("rows", rows, 1)
    require("features", features, 1)
    require("draws", draws, 2)
    s2, seen, unseen = _directions(features, rows, draws)
    s2, pull = s2.clamp(min=1e-30), rows * l2
    # Of β: what no row shows, and what λ takes away.
    bias = unseen + (pull / (s2 + pull)).square().mul(seen).sum(1)
    return bias + noise**2 * (s2 / (s2 + pull).square()).sum(1)


@lru_cache(64)
def _directions(features: int, rows: int, draws: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of each data set: s², the squared part of β along each direction, and the rest of ‖β‖².

    [draws, min(rows, features)] the first two, [draws] the last.
    """
    generator = seeded(features, "isotropic features")
    x = torch.randn(draws, rows, features, generator=generator, dtype=torch.float64)
    beta = torch.full((features, 1), features**-0.5, dtype=torch.float64)
    if features <= rows:
        s2, v = torch.linalg.eigh(x.mT @ x)
        return s2, (v.mT @ beta).squeeze(2).square(), torch.zeros(draws, dtype=torch.float64)
    s2, u = torch.linalg.eigh(x @ x.mT)
    seen = (u.mT @ (x @ beta)).squeeze(2).square() / s2
    return s2, seen, (1 - seen.sum(1)).clamp(min=0)


def standard_error(features: int, noise: float, rows: int = ROWS, draws: int = DRAWS) -> float:
    """Exact standard error of the mean of `minimum_norm(features, noise)`.

    Infinite unless |features − rows| ≥ 4. The noise part is σ²·tr of an inverted Wishart matrix
    (its variance: von Rosen 1988), the unseen part of β a Beta.
    """
    k, m = min(rows, features), abs(rows - features)
    if m <= 3 and noise > 0:
        return float("inf")
    trace = noise**4 * 2 * k * (m + k - 1) / (m * (m - 1) ** 2 * (m - 3)) if noise > 0 else 0.0
    a, b = rows / 2, (features - rows) / 2
    unseen = a * b / ((a + b) ** 2 * (a + b + 1)) if b > 0 else 0.0
    return ((trace + unseen) / draws) ** 0.5


@dataclass
class Law:
    """Excess risk against features: the exact law at λ = 0 over `FINE`, and draws over `FEATURES`.

    risks, best [features, draws]: at λ, and at the best λ; NaN: not drawn yet.
    """

    noise: float
    l2: float
    law: np.ndarray
    risks: Tensor
    best: Tensor
    progress: float = 1.0


def law(noise: float, l2: float, draws: int = DRAWS) -> Iterator[Law]:
    """The law beside its draws, a closed form in singular values of data sets drawn once.

    Yields after every number of features, the last time when all is there.
    """
    exact = np.array([excess_risk(ROWS, d, noise) for d in FINE])
    risks, best = torch.full((2, len(FEATURES), draws), torch.nan, dtype=torch.float64)
    found = Law(noise, l2, exact, risks, best, progress=0.0)
    for k, d in enumerate(FEATURES):
        found.risks[k] = minimum_norm(d, noise, l2, ROWS, draws)
        found.best[k] = minimum_norm(d, noise, noise**2 * d / ROWS, ROWS, draws)
        yield snapshot(found, (k + 1) / len(FEATURES))


# --- random ReLU features on digits

TRAIN_ROWS, SEEDS = 300, tuple(range(8))
STRENGTHS = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1)
WIDTHS = (10, 20, 40, 60, 100, 150, 200, 250, 300, 350, 450, 600, 1000, 3000)
FIGURES = ("train_error", "validation_error", "test_error", "train_loss")


@dataclass
class RandomFeatures:
    """Errors [widths, seeds, strengths]; NaN: not there yet.

    Training and validation labels are noisy, test labels clean. train_loss: the squared error that
    is fitted, as a share of that of weights 0.
    """

    noise: float
    widths: tuple[int, ...]
    strengths: tuple[float, ...]
    train_error: Tensor
    validation_error: Tensor
    test_error: Tensor
    train_loss: Tensor

    def tuned(self, figure: str = "test_error") -> Tensor:
        """A `figure` [widths, seeds] at the λ with the lowest validation error.

        Of equals it is the largest.
        """
        error = self.validation_error.flip(2)
        best = len(self.strengths) - 1 - error.nan_to_num(torch.inf).argmin(2, keepdim=True)
        return getattr(self, figure).gather(2, best).squeeze(2)

    def widest_and_best_below(self, rows: int) -> tuple[Tensor, Tensor]:
        """Test errors [seeds] at λ = 0, of the last width and of the best one below `rows`.

        The best is the one with the lowest mean.
        """
        plain = self.test_error[:, :, self.strengths.index(0.0)]
        narrow = plain[[k for k, width in enumerate(self.widths) if width < rows]]
        return plain[-1], narrow[narrow.mean(1).argmin()]


@dataclass
class Worlds:
    """Random features with every label right, and with a share of them wrong."""

    clean: RandomFeatures
    noisy: RandomFeatures
    progress: float = 1.0


@remembered
def random_features(
    noise: float,
    widths: tuple[int, ...] = WIDTHS,
    seeds: tuple[int, ...] = SEEDS,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Iterator[Worlds]:
    """Fit the last layer behind a frozen random first one and ReLU, to `TRAIN_ROWS` digits.

    By ridge, to one-hot labels, right ones and ones wrong with probability `noise` (else
    ValueError), on the same features. Yields after every width of every seed.
    """
    require_probability("noise", noise)
    shape = 2, len(widths), len(seeds), len(strengths)
    found = {name: torch.full(shape, torch.nan) for name in FIGURES}
    for s, seed in enumerate(seeds):
        splits = [
            digits(TRAIN_ROWS, 200, share, "unit", seed, torch.float64) for share in (0.0, noise)
        ]
        generator = seeded(seed, "random features")
        first = torch.randn(64, max(widths), generator=generator, dtype=torch.float64)
        for w, width in enumerate(widths):
            for name, figure in zip(FIGURES, _figures(splits, first[:, :width], strengths)):
                found[name][:, w, s] = figure
            progress = (s * len(widths) + w + 1) / (len(seeds) * len(widths))
            clean, noisy = (
                RandomFeatures(
                    share, widths, strengths, *(found[name][k].clone() for name in FIGURES)
                )
                for k, share in enumerate((0.0, noise))
            )
            yield Worlds(clean, noisy, progress)


def _figures(splits: Sequence[Split], first: Tensor, strengths: Sequence[float]) -> list[Tensor]:
    """Error rates [splits, strengths] on training, validation and test rows; the training loss.

    The splits have the same images, and labels of their own.
    """
    images = splits[0]
    y = torch.stack([split.train_y for split in splits])
    target = torch.nn.functional.one_hot(y, 10).double()

    def phi(x: Tensor) -> Tensor:
        """Centred pixels, so that about half of the features are on.

        Their lengths do not grow with the width.
        """
        return torch.relu((x - images.train_x.mean(0)) @ first) / first.shape[1] ** 0.5

    train = phi(images.train_x)
    wide = train.shape[1] > train.shape[0]
    s2, axes = torch.linalg.eigh(train @ train.T if wide else train.T @ train)
    pull = len(train) * torch.tensor(strengths, dtype=s2.dtype).unsqueeze(1)
    kept = torch.where(s2 > 1e-14 * s2.max(), 1 / (s2 + pull), 0.0)
    labels = axes.T @ (target if wide else train.T @ target)
    # (K + nλ)⁻¹y over rows, or (ΦᵀΦ + nλ)⁻¹Φᵀy over features: [rows, splits · strengths · 10]
    weights = axes @ torch.einsum("fd,sdk->dsfk", kept, labels).flatten(1)
    if wide:
        weights = train.T @ weights

    def say(features: Tensor) -> Tensor:
        """The ten outputs [splits, strengths, rows, 10]."""
        outputs = (features @ weights).unflatten(1, (len(splits), len(strengths), 10))
        return outputs.permute(1, 2, 0, 3)

    def error(outputs: Tensor, name: str) -> Tensor:
        truth = torch.stack([getattr(split, name) for split in splits]).unsqueeze(1)
        return (outputs.argmax(3) != truth).double().mean(2)

    fitted = say(train)
    return [
        error(fitted, "train_y"),
        error(say(phi(images.validation_x)), "validation_y"),
        error(say(phi(images.test_x)), "test_y"),
        # of one-hot labels the squares add up to 1 a row
        (fitted - target.unsqueeze(1)).square().sum(3).mean(2),
    ]

"""Test error beyond the point where a model fits every label: an exact law, and random features on
digits.

Both worlds fit by least squares with ridge λ, loss ‖Φw − y‖²/n + λ‖w‖²; λ = 0 is the minimum-norm
solution. One set of singular values s and directions of Φ serves all λ: each direction lets s²/(s²
+ nλ) of the least-squares fit through.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine.cache import remembered

# ---------------------------------------------------------------- a world whose risk is known exactly

ROWS, DRAWS = 30, 500
FEATURES = (
    2,
    5,
    10,
    14,
    18,
    21,
    24,
    26,
    28,
    29,
    30,
    31,
    32,
    34,
    36,
    40,
    45,
    50,
    60,
    80,
    120,
    200,
    300,
)


def minimum_norm(
    features: int, noise: float, l2: float = 0.0, rows: int = ROWS, draws: int = DRAWS
) -> Tensor:
    """Excess risks [draws] of regression on `features` isotropic Gaussian features, all of them in
    the truth, ‖β‖ = 1.

    One number per data set of `rows` rows: ‖ŵ − β‖², averaged exactly over labels y = xβ + noise.
    l2 = 0: minimum norm. Raises ValueError for less than one row or feature, less than two draws,
    negative noise or l2.
    """
    require("noise", noise)
    require("l2", l2)
    require("rows", rows, 1)
    require("features", features, 1)
    require("draws", draws, 2)
    s2, seen, unseen = _directions(features, rows, draws)
    s2, pull = s2.clamp(min=1e-30), rows * l2
    bias = unseen + (pull / (s2 + pull)).square().mul(seen).sum(
        1
    )  # of β: what no row shows, and what λ takes away
    return bias + noise**2 * (s2 / (s2 + pull).square()).sum(1)


@lru_cache(64)
def _directions(features: int, rows: int, draws: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of each data set: s² and the squared part of β [draws, min(rows, features)], and what is left
    of ‖β‖² [draws].
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
    """Exact standard error of the mean of `minimum_norm(features, noise)`, where |features − rows|
    ≥ 4; else infinite.

    The noise part is σ²·tr of an inverted Wishart matrix (its variance: von Rosen 1988), the unseen
    part of β a Beta.
    """
    k, m = min(rows, features), abs(rows - features)
    if m <= 3 and noise > 0:
        return float("inf")
    trace = noise**4 * 2 * k * (m + k - 1) / (m * (m - 1) ** 2 * (m - 3)) if noise > 0 else 0.0
    a, b = rows / 2, (features - rows) / 2
    unseen = a * b / ((a + b) ** 2 * (a + b + 1)) if b > 0 else 0.0
    return ((trace + unseen) / draws) ** 0.5


# ---------------------------------------------------------------- random ReLU features on digits

TRAIN_ROWS, SEEDS = 300, tuple(range(8))
STRENGTHS = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1)
WIDTHS = (10, 20, 40, 60, 100, 150, 200, 250, 300, 350, 450, 600, 1000, 3000)


@dataclass
class RandomFeatures:
    """Errors [widths, seeds, strengths] on training rows (noisy labels), validation (noisy) and
    test rows (clean).
    """

    noise: float
    widths: tuple[int, ...]
    strengths: tuple[float, ...]
    train_error: Tensor
    validation_error: Tensor
    test_error: Tensor
    progress: float = 1.0

    def tuned(self) -> Tensor:
        """Test error [widths, seeds] of the λ with the lowest validation error (of equals the
        largest).
        """
        error = self.validation_error.flip(2)
        best = len(self.strengths) - 1 - error.nan_to_num(torch.inf).argmin(2, keepdim=True)
        return self.test_error.gather(2, best).squeeze(2)

    def widest_and_best_below(self, rows: int) -> tuple[Tensor, Tensor]:
        """Test errors [seeds] at λ = 0: of the last width, and of the one below `rows` with the
        lowest mean.
        """
        plain = self.test_error[:, :, self.strengths.index(0.0)]
        narrow = plain[[k for k, width in enumerate(self.widths) if width < rows]]
        return plain[-1], narrow[narrow.mean(1).argmin()]


@remembered
def random_features(
    noise: float,
    widths: tuple[int, ...] = WIDTHS,
    seeds: tuple[int, ...] = SEEDS,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Iterator[RandomFeatures]:
    """A frozen random first layer, ReLU, and a last layer fitted to one-hot labels by ridge;
    `TRAIN_ROWS` digits.

    Yields after every width of every seed.
    """
    require("noise", noise, high=1.0, open_high=False)
    shape = len(widths), len(seeds), len(strengths)
    found = RandomFeatures(
        noise, widths, strengths, *(torch.full(shape, torch.nan) for _ in range(3)), 0.0
    )
    for s, seed in enumerate(seeds):
        split = digits(TRAIN_ROWS, 200, noise, "unit", seed, torch.float64)
        generator = seeded(seed, "random features")
        first = torch.randn(64, max(widths), generator=generator, dtype=torch.float64)
        for w, width in enumerate(widths):
            errors = _errors(split, first[:, :width], strengths)
            for kept, value in zip(
                (found.train_error, found.validation_error, found.test_error), errors
            ):
                kept[w, s] = value
            yield _copy(found, (s * len(widths) + w + 1) / (len(seeds) * len(widths)))


def _errors(split: Split, first: Tensor, strengths: Sequence[float]) -> list[Tensor]:
    """Error rates [strengths] on training, validation and test rows."""
    target = torch.nn.functional.one_hot(split.train_y, 10).double()

    def phi(
        x,
    ):  # centred pixels, so that about half of the features are on; lengths that do not grow with the width
        return torch.relu((x - split.train_x.mean(0)) @ first) / first.shape[1] ** 0.5

    train = phi(split.train_x)
    wide = train.shape[1] > train.shape[0]
    s2, axes = torch.linalg.eigh(train @ train.T if wide else train.T @ train)
    keep, labels = s2 > 1e-14 * s2.max(), axes.T @ (target if wide else train.T @ target)

    def solve(l2):  # (K + nλ)⁻¹y over rows, or (ΦᵀΦ + nλ)⁻¹Φᵀy over features
        return axes @ (torch.where(keep, 1 / (s2 + len(train) * l2), 0.0).unsqueeze(1) * labels)

    weights = torch.stack([solve(l2) for l2 in strengths])
    parts = (
        (split.train_x, split.train_y),
        (split.validation_x, split.validation_y),
        (split.test_x, split.test_y),
    )
    return [
        ((_reach(phi(x), train, wide) @ weights).argmax(2) != y).double().mean(1) for x, y in parts
    ]


def _reach(features: Tensor, train: Tensor, wide: bool) -> Tensor:
    return features @ train.T if wide else features


def _copy(found: RandomFeatures, progress: float) -> RandomFeatures:
    names = ("train_error", "validation_error", "test_error")
    return replace(
        found, progress=progress, **{name: getattr(found, name).clone() for name in names}
    )

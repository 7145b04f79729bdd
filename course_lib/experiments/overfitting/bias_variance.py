"""One recipe, two hundred training sets: what the fits have in common, and how they scatter.

Every training set is a noisy sine: one x drawn evenly from each n-th of [−1, 1], so that none
leaves a hole, and y = sin(πx) + noise. All models are judged on one fixed grid, evenly over x as
validation rows are.
Two recipes: polynomials, solved exactly by least squares, and small networks, trained by the
ensemble engine in one call a width, each on its own training set.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.snapshot import snapshot
from course_lib.overfitting import bias_variance

SETS, VALIDATION_ROWS = 200, 50
POINTS = 201
# Midpoints: a mean over them is one over x.
GRID = -1 + (2 * torch.arange(POINTS, dtype=torch.float64) + 1) / POINTS
TRUTH = torch.sin(math.pi * GRID)
DEGREES = tuple(range(13))
WIDTHS, STEPS = (1, 2, 4, 8, 16, 32), 1000


@dataclass
class Fits:
    """What models of every complexity make of every training set.

    predictions [complexities, sets, points] on GRID; train_error, validation_error [complexities,
    sets]: mean squared, against noisy labels. x, y [rows]: training set number 0. NaN: not there
    yet, or diverged.
    """

    complexities: tuple[int, ...]
    predictions: Tensor
    train_error: Tensor
    validation_error: Tensor
    x: Tensor
    y: Tensor
    noise: float
    progress: float = 1.0

    def parts(self, index: int) -> tuple[Tensor, Tensor]:
        """Bias² and variance [points] of complexity number `index`, over the sets there are."""
        there = self.predictions[index].isfinite().all(1)
        return bias_variance(self.predictions[index][there], TRUTH)

    def spread(self, index: int, inside: float = 1.0) -> Tensor:
        """Each fit's mean squared distance from the mean fit, over |x| < `inside`, [sets].

        Their mean is the variance there.
        """
        fits = self.predictions[index][:, GRID.abs() < inside]
        return (fits - fits.mean(0)).square().mean(1)

    def gap(self, index: int) -> Tensor:
        """Each fit's generalization gap for new labels at its own points, [sets].

        Between the points of GRID a fit is taken as linear.
        """
        splits = [
            training_set(s, len(self.x), self.noise) for s in range(self.train_error.shape[1])
        ]
        x, clean, y = (
            torch.stack([getattr(split, name).squeeze(1) for split in splits])
            for name in ("train_x", "clean_train_y", "train_y")
        )
        place = (x + 1) * POINTS / 2 - 0.5
        left = place.floor().clamp(0, POINTS - 2).long()
        fits = self.predictions[index]
        said = fits.gather(1, left).lerp(fits.gather(1, left + 1), place - left)
        new = (said - clean).square().mean(1) + self.noise**2
        return new - (said - y).square().mean(1)

    def over_sets(self, index: int) -> Tensor:
        """Each model's mean squared distance from the truth, [sets]: without the noise."""
        return (self.predictions[index] - TRUTH).square().mean(1)


@lru_cache(4096)
def training_set(seed: int, rows: int, noise: float) -> Split:
    """Training and validation rows of `seed`, in float64.

    The test set is the fixed grid with the sine itself. Raises ValueError for less than one row and
    for negative noise.
    """
    require("rows", rows, 1)
    require("noise", noise)
    with torch.inference_mode(False):  # kept, and perhaps first asked for inside the engine
        x, clean, y = _sine(rows, noise, seeded(seed, "training set"))
        validation_x, _, validation_y = _sine(
            VALIDATION_ROWS, noise, seeded(seed, "validation set")
        )
    return Split(x, y, validation_x, validation_y, GRID.unsqueeze(1), TRUTH.unsqueeze(1), clean)


def _sine(rows: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    jitter, error = (
        draw(rows, 1, generator=generator, dtype=torch.float64)
        for draw in (torch.rand, torch.randn)
    )
    x = -1 + 2 * (torch.arange(rows).unsqueeze(1) + jitter) / rows
    clean = torch.sin(math.pi * x)
    return x, clean, clean + noise * error


def polynomials(
    rows: int, noise: float, degrees: Sequence[int] = DEGREES, sets: int = SETS
) -> Fits:
    """Least-squares polynomials of each degree on `sets` training sets: solved, not trained.

    Raises ValueError for a degree that `rows` points do not determine, less than one row or two
    sets, negative noise.
    """
    require("sets", sets, 2)
    splits = [training_set(seed, rows, noise) for seed in range(sets)]
    x, y, validation_x, validation_y = (
        torch.stack([getattr(split, name).squeeze(1) for split in splits])
        for name in ("train_x", "train_y", "validation_x", "validation_y")
    )
    fits = [
        fit_polynomial(x, y, degree, (GRID.expand(sets, -1), x, validation_x)) for degree in degrees
    ]
    predictions, seen, unseen = (torch.stack(column) for column in zip(*fits))
    errors = (seen - y).square().mean(2), (unseen - validation_y).square().mean(2)
    return Fits(tuple(degrees), predictions, *errors, x[0], y[0], noise)


def fit_polynomial(x: Tensor, y: Tensor, degree: int, at: Sequence[Tensor]) -> list[Tensor]:
    """Values [sets, points] at each of `at` of the least-squares polynomials through x, y.

    x, y [sets, rows]; at: tensors [sets, points]. Legendre polynomials as features: the same fit as
    with powers of x, and far better conditioned. Raises ValueError for no rows, values that are not
    finite (saying where) and a degree above rows − 1.
    """
    if x.shape != y.shape or x.dim() != 2 or x.shape[1] == 0:
        raise ValueError(
            f"x {list(x.shape)}, y {list(y.shape)}: must be [sets, rows ≥ 1], both alike"
        )
    for name, values in (("x", x), ("y", y)):
        bad = (~values.isfinite()).nonzero()
        if len(bad):
            raise ValueError(
                f"{name} = {values[tuple(bad[0])]} at row {bad[0, 1]}: every value must be finite"
            )
    if require("degree", degree, 0) > x.shape[1] - 1:
        raise ValueError(
            f"degree = {degree}: must be at most {x.shape[1] - 1} with {x.shape[1]} training points"
        )
    weights = torch.linalg.lstsq(legendre(x, degree), y.unsqueeze(2)).solution
    return [(legendre(points, degree) @ weights).squeeze(2) for points in at]


def legendre(x: Tensor, degree: int) -> Tensor:
    """P₀ … P_degree at x [sets, points] → [sets, points, degree + 1].

    By the recursion (k + 1)P₊ = (2k + 1)xP − kP₋.
    """
    columns = [torch.ones_like(x), x]
    for k in range(1, degree):
        columns.append(((2 * k + 1) * x * columns[-1] - k * columns[-2]) / (k + 1))
    return torch.stack(columns[: degree + 1], 2)


@remembered
def networks(
    rows: int, noise: float, widths: tuple[int, ...] = WIDTHS, sets: int = SETS, steps: int = STEPS
) -> Iterator[Fits]:
    """ReLU networks 1-width-1, trained by AdamW (λ = 0) on the same training sets.

    Each step sees the full batch. One call of the engine per width trains all `sets` of them, each
    on its own data. Yields after every width. Raises ValueError for less than two sets.
    """
    require("sets", sets, 2)
    first = training_set(0, rows, noise)
    fits = Fits(
        complexities=tuple(widths),
        predictions=torch.full((len(widths), sets, POINTS), torch.nan, dtype=torch.float64),
        train_error=torch.full((len(widths), sets), torch.nan, dtype=torch.float64),
        validation_error=torch.full((len(widths), sets), torch.nan, dtype=torch.float64),
        x=first.train_x[:, 0],
        y=first.train_y[:, 0],
        noise=noise,
        progress=0.0,
    )
    for w, width in enumerate(widths):
        for training in train(
            ModelSpec((1, width, 1), "regression"),
            lambda seed: training_set(seed, rows, noise),
            {"lr": 0.02, "weight_decay": 0.0},
            range(sets),
            steps=steps,
            batch_size=rows,
            dtype=torch.float32,
        ):
            yield snapshot(fits, (w + 0.9 * training.progress) / len(widths))
        for seed in range(sets):
            split = training_set(seed, rows, noise)
            network = [p[0].double() for p in training.parameters[seed]]
            fits.predictions[w, seed] = forward(network, split.test_x).squeeze(1)
            for error, x, y in (
                (fits.train_error, split.train_x, split.train_y),
                (fits.validation_error, split.validation_x, split.validation_y),
            ):
                error[w, seed] = (forward(network, x) - y).square().mean()
        yield snapshot(fits, (w + 1) / len(widths))

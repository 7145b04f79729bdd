"""MNIST-1D: ten shapes of 12 numbers, each to be recognised wherever it stands in a line of 40.

The generator follows the package `mnist1d` 0.0.2.post1 (Greydanus and others, Apache License 2.0),
whose templates and constants these are, step by step and for all rows at once. Differences: numbers
come from a generator of the seed instead of numpy's global one, which threads would share; features
are standardised on the training rows instead of all; classes are drawn evenly instead of in equal
numbers. Given the same random numbers, a line differs by 2e-8 at most: the package adds 1e-8 to a
shape to tell it from zeros.
Source: Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024, arXiv 2011.14439.
"""

import torch
from torch import Tensor

from course_lib.base.arguments import require_probability, require_whole
from course_lib.base.random import seeded
from course_lib.data.split import Split
from course_lib.data.toys import replace_labels

LENGTH = 40
TEMPLATES = (  # a digit each, as one draws it from top to bottom
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
PADDING = (36, 60)  # zeros behind the shape: the fewer, the wider it is stretched
CANVAS = 12 + PADDING[1]  # points before the line is thinned out to LENGTH
SCALE, TRANSLATION = 0.4, 48
CORRELATED, INDEPENDENT, SHEAR = 0.25, 0.02, 0.75  # standard deviations of noise; the slope


def mnist1d(
    seed: int = 0,
    rows: int = 1000,
    noise: float = 0.0,
    validation_rows: int = 500,
    test_rows: int = 2000,
    *,
    clean_validation: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Split:
    """Freshly drawn lines x [rows, 40], y [rows] class numbers 0 … 9.

    The seed decides on all: no two seeds, and no two parts, have a row in common.
    noise: share of the training rows (exactly, to rounding) whose label is replaced by another
    class, drawn evenly; the validation rows too, unless `clean_validation`. Test labels are always
    right. x has mean 0 and standard deviation 1 over all points of the training rows.
    Raises ValueError for less than one training or test row, noise outside [0, 1].
    """
    require_whole("rows", rows, 1)
    require_whole("validation_rows", validation_rows)
    require_whole("test_rows", test_rows, 1)
    require_probability("noise", noise)
    parts = {"train": rows, "validation": validation_rows, "test": test_rows}
    (train_x, train_y), (validation_x, validation_y), (test_x, test_y) = (
        draw_lines(count, seeded(seed, f"MNIST-1D {part}")) for part, count in parts.items()
    )
    mean, std = train_x.mean(), train_x.std(correction=0)
    wrong = seeded(seed, "MNIST-1D labels")
    return Split(
        (train_x - mean) / std,
        replace_labels(train_y, noise, wrong),
        (validation_x - mean) / std,
        replace_labels(validation_y, 0.0 if clean_validation else noise, wrong),
        (test_x - mean) / std,
        test_y,
        clean_train_y=train_y,
    ).to(dtype, "cpu")


def draw_lines(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`count` lines x [count, 40] float64, not yet standardised, and their classes y [count]."""
    from scipy.ndimage import gaussian_filter1d  # a third of torch's own time to load

    u = torch.rand(count, 5, generator=generator, dtype=torch.float64)
    wide = torch.randn(count, 2, CANVAS, generator=generator, dtype=torch.float64)
    y = (10 * u[:, 0]).long()
    low, high = PADDING
    padding = low + (u[:, 1] * (high - low + 1)).floor()
    x, inside = stretched(y, padding)
    x = x * (1 + SCALE * (u[:, 2:3] - 0.5))
    # turned round by k of the CANVAS points
    place = torch.arange(CANVAS) - (TRANSLATION * u[:, 3:4]).long()
    x, inside = (line.gather(1, place % CANVAS) for line in (x, inside))
    smooth = torch.from_numpy(gaussian_filter1d((CORRELATED * wide[:, 0]).numpy(), 2, axis=1))
    x = torch.where(inside, x, smooth) + INDEPENDENT * wide[:, 1]
    slope = SHEAR * (u[:, 4:5] - 0.5)
    x = x - slope * torch.linspace(-0.5, 0.5, CANVAS, dtype=torch.float64)
    thinned = torch.linspace(0, CANVAS - 1, LENGTH, dtype=torch.float64)
    return interpolated(x, thinned.expand(count, -1)), y


def stretched(y: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
    """Shapes and so many zeros behind them [rows], on CANVAS points; and where the shape is."""
    shapes = torch.tensor(TEMPLATES, dtype=torch.float64)
    shapes = (shapes - shapes.mean(1, keepdim=True)) / shapes.std(1, correction=0, keepdim=True)
    shapes = (shapes - shapes[:, :1]) / 6  # begins and ends at 0
    at = torch.linspace(0, 1, CANVAS, dtype=torch.float64) * (11 + padding).unsqueeze(1)
    padded = torch.nn.functional.pad(shapes[y], (0, PADDING[1]))
    return interpolated(padded, at), at < 12


def interpolated(x: Tensor, at: Tensor) -> Tensor:
    """Read x [rows, points] at the places `at` [rows, places], on straight lines in between."""
    left = at.floor().long().clamp(0, x.shape[1] - 2)
    a, b = x.gather(1, left), x.gather(1, left + 1)
    return a + (at - left) * (b - a)

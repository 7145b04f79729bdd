"""Data sets small enough to train on live: handwritten digits, a noisy sine, a least-squares bowl.

All return a `Split`; the seed alone decides which rows land where, which labels are wrong, and the
noise.
"""

import math
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.base.arguments import require, require_choice, require_probability, require_whole
from course_lib.base.random import seeded
from course_lib.data import loaded
from course_lib.data.split import Split, standardised


def digits(
    train_rows: int = 1000,
    validation_rows: int = 200,
    label_noise: float = 0.0,
    scale: str = "standard",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    *,
    clean_validation: bool = False,
) -> Split:
    """scikit-learn's 1797 handwritten digits: x [rows, 64] pixels, y [rows] class numbers 0 … 9.

    The rows not asked for are the test set. Stratified: in each part every class has its share to
    within a row or two. For one seed, the training rows of a smaller set are among those of a
    larger one.
    `label_noise`: share of the training rows (exactly, to rounding) whose label is replaced by
    another class, drawn evenly; the validation rows too, unless `clean_validation`. Test labels are
    always right.
    `scale`: "standard", mean 0 and standard deviation 1 per pixel over the training rows, pixels
    constant there become 0; or "unit", divided by 16, so that pixels lie in [0, 1].
    Raises ValueError for sizes that leave no test row, noise outside [0, 1], an unknown scale.
    """
    pixels, labels = _load_digits()
    _require_rows(train_rows, validation_rows, len(labels))
    require_probability("label_noise", label_noise)
    require_choice("scale", scale, ("standard", "unit"))
    generator = seeded(seed)
    order = _stratified_order(labels, generator)
    train, validation, test = order.tensor_split((train_rows, train_rows + validation_rows))
    train_y = replace_labels(labels[train], label_noise, generator)
    noise = 0.0 if clean_validation else label_noise
    validation_y = replace_labels(labels[validation], noise, generator)
    x = standardised(pixels, train) if scale == "standard" else pixels / 16
    split = Split.of_rows(x, labels, train, validation, test)
    return replace(split, train_y=train_y, validation_y=validation_y).to(dtype, device)


@lru_cache
def _load_digits() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    found = torch.from_numpy(pixels), torch.from_numpy(labels).long()
    loaded.note("digits", *found)
    return found


def _require_rows(train_rows: int, validation_rows: int, available: int) -> None:
    require_whole("train_rows", train_rows, 1, available - 1)
    require_whole("validation_rows", validation_rows, 0, available - 1)
    if train_rows + validation_rows >= available:
        raise ValueError(
            f"train_rows + validation_rows = {train_rows + validation_rows}: "
            f"must be less than {available}, so that test rows remain"
        )


def _stratified_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Row numbers in a random order of which every stretch holds each class in proportion."""
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        rows = (labels == label).nonzero().squeeze(1)
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        jitter = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        # one row of the class in each n-th of [0, 1)
        place[shuffled] = (torch.arange(len(rows)) + jitter) / len(rows)
    return place.argsort()


def replace_labels(
    labels: Tensor, share: float, generator: torch.Generator, classes: int = 10
) -> Tensor:
    """Labels [rows] of which a `share` (to rounding) is replaced by another class, drawn evenly."""
    chosen = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    # 1 … 9: never the label itself
    shift = torch.randint(1, classes, (len(chosen),), generator=generator)
    noisy = labels.clone()
    noisy[chosen] = (labels[chosen] + shift) % classes
    return noisy


def noisy_sine(
    train_rows: int = 30,
    validation_rows: int = 30,
    test_rows: int = 200,
    noise: float = 0.3,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Split:
    """One feature x, even on [−1, 1), and sin(πx) with noise of standard deviation `noise`.

    The noise is Gaussian. Training and validation targets are noisy, test targets are the sine
    itself (add noise² to a mean squared test error to have what noisy test targets would give). All
    x and y are [rows, 1]. Raises ValueError for less than one training or test row, and for
    negative noise.
    """
    require_whole("train_rows", train_rows, 1)
    require_whole("validation_rows", validation_rows)
    require_whole("test_rows", test_rows, 1)
    require("noise", noise)
    generator = seeded(seed)
    parts = []
    for rows in (train_rows, validation_rows, test_rows):
        x = 2 * torch.rand(rows, 1, generator=generator, dtype=torch.float64) - 1
        parts += [x, torch.sin(math.pi * x)]
    train_x, clean, validation_x, clean_validation, test_x, test_y = parts
    train_y = _noisy(clean, noise, generator)
    validation_y = _noisy(clean_validation, noise, generator)
    return Split(train_x, train_y, validation_x, validation_y, test_x, test_y, clean).to(
        dtype, device
    )


def _noisy(clean: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    return clean + noise * torch.randn(clean.shape, generator=generator, dtype=torch.float64)


def quadratic(
    spectrum: tuple[float, ...] = (1.0, 10.0),
    rows: int = 64,
    noise: float = 0.0,
    solution: tuple[float, ...] | None = None,
    rotate: bool = True,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Split:
    """Least squares whose loss is a bowl with the given curvatures: y = x·solution + noise.

    x [rows, curvatures], y [rows, 1]. The Hessian of the mean squared error (torch's `mse_loss`)
    over the training rows, 2XᵀX/n, has exactly the eigenvalues `spectrum`; its axes are the
    coordinates, or turned at random if `rotate`. Features have mean zero, so that a bias has
    curvature 2 of its own and does not interfere. `solution`: the weights, all 1 unless given.
    Validation and test sets are fresh draws of the same kind, test targets without noise. Raises
    ValueError for a negative or missing curvature, and unless rows > number of curvatures.
    """
    if not spectrum:
        raise ValueError("spectrum = (): must hold at least one curvature")
    for curvature in spectrum:
        require("spectrum", curvature)
    require("noise", noise)
    d = len(spectrum)
    require_whole("rows", rows, d + 1)
    weights = torch.tensor(solution or [1.0] * d, dtype=torch.float64)
    if weights.shape != (d,):
        raise ValueError(f"solution = {solution}: must hold {d} numbers, one per curvature")
    generator = seeded(seed)
    axes = _orthonormal(d, d, generator) if rotate else torch.eye(d).double()
    scale = (rows * torch.tensor(spectrum, dtype=torch.float64) / 2).sqrt()
    xs = [_centred(rows, d, generator) * scale @ axes.T for _ in range(3)]
    clean, clean_validation, test_y = (x @ weights.unsqueeze(1) for x in xs)
    train_y = _noisy(clean, noise, generator)
    validation_y = _noisy(clean_validation, noise, generator)
    return Split(xs[0], train_y, xs[1], validation_y, xs[2], test_y, clean).to(dtype, device)


def _orthonormal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(rows, columns, generator=generator, dtype=torch.float64)).Q


def _centred(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Orthonormal columns [rows, columns], each with mean zero."""
    draws = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(draws - draws.mean(0)).Q

"""MNIST-1D: each line is what the paper's recipe makes of its numbers; parts, labels, refusals."""

import importlib

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from course_lib.data import mnist1d

lines = importlib.import_module("course_lib.data.mnist1d")
PARTS = ("train", "validation", "test")


def by_recipe(y, padding, scale, turned, noise, slope):
    """One line, as the paper says: pad, dilate, scale, translate, noise, shear, thin out."""
    shape = np.array(lines.TEMPLATES[y])
    shape = (shape - shape.mean()) / shape.std()
    x = np.concatenate([(shape - shape[0]) / 6 + 1e-8, np.zeros(padding)])
    x = np.interp(np.linspace(0, 1, 72), np.linspace(0, 1, len(x)), x)
    x = np.roll(x * scale, turned)
    x = np.where(x != 0, x, gaussian_filter(0.25 * noise[0], 2)) + 0.02 * noise[1]
    x = x - slope * np.linspace(-0.5, 0.5, 72)
    return np.interp(np.linspace(0, 1, 40), np.linspace(0, 1, 72), x)


def test_each_line_is_what_the_recipe_makes_of_its_numbers():
    x, y = lines.draw_lines(300, torch.Generator().manual_seed(5))
    again = torch.Generator().manual_seed(5)
    u = torch.rand(300, 5, generator=again, dtype=torch.float64).numpy()
    noise = torch.randn(300, 2, 72, generator=again, dtype=torch.float64).numpy()
    for i in range(300):
        label, padding, turned = int(10 * u[i, 0]), 36 + int(25 * u[i, 1]), int(48 * u[i, 3])
        scale, slope = 1 + 0.4 * (u[i, 2] - 0.5), 0.75 * (u[i, 4] - 0.5)
        expected = by_recipe(label, padding, scale, turned, noise[i], slope)
        assert y[i] == label and np.abs(x[i].numpy() - expected).max() < 2e-8


def test_straight_lines_between_points():
    x = torch.tensor([[0.0, 2.0, 1.0], [1.0, 1.0, 5.0]])
    at = torch.tensor([[0.0, 0.5, 2.0], [1.25, 1.5, 0.3]])
    expected = torch.tensor([[0.0, 1.0, 1.0], [2.0, 3.0, 1.0]])
    assert torch.allclose(lines.interpolated(x, at), expected)


def test_parts_share_no_row_and_every_seed_has_its_own():
    seen = []
    for seed in (0, 1):
        split = mnist1d(seed, 300, validation_rows=100, test_rows=200)
        split.check()
        for part, rows in zip(PARTS, (300, 100, 200)):
            x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
            assert x.shape == (rows, 40) and x.dtype == torch.float32
            assert y.dtype == torch.int64 and set(y.tolist()) == set(range(10))
            # back to what was drawn: the scale differs from seed to seed
            seen += [
                tuple(line) for line in ((x - x[:, :1]) / (x[:, 1:2] - x[:, :1]))[:, 2:5].tolist()
            ]
        assert abs(split.train_x.mean()) < 1e-5 and split.train_x.std().item() == pytest.approx(
            1, abs=1e-3
        )
    assert len(set(seen)) == len(seen) == 1200


def test_the_seed_decides_and_nothing_else():
    once = mnist1d(3, 50)
    torch.rand(5)
    np.random.rand(5)
    again = mnist1d(3, 50)
    for part in PARTS:
        assert torch.equal(getattr(once, f"{part}_x"), getattr(again, f"{part}_x"))
    # more training rows leave the test as it is, but for the scale
    more = mnist1d(3, 80)
    assert torch.equal(more.test_y, once.test_y)
    ratio = (more.test_x - more.test_x.mean()) / (once.test_x - once.test_x.mean())
    assert ratio.std() / ratio.mean() < 1e-2


def test_labels_are_wrong_where_they_are_to_be():
    plain = mnist1d(2, 500, validation_rows=100)
    for clean in (False, True):
        noisy = mnist1d(2, 500, 0.2, validation_rows=100, clean_validation=clean)
        assert torch.equal(noisy.clean_train_y, plain.train_y)
        assert int((noisy.train_y != plain.train_y).sum()) == 100
        assert int((noisy.validation_y != plain.validation_y).sum()) == (0 if clean else 20)
        assert torch.equal(noisy.test_y, plain.test_y)
        assert torch.equal(noisy.train_x, plain.train_x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, r"rows = 0.*\[1, ∞\)"),
        ({"validation_rows": -1}, "validation_rows = -1"),
        ({"test_rows": 0}, "test_rows = 0"),
        ({"noise": 1.5}, r"noise = 1.5.*\[0, 1\]"),
    ],
)
def test_refusals_name_argument_and_value(options, message):
    with pytest.raises(ValueError, match=message):
        mnist1d(**options)

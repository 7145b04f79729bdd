"""Shifted digits."""

import pytest
import torch

from course_lib.data import digits
from course_lib.experiments.overfitting import augmentation as lab


def test_a_shift_moves_pixels_and_leaves_blanks():
    image = torch.arange(64.0).reshape(1, 64)
    down, left = (lab.shift(image, *by).reshape(8, 8) for by in ((1, 0), (0, -1)))
    square = image.reshape(8, 8)
    assert torch.equal(down[1:], square[:-1]) and not down[0].any()
    assert torch.equal(left[:, :-1], square[:, 1:]) and not left[:, -1].any()
    assert torch.equal(lab.shift(image, 0, 0), image) and image[0, 63] == 63
    corner = lab.shift(image, 1, 1).reshape(8, 8)
    assert torch.equal(corner[1:, 1:], square[:-1, :-1])
    with pytest.raises(ValueError, match="down = 8"):
        lab.shift(image, 8, 0)


def test_an_augmented_split_holds_every_image_in_every_direction():
    split = digits(20, 10, scale="unit")
    more = lab.augmented(split, 3)
    assert len(more.train_x) == 20 * 11 and torch.equal(more.train_y, split.train_y.repeat(11))
    assert torch.equal(more.train_x[:60], split.train_x.repeat(3, 1))
    blocks = more.train_x[60:].reshape(8, 20, 64)
    assert all(
        torch.equal(b, lab.shift(split.train_x, *way))
        for b, way in zip(blocks, lab.DIRECTIONS, strict=True)
    )
    assert torch.equal(more.test_x, split.test_x) and lab.augmented(split, None) is split


def test_each_image_gets_a_direction_of_its_own():
    images = digits(50, 10, scale="unit").train_x
    moved = lab.shift_each(images, torch.Generator().manual_seed(0))
    ways = [
        next(way for way in lab.DIRECTIONS if torch.equal(lab.shift(image, *way)[0], found))
        for image, found in zip(images[:, None], moved)
    ]
    assert len(set(ways)) > 4


def test_the_arms_fill_in_and_shifted_images_are_harder():
    *partial, found = lab.compare(seeds=(0, 1), steps=60)
    assert (
        list(found.test_accuracy) == list(found.shifted_accuracy) == list(lab.ARMS)
        and found.progress == 1
    )
    assert partial[0].progress < 1
    assert (found.test_accuracy["300"] > found.shifted_accuracy["300"] + 0.1).all()

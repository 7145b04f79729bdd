"""Addition modulo a prime: every question once, answered rightly, and what is refused."""

import pytest
import torch

from course_lib.data import modular_addition

PARTS = ("train", "validation", "test")


@pytest.mark.parametrize(("p", "share"), [(31, 0.6), (23, 0.5), (5, 0.3)])
def test_every_question_is_in_one_part_and_answered_rightly(p, share):
    split, seen = modular_addition(3, p, share), []
    split.check()
    for part in PARTS:
        x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
        assert x.dtype == y.dtype == torch.int64 and x.shape == (len(y), 3)
        assert (x[:, 2] == p).all() and torch.equal((x[:, 0] + x[:, 1]) % p, y)
        seen += x.tolist()
    assert sorted(seen) == [[a, b, p] for a in range(p) for b in range(p)]
    assert len(split.train_x) == round(share * p * p)
    assert abs(len(split.validation_x) - (p * p - len(split.train_x)) / 5) <= 0.5
    assert torch.equal(split.clean_train_y, split.train_y)


def test_the_seed_decides_and_nothing_else():
    once = modular_addition(3)
    torch.rand(5)
    assert torch.equal(once.train_x, modular_addition(3).train_x)
    assert not torch.equal(once.train_x, modular_addition(4).train_x)


def test_a_smaller_share_is_a_part_of_a_larger_one():
    small, large = (modular_addition(0, 31, share).train_x for share in (0.3, 0.6))
    assert torch.equal(small, large[: len(small)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 3}, r"p = 3.*\[5, ∞\)"),
        ({"p": 25}, "p = 25: must be a prime number, and 5 divides it"),
        ({"p": 7.5}, "p = 7.5"),
        ({"share": 0.0}, r"share = 0.0.*\(0, 1\)"),
        ({"share": 1.0}, r"share = 1.0.*\(0, 1\)"),
        ({"p": 5, "share": 0.97}, "share = 0.97: leaves no row"),
        ({"p": 5, "share": 0.01}, "share = 0.01: leaves no row"),
    ],
)
def test_refusals_name_argument_and_value(options, message):
    with pytest.raises(ValueError, match=message):
        modular_addition(**options)

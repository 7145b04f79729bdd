"""The weights that L1 keeps, trained again."""

import torch

from course_lib.experiments.l1_l2 import refit
from course_lib.experiments.l1_l2.shrinking import digits_to_shrink


def test_with_every_weight_kept_both_arms_are_the_same():
    split = digits_to_shrink(0)
    start = refit.one_network(0, 1, lr=0.0)
    every = [torch.ones_like(p) for p in start]
    everything, kept, bare = refit.again(split, start, every, 0, steps=30)
    assert everything == kept and 0 < bare < 1


def test_with_no_weight_kept_nothing_is_learned():
    split = digits_to_shrink(0)
    start = refit.one_network(0, 1, lr=0.0)
    none = [torch.ones_like(p) if p.dim() == 1 else torch.zeros_like(p) for p in start]
    everything, kept, bare = refit.again(split, start, none, 0, steps=200)
    assert everything < 0.5 < kept and bare > 0.5


def test_it_grows_seed_by_seed():
    *_, found = refit.compute_refit((0, 1))
    assert found.l1.shape == found.kept.shape == (2,) and found.arms.shape == (2, len(refit.ARMS))
    assert ((found.kept > 0) & (found.kept < 1)).all()


def test_of_equal_errors_the_strongest_penalty_is_taken():
    assert refit.last_of_lowest(torch.tensor([3.0, 1.0, 2.0, 1.0, 4.0])) == 3


def test_what_was_trained_once_is_not_trained_again():
    assert refit.one_network(0, 3, l1=1e-3) is refit.one_network(0, 3, l1=1e-3)
    assert refit.one_network(0, 3, l1=1e-3) is not refit.one_network(0, 3, l2=1e-3)

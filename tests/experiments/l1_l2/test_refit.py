"""The weights that L1 keeps, trained again."""

from itertools import islice

import torch
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.experiments.l1_l2 import refit
from course_lib.experiments.l1_l2.shrinking import digits_to_shrink
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.l1_l2 import ProximalSGD


def test_with_every_weight_kept_both_arms_are_the_same():
    split = digits_to_shrink(0)
    start = refit.one_network(0, 1, lr=0.0)
    every = [torch.ones_like(p) for p in start]
    all_l2, kept_l2, all_l1, kept_l1, bare = refit.again(split, start, every, 0, steps=30)
    assert all_l2 == kept_l2 and all_l1 == kept_l1 and 0 < bare < 1


def test_with_no_weight_kept_nothing_is_learned():
    split = digits_to_shrink(0)
    start = refit.one_network(0, 1, lr=0.0)
    none = [torch.ones_like(p) if p.dim() == 1 else torch.zeros_like(p) for p in start]
    all_l2, kept_l2, all_l1, kept_l1, bare = refit.again(split, start, none, 0, steps=200)
    assert max(all_l2, all_l1) < 0.5 < min(kept_l2, kept_l1, bare)


def test_l1_here_is_the_engines_proximal_l1():
    # on the batches that are drawn here: the same start, the same λ, step by step
    split, start = digits_to_shrink(0), refit.one_network(0, 1, lr=0.0)
    rows = list(islice(batches(300, refit.ROWS, generator=seeded(0, "refit")), 20))
    weights = [p.clone().requires_grad_() for p in start]
    decayed = [{"params": weights[::2], "l1": 1e-2}, {"params": weights[1::2]}]
    optimizer = ProximalSGD(decayed, lr=refit.RATE)
    for batch in rows:
        optimizer.zero_grad()
        cross_entropy(forward(weights, split.train_x[batch]), split.train_y[batch]).backward()
        optimizer.step()
    expected = [
        (forward(weights, x).argmax(1) != y).float().mean()
        for x, y in ((split.validation_x, split.validation_y), (split.test_x, split.test_y))
    ]
    every = [torch.ones_like(p)[None] for p in start]
    found = refit.retrained(split, start, every, torch.zeros(1), 0, 20, torch.tensor([1e-2]))
    assert [error.item() for error in found] == [error.item() for error in expected]


def test_it_grows_seed_by_seed():
    *_, found = refit.compute_refit((0, 1))
    assert found.l1.shape == found.kept.shape == (2,) and found.arms.shape == (2, len(refit.ARMS))
    assert ((found.kept > 0) & (found.kept < 1)).all()


def test_of_equal_errors_the_strongest_penalty_is_taken():
    assert refit.last_of_lowest(torch.tensor([3.0, 1.0, 2.0, 1.0, 4.0])) == 3


def test_what_was_trained_once_is_not_trained_again():
    assert refit.one_network(0, 3, l1=1e-3) is refit.one_network(0, 3, l1=1e-3)
    assert refit.one_network(0, 3, l1=1e-3) is not refit.one_network(0, 3, l2=1e-3)

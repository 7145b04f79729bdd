"""The weights that L1 keeps, trained again."""

from itertools import islice

import pytest
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
    arms, _ = refit.again(split, start, [torch.ones_like(p) for p in start], 0, steps=30)
    assert arms[0:6:2].equal(arms[1:6:2]) and arms.min() > 0 and arms.max() < 1


def test_with_no_weight_kept_nothing_is_learned():
    split = digits_to_shrink(0)
    start = refit.one_network(0, 1, lr=0.0)
    none = [torch.ones_like(p) if p.dim() == 1 else torch.zeros_like(p) for p in start]
    arms, _ = refit.again(split, start, none, 0, steps=200)
    assert arms[[0, 2, 4]].max() < 0.5 < min(arms[1:6:2].min(), arms[6])


def test_what_l1_empties_again_stays_zero_under_l2():
    split, start = digits_to_shrink(0), refit.one_network(0, 1, lr=0.0)
    mask = refit.not_zero(refit.one_network(0, 100, l1=1e-3))
    assert 0 < refit.share(mask) < 1
    left = refit.not_zero([p[0] for p in refit.retrained(split, start, [mask], 0, 60, l1=[3e-3])])
    assert all((few <= some).all() for few, some in zip(left, mask))
    assert refit.share(left) < refit.share(mask)
    twice = [p[0] for p in refit.retrained(split, start, [left], 0, 60, l2=[0.0])]
    assert all((part[few == 0] == 0).all() for part, few in zip(twice, left))


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_each_network_is_trained_as_by_torch_or_our_optimizer(penalty):
    # on the batches that are drawn here: the same start, the same λ, step by step
    split, start = digits_to_shrink(0), refit.one_network(0, 1, lr=0.0)
    mask = [(torch.rand(p.shape, generator=seeded(1)) < 0.5).float() for p in start]
    rows = list(islice(batches(300, refit.ROWS, generator=seeded(0, "refit")), 20))
    weights = [(p * m).requires_grad_() for p, m in zip(start, mask)]
    decayed = [{"params": weights[::2], penalty: 1e-2}, {"params": weights[1::2]}]
    if penalty == "l2":
        decayed[0] = {"params": weights[::2], "weight_decay": 1e-2}
    optimizer = (ProximalSGD if penalty == "l1" else torch.optim.SGD)(decayed, lr=refit.RATE)
    for batch in rows:
        optimizer.zero_grad()
        cross_entropy(forward(weights, split.train_x[batch]), split.train_y[batch]).backward()
        for p, m in zip(weights, mask):
            p.grad *= m
        optimizer.step()
    masks = [torch.ones_like(p) for p in start], mask
    found = refit.retrained(split, start, masks, 0, 20, **{penalty: [0.0, 1e-2]})
    for ours, theirs in zip(found, weights):
        assert len(ours) == 4
        torch.testing.assert_close(ours[3], theirs.detach(), rtol=1e-4, atol=1e-6)


def test_it_grows_seed_by_seed():
    *_, found = refit.compute_refit((0, 1))
    assert found.l1.shape == found.kept.shape == found.emptied.shape == (2,)
    assert found.arms.shape == (2, len(refit.ARMS))
    assert ((found.kept > 0) & (found.kept < 1)).all() and (found.emptied >= 0).all()


def test_of_equal_errors_the_strongest_penalty_is_taken():
    assert refit.last_of_lowest(torch.tensor([3.0, 1.0, 2.0, 1.0, 4.0])) == 3


def test_what_was_trained_once_is_not_trained_again():
    assert refit.one_network(0, 3, l1=1e-3) is refit.one_network(0, 3, l1=1e-3)
    assert refit.one_network(0, 3, l1=1e-3) is not refit.one_network(0, 3, l2=1e-3)

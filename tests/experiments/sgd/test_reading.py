"""Reading as many examples in small and large steps."""

import pytest
import torch

from course_lib.experiments.sgd import reading as lab
from course_lib.experiments.sgd.bowl import bowl, excess_loss, walk
from course_lib.sgd import sgd_update


@pytest.mark.parametrize("size", lab.SIZES)
def test_all_rates_and_seeds_at_once_are_the_walks_one_by_one(size):
    steps, seeds, rates = 80 // size + 1, (3, 4), (0.1, 0.3)
    found = lab.losses(size, rates, seeds, steps)
    for s, seed in enumerate(seeds):
        for r, lr in enumerate(rates):
            path = walk(sgd_update, bowl(10.0), size, steps, seed, lr=lr)
            assert torch.allclose(found[s, r], excess_loss(path[-1], bowl(10.0)))


def test_pairs_at_once_are_the_walks_one_by_one_too():
    rates, momenta = (0.1, 1.2), (0.9, 0.3)
    found = lab.losses(8, rates, (3,), 20, momenta)
    for r, (lr, momentum) in enumerate(zip(rates, momenta)):
        path = walk(sgd_update, bowl(10.0), 8, 20, 3, lr=lr, momentum=momentum)
        assert torch.allclose(found[0, r], excess_loss(path[-1], bowl(10.0)))


def test_what_diverges_is_never_the_best():
    assert lab.losses(1, (1.5,), (0,), 640).isinf().all()


def test_best_rates_are_inside_the_grid_and_no_worse_than_the_common_one():
    found = lab.read()
    assert not {lab.RATES[0], lab.RATES[-1]} & {*found.best_rate.values()}
    assert set(lab.PILOT).isdisjoint(lab.JUDGED)
    lr, momentum = zip(*found.best_pair.values())
    assert {min(lab.PAIRS)[0], max(lab.PAIRS)[0]}.isdisjoint(lr) and 0.95 not in momentum
    for size in lab.SIZES:
        assert found.own[size].mean() < found.common[size].mean()
        assert found.pair[size].mean() < found.own[size].mean()
    assert len(found.longer) == len(lab.JUDGED) and found.longer.mean() < found.common[64].mean()


def test_twice_the_batch_needs_fewer_steps():
    steps = [lab.steps_needed(size)[0] for size in (2, 8, 64)]
    assert steps == sorted(steps, reverse=True) and steps[0] < lab.READ

"""Reading as many examples in small and large steps."""

import pytest
import torch

from course_lib.experiments.sgd import reading as lab
from course_lib.experiments.sgd.bowl import GOAL, START, bowl, excess_loss, walk
from course_lib.sgd import cosine_decay, sgd_update


def end(size, steps, seed, **options):
    """Where a walk of its own, from the seed's start, has its loss."""
    start = tuple(lab.starts([seed])[0].tolist())
    path = walk(sgd_update, bowl(10.0), size, steps, seed, start, **options)
    return excess_loss(path[-1], bowl(10.0))


@pytest.mark.parametrize("size", lab.SIZES)
def test_all_rates_and_seeds_at_once_are_the_walks_one_by_one(size):
    steps, seeds, rates = 80 // size + 1, (3, 4), (0.1, 0.3)
    found = lab.losses(size, rates, seeds, steps)
    for s, seed in enumerate(seeds):
        for r, lr in enumerate(rates):
            assert torch.allclose(found[s, r], end(size, steps, seed, lr=lr))


def test_pairs_at_once_are_the_walks_one_by_one_too():
    rates, momenta = (0.1, 1.2), (0.9, 0.3)
    found = lab.losses(8, rates, (3,), 20, momenta)
    for r, (lr, momentum) in enumerate(zip(rates, momenta)):
        assert torch.allclose(found[0, r], end(8, 20, 3, lr=lr, momentum=momentum))


def test_a_rate_that_falls_is_the_stated_multiple_at_each_step():
    step = iter(range(20))

    def scheduled(w, grad, state, lr):
        sgd_update(w, grad, state, lr=lr * cosine_decay(next(step), 20))

    start = tuple(lab.starts([3])[0].tolist())
    path = walk(scheduled, bowl(10.0), 8, 20, 3, start, lr=0.5)
    found = lab.losses(8, (0.5,), (3,), 20, factor=cosine_decay)
    assert torch.allclose(found[0, 0], excess_loss(path[-1], bowl(10.0)))


def test_starts_lie_all_around_the_goal_as_far_off_as_the_pictures():
    found = lab.starts(range(200))
    away = found - GOAL
    far = (torch.tensor(START, dtype=torch.float64) - GOAL).norm()
    assert torch.allclose(away.norm(dim=1), far.expand(200)) and away.mean(0).norm() < 0.25 * far
    assert not lab.starts(lab.PILOT)[:20].equal(lab.starts(lab.JUDGED)[:20])


def test_what_diverges_is_never_the_best():
    assert lab.losses(1, (1.5,), (0,), 640).isinf().all()


def test_best_rates_are_inside_the_grid_and_no_worse_than_the_common_one():
    found = lab.read()
    assert not {lab.RATES[0], lab.RATES[-1]} & {*found.best_rate.values()}
    assert set(lab.PILOT).isdisjoint(lab.JUDGED)
    for best in (found.best_pair, found.best_falling):
        lr, momentum = zip(*best.values())
        edges = lab.PAIR_RATES[0], lab.PAIR_RATES[-1]
        assert set(edges).isdisjoint(lr) and lab.MOMENTA[-1] not in momentum
    for size in lab.SIZES:
        common, own, pair, falling = (
            arm[size].log().mean() for arm in (found.common, found.own, found.pair, found.falling)
        )
        assert own < common and pair < own and falling < own
    assert len(found.longer) == len(lab.JUDGED) and found.longer.mean() < found.common[64].mean()


def test_twice_the_batch_needs_fewer_steps():
    steps = [lab.steps_needed(size)[0] for size in (2, 8, 64)]
    assert steps == sorted(steps, reverse=True) and steps[0] < lab.READ

"""Two pulls on one bowl: where paths come to rest, and the learning rates they bear."""

import pytest

from course_lib.adamw import adam_update
from course_lib.experiments.shared.surfaces import descend
from course_lib.experiments.weight_decay.bowl import BOWL, START, paths, rests, stable_rates
from course_lib.experiments.weight_decay.parabola import PULLS
from course_lib.sgd import sgd_update

MOMENTA = pytest.mark.parametrize("momentum", [0.0, 0.9])
EACH_PULL = pytest.mark.parametrize("pull", PULLS)


def end(momentum, steps=2000, **options):
    return descend(BOWL, sgd_update, START, steps, momentum=momentum, **options)[-1]


def test_one_path_under_plain_sgd_two_under_momentum_and_adam():
    def gap(update, **options):
        found = paths(update, 0.5, lr=0.08, **options)
        return (found["l2"] - found["weight_decay"]).norm(dim=1)

    assert gap(sgd_update).max() < 1e-14
    heavy = gap(sgd_update, momentum=0.9)
    assert heavy[1] < 1e-15 < 1e-3 < heavy[2]
    assert gap(adam_update)[1] > 1e-3


@MOMENTA
@EACH_PULL
def test_paths_come_to_rest_where_it_is_said(momentum, pull):
    assert (end(momentum, lr=0.08, **{pull: 0.7}) - rests(0.7, momentum)[pull]).norm() < 1e-12


def test_under_adam_too_l2_comes_to_rest_at_the_ridge():
    last = descend(BOWL, adam_update, (0.0, 0.0), 2000, lr=0.05, l2=0.7)[-1]
    assert (last - BOWL.ridge(0.7)).norm() < 1e-9


@MOMENTA
@EACH_PULL
def test_the_stated_bound_is_where_stability_ends(momentum, pull):
    """Just below it a long path stays small, just above it blows up."""
    bound = stable_rates(0.5, momentum)[pull]

    def far(share):
        return not end(momentum, lr=share * bound, **{pull: 0.5}).norm() < 1e3

    assert not far(0.99)
    assert far(1.01)

"""How many masks, and the small rival: against the averages beside them and a plain module."""

import pytest
import torch

from course_lib.experiments.dropout import averages, worth

SEEDS, STEPS = (1, 2), 40


@pytest.fixture(scope="module")
def both():
    return worth.compute_worth(0.5, 20, seeds=SEEDS, steps=STEPS)


def test_one_mask_and_two_hundred_are_those_of_the_averages(both):
    answers = averages.compute_averages(0.5, 20, seeds=SEEDS, stops=(20, STEPS))
    for found, known in zip(both, answers):
        one, many, *_ = (known.error[name] for name in averages.ANSWERS)
        assert torch.allclose(found.by_masks[:, 0], one, atol=1e-6)
        assert torch.allclose(found.by_masks[:, -1], many, atol=1e-6)


def test_the_end_is_the_last_step_and_the_small_network_is_stopped_at_its_best(both):
    end, best = both
    assert (end.step, end.small_step, best.step) == (STEPS, STEPS, 20)
    assert best.small_step <= STEPS and best.small.mean() <= end.small.mean()
    assert end.by_masks.shape == (2, len(worth.COUNTS)) and best.small.shape == (2,)


def test_one_thinned_network_is_stopped_where_its_own_error_is_lowest():
    step, error = worth.thinned_at_best(0.5, SEEDS, STEPS, masks=averages.MASKS)
    means = {one: worth.error_by_masks(0.5, one, SEEDS)[:, 0] for one in (10, 20, STEPS)}
    assert step == min(means, key=lambda one: means[one].mean().item())
    assert torch.equal(error, means[step])


def test_each_mask_belongs_to_one_group():
    assert all(averages.MASKS % count == 0 for count in worth.COUNTS)


def test_the_rival_has_the_units_that_a_half_leaves():
    from course_lib.experiments.dropout import curves

    assert worth.SMALL.widths[1] == 0.5 * curves.SPEC.widths[1]
    assert worth.SMALL.widths[::2] == curves.SPEC.widths[::2]

"""A designed schedule: its factors, and the networks that are trained with it."""

import pytest
import torch
from torch.optim.lr_scheduler import StepLR

from course_lib.experiments.sgd.schedules import (
    PILOT,
    RATES,
    SHAPES,
    STEPS,
    at_own_rate,
    beside_torch,
    designed,
    own_rate,
    pilot_losses,
    torchs_factors,
    train_on_schedule,
)
from course_lib.sgd import cosine_decay, linear_warmup, one_cycle


def test_a_design_is_a_warm_up_and_then_the_shape_above_its_floor():
    factors = [designed("cosine", 40, 0.2, t) for t in range(STEPS)]
    assert factors[:40] == [linear_warmup(t, 40, 0.02) for t in range(40)]
    assert factors[40:] == pytest.approx([cosine_decay(t, STEPS - 40, 0.2) for t in range(260)])
    plain = [designed("one-cycle", 0, 0.0, t) for t in range(STEPS)]
    assert plain == [one_cycle(t, STEPS) for t in range(STEPS)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_every_shape_stays_between_its_floor_and_one(shape, floor):
    assert all(floor <= designed(shape, 0, floor, t) <= 1 + 1e-12 for t in range(STEPS))


def test_schedules_fill_in_and_a_decay_ends_lower_than_a_constant_rate():
    def last(shape):
        *_, result = train_on_schedule(shape, 0, 0.0, 0.1, seeds=(0, 1))
        assert result.progress == 1 and result.train_loss.isfinite().all()
        return result.train_loss[:, -1]

    assert (last("cosine") < last("constant")).all()


def test_the_own_rate_is_the_one_at_which_the_pilot_seeds_end_lowest():
    losses = pilot_losses("cosine")
    *_, alone = train_on_schedule("cosine", 0, 0.0, RATES[3], seeds=tuple(PILOT))
    assert losses[3].item() == pytest.approx(
        alone.train_loss[:, -1].log().mean().exp().item(), 1e-3
    )
    assert own_rate("cosine") == RATES[int(losses.argmin())] and PILOT[0] > 1000


def test_at_its_own_rate_a_shape_runs_on_the_seeds_that_are_given():
    (found,) = at_own_rate(["cosine"], (0, 1)).items()
    rate = own_rate("cosine")
    *_, alone = train_on_schedule("cosine", 0, 0.0, rate, (0, 1))
    assert found[0] == f"cosine {rate:g}" and found[1].rates == alone.rates
    assert torch.equal(found[1].train_loss, alone.train_loss)


def test_the_update_is_the_callers_at_the_rates_that_are_told():
    seen = []

    def recorded(param, grad, state, *, lr, momentum):
        seen.append(lr)
        return param.sub_(lr * grad)

    *_, result = train_on_schedule("cosine", 30, 0.1, 0.2, seeds=(0,), update=recorded)
    assert sorted(set(seen)) == pytest.approx(sorted(set(result.rates)))


def test_torchs_rates_are_those_of_each_step_and_every_shape_has_a_twin():
    assert torchs_factors(StepLR, steps=5, step_size=2, gamma=0.5) == [1, 1, 0.5, 0.5, 0.25]
    apart = beside_torch()
    assert len(apart) == 6 and max(apart.values()) < 1e-12

"""The factor between λ of L2 and of decay: the rule, and the forecast from √v̂."""

import torch

from course_lib.experiments.weight_decay import factors


def test_with_momentum_the_decay_is_ten_times_l2():
    found = factors.with_momentum((0,), steps=2)
    torch.testing.assert_close(found.decays, 10 * torch.tensor(factors.STRENGTHS).double())
    assert found.longer.shape == (1, 2) and (found.longer.abs() < 0.05).all()


def test_the_forecast_is_l2_times_the_middle_multiplier():
    found = factors.under_adam((0, 1, 2), steps=20)
    again = factors._run(factors.adam_update, (0, 1, 2), 20, l2=list(factors.STRENGTHS))
    for k, strength in enumerate(factors.STRENGTHS):
        middle = []
        for states in again.states:
            root = (states[0]["exp_avg_sq"][k] / (1 - 0.999**20)).sqrt()
            middle.append((1 / root[root > 0].median()).item())
        expected = strength * sorted(middle)[1]
        assert abs(found.decays[k].item() / expected - 1) < 1e-5
    assert (found.prices > 0).all()


def test_at_no_step_all_lengths_are_those_of_the_start():
    found = factors.with_momentum((0,), steps=1)
    assert ((found.l2 > 6) & (found.l2 < 8)).all()

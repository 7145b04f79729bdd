"""Every schedule is its `torch.optim.lr_scheduler` twin at every step; what is refused; the
source's own example.
"""

import math
import warnings

import pytest
import torch
from torch.optim import lr_scheduler

from course_lib.sgd import (
    SGD,
    cosine_decay,
    cyclical,
    exponential_decay,
    linear_warmup,
    one_cycle,
    step_decay,
)

LR, STEPS = 0.3, 60


def rates(make, steps=STEPS, lr=LR):
    """The learning rates that torch's scheduler sets for steps 0 … `steps` − 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # "step() of the scheduler before the optimizer's": nothing is trained here
        scheduler, seen = make(optimizer), []
        for _ in range(steps):
            seen.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return seen


TWINS = {
    "step": (lambda t: step_decay(t, 7, 0.3), lambda o: lr_scheduler.StepLR(o, 7, 0.3), STEPS),
    "step, every step": (lambda t: step_decay(t, 1), lambda o: lr_scheduler.StepLR(o, 1), STEPS),
    "step, gamma 1": (
        lambda t: step_decay(t, 3, 1.0),
        lambda o: lr_scheduler.StepLR(o, 3, 1.0),
        STEPS,
    ),
    "exponential": (
        lambda t: exponential_decay(t, 0.9),
        lambda o: lr_scheduler.ExponentialLR(o, 0.9),
        STEPS,
    ),
    "cosine": (
        lambda t: cosine_decay(t, 59),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 59),
        STEPS,
    ),
    "cosine, floor": (
        lambda t: cosine_decay(t, 59, 0.2),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 59, eta_min=0.2 * LR),
        STEPS,
    ),
    "cosine, one step": (
        lambda t: cosine_decay(t, 1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 1),
        2,
    ),
    "warm-up": (lambda t: linear_warmup(t, 5), lambda o: lr_scheduler.LinearLR(o), STEPS),
    "warm-up, longer": (
        lambda t: linear_warmup(t, 17, 0.01),
        lambda o: lr_scheduler.LinearLR(o, 0.01, 1.0, 17),
        STEPS,
    ),
    "cyclical": (
        lambda t: cyclical(t, 8, low=0.1),
        lambda o: lr_scheduler.CyclicLR(o, 0.1 * LR, LR, 8, cycle_momentum=False),
        STEPS,
    ),
    "cyclical, uneven": (
        lambda t: cyclical(t, 3, 11, 0.0),
        lambda o: lr_scheduler.CyclicLR(o, 0.0, LR, 3, 11, cycle_momentum=False),
        STEPS,
    ),
    "one cycle": (
        lambda t: one_cycle(t, STEPS),
        lambda o: lr_scheduler.OneCycleLR(o, LR, STEPS, cycle_momentum=False),
        STEPS,
    ),
    "one cycle, other shape": (
        lambda t: one_cycle(t, 41, 0.47, 7.0, 30.0),
        lambda o: lr_scheduler.OneCycleLR(
            o, LR, 41, pct_start=0.47, div_factor=7, final_div_factor=30, cycle_momentum=False
        ),
        41,
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_every_schedule_is_its_twin_at_every_step(name):
    ours, theirs, steps = TWINS[name]
    wanted = rates(theirs, steps)
    assert len(set(wanted)) > 1 or name == "step, gamma 1"
    for t, rate in enumerate(wanted):
        assert math.isclose(LR * ours(t), rate, rel_tol=1e-9, abs_tol=1e-14), f"{name}, step {t}"


def test_a_schedule_drives_an_optimizer_through_torchs_lambda():
    factors = [one_cycle(t, STEPS) for t in range(STEPS)]
    seen = rates(lambda o: lr_scheduler.LambdaLR(o, lambda t: one_cycle(min(t, STEPS - 1), STEPS)))
    assert seen == [LR * factor for factor in factors]


def test_warm_up_and_cosine_one_after_the_other():
    """What `SequentialLR` makes of the two: the cosine starts at 0 when the warm-up is over."""

    def ours(t):
        return linear_warmup(t, 10, 0.1) if t < 10 else cosine_decay(t - 10, 40)

    def both(o):
        parts = [lr_scheduler.LinearLR(o, 0.1, 1.0, 10), lr_scheduler.CosineAnnealingLR(o, 40)]
        return lr_scheduler.SequentialLR(o, parts, [10])

    assert [LR * ours(t) for t in range(51)] == pytest.approx(rates(both, 51), rel=1e-9, abs=1e-14)


def test_after_its_end_a_cosine_stays_down_where_torchs_climbs():
    again = rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 20), 41)
    assert [cosine_decay(t, 20, 0.1) for t in (20, 21, 40, 10**6)] == [0.1] * 4
    assert again[20] == pytest.approx(0, abs=1e-12) and again[40] == pytest.approx(LR)


def test_our_optimizer_takes_torchs_schedulers():
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, 2, 0.5)
    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert seen == [step_decay(t, 2, 0.5) for t in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_schedules_reduce_to_a_constant():
    for t in range(20):
        assert cosine_decay(t, 10, 1.0) == linear_warmup(t, 10, 1.0) == cyclical(t, 3, low=1.0) == 1
        assert step_decay(t, 3, 1.0) == exponential_decay(t, 1.0) == 1


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: step_decay(-1, 3), "step = -1"),
        (lambda: step_decay(1.5, 3), "step = 1.5"),
        (lambda: step_decay(1, 0), "step_size = 0"),
        (lambda: step_decay(1, 3, -1), "gamma = -1"),
        (lambda: exponential_decay(1, 1.1), "gamma = 1.1"),
        (lambda: exponential_decay(1, math.nan), "gamma = nan"),
        (lambda: cosine_decay(1, 0), "T_max = 0"),
        (lambda: cosine_decay(1, 5, 2), "floor = 2"),
        (lambda: cosine_decay("1", 5), "step = '1'"),
        (lambda: linear_warmup(1, 5, 0.0), "start_factor = 0"),
        (lambda: linear_warmup(1, 0), "total_iters = 0"),
        (lambda: cyclical(1, 0), "step_size_up = 0"),
        (lambda: cyclical(1, 2, 0), "step_size_down = 0"),
        (lambda: cyclical(1, 2, low=-0.1), "low = -0.1"),
        (lambda: one_cycle(50, 50), "step = 50"),
        (lambda: one_cycle(1, 50, pct_start=0.02), "pct_start = 0.02"),
        (lambda: one_cycle(1, 50, pct_start=1.0), "pct_start = 1.0"),
        (lambda: one_cycle(1, 50, div_factor=0.5), "div_factor = 0.5"),
        (lambda: one_cycle(1, 50, final_div_factor=math.inf), "final_div_factor = inf"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named.replace("[", r"\[")):
        call()

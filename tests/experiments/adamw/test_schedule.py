"""A schedule of the rate is torch's, and what decay leaves is its product."""

import pytest
import torch

from course_lib.experiments.adamw.schedule import decay_left, warmup_cosine


def test_the_schedule_is_torchs_and_decay_is_its_product():
    steps, lr, strength = 40, 0.1, 0.2
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=lr, weight_decay=strength)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / 10, 1, total_iters=9)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
    plan = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [9])
    factor = warmup_cosine(steps, warmup=0.25)
    left = decay_left(factor, lr, strength)
    for t in range(steps):
        assert optimizer.param_groups[0]["lr"] / lr == pytest.approx(factor[t], abs=1e-9)
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        plan.step()
        assert weight.item() == pytest.approx(left[t], rel=1e-12)

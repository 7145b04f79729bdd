"""Arms of the convolutional network: each figure against the network trained alone."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.base.random import seeded
from course_lib.engine import ConvSpec
from course_lib.engine.rows import batches_of
from course_lib.experiments.elsewhere import conv as lab

ARMS = (
    lab.PLAIN,
    lab.Arm(norm="group", l2=0.1, lr=1e-3),
    lab.Arm(weight_decay=3.0, label_smoothing=0.2),
    lab.Arm(shift=4, dropout=0.5),
    lab.Arm(norm="batch"),
)


@pytest.fixture(scope="module")
def parts():
    return list(lab.compute_arms("20 % wrong", ARMS, (0, 1), 30))


def test_curves_fill_in_and_are_remembered(parts):
    progress = [part.progress for part in parts]
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] == 1
    assert parts[0].test_error.isnan().all()  # at once, so that there is something to draw
    assert parts[-1].recorded == (0, 30)
    for name in ("train_error", "validation_error", "test_error", "train_loss", "test_loss"):
        curve = getattr(parts[-1], name)
        assert curve.shape == (2, 5, 2) and curve.isfinite().all(), name
    first = next(part for part in parts if part.progress >= 3 / 5)
    assert first.test_error[:, [0, 2, 3]].isfinite().all()
    assert len(list(lab.compute_arms("20 % wrong", ARMS, (0, 1), 30))) == 1


@pytest.mark.parametrize("v", [0, 1, 2])
def test_an_arm_is_what_it_is_alone(parts, v):
    arm, split = ARMS[v], lab.split_of("20 % wrong", 1)
    net = ConvSpec(norm=arm.norm).build(seed=1)
    optimizer = (
        torch.optim.Adam(net.parameters(), arm.lr, weight_decay=arm.l2)
        if arm.l2
        else torch.optim.AdamW(net.parameters(), arm.lr, weight_decay=arm.weight_decay)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: min(1, (t + 1) / 50) * (1 + math.cos(math.pi * t / 30)) / 2
    )
    batches = batches_of(split.train_x, split.train_y, 64, seeded(1, "batches"))
    for _ in range(30):
        x, y = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(net(x), y, label_smoothing=arm.label_smoothing).backward()
        optimizer.step()
        schedule.step()
    for part in ("train", "validation", "test"):
        z, y = net(getattr(split, f"{part}_x")), getattr(split, f"{part}_y")
        found = getattr(parts[-1], f"{part}_loss")[1, v, -1].item()
        assert found == pytest.approx(F.cross_entropy(z, y).item(), rel=1e-3)
        error = getattr(parts[-1], f"{part}_error")[1, v, -1].item()
        assert error == pytest.approx((z.argmax(1) != y).double().mean().item(), abs=5e-3)


def test_differences_are_paired_by_seed():
    curves = torch.zeros(3, 2, 1)
    curves[:, 0, 0], curves[:, 1, 0] = torch.tensor([0.3, 0.2, 0.4]), torch.tensor([0.2, 0.1, 0.3])
    arms = lab.Arms("all right", ARMS[:2], (0, 1, 2), (5,), *[curves] * 6)
    found = arms.difference(ARMS[1])
    assert found.mean == pytest.approx(-0.1) and found.high - found.low < 1e-6


def test_who_is_ahead_of_all_others_is_told_by_intervals():
    names = list(lab.ARMS)
    error = torch.full((3, len(names), 1), 0.5)
    error[:, 2, 0] = torch.tensor([0.2, 0.21, 0.22])
    error[:, 5, 0] = torch.tensor([0.3, 0.31, 0.32])
    lines = lab.Arms("all right", tuple(lab.ARMS.values()), (0, 1, 2), (5,), *[error] * 6)
    assert lab.ahead_of_all(lines, names) == [names[2]]
    error[:, 5, 0] = torch.tensor([0.21, 0.2, 0.22])
    assert lab.ahead_of_all(lines, names) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "half"}, "labels = 'half': must be one of 'all right', '20 % wrong'"),
        ({"steps": 0}, "steps = 0"),
        ({"arms": (lab.Arm(shift=40),)}, r"shift = 40: must be a whole number in \[0, 39\]"),
    ],
)
def test_refusals_name_argument_and_value(options, message):
    with pytest.raises(ValueError, match=message):
        list(lab.compute_arms(**{"seeds": (0,), "steps": 1} | options))

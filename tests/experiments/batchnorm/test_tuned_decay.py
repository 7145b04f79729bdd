"""Decay against none, with the rate tuned for both: equal budgets, the network torch trains, the
choice of a point.
"""

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.engine import ModelSpec
from course_lib.experiments.batchnorm import tuned_decay
from course_lib.experiments.batchnorm.tuned_decay import POINTS, TunedDecay, compare_tuned


def test_both_arms_have_as_many_points_and_one_range():
    assert len({*POINTS["without"]}) == len({*POINTS["with"]}) == 12
    assert {strength for strength, _ in POINTS["without"]} == {0.0}
    assert {lr for _, lr in POINTS["with"]} < {lr for _, lr in POINTS["without"]}


@pytest.mark.parametrize(("arm", "point"), [("without", (0.0, 0.5)), ("with", (0.1, 0.3))])
def test_a_point_is_trained_as_torchs_modules_are(arm, point):
    (strength, lr), steps = point, 20
    *_, found = compare_tuned((3,), steps)
    data, order = tuned_decay._digits(3), seeded(3, "batches")
    model = torch.nn.Sequential(
        *(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64), torch.nn.ReLU()),
        torch.nn.Linear(64, 10),
    )
    with torch.no_grad():
        start = ModelSpec(tuned_decay.WIDTHS, norm="batch").initial(3)
        for parameter, value in zip(model.parameters(), start):
            parameter.copy_(value)
    first, *others = model.parameters()
    groups = [{"params": [first], "weight_decay": strength}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for rows in torch.randperm(len(data.train_x), generator=order).split(32)[:steps]:
        optimizer.zero_grad()
        cross_entropy(model(data.train_x[rows]), data.train_y[rows]).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        loss = cross_entropy(model.eval()(data.test_x), data.test_y).item()
    assert found.test_loss[arm][0, POINTS[arm].index(point)].item() == pytest.approx(loss, rel=1e-4)


def _found(error, loss):
    """Twelve points of one seed, alike but for the first four; test figures name the point."""
    rows = [torch.full((1, 12), 0.9), torch.full((1, 12), 9.0)]
    for row, values in zip(rows, (error, loss)):
        row[0, : len(values)] = torch.tensor(values)
    named = {"with": torch.arange(12.0)[None], "without": torch.arange(12.0)[None] + 100}
    validation = [{"with": row, "without": row} for row in rows]
    return TunedDecay(*validation, named, named)


def test_a_point_is_chosen_on_validation_rows_and_never_one_that_diverged():
    found = _found([0.2, 0.1, 0.1, torch.nan], [0.5, 0.9, 0.8, torch.nan])
    assert found.chosen("with", "error").item() == 2  # of two that err alike, the lower loss
    assert found.chosen("with", "loss").item() == 0
    assert (
        found.judged("with", "error").item() == 2 and found.judged("without", "loss").item() == 100
    )


def test_rates_of_one_strength_and_the_table_of_all():
    found = _found([0.2] * 3, [0.5, 0.4, torch.nan])
    assert found.best_rate(0.003).item() == 0.1
    table = found.table(found.test_error)
    assert table[0].tolist() == [102, 105, 107]  # no decay, at 0.03, 0.1 and 0.3
    assert table[1:].tolist() == torch.arange(12.0).view(4, 3).tolist()

"""The diabetes table: rows by seed, scaling fitted on the training rows alone, and what it
refuses.
"""

import math

import pytest
import torch

from course_lib.data.diabetes import FEATURES, ROWS, check_table, diabetes, load


def test_the_table_is_scikit_learns():
    from sklearn.datasets import load_diabetes

    x, y = load()
    assert x.shape == (ROWS, len(FEATURES)) and y.shape == (ROWS, 1)
    assert tuple(load_diabetes().feature_names) == FEATURES
    assert x[:, 1].unique().tolist() == [1, 2] and 18 <= x[:, 2].min() < x[:, 2].max() < 43


def test_every_row_lands_in_one_part_and_the_seed_decides_where():
    first, again, other = (diabetes(300, 71, "raw", seed=seed) for seed in (0, 0, 1))
    assert [len(part) for part in (first.train_x, first.validation_x, first.test_x)] == [
        300,
        71,
        71,
    ]
    rows = torch.cat([first.train_x, first.validation_x, first.test_x])
    assert torch.equal(rows.sort(0).values, load()[0].sort(0).values)
    assert torch.equal(first.train_x, again.train_x) and not torch.equal(
        first.train_x, other.train_x
    )


def test_scaling_is_fitted_on_the_training_rows_alone():
    raw, standard = diabetes(scale="raw"), diabetes()
    assert standard.train_x.mean(0).abs().max() < 1e-12
    assert (standard.train_x.std(0, correction=0) - 1).abs().max() < 1e-12
    mean, std = raw.train_x.mean(0), raw.train_x.std(0, correction=0)
    assert torch.allclose(standard.test_x, (raw.test_x - mean) / std, atol=1e-12)
    assert standard.test_x.mean(0).abs().max() > 1e-3, "the test rows have a mean of their own"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train_rows": 1, "validation_rows": 0}, "x has 1 row"),
        ({"train_rows": 0}, "train_rows = 0"),
        ({"train_rows": 442}, "train_rows = 442"),
        ({"train_rows": 400, "validation_rows": 42}, "validation_rows = 42"),
        ({"scale": "unit"}, "scale = 'unit'"),
        (
            {"train_rows": 2, "validation_rows": 0, "seed": 4},
            "constant in all 2 rows: sex, s1, s4; leave",
        ),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        diabetes(**arguments)


def test_a_bad_table_is_said_with_its_place():
    x, y = (part[:6].clone() for part in load())
    check_table(x, y, FEATURES)
    broken = x.clone()
    broken[4, 2] = math.nan
    with pytest.raises(ValueError, match="x = nan at row 4, bmi"):
        check_table(broken, y, FEATURES)
    with pytest.raises(ValueError, match="x = nan at row 4, column 2"):
        check_table(broken, y)
    with pytest.raises(ValueError, match="y = inf at row 1"):
        check_table(x, torch.where(torch.arange(6).unsqueeze(1) == 1, math.inf, y), FEATURES)
    broken[:, 2] = 20.0
    with pytest.raises(ValueError, match="constant in all 6 rows: bmi"):
        check_table(broken, y, FEATURES)
    with pytest.raises(ValueError, match="x has 6 rows, y has 5"):
        check_table(x, y[:5])

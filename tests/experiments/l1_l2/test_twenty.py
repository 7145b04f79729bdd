"""Twenty patients to learn from."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, LinearRegression

from course_lib.data.diabetes import diabetes
from course_lib.experiments.l1_l2 import twenty


@pytest.fixture(scope="module")
def found():
    return twenty.compute(2)


def test_the_errors_of_a_draw_are_those_of_its_twenty_on_all_others(found):
    part = diabetes(20, 0, seed=1)
    free = LinearRegression().fit(part.train_x, part.train_y).predict(part.test_x)
    average = part.train_y.mean().expand_as(part.test_y)
    for told, column in ((torch.from_numpy(free), 0), (average, 3)):
        error = (told - part.test_y).square().mean().sqrt()
        assert found.chosen[1, column] == pytest.approx(error.item())
    assert found.errors.shape == (2, len(twenty.STRENGTHS))
    torch.testing.assert_close(found.errors[:, [0, -1]], found.chosen[:, [0, 3]])
    assert ((found.chosen[:, 1:2] - found.errors).abs().min(1).values < 1e-9).all()


def test_spread_and_rest_are_the_mean_of_both_squared_errors():
    split = diabetes(40, 0, "raw", seed=0)
    errors = []
    for half in (slice(20), slice(20, 40)):
        model = LinearRegression().fit(split.train_x[half], split.train_y[half])
        errors.append((model.predict(split.test_x) - split.test_y.numpy()) ** 2)
    one = twenty.compute(1)
    assert (one.spread + one.rest)[0, 0].item() == pytest.approx(np.mean(errors))
    assert (one.spread >= 0).all() and one.spread[0, 0] > one.spread[0, 3]


def test_the_lassos_strength_is_that_of_the_lowest_error_left_out():
    part = diabetes(20, 0, seed=0)
    x, y = part.train_x.numpy(), part.train_y.flatten().numpy()

    def left_out(strength):
        total = 0.0
        for row in range(20):
            rest = np.arange(20) != row
            model = Lasso(strength, max_iter=100_000).fit(x[rest], y[rest])
            total += (model.predict(x[row : row + 1])[0] - y[row]) ** 2
        return total

    best = min(twenty.GRID[8:], key=left_out)  # weaker ones take long and err far more
    expected = Lasso(best, max_iter=100_000).fit(x, y).coef_
    found = twenty.lasso(part.train_x, part.train_y)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-2, atol=1e-2)

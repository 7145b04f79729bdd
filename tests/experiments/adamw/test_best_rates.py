"""The best rate of each row of a map whose surface is known."""

import numpy as np

from course_lib.experiments.adamw.best_rates import best_rates
from course_lib.experiments.adamw.two_knobs import OPTIMIZERS


def test_the_row_with_the_best_rates_is_found_in_both_coordinates():
    optimizer = OPTIMIZERS["AdamW"]
    x, y = np.log10(optimizer.lr)[:, None], np.log10(optimizer.decay)[None]
    level = 1 + 0.1 * (x + 2) ** 2 + 0 * y  # free of λ
    plain, bars = best_rates(optimizer, level, product=False)
    assert len(plain) == 9
    assert np.allclose(plain[:, 0], 1e-2)
    # Half a decade to either side is 2.5 % above the lowest, a decade 10 %.
    alike = 10**-2.5 / 1.5, 10**-1.5 * 1.5
    assert bars.shape == (9, 2, 2)
    assert np.allclose(bars[:, :, 0], alike, rtol=1e-2)
    # Best at lr = 1e-4/(lr·λ); half a decade is the grid's own step.
    sheared, _ = best_rates(optimizer, (2 * x + y + 4) ** 2, product=True)
    assert len(sheared) == 3
    assert np.abs(np.log10(sheared.prod(1)) + 4).max() < 0.51


def test_a_row_that_is_lowest_at_its_end_or_unknown_is_left_out():
    optimizer = OPTIMIZERS["AdamW"]
    falling = 9 + np.log10(optimizer.lr)[:, None] + np.zeros((1, 9))
    for level in (falling, np.full((9, 9), np.nan)):
        assert not len(best_rates(optimizer, level, product=False)[0])
        assert not len(best_rates(optimizer, np.full((9, 9), np.nan), product=True)[0])

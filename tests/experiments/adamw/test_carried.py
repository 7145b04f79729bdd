"""What a λ tuned at one rate makes at another, on a map whose surface is known."""

import torch

from course_lib.experiments.adamw.carried import kept, rate_by_rate
from course_lib.experiments.adamw.two_knobs import OPTIMIZERS, LossSurface

LOW, HIGH = 1e-2, 1e-1


def surface(best_product):
    """Two alike seeds of AdamW's map, error (distance from the valley)², in decades.

    The valley lies at one λ, or, if `best_product`, at one lr·λ.
    """
    optimizer = OPTIMIZERS["AdamW"]
    x, y = (torch.tensor(grid).log10() for grid in (optimizer.lr, optimizer.decay))
    level = y[None] + (x[:, None] + 1.5 if best_product else torch.zeros(len(x), 1))
    error = (level**2).repeat(2, 1, 1)
    return LossSurface(optimizer, *[error] * 4)


def test_what_is_kept_is_lambda_or_the_product():
    by_decay, by_product = surface(best_product=False), surface(best_product=True)
    assert kept(by_decay, LOW, HIGH).allclose(torch.zeros(2).double(), atol=1e-4)
    assert kept(by_product, LOW, HIGH, product=True).allclose(torch.zeros(2).double(), atol=1e-4)
    for wrong in (kept(by_decay, LOW, HIGH, product=True), kept(by_product, LOW, HIGH)):
        assert wrong.allclose(torch.ones(2).double(), atol=1e-2), "a decade off the valley"


def test_the_best_decay_of_each_rate():
    rows = list(rate_by_rate(surface(best_product=True)))
    assert [row[0] for row in rows] == list(OPTIMIZERS["AdamW"].lr)
    inside = [row for row in rows if 1e-3 <= 10**-1.5 / row[0] <= 10]
    assert len(inside) >= 4
    for rate, best, wrong, without in inside:
        assert abs(torch.tensor(rate * best).log10() + 1.5) < 0.01
        assert wrong < 1e-4 <= without + 1e-4


def test_a_diverged_cell_is_never_best():
    lost = surface(best_product=False)
    lost.error[:, 0] = torch.nan
    assert next(rate_by_rate(lost))[3] == 1.0

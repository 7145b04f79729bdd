"""Temperatures from few rows, and the rows trained on."""

import pytest
import torch

from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.label_smoothing import trusted_rows as lab
from course_lib.label_smoothing import temperature_scale

SHORT = {"steps": 60, "seeds": (3, 4)}


def test_the_best_of_the_listed_temperatures_is_the_nearest_to_the_best_of_all():
    generator = torch.Generator().manual_seed(0)
    z = 3 * torch.randn(40, 10, generator=generator, dtype=torch.float64)
    target = (z / 2).softmax(1).multinomial(1, generator=generator)[:, 0]
    some = torch.arange(0, 40, 2)
    every, half = lab._fitted(z, target, [torch.arange(40), some])
    assert every == pytest.approx(temperature_scale(z, target), rel=0.007)
    assert half == pytest.approx(temperature_scale(z[some], target[some]), rel=0.007)
    assert lab._fitted(z, z.argmax(1), [some]) == [None]


def test_where_there_is_no_temperature_the_network_stays_as_it_is():
    z, target = torch.tensor([[2.0, 0.0], [0.0, 1.0]]).double(), torch.tensor([0, 0])
    ece, nll, unfitted = lab._judge(z, target, None)
    assert unfitted and (ece, nll) == lab._judge(z, target, 1.0)[:2]


def test_all_rows_are_the_temperature_of_the_other_pictures():
    *_, found = lab.few_rows(**SHORT, sizes=(50, 200), draws=3)
    *_, run = smoothing.compare_smoothing(**SHORT)
    assert found.ece.shape == (2, 2, 2, 3) and not found.unfitted.any()
    every = found.drawn("ece", 0.1, 200)
    assert torch.allclose(every, every[:, :1], atol=1e-9), "however they are drawn"
    right = smoothing.READINGS[1]
    torch.testing.assert_close(
        found.of("nll", 0.1, 200), run.of("nll", 0.1, right), rtol=1e-3, atol=0
    )
    assert (found.of("nll", 0.0, 50) > found.of("nll", 0.0, 200)).all()
    assert found.drawn("nll", 0.0, 50).std(1).min() > 0


def test_the_trusted_rows_join_the_training_rows():
    split, every, part = (
        smoothing.data(3, 0.2),
        lab.with_trusted_rows(3, 0.2),
        lab.with_trusted_rows(3, 0.2, held_out=50),
    )
    assert len(every.train_x) == 500 and len(every.validation_y) == 0
    assert len(part.train_x) == 450 and torch.equal(part.validation_y, split.validation_y[150:])
    assert torch.equal(every.train_y[300:], split.validation_y)
    assert (every.train_y != every.clean_train_y).sum() == 60, "only the 300 hold wrong labels"
    assert torch.equal(every.test_x, split.test_x)


def test_trained_on_them():
    *_, every = lab.train_on_them(**SHORT)
    *_, part = lab.train_on_them(**SHORT, held_out=50)
    assert every.error.shape == part.nll.shape == (2, 2)
    assert torch.equal(every.of("ece", 0.1), every.ece[:, 1])
    assert (every.error < 0.4).all() and (part.nll < every.nll).all(), "stopped early, T helps"

"""Labels by lot."""

import torch

from course_lib.data import digits
from course_lib.experiments.overfitting import memorise as lab


def test_labels_by_lot_say_nothing_of_the_image():
    split, real = lab.with_random_labels(0), digits(lab.ROWS, 0, scale="unit", seed=0)
    assert torch.equal(split.train_x, real.train_x) and torch.equal(
        split.clean_train_y, real.train_y
    )
    for name in ("train_y", "test_y"):
        lots, labels = getattr(split, name), getattr(real, name)
        assert lots.unique().tolist() == list(range(10))
        assert abs((lots == labels).float().mean() - 0.1) < 0.04
    assert not torch.equal(split.train_y, lab.with_random_labels(1).train_y)


def test_true_labels_are_learned_sooner_and_the_curves_fill_in():
    *partial, found = lab.memorise(seeds=(0, 1), steps=100)
    assert partial[0].progress < found.progress == 1
    assert found.recorded == (0, 100) and found.rows == 2 * 797
    true, lots = (found.train_accuracy[name] for name in lab.LABELS)
    assert (true[:, -1] > 0.9).all() and (lots[:, -1] < 0.5).all()
    assert found.right() == round(found.test_accuracy["random"][:, -1].sum().item() * 797)


def test_the_guessing_interval_is_binomial():
    low, high = lab.guessing_interval(1000)
    hits = torch.distributions.Binomial(1000, torch.tensor(0.1, dtype=torch.float64))
    chance = hits.log_prob(torch.arange(low, high + 1, dtype=torch.float64)).exp().sum().item()
    assert 0.95 <= chance < 0.965

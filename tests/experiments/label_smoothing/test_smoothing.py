"""What is read off a trained network, and that the networks are trained as described.

Few seeds, few steps.
"""

import math

import pytest
import torch

from course_lib.engine import ModelSpec
from course_lib.experiments.label_smoothing import smoothing as lab
from course_lib.label_smoothing import (
    CrossEntropyLoss,
    brier_score,
    expected_calibration_error,
    temperature_scale,
)

RIGHT, NOISY = 1, 2


@pytest.fixture(scope="module")
def short():
    *partial, complete = lab.compare_smoothing(noise=0.2, steps=60, seeds=(3, 4, 5))
    assert all(len(earlier.error) <= 3 for earlier in partial)
    return complete


def test_the_network_is_what_a_plain_loop_trains(short):
    """One seed, one ε, with torch's modules and our loss: the engine's batches are those of its
    seed.
    """
    from course_lib.adamw import AdamW
    from course_lib.base.random import seeded
    from course_lib.engine.rows import batches_of

    split = lab.data(4, 0.2)
    model = ModelSpec((64, 128, 10)).build(seed=4, dtype=torch.float64)
    batches = batches_of(split.train_x.double(), split.train_y, 50, seeded(4, "batches"))
    loss, optimizer = (
        CrossEntropyLoss(label_smoothing=0.1),
        AdamW(model.parameters(), lr=2e-3, weight_decay=0.0),
    )
    for _ in range(60):
        x, y = next(batches)
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    z = model(split.test_x.double()).detach()
    (error, nll, ece, *_), _ = lab.read(z, split.test_y, 1.0)
    at = lab.EPSILONS.index(0.1)
    for got, want in zip((short.error, short.nll, short.ece), (error, nll, ece)):
        assert got[1, 0, at].item() == pytest.approx(want, abs=2e-3)


def test_figures_of_known_logits():
    z = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0]], dtype=torch.float64)
    target = torch.tensor([0, 1, 1])
    (error, nll, ece, T, brier, auroc), (confidence, accuracy, count) = lab.read(z, target, 2.0)
    p = (z / 2).softmax(1)
    assert error == pytest.approx(1 / 3) and T == 2.0 and count.sum() == 3
    assert nll == pytest.approx(-p[[0, 1, 2], target].log().mean().item())
    assert ece == expected_calibration_error(p, target, lab.BINS)
    assert brier == brier_score(p, target) and auroc == 1  # the wrong answer is the least sure
    figures, curves = lab.read(z, target, math.nan)
    assert all(math.isnan(figure) for figure in figures) and all(
        part.isnan().all() for part in curves
    )


def test_a_temperature_without_a_top_is_nan():
    z, target = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    assert math.isnan(lab.fitted_temperature(z, target))
    wrong = torch.tensor([0, 0])
    mixed = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    assert lab.fitted_temperature(mixed, wrong) == temperature_scale(mixed, wrong)


def test_readings_share_their_errors_and_differ_in_confidence(short):
    assert short.error.shape == short.nll.shape == (3, 3, len(lab.EPSILONS)) and short.progress == 1
    for reading in (RIGHT, NOISY):
        assert torch.equal(short.error[:, 0], short.error[:, reading])
    assert (short.temperature[:, 0] == 1).all() and not torch.equal(
        short.nll[:, 0], short.nll[:, RIGHT]
    )
    assert (short.temperature[:, NOISY] > short.temperature[:, RIGHT]).all(), (
        "noisy labels ask for more doubt"
    )
    assert torch.equal(
        short.of("ece", 0.05, lab.READINGS[NOISY]), short.ece[:, NOISY, lab.EPSILONS.index(0.05)]
    )
    confidence, accuracy, count = short.curves
    assert count.shape == (3, 3, len(lab.EPSILONS), lab.BINS)
    assert (count.sum(-1) == 1797 - lab.ROWS - lab.VALIDATION).all()
    gaps = (count * (accuracy - confidence).abs()).nansum(-1) / count.sum(-1)
    torch.testing.assert_close(gaps, short.ece)


def test_labels_are_noisy_where_said_and_nowhere_else():
    split, clean = lab.data(0, 0.2), lab.data(0, 0.0)
    assert (split.train_y != split.clean_train_y).double().mean() == pytest.approx(0.2, abs=0.01)
    assert torch.equal(split.validation_y, clean.validation_y) and torch.equal(
        split.test_y, clean.test_y
    )


def test_trained_once_a_session(short):
    assert list(lab.compare_smoothing(noise=0.2, steps=60, seeds=(3, 4, 5))) == [short]


def test_the_epsilon_that_validation_rows_choose(short):
    assert short.validation_nll.shape == (3, len(lab.EPSILONS))
    for seed in range(3):
        best = short.validation_nll[seed].argmin()
        assert short.chosen("nll")[seed] == short.nll[seed, 0, best]
        assert short.chosen("ece")[seed] == short.ece[seed, 0, best]


def test_the_nll_on_validation_rows_is_torchs():
    *_, (networks, _) = lab.train_smoothed(lambda seed: lab.data(seed, 0.2), lab.EPSILONS, (3,), 20)
    *_, (_, nll, _) = lab.measure_one_seed(networks[3], 3, 0.2)
    split = lab.data(3, 0.2)
    w1, b1, w2, b2 = (p[2] for p in networks[3])
    z = torch.relu(split.validation_x @ w1.T + b1) @ w2.T + b2
    assert nll[2].item() == pytest.approx(
        torch.nn.functional.cross_entropy(z, split.validation_y).item(), rel=1e-5
    )


def test_fewer_bins_by_putting_neighbours_together(short):
    torch.testing.assert_close(short.ece_in(lab.BINS, 0.1), short.of("ece", 0.1))
    assert (short.ece_in(5, 0.1) <= short.ece_in(15, 0.1) + 1e-12).all(), (
        "gaps of opposite sign cancel, never add"
    )
    confidence, accuracy, count = (
        part[:, 0, lab.EPSILONS.index(0.1)].nan_to_num() for part in short.curves
    )
    one = ((accuracy - confidence) * count).sum(1).abs() / count.sum(1)
    torch.testing.assert_close(short.ece_in(1, 0.1), one)


def test_the_calibration_error_of_a_calibrated_network(short):
    assert short.ece_if_calibrated.shape == (3, len(lab.EPSILONS))
    sure = torch.tensor([[50.0, 0.0]], dtype=torch.float64).expand(100, 2)
    assert (
        lab.ece_if_calibrated(sure, 0) < 1e-12 and lab.ece_if_calibrated(sure * math.nan, 0).isnan()
    )
    # one bin: mean |share − ½| of 400 tosses, √(2/π)/(2√400) = 0.020
    coin = torch.zeros(400, 2, dtype=torch.float64)
    assert 0.013 < lab.ece_if_calibrated(coin, 0, draws=200) < 0.027


def test_one_bin_tells_mean_confidence_from_accuracy(short):
    for epsilon in lab.EPSILONS:
        gap = short.mean_confidence(epsilon) - (1 - short.of("error", epsilon))
        torch.testing.assert_close(gap.abs(), short.ece_in(1, epsilon))


def test_a_change_is_against_no_smoothing_as_it_is_seed_by_seed(short):
    found = short.change("nll", 0.1, lab.READINGS[RIGHT])
    difference = short.nll[:, RIGHT, short.epsilons.index(0.1)] - short.nll[:, 0, 0]
    assert found.mean == pytest.approx(difference.mean().item())
    assert short.change("ece", 0.0).mean == 0

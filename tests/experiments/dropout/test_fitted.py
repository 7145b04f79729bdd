"""Labels fitted step by step: against a plain count, and where both have fitted as many."""

from math import nan

import pytest
import torch

from course_lib.engine import train
from course_lib.experiments.dropout import curves, fitted
from course_lib.experiments.shared.forward import forward

SEEDS, STEPS = (1, 2), (0, 20, 40)
BOTH = [0, 1]  # the places of no dropout and p = 0.5


@pytest.fixture(scope="module")
def found():
    return fitted.compute_fitted(SEEDS, steps=STEPS)


def test_the_last_look_is_a_count_over_the_networks_of_the_curves(found):
    *_, known = curves.compute_curves(seeds=SEEDS, ps=(0.0, 0.5), steps=40)
    assert found.right.shape == found.wrong.shape == (2, 5, 3)
    split = curves.split_of("20 % wrong", 2)
    said = forward(known.network(1, 0.5), split.train_x).argmax(1)
    wrong = split.train_y != split.clean_train_y
    for share, rows in ((found.right, ~wrong), (found.wrong, wrong)):
        counted = (said[rows] == split.train_y[rows]).float().mean().item()
        assert share[1, found.at(fitted.HALF), -1].item() == pytest.approx(counted, abs=1e-6)


def test_both_shares_make_up_the_training_error(found):
    *_, known = curves.compute_curves(seeds=SEEDS, ps=(0.0, 0.5), steps=40)
    missed = 1 - (240 * found.right + 60 * found.wrong) / 300
    places = [known.steps.index(step) for step in STEPS]
    assert torch.allclose(missed[:, BOTH], known.train_error[..., places], atol=1e-5)


def test_a_network_that_answers_the_true_digit_fits_no_wrong_label():
    split = curves.split_of("20 % wrong", 1)
    true = torch.eye(10)[split.clean_train_y]
    network = [torch.linalg.lstsq(split.train_x, true, driver="gelsd").solution.T, torch.zeros(10)]
    answers = forward(network, split.train_x).argmax(1) == split.clean_train_y
    right, wrong = fitted.shares(network, split)
    assert right == answers[split.train_y == split.clean_train_y].float().mean()
    assert wrong <= 1 - answers[split.train_y != split.clean_train_y].float().mean()


@pytest.mark.parametrize(
    ("plain", "half", "place"),
    [
        ([0.0, 0.5, 0.8, 1.0], [0.0, 0.4, 0.6, 0.9], 2),
        ([0.0, 0.5, 0.9, 1.0], [0.0, 0.4, 0.6, 0.9], 2),  # as many is not yet more
        ([0.0, 0.5, 0.8, 0.9], [0.0, 0.4, 0.6, 1.0], 3),  # never more
        ([0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.2], 0),  # always more
    ],
)
def test_no_dropout_has_not_fitted_more_right_labels_there(plain, half, place):
    right = torch.tensor([[plain, half]])
    found = fitted.Fitted(right, right / 2, (fitted.PLAIN, fitted.HALF), (0, 1, 2, 3))
    assert found.before_passing(0.5) == place
    wrong = [shares.item() for shares in found.wrong_at_equal_right(0.5)]
    assert wrong == pytest.approx([plain[place] / 2, half[-1] / 2])


def test_decay_is_that_network_trained_alone(found):
    *_, alone = train(
        curves.SPEC,
        lambda seed: curves.split_of("20 % wrong", seed),
        {"weight_decay": fitted.DECAY[1], "lr": 2e-3},
        SEEDS,
        steps=40,
        batch_size=50,
        record_at=STEPS,
    )
    place = found.at(fitted.DECAY)
    missed = 1 - (240 * found.right[:, place] + 60 * found.wrong[:, place]) / 300
    assert torch.allclose(missed, 1 - alone.train_accuracy[:, 0], atol=1e-5)


def by_hand():
    # means of right labels: plain 0, 0.4, 0.8, 1; with decay 0, 0.2, 0.6, 0.6
    right = torch.tensor([[[0.0, 0.3, 0.9, 1.0], [0.0, 0.2, 0.6, 0.6]]] * 2)
    right[1, 0] = torch.tensor([0.0, 0.5, 0.7, 1.0])
    wrong = torch.tensor([[[0.1, 0.2, 0.4, 0.9], [0.1, 0.0, 0.2, 0.3]]] * 2)
    return fitted.Fitted(right, wrong, (fitted.PLAIN, fitted.DECAY), (0, 1, 2, 3))


@pytest.mark.parametrize(
    ("share", "plain", "decayed"),
    [(0, 0.1, 0.1), (0.4, 0.2, 0.1), (0.6, 0.3, 0.2), (0.9, 0.65, nan), (1, 0.9, nan)],
)
def test_between_two_looks_both_run_straight(share, plain, decayed):
    for setting, wrong in ((fitted.PLAIN, plain), (fitted.DECAY, decayed)):
        found = by_hand().wrong_where(setting, share).tolist()
        assert found == pytest.approx([wrong] * 2, abs=1e-6, nan_ok=True)


def test_two_are_compared_at_what_both_have_reached():
    plain, decayed = by_hand().wrong_of_both(fitted.PLAIN, fitted.DECAY)
    assert plain.tolist() == pytest.approx([0.3] * 2, abs=1e-6)
    assert decayed.tolist() == pytest.approx([0.2] * 2, abs=1e-6)
    assert by_hand().wrong_of_both(fitted.DECAY, fitted.PLAIN)[0].equal(decayed)

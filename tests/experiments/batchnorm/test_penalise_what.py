"""Whom to penalise: shapes, pairing, and a choice that looks at validation data alone."""

import pytest
import torch

from course_lib.experiments.batchnorm import penalise_what
from course_lib.experiments.batchnorm.penalise_what import (
    BY_LAYER,
    WORLDS,
    ByLayer,
    Spared,
    choose_by_layer,
    compute_by_layer,
    compute_spared,
)

SEEDS = (0, 1)


@pytest.mark.parametrize("world", WORLDS)
def test_errors_of_everything_and_of_weights_alone(world):
    *_, found = compute_spared(world, seeds=SEEDS)
    for figure in vars(found).values():
        assert figure.shape == (2, len(WORLDS[world][2]), 2) and figure.isfinite().all()
    errors = found.test_error
    assert ((errors >= 0) & (errors <= 1)).all() and not torch.equal(errors[..., 0], errors[..., 1])
    assert list(compute_spared(world, seeds=SEEDS))[0] is found, "trained once, then remembered"


def test_without_decay_nothing_can_be_spared(monkeypatch):
    monkeypatch.setattr(penalise_what, "STEPS", 5)
    *_, found = compute_spared(list(WORLDS)[1], (0.0, 10.0), width=8, seeds=SEEDS)
    for figure in (found.test_error, found.train_loss, found.validation_loss):
        assert torch.equal(figure[:, 0, 0], figure[:, 0, 1])
    assert not torch.equal(found.train_loss[:, 1, 0], found.train_loss[:, 1, 1])


def test_each_policy_gets_the_strength_that_is_best_for_it_on_validation_rows():
    loss = torch.tensor([[[0.3, 0.1], [0.2, 0.4], [torch.nan, 0.5]]])
    error = torch.tensor([[[0.2, 0.3], [0.1, 0.2], [0.1, 0.2]]])
    test = torch.tensor([[[0.9, 0.8], [0.7, 0.6], [0.0, 0.1]]])
    found = Spared(test, test, loss, error)
    errors, strengths = found.tuned((1.0, 3.0, 10.0))
    assert errors.flatten().tolist() == pytest.approx([0.7, 0.8])
    assert strengths.tolist() == [[3.0, 1.0]]
    errors, strengths = found.tuned((1.0, 3.0, 10.0), by="error")
    assert errors.flatten().tolist() == pytest.approx([0.0, 0.1]), "of equal ones the strongest"
    assert strengths.tolist() == [[10.0, 10.0]]


def test_a_pair_is_chosen_by_validation_loss_and_reported_on_test_data():
    count = len(BY_LAYER) ** 2
    validation, test = (
        torch.ones(2, count),
        torch.arange(2 * count, dtype=torch.float32).view(2, count),
    )
    validation[0, 7], validation[0, 6] = 0.1, 0.2  # pair 7 = (second, third); 6 = (second, second)
    validation[1, 18], validation[1, 24] = 0.1, 0.3  # 18 = (fourth, fourth)
    found = choose_by_layer(validation, test)
    assert found.layered.tolist() == [7, count + 18] and found.uniform.tolist() == [6, count + 18]
    assert found.layered_strengths[0].tolist() == pytest.approx([BY_LAYER[1], BY_LAYER[2]])
    assert found.uniform_strengths[1].tolist() == pytest.approx([BY_LAYER[3]] * 2)


def test_a_diverged_pair_is_never_chosen():
    count = len(BY_LAYER) ** 2
    validation = torch.ones(2, count)
    validation[:, 0] = torch.nan
    assert choose_by_layer(validation, validation).layered.isfinite().all()


def test_the_experiment_by_layer_trains_every_pair(monkeypatch):
    monkeypatch.setattr(penalise_what, "STEPS", 5)
    *_, found = compute_by_layer((7, 8))
    assert isinstance(found, ByLayer) and found.layered.shape == (2,)
    assert (found.uniform_strengths[:, 0] == found.uniform_strengths[:, 1]).all()

"""The mixer's worlds, and one setting against the same network trained alone."""

import math

import pytest
import torch

from course_lib.adamw import Adam
from course_lib.data import breast_cancer
from course_lib.experiments.capstone import mixer

SHORT = {"seeds": (0, 1), "steps": 40, "every": 5}


@pytest.fixture(autouse=True)
def small_table(monkeypatch):
    """E-mails without a file: the table that comes with scikit-learn."""
    monkeypatch.setattr(mixer, "spambase_or_breast_cancer", breast_cancer)


def last(*args, **options):
    *_, result = mixer.mix(*args, **(SHORT | options))
    return result


@pytest.mark.parametrize("name", mixer.WORLDS)
def test_a_world_is_decided_by_its_seed_and_only_labels_that_are_fitted_can_be_wrong(name):
    split, again, other = (mixer.world(name, 100, 0.4, seed) for seed in (0, 0, 1))
    split.check()
    assert (
        len(split.train_y) == 100
        and len(split.validation_y) == mixer.VALIDATION
        and len(split.test_y) >= 100
    )
    assert torch.equal(split.train_x, again.train_x) and torch.equal(
        split.validation_y, again.validation_y
    )
    assert not torch.equal(split.train_x, other.train_x)
    assert 0.25 < (split.train_y != split.clean_train_y).double().mean() < 0.55
    clean = mixer.world(name, 100, 0.0, 0)
    assert torch.equal(clean.train_y, clean.clean_train_y) and torch.equal(
        clean.test_y, split.test_y
    )


def test_a_table_too_small_gives_the_rows_it_has():
    split = mixer.world("e-mails", 1000, 0.0, 0)
    assert (len(split.train_y), len(split.validation_y), len(split.test_y)) == (269, 200, 100)
    assert mixer.note_of("e-mails", 300) == "At most 269 rows of this table can be trained on."
    assert mixer.note_of("e-mails", 269) == mixer.note_of("digits", 1000) == ""


def test_features_are_standardised_on_the_training_rows_alone():
    split = mixer.world("e-mails", 100, 0.0, 3)
    assert split.train_x.mean(0).abs().max() < 1e-5 and split.test_x.mean(0).abs().max() > 0.05


@pytest.mark.parametrize(
    "technique",
    [
        {"lr": 1e-2},
        {"batch_size": 25},
        {"schedule": "cosine"},
        {"patience": 1},
        {"l1": 1e-2},
        {"l2": 1e-2},
        {"weight_decay": 1.0},
        {"label_smoothing": 0.2},
        {"dropout": 0.5},
        {"norm": "batch"},
        {"norm": "layer"},
        {"survival": 0.5},
    ],
    ids=str,
)
def test_every_technique_changes_what_comes_out(technique):
    plain, mixed = last(mixer.Setting()), last(mixer.Setting(**technique))
    assert not torch.equal(plain.nll, mixed.nll) and mixed.nll.isfinite().all()


def test_the_figures_are_those_of_a_network_trained_alone():
    setting = mixer.Setting(l2=1e-2, norm="layer", batch_size=300)
    found = last(setting, seeds=(2,))
    split = mixer.world("digits", 300, 0.2, 2)
    model = mixer.network(split, "layer").build(seed=2)
    optimizer = Adam(model.parameters(), lr=setting.lr, weight_decay=1e-2)
    for _ in range(40):  # whole batches: their order is of no account
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(split.train_x), split.train_y).backward()
        optimizer.step()
    logits, own = model.eval()(split.test_x), model(split.train_x)
    error = (logits.argmax(1) != split.test_y).double().mean().item()
    own_error = (own.argmax(1) != split.train_y).double().mean().item()
    # a row near the border may fall to either side
    assert found.error.item() == pytest.approx(error, abs=0.002)
    assert found.gap.item() == pytest.approx(error - own_error, abs=0.006)
    assert found.nll.item() == pytest.approx(
        torch.nn.functional.cross_entropy(logits, split.test_y).item(), rel=1e-3
    )
    assert found.test_error[0, -1].item() == pytest.approx(found.error.item(), abs=1e-6)


def test_a_diverged_training_has_no_figures_and_says_when():
    lost = last(mixer.Setting(lr=1e6))
    assert lost.error.isnan().all() and (lost.diverged_at >= 0).all()


def test_early_stopping_keeps_the_figures_of_the_best_step():
    stopped = last(mixer.Setting(lr=1e-2, patience=1), steps=200, seeds=(0,))
    assert 0 < stopped.stopped_at.item() < 200
    curve = stopped.test_error[0]
    assert math.isnan(curve[-1]) and stopped.error.item() in [
        pytest.approx(e, abs=1e-6) for e in curve.tolist()
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixer.world("cats", 100, 0.0, 0), "name = 'cats': must be one of"),
        (lambda: mixer.world("e-mails", 100, 1.5, 0), r"noise = 1.5: must be .*\[0, 1\]"),
        (lambda: last(mixer.Setting(norm="group")), "norm = 'group': must be one of"),
        (lambda: last(mixer.Setting(schedule="steps")), "schedule = 'steps': must be one of"),
        (lambda: last(mixer.Setting(dropout=1.5)), "dropout"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()

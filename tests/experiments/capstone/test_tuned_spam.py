"""Nine settings for every variant, what is frozen, and divisions of their own."""

import pytest
import torch

from course_lib.data import breast_cancer
from course_lib.experiments.capstone import tuned_spam
from course_lib.experiments.capstone.spam_study import VARIANTS


def test_every_variant_has_nine_settings_and_its_line_for_each():
    for variant in VARIANTS:
        lines = [line for line in tuned_spam.sweep() if line.variant == variant]
        grid = tuned_spam.GRIDS[variant]
        assert [(line.dropout, line.lr) for line in lines] == list(zip(grid["dropout"], grid["lr"]))
        assert len(lines) == 9 and {len(line.error) for line in lines} == {len(tuned_spam.LOOKS)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_frozen_setting_errs_least(variant):
    dropout, lr, epochs = tuned_spam.frozen(variant)
    lines = [line for line in tuned_spam.sweep() if line.variant == variant]
    [its] = [line for line in lines if (line.dropout, line.lr) == (dropout, lr)]
    assert its.error[tuned_spam.LOOKS.index(epochs)] == min(min(line.error) for line in lines)


def test_a_tuned_study_fills_in_and_is_decided_by_its_seed(monkeypatch):
    monkeypatch.setattr(tuned_spam, "spambase_or_breast_cancer", breast_cancer)
    monkeypatch.setattr(
        tuned_spam, "frozen", lambda variant: tuned_spam.Frozen(VARIANTS[variant][1], 3e-3, 2)
    )
    first, *_, study = tuned_spam.tuned_study(3, seed=7)
    assert not len(first.accuracy) and study.accuracy.shape == (3, 4)
    assert study.accuracy.isfinite().all() and study.progress == 1
    *_, other = tuned_spam.tuned_study(3, seed=8)
    assert not torch.equal(study.accuracy, other.accuracy)

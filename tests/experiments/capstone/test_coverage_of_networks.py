"""How often two intervals hold the truth about the study's networks: worlds, distances, shares."""

import pytest
import torch

from course_lib.base import random
from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.data import Table
from course_lib.experiments.capstone import coverage_of_networks as module
from course_lib.experiments.capstone.spam_study import TEST_FRACTION, study
from course_lib.records import store
from course_lib.statistics import corrected_interval, mean_interval


def test_the_differences_are_those_of_the_study():
    x = torch.randn(300, 6, generator=seeded(0), dtype=torch.float64)
    table = Table("Made up", 10 * x + 3, (x[:, 0] + x[:, 1].abs() > 0.5).long())
    *_, found = study(3, table=table)
    divisions = repeated_subsampling(300, 3, TEST_FRACTION, seeded(0))
    differences = module.differences(table, divisions)
    assert torch.equal(differences, found.of("dropout") - found.of("plain"))
    last = module.differences(table, divisions[2:], first=2)
    assert torch.allclose(last, differences[2:], atol=1.1 / 60)


def worlds(common: float, count: int = 4000) -> torch.Tensor:
    """Differences [worlds, divisions] around 0 that share this standard deviation of their mean."""
    draw = seeded(1)
    shared = torch.randn(count, 1, generator=draw, dtype=torch.float64)
    own = torch.randn(count, module.DIVISIONS, generator=draw, dtype=torch.float64)
    return common * shared + own


def test_coverage_counts_the_intervals_that_hold_the_truth():
    d = worlds(0.5, 50)
    far = d.mean(1).abs() / d.std(1)
    naive = [not mean_interval(one).excludes(0) for one in d]
    corrected = [not corrected_interval(one, 80, 20).excludes(0) for one in d]
    assert module.coverage(0, far).mean == pytest.approx(sum(naive) / 50)
    assert module.coverage(1 / 4, far).mean == pytest.approx(sum(corrected) / 50)
    assert sum(naive) < sum(corrected)


@pytest.mark.parametrize("term", [0.0, 0.25])
def test_the_term_that_is_needed_is_the_variance_that_is_shared(term):
    d = worlds(term**0.5)
    far = d.mean(1).abs() / d.std(1)
    assert module.needed(far).between(term - 0.03, term + 0.03)
    assert module.coverage(term, far).between(0.93, 0.97)


def test_a_small_measurement():
    found = module.measure(worlds=2, truths=3)
    assert found.shape == (2,) and (found >= 0).all() and found.isfinite().all()


def test_what_is_kept_stands_in_for_a_training_on_base_0_only(monkeypatch):
    kept = store.stored("capstone/networks")["distances"]["0"]
    assert module.distances().tolist() == kept and len(kept) == module.WORLDS
    monkeypatch.setattr(random, "BASE", 9)
    monkeypatch.setattr(module, "measure", lambda: "measured")
    assert module.distances() == "measured"

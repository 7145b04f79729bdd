"""What an arm refuses, what its loop trains, and what is tried for it."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import study

X = torch.randn(32, 2, generator=torch.Generator().manual_seed(1))
LABELS, TARGETS = (X.sum(1) > 0).long(), X.sum(1)


def one():
    return nn.Linear(2, 1)


def two(**options):
    return nn.Linear(2, 2, **options)


def planned(arm=None, data=(X, LABELS), **options):
    arms = {"one": arm or study.Arm(two, epochs=[1]), "two": study.Arm(two, epochs=[1])}
    given = {"matters": 0.1, "budget": 1, "divisions": (2, 2), "pilots": 2}
    return study.plan(arms, data, **given | options)


def test_a_column_of_outputs_goes_with_a_vector_of_targets():
    """Broadcast, [n, 1] against [n], the best constant would be learned, and no slope."""
    arm = study.Arm(one, lr=[0.1], epochs=[60], batch_size=[8])
    found = planned(arm, (X, TARGETS), measure="mse", pilots=2)
    found.arms["two"] = study.Arm(lambda: nn.Sequential(one(), nn.Flatten(0)), epochs=[1])
    figures = found.run(None).figures
    assert max(figures["one"]) < 0.01 and len(figures["two"]) == 2
    with pytest.raises(ValueError, match=re.escape("output is [32, 2] and y is [32]")):
        study.fit(two(), X, TARGETS)
    with pytest.raises(ValueError, match=re.escape("output is [32, 1] and y is [32]: class")):
        study.fit(one(), X, LABELS)


def test_a_batch_of_one_row_trains_where_it_was_asked_for():
    model = two()
    before = model.weight.clone()
    study.fit(model, X, LABELS, batch_size=1, epochs=1)
    assert not torch.equal(before, model.weight)


@pytest.mark.parametrize(("steps", "updates"), [(None, 4), (0, 0), (3, 3), (9, 9)])
def test_steps_are_updates_in_all(steps, updates):
    class Counted(nn.Linear):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    model = Counted(2, 2)
    study.fit(model, X, LABELS, batch_size=16, epochs=2, steps=steps)
    assert model.calls == updates


def test_a_trained_module_never_comes_back():
    net = two()
    with pytest.raises(ValueError, match="must make a new module"):
        planned(study.Arm(lambda: net)).run(None)
    with pytest.raises(ValueError, match="must change the model in place"):
        planned(study.Arm(two, fit=lambda model, x, y: two())).run(None)


@pytest.mark.parametrize(
    ("measure", "y", "said"),
    [
        ("error", TARGETS, "measure = 'error': y is torch.float32"),
        ("nll", LABELS[:, None], "measure = 'nll': y is torch.int64 [32, 1]"),
        ("mse", LABELS, "measure = 'mse': y is torch.int64"),
    ],
)
def test_measures_refuse_targets_that_are_not_theirs(measure, y, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        planned(data=(X, y), measure=measure)


def test_one_logit_has_no_share_of_errors():
    def silent(model, x, y):
        """Trains nothing, and so refuses nothing."""

    with pytest.raises(ValueError, match=re.escape("class numbers need [rows, classes]")):
        planned(study.Arm(one, fit=silent)).run(None)


@pytest.mark.parametrize("given", [0.1, "relu"])
def test_a_search_is_a_list(given):
    with pytest.raises(ValueError, match=re.escape(f"give a list, [{given!r}]")):
        study.Arm(two, lr=given)


def test_a_search_goes_to_whoever_takes_it():
    arm = study.Arm(two, bias=[False], lr=[0.1, 0.1, 0.2], epochs=[1])
    settings = arm.settings(2.0)
    assert [it["lr"] for it in settings] == [0.1, 0.2]  # each once
    assert arm.train(settings[0], X, LABELS, 0).bias is None


def test_between_two_ints_are_ints():
    drawn = study.Arm(two, batch_size=study.between(1, 3)).settings(3)
    assert drawn == [{"batch_size": it} for it in (1, 2, 3)]
    arm = study.Arm(two, batch_size=study.between(1, 3, log=False), lr=study.between(1e-3, 1e-1))
    counts = Counter(it["batch_size"] for it in arm.settings(300))
    assert counts.keys() == {1, 2, 3} and min(counts.values()) > 80
    some = study.Arm(two, batch_size=study.between(8, 32)).settings(20)
    assert len({it["batch_size"] for it in some}) == 20
    assert np.log2([it["batch_size"] for it in some]).max() <= 5

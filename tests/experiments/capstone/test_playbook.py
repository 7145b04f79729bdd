"""One factorial answers every way to ask: which knobs are tuned anew, and which stand."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine import product as combinations
from course_lib.experiments.capstone.playbook import BESIDE, FIXED, KNOBS, Factorial, ask, factorial

SHAPE = [len(values) for values in KNOBS.values()]


@pytest.fixture
def invented():
    """Errors without a pattern, of four seeds."""
    generator = torch.Generator().manual_seed(0)
    parts = (torch.rand(4, *SHAPE, generator=generator, dtype=torch.float64) for _ in range(2))
    return Factorial(*parts)


@pytest.mark.parametrize("scientific", BESIDE)
@pytest.mark.parametrize("tuned", [(), ("lr",), ("lr", "steps")])
def test_each_value_gets_the_best_setting_of_what_is_tuned(invented, scientific, tuned):
    answer = ask(invented, scientific, frozenset(tuned))
    for k, value in enumerate(KNOBS[scientific]):
        allowed = [
            at
            for at in product(*(range(n) for n in SHAPE))
            if all(
                KNOBS[name][i] == (value if name == scientific else FIXED[name])
                for name, i in zip(KNOBS, at)
                if name not in tuned
            )
        ]
        best = min(allowed, key=lambda at: invented.validation.mean(0)[at].item())
        assert answer.chosen[k] == {name: KNOBS[name][i] for name, i in zip(KNOBS, best)}
        assert torch.equal(answer.errors[:, k], invented.test[(slice(None), *best)])
    assert answer.best == 1 + int(answer.validation[1:].argmin())
    mean = (answer.errors[:, answer.best] - answer.errors[:, 0]).mean().item()
    assert answer.difference.mean == pytest.approx(mean)


def test_what_stands_can_be_said(invented):
    answer = ask(invented, "dropout", frozenset(), {"lr": 1e-2, "steps": 50})
    assert {(it["lr"], it["steps"]) for it in answer.chosen} == {(1e-2, 50)}


def test_a_best_at_the_end_of_what_was_tried_is_named(invented):
    invented.validation[:, :, -1] = -1.0  # the largest rate is best everywhere
    answer = ask(invented, "dropout", frozenset({"lr"}))
    assert answer.edges(frozenset({"lr"})) == ["lr = 0.03", "lr = 0.03"]
    invented.validation[:, :, 2] = -2.0
    assert ask(invented, "dropout", frozenset({"lr"})).edges(frozenset({"lr"})) == []
    invented.validation[:, :, :, 0] = -3.0  # no decay at all is an end, but nothing lies below
    tuned = frozenset({"weight_decay"})
    assert ask(invented, "dropout", tuned).edges(tuned) == []


@pytest.mark.parametrize(("clip", "decay", "p"), [(math.inf, 1.0, 0.5), (0.1, 0.0, 0.0)])
def test_a_combination_is_the_network_trained_alone(clip, decay, p):
    *_, found = factorial(seeds=(0, 1), width=8)
    one = {"clip": clip, "lr": 3e-3, "weight_decay": decay, "dropout": p}
    *_, alone = train(
        ModelSpec((64, 8, 10)),
        lambda seed: digits(300, 500, label_noise=0.2, seed=seed),
        {name: [value] for name, value in one.items()},
        (0, 1),
        steps=300,
        record_at=KNOBS["steps"],
        validate=True,
    )
    at = tuple(KNOBS[name].index(value) for name, value in one.items())
    for part in ("validation", "test"):
        expected = 1 - getattr(alone, f"{part}_accuracy")[:, 0].double()
        np.testing.assert_allclose(getattr(found, part)[(slice(None), *at)], expected, atol=0.011)


@pytest.mark.parametrize(
    ("scientific", "tuned"),
    [("lr", ()), ("dropout", ("dropout",)), ("clip", ("dropout",)), ("dropout", ("clip",))],
)
def test_a_question_that_is_none_is_refused(invented, scientific, tuned):
    with pytest.raises(ValueError, match="must be one of"):
        ask(invented, scientific, frozenset(tuned))


def test_what_is_not_clipped_is_the_training_without_the_column():
    *_, found = factorial(seeds=(0, 1), width=8)
    names = ("lr", "weight_decay", "dropout")
    *_, plain = train(
        ModelSpec((64, 8, 10)),
        lambda seed: digits(300, 500, label_noise=0.2, seed=seed),
        combinations(**{name: KNOBS[name] for name in names}),
        (0, 1),
        steps=300,
        record_at=KNOBS["steps"],
        validate=True,
        keep_parameters=False,
    )
    for part in ("validation", "test"):
        expected = 1 - getattr(plain, f"{part}_accuracy")
        assert torch.equal(getattr(found, part)[:, 0].flatten(), expected.double().flatten())
    clipped = found.test[:, 1:]
    assert not torch.equal(found.test[:, 0, :, 0, 0], clipped[:, -1, :, 0, 0])
    assert clipped.isfinite().sum() == clipped[..., 0, 0, :].numel(), "no decay, no dropout"


def test_more_steps_go_on_from_the_same_networks():
    *_, found = factorial(seeds=(0, 1), width=8)
    *_, longer = factorial(seeds=(0, 1), width=8, longer=True)
    assert longer.knobs["steps"] == (*KNOBS["steps"], 600, 1000)
    shared = longer.test[..., : len(KNOBS["steps"])]
    np.testing.assert_allclose(shared, found.test[:, :1, :, :1], atol=0.011)
    lowest = longer.validation.clone()
    lowest[..., -1] = -1.0  # 1000 steps are best everywhere
    answer = ask(replace(longer, validation=lowest), "dropout", frozenset({"steps"}))
    assert {one["steps"] for one in answer.chosen} == {1000}
    assert answer.edges(frozenset({"steps"})) == ["steps = 1000", "steps = 1000"]

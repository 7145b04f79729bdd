"""Dropout and weight decay, tuned alike: what is tried, and what is chosen of it."""

import pytest
import torch

from course_lib.engine import train
from course_lib.experiments.dropout import curves, rival, wide

SEEDS, STEPS = (1, 2), 20


@pytest.fixture(scope="module")
def found():
    return rival.compute_rivals(SEEDS, STEPS)


def test_both_have_as_many_strengths_and_share_the_plain_network(found):
    assert len(rival.PS) == len(rival.DECAYS)
    dropout, decay = (found[name] for name in rival.METHODS)
    assert dropout.test.shape == decay.test.shape == (2, 5, len(dropout.steps))
    assert torch.equal(dropout.test[:, 0], decay.test[:, 0])


def test_a_strength_is_that_network_trained_alone(found):
    *_, alone = train(
        curves.SPEC,
        wide.split_of,
        {"weight_decay": rival.DECAYS[4], "lr": 2e-3},
        SEEDS,
        steps=STEPS,
        batch_size=50,
        validate=True,
    )
    tried = found["weight decay"]
    for part, accuracy in (
        (tried.test, alone.test_accuracy),
        (tried.validation, alone.validation_accuracy),
    ):
        assert torch.allclose(part[:, 4, -1], 1 - accuracy[:, 0, -1].double(), atol=6e-3)


def by_hand():
    # mean validation errors, strengths × steps: lowest 0.1 at (1, step 10), at the end 0.2 at 2
    validation = torch.tensor([[[0.5, 0.4, 0.5], [0.5, 0.1, 0.4], [0.5, 0.3, 0.2]]]).double()
    return rival.Tried((0.0, 1.0, 2.0), (0, 10, 20), validation, validation + 0.01)


def test_what_is_chosen_has_the_lowest_validation_error():
    end, stop = by_hand().left_to_run(), by_hand().stopped_in_time()
    assert (end.strength, end.step, end.error.tolist()) == (2.0, 20, pytest.approx([0.21]))
    assert (stop.strength, stop.step, stop.error.tolist()) == (1.0, 10, pytest.approx([0.11]))
    assert (end.validation, stop.validation) == pytest.approx((0.2, 0.1))


def test_the_table_has_a_line_for_each_strength_and_a_star_for_each_choice(found):
    lines = rival.table(found).splitlines()
    assert len(lines) == 2 + 5 + 5 and sum(line.count("*") for line in lines) == 4
    lines = rival.table({"by hand": by_hand()}).splitlines()
    assert [line.count("*") for line in lines[2:]] == [0, 1, 1]
    assert lines[3].split() == ["by", "hand", "1", "40.0%", "41.0%", "10.0%*", "11.0%", "10"]

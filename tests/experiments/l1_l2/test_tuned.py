"""L2 against L1, each at the strength that the validation rows choose."""

import pytest
import torch

from course_lib.engine import train
from course_lib.experiments.l1_l2.shrinking import RATE, SPEC, STEPS, digits_to_shrink
from course_lib.experiments.l1_l2.tuned import COUNT, GRIDS, Tuned, compute_tuned
from course_lib.sgd import sgd_update


@pytest.fixture(scope="module")
def tuned():
    *_, result = compute_tuned((0,))
    return result


def test_both_penalties_have_equally_fine_grids_of_two_decades():
    for grid in GRIDS.values():
        assert len(grid) == COUNT and grid[-1] / grid[0] == pytest.approx(100)


def test_shapes_and_whose_weights_are_zero(tuned):
    for figure in (tuned.validation_error, tuned.test_error, tuned.zeros):
        assert figure.shape == (1, 2, COUNT) and figure.isfinite().all()
    assert tuned.zeros[:, 0].max() == 0 and tuned.zeros[0, 1, -1] > 0.5


def test_a_setting_is_the_network_trained_alone(tuned):
    setting = {"l1": GRIDS["l1"][6], "lr": RATE, "only_weights": True}
    *_, alone = train(
        SPEC, digits_to_shrink, setting, (0,), update=sgd_update, steps=STEPS, validate=True
    )
    assert tuned.test_error[0, 1, 6] == pytest.approx(
        1 - alone.test_accuracy[0, 0, -1].item(), abs=0.005
    )


def test_the_lowest_validation_error_chooses_and_of_equals_the_larger_strength():
    validation = torch.full((1, 2, COUNT), 0.5)
    validation[0, 0, 2], validation[0, 1, 3], validation[0, 1, 7] = 0.1, 0.2, 0.2
    test = torch.arange(2.0 * COUNT).view(1, 2, COUNT)
    made = Tuned(1.0, validation, test, test)
    assert made.choice().tolist() == [[2, 7]]
    assert made.strengths().tolist() == [[GRIDS["l2"][2], GRIDS["l1"][7]]]
    assert made.chosen(test).tolist() == [[2.0, COUNT + 7.0]]

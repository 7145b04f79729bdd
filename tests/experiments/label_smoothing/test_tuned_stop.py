"""Which rate and stop the validation rows choose."""

import pytest
import torch

from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.label_smoothing import tuned_stop as lab
from course_lib.experiments.shared.forward import forward


def test_the_lowest_mean_error_is_chosen():
    error = torch.tensor([[[0.3, 0.2], [0.1, 0.4]], [[0.3, 0.1], [0.3, 0.4]]])
    assert lab.Stops((1e-3, 1e-2), (20, 40), error).best == (1e-3, 40)


def test_what_the_lesson_trains_with_lies_inside_the_grid():
    assert lab.RATES[0] < lab.RATE < lab.RATES[-1] and lab.RATE in lab.RATES
    assert lab.STOPS[0] < lab.STEPS < lab.STOPS[-1] and lab.STEPS in lab.STOPS
    assert lab.RIGHT_RATE in lab.RATES and lab.RIGHT_STEPS in lab.STOPS[1:-1]
    assert not set(lab.SEEDS) & set(smoothing.SEEDS), "no verdict uses these seeds"


def test_errors_are_those_on_the_validation_rows():
    *_, found = lab.choose_stop((5, 6), (1e-3, 1e-2), (20, 60))
    assert found.error.shape == (2, 2, 2) and (found.error[:, :, 1] < 0.6).all()

    def data(seed):
        return smoothing.data(seed, 0.2)

    *_, (networks, _) = smoothing.train_smoothed(data, (0.0,), (6,), 60, 1e-3)
    split = data(6)
    wrong = forward(networks[6], split.validation_x)[0].argmax(1) != split.validation_y
    assert found.error[1, 0, 1].item() == pytest.approx(wrong.double().mean().item(), abs=0.011)

"""The referees of lesson 05's tasks against what they stand for.

(`test_checks_tasks` tries every mistake.)
"""

import pytest
import torch

from course_lib import label_smoothing
from course_lib.checks import label_smoothing as tasks


def drawn(task, seed=0):
    from course_lib.checks.judge.values import decode

    return [decode(case["args"]) for case in tasks.TASKS[task].draw(seed)]


def test_the_referees_are_what_the_course_teaches():
    for target, classes, epsilon in drawn("T1"):
        ours = label_smoothing.smooth_labels(target, classes, epsilon)
        torch.testing.assert_close(tasks.labels_by_torch(target, classes, epsilon), ours)
    for logits, target, epsilon in drawn("T2"):
        ours = label_smoothing.cross_entropy(logits, target, label_smoothing=epsilon)
        torch.testing.assert_close(tasks.loss_by_torch(logits, target, epsilon), ours)
    (calibration_error,) = tasks.TASKS["T4"].reference
    for arguments in drawn("T4"):
        ours = label_smoothing.expected_calibration_error(*arguments)
        assert calibration_error(*arguments) == pytest.approx(ours, abs=1e-12)


def test_the_pencil_agrees_with_the_function():
    probabilities, target = tasks.rows_of(tasks.PREDICTIONS)
    confidence, accuracy, count = label_smoothing.reliability_curve(probabilities, target, 4)
    assert count.tolist() == tasks.BY_HAND["counts"]
    assert (accuracy - confidence).abs()[1:].tolist() == pytest.approx(tasks.BY_HAND["gaps"])
    assert label_smoothing.expected_calibration_error(probabilities, target, 4) == pytest.approx(
        tasks.BY_HAND["ece"]
    )
    assert label_smoothing.expected_calibration_error(probabilities, target, 1) == pytest.approx(
        0.03
    )


def test_the_slips_of_the_pencil_are_what_the_turned_screws_give():
    """Each wrong calibration error of T3 is the one that the same mistake gives in T4."""
    arguments = *tasks.rows_of(tasks.PREDICTIONS), 4
    by_name = {
        mistake.name: mistake.answers[0](*arguments) for mistake in tasks.TASKS["T4"].mistakes
    }
    pairs = {"empty bin counted": "mean over all bins"}
    shared = 0
    for slip in tasks.TASKS["T3"].mistakes:
        name = pairs.get(slip.name, slip.name)
        if name in by_name:
            assert slip.answers[2] == pytest.approx(by_name[name]), name
            shared += 1
    assert shared >= 6


def test_the_first_case_of_the_loss_is_the_one_in_the_text():
    logits, target, epsilon = drawn("T2")[0]
    assert tasks.loss_by_torch(logits, target, epsilon).item() == pytest.approx(0.7305, abs=5e-5)


def test_the_temperature_by_hand_is_two_and_the_others_are_those_of_the_course():
    (fit_temperature,) = tasks.TASKS["T6"].reference
    (logits, target), *others = drawn("T6")
    assert logits.softmax(1)[:, 0].tolist() == pytest.approx([0.9] * 4)
    assert fit_temperature(logits, target) == pytest.approx(2, rel=tasks.STEP)
    for arguments in others:
        ours = label_smoothing.temperature_scale(*arguments)
        assert fit_temperature(*arguments) == pytest.approx(ours, rel=0.006)

"""One example under many masks: every row has its own, and in evaluation none."""

import torch

from course_lib.experiments.dropout.thinned import BATCH, UNITS, thin_network


def thinned(**changed):
    half = {"p_input": 0.0, "p_first": 0.5, "p_second": 0.5, "row": 3, "mode": "training"}
    return thin_network(**{**half, **changed})


def test_every_row_has_masks_of_its_own_and_the_mean_settles_on_evaluation():
    result = thinned()
    first = result.after[1]
    assert first.shape == (BATCH, UNITS[1]) and len((first != 0).unique(dim=0)) > 40
    ratio = first / result.before[1]
    assert torch.allclose(ratio[first != 0], torch.tensor(2.0, dtype=torch.float64))
    standard_error = result.whole[1] / BATCH**0.5  # x²p/(1−p) at p = 0.5 is x²
    assert ((first.mean(0) - result.whole[1]).abs() < 4 * standard_error).all()


def test_every_unit_of_the_network_is_awake():
    """So that a zero in the picture was dropped."""
    result = thinned(mode="evaluation")
    assert all((part > 0).all() for part in result.whole) and all(
        (part > 0).all() for part in result.after
    )


def test_evaluation_is_the_whole_network_in_every_row():
    result = thinned(mode="evaluation", p_input=0.9)
    for after, whole in zip(result.after, result.whole, strict=True):
        assert torch.allclose(after, whole.expand_as(after), rtol=0, atol=1e-14)

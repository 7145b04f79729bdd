"""Rows and blocks as `drop_path` draws them, and as a learner's function does."""

import numpy as np
import pytest
import torch

from course_lib.experiments.stochastic_depth.who_is_on import BATCHES, ROWS, draw_who_is_on


def who(last=0.5, rule="linear", mode="row by row", batch=1, **handed):
    return draw_who_is_on(last, rule, mode, batch, **handed)


def test_rows_are_whole_and_the_mean_is_one():
    result = who()
    on = result.batch != 0
    assert (on.all(-1) == on.any(-1)).all() and 0 < on.double().mean() < 1
    assert np.allclose(result.mean * result.survivals, result.kept, rtol=1e-5), (
        "1/p_l for each that is kept"
    )
    spread = np.sqrt(
        np.array(result.survivals) * (1 - np.array(result.survivals)) / (BATCHES * ROWS)
    )
    assert (abs(result.kept - result.survivals) < 5 * spread).all()


def test_a_batch_that_decides_as_one():
    on = who(mode="the whole batch").batch[..., 0] != 0
    assert (on.all(1) == on.any(1)).all()


def test_at_the_ends_all_or_the_rule_alone():
    assert (who(last=1.0).batch == 1).all()
    assert (who(last=0.0).batch[-1] == 0).all() and who(last=0.0).kept[-1] == 0
    assert (who(last=0.0, rule="uniform").batch == 0).all()


def test_the_learners_function_draws_the_picture():
    def forgets_to_rescale(x, p, mode="row", training=True, generator=None):
        return x * (torch.rand(len(x), 1, generator=generator) >= p)

    result = who(layer=forgets_to_rescale)
    assert np.allclose(result.mean, result.kept) and "your function" in result.note
    with pytest.raises(ValueError, match=r"must keep the shape \[20, 4\], and made \[20, 1\]"):
        who(layer=lambda x, p, **options: x[:, :1])
    with pytest.raises(ValueError, match="made a NoneType"):
        who(layer=lambda x, p, **options: None)

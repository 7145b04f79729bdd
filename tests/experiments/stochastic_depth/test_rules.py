"""Rules at one expected depth, compared on made-up figures."""

import torch

from course_lib.experiments.stochastic_depth.rules import COMPARED, Rules
from course_lib.experiments.stochastic_depth.training import LAST
from tests.experiments.stochastic_depth import _made_up


def test_the_rules_are_compared_on_the_seeds_that_both_have():
    result, columns = _made_up.rules(), [LAST.index(last) for last in COMPARED]
    linear, uniform = result.compared("uniform", lambda training: training.at("error"))
    assert linear.shape == uniform.shape == (2, len(COMPARED))
    assert torch.equal(linear, result.linear.at("error")[:2, columns])
    assert torch.equal(uniform[:, :-1], result.others["uniform"].at("error"))
    assert torch.equal(linear[:, -1], uniform[:, -1]), "where nothing is dropped the rules are one"
    missing = Rules(result.linear, {}).compared("uniform", lambda training: training.at("error"))
    assert missing[0].shape == (3, len(COMPARED)) and missing[1].isnan().all()

"""One weight on a parabola: a run of either pull ends where its formula says."""

import pytest

from course_lib.experiments.weight_decay.parabola import PULLS, rest_on_parabola, settle
from course_lib.sgd import sgd_update


@pytest.mark.parametrize(
    ("strength", "momentum"), [(0.5, 0.9), (2.0, 0.0), (0.0, 0.5), (1.3, 0.95)]
)
@pytest.mark.parametrize("pull", PULLS)
def test_runs_end_at_the_formulas(strength, momentum, pull):
    end = settle(sgd_update, pull, strength, momentum)[-1]
    assert abs(end - rest_on_parabola(pull, strength, momentum)) < 1e-4

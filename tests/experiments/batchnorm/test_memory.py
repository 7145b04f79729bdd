"""Running statistics against their formula, and those of a learner's own function."""

import pytest

from course_lib.experiments.batchnorm import memory as lab


@pytest.mark.parametrize("momentum", [0.05, 0.3, 1.0])
def test_the_running_mean_settles_at_the_formulas_variance(momentum):
    """v ← (1 − m)²v + m²σ²/B, the variance of an average of independent batches, from 0 until
    nothing changes.
    """
    v = 0.0
    for _ in range(1000):
        v = (1 - momentum) ** 2 * v + momentum**2 * 2.0 / 8
    assert lab.variance_of_running_mean(momentum, 2.0, 8) == pytest.approx(v, rel=1e-12)


def test_a_momentum_of_nothing_is_refused_by_name():
    with pytest.raises(ValueError, match="momentum = 0"):
        lab.variance_of_running_mean(0.0, 1.0, 4)


def test_the_memory_is_the_layers_own_and_settles_as_the_formula_says():
    found = lab.keep_memory(16, 0.1)
    assert found.mean.shape == (201, 40) and not found.mean[0].any() and (found.var[0] == 1).all()
    assert found.expected == lab.variance_of_running_mean(0.1, 1.0, 16) ** 0.5
    at_rest = found.mean[60:100].std(1).mean().item()
    assert at_rest == pytest.approx(found.expected, rel=0.15)
    assert (
        found.mean[100].mean() == pytest.approx(2.0, abs=0.05) and abs(found.mean[-1].mean()) < 0.05
    )
    assert found.mean[105].mean() == pytest.approx(2 * 0.9**5, abs=0.1), (
        "five batches after the jump"
    )


def test_the_learners_layer_keeps_the_memory():
    def forgetful(x, running_mean, running_var, gamma, beta, training, momentum, eps):
        running_mean.copy_(x.mean(0))
        return x

    found = lab.keep_memory(8, 0.1, layer=forgetful)
    assert (found.var == 1).all() and found.mean[-1].std() == pytest.approx(8**-0.5, rel=0.3)

"""The referees of lesson 07's tasks against what they stand for, and the drivers in a process of
their own.
"""

import pytest
import torch
from torch import nn

from course_lib.checks import batchnorm as tasks
from course_lib.checks import check_source
from course_lib.checks.judge import norms
from course_lib.checks.judge.drivers import DRIVERS

FLOAT = torch.float64


def test_the_normaliser_without_a_turned_screw_is_torchs():
    x, gamma, beta = (
        torch.randn(*s, dtype=FLOAT, generator=torch.Generator().manual_seed(0))
        for s in ((5, 3), (3,), (3,))
    )
    (ours,) = tasks.normaliser()
    assert torch.allclose(
        ours(x, gamma, beta), tasks.normalise_by_torch(x, gamma, beta), rtol=0, atol=1e-14
    )


def test_the_norm_with_a_memory_without_a_turned_screw_is_torchs_layer():
    layer, (ours,) = nn.BatchNorm1d(3, momentum=0.3, dtype=FLOAT), tasks.rememberer()
    mean, var = torch.zeros(3, dtype=FLOAT), torch.ones(3, dtype=FLOAT)
    for seed, training in enumerate((True, True, False)):
        x = torch.randn(5, 3, dtype=FLOAT, generator=torch.Generator().manual_seed(seed))
        y = layer.train(training)(x)
        assert torch.allclose(
            ours(x, mean, var, layer.weight, layer.bias, training, 0.3), y, rtol=0, atol=1e-13
        )
        assert torch.allclose(mean, layer.running_mean, rtol=0, atol=1e-15)
        assert torch.allclose(var, layer.running_var, rtol=0, atol=1e-14)


def test_the_folded_layer_computes_what_layer_and_norm_did():
    draw = [
        torch.rand(n, dtype=FLOAT, generator=torch.Generator().manual_seed(n)) + 0.5
        for n in (3, 3, 3, 3, 3)
    ]
    bias, gamma, beta, mean, var = draw
    weight, x = (
        torch.arange(6.0, dtype=FLOAT).reshape(3, 2),
        torch.tensor([[1.0, -2.0]], dtype=FLOAT),
    )
    w, b = tasks.fold_by_torch(weight, bias, gamma, beta, mean, var, 0.1)
    norm = nn.functional.batch_norm(x @ weight.T + bias, mean, var, gamma, beta, eps=0.1)
    assert torch.allclose(x @ w.T + b, norm, rtol=0, atol=1e-14)


@pytest.mark.parametrize("fault", tasks.FAULTS)
def test_a_suspect_has_its_fault_and_no_other(fault):
    norm = norms.suspect(**tasks.FAULTS[fault])
    x = torch.tensor([[1.0], [2.0], [5.0]], dtype=FLOAT, requires_grad=True)
    mean, var = torch.zeros(1, dtype=FLOAT), torch.ones(1, dtype=FLOAT)
    y = norm(x, mean, var, True, 0.25)
    right = nn.functional.batch_norm(x, None, None, training=True)
    grads = [torch.autograd.grad(z[0].sum(), x)[0] for z in (y, right)]
    assert torch.allclose(y, right, atol=1e-9) == (fault != "running")
    assert torch.allclose(*grads, atol=1e-9) == (fault not in ("running", "detached"))
    assert torch.allclose(mean, x.mean(0) / 4) == (fault != "reversed")
    assert torch.allclose(var, 0.75 + x.var(0) / 4) == (fault not in ("reversed", "biased"))


SOURCES = {
    "07/T1": """
def normalise(x, gamma, beta, eps=1e-5):
    mean, var = x.mean(0), x.var(0, correction=0)
    return gamma * (x - mean) / (var + eps).sqrt() + beta
""",
    "07/T3": """
def evaluate(model, batches):
    was = model.training
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(x) for x in batches])
    model.train(was)
    return outputs
""",
}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("task", SOURCES)
def test_answers_are_judged_in_a_process_of_their_own(task):
    assert check_source(SOURCES[task], 20, task)["verdict"] == "passed"


@pytest.mark.usefixtures("worker")
def test_an_answer_that_returns_something_else_is_told_so():
    found = check_source(
        "def normalise(x, gamma, beta, eps=1e-5):\n    return x.sum()", 20, "07/T1"
    )
    assert found["verdict"] == "failed" and "shape [], expected [3, 1]" in found["message"]
    constant = "def normalise(x, gamma, beta, eps=1e-5):\n    return torch.zeros_like(x)"
    assert check_source(constant, 20, "07/T1")["verdict"] == "failed"


def test_a_result_cut_off_from_its_inputs_is_noted_and_does_not_raise():
    case, seen = tasks.normalise_cases(torch.Generator().manual_seed(0))[0], {}
    DRIVERS["differentiate"](
        [lambda x, gamma, beta, eps: x.detach() * 0],
        case,
        lambda _, what, value: seen.update({what: value}),
    )
    assert "cut off" in seen["gradient"]

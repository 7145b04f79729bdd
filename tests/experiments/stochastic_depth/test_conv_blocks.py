"""Convolutional residual blocks in lock-step: equal to torch's layers, by autograd."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.base.random import seeded
from course_lib.experiments.stochastic_depth.conv_blocks import ConvBlocksSpec

SPEC = ConvBlocksSpec(length=7, channels=3, blocks=2, classes=4)
ROWS, LAST, P = 5, 0.5, 0.3


def _networks(**options):
    start = [parameter.unsqueeze(0) for parameter in SPEC.initial(0, torch.float64)]
    given = {name: torch.tensor([v], dtype=torch.float64) for name, v in options.items()}
    return SPEC.networks(start, 1, given, ROWS)


def _rows():
    draw = seeded(0)
    x = torch.randn(ROWS, 7, dtype=torch.float64, generator=draw)
    return x, torch.tensor([0, 1, 3, 2, 0]), draw


def _by_hand(parameters, x, fields):
    """Logits in training; fields: for each block one [1, rows] and one [channels·places, rows]."""
    given, fields = iter(parameters), iter(fields)

    def norm(z):
        return F.batch_norm(z, None, None, next(given), next(given), training=True)

    x = F.conv1d(x.unsqueeze(1), next(given), next(given), stride=2, padding=2)
    x = F.relu(norm(x))
    for survival in SPEC.survival(LAST):
        b = (next(fields) >= 1 - survival).double().T.unsqueeze(2) / survival
        kept = (next(fields).T.reshape(x.shape) >= P).double() / (1 - P)
        f = F.relu(norm(F.conv1d(x, next(given), padding=1))) * kept
        x = F.relu(x + b * norm(F.conv1d(f, next(given), padding=1)))
    return F.linear(x.mean(2), next(given), next(given))


def test_loss_and_gradients_are_those_of_autograd():
    (x, y, draw), networks = _rows(), _networks(survival=LAST, dropout=P)
    assert networks.noise_widths == (1, 12, 1, 12)
    fields = [torch.rand(width, ROWS, generator=draw) for width in networks.noise_widths]
    loss = networks.compute_gradients(x, F.one_hot(y, 4).double(), fields)
    leaves = [parameter.requires_grad_() for parameter in SPEC.initial(0, torch.float64)]
    wanted = F.cross_entropy(_by_hand(leaves, x, fields), y)
    wanted.backward()
    assert (loss[0] - wanted).abs() < 1e-12
    for leaf, gradient in zip(leaves, networks.gradients, strict=True):
        assert (leaf.grad - gradient[0]).abs().max() < 1e-12


def test_evaluation_is_that_of_the_built_model():
    (x, y, _), networks = _rows(), _networks()
    model = SPEC.build(dtype=torch.float64)
    networks.compute_gradients(x, F.one_hot(y, 4).double(), [])
    model(x)  # in training: both have seen these rows once
    assert (networks.outputs(x)[0].T - model.eval()(x)).abs().max() < 1e-12
    running = [b for name, b in model.named_buffers() if "num_batches" not in name]
    for one, many in zip(running, networks.buffers, strict=True):
        assert (one - many[0]).abs().max() < 1e-12


def test_sizes_and_rules_are_refused():
    with pytest.raises(ValueError, match="blocks"):
        ConvBlocksSpec(blocks=0)
    with pytest.raises(ValueError, match="survival_rule"):
        ConvBlocksSpec(survival_rule="reversed")
    assert ConvBlocksSpec(survival_rule="uniform").survival(0.8) == [0.8] * 6

"""Dropout of single numbers in the branches: where it stands, and its gradients by autograd."""

import torch
from torch.nn.functional import cross_entropy, gelu, linear, one_hot

from course_lib.base.random import seeded
from course_lib.experiments.stochastic_depth.training import InBranch

SPEC = InBranch((6, 4, 3), residual_blocks=2, expansion=2, branch_norm=False)
P = 0.3


def _rows():
    draw = seeded(0)
    x = torch.randn(5, 6, dtype=torch.float64, generator=draw)
    fields = [torch.rand(8, 5, generator=draw) for _ in range(2)]  # [inside, rows] for each block
    return x, torch.tensor([0, 1, 2, 1, 0]), fields


def _by_hand(parameters, x, fields):
    (w, b), *blocks, (w_out, b_out) = zip(parameters[::2], parameters[1::2])
    x = torch.relu(linear(x, w, b))
    for first, last, u in zip(blocks[::2], blocks[1::2], fields):
        kept = (u.T >= P).double() / (1 - P)
        x = x + linear(gelu(linear(x, *first)) * kept, *last)
    return linear(x, w_out, b_out)


def _networks(p):
    start = [parameter.unsqueeze(0) for parameter in SPEC.initial(0, torch.float64)]
    return SPEC.networks(start, 1, {"dropout": torch.tensor([p], dtype=torch.float64)}, 5)


def test_it_stands_behind_the_gelu_of_each_branch_and_nowhere_else():
    assert [kind for kind, *_ in SPEC.branch()] == ["linear", "gelu", "dropout", "linear"]
    assert [kind for kind, *_ in SPEC.layers()] == ["linear", "relu", *["residual"] * 2, "linear"]
    assert _networks(P).noise_widths == (8, 8)


def test_loss_and_gradients_are_those_of_autograd():
    (x, y, fields), networks = _rows(), _networks(P)
    loss = networks.compute_gradients(x, one_hot(y, 3).double(), fields)
    leaves = [p.requires_grad_() for p in SPEC.initial(0, torch.float64)]
    wanted = cross_entropy(_by_hand(leaves, x, fields), y)
    wanted.backward()
    assert (loss[0] - wanted).abs() < 1e-12
    for leaf, gradient in zip(leaves, networks.gradients):
        assert (leaf.grad - gradient[0]).abs().max() < 1e-12


def test_in_evaluation_all_numbers_are_there():
    (x, *_), networks = _rows(), _networks(P)
    assert (networks.outputs(x) - _networks(0.0).outputs(x)).abs().max() == 0

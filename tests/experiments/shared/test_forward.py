"""The one forward pass: against `nn.Sequential`, for one network and for many at once."""

import torch
from torch import nn

from course_lib.experiments.shared.forward import forward


def networks(count, activation=nn.ReLU):
    layers = [
        nn.Sequential(nn.Linear(5, 4), activation(), nn.Linear(4, 3), activation(), nn.Linear(3, 2))
        for _ in range(count)
    ]
    return [layer.double() for layer in layers]


def test_it_says_what_torchs_layers_say_up_to_any_of_them():
    torch.manual_seed(0)
    (network,) = networks(1, nn.Tanh)
    parameters, x = list(network.parameters()), torch.randn(7, 5).double()
    for layers, modules in ((0, 0), (1, 2), (2, 4), (3, 5), (None, 5)):
        got = forward(parameters, x, layers=layers, activation=torch.tanh)
        torch.testing.assert_close(got, network[:modules](x))
    hidden = forward(parameters, x, layers=1)
    assert torch.equal(forward(parameters[2:], hidden), forward(parameters, x))


def test_many_networks_at_once_on_shared_rows_or_their_own():
    torch.manual_seed(1)
    several, shared = networks(3), torch.randn(7, 5).double()
    parameters = [torch.stack(alike) for alike in zip(*(n.parameters() for n in several))]
    own = torch.randn(3, 7, 5).double()
    for x, rows in ((shared, [shared] * 3), (own, own)):
        wanted = torch.stack([network(row) for network, row in zip(several, rows)])
        torch.testing.assert_close(forward(parameters, x), wanted)


def test_gradients_pass_through_it():
    torch.manual_seed(2)
    (network,) = networks(1)
    parameters, x = list(network.parameters()), torch.randn(7, 5).double()
    found = torch.autograd.grad(forward(parameters, x).square().sum(), parameters)
    wanted = torch.autograd.grad(network(x).square().sum(), parameters)
    torch.testing.assert_close(found, wanted)

"""Backward by hand: bit for bit what autograd finds for the forward as one would write it.

In float32 and at the size that lessons train, so that whoever makes a step faster sees whether its
rounding has changed: what is recorded rests on it.
"""

import pytest
import torch
from torch.nn.functional import batch_norm, embedding, one_hot, pad

from course_lib.batchnorm import layer_norm, standardise
from course_lib.data import mnist1d, modular_addition
from course_lib.elsewhere import rms_norm, split_heads
from course_lib.engine import ConvSpec, TransformerSpec
from course_lib.engine.convolution import shifted
from course_lib.engine.transformer import EPS

SEEDS = (0, 1)
OPTIONS = {"dropout": [0.0, 0.3], "label_smoothing": [0.0, 0.1]}  # by setting


def made(spec, options, rows):
    """Networks of two seeds × two settings."""
    start = [torch.stack(same) for same in zip(*(spec.initial(seed) for seed in SEEDS))]
    given = {name: torch.tensor(column * len(SEEDS)) for name, column in options.items()}
    with torch.no_grad():
        networks = spec.networks(start, 2, given, rows)
    noise = torch.Generator().manual_seed(0)
    fields = [
        torch.rand(len(SEEDS), width, rows, generator=noise) for width in networks.noise_widths
    ]
    return networks, fields


def batch(split_of, rows, classes):
    splits = [split_of(seed) for seed in SEEDS]
    x = torch.stack([split.train_x[:rows] for split in splits])
    return x, one_hot(torch.stack([split.train_y[:rows] for split in splits]), classes).float()


def by_autograd(spec, networks, forward, x, target):
    """Losses and gradients of `forward(named, x [V, …])`."""
    leaves = [p.clone().requires_grad_() for p in networks.parameters]
    z = forward(dict(zip(spec.names(), leaves)), x.repeat_interleave(2, 0))
    y = target.mT.repeat_interleave(2, 0)
    epsilon = networks.epsilon
    loss, delta = networks.loss(z.detach(), y * (1 - epsilon) + epsilon / y.shape[1])
    return loss, torch.autograd.grad(z, leaves, delta)


def kept(field, p):
    """The factor of each unit of V networks."""
    p = torch.tensor(p).view(1, -1, 1, 1)
    return ((field.unsqueeze(1) >= p).float() / (1 - p)).flatten(0, 1)


def assert_equal(spec, networks, fields, forward, x, target):
    loss, gradients = by_autograd(spec, networks, forward, x, target)
    with torch.no_grad():
        found = networks.compute_gradients(x, target, fields)
    assert torch.equal(found, loss)
    for name, wanted, gradient in zip(spec.names(), gradients, networks.gradients):
        assert torch.equal(gradient, wanted), name


def looked_up(table, index):
    """table[v, index[v, …]] for each network."""
    first = table.shape[1] * torch.arange(len(table)).view(-1, *[1] * (index.dim() - 1))
    return embedding(index + first, table.flatten(0, 1))


def normed(spec, named, name, x):
    if spec.norm is None:
        return x
    x = x.view_as(x)  # what the norm says of x is summed before others join in
    weight = named[f"{name}.weight"].unsqueeze(1)
    if spec.norm == "rms":
        return rms_norm(x, weight, EPS)
    return layer_norm(x, spec.width, weight, named[f"{name}.bias"].unsqueeze(1), EPS)


def transformer(spec, named, x, mask):
    words, width, heads = spec.prime + 1, spec.width, spec.heads
    h = (named["embedding"].unsqueeze(1) + named["positions"].unsqueeze(2)).flatten(1, 2)
    seen, weight = normed(spec, named, "attention_norm", h), named["attention.in_proj_weight"]
    q = seen[:, -words:] @ weight[:, :width].mT
    k, v = (seen @ weight[:, width:].mT).chunk(2, -1)
    scores = split_heads(q, heads) @ split_heads(k, heads).mT / (width // heads) ** 0.5
    place, last = x + words * torch.arange(spec.tokens), x[..., -1]
    table = scores.permute(0, 2, 3, 1).flatten(1, 2)
    shares = looked_up(table, place + last.unsqueeze(-1) * (spec.tokens * words)).softmax(-2)
    values = looked_up(v, place).unflatten(-1, (heads, -1))
    taken = (shares.unsqueeze(-1) * values).sum(2).flatten(-2)
    output = named["attention.out_proj.weight"].mT
    r = torch.baddbmm(looked_up(h[:, -words:], last), taken, output).mT
    seen = normed(spec, named, "mlp_norm", r.mT).mT
    a = torch.baddbmm(named["up.bias"].unsqueeze(-1), named["up.weight"], seen).relu() * mask
    r = r + torch.baddbmm(named["down.bias"].unsqueeze(-1), named["down.weight"], a)
    return named["unembedding.weight"] @ normed(spec, named, "last_norm", r.mT).mT


def convolved(weight, bias, a):
    k, length = weight.shape[-1], (a.shape[2] + 1) // 2
    padded = pad(a, (0, 0, k // 2, k // 2))
    copies = [padded[:, :, t : t + 2 * length - 1 : 2] for t in range(k)]
    wide = weight.transpose(2, 3).flatten(2)
    z = torch.baddbmm(bias.unsqueeze(-1), wide, torch.cat(copies, 1).flatten(2))
    return z.view(*z.shape[:2], length, -1)


def convolution(spec, named, a, mask):
    a = a.unsqueeze(1)
    for i in range(1, len(spec.kernels) + 1):
        a = convolved(named[f"convolution_{i}.weight"], named[f"convolution_{i}.bias"], a)
        if spec.norm:
            weight, bias = named[f"norm_{i}.weight"], named[f"norm_{i}.bias"]
        if spec.norm == "group":
            mean, var = a.mean((1, 2), True), a.var((1, 2), correction=0, keepdim=True)
            a = standardise(a, mean, var, EPS, weight[:, :, None, None], bias[:, :, None, None])
        if spec.norm == "batch":
            together = a.view(1, weight.numel(), -1)
            y = batch_norm(together, None, None, weight.flatten(), bias.flatten(), True, 0.1, EPS)
            a = y.view_as(a)
        a = a.relu()
    a = a.flatten(1, 2) * mask
    return torch.baddbmm(named["last.bias"].unsqueeze(-1), named["last.weight"], a)


@pytest.mark.parametrize("norm", [None, "rms", "layer"])
def test_a_transformers_gradients_are_those_of_autograd(norm):
    spec, rows = TransformerSpec(norm=norm), 100
    networks, fields = made(spec, OPTIONS, rows)
    x, target = batch(modular_addition, rows, spec.prime)
    mask = kept(*fields, OPTIONS["dropout"])
    assert_equal(
        spec, networks, fields, lambda named, x: transformer(spec, named, x, mask), x, target
    )


@pytest.mark.parametrize("norm", [None, "batch", "group"])
def test_a_convolutions_gradients_are_those_of_autograd(norm):
    spec, rows, shift = ConvSpec(norm=norm), 64, [0, 4]
    networks, fields = made(spec, OPTIONS | {"shift": shift}, rows)
    x, target = batch(mnist1d, rows, spec.classes)
    mask, places = kept(fields[1], OPTIONS["dropout"]), torch.tensor(shift).view(1, 2, 1, 1)

    def forward(named, x):
        lines = shifted(x.mT.contiguous(), places.expand(2, -1, -1, -1), fields[0])
        return convolution(spec, named, lines, mask)

    assert_equal(spec, networks, fields, forward, x, target)

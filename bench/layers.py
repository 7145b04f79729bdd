"""Backward by hand against autograd over the ideas' own functions: `python -m bench.layers`.

Both compute the gradients of one batch for V networks, in processor time, taking turns; a row per
shape that the lessons train. What autograd differentiates is written with `batch_norm`,
`standardise` and torch's activations, feature-major as the engine has it.
"""

import statistics
import time

import torch
import torch.nn.functional as F

from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm, standardise
from course_lib.engine import ModelSpec

ROUNDS = 30
SHAPES = {  # spec, settings, rows of a batch, options
    "grid job, dropout": (ModelSpec((64, 128, 10)), 24, 64, {"dropout": 0.3}),
    "tiny regression": (ModelSpec((1, 64, 64, 1), "regression", "tanh"), 24, 30, {}),
    "random features' last layer": (ModelSpec((128, 10)), 24, 64, {}),
    "BatchNorm, 5 layers": (ModelSpec((64, *[64] * 4, 10), norm="batch"), 8, 50, {}),
    "LayerNorm, 2 layers": (ModelSpec((64, 64, 10), norm="layer"), 8, 50, {}),
    "12 residual blocks": (
        ModelSpec((64, 32, 10), residual_blocks=12, expansion=1, branch_norm=False),
        10,
        50,
        {"survival": 0.8},
    ),
    "mixer: BatchNorm, 2 blocks": (
        ModelSpec((64, 64, 10), norm="batch", residual_blocks=2, expansion=2),
        8,
        50,
        {"dropout": 0.2, "survival": 0.8},
    ),
    "Spambase study": (ModelSpec((57, 64, 64, 2), norm="batch"), 24, 64, {"dropout": 0.2}),
}
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "gelu": F.gelu}


class Differentiated:
    """The same networks with autograd's backward."""

    def __init__(self, networks, options):
        self.networks, self.spec = networks, networks.spec
        self.parameters = [p.detach().clone().requires_grad_() for p in networks.parameters]
        self.running = [buffer.clone() for buffer in networks.buffers]
        self.dropout, self.survival = options.get("dropout"), options.get("survival")

    def compute_gradients(self, x, target, noise):
        """As `Networks.compute_gradients`; returns losses [V] and a list of gradients."""
        parameters, running, fields = map(list, [self.parameters, self.running, noise])
        a = x.mT.expand(self.networks.count, -1, -1)
        for kind, *sizes in self.spec.layers():
            if kind == "residual":
                a = self._residual(a, sizes[0], parameters, running, fields)
            else:
                a = self._layer(kind, a, parameters, running, fields)
        if self.spec.task == "regression":
            losses = (a - target.mT).square().mean((1, 2))
        else:
            losses = -(torch.log_softmax(a, 1) * target.mT).sum((1, 2)) / len(x)
        return losses.detach(), torch.autograd.grad(losses.sum(), self.parameters)

    def _residual(self, a, block, parameters, running, fields):
        f = a
        for kind, *_ in self.spec.branch():
            f = self._layer(kind, f, parameters, running, fields)
        if self.survival is None:
            return a + f
        p = 1 - a.new_tensor([self.spec.survival(s)[block] for s in self.survival.tolist()])
        return a + self._dropped(f, p, fields)

    def _dropped(self, a, p, fields):
        p = p.view(-1, 1, 1)
        return a * ((fields.pop(0) >= p) / (1 - p))

    def _layer(self, kind, a, parameters, running, fields):
        if kind in ACTIVATIONS:
            return ACTIVATIONS[kind](a)
        if kind == "dropout":
            return a if self.dropout is None else self._dropped(a, self.dropout, fields)
        weight, bias = parameters.pop(0), parameters.pop(0)
        if kind == "linear":
            return torch.baddbmm(bias.unsqueeze(-1), weight, a)
        if kind == "batch":
            mean, var = running.pop(0), running.pop(0)
            return batch_norm(a, mean, var, weight, bias, training=True, dim=-1)
        mean, var = a.mean(1, keepdim=True), a.var(1, correction=0, keepdim=True)
        return standardise(a, mean, var, 1e-5, weight.unsqueeze(-1), bias.unsqueeze(-1))


def rivals(name):
    """Two functions that compute the gradients of one batch: by hand, by autograd."""
    spec, settings, rows, options = SHAPES[name]
    options = {key: torch.full((settings,), value) for key, value in options.items()}
    start = [p[None] for p in spec.initial(0)]
    networks = spec.networks(start, settings, options, rows)
    theirs, generator = Differentiated(networks, options), seeded(0, "bench")
    x = torch.randn(rows, spec.widths[0], generator=generator)
    target = torch.randn(rows, spec.widths[-1], generator=generator)
    if spec.task == "classification":
        target = F.one_hot(target.argmax(1), spec.widths[-1]).float()
    noise = [torch.rand(width, rows, generator=generator) for width in networks.noise_widths]

    def by_hand():
        with torch.inference_mode():
            losses = networks.compute_gradients(x, target, noise)
        return losses, networks.gradients

    return by_hand, lambda: theirs.compute_gradients(x, target, noise)


def processor_microseconds(work):
    """Of one call, on this thread."""
    start = time.thread_time()
    work()
    return (time.thread_time() - start) * 1e6


def compare():
    """Name → medians of µs by hand and by autograd, and of the quotient within a round."""
    table = {}
    for name in SHAPES:
        by_hand, autograd = rivals(name)
        for (loss, gradients), (other, others) in [(by_hand(), autograd())]:
            torch.testing.assert_close(loss, other, rtol=1e-4, atol=1e-5)
            for ours, theirs in zip(gradients, others, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
        rounds = [
            (processor_microseconds(by_hand), processor_microseconds(autograd))
            for _ in range(ROUNDS)
        ]
        hand, auto = (statistics.median(side) for side in zip(*rounds))
        table[name] = hand, auto, statistics.median(b / a for a, b in rounds)
    return table


def main():
    """Print the table; return it, name → {"hand", "autograd", "quotient"}."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    print("Gradients of one batch, processor time: by hand, by autograd, quotient (kept if > 1.25)")
    table = compare()
    for name, (hand, auto, quotient) in table.items():
        print(f"  {name:30} {hand:7.0f} µs {auto:7.0f} µs {quotient:6.2f} ×")
    torch.set_num_threads(threads)
    names = ("hand", "autograd", "quotient")
    return {name: dict(zip(names, row)) for name, row in table.items()}


if __name__ == "__main__":
    main()

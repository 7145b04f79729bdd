"""Networks with a norm, V = seeds × settings of them at once, a step at a time: what lesson 07
trains.

Linear – norm – ReLU for every hidden layer, then Linear. Tensors carry a leading model axis, the
settings of one seed side by side: inputs [V, rows, features], weights [V, out, in]. The gradient is
autograd's, through the stems' own `batch_norm` and `layer_norm`; the step is `sgd_update`. The
settings of one seed share data, start and batches.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.arguments import require_choice
from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm, layer_norm
from course_lib.engine import ModelSpec
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

NORMS = (None, "layer", "batch")


class Networks:
    """V networks of one shape, each at its own `splits` [seeds].

    `layers`: a dict for each, "weight", "bias" and, before a norm, "gamma", "beta". `running`: a
    dict for each BatchNorm, "mean" and "var" [V, features], kept with `momentum` and used in
    evaluation.
    """

    def __init__(self, widths, norm, splits, seeds, settings=1, momentum=0.1, dtype=torch.float32):
        self.norm, self.momentum = require_choice("norm", norm, NORMS), momentum
        self.seeds, self.settings, self.splits = seeds, settings, splits
        starts = [ModelSpec(widths).initial(seed, dtype) for seed in seeds]
        stacked = [torch.stack(parts).repeat_interleave(settings, 0) for parts in zip(*starts)]
        self.layers = [{"weight": w, "bias": b} for w, b in zip(stacked[::2], stacked[1::2])]
        self.running = []
        for layer in self.layers[:-1] if norm else ():
            zero = torch.zeros_like(layer["bias"])
            layer.update(gamma=zero + 1, beta=zero.clone())
            self.running.append({"mean": zero.clone(), "var": zero + 1})
        self.parameters = [p.requires_grad_() for layer in self.layers for p in layer.values()]

    def rows(self, part: str) -> tuple[Tensor, Tensor]:
        """All rows of the "train" or "test" part: x [V, rows, features], y [V, rows]."""
        x, y = (
            torch.stack([getattr(split, f"{part}_{name}") for split in self.splits])
            for name in "xy"
        )
        return x.to(self.parameters[0].dtype).repeat_interleave(
            self.settings, 0
        ), y.repeat_interleave(self.settings, 0)

    def outputs(
        self, x: Tensor, training=False, parameters=None, remember=True, batch_size=None
    ) -> Tensor:
        """Logits [V, rows, classes]. In training BatchNorm looks at these rows, and remembers them
        if told to.

        batch_size: it looks at so many rows at a time instead, which must come out even; then
        nothing is remembered.
        """
        parameters = iter(self.parameters if parameters is None else parameters)
        for k, layer in enumerate(self.layers):
            named = {name: next(parameters) for name in layer}
            x = torch.baddbmm(named["bias"].unsqueeze(1), x, named["weight"].mT)
            if k < len(self.layers) - 1:
                x = torch.relu(self._normalise(x, named, k, training, remember, batch_size))
        return x

    def _normalise(self, x, layer, k, training, remember, batch_size):
        if self.norm is None:
            return x
        gamma, beta = layer["gamma"], layer["beta"]
        if self.norm == "layer":
            return layer_norm(x, x.shape[-1], gamma.unsqueeze(1), beta.unsqueeze(1))
        if training and batch_size:
            x = x.unflatten(1, (-1, batch_size))  # [V, batches, rows of a batch, features]
            return batch_norm(
                x, None, None, gamma.unsqueeze(1), beta.unsqueeze(1), True, dim=2
            ).flatten(1, 2)
        running = self.running[k].values() if remember or not training else (None, None)
        return batch_norm(x, *running, gamma, beta, training, self.momentum, dim=1)

    def losses(self, x, y, training=False, parameters=None, remember=True) -> Tensor:
        """Mean cross entropy of each of the V networks over its rows."""
        logits = self.outputs(x, training, parameters, remember)
        return cross_entropy(logits.mT, y, reduction="none").mean(1)

    @torch.no_grad()
    def test_error(self, training=False, batch_size=None) -> Tensor:
        """Share of wrong test rows [seeds, settings]; `training`: by the statistics of all test
        rows, not kept.

        batch_size: by those of so many at a time, in their (random) order; what is left over is
        left out.
        """
        x, y = self.rows("test")
        n = x.shape[1] if batch_size is None else x.shape[1] // batch_size * batch_size
        wrong = (
            self.outputs(x[:, :n], training, remember=False, batch_size=batch_size).argmax(-1)
            != y[:, :n]
        )
        return wrong.double().mean(1).view(len(self.seeds), self.settings)


def train(
    networks: Networks, steps: int, batch_size: int, lr, *, decay=0.0, first=None, momentum=0.0
) -> Iterator[int]:
    """Yield the number of steps made so far, 0 … `steps`, with the networks as they are then; SGD
    in between.

    The first layer's weight, the one in front of the first norm, may be treated on its own: `decay`
    pulls it alone (L2, which is weight decay where there is no momentum), and `first`, a function
    step → learning rate, replaces `lr` for it. `lr`, `decay` and what `first` returns: a number for
    each setting, or one for all.
    """
    V, states = len(networks.seeds) * networks.settings, [{} for _ in networks.parameters]
    x, y = networks.rows("train")
    streams = [
        batches(x.shape[1], batch_size, generator=seeded(seed, "batches"))
        for seed in networks.seeds
    ]
    model, rates = (
        torch.arange(V).unsqueeze(1),
        [spread(lr, V, p.ndim, p.dtype) for p in networks.parameters],
    )
    pull = {"l2": spread(decay, V, 3, x.dtype)} if torch.as_tensor(decay).any() else {}
    for step in range(steps):
        yield step
        rows = (
            model,
            torch.stack([next(stream) for stream in streams]).repeat_interleave(
                networks.settings, 0
            ),
        )
        losses = networks.losses(x[rows], y[rows], training=True)
        gradients = torch.autograd.grad(losses.sum(), networks.parameters)
        if first is not None:
            rates[0] = spread(first(step), V, 3, x.dtype)
        with torch.no_grad():
            for k, (param, grad) in enumerate(zip(networks.parameters, gradients)):
                sgd_update(
                    param,
                    grad,
                    states[k],
                    lr=rates[k],
                    momentum=momentum,
                    **(pull if k == 0 else {}),
                )
    yield steps


def spread(values, V, dimensions, dtype):
    """A number for each setting (or one for all), repeated seed by seed and shaped to multiply [V,
    …].
    """
    values = torch.as_tensor(values, dtype=dtype).flatten()
    return values.repeat(V // len(values)).view(-1, *[1] * (dimensions - 1))

"""Networks with a norm, V = seeds × settings of them at once, a step at a time.

Linear – norm – ReLU for every hidden layer, then Linear. Tensors carry a leading model axis, the
settings of one seed side by side: inputs [V, rows, features], weights [V, out, in]. The gradient is
autograd's, through the stems' own `batch_norm` and `layer_norm`; the step is `sgd_update`. The
settings of one seed share data, start and batches.

What the engine does not do, and lesson 07 needs: the networks can be looked at after every single
step, in either mode and at other parameters than their own; and the weight in front of the first
norm can have a decay and a learning rate to itself. Where both can do it they train the same
networks.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.arguments import require_choice
from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm, layer_norm
from course_lib.data import Split
from course_lib.engine import ModelSpec
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

NORMS = (None, "layer", "batch")


class NormedNetworks:
    """V networks of one shape, `settings` of them for each seed and its split.

    norm: one of NORMS. `layers`: a dict for each, "weight", "bias" and, before a norm, "gamma",
    "beta". `running`: a dict for each BatchNorm, "mean" and "var" [V, features], kept with
    `momentum` and used in evaluation. `parameters`: all of them in that order, leaves of autograd.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        norm: str | None,
        splits: Sequence[Split],
        seeds: Sequence[int],
        settings: int = 1,
        momentum: float = 0.1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.norm, self.momentum = require_choice("norm", norm, NORMS), momentum
        self.seeds, self.settings, self.splits = seeds, settings, splits
        starts = [ModelSpec(widths).initial(seed, dtype) for seed in seeds]
        stacked = [torch.stack(parts).repeat_interleave(settings, 0) for parts in zip(*starts)]
        self.layers = [{"weight": w, "bias": b} for w, b in zip(stacked[::2], stacked[1::2])]
        self.running: list[dict[str, Tensor]] = []
        for layer in self.layers[:-1] if norm else ():
            zero = torch.zeros_like(layer["bias"])
            layer.update(gamma=zero + 1, beta=zero.clone())
            self.running.append({"mean": zero.clone(), "var": zero + 1})
        self.parameters = [p.requires_grad_() for layer in self.layers for p in layer.values()]

    def rows(self, part: str) -> tuple[Tensor, Tensor]:
        """All rows of the "train" or "test" part: x [V, rows, features], y [V, rows]."""
        x, y = (
            torch.stack(
                [getattr(split, f"{part}_{name}") for split in self.splits]
            ).repeat_interleave(self.settings, 0)
            for name in "xy"
        )
        return x.to(self.parameters[0].dtype), y

    def outputs(
        self,
        x: Tensor,
        training: bool = False,
        parameters: Sequence[Tensor] | None = None,
        remember: bool = True,
        batch_size: int | None = None,
    ) -> Tensor:
        """Logits [V, rows, classes] of x [V, rows, features].

        In training BatchNorm looks at these rows, and remembers them if told to. parameters: in
        place of its own. batch_size: it looks at so many rows at a time instead, which must come
        out even; then nothing is remembered.
        """
        given = iter(self.parameters if parameters is None else parameters)
        for k, layer in enumerate(self.layers):
            named = {name: next(given) for name in layer}
            x = torch.baddbmm(named["bias"].unsqueeze(1), x, named["weight"].mT)
            if k < len(self.layers) - 1:
                x = torch.relu(self._normalise(x, named, k, training, remember, batch_size))
        return x

    def _normalise(
        self,
        x: Tensor,
        layer: dict[str, Tensor],
        k: int,
        training: bool,
        remember: bool,
        batch_size: int | None,
    ) -> Tensor:
        if self.norm is None:
            return x
        gamma, beta = layer["gamma"], layer["beta"]
        if self.norm == "layer":
            return layer_norm(x, x.shape[-1], gamma.unsqueeze(1), beta.unsqueeze(1))
        if training and batch_size:
            x = x.unflatten(1, (-1, batch_size))  # [V, batches, rows of a batch, features]
            gamma, beta = gamma.unsqueeze(1), beta.unsqueeze(1)
            return batch_norm(x, None, None, gamma, beta, True, dim=2).flatten(1, 2)
        kept = self.running[k] if remember or not training else {}
        mean, var = kept.get("mean"), kept.get("var")
        return batch_norm(x, mean, var, gamma, beta, training, self.momentum, dim=1)

    def losses(
        self,
        x: Tensor,
        y: Tensor,
        training: bool = False,
        parameters: Sequence[Tensor] | None = None,
        remember: bool = True,
    ) -> Tensor:
        """Mean cross entropy [V] of each network over its rows; arguments as of `outputs`."""
        logits = self.outputs(x, training, parameters, remember)
        return cross_entropy(logits.mT, y, reduction="none").mean(1)

    @torch.no_grad()
    def test_error(
        self, training: bool = False, batch_size: int | None = None, by_class: bool = False
    ) -> Tensor:
        """Share of wrong test rows [seeds, settings].

        training: by the statistics of all test rows, not kept. batch_size: by those of so many at a
        time, in their (random) order, or class after class; what is left over is left out.
        """
        x, y = self.rows("test")
        if by_class:
            order = y.argsort(dim=1, stable=True)
            x, y = x.take_along_dim(order[..., None], 1), y.gather(1, order)
        n = x.shape[1] if batch_size is None else x.shape[1] // batch_size * batch_size
        logits = self.outputs(x[:, :n], training, remember=False, batch_size=batch_size)
        wrong = logits.argmax(-1) != y[:, :n]
        return wrong.double().mean(1).view(len(self.seeds), self.settings)


Numbers = float | Sequence[float]  # one for all settings, or one for each


def train_stepwise(
    networks: NormedNetworks,
    steps: int,
    batch_size: int,
    lr: Numbers,
    *,
    decay: Numbers = 0.0,
    first: Callable[[int], Numbers] | None = None,
    momentum: float = 0.0,
) -> Iterator[int]:
    """Yield the number of steps made so far, 0 … `steps`; SGD in between.

    The networks are then as they are after so many steps. The first layer's weight, the one in
    front of the first norm, may be treated on its own: `decay` pulls it alone (L2, which is weight
    decay where there is no momentum), and `first`, a function step → learning rate, replaces `lr`
    for it.
    """
    V, settings = len(networks.seeds) * networks.settings, networks.settings
    states: list[dict] = [{} for _ in networks.parameters]
    x, y = networks.rows("train")
    streams = [
        batches(x.shape[1], batch_size, generator=seeded(seed, "batches"))
        for seed in networks.seeds
    ]
    model = torch.arange(V).unsqueeze(1)
    rates = [_spread(lr, V, p.ndim, p.dtype) for p in networks.parameters]
    pull = _spread(decay, V, 3, x.dtype) if torch.as_tensor(decay).any() else 0.0
    for step in range(steps):
        yield step
        chosen = torch.stack([next(stream) for stream in streams]).repeat_interleave(settings, 0)
        losses = networks.losses(x[model, chosen], y[model, chosen], training=True)
        gradients = torch.autograd.grad(losses.sum(), networks.parameters)
        if first is not None:
            rates[0] = _spread(first(step), V, 3, x.dtype)
        with torch.no_grad():
            for k, (param, grad) in enumerate(zip(networks.parameters, gradients)):
                own = pull if k == 0 else 0.0
                sgd_update(param, grad, states[k], lr=rates[k], momentum=momentum, l2=own)
    yield steps


def _spread(values: Numbers, V: int, dimensions: int, dtype: torch.dtype) -> Tensor:
    """`values` repeated seed by seed and shaped to multiply [V, …]."""
    spread = torch.as_tensor(values, dtype=dtype).flatten()
    return spread.repeat(V // len(spread)).view(-1, *[1] * (dimensions - 1))

"""V networks with norms or residual blocks as one: layer by layer, each with its backward written
by hand.

What `networks.Networks` is for plain networks, and with its interface and axes: activations [V, F,
B]. A layer's `forward(a, training)` keeps what its `backward(δ)` needs; that turns δ =
∂loss/∂output into ∂loss/∂input, perhaps in place, and on the way fills the gradients of its
parameters. In no case is `a` changed that another layer kept.
The statistics of both norms are the same lines along different axes: the rows of a batch, or the
features of a row.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.engine.networks import ACTIVATIONS, Networks

EPS, MOMENTUM = 1e-5, 0.1  # the defaults of torch's norms


class Linear:
    """z = W·a + b."""

    def __init__(self, learned: list[tuple[Tensor, Tensor]]):
        (self.weight, self.weight_gradient), (bias, self.bias_gradient) = learned
        self.bias = bias.unsqueeze(-1)

    def forward(self, a: Tensor, training: bool) -> Tensor:
        self.a = a
        return torch.baddbmm(self.bias, self.weight, a)

    def backward(self, delta: Tensor) -> Tensor:
        torch.sum(delta, -1, out=self.bias_gradient)  # ∂b = Σ δ
        torch.bmm(delta, self.a.mT, out=self.weight_gradient)  # ∂W = δ·aᵀ
        return torch.bmm(self.weight.mT, delta)  # ∂a = Wᵀ·δ


class First(Linear):
    """The layer that reads the data x [B, in] or [S, B, in]: networks of one seed share it, and
    nobody asks for ∂x.
    """

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.x = x = x if x.dim() == 3 else x.unsqueeze(0)
        settings = len(self.weight) // len(x)
        a = x.mT.unsqueeze(1).expand(-1, settings, -1, -1).flatten(0, 1)
        return torch.baddbmm(self.bias, self.weight, a)

    def backward(self, delta: Tensor) -> None:
        torch.sum(delta, -1, out=self.bias_gradient)
        out, rows = self.weight_gradient, delta.shape[-1]
        torch.bmm(
            delta.view(len(self.x), -1, rows), self.x, out=out.view(len(self.x), -1, out.shape[-1])
        )


class Norm:
    """y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε): μ, σ² along `dim`, −1 for the rows of a batch or 1 for
    the features.
    """

    dim = 1

    def __init__(self, learned: list[tuple[Tensor, Tensor]]):
        (weight, self.weight_gradient), (bias, self.bias_gradient) = learned
        self.weight, self.bias = weight.unsqueeze(-1), bias.unsqueeze(-1)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        mean = x.mean(self.dim, keepdim=True)
        x = x - mean
        var = torch.linalg.vecdot(x, x, dim=self.dim).unsqueeze(self.dim) / x.shape[self.dim]
        self.remember(mean, var, x.shape[self.dim])
        self.scale = (var + EPS).rsqrt_()
        self.x_hat = x.mul_(self.scale)
        return (self.x_hat * self.weight).add_(self.bias)

    def remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Nothing: a LayerNorm has no memory."""

    def backward(self, delta: Tensor) -> Tensor:
        product = delta * self.x_hat
        torch.sum(product, -1, out=self.weight_gradient)  # ∂γ = Σ δ·x̂
        torch.sum(delta, -1, out=self.bias_gradient)  # ∂β = Σ δ
        along = product.mul_(self.weight).mean(self.dim, keepdim=True)
        delta = delta.mul_(self.weight)  # ∂x̂ = γ·δ
        delta.sub_(delta.mean(self.dim, keepdim=True)).addcmul_(
            self.x_hat, along, value=-1
        )  # what moves μ, σ goes
        return delta.mul_(self.scale)  # ∂x = (∂x̂ − mean ∂x̂ − x̂·mean(∂x̂·x̂))/√(σ² + ε)


class BatchNorm(Norm):
    """With running statistics [V, F]; evaluation uses them."""

    dim = -1

    def __init__(self, learned: list[tuple[Tensor, Tensor]], buffers: list[Tensor]):
        super().__init__(learned)
        self.mean, self.var = (buffer.unsqueeze(-1) for buffer in buffers)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if training:
            return super().forward(x, training)
        scale = self.weight * (self.var + EPS).rsqrt_()
        return (x - self.mean).mul_(scale).add_(self.bias)

    def remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        self.mean.lerp_(mean, MOMENTUM)
        self.var.lerp_(
            var * (count / (count - 1)), MOMENTUM
        )  # divided by n − 1 for later, by n in the output


class Activation:
    """ReLU or tanh, in place."""

    def __init__(self, name: str):
        self.function, self.derivative = ACTIVATIONS[name]

    def forward(self, z: Tensor, training: bool) -> Tensor:
        self.a = self.function(z)
        return self.a

    def backward(self, delta: Tensor) -> Tensor:
        return self.derivative(delta, self.a)


class GELU:
    """z·Φ(z)."""

    def forward(self, z: Tensor, training: bool) -> Tensor:
        self.z = z
        return F.gelu(z)

    def backward(self, delta: Tensor) -> Tensor:
        return torch.ops.aten.gelu_backward(delta, self.z)


class Dropout:
    """a·m/(1 − p) in training, m = 0 where u < p, else 1: the networks of one seed share the
    `field` u [F, B].

    p [S, K, 1, 1]. mask: room for m/(1 − p) [V, F, B]; written there, without a boolean between, it
    takes an eighth.
    """

    def __init__(self, p: Tensor, width: int, rows: int):
        self.p, self.field = p, None  # u is set before each step
        self.scale = torch.where(p < 1, 1 / (1 - p), 0)
        self.by_seed = p.new_empty(*p.shape[:2], width, rows)
        self.mask = self.by_seed.flatten(0, 1)

    def forward(self, a: Tensor, training: bool) -> Tensor:
        return a * self.draw() if training else a

    def draw(self) -> Tensor:
        """m/(1 − p), from u [F, B] or [S, F, B]."""
        torch.ge(self.field.unsqueeze(-3), self.p, out=self.by_seed).mul_(self.scale)
        return self.mask

    def backward(self, delta: Tensor) -> Tensor:
        return delta.mul_(self.mask)


class Sequence:
    """One layer after the other."""

    def __init__(self, *layers):
        self.layers = layers

    def forward(self, a: Tensor, training: bool) -> Tensor:
        for layer in self.layers:
            a = layer.forward(a, training)
        return a

    def backward(self, delta: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
        return delta


class Residual(Sequence):
    """x + (b/p)·f(x), b for each row: 1 with probability p, else 0. A block that never survives is
    its shortcut alone.

    Every f(x) is computed, also where b = 0: of V networks one or another wants it nearly always.
    """

    def __init__(self, drop_path: Dropout | None, *layers):
        super().__init__(*layers)
        self.drop_path = drop_path
        self.alive = (
            None if drop_path is None else (drop_path.p < 1).to(drop_path.p.dtype).view(-1, 1, 1)
        )

    def forward(self, x: Tensor, training: bool) -> Tensor:
        f = super().forward(x, training)
        if self.drop_path is None:
            return f.add_(x)
        return torch.addcmul(
            x, f, self.drop_path.draw() if training else self.alive
        )  # draw: b/p [V, 1, B]

    def backward(self, delta: Tensor) -> Tensor:
        inner = delta if self.drop_path is None else delta * self.drop_path.mask
        return super().backward(inner).add_(delta)  # the shortcut carries δ as it is


class LayeredNetworks(Networks):
    """V = S·`settings` networks of a spec with norms, residual blocks or GELU. Options: `dropout`
    p, `survival` p_L.

    buffers: running mean and variance [V, F] of each BatchNorm in turn.
    """

    def __init__(
        self, spec, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ):
        self._begin(spec, start, settings, options)
        self.rows = batch_size
        self.dropout, self.survival = (
            options.get("dropout"),
            self._survival(options.get("survival")),
        )
        self.noisy, self.free = (
            [],
            zip(self.parameters, self.gradients),
        )  # (width, layer); not yet taken by a layer
        self.network = Sequence(
            First(self._take()), *(self._layer(*layer) for layer in [*spec.layers()][1:])
        )
        self.noise_widths = tuple(width for width, _ in self.noisy)

    def _survival(self, last: Tensor | None) -> Tensor | None:
        """Survival probabilities [blocks, V] from those of the last block [V]."""
        return (
            None
            if last is None
            else last.new_tensor([self.spec.survival(p) for p in last.tolist()]).T
        )

    def _layer(self, kind: str, *sizes: int):
        if kind == "residual":
            drop_path = (
                None if self.survival is None else self._dropping(1, 1 - self.survival[sizes[0]])
            )
            return Residual(drop_path, *(self._layer(*layer) for layer in self.spec.branch()))
        if kind == "dropout":
            return Sequence() if self.dropout is None else self._dropping(sizes[0], self.dropout)
        if kind == "batch":
            new = self.matrix.new_zeros(len(self.matrix), *sizes)
            self.buffers += [new, torch.ones_like(new)]
            return BatchNorm(self._take(), self.buffers[-2:])
        if kind in ("relu", "tanh"):
            return Activation(kind)
        return GELU() if kind == "gelu" else {"linear": Linear, "layer": Norm}[kind](self._take())

    def _take(self) -> list[tuple[Tensor, Tensor]]:
        """Weight and bias of the next layer, each with its gradient."""
        return [next(self.free), next(self.free)]

    def _dropping(self, width: int, p: Tensor) -> Dropout:
        layer = Dropout(p.view(self.seeds, -1, 1, 1), width, self.rows)
        self.noisy.append((width, layer))
        return layer

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`. noise: a field [F, B] per dropout layer, then [1, B] per residual
        block.
        """
        for (_, layer), field in zip(self.noisy, noise):
            layer.field = field
        z = self.network.forward(x, True)
        loss, delta = self.loss(z, self._wanted(target))
        self.network.backward(delta)
        return loss

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in] or [S, B, in]: no dropout, running
        statistics, all blocks.
        """
        return self.network.forward(x, False)

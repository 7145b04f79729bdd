"""V networks with norms or residual blocks as one: layers, each with its backward by hand.

What `networks.Networks` is for plain networks, and with its interface and axes: activations [V, F,
B]. A layer's `forward(a, training)` keeps what its `backward(δ)` needs; that turns δ =
∂loss/∂output into ∂loss/∂input, perhaps in place, and on the way fills the gradients of its
parameters. In no case is `a` changed that another layer kept.
The statistics of both norms are the same lines along different axes: the rows of a batch, or the
features of a row.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.engine.networks import ACTIVATIONS, Networks, by_seed

if TYPE_CHECKING:  # a spec knows its networks
    from course_lib.engine.spec import ModelSpec

EPS, MOMENTUM = 1e-5, 0.1  # the defaults of torch's norms


Learned = list[tuple[Tensor, Tensor]]  # weight and bias of a layer, each with its gradient


class Layer(Protocol):
    """A layer of V networks."""

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Its output [V, F′, B], from what comes in [V, F, B]."""

    def backward(self, delta: Tensor) -> Tensor:
        """Turn ∂loss/∂output into ∂loss/∂input, after a `forward` in training."""


class Linear:
    """z = W·a + b."""

    def __init__(self, learned: Learned):
        (self.weight, self.weight_gradient), (bias, self.bias_gradient) = learned
        self.bias = bias.unsqueeze(-1)

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return z = W·a + b."""
        self.a = a
        return torch.bmm(self.weight, a).add_(self.bias)

    def backward(self, delta: Tensor) -> Tensor:
        """∂b = Σ δ, ∂W = δ·aᵀ, ∂a = Wᵀ·δ."""
        torch.sum(delta, -1, out=self.bias_gradient)
        torch.bmm(delta, self.a.mT, out=self.weight_gradient)
        return torch.bmm(self.weight.mT, delta)


class First(Linear):
    """The layer that reads the data: networks of one seed share it, and nobody asks for ∂x."""

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Return z = W·x + b, from x [B, in] or [S, B, in]."""
        self.x = x = by_seed(x)
        tall = torch.bmm(self.weight.view(len(x), -1, x.shape[-1]), x.mT)
        return tall.view(len(self.weight), -1, x.shape[1]).add_(self.bias)

    def backward(self, delta: Tensor) -> Tensor:
        """∂b = Σ δ, ∂W = δ·xᵀ; δ comes back as it is."""
        torch.sum(delta, -1, out=self.bias_gradient)
        tall = self.weight_gradient.view(len(self.x), -1, self.x.shape[-1])
        torch.bmm(delta.view(len(self.x), -1, delta.shape[-1]), self.x, out=tall)
        return delta


class Affine(Linear):
    """z = b + W·a as one call, whose sum begins with b."""

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return z = b + W·a."""
        self.a = a
        return torch.baddbmm(self.bias, self.weight, a)


class Norm:
    """y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε), μ and σ² along `dim`: a LayerNorm.

    dim: 1 for the features of a row, −1 for the rows of a batch.
    """

    dim = 1

    def __init__(self, learned: Learned):
        (weight, self.weight_gradient), (bias, self.bias_gradient) = learned
        self.weight, self.bias = weight.unsqueeze(-1), bias.unsqueeze(-1)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Return y = γ·x̂ + β."""
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
        """∂γ = Σ δ·x̂, ∂β = Σ δ, ∂x̂ = γ·δ, ∂x = (∂x̂ − mean ∂x̂ − x̂·mean(∂x̂·x̂))/√(σ² + ε)."""
        product = delta * self.x_hat
        torch.sum(product, -1, out=self.weight_gradient)
        torch.sum(delta, -1, out=self.bias_gradient)
        along = product.mul_(self.weight).mean(self.dim, keepdim=True)
        delta = delta.mul_(self.weight)
        delta.sub_(delta.mean(self.dim, keepdim=True))  # what moves μ
        return delta.addcmul_(self.x_hat, along, value=-1).mul_(self.scale)  # and what moves σ goes


class BatchNorm(Norm):
    """With running statistics [V, F]; evaluation uses them."""

    dim = -1

    def __init__(self, learned: Learned, buffers: list[Tensor]):
        super().__init__(learned)
        self.mean, self.var = (buffer.unsqueeze(-1) for buffer in buffers)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Return y = γ·x̂ + β, by the batch's own μ, σ² or, in evaluation, by the running ones."""
        if training:
            return super().forward(x, training)
        scale = self.weight * (self.var + EPS).rsqrt_()
        return (x - self.mean).mul_(scale).add_(self.bias)

    def remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Running statistics: σ² is divided by n − 1 for later, by n in the output."""
        self.mean.lerp_(mean, MOMENTUM)
        self.var.lerp_(var * (count / (count - 1)), MOMENTUM)


class Activation:
    """ReLU or tanh, in place."""

    def __init__(self, name: str):
        self.function, self.derivative = ACTIVATIONS[name]

    def forward(self, z: Tensor, training: bool) -> Tensor:
        """Return a(z), in place."""
        self.a = self.function(z)
        return self.a

    def backward(self, delta: Tensor) -> Tensor:
        """∂z = δ·a′(z)."""
        return self.derivative(delta, self.a)


class GELU:
    """z·Φ(z)."""

    def forward(self, z: Tensor, training: bool) -> Tensor:
        """Return z·Φ(z)."""
        self.z = z
        return F.gelu(z)

    def backward(self, delta: Tensor) -> Tensor:
        """∂z = δ·(Φ(z) + z·φ(z))."""
        return torch.ops.aten.gelu_backward(delta, self.z)


class ByAutograd:
    """A layer that is written forward alone: `function(a, *parameters)`; autograd goes back.

    Not to be used in inference mode, whose tensors autograd refuses.
    """

    def __init__(self, function: Callable[..., Tensor], learned: Learned):
        self.function, (self.parameters, self.gradients) = function, zip(*learned)

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return function(a, *parameters)."""
        self.inputs = [t.detach().requires_grad_(training) for t in (a, *self.parameters)]
        with torch.set_grad_enabled(training):
            self.output = self.function(*self.inputs)
        return self.output.detach()

    def backward(self, delta: Tensor) -> Tensor:
        """What autograd finds."""
        found, *gradients = torch.autograd.grad(self.output, self.inputs, delta)
        for room, gradient in zip(self.gradients, gradients):
            room.copy_(gradient)
        return found


class Dropout:
    """a·m/(1 − p) in training, m = 0 where u < p, else 1.

    p [S, K, 1, 1]. field: u [F, B] or [S, F, B], which the networks of one seed share; set before
    each step. mask: room for m/(1 − p) [V, F, B]; written there, without a boolean between, it
    takes an eighth of the time.
    """

    field: Tensor

    def __init__(self, p: Tensor, width: int, rows: int):
        self.p = p
        self.scale = torch.where(p < 1, 1 / (1 - p), 0)
        self.by_seed = p.new_empty(*p.shape[:2], width, rows)
        self.mask = self.by_seed.flatten(0, 1)

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return a·m/(1 − p); a itself in evaluation."""
        return a * self.draw() if training else a

    def draw(self) -> Tensor:
        """Return m/(1 − p) [V, F, B], from the field."""
        torch.ge(self.field.unsqueeze(-3), self.p, out=self.by_seed).mul_(self.scale)
        return self.mask

    def backward(self, delta: Tensor) -> Tensor:
        """∂a = δ·m/(1 − p)."""
        return delta.mul_(self.mask)


class Sequence:
    """One layer after the other."""

    def __init__(self, *layers: Layer):
        self.layers = layers

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """From the first layer to the last."""
        for layer in self.layers:
            a = layer.forward(a, training)
        return a

    def backward(self, delta: Tensor) -> Tensor:
        """From the last layer to the first."""
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
        return delta


class Residual(Sequence):
    """x + (b/p)·f(x), b for each row: 1 with probability p, else 0.

    A block that never survives is its shortcut alone. Every f(x) is computed, also where b = 0: of
    V networks one or another wants it nearly always.
    """

    def __init__(self, drop_path: Dropout | None, *layers: Layer):
        super().__init__(*layers)
        self.drop_path = drop_path
        if drop_path is not None:
            self.alive = (drop_path.p < 1).to(drop_path.p.dtype).view(-1, 1, 1)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Return x + (b/p)·f(x); in evaluation b/p is 1, and 0 where a block never survives."""
        f = super().forward(x, training)
        if self.drop_path is None:
            return f.add_(x)
        kept = self.drop_path.draw() if training else self.alive  # b/p [V, 1, B]
        return torch.addcmul(x, f, kept)

    def backward(self, delta: Tensor) -> Tensor:
        """∂x = f′ᵀ·(b/p)·δ + δ."""
        inner = delta if self.drop_path is None else delta * self.drop_path.mask
        return super().backward(inner).add_(delta)


class LayeredNetworks(Networks):
    """V = S·`settings` networks of a spec with norms, residual blocks or GELU.

    options: `label_smoothing` ε, `dropout` p and `survival` p_L, [V] each. buffers: running mean
    and variance [V, F] of each BatchNorm in turn.
    """

    def __init__(
        self,
        spec: "ModelSpec",
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
        batch_size: int,
    ):
        self.spec = spec
        self._begin(spec.task, start, settings, options)
        self.rows, self.dropout = batch_size, options.get("dropout")
        self.survival = self._survival(options.get("survival"))
        self.noisy: list[tuple[int, Dropout]] = []  # (F, layer)
        # what no layer has taken yet
        self.free: Iterator[tuple[Tensor, Tensor]] = zip(self.parameters, self.gradients)
        first, *others = spec.layers()
        self.network = Sequence(First(self._take()), *(self._layer(*layer) for layer in others))
        self.noise_widths = tuple(width for width, _ in self.noisy)

    def _survival(self, last: Tensor | None) -> Tensor | None:
        """Survival probabilities [blocks, V] from those of the last block [V]."""
        if last is None:
            return None
        return last.new_tensor([self.spec.survival(p) for p in last.tolist()]).T

    def _layer(self, kind: str, *sizes: int) -> Layer:
        if kind == "residual":
            alive = self.survival
            drop_path = None if alive is None else self._dropping(1, 1 - alive[sizes[0]])
            return Residual(drop_path, *(self._layer(*layer) for layer in self.spec.branch()))
        if kind == "dropout":
            return Sequence() if self.dropout is None else self._dropping(sizes[0], self.dropout)
        if kind == "batch":
            new = self.flat.new_zeros(self.count, *sizes)
            self.buffers += [new, torch.ones_like(new)]
            return BatchNorm(self._take(), self.buffers[-2:])
        if kind in ("relu", "tanh"):
            return Activation(kind)
        if kind == "gelu":
            return GELU()
        return Linear(self._take()) if kind == "linear" else Norm(self._take())

    def _take(self) -> Learned:
        return [next(self.free), next(self.free)]

    def _dropping(self, width: int, p: Tensor) -> Dropout:
        layer = Dropout(p.view(self.seeds, -1, 1, 1), width, self.rows)
        self.noisy.append((width, layer))
        return layer

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`; noise: a field [F, B] per dropout layer, [1, B] per residual block."""
        for (_, layer), field in zip(self.noisy, noise):
            layer.field = field
        z = self.network.forward(x, True)
        loss, delta = self.loss(z, self._wanted(target))
        self.network.backward(delta)
        return loss

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in] or [S, B, in], in evaluation."""
        return self.network.forward(x, False)

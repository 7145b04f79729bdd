"""V networks of one shape as one: forward, loss and backward written by hand, feature-major.

Axes: V settings, F features, B rows of a batch. Activations are [V, F, B], weights [V, out, in] as in `nn.Linear`,
biases [V, out]. All V networks see the same batch, so that the first layer is one tall product [V·out, in] × [in, B];
and the same uniform field u [F, B] decides in every network which units are dropped (those with u < p).
"""

import torch
from torch import Tensor

EVALUATED_ROWS = 256   # at a time, so that the activations stay in the cache


class Networks:
    """V networks that start alike. `parameters` and `gradients`: weight [V, out, in], bias [V, out], layer by layer.

    spec: a `ModelSpec`. start: the parameters of one network. dropout: p [V] behind every hidden layer, or None.
    """

    def __init__(self, spec, start: list[Tensor], settings: int, dropout: Tensor | None):
        self.spec = spec
        self.parameters = [p.repeat(settings, *[1] * p.dim()) for p in start]
        self.gradients = [torch.empty_like(p) for p in self.parameters]
        self.dropout = None if dropout is None else dropout.view(-1, 1, 1)
        self.activate, self.slope = ACTIVATIONS[spec.activation]
        self.loss = LOSSES[spec.task]

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """Fill `gradients` with those of the mean loss over a batch; return the losses [V].

        x [B, in]; target [B, out], one-hot for classification; noise: a uniform field [F, B] per hidden layer.
        """
        inputs, masks = [x.T], []
        weights, biases = self.parameters[::2], self.parameters[1::2]
        for layer, (weight, bias) in enumerate(zip(weights, biases)):
            if layer > 0 and self.dropout is not None:
                weight = weight / (1 - self.dropout)           # 1/(1−p), on the small matrix rather than on the activations
            z = _affine(weight, bias, inputs[-1])              # z = W·a + b
            if layer + 1 < len(weights):
                a = self.activate(z)
                masks.append(self._mask(a, noise, layer))
                inputs.append(a)
        loss, delta = self.loss(z, target.T)                   # δ = ∂loss/∂z
        for layer in reversed(range(len(weights))):
            torch.sum(delta, -1, out=self.gradients[2 * layer + 1])                      # ∂b = Σ δ
            if layer > 0 and self.dropout is not None:
                delta = delta / (1 - self.dropout)
            _outer(delta, inputs[layer], out=self.gradients[2 * layer])                  # ∂W = δ·aᵀ
            if layer > 0:
                delta = weights[layer].mT @ delta                                        # ∂a = Wᵀ·δ
                delta = self.slope(delta, inputs[layer])                                 # ∂z = ∂a·a′(z)
                if masks[layer - 1] is not None:
                    delta.mul_(masks[layer - 1])
        return loss

    def _mask(self, a: Tensor, noise: list[Tensor], layer: int) -> Tensor | None:
        """Drop the units of `a` with u < p, in place; return which were kept."""
        if self.dropout is None:
            return None
        kept = (noise[layer] >= self.dropout).to(a.dtype)
        a.mul_(kept)
        return kept

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in], without dropout."""
        a, last = x.T, len(self.parameters) - 2
        for i in range(0, last + 1, 2):
            a = _affine(self.parameters[i], self.parameters[i + 1], a)
            a = self.activate(a) if i < last else a
        return a

    def evaluate(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss [V] and accuracy [V] (NaN for regression) over all rows, without dropout."""
        loss, right = 0.0, 0.0
        for part, wanted in zip(x.split(EVALUATED_ROWS), target.split(EVALUATED_ROWS)):
            z = self.outputs(part)
            loss = loss + self.loss(z, wanted.T)[0] * len(part) / len(x)
            right = right + (z.argmax(1) == wanted.argmax(1)).sum(-1) / len(x)
        return loss, right if self.spec.task == "classification" else torch.full_like(loss, torch.nan)


def _affine(weight: Tensor, bias: Tensor, a: Tensor) -> Tensor:
    """W·a + b → [V, out, B], for a [V, in, B] or one a [in, B] shared by all."""
    if a.dim() == 2:
        return torch.addmm(bias.view(-1, 1), weight.flatten(0, 1), a).view(*bias.shape, -1)
    return torch.baddbmm(bias.unsqueeze(-1), weight, a)


def _outer(delta: Tensor, a: Tensor, out: Tensor) -> None:
    """δ·aᵀ → out [V, out, in], for a [V, in, B] or one a [in, B] shared by all."""
    if a.dim() == 2:
        torch.mm(delta.flatten(0, 1), a.T, out=out.view(-1, out.shape[-1]))
    else:
        torch.bmm(delta, a.mT, out=out)


def cross_entropy(z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross entropy [V] and its gradient in the logits z [V, C, B]; target [C, B] one-hot."""
    log_p, rows = torch.log_softmax(z, 1), z.shape[-1]
    loss = -(log_p * target).sum((1, 2)) / rows
    return loss, log_p.exp_().sub_(target).div_(rows)          # (softmax(z) − y)/B


def squared_error(z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error [V] over rows and outputs, and its gradient in z [V, out, B]; target [out, B]."""
    error = z - target
    return error.square().mean((1, 2)), error * (2 / target.numel())   # 2(z − y)/(out·B)


LOSSES = {"classification": cross_entropy, "regression": squared_error}
ACTIVATIONS = {   # name: (function, in place; its backward: gradient and output → gradient, in place)
    "relu": (torch.relu_, lambda delta, a: delta.mul_(a > 0)),
    "tanh": (torch.tanh_, lambda delta, a: delta.mul_(1 - a * a)),
}

"""V networks of one shape as one: forward, loss and backward written by hand, feature-major.

Axes: V networks, F features, B rows of a batch. Activations are [V, F, B], weights [V, out, in] as in `nn.Linear`,
biases [V, out]. The V networks are S seeds × K settings, seed by seed: network v belongs to seed v // K. Networks of
one seed see the same batch, so that the first layer's gradient is one tall product [K·out, B] × [B, in] per seed; and
the same uniform field u [F, B] decides in each which units are dropped (those with u < p).

What a chunk asks of such a class (`make_networks` chooses it by the spec):
    Networks(spec, start, settings, options, batch_size)
        start: the parameters of one network of each seed, a list of [S, *shape] (S = 1 too); settings: K;
        options: name → tensor [V], the grid's columns that belong to the model ("dropout", …), only those that are on.
    matrix [V, P]; parameters, gradients: lists of [V, *shape], the parameters being views of `matrix`, in the order of
        `start`; shapes: list of *shape; buffers: list of [V, …], what a network keeps besides (running statistics).
    noise_widths: the F of each uniform field it wants per step, () for none.
    compute_gradients(x, target, noise) → losses [V] of the batch; fills `gradients`.
        x [B, in] for all networks or [S, B, in]; target [B, out] or [S, B, out], one-hot for classes; noise: per width
        F a field [F, B] or [S, F, B]. Whether there is an axis S is the same for all of them.
    outputs(x) → [V, out, B]; evaluate(x, target) → (mean loss [V], accuracy [V], NaN for regression), as in use.
        Here x, target may lack the axis S though S > 1: then all seeds share them.
Between steps a chunk reads and writes rows of `matrix` and of `buffers` in place.
"""

import math

import torch
from torch import Tensor

EVALUATED_ROWS = 256  # at a time, so that the activations stay in the cache


class Networks:
    """V networks that start alike. `parameters` and `gradients`: weight [V, out, in], bias [V, out], layer by layer.

    The parameters are views of one `matrix` [V, P], a row per network, so that an optimizer needs one call for all.
    spec: a `ModelSpec`. start: the parameters of one network. dropout: p [V] behind every hidden layer, or None.
    """

    def __init__(self, spec, start: list[Tensor], settings: int, dropout: Tensor | None, batch_size: int):
        self.spec = spec
        self.shapes = [p.shape for p in start]
        self.matrix = torch.cat([p.flatten() for p in start]).repeat(settings, 1)
        self.parameters = cut(self.matrix, self.shapes)
        self.gradients = [p.new_empty(settings, *p.shape) for p in start]
        self.weights, self.biases = self.parameters[::2], [bias.unsqueeze(-1) for bias in self.parameters[1::2]]
        self.dropout = None if dropout is None else dropout.view(-1, 1, 1)
        self.scale = None if dropout is None else 1 / (1 - self.dropout)
        self.activate, self.backward = ACTIVATIONS[spec.activation]
        self.loss = LOSSES[spec.task]
        self._make_room(batch_size)

    def _make_room(self, batch_size: int) -> None:
        """For what every step writes anew: asking for fresh megabytes each time would cost more than filling them."""
        hidden = [(len(self.matrix), width, batch_size) for width in self.spec.widths[1:-1]]
        self.activations, self.deltas = ([self.matrix.new_empty(shape) for shape in hidden] for _ in range(2))
        self.kept = [torch.empty_like(delta) for delta in self.deltas]
        if self.spec.activation == "relu":
            self.kept = self.deltas  # a ReLU's backward sees from the activations alone what was dropped
        self.scaled = [torch.empty_like(weight) for weight in self.weights]

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """Fill `gradients` with those of the mean loss over a batch; return the losses [V].

        x [B, in]; target [B, out], one-hot for classification; noise: a uniform field [F, B] per hidden layer.
        """
        inputs = [x.T.expand(len(self.matrix), -1, -1), *self.activations]  # what each layer reads
        z = self._forward(inputs, noise)
        loss, delta = self.loss(z, target.T.contiguous())  # δ = ∂loss/∂z
        self._backward(delta, inputs, x)
        return loss

    def _forward(self, inputs: list[Tensor], noise: list[Tensor]) -> Tensor:
        *hidden, last = range(len(inputs))
        for i in hidden:
            a = torch.baddbmm(self.biases[i], self._weight(i), inputs[i], out=inputs[i + 1])  # z = W·a + b
            self.activate(a)
            if self.dropout is not None:
                a.mul_(torch.ge(noise[i], self.dropout, out=self.kept[i]))  # drop where u < p
        return torch.baddbmm(self.biases[last], self._weight(last), inputs[last])

    def _backward(self, delta: Tensor, inputs: list[Tensor], x: Tensor) -> None:
        for i in range(len(inputs) - 1, 0, -1):
            torch.sum(delta, -1, out=self.gradients[2 * i + 1])  # ∂b = Σ δ
            if self.dropout is not None:
                delta.mul_(self.scale)
            torch.bmm(delta, inputs[i].mT, out=self.gradients[2 * i])  # ∂W = δ·aᵀ
            delta = torch.bmm(self.weights[i].mT, delta, out=self.deltas[i - 1])  # ∂a = Wᵀ·δ
            self.backward(delta, inputs[i])  # ∂z = ∂a·a′(z), and nothing through a dropped unit
            if self.dropout is not None and self.kept is not self.deltas:
                delta.mul_(self.kept[i - 1])
        torch.sum(delta, -1, out=self.gradients[1])
        torch.mm(delta.flatten(0, 1), x, out=self.gradients[0].flatten(0, 1))  # all networks in one tall product

    def _weight(self, i: int) -> Tensor:
        """The weight of layer i, with dropout's factor 1/(1−p) on its input folded in: it is smaller than the input."""
        if i == 0 or self.dropout is None:
            return self.weights[i]
        return torch.mul(self.weights[i], self.scale, out=self.scaled[i])

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in], without dropout."""
        a = x.T.expand(len(self.matrix), -1, -1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1]):
            a = self.activate(torch.baddbmm(bias, weight, a))
        return torch.baddbmm(self.biases[-1], self.weights[-1], a)

    def evaluate(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss [V] and accuracy [V] (NaN for regression) over all rows, without dropout."""
        loss = right = 0.0
        for part, wanted in zip(x.split(EVALUATED_ROWS), target.split(EVALUATED_ROWS)):
            z = self.outputs(part)
            right = right + (z.argmax(1) == wanted.argmax(1)).sum(-1) / len(x)
            loss = loss + self.loss(z, wanted.T.contiguous())[0] * (len(part) / len(x))
        return loss, right if self.spec.task == "classification" else torch.full_like(loss, torch.nan)


def cut(matrix: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    """Views [V, *shape] of a matrix [V, P], one after the other."""
    parts = matrix.split([math.prod(shape) for shape in shapes], 1)
    return [part.unflatten(1, shape) for part, shape in zip(parts, shapes)]


def cross_entropy(z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross entropy [V] and its gradient in the logits z [V, C, B]; target [C, B] one-hot."""
    log_p, rows = torch.log_softmax(z, 1), z.shape[-1]
    loss = (log_p * target).sum((1, 2)).div_(-rows)
    return loss, log_p.exp_().sub_(target).div_(rows)  # (softmax(z) − y)/B


def squared_error(z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error [V] over rows and outputs, and its gradient in z [V, out, B]; target [out, B]."""
    error, count = z - target, target.numel()
    return error.square().sum((1, 2)) / count, error.mul_(2 / count)  # 2(z − y)/(out·B)


def relu_backward(delta: Tensor, a: Tensor) -> Tensor:
    """δ where a > 0, else 0; in place."""
    return torch.ops.aten.threshold_backward.grad_input(delta, a, 0, grad_input=delta)


def tanh_backward(delta: Tensor, a: Tensor) -> Tensor:
    """δ·(1 − a²), in place."""
    return torch.ops.aten.tanh_backward.grad_input(delta, a, grad_input=delta)


LOSSES = {"classification": cross_entropy, "regression": squared_error}
ACTIVATIONS = {"relu": (torch.relu_, relu_backward), "tanh": (torch.tanh_, tanh_backward)}

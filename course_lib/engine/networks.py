"""V networks of one shape as one: forward, loss and backward written by hand, feature-major.

Axes: V networks, F features, B rows of a batch. Activations are [V, F, B], weights [V, out, in] as
in `nn.Linear`, biases [V, out]. The V networks are S seeds × K settings, seed by seed: network v
belongs to seed v // K. Networks of one seed see the same batch, so that the first layer's gradient
is one tall product [K·out, B] × [B, in] per seed; and the same uniform field u [F, B] decides in
each which units are dropped (those with u < p).

What a chunk asks of such a class (`Spec.networks` chooses it):
    Networks(spec, start, settings, options, batch_size)
        start: the parameters of one network of each seed, a list of [S, *shape] (S = 1 too);
        settings: K;
        options: name → tensor [V], the grid's columns that belong to the model ("dropout", …),
        where the grid has them.
    flat, flat_gradients [V·P]: all parameters and their gradients, so that an optimizer needs one
        call for all; parameters, gradients: lists of [V, *shape], views of those, one behind the
        other in the order of `start`; shapes: list of *shape.
    buffers: list of [V, …], what a network keeps besides (running statistics).
    noise_widths: the F of each uniform field it wants per step, () for none.
    compute_gradients(x, target, noise) → losses [V] of the batch, labels smoothed; fills
    `gradients`.
        x [B, in] for all networks or [S, B, in]; target [B, out] or [S, B, out], one-hot for
        classes; noise: per width F a field [F, B] or [S, F, B]. Whether there is an axis S is the
        same for all of them.
    outputs(x) → [V, out, B]; evaluate(x, target) → (mean loss [V], accuracy [V], NaN for
    regression), as in use.
        Here x, target may lack the axis S though S > 1: then all seeds share them.
Between steps a chunk reads and writes rows of `parameters` and of `buffers` in place.
"""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:  # a spec knows its networks
    from course_lib.engine.spec import ModelSpec

EVALUATED_ROWS = 256  # at a time, so that the activations stay in the cache


class Networks:
    """V = S·`settings` plain networks, those of one seed starting alike.

    `parameters`, `gradients`: weight, bias, weight, … spec: one that is `plain`. options:
    `dropout`, p [V] behind every hidden layer; `label_smoothing`, ε [V].
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
        self.weights = self.parameters[::2]
        self.biases = [bias.unsqueeze(-1) for bias in self.parameters[1::2]]
        p = options.get("dropout")
        self.drops = p is not None and bool(p.any())
        self.noise_widths = spec.widths[1:-1] if self.drops else ()
        if p is not None:
            self.p, self.scale = p.view(self.seeds, -1, 1, 1), 1 / (1 - p.view(-1, 1, 1))
        self.activate, self.backward = ACTIVATIONS[spec.activation]
        self._make_room(batch_size)

    def _begin(
        self, task: str, start: list[Tensor], settings: int, options: dict[str, Tensor]
    ) -> None:
        """What networks of every kind have: parameters, room for gradients, a loss."""
        self.task, self.seeds, self.loss = task, len(start[0]), LOSSES[task]
        self.count = self.seeds * settings  # V
        self.shapes = [p.shape[1:] for p in start]
        self.flat = torch.cat([p.repeat_interleave(settings, 0).flatten() for p in start])
        self.flat_gradients = torch.zeros_like(self.flat)
        self.parameters = cut(self.flat, self.count, self.shapes)
        self.gradients = cut(self.flat_gradients, self.count, self.shapes)
        self.buffers: list[Tensor] = []
        epsilon = options.get("label_smoothing")
        self.epsilon = epsilon.view(-1, 1, 1) if epsilon is not None and epsilon.any() else None

    def _make_room(self, batch_size: int) -> None:
        """For what each step writes anew: fetching fresh megabytes costs more than filling them."""
        shapes = [(self.count, width, batch_size) for width in self.spec.widths[1:]]
        *self.activations, _ = self.sums = [self.flat.new_empty(shape) for shape in shapes]
        self.deltas = [torch.empty_like(a) for a in self.activations]
        self.kept = [torch.empty_like(a) for a in self.activations]
        if self.spec.activation == "relu":  # its backward sees from the output what was dropped
            self.kept = self.deltas
        self.kept_by_seed = [self._by_seed(kept) for kept in self.kept]
        self.scaled = [torch.empty_like(weight) for weight in self.weights]
        # in the layer that reads the data all networks of a seed are one
        first = self.weights[0], self.sums[0], self.gradients[0]
        self.tall = [self._by_seed(tensor).flatten(1, 2) for tensor in first]
        self.transposed = [
            (a.mT, weight.mT) for a, weight in zip(self.activations, self.weights[1:])
        ]

    def _by_seed(self, networks: Tensor) -> Tensor:
        """[V, …] as [S, K, …]."""
        return networks.unflatten(0, (self.seeds, -1))

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """Fill `gradients` with those of the mean loss over a batch; return the losses [V].

        x [B, in]; target [B, out], one-hot for classification; noise: a uniform field [F, B] per
        hidden layer, nothing without dropout. For several seeds each has one more axis, [S, …].
        """
        x = by_seed(x)
        z = self._forward(x, noise)
        loss, delta = self.loss(z, self._wanted(target))  # δ = ∂loss/∂z
        self._backward(delta, x)
        return loss

    def _for_each(self, rows: Tensor) -> Tensor:
        """Rows [B, F] or [S, B, F] → [V, F, B]; a view if they are the same for all networks."""
        columns = by_seed(rows).mT.contiguous()
        settings = self.count // len(columns)
        return columns.unsqueeze(1).expand(-1, settings, -1, -1).flatten(0, 1)

    def _wanted(self, target: Tensor) -> Tensor:
        """What training aims at, [V, out, B]: the target, or smoothed labels (1 − ε)·y + ε/K."""
        y = self._for_each(target)
        return y if self.epsilon is None else y * (1 - self.epsilon) + self.epsilon / y.shape[1]

    def _forward(self, x: Tensor, noise: list[Tensor]) -> Tensor:
        weight, z, _ = self.tall
        torch.bmm(weight, x.mT, out=z)
        for i, a in enumerate(self.activations):
            self.activate(a.add_(self.biases[i]))  # z = W·a + b
            if self.drops:  # where u < p
                torch.ge(noise[i].unsqueeze(-3), self.p, out=self.kept_by_seed[i])
                a.mul_(self.kept[i])
            torch.bmm(self._weight(i + 1), a, out=self.sums[i + 1])
        return self.sums[-1].add_(self.biases[-1])

    def _backward(self, delta: Tensor, x: Tensor) -> None:
        for i in range(len(self.activations), 0, -1):
            torch.sum(delta, -1, out=self.gradients[2 * i + 1])  # ∂b = Σ δ
            if self.drops:
                delta.mul_(self.scale)
            a, weight = self.transposed[i - 1]
            torch.bmm(delta, a, out=self.gradients[2 * i])  # ∂W = δ·aᵀ
            delta = torch.bmm(weight, delta, out=self.deltas[i - 1])  # ∂a = Wᵀ·δ
            # ∂z = ∂a·a′(z), and nothing through a dropped unit
            self.backward(delta, self.activations[i - 1])
            if self.drops and self.kept is not self.deltas:
                delta.mul_(self.kept[i - 1])
        torch.sum(delta, -1, out=self.gradients[1])
        torch.bmm(self._by_seed(delta).flatten(1, 2), x, out=self.tall[-1])

    def _weight(self, i: int) -> Tensor:
        """The weight of layer i, times dropout's 1/(1 − p) on its input, which is larger."""
        if not self.drops:
            return self.weights[i]
        return torch.mul(self.weights[i], self.scale, out=self.scaled[i])

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in] or [S, B, in], without dropout."""
        x = by_seed(x)
        tall = self.weights[0].view(len(x), -1, x.shape[-1])
        a = torch.bmm(tall, x.mT).view(self.count, -1, x.shape[1]).add_(self.biases[0])
        for weight, bias in zip(self.weights[1:], self.biases[1:]):
            a = torch.bmm(weight, self.activate(a)).add_(bias)
        return a

    def evaluate(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss [V] and accuracy [V] (NaN for regression) over all rows, without dropout."""
        loss = right = self.flat.new_zeros(())
        rows = x.shape[-2]
        for part, wanted in zip(x.split(EVALUATED_ROWS, -2), target.split(EVALUATED_ROWS, -2)):
            z = self.outputs(part)
            right = right + self._hits(z, wanted) / rows
            loss = loss + self.loss(z, self._for_each(wanted))[0] * (part.shape[-2] / rows)
        if self.task == "regression":
            right = torch.full_like(loss, torch.nan)
        return loss, right

    def finite(self) -> Tensor:
        """Whether all parameters of a network are finite numbers, [V]."""
        return torch.stack([p.flatten(1).isfinite().all(1) for p in self.parameters]).all(0)

    def _hits(self, z: Tensor, target: Tensor) -> Tensor:
        """How many rows each network gets right [V].

        z: logits [V, C, B]; target: one-hot classes [B, C] or [S, B, C].
        """
        wanted = by_seed(target).argmax(-1)
        found = z.argmax(1).view(len(wanted), -1, z.shape[-1])
        return (found == wanted.unsqueeze(1)).sum(-1).flatten()


def by_seed(rows: Tensor) -> Tensor:
    """[S, B, F], with S = 1 for rows [B, F]."""
    return rows if rows.dim() == 3 else rows.unsqueeze(0)


def cut(flat: Tensor, count: int, shapes: list[torch.Size]) -> list[Tensor]:
    """Views [V, *shape] of a vector [V·P], one behind the other; V = `count`."""
    parts = flat.split([count * math.prod(shape) for shape in shapes])
    return [part.view(count, *shape) for part, shape in zip(parts, shapes)]


def spread(values: Tensor, shapes: list[torch.Size]) -> Tensor:
    """A number for each network [V], or for each of its parameter tensors too [V, …], as [V·P]."""
    columns = values.unsqueeze(1).expand(-1, len(shapes)) if values.dim() == 1 else values
    return torch.cat(
        [column.repeat_interleave(math.prod(shape)) for column, shape in zip(columns.T, shapes)]
    )


def cross_entropy(z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross entropy [V] and its gradient in the logits z [V, C, B]; target [V, C, B]."""
    log_p, rows = torch.log_softmax(z, 1), z.shape[-1]
    loss = (log_p * target).sum((1, 2)).div_(-rows)
    return loss, log_p.exp_().sub_(target).div_(rows)  # (softmax(z) − y)/B


def squared_error(z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error [V] over rows and outputs, and its gradient in z; both [V, out, B]."""
    error, count = z - target, z[0].numel()
    return error.square().sum((1, 2)) / count, error.mul_(2 / count)  # 2(z − y)/(out·B)


def relu_backward(delta: Tensor, a: Tensor) -> Tensor:
    """δ where a > 0, else 0; in place."""
    return torch.ops.aten.threshold_backward.grad_input(delta, a, 0, grad_input=delta)


def tanh_backward(delta: Tensor, a: Tensor) -> Tensor:
    """δ·(1 − a²), in place."""
    return torch.ops.aten.tanh_backward.grad_input(delta, a, grad_input=delta)


LOSSES = {"classification": cross_entropy, "regression": squared_error}
ACTIVATIONS = {"relu": (torch.relu_, relu_backward), "tanh": (torch.tanh_, tanh_backward)}

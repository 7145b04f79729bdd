"""V networks of one shape as one: forward, loss and backward written by hand, feature-major.

Axes: V networks, F features, B rows of a batch. Activations are [V, F, B], weights [V, out, in] as
in `nn.Linear`, biases [V, out]. The V networks are S seeds × K settings, seed by seed: network v
belongs to seed v // K. Networks of one seed see the same batch, so that the first layer's gradient
is one tall product [K·out, B] × [B, in] per seed; and the same uniform field u [F, B] decides in
each which units are dropped (those with u < p).

What a chunk asks of such a class (`models.make_networks` chooses it):
    Networks(spec, start, settings, options, batch_size)
        start: the parameters of one network of each seed, a list of [S, *shape] (S = 1 too);
        settings: K;
        options: name → tensor [V], the grid's columns that belong to the model ("dropout", …),
        where the grid has them.
    matrix [V, P]; parameters, gradients: lists of [V, *shape], the parameters being views of
    `matrix`, in the order of
        `start`; shapes: list of *shape; buffers: list of [V, …], what a network keeps besides
        (running statistics).
    noise_widths: the F of each uniform field it wants per step, () for none.
    compute_gradients(x, target, noise) → losses [V] of the batch, labels smoothed; fills
    `gradients`.
        x [B, in] for all networks or [S, B, in]; target [B, out] or [S, B, out], one-hot for
        classes; noise: per width F a field [F, B] or [S, F, B]. Whether there is an axis S is the
        same for all of them.
    outputs(x) → [V, out, B]; evaluate(x, target) → (mean loss [V], accuracy [V], NaN for
    regression), as in use.
        Here x, target may lack the axis S though S > 1: then all seeds share them.
Between steps a chunk reads and writes rows of `matrix` and of `buffers` in place.
"""

import math

import torch
from torch import Tensor

from course_lib.engine.spec import ModelSpec

EVALUATED_ROWS = 256  # at a time, so that the activations stay in the cache


class Networks:
    """V = S·`settings` plain networks, those of one seed starting alike.

    `parameters`, `gradients`: weight, bias, weight, … The parameters are views of one `matrix`
    [V, P], a row per network, so that an optimizer needs one call for all. spec: one that is
    `plain`. options: `dropout`, p [V] behind every hidden layer; `label_smoothing`, ε [V].
    """

    def __init__(
        self,
        spec: ModelSpec,
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
        batch_size: int,
    ):
        self._begin(spec, start, settings, options)
        # the gradients of a seed's first layers as one
        self.tall = self.gradients[0].view(self.seeds, -1, spec.widths[0])
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
        self, spec: ModelSpec, start: list[Tensor], settings: int, options: dict[str, Tensor]
    ) -> None:
        """What networks of every kind have: parameters, room for gradients, a loss."""
        self.spec, self.seeds, self.loss = spec, len(start[0]), LOSSES[spec.task]
        self.shapes = [p.shape[1:] for p in start]
        self.matrix = torch.cat([p.flatten(1) for p in start], 1).repeat_interleave(settings, 0)
        self.parameters = cut(self.matrix, self.shapes)
        self.buffers: list[Tensor] = []
        self.gradients = [
            torch.empty_like(p, memory_format=torch.contiguous_format) for p in self.parameters
        ]
        epsilon = options.get("label_smoothing")
        self.epsilon = epsilon.view(-1, 1, 1) if epsilon is not None and epsilon.any() else None

    def _make_room(self, batch_size: int) -> None:
        """For what each step writes anew: fetching fresh megabytes costs more than filling them."""
        hidden = [(len(self.matrix), width, batch_size) for width in self.spec.widths[1:-1]]
        self.activations, self.deltas = (
            [self.matrix.new_empty(shape) for shape in hidden] for _ in range(2)
        )
        self.kept = [torch.empty_like(delta) for delta in self.deltas]
        if self.spec.activation == "relu":  # its backward sees from the output what was dropped
            self.kept = self.deltas
        self.kept_by_seed = [kept.unflatten(0, (self.seeds, -1)) for kept in self.kept]
        self.scaled = [torch.empty_like(weight) for weight in self.weights]

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """Fill `gradients` with those of the mean loss over a batch; return the losses [V].

        x [B, in]; target [B, out], one-hot for classification; noise: a uniform field [F, B] per
        hidden layer, nothing without dropout. For several seeds each has one more axis, [S, …].
        """
        x = by_seed(x)
        inputs = [self._for_each(x), *self.activations]  # what each layer reads
        z = self._forward(inputs, noise)
        loss, delta = self.loss(z, self._wanted(target))  # δ = ∂loss/∂z
        self._backward(delta, inputs, x)
        return loss

    def _for_each(self, rows: Tensor) -> Tensor:
        """Rows [B, F] or [S, B, F] → [V, F, B]; a view if they are the same for all networks."""
        columns = by_seed(rows).mT.contiguous()
        settings = len(self.matrix) // len(columns)
        return columns.unsqueeze(1).expand(-1, settings, -1, -1).flatten(0, 1)

    def _wanted(self, target: Tensor) -> Tensor:
        """What training aims at, [V, out, B]: the target, or smoothed labels (1 − ε)·y + ε/K."""
        y = self._for_each(target)
        return y if self.epsilon is None else y * (1 - self.epsilon) + self.epsilon / y.shape[1]

    def _forward(self, inputs: list[Tensor], noise: list[Tensor]) -> Tensor:
        *hidden, last = range(len(inputs))
        for i in hidden:
            # z = W·a + b
            a = torch.baddbmm(self.biases[i], self._weight(i), inputs[i], out=inputs[i + 1])
            self.activate(a)
            if self.drops:  # where u < p
                torch.ge(noise[i].unsqueeze(-3), self.p, out=self.kept_by_seed[i])
                a.mul_(self.kept[i])
        return torch.baddbmm(self.biases[last], self._weight(last), inputs[last])

    def _backward(self, delta: Tensor, inputs: list[Tensor], x: Tensor) -> None:
        for i in range(len(inputs) - 1, 0, -1):
            torch.sum(delta, -1, out=self.gradients[2 * i + 1])  # ∂b = Σ δ
            if self.drops:
                delta.mul_(self.scale)
            torch.bmm(delta, inputs[i].mT, out=self.gradients[2 * i])  # ∂W = δ·aᵀ
            delta = torch.bmm(self.weights[i].mT, delta, out=self.deltas[i - 1])  # ∂a = Wᵀ·δ
            self.backward(delta, inputs[i])  # ∂z = ∂a·a′(z), and nothing through a dropped unit
            if self.drops and self.kept is not self.deltas:
                delta.mul_(self.kept[i - 1])
        torch.sum(delta, -1, out=self.gradients[1])
        delta = delta.view(self.seeds, -1, delta.shape[-1])
        torch.bmm(delta, x, out=self.tall)  # all networks of a seed in one tall product

    def _weight(self, i: int) -> Tensor:
        """The weight of layer i, times dropout's 1/(1 − p) on its input, which is larger."""
        if i == 0 or not self.drops:
            return self.weights[i]
        return torch.mul(self.weights[i], self.scale, out=self.scaled[i])

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in] or [S, B, in], without dropout."""
        a = self._for_each(x)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1]):
            a = self.activate(torch.baddbmm(bias, weight, a))
        return torch.baddbmm(self.biases[-1], self.weights[-1], a)

    def evaluate(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss [V] and accuracy [V] (NaN for regression) over all rows, without dropout."""
        loss = right = self.matrix.new_zeros(())
        rows = x.shape[-2]
        for part, wanted in zip(x.split(EVALUATED_ROWS, -2), target.split(EVALUATED_ROWS, -2)):
            z = self.outputs(part)
            right = right + self._hits(z, wanted) / rows
            loss = loss + self.loss(z, self._for_each(wanted))[0] * (part.shape[-2] / rows)
        if self.spec.task == "regression":
            right = torch.full_like(loss, torch.nan)
        return loss, right

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


def cut(matrix: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    """Views [V, *shape] of a matrix [V, P], one after the other."""
    parts = matrix.split([math.prod(shape) for shape in shapes], 1)
    return [part.unflatten(1, shape) for part, shape in zip(parts, shapes)]


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

"""A small convolutional network on lines of numbers: written down, as a module, V as one.

Each layer halves the line: z[c, l] = Σ_{c′, t} w[c, c′, t]·x[c′, 2·l + t − ⌊k/2⌋] + b[c], a norm or
none, ReLU. The last line is flattened, dropped out, and read by a linear layer. After the network
of Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024.

V networks lay the k shifted copies of their lines one below the other, [V, k·channels, places·B],
so that a layer is one product with weights [V, out, k·channels]. Of 24 networks on 64 rows forward
and backward so took 11 ms of processor time by autograd, with `unfold` 14, `torch.func.vmap` 21, as
one convolution of 24 groups 25 (of 8 networks: 3.6, 5.0, 7.5, 9.1); backward by hand, as it is
here, takes a fifth less.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_whole
from course_lib.batchnorm import BatchNorm1d
from course_lib.engine.layers import (
    EPS,
    MOMENTUM,
    Activation,
    Affine,
    Dropout,
    Layer,
    Learned,
    Sequence,
)
from course_lib.engine.networks import Networks, by_seed
from course_lib.engine.spec import Range
from course_lib.engine.table import Start, TableSpec, constant, even

ROW = (1, 2)  # the axes of what belongs to one row, of [V, channels, length, B]


@dataclass(frozen=True)
class ConvSpec(TableSpec):
    """Strided convolutions, from `length` numbers to `classes` logits.

    channels: of every layer, `kernels`: how wide each is, odd. norm: "batch" (BatchNorm, momentum
    0.1), "group" (GroupNorm of one group: all channels and places of a row), or None.
    Raises ValueError for sizes below 1, no or even kernels, and another norm.
    """

    length: int = 40
    channels: int = 25
    classes: int = 10
    kernels: tuple[int, ...] = (5, 3, 3)
    norm: str | None = None

    large = by_autograd = False

    def __post_init__(self) -> None:
        for name in ("length", "channels", "classes"):
            object.__setattr__(self, name, require_whole(name, getattr(self, name), 1))
        object.__setattr__(self, "kernels", tuple(self.kernels))
        if not self.kernels or any(require_whole("kernels", k, 1) % 2 == 0 for k in self.kernels):
            raise ValueError(f"kernels = {self.kernels}: must be at least one odd whole number")
        require_choice("norm", self.norm, (None, "batch", "group"))

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return self.length

    @property
    def outputs(self) -> int:
        """Logits."""
        return self.classes

    def lengths(self) -> list[int]:
        """Places behind each convolution, every other one of those before."""
        found = [self.length]
        for _ in self.kernels:
            found.append((found[-1] + 1) // 2)
        return found[1:]

    @property
    def units(self) -> int:
        """How many numbers a row becomes: shifted copies and what becomes of them."""
        fan_in = [k * c for k, c in zip(self.kernels, [1] + [self.channels] * len(self.kernels))]
        return sum(length * (n + self.channels) for n, length in zip(fan_in, self.lengths()))

    def table(self) -> Iterator[tuple[str, tuple[int, ...], Start]]:
        """(name, shape, initial values) of the parameters: even on ±1/√in, as torch draws them."""
        c, before = self.channels, 1
        for i, k in enumerate(self.kernels, 1):
            usual = even((before * k) ** -0.5)
            yield f"convolution_{i}.weight", (c, before, k), usual
            yield f"convolution_{i}.bias", (c,), usual
            if self.norm is not None:
                yield f"norm_{i}.weight", (c,), constant(1)
                yield f"norm_{i}.bias", (c,), constant(0)
            before = c
        width = c * self.lengths()[-1]
        yield "last.weight", (self.classes, width), even(width**-0.5)
        yield "last.bias", (self.classes,), even(width**-0.5)

    def options(self) -> dict[str, Range]:
        """Names in the grid that are the model's.

        `dropout`, before the last layer; `label_smoothing`; `shift`, the places by which each
        row of a batch is moved at most, to either side, round the end.
        """
        return super().options() | {"shift": {"high": self.length - 1, "whole": True}}

    def networks(
        self, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ) -> "ConvNetworks":
        """The networks as one, for a chunk."""
        return ConvNetworks(self, start, settings, options, batch_size)

    def module(self, dropout: float) -> nn.Sequential:
        """The single model; dropout: p before the last layer. What is shifted is not its business.

        Running statistics are called `norm_1.running_mean`, ….
        """
        layers: dict[str, nn.Module] = {"line": nn.Unflatten(1, (1, self.length))}
        before, c = 1, self.channels
        for i, k in enumerate(self.kernels, 1):
            layers[f"convolution_{i}"] = nn.Conv1d(before, c, k, stride=2, padding=k // 2)
            if self.norm == "batch":
                layers[f"norm_{i}"] = BatchNorm1d(c)
            elif self.norm == "group":
                layers[f"norm_{i}"] = nn.GroupNorm(1, c)
            layers[f"relu_{i}"] = nn.ReLU()
            before = c
        layers |= {"flat": nn.Flatten(), "dropout": nn.Dropout(dropout)}
        layers["last"] = nn.Linear(c * self.lengths()[-1], self.classes)
        return nn.Sequential(OrderedDict(layers))


class ConvNetworks(Networks):
    """V convolutional networks of `spec` as one.

    options, [V] each: `dropout`, whose field is [width of the last layer, B]; `label_smoothing`;
    `shift` s, whose field u [1, B] moves a row by ⌊(2s + 1)·u⌋ − s places. The shift's field is
    drawn first. buffers: running mean and variance [V, channels] of each BatchNorm in turn.
    """

    def __init__(
        self,
        spec: ConvSpec,
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
        batch_size: int,
    ):
        self._begin(spec.task, start, settings, options)
        learned = zip(self.parameters, self.gradients)  # two for each layer

        def take() -> Learned:
            return [next(learned), next(learned)]

        layers: list[Layer] = []
        for i in range(len(spec.kernels)):
            layers.append(Convolution(take(), first=i == 0))
            if spec.norm == "batch":
                new = self.flat.new_zeros(self.count, spec.channels)
                self.buffers += [new, torch.ones_like(new)]
                layers.append(ChannelNorm(take(), self.buffers[-2:]))
            elif spec.norm == "group":
                layers.append(GroupNorm(take()))
            layers.append(Activation("relu"))
        width = spec.channels * spec.lengths()[-1]
        shift, p = options.get("shift"), options.get("dropout")
        self.shift = None if shift is None else shift.view(self.seeds, -1, 1, 1)
        self.noise_widths = () if shift is None else (1,)
        self.dropout = None
        # one generator for two kinds of fields: in every chunk it draws both
        if p is not None and (shift is not None or p.any()):
            self.noise_widths += (width,)
            self.dropout = Dropout(p.view(self.seeds, -1, 1, 1), width, batch_size)
        dropout = [] if self.dropout is None else [self.dropout]
        self.network = Sequence(*layers, Flatten(), *dropout, Affine(take()))

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`."""
        a = self._for_each(by_seed(x))  # [V, length, B]
        if self.shift is not None:
            a = shifted(a, self.shift, noise[0])
        if self.dropout is not None:
            self.dropout.field = noise[-1]
        z = self.network.forward(a.unsqueeze(1), True)  # from [V, channels, length, B]
        loss, delta = self.loss(z, self._wanted(target))
        self.network.backward(delta)
        return loss

    def outputs(self, x: Tensor) -> Tensor:
        """Logits [V, classes, B] for lines x [B, length] or [S, B, length], in evaluation."""
        return self.network.forward(self._for_each(by_seed(x)).unsqueeze(1), False)


class Convolution:
    """z[c, l] = Σ w[c, c′, t]·x[c′, 2·l + t − ⌊k/2⌋] + b[c], a product with `columns`.

    columns [V, k, channels before, half the length, B]: at t the places that w[…, t] sees, 0
    outside the line. first: nobody asks for ∂x.
    """

    def __init__(self, learned: Learned, first: bool):
        (self.weight, self.weight_gradient), (bias, self.bias_gradient) = learned
        self.bias, self.first = bias.unsqueeze(-1), first

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return z [V, channels, half the length, B] from a [V, before, length, B]."""
        count, before, self.length, rows = a.shape
        k, places = self.weight.shape[-1], (self.length + 1) // 2
        self.columns = a.new_empty(count, k, before, places, rows)
        for t, (seen, source) in enumerate(spans(k, self.length)):
            column = self.columns[:, t]
            column[:, :, seen] = a[:, :, source]
            column[:, :, : seen.start] = column[:, :, seen.stop :] = 0
        self.flat = self.columns.view(count, k * before, -1)
        self.wide = self.weight.transpose(2, 3).flatten(2)  # [V, channels, k·before]
        return torch.baddbmm(self.bias, self.wide, self.flat).view(count, -1, places, rows)

    def backward(self, delta: Tensor) -> Tensor:
        """∂b = Σ δ, ∂w = δ·columnsᵀ, ∂columns = wᵀ·δ, and each back where it was copied from."""
        count, channels, _, rows = delta.shape
        _, k, before, *_ = self.columns.shape
        delta = delta.view(count, channels, -1)
        torch.sum(delta, -1, out=self.bias_gradient)
        wide = torch.bmm(delta, self.flat.mT).view(count, channels, k, before)
        self.weight_gradient.copy_(wide.transpose(2, 3))
        if self.first:
            return delta
        torch.bmm(self.wide.mT, delta, out=self.flat)
        found = delta.new_zeros(count, before, self.length, rows)
        for t, (seen, source) in reversed(list(enumerate(spans(k, self.length)))):
            found[:, :, source] += self.columns[:, t, :, seen]
        return found


@cache
def spans(k: int, length: int) -> list[tuple[slice, slice]]:
    """For each t the places l at which 2·l + t − ⌊k/2⌋ lies within a line, and what lies there."""
    found = []
    for t in range(k):
        low = max(0, (k // 2 - t + 1) // 2)
        begin = 2 * low + t - k // 2
        high = min((length + 1) // 2, low + (length + 1 - begin) // 2)
        found.append((slice(low, high), slice(begin, begin + 2 * (high - low), 2)))
    return found


class ChannelNorm:
    """A BatchNorm over rows and places, the channels of all networks side by side."""

    def __init__(self, learned: Learned, buffers: list[Tensor]):
        (self.weight, self.weight_gradient), (self.bias, self.bias_gradient) = learned
        self.mean, self.var = (buffer.view(-1) for buffer in buffers)  # running

    def forward(self, z: Tensor, training: bool) -> Tensor:
        """Return y = γ·x̂ + β, by the batch's own μ, σ² or, in evaluation, by the running ones."""
        weight, bias = self.weight.view(-1), self.bias.view(-1)
        self.z = z.view(1, len(weight), -1)
        y, *self.statistics = torch.native_batch_norm(
            self.z, weight, bias, self.mean, self.var, training, MOMENTUM, EPS
        )
        return y.view_as(z)

    def backward(self, delta: Tensor) -> Tensor:
        """As torch has it."""
        found, *gradients = torch.ops.aten.native_batch_norm_backward(
            delta.view_as(self.z),
            self.z,
            self.weight.view(-1),
            self.mean,
            self.var,
            *self.statistics,
            True,
            EPS,
            [True] * 3,
        )
        for room, gradient in zip((self.weight_gradient, self.bias_gradient), gradients):
            room.copy_(gradient.view_as(room))
        return found.view_as(delta)


class GroupNorm:
    """y = γ·x̂ + β, x̂ = (z − μ)/√(σ² + ε), of one group: all channels and places of a row."""

    def __init__(self, learned: Learned):
        (self.weight, self.weight_gradient), (bias, self.bias_gradient) = learned
        self.gamma, self.beta = (tensor[:, :, None, None] for tensor in (self.weight, bias))

    def forward(self, z: Tensor, training: bool) -> Tensor:
        """Return y [V, channels, length, B]."""
        self.centred = z - z.mean(ROW, keepdim=True)
        self.scale = (variance(z) + EPS).rsqrt_()
        self.x_hat = self.centred * self.scale
        return self.x_hat * self.gamma + self.beta

    def backward(self, delta: Tensor) -> Tensor:
        """∂γ = Σ δ·x̂, ∂β = Σ δ; ∂z directly, by way of σ² and of μ, added in this order."""
        torch.sum(delta, (2, 3), out=self.bias_gradient)
        torch.sum(delta * self.x_hat, (2, 3), out=self.weight_gradient)
        delta = delta * self.gamma
        by_scale = (delta * self.centred).sum(ROW, keepdim=True)
        by_var = -0.5 * by_scale * self.scale.pow(3)
        found = delta.mul_(self.scale)
        by_mean = found.neg().sum(ROW, keepdim=True)
        count = found[0, :, :, 0].numel()
        return found.add_((2 / count) * by_var * self.centred).add_(by_mean / count)


def variance(z: Tensor) -> Tensor:
    """The variance over ROW of z, [V, 1, 1, B].

    To the last digit that of `z.var(ROW, correction=0, keepdim=True)`, in a seventh of the time:
    both sum in float64.
    """
    wide = z.double()
    return wide.sub_(wide.mean(ROW, keepdim=True)).square_().mean(ROW, keepdim=True).to(z.dtype)


class Flatten:
    """Channels and places as one axis of features."""

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """[V, channels, length, B] → [V, channels·length, B]."""
        self.shape = a.shape
        return a.flatten(1, 2)

    def backward(self, delta: Tensor) -> Tensor:
        """And back."""
        return delta.view(self.shape)


def shifted(a: Tensor, shift: Tensor, field: Tensor) -> Tensor:
    """Lines a [V, length, B], each moved by ⌊(2s + 1)·u⌋ − s places, round the end.

    shift: s [S, K, 1, 1]; field: u [1, B] or [S, 1, B].
    """
    moves = ((2 * shift + 1) * field.unsqueeze(-3)).floor() - shift  # [S, K, 1, B]
    places = torch.arange(a.shape[1], device=a.device).view(-1, 1)
    return a.gather(1, (places - moves.flatten(0, 1).long()) % a.shape[1])

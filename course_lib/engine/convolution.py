"""A small convolutional network on lines of numbers: written down, as a module, V as one.

Each layer halves the line: z[c, l] = Σ_{c′, t} w[c, c′, t]·x[c′, 2·l + t − ⌊k/2⌋] + b[c], a norm or
none, ReLU. The last line is flattened, dropped out, and read by a linear layer. After the network
of Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024.

V networks lay the k shifted copies of their lines one below the other, [V, k·channels, places·B],
so that a layer is one product with weights [V, out, k·channels]. Of 24 networks on 64 rows forward
and backward so took 11 ms of processor time, by `unfold` 14, by `torch.func.vmap` 21, as one
convolution of 24 groups 25 (of 8 networks: 3.6, 5.0, 7.5, 9.1).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_whole
from course_lib.batchnorm import BatchNorm1d, standardise
from course_lib.engine.autograd import AutogradNetworks, AutogradSpec, Start, constant, even
from course_lib.engine.layers import EPS, MOMENTUM
from course_lib.engine.spec import Range


@dataclass(frozen=True)
class ConvSpec(AutogradSpec):
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

    large = False

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
        return ConvNetworks(self, start, settings, options)

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


class ConvNetworks(AutogradNetworks):
    """V convolutional networks of `spec` as one.

    options, [V] each: `dropout`, whose field is [width of the last layer, B]; `label_smoothing`;
    `shift` s, whose field u [1, B] moves a row by ⌊(2s + 1)·u⌋ − s places. The shift's field is
    drawn first. buffers: running mean and variance [V, channels] of each BatchNorm in turn.
    """

    def __init__(
        self, spec: ConvSpec, start: list[Tensor], settings: int, options: dict[str, Tensor]
    ):
        super().__init__(spec.task, spec.names(), start, settings, options)
        self.shape = spec
        shift = options.get("shift")
        self.shift = None if shift is None else shift.view(self.seeds, -1, 1, 1)
        if shift is not None:  # one generator for two kinds of fields: in every chunk it draws both
            self.drops = "dropout" in options
        widths = [] if shift is None else [1]
        if self.drops:
            widths.append(spec.channels * spec.lengths()[-1])
        self.noise_widths = tuple(widths)
        if spec.norm == "batch":
            for _ in spec.kernels:
                new = self.flat.new_zeros(self.count, spec.channels)
                self.buffers += [new, torch.ones_like(new)]

    def forward(self, x: Tensor, noise: list[Tensor] | None) -> Tensor:
        """Logits [V, classes, B] for lines x [S, B, length]."""
        fields, named = iter(noise or ()), self.named
        a = self._for_each(x)  # [V, length, B]
        if noise is not None and self.shift is not None:
            a = shifted(a, self.shift, next(fields))
        a = a.unsqueeze(1)  # [V, channels, length, B]
        for i in range(1, len(self.shape.kernels) + 1):
            z = self._convolve(a, f"convolution_{i}")
            a = self._normed(z, i, noise is not None).relu()
        a = a.flatten(1, 2)
        if noise is not None and self.drops:
            a = self.dropped(a, next(fields))
        return torch.baddbmm(named["last.bias"].unsqueeze(-1), named["last.weight"], a)

    def _convolve(self, a: Tensor, name: str) -> Tensor:
        """Return z [V, channels, half the length, B] from a [V, before, length, B]."""
        weight, bias = self.named[f"{name}.weight"], self.named[f"{name}.bias"]
        k, length = weight.shape[-1], (a.shape[2] + 1) // 2
        padded = nn.functional.pad(a, (0, 0, k // 2, k // 2))
        copies = [padded[:, :, t : t + 2 * length - 1 : 2] for t in range(k)]  # x[2·l + t − ⌊k/2⌋]
        columns = torch.cat(copies, 1).flatten(2)  # [V, k·before, length·B]
        weight = weight.transpose(2, 3).flatten(2)  # [V, channels, k·before]
        z = torch.baddbmm(bias.unsqueeze(-1), weight, columns)
        return z.view(*z.shape[:2], length, -1)

    def _normed(self, z: Tensor, i: int, training: bool) -> Tensor:
        """The i-th norm of z [V, channels, length, B], or z itself without."""
        if self.shape.norm is None:
            return z
        weight, bias = (self.named[f"norm_{i}.{part}"] for part in ("weight", "bias"))
        if self.shape.norm == "group":
            mean = z.mean((1, 2), keepdim=True)
            var = z.var((1, 2), correction=0, keepdim=True)
            return standardise(z, mean, var, EPS, weight[:, :, None, None], bias[:, :, None, None])
        # the channels of all networks side by side
        mean, var = self.buffers[2 * i - 2 : 2 * i]
        mean, var, weight, bias = (tensor.view(-1) for tensor in (mean, var, weight, bias))
        together = z.view(1, len(mean), -1)
        y = nn.functional.batch_norm(together, mean, var, weight, bias, training, MOMENTUM, EPS)
        return y.view_as(z)


def shifted(a: Tensor, shift: Tensor, field: Tensor) -> Tensor:
    """Lines a [V, length, B], each moved by ⌊(2s + 1)·u⌋ − s places, round the end.

    shift: s [S, K, 1, 1]; field: u [1, B] or [S, 1, B].
    """
    moves = ((2 * shift + 1) * field.unsqueeze(-3)).floor() - shift  # [S, K, 1, B]
    places = torch.arange(a.shape[1], device=a.device).view(-1, 1)
    return a.gather(1, (places - moves.flatten(0, 1).long()) % a.shape[1])

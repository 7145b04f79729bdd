"""The paper's residual blocks on lines of numbers: written down, as a module, V networks as one.

A strided convolution halves the line; then come `blocks` times

    x ← ReLU(x + (b/p_l)·f(x))    f: Conv3–BatchNorm–ReLU–Conv3–BatchNorm

the mean over the places, and a linear layer. Between the layers a row is channels·places numbers,
so that shortcuts, dropping and dropout are those of `engine.layers`.
Source: Huang, Sun, Liu, Sedra & Weinberger, "Deep Networks with Stochastic Depth", ECCV 2016; on
images, and with three widths one after the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_whole
from course_lib.engine.convolution import ChannelNorm, Convolution, Flatten
from course_lib.engine.layers import Activation, Affine, Layer, LayeredNetworks, Residual, Sequence
from course_lib.engine.networks import by_seed
from course_lib.engine.spec import PROBABILITY, Range
from course_lib.engine.table import Start, TableSpec, constant, even
from course_lib.stochastic_depth import RULES, ResidualBlock, survival_probabilities

WIDE, NEAR = 5, 3  # how many places a convolution sees: the first one, and those in blocks


@dataclass(frozen=True)
class ConvBlocksSpec(TableSpec):
    """`blocks` residual blocks of `channels` channels, from `length` numbers to `classes` logits.

    survival_rule: as of `stochastic_depth.survival_probabilities`. Raises ValueError for sizes
    below 1 and another rule.
    """

    length: int = 40
    channels: int = 12
    blocks: int = 6
    classes: int = 10
    survival_rule: str = "linear"

    large = by_autograd = False

    def __post_init__(self) -> None:
        for name in ("length", "channels", "blocks", "classes"):
            object.__setattr__(self, name, require_whole(name, getattr(self, name), 1))
        require_choice("survival_rule", self.survival_rule, RULES)

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return self.length

    @property
    def outputs(self) -> int:
        """Logits."""
        return self.classes

    @property
    def places(self) -> int:
        """Places of a line behind the first convolution: every other one."""
        return (self.length + 1) // 2

    @property
    def units(self) -> int:
        """How many numbers a row becomes: shifted copies and what becomes of them."""
        block = 2 * (NEAR + 1) * self.channels
        return self.places * (WIDE + self.channels + self.blocks * block)

    def survival(self, last: float) -> list[float]:
        """Survival probability of each block, from the last one's."""
        return survival_probabilities(self.blocks, last, self.survival_rule)

    def table(self) -> Iterator[tuple[str, tuple[int, ...], Start]]:
        """(name, shape, initial values) of the parameters: even on ±1/√in, as torch draws them."""
        c = self.channels
        yield "first.weight", (c, 1, WIDE), even(WIDE**-0.5)
        yield "first.bias", (c,), even(WIDE**-0.5)
        yield "norm.weight", (c,), constant(1)
        yield "norm.bias", (c,), constant(0)
        for block in range(1, self.blocks + 1):
            for part in (1, 2):
                usual = even((NEAR * c) ** -0.5)
                yield f"block_{block}.convolution_{part}.weight", (c, c, NEAR), usual
                yield f"block_{block}.norm_{part}.weight", (c,), constant(1)
                yield f"block_{block}.norm_{part}.bias", (c,), constant(0)
        yield "last.weight", (self.classes, c), even(c**-0.5)
        yield "last.bias", (self.classes,), even(c**-0.5)

    def options(self) -> dict[str, Range]:
        """Names in the grid that are the model's.

        `dropout`, of single numbers in the branches, between the convolutions; `label_smoothing`;
        `survival`, p_L.
        """
        return super().options() | {"survival": PROBABILITY}

    def networks(
        self, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ) -> "ConvBlockNetworks":
        """The networks as one, for a chunk."""
        return ConvBlockNetworks(self, start, settings, options, batch_size)

    def module(self, dropout: float, last: float = 1.0) -> nn.Sequential:
        """The single model; dropout: p in the branches, `last`: p_L."""
        c = self.channels
        blocks = [
            nn.Sequential(ResidualBlock(self._branch(dropout), survival), nn.ReLU())
            for survival in self.survival(last)
        ]
        return nn.Sequential(
            nn.Unflatten(1, (1, self.length)),
            nn.Conv1d(1, c, WIDE, stride=2, padding=WIDE // 2),
            nn.BatchNorm1d(c),
            nn.ReLU(),
            *blocks,
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(c, self.classes),
        )

    def _branch(self, dropout: float) -> nn.Sequential:
        c = self.channels
        return nn.Sequential(
            nn.Conv1d(c, c, NEAR, padding=NEAR // 2, bias=False),
            nn.BatchNorm1d(c),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(c, c, NEAR, padding=NEAR // 2, bias=False),
            nn.BatchNorm1d(c),
        )


class ConvBlockNetworks(LayeredNetworks):
    """V such networks as one; options and buffers as of `LayeredNetworks`."""

    def __init__(
        self,
        spec: ConvBlocksSpec,
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
        batch_size: int,
    ):
        self._begin(spec.task, start, settings, options)
        self.rows, self.dropout, self.noisy = batch_size, options.get("dropout"), []
        self.free = zip(self.parameters, self.gradients)
        self.width = spec.channels * spec.places
        layers: list[Layer] = [Convolution(self._take(), first=True), Flatten()]
        layers += [self._norm(spec.channels), Activation("relu")]
        for block in range(spec.blocks):
            p = options.get("survival")
            if p is not None:
                p = 1 - p.new_tensor([spec.survival(last)[block] for last in p.tolist()])
            layers += [self._block(spec.channels, p), Activation("relu")]
        self.network = Sequence(*layers, Mean(spec.channels), Affine(self._take()))
        self.noise_widths = tuple(width for width, _ in self.noisy)

    def _block(self, channels: int, p: Tensor | None) -> Residual:
        """Return x + (b/p)·f(x) as a layer; p: how likely the branch goes, [V]."""
        drop_path = None if p is None else self._dropping(1, p)
        parts: list[Layer] = [Near(*next(self.free)), self._norm(channels), Activation("relu")]
        if self.dropout is not None:
            parts.append(self._dropping(self.width, self.dropout))
        return Residual(drop_path, *parts, Near(*next(self.free)), self._norm(channels))

    def _norm(self, channels: int) -> ChannelNorm:
        new = self.flat.new_zeros(self.count, channels)
        self.buffers += [new, torch.ones_like(new)]
        return ChannelNorm(self._take(), self.buffers[-2:])

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`."""
        return super().compute_gradients(self._lines(x), target, noise)

    def outputs(self, x: Tensor) -> Tensor:
        """Logits [V, classes, B] for lines x [B, length] or [S, B, length], in evaluation."""
        return super().outputs(self._lines(x))

    def _lines(self, x: Tensor) -> Tensor:
        return self._for_each(by_seed(x)).unsqueeze(1)  # [V, 1, length, B]


class Near:
    """z[c, l] = Σ w[c, c′, t]·x[c′, l + t − 1], 0 outside the line: a product with three copies.

    x, z [V, channels·places, B]. The norm behind it has the bias.
    """

    def __init__(self, weight: Tensor, gradient: Tensor):
        self.weight, self.gradient = weight.flatten(2), gradient.flatten(2)  # views

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return z."""
        count, channels, _ = self.weight.shape
        x = a.view(count, channels, -1, a.shape[-1])
        self.copies = x.new_zeros(count, channels, NEAR, *x.shape[2:])
        left, same, right = self.copies.unbind(2)
        left[:, :, 1:], right[:, :, :-1] = x[:, :, :-1], x[:, :, 1:]
        same.copy_(x)
        self.flat = self.copies.view(count, NEAR * channels, -1)
        return torch.bmm(self.weight, self.flat).view_as(a)

    def backward(self, delta: Tensor) -> Tensor:
        """∂w = δ·copiesᵀ, ∂copies = wᵀ·δ, and each back where it was copied from."""
        count, channels, _ = self.weight.shape
        wide = delta.view(count, channels, -1)
        torch.bmm(wide, self.flat.mT, out=self.gradient)
        left, same, right = torch.bmm(self.weight.mT, wide).view_as(self.copies).unbind(2)
        found = same.contiguous()
        found[:, :, :-1] += left[:, :, 1:]
        found[:, :, 1:] += right[:, :, :-1]
        return found.view_as(delta)


class Mean:
    """The mean over the places: [V, channels·places, B] → [V, channels, B]."""

    def __init__(self, channels: int):
        self.channels = channels

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """Return the mean of each channel."""
        self.shape = len(a), self.channels, a.shape[1] // self.channels, a.shape[-1]
        return a.view(self.shape).mean(2)

    def backward(self, delta: Tensor) -> Tensor:
        """∂a = δ/places, at every place."""
        return (delta / self.shape[2]).unsqueeze(2).expand(self.shape).flatten(1, 2)

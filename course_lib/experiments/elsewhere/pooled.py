"""The convolution with a mean over its places in front of the last layer.

What is left of a line after the convolutions is 25 channels of 5 places. `ConvSpec` flattens them,
so that the last layer knows a place from another; here each channel becomes its mean. Moving a line
changes that mean little, though not nothing: the layers go by two places, and see zeros beyond the
ends.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from course_lib.engine import ConvSpec
from course_lib.engine.convolution import ConvNetworks, Flatten
from course_lib.engine.layers import Sequence
from course_lib.engine.table import Start, even


@dataclass(frozen=True)
class PooledSpec(ConvSpec):
    """`ConvSpec`, its last layer read off the mean over places; without dropout."""

    def table(self) -> Iterator[tuple[str, tuple[int, ...], Start]]:
        """As there, the last weight [classes, channels]."""
        *before, (weight, _, _), (bias, shape, _) = super().table()
        usual = even(self.channels**-0.5)
        yield from before
        yield weight, (self.classes, self.channels), usual
        yield bias, shape, usual

    def networks(
        self, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ) -> "PooledNetworks":
        """The networks as one, for a chunk."""
        return PooledNetworks(self, start, settings, options, batch_size)

    def module(self, dropout: float) -> nn.Sequential:
        """The single model."""
        layers = dict(super().module(dropout).named_children())
        layers["flat"] = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten())
        layers["last"] = nn.Linear(self.channels, self.classes)
        return nn.Sequential(OrderedDict(layers))


class PooledNetworks(ConvNetworks):
    """V of them as one."""

    def __init__(
        self,
        spec: PooledSpec,
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
        batch_size: int,
    ):
        super().__init__(spec, start, settings, options, batch_size)
        layers = [Mean() if isinstance(it, Flatten) else it for it in self.network.layers]
        self.network = Sequence(*layers)


class Mean:
    """The mean over places."""

    def forward(self, a: Tensor, training: bool) -> Tensor:
        """[V, channels, length, B] → [V, channels, B]."""
        self.shape = a.shape
        return a.mean(2)

    def backward(self, delta: Tensor) -> Tensor:
        """To every place its part."""
        return (delta / self.shape[2]).unsqueeze(2).expand(self.shape).contiguous()

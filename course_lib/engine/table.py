"""A model written down as a table of its parameters: name, shape, how each begins."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor, nn

from course_lib.base.arguments import require_probability
from course_lib.base.random import seeded
from course_lib.engine.spec import PROBABILITY, Range, Spec, require_shape

Start = Callable[[tuple[int, ...], Generator], Tensor]  # initial values of a shape, float64


def normal(std: float) -> Start:
    """Normal with mean 0 and this standard deviation."""
    return lambda shape, g: std * torch.randn(shape, generator=g, dtype=torch.float64)


def even(bound: float) -> Start:
    """Even on ±`bound`, as `nn.Linear` and `nn.Conv1d` draw with 1/√in."""
    return lambda shape, g: bound * (2 * torch.rand(shape, generator=g, dtype=torch.float64) - 1)


def constant(value: float) -> Start:
    """The same everywhere: 0 for a bias, 1 for a γ."""
    return lambda shape, _: torch.full(shape, value, dtype=torch.float64)


class TableSpec(Spec, ABC):
    """What the specs of such classifiers have in common."""

    task = "classification"
    frozen = 0

    @property
    def learning(self) -> Spec:
        """All of it."""
        return self

    @abstractmethod
    def table(self) -> Iterator[tuple[str, tuple[int, ...], Start]]:
        """(name, shape, initial values) of the parameters, named and ordered as in `build`."""

    @abstractmethod
    def module(self, dropout: float) -> nn.Module:
        """The single model, its weights as torch draws them."""

    def names(self) -> list[str]:
        """Names of the parameters, in order: those of `build().named_parameters()`."""
        return [name for name, _, _ in self.table()]

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters, in order."""
        return [shape for _, shape, _ in self.table()]

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """The parameters, shaped `shapes()`, that `seed` decides on."""
        generator = seeded(seed, "initial weights")
        return [start(shape, generator).to(dtype) for _, shape, start in self.table()]

    def options(self) -> dict[str, Range]:
        """Names in the grid that are the model's: `dropout`, `label_smoothing`."""
        return {"dropout": {"high": 1.0}, "label_smoothing": PROBABILITY}

    def features(self, x: Tensor, start: list[Tensor]) -> Tensor:
        """Rows as they are: nothing is frozen."""
        return x

    def require_rows(self, name: str, x: Tensor) -> None:
        """Raise ValueError for an x that is not [rows ≥ 1, `inputs`]."""
        require_shape(name, x, self.inputs)

    def require_batch(self, batch_size: int) -> None:
        """Any batch will do."""

    def build(
        self,
        dropout: float = 0.0,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> nn.Module:
        """The single model of torch's layers and the lessons' own, rows [B, `inputs`] → [B, out].

        Its weights are `initial(seed, dtype)`. dropout: p in [0, 1).
        """
        require_probability("dropout", dropout, open_high=True)
        # torch's own draws, overwritten below, are not to shift a learner's
        with torch.random.fork_rng(devices=[]):
            model = self.module(dropout).to(dtype)
        with torch.no_grad():
            for parameter, start in zip(model.parameters(), self.initial(seed, dtype), strict=True):
                parameter.copy_(start)
        return model.to(device)

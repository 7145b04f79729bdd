"""What lessons build their cases from: numbers and tensors drawn afresh, a call written down."""

import torch

from course_lib.checks.judge.task import tensors
from course_lib.checks.judge.values import encode


def call(name: str, arguments: tuple[str, ...], *args: object, **kwargs: object) -> dict:
    """A case for the driver `call`: `args` by the names in `arguments`, `kwargs` by their own."""
    case = {"name": name, "driver": "call", "arguments": arguments, "args": tensors(*args)}
    return {**case, "kwargs": encode(kwargs)} if kwargs else case


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Standard normal numbers of this shape, float64."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def away_from_zero(generator: torch.Generator, *shape: int, by: float) -> torch.Tensor:
    """Normal numbers moved away from zero by `by`: none is nearer to it."""
    x = normal(generator, *shape)
    return x + by * x.sign()


def positive(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Numbers between 0.3 and 2.3, float64."""
    return 0.3 + 2 * torch.rand(shape, generator=generator, dtype=torch.float64)


def whole(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high` − 1."""
    return int(torch.randint(low, high, (), generator=generator))


def between(generator: torch.Generator, low: float, high: float) -> float:
    """A number between `low` and `high`, with three digits behind the point."""
    return round(low + (high - low) * torch.rand((), generator=generator).item(), 3)

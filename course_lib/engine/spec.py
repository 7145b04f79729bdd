"""What a model is, written down once: the engine builds V of them from it, a lesson builds one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_probability, require_whole
from course_lib.base.random import seeded
from course_lib.batchnorm import BatchNorm1d, LayerNorm
from course_lib.engine.layers import LayeredNetworks
from course_lib.engine.networks import ACTIVATIONS, Networks
from course_lib.stochastic_depth import RULES, ResidualBlock, mlp_branch, survival_probabilities

# what a hidden layer is made of, in the usual order
KINDS = ("linear", "norm", "activation", "dropout")
MODULES: dict[str, Callable[..., nn.Module]] = {
    "linear": nn.Linear,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "batch": BatchNorm1d,
    "layer": LayerNorm,
}

# low, high, open_low, open_high: as `require` takes them; or whole: True, as `require_whole`
Range = dict[str, Any]
PROBABILITY: Range = {"high": 1.0, "open_high": False}


class Spec(Protocol):
    """What the engine asks of a model that is written down; `ModelSpec` is one.

    task: "classification" or "regression". inputs, outputs: numbers in a row, and what the model
    makes of them. units: how many numbers a row becomes on its way. frozen: linear layers, from the
    first on, that do not learn; learning: the spec of what learns. by_autograd: whether `networks`
    needs autograd, which inference mode forbids. large: whether one network keeps a thread busy, so
    that few settings need share a chunk.
    """

    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def inputs(self) -> int: ...  # noqa: D102
    @property
    def outputs(self) -> int: ...  # noqa: D102
    @property
    def units(self) -> int: ...  # noqa: D102
    @property
    def frozen(self) -> int: ...  # noqa: D102
    @property
    def learning(self) -> "Spec": ...  # noqa: D102
    @property
    def by_autograd(self) -> bool: ...  # noqa: D102
    @property
    def large(self) -> bool: ...  # noqa: D102

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters, in order."""

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """The parameters, shaped `shapes()`, that `seed` decides on."""

    def options(self) -> dict[str, Range]:
        """Names in the grid that are the model's, not the update's: name → range."""

    def features(self, x: Tensor, start: list[Tensor]) -> Tensor:
        """Rows x as the frozen layers pass them on; x itself without. start: initial parameters."""

    def require_rows(self, name: str, x: Tensor) -> None:
        """Raise ValueError, saying `name`, for an x that is not [rows, `inputs`] of its kind."""

    def require_batch(self, batch_size: int) -> None:
        """Raise ValueError for a batch that is too small."""

    def networks(
        self, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ) -> Networks:
        """The networks as one, for a chunk: see the docstring of `networks.py`."""


@dataclass(frozen=True)
class ModelSpec:
    """A multilayer perceptron, perhaps with norms and residual blocks.

    widths: inputs, hidden …, outputs. task: "classification" (mean cross entropy of logits) or
    "regression" (mean squared error). activation: "relu", "tanh" or "gelu", behind every layer but
    the last.
    frozen: so many linear layers, from the first on, keep their initial weights (random features);
    the last learns. norm: "batch" (BatchNorm, momentum 0.1) or "layer" (LayerNorm) in every hidden
    layer, or None.
    order: of what a hidden layer is made of, "linear" first, the others in any order: dropout
    behind the activation, unless said otherwise. What is not there (norm None, p = 0) is left out.
    residual_blocks: so many x + DropPath(LayerNorm–Linear–GELU–Linear(x)) between the last hidden
    layer and the output, as wide as that layer, and `expansion` times as wide inside; without the
    LayerNorm if `branch_norm` is False. survival_rule: how the survival probability of each follows
    from the last one's, "linear" or "uniform"; see `stochastic_depth.survival_probabilities`.
    Raises ValueError for less than two widths, widths below 1, other names and orders than these,
    residual blocks without a hidden layer, `frozen` out of range or in a model that is not `plain`.
    """

    widths: tuple[int, ...]
    task: str = "classification"
    activation: str = "relu"
    frozen: int = 0
    norm: str | None = None
    order: str = "-".join(KINDS)
    residual_blocks: int = 0
    expansion: int = 4
    branch_norm: bool = True
    survival_rule: str = "linear"

    def __post_init__(self) -> None:
        widths = tuple(require_whole("widths", width, 1) for width in self.widths)
        object.__setattr__(self, "widths", widths)
        if len(widths) < 2:
            raise ValueError(f"widths = {widths}: must be at least two whole numbers")
        require_choice("task", self.task, ("classification", "regression"))
        require_choice("activation", self.activation, ("relu", "tanh", "gelu"))
        require_choice("norm", self.norm, (None, "batch", "layer"))
        require_choice("survival_rule", self.survival_rule, RULES)
        order = str(self.order).split("-")
        if order[0] != "linear" or sorted(order) != sorted(KINDS):
            raise ValueError(
                f"order = {self.order!r}: must be 'linear', then "
                "'norm', 'activation', 'dropout' in any order"
            )
        hidden = len(self.widths) - 2
        self._require_whole("residual_blocks", 0, 1000 if hidden else 0)
        self._require_whole("expansion", 1, 1000)
        self._require_whole("frozen", 0, hidden if self.plain else 0)

    def _require_whole(self, name: str, low: int, high: int) -> None:
        object.__setattr__(self, name, require_whole(name, getattr(self, name), low, high))

    @property
    def plain(self) -> bool:
        """Whether the model is linear layers and activations alone; dropout as good as behind."""
        early = self.order.index("dropout") < self.order.index("activation")
        activations = ("relu",) if early else ("relu", "tanh")
        return self.activation in activations and self.norm is None and not self.residual_blocks

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """Logits or predictions."""
        return self.widths[-1]

    @property
    def learning(self) -> "ModelSpec":
        """The spec of what learns: the model without its frozen layers."""
        return replace(self, widths=self.widths[self.frozen :], frozen=0)

    @property
    def by_autograd(self) -> bool:
        """False: the backward is written by hand."""
        return False

    @property
    def large(self) -> bool:
        """False: one network alone is mostly the overhead of calls."""
        return False

    def options(self) -> dict[str, Range]:
        """Names in the grid that are the model's: `dropout`, and what task and blocks allow."""
        options: dict[str, Range] = {"dropout": {"high": 1.0}}
        if self.task == "classification":
            options["label_smoothing"] = PROBABILITY
        if self.residual_blocks:
            options["survival"] = PROBABILITY
        return options

    def features(self, x: Tensor, start: list[Tensor]) -> Tensor:
        """Rows as the frozen layers pass them on: [rows, width of the last of them].

        start: all initial parameters of one network.
        """
        for weight, bias in list(zip(start[::2], start[1::2]))[: self.frozen]:
            activate, _ = ACTIVATIONS[self.activation]
            x = activate(nn.functional.linear(x, weight, bias))
        return x

    def require_rows(self, name: str, x: Tensor) -> None:
        """Raise ValueError for an x that is not [rows ≥ 1, `inputs`]."""
        require_shape(name, x, self.inputs)

    def require_batch(self, batch_size: int) -> None:
        """Raise ValueError for a batch of one row where a BatchNorm wants its variance."""
        if self.norm == "batch" and batch_size < 2:
            raise ValueError(
                f"batch_size = {batch_size}: must be at least 2, for a BatchNorm: "
                "one row has no variance"
            )

    def networks(
        self, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ) -> Networks:
        """The networks as one, for a chunk."""
        kind = Networks if self.plain else LayeredNetworks
        return kind(self, start, settings, options, batch_size)

    def layers(self) -> Iterator[tuple]:
        """(kind, …) from input to output.

        ("linear", in, out), ("batch" | "layer", width), ("relu" | "tanh" | "gelu",), ("dropout",
        width), ("residual", block), block from 0 on.
        """
        for fan_in, width in zip(self.widths[:-2], self.widths[1:-1]):
            parts = {
                "linear": ("linear", fan_in, width),
                "norm": (self.norm, width),
                "activation": (self.activation,),
                "dropout": ("dropout", width),
            }
            yield from (
                parts[kind] for kind in self.order.split("-") if kind != "norm" or self.norm
            )
        yield from (("residual", block) for block in range(self.residual_blocks))
        yield "linear", *self.widths[-2:]

    def branch(self) -> list[tuple]:
        """As `layers`, of a residual block's branch, which is `stochastic_depth.mlp_branch`."""
        width, hidden = self.widths[-2], self.widths[-2] * self.expansion
        norm = [("layer", width)] if self.branch_norm else []
        return [*norm, ("linear", width, hidden), ("gelu",), ("linear", hidden, width)]

    def _learning(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """(kind, sizes) of the layers that have parameters, those within blocks too."""
        for layer in self.layers():
            for kind, *sizes in self.branch() if layer[0] == "residual" else [layer]:
                if kind in ("linear", "batch", "layer"):
                    yield kind, tuple(sizes)

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters, in order.

        Weight [out, in] and bias [out] of a linear layer, γ and β [width] of a norm.
        """
        return [shape for _, sizes in self._learning() for shape in (sizes[::-1], sizes[-1:])]

    @property
    def units(self) -> int:
        """How many numbers a row becomes on its way: what linear layers and norms put out."""
        return sum(sizes[-1] for _, sizes in self._learning()) - self.widths[-1]

    def survival(self, last: float) -> list[float]:
        """Survival probability of each residual block, from the last one's."""
        if not self.residual_blocks:
            return []
        return survival_probabilities(self.residual_blocks, last, self.survival_rule)

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """The parameters, shaped `shapes()`, that `seed` decides on.

        Those of linear layers are even on ±1/√in, as `nn.Linear` draws them, whatever norms there
        are; γ = 1, β = 0.
        """
        generator = seeded(seed, "initial weights")
        start = []
        for kind, sizes in self._learning():
            if kind == "linear":
                n, m = sizes
                draws = [
                    torch.rand(shape, generator=generator, dtype=torch.float64)
                    for shape in ((m, n), (m,))
                ]
                start += [((2 * u - 1) / n**0.5).to(dtype) for u in draws]  # u even on [0, 1)
            else:
                start += [torch.ones(sizes, dtype=dtype), torch.zeros(sizes, dtype=dtype)]
        return start

    def build(
        self,
        dropout: float = 0.0,
        *,
        survival: float = 1.0,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> nn.Sequential:
        """The single model of torch's layers and the lessons' own: rows [B, in] → [B, out].

        Its weights are `initial(seed, dtype)`. dropout: p of a Dropout in every hidden layer, in
        [0, 1), none at 0. survival: p_L in [0, 1], of the last residual block.
        """
        require_probability("dropout", dropout, open_high=True)
        require_probability("survival", survival)
        # torch's own draws, overwritten below, are not to shift a learner's
        with torch.random.fork_rng(devices=[]):
            model = nn.Sequential(*self._modules(dropout, survival)).to(dtype)
        with torch.no_grad():
            for parameter, start in zip(model.parameters(), self.initial(seed, dtype)):
                parameter.copy_(start)
        for parameter in list(model.parameters())[: 2 * self.frozen]:
            parameter.requires_grad_(False)
        return model.to(device)

    def _modules(self, dropout: float, survival: float) -> Iterator[nn.Module]:
        survival_of = self.survival(survival)
        for kind, *sizes in self.layers():
            if kind == "residual":
                width = self.widths[-2]
                branch = mlp_branch(width, self.expansion * width, self.branch_norm)
                yield ResidualBlock(branch, survival_of[sizes[0]])
            elif kind != "dropout":
                yield MODULES[kind](*sizes)
            elif dropout > 0:
                yield nn.Dropout(dropout)


def require_shape(name: str, x: Tensor, inputs: int) -> None:
    """Raise ValueError for an `x`, called `name`, that is not [rows ≥ 1, inputs]."""
    if x.dim() != 2 or x.shape[0] == 0 or x.shape[1] != inputs:
        raise ValueError(f"{name} has shape {list(x.shape)}: must be [rows ≥ 1, {inputs}]")

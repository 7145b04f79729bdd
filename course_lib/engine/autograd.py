"""V networks as one whose forward is written and whose backward autograd finds.

What `networks.Networks` is for perceptrons, and with its interface: a kind of network says only
`forward`, its spec a table of parameters. Parameters are views of the one vector that the optimizer
changes, gradients are copied into the other.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor, nn

from course_lib.base.arguments import require_probability
from course_lib.base.random import seeded
from course_lib.engine.networks import Networks, by_seed
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


class AutogradSpec(Spec, ABC):
    """What the specs of such classifiers have in common."""

    task = "classification"
    frozen = 0
    by_autograd = True

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


class AutogradNetworks(Networks):
    """V = S·`settings` networks of one kind; see the docstring of `networks.py`.

    named: the parameters by name, [V, *shape], which `forward` reads. Not to be made in inference
    mode, whose tensors autograd refuses.
    """

    def __init__(
        self,
        task: str,
        names: list[str],
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
    ):
        self._begin(task, start, settings, options)
        self.leaves = [p.detach().requires_grad_() for p in self.parameters]
        self.named = dict(zip(names, self.leaves, strict=True))
        p = options.get("dropout")
        self.drops = p is not None and bool(p.any())
        if p is not None:
            self.p = p.view(self.seeds, -1, 1, 1)

    def forward(self, x: Tensor, noise: list[Tensor] | None) -> Tensor:
        """Logits or predictions [V, out, B] for x [S, B, in], S = 1 where seeds share it.

        noise: in training, the fields as `compute_gradients` has them; None: evaluation.
        """
        raise NotImplementedError

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`."""
        with torch.enable_grad():
            z = self.forward(by_seed(x), noise)
        loss, delta = self.loss(z.detach(), self._wanted(target))  # δ = ∂loss/∂z
        for gradient, found in zip(self.gradients, torch.autograd.grad(z, self.leaves, delta)):
            gradient.copy_(found)
        return loss

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in] or [S, B, in], in evaluation."""
        return self.forward(by_seed(x), None)

    def dropped(self, a: Tensor, field: Tensor) -> Tensor:
        """a·m/(1 − p), m = 0 where u < p: a [V, F, B], field u [F, B] or [S, F, B]."""
        kept = (field.unsqueeze(-3) >= self.p).to(a.dtype).div_(1 - self.p)
        return a * kept.view_as(a)

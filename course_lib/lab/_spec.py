"""What a model is, written down once: the ensemble builds V of them at a time from it, a lesson builds one."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib._arguments import require, require_choice
from course_lib.lab._random import seeded


@dataclass(frozen=True)
class ModelSpec:
    """A multilayer perceptron: `widths` (inputs, hidden …, outputs), `task`, `activation`.

    task: "classification" (mean cross entropy of logits) or "regression" (mean squared error).
    activation: "relu" or "tanh", behind every layer but the last; dropout, if any, behind the activation.
    frozen: so many linear layers, from the first on, keep their initial weights (random features); the last learns.
    Raises ValueError for less than two widths, widths below 1, an unknown task or activation, `frozen` out of range.
    """

    widths: tuple[int, ...]
    task: str = "classification"
    activation: str = "relu"
    frozen: int = 0

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) < 2 or not all(isinstance(width, int) and width >= 1 for width in self.widths):
            raise ValueError(f"widths = {self.widths}: must be at least two whole numbers ≥ 1")
        require_choice("task", self.task, ("classification", "regression"))
        require_choice("activation", self.activation, ("relu", "tanh"))
        if not isinstance(self.frozen, int) or not 0 <= self.frozen < len(self.widths) - 1:
            raise ValueError(f"frozen = {self.frozen!r}: must be a whole number in [0, {len(self.widths) - 2}]")

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """Weight [out, in] and bias [out] of each layer, even on ±1/√in as `nn.Linear` draws them; `seed` decides."""
        generator = seeded(seed, "initial weights")
        shapes = [s for n, m in zip(self.widths, self.widths[1:]) for s in (((m, n), n), ((m,), n))]
        draws = [(torch.rand(shape, generator=generator, dtype=torch.float64), n) for shape, n in shapes]
        return [((2 * u - 1) / n**0.5).to(dtype) for u, n in draws]  # u even on [0, 1)

    def build(self, dropout: float = 0.0, *, seed: int = 0, dtype: torch.dtype = torch.float32,
              device: torch.device | str = "cpu") -> nn.Sequential:  # fmt: skip
        """The single model with weights `initial(seed, dtype)`: Linear, activation, Dropout (if p > 0), …, Linear."""
        require("dropout", dropout, high=1.0)
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[self.activation]
        layers = []
        for fan_in, fan_out in zip(self.widths, self.widths[1:]):
            layers += [nn.utils.skip_init(nn.Linear, fan_in, fan_out, dtype=dtype), activation()]
            layers += [nn.Dropout(dropout)] if dropout > 0 else []
        model = nn.Sequential(*layers[: -2 if dropout > 0 else -1])
        with torch.no_grad():
            for parameter, start in zip(model.parameters(), self.initial(seed, dtype)):
                parameter.copy_(start)
        for parameter in list(model.parameters())[: 2 * self.frozen]:
            parameter.requires_grad_(False)
        return model.to(device)

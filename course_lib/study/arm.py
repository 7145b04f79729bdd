"""An arm of a study: how its model is made and fitted, and what is tried for it."""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require, require_whole
from course_lib.base.random import reseed, seeded, shifted

Setting = dict[str, Any]
Fit = Callable[..., object]


class Range(NamedTuple):
    """What `between` returns."""

    low: float
    high: float
    log: bool

    def at(self, share: float) -> float:
        """The number that lies `share` of the way from low to high."""
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share

    def edge(self, value: float) -> bool:
        """Whether `value` lies in the outermost tenth of the range, at either end."""
        low, high, at = (math.log(it) if self.log else it for it in (self.low, self.high, value))
        return not 0.1 <= (at - low) / (high - low) <= 0.9


def between(low: float, high: float, log: bool = True) -> Range:
    """A range that settings are drawn from, evenly; with `log` evenly in the logarithm.

    Raises ValueError for ends that are not finite, not in order, or not positive with `log`.
    """
    require("low", low, 0.0 if log else -math.inf, open_low=log)
    require("high", high, low, open_low=True)
    return Range(float(low), float(high), log)


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    batch_size: int = 64,
    epochs: int = 20,
    label_smoothing: float = 0.0,
) -> None:
    """Train `model` in place on rows x [rows, …], y [rows]: AdamW, batches in a new order an epoch.

    The loss is the mean cross entropy where y holds class numbers, else the mean squared error. The
    last batch of an epoch may be smaller; one of a single row is left out (a BatchNorm refuses it).
    """
    classes = not y.is_floating_point()
    loss_of = nn.CrossEntropyLoss(label_smoothing=label_smoothing) if classes else nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x), device=x.device).split(batch_size):
            if len(rows) > 1:
                optimizer.zero_grad()
                loss_of(model(x[rows]), y[rows]).backward()
                optimizer.step()


class Arm:
    """One of the ways that a study compares.

    model: a function that makes a new `nn.Module`. search: hyper-parameter → the values to choose
    from, or a `between`. Those that `model` takes are given to it, the others to `fit`, which is
    called fit(model, x, y, …) and changes the model in place. An arm without a search has the one
    setting {}. Raises ValueError for a name that neither takes, and for no value to choose from.
    """

    def __init__(
        self, model: Callable[..., nn.Module], *, fit: Fit = fit, **search: Sequence[Any] | Range
    ):
        self.model, self.fit, self.search = model, fit, search
        self._models = _takes(model)
        for name, values in search.items():
            if name not in self._models | _takes(fit):
                raise ValueError(f"{name}: neither the model's function nor fit takes it")
            if not isinstance(values, Range) and not len(values):
                raise ValueError(f"{name} = {values!r}: must hold at least one value to try")

    @property
    def combinations(self) -> float:
        """How many settings there are: ∞ with a `between`."""
        sizes = (math.inf if isinstance(it, Range) else len(it) for it in self.search.values())
        return math.prod(sizes)

    def settings(self, budget: int, seed: int = 0) -> list[Setting]:
        """`budget` settings to try: all there are, or as many drawn at random, none twice.

        With a `between` they are quasi-random (Sobol's points, scrambled): even in every projection
        where random ones leave gaps. Raises ValueError where there are fewer.
        """
        if require_whole("budget", budget, 1) > self.combinations:
            raise ValueError(
                f"budget = {budget}: this arm has {self.combinations:g} setting(s) to try; "
                "arms get equal budgets, so give it more values, of lr for one"
            )
        if self.combinations == budget:
            return list(self._all())
        if self.combinations < math.inf:
            every = list(self._all())
            order = torch.randperm(len(every), generator=seeded(seed, "settings"))
            return [every[i] for i in order[:budget].tolist()]
        points = torch.quasirandom.SobolEngine(len(self.search), scramble=True, seed=shifted(seed))
        return [
            {name: _at(it, share) for (name, it), share in zip(self.search.items(), point)}
            for point in points.draw(budget).tolist()
        ]

    def _all(self) -> Iterator[Setting]:
        for values in product(*self.search.values()):
            yield dict(zip(self.search, values))

    def edges(self, setting: Setting) -> list[str]:
        """The hyper-parameters of which `setting` has the smallest or largest value tried.

        Of lists of three numbers and more; of a range, its outermost tenths.
        """
        return [name for name, it in self.search.items() if _at_edge(it, setting[name])]

    def train(self, setting: Setting, x: Tensor, y: Tensor, seed: int) -> nn.Module:
        """A model made and fitted at `setting` on the device of `x`; torch's generators left alone.

        seed: of initial weights, batch orders and dropout alike.
        """
        devices = [x.device] if x.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            reseed(seed)
            mine = {name: value for name, value in setting.items() if name in self._models}
            model = self.model(**mine).to(x.device)
            rest = {name: value for name, value in setting.items() if name not in mine}
            self.fit(model, x, y, **rest)
        return model.eval()


def _takes(function: Callable[..., object]) -> set[str]:
    """Names of the arguments that can be given by keyword."""
    return {
        name
        for name, it in inspect.signature(function).parameters.items()
        if it.kind in (it.POSITIONAL_OR_KEYWORD, it.KEYWORD_ONLY)
    }


def _at(values: Sequence[Any] | Range, share: float) -> Any:
    return values.at(share) if isinstance(values, Range) else values[int(share * len(values))]


def _at_edge(values: Sequence[Any] | Range, value: Any) -> bool:
    if isinstance(values, Range):
        return values.edge(value)
    numbers = all(isinstance(it, (int, float)) for it in values)
    return numbers and len(values) > 2 and value in (min(values), max(values))

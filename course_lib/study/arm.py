"""An arm of a study: how its model is made and fitted, and what is tried for it."""

import inspect
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import count, islice, product
from typing import Any, NamedTuple
from weakref import WeakSet

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require, require_whole
from course_lib.base.random import reseed, seeded, shifted
from course_lib.study.code import plain

Setting = dict[str, Any]
Fit = Callable[..., object]


class Range(NamedTuple):
    """What `between` returns."""

    low: float
    high: float
    log: bool
    whole: bool = False

    @property
    def size(self) -> float:
        """How many numbers it holds."""
        return self.high - self.low + 1 if self.whole else math.inf

    def at(self, share: float) -> float:
        """The number that lies `share` of the way from low to high, 0 ≤ share < 1."""
        low, high = self.low, self.high + self.whole  # of whole numbers every one has its stretch
        value = low * (high / low) ** share if self.log else low + (high - low) * share
        return min(math.floor(value), self.high) if self.whole else value

    def edge(self, value: float) -> bool:
        """Whether `value` lies in the outermost tenth of the range, at either end."""
        low, high, at = (math.log(it) if self.log else it for it in (self.low, self.high, value))
        return not 0.1 <= (at - low) / (high - low) <= 0.9


def between(low: float, high: float, log: bool = True) -> Range:
    """A range that settings are drawn from, evenly; with `log` evenly in the logarithm.

    Between two ints the numbers are ints, both ends included. Raises ValueError for ends that are
    not finite, not in order, or not positive with `log`.
    """
    require("low", low, 0.0 if log else -math.inf, open_low=log)
    require("high", high, low, open_low=True)
    if isinstance(low, int) and isinstance(high, int):
        return Range(low, high, log, whole=True)
    return Range(float(low), float(high), log)


def shaped(output: Tensor, y: Tensor) -> Tensor:
    """A model's output in the shape of the targets: [rows, 1] for y [rows], where torch broadcasts.

    Raises ValueError, with both shapes, for another number of rows or of values.
    """
    if output.shape[:1] != y.shape[:1] or output.numel() != y.numel():
        raise ValueError(
            f"the model's output is {list(output.shape)} and y is {list(y.shape)}: "
            "must hold one value for each target"
        )
    return output.reshape(y.shape)


def logits(output: Tensor, y: Tensor) -> Tensor:
    """A model's output, if it is [rows, classes] for y [rows]; else raises ValueError."""
    if output.ndim != 2 or len(output) != len(y) or output.shape[1] < 2:
        raise ValueError(
            f"the model's output is {list(output.shape)} and y is {list(y.shape)}: class numbers "
            "need [rows, classes], 2 classes or more; for one logit give a fit and a measure"
        )
    return output


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    batch_size: int = 64,
    epochs: int = 20,
    steps: int | None = None,
    label_smoothing: float = 0.0,
) -> None:
    """Train `model` in place on rows x [rows, …], y [rows]: AdamW, batches in a new order an epoch.

    The loss is the mean cross entropy where y holds class numbers, else the mean squared error. The
    last batch of an epoch may be smaller; one of a single row is left out (a BatchNorm refuses it),
    unless batch_size is 1. steps: updates in all, instead of `epochs`: as many for any number of
    rows. Raises ValueError for an output that does not go with y, see `logits`, `shaped`.
    """
    classes = not y.is_floating_point()
    loss_of = nn.CrossEntropyLoss(label_smoothing=label_smoothing) if classes else nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    model.train()
    for rows in islice(_batches(x, batch_size, count() if steps else range(epochs)), steps):
        optimizer.zero_grad()
        output = model(x[rows])
        loss_of((logits if classes else shaped)(output, y[rows]), y[rows]).backward()
        optimizer.step()


def _batches(x: Tensor, size: int, passes: Iterable[int]) -> Iterator[Tensor]:
    alone = min(size, len(x)) == 1
    for _ in passes:
        orders = torch.randperm(len(x), device=x.device).split(size)
        yield from (rows for rows in orders if alone or len(rows) > 1)


@contextmanager
def drawing(seed: int, device: torch.device) -> Iterator[None]:
    """The global generators of torch begin at `seed` here, and are as before afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        reseed(seed)
        yield


class Arm:
    """One of the ways that a study compares.

    model: a function that makes a new `nn.Module`. search: hyper-parameter → a list to choose from,
    or a `between`. Those that `model` takes by name are given to it, others that `fit` takes by
    name to that, and the rest to the one that has **kwargs. fit: called fit(model, x, y, …), it
    changes the model in place. An arm without a search has the one setting {}. Raises ValueError
    for a name that neither takes, for what is no list, and for no value to choose from.
    """

    def __init__(
        self, model: Callable[..., nn.Module], *, fit: Fit = fit, **search: Collection[Any] | Range
    ):
        self.model, self.fit = model, fit
        self.search = {name: _choices(name, values) for name, values in search.items()}
        (named, open_), (fits, fit_open) = _takes(model), _takes(fit)
        self._models = (named & set(search)) | (set(search) - fits if open_ else set())
        for name in search:
            if name not in self._models | fits and not fit_open:
                raise ValueError(f"{name}: neither the model's function nor fit takes it")
        self._made = WeakSet[nn.Module]()

    @property
    def combinations(self) -> float:
        """How many settings there are: ∞ with a `between` of floats."""
        sizes = (it.size if isinstance(it, Range) else len(it) for it in self.search.values())
        return math.prod(sizes)

    def settings(self, budget: int, seed: int = 0) -> list[Setting]:
        """`budget` settings to try: all there are, or as many drawn at random, none twice.

        With a `between` they are quasi-random (Sobol's points, scrambled): even in every projection
        where random ones leave gaps. Raises ValueError where there are fewer.
        """
        budget = require_whole("budget", budget, 1)
        if budget > self.combinations:
            raise ValueError(
                f"budget = {budget}: this arm has {self.combinations:g} setting(s) to try; "
                "arms get equal budgets, so give it more values, of lr for one"
            )
        if self.combinations == budget:
            return list(self._all())
        if not any(isinstance(it, Range) for it in self.search.values()):
            every = list(self._all())
            order = torch.randperm(len(every), generator=seeded(seed, "settings"))
            return [every[i] for i in order[:budget].tolist()]
        points = torch.quasirandom.SobolEngine(len(self.search), scramble=True, seed=shifted(seed))
        drawn: dict[str, Setting] = {}  # ranges of ints may give one setting again
        while len(drawn) < budget:
            (point,) = points.draw(1).tolist()
            values = map(_at, self.search.values(), point)
            setting = dict(zip(self.search, values))
            drawn.setdefault(repr(setting), setting)
        return list(drawn.values())

    def _all(self) -> Iterator[Setting]:
        spelt = (
            range(int(it.low), int(it.high) + 1) if isinstance(it, Range) else it
            for it in self.search.values()
        )
        for values in product(*spelt):
            yield dict(zip(self.search, values))

    def edges(self, setting: Setting) -> list[str]:
        """The hyper-parameters of which `setting` has the smallest or largest value tried.

        Of lists of three numbers and more; of a range, its outermost tenths.
        """
        return [name for name, it in self.search.items() if _at_edge(it, setting[name])]

    def train(self, setting: Setting, x: Tensor, y: Tensor, seed: int) -> nn.Module:
        """A model made and fitted at `setting` on the device of `x`; torch's generators left alone.

        seed: of initial weights, batch orders and dropout alike. Raises ValueError where `model`
        returns a module that it returned before (trained already), or `fit` returns another one.
        """
        with drawing(seed, x.device):
            model = self.model(**{name: setting[name] for name in setting if name in self._models})
            if model in self._made:
                raise ValueError(f"model = {self.model!r}: must make a new module at each call")
            self._made.add(model)
            rest = {name: value for name, value in setting.items() if name not in self._models}
            found = self.fit(model.to(x.device), x, y, **rest)
        if isinstance(found, nn.Module) and found is not model:
            raise ValueError(f"fit = {self.fit!r}: must change the model in place, not return one")
        return model.eval()


def _takes(function: Callable[..., object]) -> tuple[set[str], bool]:
    """Names of the arguments that can be given by keyword, and whether any other can."""
    found = inspect.signature(function).parameters.values()
    named = {it.name for it in found if it.kind in (it.POSITIONAL_OR_KEYWORD, it.KEYWORD_ONLY)}
    return named, any(it.kind is it.VAR_KEYWORD for it in found)


def _choices(name: str, values: Collection[Any] | Range) -> list[Any] | Range:
    if isinstance(values, Range):
        return values
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise ValueError(f"{name} = {values!r}: give a list, [{values!r}], or a between")
    distinct = {repr(it): it for it in values}
    if not distinct:
        raise ValueError(f"{name} = {values!r}: must hold at least one value to try")
    if len({json.dumps(it, default=plain) for it in distinct.values()}) < len(distinct):
        raise ValueError(f"{name} = {values!r}: holds two functions of one name: name them apart")
    return list(distinct.values())


def _at(values: list[Any] | Range, share: float) -> Any:
    return values.at(share) if isinstance(values, Range) else values[int(share * len(values))]


def _at_edge(values: list[Any] | Range, value: Any) -> bool:
    if isinstance(values, Range):
        return values.edge(value)
    numbers = all(isinstance(it, (int, float)) for it in values)
    return numbers and len(values) > 2 and value in (min(values), max(values))

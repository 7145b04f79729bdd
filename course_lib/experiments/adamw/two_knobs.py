"""Learning rate × decay on noisy digits, one surface of test losses for each optimizer.

64-128-10 networks, batches of 50, 300 steps at a constant rate, on 300 digits of which 60 carry a
wrong label; the 1497 test rows are clean. Learning rates and decays stand half a decade apart. L2
gets decays a hundred times below those of its decoupled twin for Adam, ten times for SGD with
momentum 0.9 (lesson 03: 1/(1 − 0.9)), so that the useful region lies in the same place of both
pictures. "AdamW, per step" counts decay as the paper does: the share λ′ = lr·λ taken in each step.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from course_lib.adamw import adam_update, adamw_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.side_by_side import side_by_side
from course_lib.sgd import sgd_update


def half_decades(low: float, high: float) -> tuple[float, ...]:
    """10^low, 10^(low + ½), …, 10^high, to three digits."""
    return tuple(float(f"{10 ** (k / 2):.3g}") for k in range(round(2 * low), round(2 * high) + 1))


@dataclass(frozen=True)
class Optimizer:
    """An update function, what it calls decay, and the learning rates and decays to try it at."""

    update: Callable
    pull: str
    lr: tuple[float, ...]
    decay: tuple[float, ...]
    options: dict = field(default_factory=dict)
    per_step: bool = False  # `decay` is the share taken in each step, whatever the rate

    @property
    def grid(self) -> dict:
        """The columns of the ensemble: every learning rate with every decay, decays fastest."""
        return {"lr": self.cells["lr"], self.pull: self._pulls()} | self.options

    @property
    def cells(self) -> dict[str, list[float]]:
        """Columns "lr" and "decay" of every cell of the map, decays fastest."""
        return product(lr=self.lr, decay=self.decay)

    def _pulls(self) -> list[float]:
        """What the update is given: a decay per step λ′ is λ = λ′/lr."""
        lr, decay = self.cells.values()
        return [by / rate for rate, by in zip(lr, decay)] if self.per_step else decay


ADAM_RATES, SGD_RATES = half_decades(-4, 0), half_decades(-3, 1)
COUPLED, DECOUPLED, SGD_DECOUPLED = half_decades(-5, -1), half_decades(-3, 1), half_decades(-4, 0)
PER_STEP = half_decades(-5.5, -1.5)  # at lr = 10^-2.5 the decays of `DECOUPLED`
OPTIMIZERS = {
    "Adam + L2": Optimizer(adam_update, "l2", ADAM_RATES, COUPLED),
    "AdamW": Optimizer(adamw_update, "weight_decay", ADAM_RATES, DECOUPLED),
    "AdamW, per step": Optimizer(adamw_update, "weight_decay", ADAM_RATES, PER_STEP, per_step=True),
    "SGD + L2": Optimizer(sgd_update, "l2", SGD_RATES, COUPLED, {"momentum": 0.9}),
    "SGDW": Optimizer(sgd_update, "weight_decay", SGD_RATES, SGD_DECOUPLED, {"momentum": 0.9}),
}
STEPS = 300
CURVES = ("test_loss", "test_accuracy", "train_accuracy")


@dataclass(frozen=True)
class LossSurface:
    """What came out for one optimizer, [seeds, learning rates, decays] each.

    loss, error: on the clean test rows. train_error: on the training labels, wrong ones included.
    All are NaN where a run diverged or is not there yet. `finished`: seeds that are complete.
    """

    optimizer: Optimizer
    loss: Tensor
    error: Tensor
    train_error: Tensor
    diverged: Tensor
    finished: int = 0

    @property
    def x(self) -> Tensor:
        """log₁₀ of the learning rate of each cell, in the order of `loss.flatten(1)`."""
        return torch.tensor(self.optimizer.grid["lr"], dtype=torch.float64).log10()

    @property
    def y(self) -> Tensor:
        """log₁₀ of the decay of each cell, in the order of `loss.flatten(1)`."""
        return torch.tensor(self.optimizer.cells["decay"], dtype=torch.float64).log10()


def sweep(
    names: Sequence[str],
    seeds: Sequence[int],
    *,
    update: Callable | None = None,
    steps: int = STEPS,
) -> Iterator[dict[str, LossSurface]]:
    """Train the optimizers called `names` side by side, seed after seed.

    Yields {name: `LossSurface`} that fill in. What this session has trained before is not trained
    again. `update`, the learner's own function, takes the place of the last optimizer's: it is
    called network by network with plain floats, and nothing of it is kept.
    """
    own = {names[-1]: update} if update else {}
    surfaces: dict[str, LossSurface] = {}

    def filled(name: str) -> Generator[None, None, None]:
        for surface in _fill(name, tuple(seeds), own.get(name), steps):
            surfaces[name] = surface
            yield

    for _ in side_by_side([filled(name) for name in names]):
        yield dict(surfaces)


def _fill(
    name: str, seeds: tuple[int, ...], update: Callable | None, steps: int
) -> Generator[LossSurface, None, None]:
    """Yield the `LossSurface` of one optimizer: empty, then ever fuller."""
    optimizer = OPTIMIZERS[name]
    values = torch.full((4, len(seeds), len(optimizer.lr), len(optimizer.decay)), torch.nan)

    def surface(finished: int) -> LossSurface:
        loss, error, train_error, diverged = values.clone()
        return LossSurface(optimizer, loss, error, train_error, diverged > 0, finished)

    yield surface(0)
    for i, seed in enumerate(seeds):
        trained = _train(optimizer, seed, update, steps) if update else _trained(name, seed, steps)
        with closing(trained):
            for one_seed in trained:
                values[:, i] = one_seed
                yield surface(i)
        yield surface(i + 1)


@remembered
def _trained(name: str, seed: int, steps: int) -> Generator[Tensor, None, None]:
    """As `_train`, with the optimizer's own update; once a session."""
    yield from _train(OPTIMIZERS[name], seed, OPTIMIZERS[name].update, steps)


def _train(
    optimizer: Optimizer, seed: int, update: Callable, steps: int
) -> Generator[Tensor, None, None]:
    """Yield what a `LossSurface` holds of one seed [4, learning rates, decays].

    One worker: its twin has the other core.
    """
    trainings = train(
        ModelSpec((64, 128, 10)),
        partial(digits, 300, 0, 0.2, "unit"),
        optimizer.grid,
        [seed],
        update=update,
        steps=steps,
        batch_size=50,
        workers=1,
    )
    with closing(trainings):
        for training in trainings:
            loss, right, learned = (getattr(training, name)[0, :, -1] for name in CURVES)
            values = torch.stack([loss, 1 - right, 1 - learned, training.diverged_at[0] >= 0])
            yield values.unflatten(1, (len(optimizer.lr), -1))


def surfaces(
    names: Sequence[str], seeds: Sequence[int], steps: int = STEPS
) -> dict[str, LossSurface]:
    """{name: `LossSurface`}, complete."""
    *_, complete = sweep(names, seeds, steps=steps)
    return complete

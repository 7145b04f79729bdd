"""One seed × a few settings, trained in lock-step from the first step to the last: the unit of work of the ensemble."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.lab._grid import choose
from course_lib.lab._network import Networks
from course_lib.lab._updates import Updates
from course_lib.lab.data import Split

JUDGED_STEPS = 16            # losses are judged so many at a time
GROWTH, FLOOR = 1000, 1e-3   # a loss above GROWTH × the first loss (but at least GROWTH × FLOOR) counts as too high


@dataclass(frozen=True)
class Job:
    """What all chunks of one training have in common; see `ensemble.train`. options, dropout: see `_grid.read_grid`."""

    spec: object
    data: Split | Callable[[int], Split]
    options: dict
    dropout: list[float]
    update: Callable
    steps: int
    batch_size: int
    record_at: tuple[int, ...]
    device: torch.device
    dtype: torch.dtype
    observe: Callable | None


class Chunk:
    """The settings `settings` at one seed. curves [4, settings, recorded] and diverged_at [settings] are filled in.

    The four curves: train loss, test loss, train accuracy, test accuracy. `step`: updates made so far.
    """

    def __init__(self, job: Job, seed: int, settings: slice, curves: Tensor, diverged_at: Tensor):
        self.job, self.seed, self.settings = job, seed, settings
        self.curves, self.diverged_at = curves, diverged_at
        self.step = 0
        self.losses, self.limit, self.was_high = [], None, None

    def run(self, stopped: Callable[[], bool]) -> None:
        """Train to the last step, or until `stopped()`; raises ValueError for data that does not fit."""
        job = self.job
        split = job.data(self.seed) if callable(job.data) else job.data
        train, test = rows_for_training(split, job)
        p = torch.tensor(job.dropout[self.settings], dtype=job.dtype, device=job.device)
        start = [w.to(job.device) for w in job.spec.initial(self.seed, job.dtype)]
        self.networks = Networks(job.spec, start, len(p), p if p.any() else None)
        self.parameters, gradients = self.networks.parameters, self.networks.gradients
        self.updates = Updates(job.update, self.parameters, gradients, choose(job.options, self.settings))
        batches = batches_of(*train, job.batch_size, seeded(self.seed, "batches"))
        noise = noise_fields(job, seeded(self.seed, "dropout", job.device))
        for self.step in range(job.steps + 1):
            if self.step in job.record_at:
                self._record(train, test)
            if self.step == job.steps or stopped():
                break
            self.losses.append(self.networks.compute_gradients(*next(batches), next(noise)))
            if job.observe is not None:
                job.observe(self.seed, self.step, self.parameters, gradients)
            self.updates.step()
            if len(self.losses) == JUDGED_STEPS:
                self._judge(self.step + 1)
        self._judge(self.step)
        finite = torch.stack([w.flatten(1).isfinite().all(1) for w in self.parameters]).all(0).cpu()
        self._mark(~finite, torch.full_like(self.diverged_at, self.step))

    def states(self) -> list[dict]:
        """What the optimizer remembers, per parameter."""
        return self.updates.states(self.parameters)

    def _record(self, train: tuple, test: tuple) -> None:
        self._judge(self.step)
        (train_loss, train_accuracy), (test_loss, test_accuracy) = (self.networks.evaluate(*part) for part in (train, test))
        measured = torch.stack([train_loss, test_loss, train_accuracy, test_accuracy]).cpu()
        self._mark(~measured[:2].isfinite().all(0), torch.full_like(self.diverged_at, self.step))
        measured[:, self.diverged_at >= 0] = torch.nan
        self.curves[:, :, self.job.record_at.index(self.step)] = measured

    def _judge(self, end: int) -> None:
        """Find models whose batch loss, since the last time, was not finite, or too high twice running."""
        if not self.losses:
            return
        losses = torch.stack(self.losses).cpu()
        self.losses = []
        if self.limit is None:
            self.limit = GROWTH * losses[0].clamp(min=FLOOR)
            self.was_high = torch.zeros_like(self.limit, dtype=torch.bool)
        high = torch.cat([self.was_high[None], losses > self.limit])
        bad = ~losses.isfinite() | (high[1:] & high[:-1])
        self.was_high = high[-1]
        self._mark(bad.any(0), end - len(losses) + bad.int().argmax(0))

    def _mark(self, diverged: Tensor, step: Tensor) -> None:
        """Note the step for models found diverged for the first time; their curves end there."""
        new = diverged & (self.diverged_at < 0)
        self.diverged_at[new] = step[new]


def rows_for_training(split: Split, job: Job) -> tuple[tuple, tuple]:
    """((x, target) for training, (x, target) for testing); targets [rows, outputs], one-hot for classes.

    Raises ValueError for values that are not finite, empty sets, shapes and classes that do not fit the model.
    """
    split.check()
    split = split.to(job.dtype, job.device)
    train = split.train_x, _targets("train_y", split.train_y, job.spec, job.dtype)
    test = split.test_x, _targets("test_y", split.test_y, job.spec, job.dtype)
    for name, x in (("train_x", train[0]), ("test_x", test[0])):
        if x.dim() != 2 or len(x) == 0 or x.shape[1] != job.spec.widths[0]:
            raise ValueError(f"{name} has shape {list(x.shape)}: must be [rows ≥ 1, {job.spec.widths[0]}]")
    if job.batch_size > len(train[0]):
        raise ValueError(f"batch_size = {job.batch_size}: must be at most the {len(train[0])} training rows")
    return train, test


def _targets(name: str, y: Tensor, spec, dtype: torch.dtype) -> Tensor:
    outputs = spec.widths[-1]
    if spec.task == "classification":
        if y.dim() != 1 or y.is_floating_point() or (len(y) and not 0 <= int(y.min()) <= int(y.max()) < outputs):
            raise ValueError(f"{name}: must hold class numbers 0 … {outputs - 1}, one per row, as integers")
        return torch.nn.functional.one_hot(y.long(), outputs).to(dtype)
    y = y.unsqueeze(1) if y.dim() == 1 else y
    if y.dim() != 2 or y.shape[1] != outputs:
        raise ValueError(f"{name} has shape {list(y.shape)}: must be [rows, {outputs}]")
    return y


def batches_of(x: Tensor, target: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end: each epoch in a new random order, the rows that fill no batch left out."""
    while True:
        order = torch.randperm(len(x), generator=generator)[: len(x) // size * size].to(x.device)
        yield from zip(x[order].split(size), target[order].split(size))


def noise_fields(job: Job, generator: torch.Generator) -> Iterator[list[Tensor]]:
    """Per step, a uniform field [F, batch] for each hidden layer; always in float32, so that masks agree across dtypes."""
    fields = [torch.empty(width, job.batch_size, device=job.device) for width in job.spec.widths[1:-1]]
    while True:
        yield [field.uniform_(generator=generator) for field in fields]


def seeded(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for each purpose, so that drawing more of one thing shifts nothing else."""
    return torch.Generator(device).manual_seed(random.Random(f"{purpose} {seed}").getrandbits(63))

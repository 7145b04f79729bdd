"""One seed × a few settings, trained in lock-step from the first step to the last: the unit of work of the ensemble."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.lab._divergence import Divergence
from course_lib.lab._grid import choose
from course_lib.lab._network import Networks
from course_lib.lab._random import seeded
from course_lib.lab._updates import choose_update
from course_lib.lab.data import Split


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
    keep_parameters: bool


class Chunk:
    """The settings `settings` at one seed.

    curves [4, settings, recorded]: train loss, test loss, train accuracy, test accuracy; and diverged_at [settings]:
    both are filled in. `step`: updates made so far. `parameters`, `states`: None until done, then as in `Training`.
    """

    def __init__(self, job: Job, seed: int, settings: slice, curves: Tensor, diverged_at: Tensor):
        self.job, self.seed, self.settings = job, seed, settings
        self.curves, self.divergence = curves, Divergence(diverged_at)
        self.step, self.parameters, self.states = 0, None, None

    def run(self, stopped: Callable[[], bool]) -> None:
        """Train to the last step, or until `stopped()`; raises ValueError for data that does not fit."""
        job = self.job
        split = job.data(self.seed) if callable(job.data) else job.data
        with (
            torch.inference_mode(job.observe is None),
            torch.no_grad(),
        ):  # an observer may want to keep ordinary tensors
            self._train(*rows_for_training(split, job), stopped)

    def _train(self, train: tuple, test: tuple, stopped: Callable[[], bool]) -> None:
        job, networks = self.job, self._networks()
        optimizer = choose_update(job.update, networks, choose(job.options, self.settings))
        batches = batches_of(*train, job.batch_size, seeded(self.seed, "batches"))
        noise = noise_fields(job, seeded(self.seed, "dropout", job.device))
        for self.step in range(job.steps + 1):
            if stopped():
                return
            if self.step in job.record_at:
                self._record(networks, train, test)
            if self.step < job.steps:
                loss = networks.compute_gradients(*next(batches), next(noise))
                self.divergence.watch(self.step, loss)
                if job.observe is not None:
                    job.observe(self.seed, self.step, networks.parameters, networks.gradients)
                optimizer.step()
        self.divergence.judge(job.steps - 1)
        self.divergence.mark(~networks.matrix.isfinite().all(1).cpu(), job.steps)
        if job.keep_parameters:
            self.states = optimizer.states()
            self.parameters = networks.parameters  # last: whoever looks takes it as a sign that all is there

    def _networks(self) -> Networks:
        job = self.job
        start = [parameter.to(job.device) for parameter in job.spec.initial(self.seed, job.dtype)]
        p = torch.tensor(job.dropout[self.settings], dtype=job.dtype)
        return Networks(job.spec, start, len(p), p.to(job.device) if p.any() else None, job.batch_size)

    def _record(self, networks: Networks, train: tuple, test: tuple) -> None:
        (train_loss, train_accuracy), (test_loss, test_accuracy) = (networks.evaluate(*rows) for rows in (train, test))
        measured = torch.stack([train_loss, test_loss, train_accuracy, test_accuracy]).cpu()
        self.divergence.judge(self.step - 1)
        self.divergence.mark(~measured[:2].isfinite().all(0), self.step)
        self.curves[:, :, self.job.record_at.index(self.step)] = measured


def rows_for_training(split: Split, job: Job) -> tuple[tuple, tuple]:
    """((x, target) for training, (x, target) for testing); targets [rows, outputs], one-hot for classes.

    Raises ValueError for values that are not finite, empty sets, shapes and classes that do not fit the model.
    """
    split.check()
    split = split.to(job.dtype, job.device)
    for name in ("train_x", "test_x"):
        shape = getattr(split, name).shape
        if len(shape) != 2 or shape[0] == 0 or shape[1] != job.spec.widths[0]:
            raise ValueError(f"{name} has shape {list(shape)}: must be [rows ≥ 1, {job.spec.widths[0]}]")
    if job.batch_size > len(split.train_x):
        raise ValueError(f"batch_size = {job.batch_size}: must be in [1, {len(split.train_x)}], the training rows")
    train = split.train_x, _targets("train_y", split.train_y, job)
    return train, (split.test_x, _targets("test_y", split.test_y, job))


def _targets(name: str, y: Tensor, job: Job) -> Tensor:
    outputs = job.spec.widths[-1]
    if job.spec.task == "classification":
        if y.dim() != 1 or y.is_floating_point() or not 0 <= int(y.min()) <= int(y.max()) < outputs:
            raise ValueError(f"{name}: must hold one class number in [0, {outputs - 1}] per row, as integers")
        return torch.nn.functional.one_hot(y.long(), outputs).to(job.dtype)
    if y.dim() == 1:
        y = y.unsqueeze(1)
    if y.shape[1:] != (outputs,):
        raise ValueError(f"{name} has shape {list(y.shape)}: must be [rows, {outputs}]")
    return y.to(job.dtype)


def batches_of(x: Tensor, target: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end: each epoch in a new random order, the last rows that fill no batch left out."""
    while True:
        order = torch.randperm(len(x), generator=generator)[: len(x) // size * size].to(x.device)
        yield from zip(x[order].split(size), target[order].split(size))


def noise_fields(job: Job, generator: torch.Generator) -> Iterator[list[Tensor]]:
    """Per step a uniform field [F, batch] for each hidden layer, in float32 always, so that masks agree across dtypes.

    No dropout at any setting: nothing is drawn.
    """
    widths = job.spec.widths[1:-1] if any(job.dropout) else ()
    fields = [torch.empty(width, job.batch_size, device=job.device) for width in widths]
    while True:
        yield [field.uniform_(generator=generator) for field in fields]

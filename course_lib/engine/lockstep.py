"""V networks in lock-step, from the first update to the last: gradients, update, records, end."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.base.random import seeded
from course_lib.engine.divergence import Divergence
from course_lib.engine.grid import choose, listed
from course_lib.engine.job import CURVES, Job, Results, Schedule
from course_lib.engine.networks import Networks
from course_lib.engine.rows import Rows, batches_of, joined_batches, noise_fields, stacked
from course_lib.engine.stopping import Stopping
from course_lib.engine.updates import Factor, OneByOne, Together, choose_update
from course_lib.sgd import clip_grad_norm

Kept = tuple[list[Tensor], list[dict[str, Any]], list[Tensor]]  # parameters, states, buffers
TRAIN_LOSS, TEST_LOSS, VALIDATION_LOSS = (
    CURVES.index(f"{part}_loss") for part in ("train", "test", "validation")
)


class Lockstep:
    """The networks of `seeds` × `settings`, seed by seed. results: flat, one axis of networks.

    starts: per seed the initial parameters of the whole model; every: per seed the rows that the
    layers that learn see, or one for all.
    """

    def __init__(
        self,
        job: Job,
        seeds: tuple[int, ...],
        settings: slice,
        results: Results,
        starts: list[list[Tensor]],
        every: list[Rows],
    ):
        self.job, self.seeds, self.settings, self.results = job, seeds, settings, results
        self.starts, self.rows = starts, stacked(every)
        self.count = len(results.diverged_at) // len(seeds)  # settings
        self.networks = self._networks()
        self.optimizer = self._optimizer()
        self.clip = self._clip()
        self.stopping = self._stopping()
        self.divergence = Divergence(results.diverged_at, results.stopped_at)
        # what others are shown: views of each seed's parameters and gradients
        self.seen = [
            (
                seed,
                [parameter[rows] for parameter in self.networks.parameters],
                [gradient[rows] for gradient in self.networks.gradients],
            )
            for seed, rows in zip(seeds, self._rows_of_seeds())
        ]

    def _networks(self) -> Networks:
        job, learning = self.job, slice(2 * self.job.spec.frozen, None)
        start = [torch.stack(same) for same in zip(*(start[learning] for start in self.starts))]
        options = {
            name: torch.tensor(value, dtype=job.dtype, device=job.device)
            for name, value in self._columns(job.grid.model).items()
        }
        return job.spec.learning.networks(start, self.count, options, job.batch_size)

    def _columns(self, columns: dict) -> dict[str, list[float]]:
        """Columns of the grid, a value for each network."""
        chosen = choose(columns, self.settings, len(self.seeds))
        return {
            name: listed(value, len(self.results.diverged_at)) for name, value in chosen.items()
        }

    def _optimizer(self) -> Together | OneByOne:
        job = self.job
        options, penalties = (
            choose(columns, self.settings, len(self.seeds))
            for columns in (job.grid.update, job.grid.penalties)
        )
        return choose_update(job.update, self.networks, options, penalties, self._factor())

    def _clip(self) -> Tensor | None:
        """The largest norm of each network's gradient [V]; None where no network is clipped."""
        column = self._columns(self.job.grid.clip).get("clip", [])
        limits = [limit or math.inf for limit in column]
        clipped = min(limits, default=math.inf) < math.inf
        return self.networks.flat.new_tensor(limits) if clipped else None

    def _factor(self) -> Factor | None:
        schedule = self.job.schedule
        if schedule is None:
            return None
        if callable(schedule):
            return lambda step: _factor_at(step, schedule)
        some = schedule[self.settings]
        return lambda step: [_factor_at(step, one) for one in some] * len(self.seeds)

    def _stopping(self) -> Stopping | None:
        columns = self._columns({"min_delta": 0.0} | self.job.grid.stopping)
        if "patience" not in columns:
            return None
        patience, min_delta = (
            torch.tensor(columns[name], dtype=torch.float64) for name in ("patience", "min_delta")
        )
        return Stopping(
            self.networks, patience, min_delta, self.results.stopped_at, self.results.best_step
        )

    def train(self) -> Iterator[int]:
        """Train to the last step, or until all have stopped; yields the number of each update."""
        batches, noise = self._draws()
        for step in range(self.job.steps + 1):
            if step in self.job.record_at:
                self._record(step)
            stopped = self.stopping is not None and self.stopping.all_stopped()
            if step == self.job.steps or stopped:
                return self._finish(step)
            self._update(step, next(batches), next(noise))
            yield step + 1

    def _draws(self) -> tuple[Iterator[tuple[Tensor, Tensor]], Iterator[list[Tensor]]]:
        """Batches and dropout noise, each seed by its own generators."""
        seeds, train, size = self.seeds, self.rows["train"], self.job.batch_size
        order = [seeded(seed, "batches") for seed in seeds]
        batches = (
            batches_of(*train, size, *order)
            if len(seeds) == 1
            else joined_batches(*train, size, order)
        )
        noise = [seeded(seed, "dropout", self.job.device) for seed in seeds]
        return batches, noise_fields(self.networks.noise_widths, size, noise)

    def _update(self, step: int, batch: tuple[Tensor, Tensor], noise: list[Tensor]) -> None:
        networks = self.networks
        self.divergence.watch(step, networks.compute_gradients(*batch, noise))
        if self.job.observe is not None:
            for seed, parameters, gradients in self.seen:
                self.job.observe(seed, step, parameters, gradients)
        if self.clip is not None:
            clip_grad_norm(self.networks.gradients, self.clip)
        self.optimizer.step(step)

    def _record(self, step: int) -> None:
        measured = torch.stack(
            [curve for rows in self.rows.values() for curve in self.networks.evaluate(*rows)]
        ).cpu()
        self.divergence.judge(step - 1)
        self.divergence.mark(~measured[[TRAIN_LOSS, TEST_LOSS]].isfinite().all(0), step)
        running, place = self.results.stopped_at < 0, self.job.record_at.index(step)
        self.results.curves[: len(measured), running, place] = measured[:, running]
        if self.stopping is not None:
            self.stopping.look(step, measured[VALIDATION_LOSS])
        if self.job.look is not None:
            for seed, parameters, _ in self.seen:
                self.job.look(seed, self.settings, step, parameters)

    def _finish(self, step: int) -> None:
        self.divergence.judge(step - 1)
        self.divergence.mark(~self.networks.finite().cpu(), step)
        if self.stopping is not None:
            self.stopping.restore()

    def _rows_of_seeds(self) -> list[slice]:
        """The networks of each seed."""
        return [slice(s * self.count, (s + 1) * self.count) for s in range(len(self.seeds))]

    def kept(self) -> Iterator[Kept]:
        """What `Training` has of each seed."""
        for start, rows in zip(self.starts, self._rows_of_seeds()):
            frozen = [p.expand(self.count, *p.shape) for p in start[: 2 * self.job.spec.frozen]]
            parameters = frozen + [p[rows] for p in self.networks.parameters]
            states: list[dict[str, Any]] = [{} for _ in parameters]
            if self.stopping is None:
                states[len(frozen) :] = self.optimizer.states(rows)
            yield parameters, states, [buffer[rows] for buffer in self.networks.buffers]


def _factor_at(step: int, schedule: Schedule) -> float:
    return float(require(f"schedule({step})", schedule(step)))

"""A few settings at one seed, or all settings at several seeds: the unit of work of the
ensemble.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.engine.job import Job, Results
from course_lib.engine.lockstep import Lockstep
from course_lib.engine.rows import Rows, alike, features_of, rows_of_seed


class Chunk:
    """The settings `settings` (all of them, if there are several `seeds`), whose results go to
    `results`.

    `updates`: made so far, of all seeds together. `parameters`, `states`, `buffers`: per seed, as
    in `Training`; None until all is done.
    """

    def __init__(self, job: Job, seeds: tuple[int, ...], settings: slice, results: Results):
        self.job, self.seeds, self.settings, self.results = job, seeds, settings, results
        self.updates, self.parameters, self.states, self.buffers = 0, None, None, None

    def run(self, stopped: Callable[[], bool]) -> None:
        """Train to the last step, or until `stopped()`; raises ValueError for data that does not
        fit.
        """
        with (
            torch.inference_mode(self.job.observe is None),
            torch.no_grad(),
        ):  # an observer may want to keep ordinary tensors
            starts = [
                [p.to(self.job.device) for p in self.job.spec.initial(s, self.job.dtype)]
                for s in self.seeds
            ]
            every, kept = self._rows(starts, stopped), []
            for some in (
                [slice(0, len(self.seeds))]
                if alike(every)
                else [slice(s, s + 1) for s in range(len(every))]
            ):
                if not stopped():
                    kept += self._train(some, starts[some], every[some], stopped)
            if self.job.keep_parameters and not stopped():
                parameters, self.states, self.buffers = (list(lists) for lists in zip(*kept))
                self.parameters = (
                    parameters  # last: whoever looks takes it as a sign that all is there
                )

    def _rows(self, starts: list[list[Tensor]], stopped: Callable[[], bool]) -> list[Rows]:
        """The rows of every seed, or the one set that all share, as the layers that learn see
        them.
        """
        job, every = self.job, []
        shared = not callable(job.data) and job.spec.frozen == 0
        for seed, start in list(zip(self.seeds, starts))[: 1 if shared else None]:
            if not stopped():
                rows = rows_of_seed(job, seed)
                every.append(features_of(rows, job.spec, start) if job.spec.frozen else rows)
        return every

    def _train(
        self, some: slice, starts: list, every: list[Rows], stopped: Callable[[], bool]
    ) -> list:
        """Train some of the seeds in lock-step; return what is kept of each."""
        seeds, before = self.seeds[some], self.updates
        run = Lockstep(
            self.job,
            seeds,
            self.settings,
            self.results.part(some, slice(None)).flat(),
            starts,
            every,
        )
        for steps in run.train():
            self.updates = before + steps * len(seeds)
            if stopped():
                return []
        self.updates = before + self.job.steps * len(seeds)
        return list(run.kept())

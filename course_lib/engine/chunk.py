"""The unit of work: a few settings at one seed, or all settings at several seeds."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.engine.job import Job, Results
from course_lib.engine.lockstep import Kept, Lockstep
from course_lib.engine.rows import Rows, alike, rows_of_seed


class Chunk:
    """Some settings (all of them, if there are several `seeds`), whose results go to `results`.

    `updates`: made so far, of all seeds together. `parameters`, `states`, `buffers`: per seed, as
    in `Training`; None until all is done.
    """

    def __init__(self, job: Job, seeds: tuple[int, ...], settings: slice, results: Results):
        self.job, self.seeds, self.settings, self.results = job, seeds, settings, results
        self.updates = 0
        self.parameters: list[list[Tensor]] | None = None
        self.states: list[list[dict]] | None = None
        self.buffers: list[list[Tensor]] | None = None

    def run(self, stopped: Callable[[], bool]) -> None:
        """Train to the last step, or until `stopped()`.

        Raises ValueError for data that does not fit.
        """
        job = self.job
        # who looks may want to keep ordinary tensors, autograd needs them
        ordinary = job.observe or job.look or job.spec.by_autograd
        with torch.inference_mode(not ordinary), torch.no_grad():
            starts = [
                [p.to(job.device) for p in job.spec.initial(seed, job.dtype)] for seed in self.seeds
            ]
            every, kept = self._rows(starts, stopped), []
            together = [slice(0, len(self.seeds))]
            for some in together if alike(every) else [slice(s, s + 1) for s in range(len(every))]:
                if not stopped():
                    kept += self._train(some, starts[some], every[some], stopped)
            if job.keep_parameters and not stopped():
                parameters, self.states, self.buffers = (list(lists) for lists in zip(*kept))
                self.parameters = parameters  # last: whoever looks takes it that all is there

    def _rows(self, starts: list[list[Tensor]], stopped: Callable[[], bool]) -> list[Rows]:
        """What the layers that learn see: the rows of every seed, or the one set that all share."""
        job, every = self.job, []
        shared = not callable(job.data) and job.spec.frozen == 0
        for seed, start in list(zip(self.seeds, starts))[: 1 if shared else None]:
            if not stopped():
                rows = rows_of_seed(job, seed)
                every.append(
                    {name: (job.spec.features(x, start), y) for name, (x, y) in rows.items()}
                )
        return every

    def _train(
        self,
        some: slice,
        starts: list[list[Tensor]],
        every: list[Rows],
        stopped: Callable[[], bool],
    ) -> list[Kept]:
        """Train some of the seeds in lock-step; return what is kept of each."""
        seeds, before = self.seeds[some], self.updates
        results = self.results.part(some, slice(None)).flat()
        run = Lockstep(self.job, seeds, self.settings, results, starts, every)
        for steps in run.train():
            self.updates = before + steps * len(seeds)
            if stopped():
                return []
        self.updates = before + self.job.steps * len(seeds)
        return list(run.kept())

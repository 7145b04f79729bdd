"""Train one model at many settings and seeds at once, fast enough to watch.

A slider over a hyper-parameter wants the whole training at every position; a band wants it at every
seed. Here all settings of one seed are one batched tensor program (`lockstep.py`): they share data,
batch order, initial weights and dropout noise, so that curves differ by the setting alone. Seeds
are spread over threads, each single-threaded inside, and arrive one by one; where models are small,
several seeds, each with data of its own, are one program too. Every number equals that of training
each model alone, to rounding.

    for training in train(spec, product(lr=[1e-3, 1e-2], weight_decay=[0.0, 0.1]), seeds=range(8),
    data=digits()):
        draw(training)          # a picture that fills in; leave the loop whenever you like
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product as cartesian
from numbers import Integral

import torch
from torch import Tensor

from course_lib.adamw import adamw_update
from course_lib.base.arguments import require
from course_lib.data import Split
from course_lib.engine.chunk import Chunk
from course_lib.engine.grid import Grid, read_grid
from course_lib.engine.job import CURVES, Job, Results
from course_lib.engine.models import model_size, outputs_of, require_batch
from course_lib.engine.rows import rows_of
from course_lib.engine.spec import ModelSpec
from course_lib.engine.workers import work_off

__all__ = ["ModelSpec", "Training", "outputs_of", "product", "train"]

# parameters and activations trained in lock-step on a CPU: more leave the cache, fewer waste calls
CHUNK = 600_000
MIN_CHUNK = 8  # settings, however large the model
# parameters and activations: with fewer a step is mostly Python, and threads wait for each other
WORTH_THREADS = 75_000


@dataclass
class Training:
    """What is known so far. Curves are [seeds, settings, recorded]; NaN: not reached (yet), or the
    model has diverged.

    grid, seeds, steps: as asked for. recorded: the steps (updates made) at which the curves were
    measured, without dropout, on all rows. Accuracies are NaN for regression, validation curves
    where they were not asked for. diverged_at [seeds, settings]: the step at which a model was
    found diverged, −1 if it was not. With `patience`: stopped_at: the step at which it was stopped,
    −1 if it ran to the end; best_step: the step of its best validation loss, −1 if none was finite.
    −1 without.
    progress: 0 … 1, and 1 only when finished. finished: nothing more will come.
    parameters, states: per seed, None until it is done, then a list over weight, bias, weight, … of
    tensors
    [settings, …]; and of dicts with what the optimizer remembers of each. Always None without
    `keep_parameters`. With `patience` the parameters are those of `best_step`, and nothing is told
    of the optimizer. buffers: as parameters, what a model keeps besides (running statistics of a
    BatchNorm).
    """

    grid: dict
    seeds: tuple[int, ...]
    steps: int
    recorded: tuple[int, ...]
    train_loss: Tensor
    train_accuracy: Tensor
    test_loss: Tensor
    test_accuracy: Tensor
    validation_loss: Tensor
    validation_accuracy: Tensor
    diverged_at: Tensor
    stopped_at: Tensor
    best_step: Tensor
    parameters: list
    states: list
    buffers: list
    progress: float = 0.0
    finished: bool = False


def product(**axes: Sequence[float]) -> dict[str, list[float]]:
    """Every combination, as columns for `train`: product(lr=[1, 2], l2=[3, 4]) is lr 1 1 2 2, l2 3
    4 3 4.
    """
    rows = list(cartesian(*axes.values()))
    return {name: [row[i] for row in rows] for i, name in enumerate(axes)}


def train(
    spec: ModelSpec,
    data: Split | Callable[[int], Split],
    grid: dict,
    seeds: Sequence[int],
    *,
    update: Callable = adamw_update,
    steps: int = 300,
    batch_size: int = 50,
    record_at: Sequence[int] | None = None,
    schedule: Callable | Sequence[Callable] | None = None,
    validate: bool = False,
    device: torch.device | str = "auto",
    dtype: torch.dtype = torch.float32,
    workers: int = 2,
    observe: Callable | None = None,
    keep_parameters: bool = True,
) -> Generator[Training, None, None]:
    """Train every setting at every seed; yield what is known so far, at least every 0.1 s and after
    every seed.

    data: one `Split` for all seeds, or seed → `Split`. grid: hyper-parameter → V numbers (one per
    setting) or one number for all; see `product`. Names: those `update` takes (`beta1` and `beta2`
    for `betas`), and

        dropout                p, in every hidden layer
        label_smoothing        ε of a classification's training loss; the curves show the plain cross entropy
        survival               p_L of residual blocks, a decision per row and block; all are computed, and masked. At
                               0 a block is its shortcut, in evaluation too; its weights have
                               gradient 0, and decay
        l1                     after the update w ← soft_threshold(w, lr·l1), the proximal step: exact zeros
        l1_subgradient         g ← g + l1_subgradient·sign(w) before the update: hardly ever an exact zero
        only_weights           True: l2, weight_decay, l1, l1_subgradient leave biases (and norms) alone
        patience, min_delta    early stopping by the validation loss at the recorded steps, a model at a time:
                               `course_lib.overfitting.EarlyStopping`; math.inf never stops, and
                               keeps the best

    A tuple in place of such a strength holds one for each linear layer. What `update` itself calls
    l1 is its own. update: any function of the stems' form. One that is not `sgd_update`,
    `adam_update` or `adamw_update` is called per model and parameter with plain floats, so that
    `if` and `math.sqrt` work in it, and is slower.
    steps: updates. batch_size: rows; an epoch's last rows that fill no batch are left out.
    record_at: the steps (0 … `steps`) at which the curves are measured, by default only the last;
    measuring costs as much as several steps. schedule: step → factor, or one for each setting: the
    learning rate of the update after `step` updates is lr·factor, as with torch's `LambdaLR`.
    validate: measure the validation rows too; `patience` does.
    device: "auto" is CUDA if there is one. workers: threads at most that a CPU's work is spread
    over (one for the smallest models); they change no result.
    observe(seed, step, parameters, gradients): called in a worker's thread at every step, before
    the update, with tensors [V, …] of what learns that it must not change; the gradients are those
    of the loss alone.
    keep_parameters: False spares the memory of what is not looked at.

    All settings of a seed share split, initial weights, batch order and dropout noise. A model
    whose batch loss is not finite, or above 1000 × its first loss twice running, is noted as
    diverged, its curves end, the others go on. Closing the generator ends the workers within one
    step. What goes wrong in a worker is raised here.
    Raises ValueError, before anything starts, for arguments out of range and for data that is not
    finite or does not fit (from seed → `Split`: as soon as it is seen).
    """
    columns = read_grid(grid, update, spec)
    seeds = _whole_numbers("seeds", seeds)
    for name, value in (("steps", steps), ("batch_size", batch_size), ("workers", workers)):
        require(name, *_whole_numbers(name, [value]), low=1)
    require_batch(spec, batch_size)
    record_at = _whole_numbers("record_at", [steps] if record_at is None else record_at)
    for step in record_at:
        require("record_at", step, 0, steps, open_high=False)
    job = Job(
        spec=spec,
        data=data,
        grid=columns,
        update=update,
        schedule=_schedule(schedule, columns),
        steps=steps,
        batch_size=batch_size,
        record_at=tuple(sorted(set(record_at))),
        validate=validate or bool(columns.stopping),
        device=_device(device),
        dtype=dtype,
        observe=observe,
        keep_parameters=keep_parameters,
    )
    if not callable(data):
        rows_of(data, job)
    return _training(job, grid, seeds, workers)


def _whole_numbers(name: str, values: Sequence[int]) -> tuple[int, ...]:
    values = tuple(values)
    if not values:
        raise ValueError(f"{name} = (): must hold at least one whole number")
    for value in values:
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise ValueError(f"{name} = {value!r}: must be a whole number")
    return tuple(int(value) for value in values)


def _device(device: torch.device | str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def _schedule(schedule, columns: Grid) -> Callable | list[Callable] | None:
    """`schedule` as a `Job` has it."""
    if schedule is None:
        return None
    if "lr" not in columns.update:
        raise ValueError("grid: lr is missing, and the schedule multiplies it")
    if callable(schedule):
        return schedule
    schedule = list(schedule)
    if len(schedule) != columns.settings or not all(callable(one) for one in schedule):
        raise ValueError(
            f"schedule = {schedule}: must be step → factor, or {columns.settings} of those"
        )
    return schedule


def _training(job: Job, grid: dict, seeds: tuple, workers: int) -> Generator[Training, None, None]:
    results = Results.empty(len(seeds), job.grid.settings, len(job.record_at), job.dtype)
    parameters, states, buffers = ([None] * len(seeds) for _ in range(3))
    curves = dict(zip(CURVES, results.curves))
    found = {name: getattr(results, name) for name in ("diverged_at", "stopped_at", "best_step")}
    so_far = Training(
        grid,
        seeds,
        job.steps,
        job.record_at,
        **curves,
        **found,
        parameters=parameters,
        states=states,
        buffers=buffers,
    )
    groups = [
        (
            some,
            [
                Chunk(job, seeds[some], stretch, results.part(some, stretch))
                for stretch in _stretches(job)
            ],
        )
        for some in _groups(job, len(seeds))
    ]
    chunks = sum((row for _, row in groups), [])
    if (
        job.device.type == "cuda"
        or _size(job) * job.grid.settings * len(chunks[0].seeds) < WORTH_THREADS
    ):
        workers = 1
    for done in work_off(chunks, workers):
        for some, row in groups:
            if all(chunk.parameters is not None for chunk in row):
                so_far.parameters[some], so_far.states[some], so_far.buffers[some] = _handed_over(
                    row
                )
        share = sum(chunk.updates for chunk in chunks) / (
            job.steps * sum(len(c.seeds) for c in chunks)
        )
        so_far.finished = done == len(chunks)
        so_far.progress = (
            1.0 if so_far.finished else min(share, 0.99)
        )  # after the last update there is still measuring
        yield _snapshot(so_far)


def _stretches(job: Job) -> list[slice]:
    """Even stretches of settings, small enough for the cache of a CPU; only one where whole seeds
    are wanted.
    """
    fitting = max(MIN_CHUNK, CHUNK // _size(job))
    whole = job.device.type == "cuda" or job.observe is not None
    return _even(job.grid.settings, 1 if whole else -(-job.grid.settings // fitting))


def _groups(job: Job, seeds: int) -> list[slice]:
    """Even groups of seeds that fit the cache together; two groups at least where that is worth a
    second thread.
    """
    one = (
        _size(job) + job.batch_size * job.learning.widths[0]
    ) * job.grid.settings  # seeds have rows of their own
    fitting = 1 if job.observe is not None else max(1, CHUNK // one)
    worth = 2 if seeds > 1 and one * seeds >= 2 * WORTH_THREADS else 1
    return _even(seeds, max(worth, -(-seeds // fitting)))


def _even(length: int, count: int) -> list[slice]:
    bounds = [length * i // count for i in range(count + 1)]
    return [slice(*pair) for pair in zip(bounds, bounds[1:])]


def _size(job: Job) -> int:
    return model_size(job.learning, job.batch_size)


def _handed_over(row: list[Chunk]) -> Iterator[list]:
    """Parameters, states and buffers of each seed, its stretches of settings put together; the
    chunks let go.
    """
    kept = [
        zip(*(getattr(chunk, name) for chunk in row))
        for name in ("parameters", "states", "buffers")
    ]
    for chunk in row:
        chunk.parameters = chunk.states = chunk.buffers = None
    return (
        [[_join(parts) for parts in zip(*stretches)] for stretches in by_seed] for by_seed in kept
    )


def _join(parts: tuple):
    """Tensors [some settings, …] to one [settings, …], lists to one; dicts name by name; a number
    stands for all.
    """
    if isinstance(parts[0], dict):
        return {name: _join([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], list):
        return sum(parts, [])
    return torch.cat(parts) if isinstance(parts[0], Tensor) else parts[0]


def _snapshot(training: Training) -> Training:
    """A copy that later progress does not change, its curves cut where models diverged.

    What is final is shared.
    """
    diverged_at = training.diverged_at.clone()
    over = (diverged_at >= 0).unsqueeze(2) & (
        torch.tensor(training.recorded) >= diverged_at.unsqueeze(2)
    )
    curves = {name: getattr(training, name).masked_fill(over, torch.nan) for name in CURVES}
    steps = {name: getattr(training, name).clone() for name in ("stopped_at", "best_step")}
    lists = {name: list(getattr(training, name)) for name in ("parameters", "states", "buffers")}
    return replace(training, diverged_at=diverged_at, **steps, **curves, **lists)

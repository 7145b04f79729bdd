"""Train one model at many settings and seeds at once, fast enough to watch.

A slider over a hyper-parameter wants the whole training at every position; a band wants it at every
seed. Here all settings of one seed are one batched tensor program (`lockstep.py`): they share data,
batch order, initial weights and dropout noise, so that curves differ by the setting alone. Seeds
are spread over threads, each single-threaded inside, and arrive one by one; where models are small,
several seeds, each with data of its own, are one program too. Every number equals that of training
each model alone, to rounding.

    grid = product(lr=[1e-3, 1e-2], weight_decay=[0.0, 0.1])
    for training in train(ModelSpec((64, 128, 10)), digits(), grid, range(8), steps=300):
        draw(training)  # a picture that fills in; leave the loop whenever you like
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import product as cartesian
from math import inf
from typing import Any

import torch
from torch import Tensor

from course_lib.adamw import adamw_update
from course_lib.base.arguments import require_whole
from course_lib.data import Split
from course_lib.engine.chunk import Chunk
from course_lib.engine.grid import Grid, read_grid
from course_lib.engine.job import CURVES, Job, Looker, Observer, Results, Schedule
from course_lib.engine.models import model_size, outputs_of
from course_lib.engine.rows import rows_of
from course_lib.engine.spec import ModelSpec, Spec
from course_lib.engine.workers import work_off

__all__ = ["ModelSpec", "Training", "outputs_of", "product", "train"]

STEPS, KEPT = ("diverged_at", "stopped_at", "best_step"), ("parameters", "states", "buffers")
# parameters and activations of two layers trained in lock-step on a CPU: more leave the cache,
# fewer waste calls
CHUNK = 600_000
MIN_CHUNK = 8  # settings, however large the model, unless its spec says `large`
# parameters and activations: with fewer a step is mostly Python, and threads wait for each other
WORTH_THREADS = 75_000


@dataclass
class Training:
    """What is known so far.

    grid, seeds, steps: as asked for. recorded: the steps (updates made) at which the curves were
    measured, without dropout, on all rows.

    Losses (mean cross entropy in nats, or mean squared error) and accuracies (shares) are curves
    [seeds, settings, recorded]. NaN: not reached (yet), or the model has diverged; accuracies of a
    regression, and validation curves where they were not asked for.

    diverged_at, stopped_at, best_step [seeds, settings]: the step at which a model was found
    diverged, −1 if it was not. With `patience` the step at which it was stopped, −1 if it ran to
    the end; and that of its best validation loss, −1 if none was finite. −1 without.

    parameters: per seed, None until it is done, then a list over weight, bias, weight, … of tensors
    [settings, …]. states: the same, with a dict of what the optimizer remembers of each. buffers:
    as parameters, what a model keeps besides (running statistics of a BatchNorm). All None without
    `keep_parameters`. With `patience` the parameters are those of `best_step`, and nothing is told
    of the optimizer.

    progress: 0 … 1, and 1 only when finished. finished: nothing more will come.
    """

    grid: dict[str, Any]
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
    parameters: list[Any]
    states: list[Any]
    buffers: list[Any]
    progress: float = 0.0
    finished: bool = False


def product(**axes: Sequence[float]) -> dict[str, list[float]]:
    """Every combination, as columns for `train`, the last axis fastest.

    Thus product(lr=[1, 2], l2=[3, 4]) is {"lr": [1, 1, 2, 2], "l2": [3, 4, 3, 4]}.
    """
    rows = list(cartesian(*axes.values()))
    return {name: [row[i] for row in rows] for i, name in enumerate(axes)}


def train(
    spec: Spec,
    data: Split | Callable[[int], Split],
    grid: dict[str, Any],
    seeds: Sequence[int],
    *,
    update: Callable = adamw_update,
    steps: int = 300,
    batch_size: int = 50,
    record_at: Sequence[int] | None = None,
    schedule: Schedule | Sequence[Schedule] | None = None,
    validate: bool = False,
    device: torch.device | str = "auto",
    dtype: torch.dtype = torch.float32,
    workers: int = 2,
    observe: Observer | None = None,
    look: Looker | None = None,
    keep_parameters: bool = True,
) -> Generator[Training, None, None]:
    """Train every setting at every seed; yield what is known so far.

    At least every 0.1 s, and after every seed. spec: a `ModelSpec`, a `TransformerSpec`, a
    `ConvSpec` or another `spec.Spec`. data: one `Split` for all seeds, or seed → `Split`. grid:
    hyper-parameter → V numbers (one per setting) or one number for all; see `product`. Names: those
    `update` takes (`beta1` and `beta2` for `betas`), and

        dropout               p, in every hidden layer; of a transformer's MLP, before a
                              convolution's last layer
        label_smoothing       ε of a classification's training loss; the curves show the plain
                              cross entropy
        survival              p_L of residual blocks, a decision per row and block; all are
                              computed, and masked. At 0 a block is its shortcut, in evaluation
                              too; its weights have gradient 0, and decay
        shift                 of a `ConvSpec`: places by which each row of a batch is moved at most
        l1                    after the update w ← soft_threshold(w, lr·l1), the proximal step:
                              exact zeros
        l1_subgradient        g ← g + l1_subgradient·sign(w) before the update: hardly ever an
                              exact zero
        only_weights          True: l2, weight_decay, l1, l1_subgradient leave biases (and norms)
                              alone
        patience, min_delta   early stopping by the validation loss at the recorded steps, a model
                              at a time: `course_lib.overfitting.EarlyStopping`; math.inf never
                              stops, and keeps the best
        clip                  the largest norm of a network's whole gradient, which is shortened to
                              it before the update: `course_lib.sgd.clip_grad_norm`. 0 or math.inf:
                              off. Of the loss alone: l2, l1_subgradient join behind it

    A tuple in place of such a strength holds one for each linear layer, or whatever else has a
    parameter of two axes or more. What `update` itself calls l1 or clip is its own.

    update: any function of the ideas' form, `update(param, grad, state, *, lr, …)`. One that is not
    `sgd_update`, `adam_update` or `adamw_update` is called per model and parameter with plain
    floats, so that `if` and `math.sqrt` work in it, and is slower.
    steps: updates. batch_size: rows; an epoch's last rows that fill no batch are left out.
    record_at: the steps (0 … `steps`) at which the curves are measured, by default only the last;
    measuring costs as much as several steps. schedule: step → factor, or one for each setting: the
    learning rate of the update after `step` updates is lr·factor, as with torch's `LambdaLR`.
    validate: measure the validation rows too; `patience` does.
    device: "auto" is CUDA if there is one. workers: threads at most that a CPU's work is spread
    over (one for the smallest models); they change no result.
    observe(seed, step, parameters, gradients): called in a worker's thread at every step, before
    the update, for each seed, with tensors [V, …] of what learns that it must not change; the
    gradients are those of the loss alone. look(seed, settings, step, parameters): the same at the
    recorded steps only, where curves are measured, for each seed and a slice of the settings, which
    may come one by one. keep_parameters: False spares the memory of what is not looked at.

    All settings of a seed share split, initial weights, batch order and dropout noise. A model
    whose batch loss is not finite, or above 1000 × its first loss twice running, is noted as
    diverged, its curves end, the others go on. Closing the generator ends the workers within one
    step. What goes wrong in a worker is raised here.
    Raises ValueError, before anything starts, for arguments out of range and for data that is not
    finite or does not fit (from seed → `Split`: as soon as it is seen).
    """
    columns = read_grid(grid, update, spec)
    seeds = _whole_numbers("seeds", seeds, -inf)
    steps, batch_size, workers = (
        require_whole(name, value, 1)
        for name, value in (("steps", steps), ("batch_size", batch_size), ("workers", workers))
    )
    spec.require_batch(batch_size)
    record_at = _whole_numbers("record_at", [steps] if record_at is None else record_at, 0, steps)
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
        look=look,
        keep_parameters=keep_parameters,
    )
    if not callable(data):
        rows_of(data, job)
    return _training(job, grid, seeds, workers)


def _whole_numbers(
    name: str, values: Sequence[int], low: float, high: float = inf
) -> tuple[int, ...]:
    values = tuple(values)
    if not values:
        raise ValueError(f"{name} = (): must hold at least one whole number")
    return tuple(require_whole(name, value, low, high) for value in values)


def _device(device: torch.device | str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def _schedule(
    schedule: Schedule | Sequence[Schedule] | None, columns: Grid
) -> Schedule | list[Schedule] | None:
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


def _training(
    job: Job, grid: dict[str, Any], seeds: tuple[int, ...], workers: int
) -> Generator[Training, None, None]:
    results = Results.empty(len(seeds), job.grid.settings, len(job.record_at), job.dtype)
    so_far = _nothing(job, grid, seeds, results)
    parts = _parts(job, len(seeds), workers)
    groups = [(some, _chunks(job, seeds, some, row, results)) for some, row in parts]
    chunks = [chunk for _, row in groups for chunk in row]
    together = _size(job) * job.grid.settings * len(chunks[0].seeds)
    if job.device.type == "cuda" or together < WORTH_THREADS:
        workers = 1
    updates = job.steps * sum(len(chunk.seeds) for chunk in chunks)
    for done in work_off(chunks, workers):
        for some, row in groups:
            if all(chunk.parameters is not None for chunk in row):
                kept = _handed_over(row)
                so_far.parameters[some], so_far.states[some], so_far.buffers[some] = kept
        so_far.finished = done == len(chunks)
        # after the last update there is still measuring
        share = min(sum(chunk.updates for chunk in chunks) / updates, 0.99)
        so_far.progress = 1.0 if so_far.finished else share
        yield _snapshot(so_far)


def _nothing(job: Job, grid: dict[str, Any], seeds: tuple[int, ...], results: Results) -> Training:
    """A `Training` of which nothing is known; what `results` will hold, it will."""
    found: dict[str, Any] = {
        **dict(zip(CURVES, results.curves)),
        **{name: getattr(results, name) for name in STEPS},
        **{name: [None] * len(seeds) for name in KEPT},
    }
    return Training(grid, seeds, job.steps, job.record_at, **found)


def _chunks(
    job: Job, seeds: tuple[int, ...], some: slice, stretches: list[slice], results: Results
) -> list[Chunk]:
    """Some of the seeds, a chunk for each stretch of settings."""
    return [Chunk(job, seeds[some], stretch, results.part(some, stretch)) for stretch in stretches]


def _parts(job: Job, seeds: int, workers: int) -> list[tuple[slice, list[slice]]]:
    """Groups of seeds, each with its stretches of settings, a chunk for each.

    Where the last one of large networks would leave the other workers idle, they share it.
    """
    parts = [(some, _stretches(job)) for some in _groups(job, seeds, workers)]
    some, row = parts[-1]
    alone = len(row) == 1 and len(parts) > 1 and len(parts) % workers == 1
    if alone and job.spec.large and job.observe is None:
        parts[-1] = some, _even(job.grid.settings, min(workers, job.grid.settings))
    return parts


def _stretches(job: Job) -> list[slice]:
    """Even stretches of settings that fit the cache of a CPU; one where whole seeds are wanted."""
    least = 1 if job.spec.large else MIN_CHUNK
    fitting = max(least, _room(job) // _size(job))
    whole = job.device.type == "cuda" or job.observe is not None
    return _even(job.grid.settings, 1 if whole else -(-job.grid.settings // fitting))


def _groups(job: Job, seeds: int, workers: int) -> list[slice]:
    """Even groups of seeds that fit the cache together, two where that is worth a second thread."""
    rows = job.batch_size * job.spec.learning.inputs  # seeds have rows of their own
    one = (_size(job) + rows) * job.grid.settings
    fitting = max(1, _room(job) // one)
    worth = 2 if workers > 1 < seeds and one * seeds >= 2 * WORTH_THREADS else 1
    return _even(seeds, max(worth, -(-seeds // fitting)))


def _even(length: int, count: int) -> list[slice]:
    bounds = [length * i // count for i in range(count + 1)]
    return [slice(*pair) for pair in zip(bounds, bounds[1:])]


def _room(job: Job) -> int:
    """Parameters and activations trained in lock-step, at most: a step is at one layer at a time.

    CHUNK is for two layers. Deep networks are many small calls, which more of them share.
    """
    layers = sum(len(shape) > 1 for shape in job.spec.learning.shapes())
    return CHUNK * max(layers, 2) // 2


def _size(job: Job) -> int:
    return model_size(job.spec.learning, job.batch_size)


def _handed_over(row: list[Chunk]) -> list[list]:
    """Parameters, states and buffers of each seed: its stretches put together, the chunks let go.

    Each [seeds][parameter tensors], of tensors [settings, …] or of dicts of those.
    """
    by_seed = [zip(*(getattr(chunk, name) for chunk in row)) for name in KEPT]
    for chunk in row:
        chunk.parameters = chunk.states = chunk.buffers = None
    return [
        [[_join(parts) for parts in zip(*stretches)] for stretches in seeds] for seeds in by_seed
    ]


def _join(parts: Sequence[Any]) -> Any:
    """One of several stretches: tensors [some settings, …] to one [settings, …], lists to one.

    Dicts are joined name by name; a number stands for all.
    """
    if isinstance(parts[0], dict):
        return {name: _join([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], list):
        return sum(parts, [])
    return torch.cat(list(parts)) if isinstance(parts[0], Tensor) else parts[0]


def _snapshot(training: Training) -> Training:
    """A copy that later progress does not change, its curves cut where models diverged.

    What is final is shared.
    """
    diverged_at = training.diverged_at.unsqueeze(2)
    over = (diverged_at >= 0) & (torch.tensor(training.recorded) >= diverged_at)
    copies: dict[str, Any] = {
        **{name: getattr(training, name).masked_fill(over, torch.nan) for name in CURVES},
        **{name: getattr(training, name).clone() for name in STEPS},
        **{name: list(getattr(training, name)) for name in KEPT},
    }
    return replace(training, **copies)

"""Train one model at many settings and seeds at once, fast enough to watch.

A slider over a hyper-parameter wants the whole training at every position; a band wants it at every seed. Here all
settings of one seed are one batched tensor program (`_network.py`, `_updates.py`): they share data, batch order,
initial weights and dropout noise, so that curves differ by the setting alone. Seeds are spread over threads, each
single-threaded inside, and arrive one by one. Every number equals that of training each model alone, to rounding.

    for training in train(spec, product(lr=[1e-3, 1e-2], weight_decay=[0.0, 0.1]), seeds=range(8), data=digits()):
        draw(training)          # a picture that fills in; leave the loop whenever you like
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product as cartesian
from numbers import Integral

import torch
from torch import Tensor

from course_lib._arguments import require
from course_lib.adamw import adamw_update
from course_lib.lab._chunk import Chunk, Job, rows_for_training
from course_lib.lab._grid import read_grid
from course_lib.lab._spec import ModelSpec
from course_lib.lab.data import Split

CHUNK = 600_000  # parameters and activations trained in lock-step on a CPU: more leave the cache, fewer waste calls
MIN_CHUNK = 8  # settings, however large the model
WORTH_THREADS = (
    75_000  # parameters and activations: with fewer a step is mostly Python, and threads wait for each other
)
TICK = 0.1  # seconds between pictures, at most


@dataclass
class Training:
    """What is known so far. Curves are [seeds, settings, recorded]; NaN: not reached yet, or the model has diverged.

    grid, seeds, steps: as asked for. recorded: the steps (updates made) at which the curves were measured, without
    dropout, on all rows. Accuracies are NaN for regression.
    diverged_at [seeds, settings]: the step at which a model was found diverged, −1 if it was not.
    progress: 0 … 1. finished: nothing more will come.
    parameters, states: per seed, None until it is done, then a list over weight, bias, weight, … of tensors
    [settings, …]; and of dicts with what the optimizer remembers of each. Always None without `keep_parameters`.
    """

    grid: dict
    seeds: tuple[int, ...]
    steps: int
    recorded: tuple[int, ...]
    train_loss: Tensor
    test_loss: Tensor
    train_accuracy: Tensor
    test_accuracy: Tensor
    diverged_at: Tensor
    parameters: list
    states: list
    progress: float = 0.0
    finished: bool = False


def product(**axes: Sequence[float]) -> dict[str, list[float]]:
    """Every combination, as columns for `train`: product(lr=[1, 2], l2=[3, 4]) is lr 1 1 2 2, l2 3 4 3 4."""
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
    device: torch.device | str = "auto",
    dtype: torch.dtype = torch.float32,
    workers: int = 2,
    observe: Callable | None = None,
    keep_parameters: bool = True,
) -> Iterator[Training]:
    """Train every setting at every seed; yield what is known so far, at least every 0.1 s and after every seed.

    data: one `Split` for all seeds, or seed → `Split`. grid: hyper-parameter → V numbers (one per setting) or one
    number for all; see `product`. Names: those `update` takes, `beta1` and `beta2` for `betas`, and `dropout` (p,
    behind every hidden layer).
    update: any function of the stems' form. One that is not `sgd_update`, `adam_update` or `adamw_update` is called
    per model and parameter with plain floats, so that `if` and `math.sqrt` work in it, and is slower.
    steps: updates. batch_size: rows; an epoch's last rows that fill no batch are left out. record_at: the steps (0 …
    `steps`) at which the curves are measured, by default only the last; measuring costs as much as several steps.
    device: "auto" is CUDA if there is one. workers: threads at most that a CPU's work is spread over (one for the
    smallest models); they change no result.
    observe(seed, step, parameters, gradients): called in a worker's thread at every step, before the update, with
    tensors [V, …] that it must not change; the gradients are those of the loss alone.
    keep_parameters: False spares the memory of what is not looked at.

    All settings of a seed share split, initial weights, batch order and dropout noise. A model whose batch loss is not
    finite, or above 1000 × its first loss twice running, is noted as diverged, its curves end, the others go on.
    Closing the generator ends the workers within one step. What goes wrong in a worker is raised here.
    Raises ValueError, before anything starts, for arguments out of range and for data that is not finite or does not
    fit (from seed → `Split`: as soon as it is seen).
    """
    settings, dropout, options = read_grid(grid, update)
    seeds = _whole_numbers("seeds", seeds)
    for name, value in (("steps", steps), ("batch_size", batch_size), ("workers", workers)):
        require(name, *_whole_numbers(name, [value]), low=1)
    record_at = _whole_numbers("record_at", [steps] if record_at is None else record_at)
    for step in record_at:
        require("record_at", step, 0, steps, open_high=False)
    device = _device(device)
    record_at = tuple(sorted(set(record_at)))
    job = Job(
        spec, data, options, dropout, update, steps, batch_size, record_at, device, dtype, observe, keep_parameters
    )
    if not callable(data):
        rows_for_training(data, job)
    return _training(job, grid, seeds, settings, workers)


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


def _training(job: Job, grid: dict, seeds: tuple, settings: int, workers: int) -> Iterator[Training]:
    curves = torch.full((4, len(seeds), settings, len(job.record_at)), torch.nan, dtype=job.dtype)
    diverged_at = torch.full((len(seeds), settings), -1)
    missing = [None] * len(seeds)
    so_far = Training(grid, seeds, job.steps, job.record_at, *curves, diverged_at, missing, list(missing))
    by_seed = [
        [Chunk(job, seed, some, curves[:, s, some], diverged_at[s, some]) for some in _stretches(job, settings)]
        for s, seed in enumerate(seeds)
    ]
    chunks = sum(by_seed, [])
    if job.device.type == "cuda" or _size(job) * settings < WORTH_THREADS:
        workers = 1
    for done in _work_off(chunks, workers):
        for s, row in enumerate(by_seed):
            if all(chunk.parameters is not None for chunk in row):
                so_far.parameters[s], so_far.states[s] = _handed_over(row)
        so_far.progress = sum(chunk.step for chunk in chunks) / (job.steps * len(chunks))
        so_far.finished = done == len(chunks)
        yield _snapshot(so_far)


def _stretches(job: Job, settings: int) -> list[slice]:
    """Even stretches of settings, small enough for the cache of a CPU; only one where whole seeds are wanted."""
    fitting = max(MIN_CHUNK, CHUNK // _size(job))
    count = 1 if job.device.type == "cuda" or job.observe is not None else -(-settings // fitting)
    bounds = [settings * i // count for i in range(count + 1)]
    return [slice(*pair) for pair in zip(bounds, bounds[1:])]


def _size(job: Job) -> int:
    """Parameters and activations of one model."""
    widths = job.spec.widths
    return sum((n + 1) * m for n, m in zip(widths, widths[1:])) + job.batch_size * sum(widths[1:-1])


def _work_off(chunks: list[Chunk], workers: int) -> Iterator[int]:
    """Run all chunks on threads; yield how many are done, whenever one is and at least every TICK seconds."""
    workers = min(workers, len(chunks))
    waiting, events, stop = queue.SimpleQueue(), queue.SimpleQueue(), threading.Event()
    for chunk in [*chunks, *[None] * workers]:  # a None sends one worker home
        waiting.put(chunk)
    ready = threading.Barrier(workers + 1)
    threads = [
        threading.Thread(target=_work, args=(waiting, events, stop, ready), name=f"ensemble-{i}", daemon=True)
        for i in range(workers)
    ]
    _keep_freed_memory()
    own_threads = torch.get_num_threads()
    try:
        for thread in threads:
            thread.start()
        ready.wait()
        torch.set_num_threads(own_threads)  # what a worker sets for itself is also what later threads start with
        done = 0
        while done < len(chunks):
            done += _next_event(events)
            yield done
    finally:
        stop.set()
        ready.abort()
        for thread in threads:
            thread.join()


def _work(
    waiting: queue.SimpleQueue, events: queue.SimpleQueue, stop: threading.Event, ready: threading.Barrier
) -> None:
    """One worker: chunk after chunk. An exception ends it, and is passed on."""
    torch.get_num_threads()  # torch sets a new thread's count at the first question; ours must come after
    torch.set_num_threads(1)
    try:
        ready.wait()
        for chunk in iter(waiting.get, None):
            if stop.is_set():
                break
            chunk.run(stop.is_set)
            events.put(None)
    except BaseException as error:  # also SystemExit, from a learner's function: nothing may end in silence
        events.put(error)


def _next_event(events: queue.SimpleQueue) -> int:
    """Wait TICK seconds at most. 1: a chunk is done, 0: not yet; a worker's exception is raised."""
    try:
        error = events.get(timeout=TICK)
    except queue.Empty:
        return 0
    if error is not None:
        raise error
    return 1


def _keep_freed_memory() -> None:
    """Have the C library keep large pieces of memory that are freed, instead of handing them back to the system.

    Fetching a freed megabyte anew, page by page, costs several times what an update does with it. glibc keeps pieces as
    large as the largest it has seen freed, up to 32 MB (mallopt(3), M_MMAP_THRESHOLD): this frees one, never touched.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


def _handed_over(row: list[Chunk]) -> tuple[list, list]:
    """Parameters and states of a seed, its stretches of settings put together; the chunks let go of them."""
    parameters = [_join(parts) for parts in zip(*(chunk.parameters for chunk in row))]
    states = [_join(parts) for parts in zip(*(chunk.states for chunk in row))]
    for chunk in row:
        chunk.parameters = chunk.states = None
    return parameters, states


def _join(parts: tuple):
    """Tensors [some settings, …] to one [settings, …], lists to one; dicts name by name; a number stands for all."""
    if isinstance(parts[0], dict):
        return {name: _join([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], list):
        return sum(parts, [])
    return torch.cat(parts) if isinstance(parts[0], Tensor) else parts[0]


def _snapshot(training: Training) -> Training:
    """A copy that later progress does not change, its curves cut where models diverged. What is final is shared."""
    diverged_at = training.diverged_at.clone()
    over = (diverged_at >= 0).unsqueeze(2) & (torch.tensor(training.recorded) >= diverged_at.unsqueeze(2))
    names = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    curves = {name: getattr(training, name).masked_fill(over, torch.nan) for name in names}
    lists = {"parameters": list(training.parameters), "states": list(training.states)}
    return replace(training, diverged_at=diverged_at, **curves, **lists)

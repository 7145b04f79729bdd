"""The rows that networks train on and are measured on: checked, by seed, in batches; and noise.

"Rows" are a dict: "train", "test" and, if asked for, "validation" → (x, target); x [rows, inputs],
target [rows, outputs], one-hot for classes. Those of S seeds have one more axis [S, …] in front,
unless all seeds share them.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.engine.job import Job

Rows = dict[str, tuple[Tensor, Tensor]]


def rows_of(split: Split, job: Job) -> Rows:
    """The rows of one split, as the networks of `job` take them.

    Raises ValueError for values that are not finite, empty sets, shapes and classes that do not fit
    the model.
    """
    split.check()
    split = split.to(job.dtype, job.device)
    names = ("train", "test", "validation") if job.validate else ("train", "test")
    for name in names:
        job.spec.require_rows(f"{name}_x", getattr(split, f"{name}_x"))
    if job.batch_size > len(split.train_x):
        raise ValueError(
            f"batch_size = {job.batch_size}: must be in [1, {len(split.train_x)}], "
            "the training rows"
        )
    return {
        name: (getattr(split, f"{name}_x"), _targets(f"{name}_y", getattr(split, f"{name}_y"), job))
        for name in names
    }


def _targets(name: str, y: Tensor, job: Job) -> Tensor:
    outputs = job.spec.outputs
    if job.spec.task == "classification":
        if y.dim() != 1 or y.is_floating_point() or not 0 <= int(y.min()) <= int(y.max()) < outputs:
            raise ValueError(
                f"{name}: must hold one class number in [0, {outputs - 1}] per row, as integers"
            )
        return torch.nn.functional.one_hot(y.long(), outputs).to(job.dtype)
    if y.dim() == 1:
        y = y.unsqueeze(1)
    if y.shape[1:] != (outputs,):
        raise ValueError(f"{name} has shape {list(y.shape)}: must be [rows, {outputs}]")
    return y.to(job.dtype)


def rows_of_seed(job: Job, seed: int) -> Rows:
    """The rows that `job` has for `seed`; whatever is wrong with them is said of that seed."""
    if not callable(job.data):
        return rows_of(job.data, job)
    split = job.data(seed)
    try:
        return rows_of(split, job)
    except ValueError as error:
        raise ValueError(f"data of seed {seed}: {error}") from None


def alike(every: Sequence[Rows]) -> bool:
    """Whether the rows of all seeds have the same shapes."""
    return all(
        x.shape == every[0][name][0].shape for rows in every for name, (x, _) in rows.items()
    )


def stacked(every: Sequence[Rows]) -> Rows:
    """The rows of several seeds with an axis [S, …] in front; those of one seed as they are."""
    if len(every) == 1:
        return every[0]

    def joined(name: str, part: int) -> Tensor:
        return torch.stack([rows[name][part] for rows in every])

    return {name: (joined(name, 0), joined(name, 1)) for name in every[0]}


def batches_of(
    x: Tensor, target: Tensor, size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (x [size, …], target [size, …]) without end, each epoch in a new random order.

    The last rows of an epoch, which fill no batch, are left out. A batch of all rows needs no
    order: it is the rows as they stand, and nothing is drawn.
    """
    if size == len(x):
        yield from repeat((x, target))
    while True:
        order = _order(len(x), size, generator).to(x.device)
        yield from zip(x[order].split(size), target[order].split(size))


def joined_batches(
    x: Tensor, target: Tensor, size: int, generators: list[torch.Generator]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of several seeds, each in its own order: x, target [S, size, …].

    x, target: rows [S, rows, …], or [rows, …] shared by all.
    """
    x, target = (rows.expand(len(generators), -1, -1) for rows in (x, target))
    if size == x.shape[1]:
        yield from repeat((x, target))
    seeds = torch.arange(len(generators), device=x.device).unsqueeze(1)
    while True:
        order = torch.stack([_order(x.shape[1], size, generator) for generator in generators]).to(
            x.device
        )
        yield from zip(x[seeds, order].split(size, 1), target[seeds, order].split(size, 1))


def _order(rows: int, size: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(rows, generator=generator)[: rows // size * size]


def noise_fields(
    widths: Sequence[int], rows: int, generators: list[torch.Generator]
) -> Iterator[list[Tensor]]:
    """Per step a uniform field [F, rows] for each F of `widths`.

    [S, F, rows] for several seeds, each drawing its own. In float32 always, so that masks agree
    across dtypes.
    """
    device = generators[0].device
    fields = [torch.empty(len(generators), width, rows, device=device) for width in widths]
    given = fields if len(generators) > 1 else [field[0] for field in fields]
    while True:
        for field in fields:
            for part, generator in zip(field, generators):
                part.uniform_(generator=generator)
        yield given

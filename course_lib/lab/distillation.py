"""Does a student learn less from a teacher that was trained with label smoothing?

A teacher 64-128-10 has seen 1000 labelled digits. A student 64-16-10 gets some of those rows, without their labels: its
targets are what the teacher says there, softmax(z/τ), and it is trained to say the same at the same temperature τ. A
third student gets the labels themselves. All students of a seed share rows, initial weights and batches.
Sources: Hinton, Vinyals & Dean 2015 (distillation); Müller, Kornblith & Hinton, NeurIPS 2019 (smoothed teachers).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import one_hot

from course_lib.adamw import adamw_update
from course_lib.lab import penultimate
from course_lib.lab.ensemble import ModelSpec
from course_lib.lab.remember import remembered
from course_lib.lab.smoothing import hidden, logits

STUDENT = ModelSpec((64, 16, 10))
TEACHERS = (0.0, 0.1)  # ε
SOURCES = ("plain teacher", "smoothed teacher", "labels")
TEMPERATURE, BATCH, STEPS = 4.0, 50, 1500


@dataclass
class Distillation:
    """Shares of the test rows that are wrong. teacher [seeds, 2]: ε as in TEACHERS. student: rows seen → [seeds, 3]."""

    teacher: torch.Tensor
    student: dict


def train_students(x: list, targets: list, seeds: tuple, steps: int = STEPS, temperature: float = TEMPERATURE) -> list:
    """Parameters [models, …] of one student per entry of `targets` [rows, 10], trained on `x` [rows, 64] (one each).

    `seeds`: of each student's initial weights and batches. Loss: cross entropy of softmax(z/τ) against the target.
    """
    start = [STUDENT.initial(seed) for seed in seeds]
    parameters = [torch.stack(parts) for parts in zip(*start)]
    states = [{} for _ in parameters]
    x, q = torch.stack(x), torch.stack(targets).float()
    for rows in _batches(x.shape[1], seeds, steps):
        batch, target = (part.gather(1, rows.unsqueeze(2).expand(-1, -1, part.shape[2])) for part in (x, q))
        for p, g, state in zip(parameters, _gradients(parameters, batch, target, temperature), states):
            adamw_update(p, g, state, lr=2e-3, weight_decay=0.0)
    return parameters


def _batches(rows: int, seeds: tuple, steps: int) -> Iterator[torch.Tensor]:
    """Row numbers [models, BATCH] per step, in shuffled epochs; equal seeds, equal batches."""
    per_epoch = rows // BATCH
    shuffles = {seed: torch.Generator().manual_seed(seed) for seed in seeds}
    for step in range(steps):
        if step % per_epoch == 0:
            orders = {seed: torch.randperm(rows, generator=generator) for seed, generator in shuffles.items()}
        at = step % per_epoch * BATCH
        yield torch.stack([orders[seed][at : at + BATCH] for seed in seeds])


def _gradients(parameters: list, x: torch.Tensor, q: torch.Tensor, temperature: float) -> list:
    """Of each student's mean loss, times τ² as in Hinton et al.; δ = τ·(softmax(z/τ) − q)/B."""
    h = hidden(parameters, x)
    z = h @ parameters[2].mT + parameters[3].unsqueeze(1)
    delta = temperature * ((z / temperature).softmax(2) - q) / x.shape[1]
    back = (delta @ parameters[2]) * (h > 0)
    return [back.mT @ x, back.sum(1), delta.mT @ h, delta.sum(1)]


@remembered
def distill(seeds=tuple(range(12)), rows_seen=(200, 1000), steps=STEPS, teacher_steps=penultimate.STEPS) -> Iterator:
    """Train the teachers (those of `penultimate`, once a session) and their students; yields one `Distillation`."""
    *_, (networks, _) = penultimate.train_networks(seeds, teacher_steps)
    places = [penultimate.EPSILONS.index(epsilon) for epsilon in TEACHERS]
    teachers = [[p[places] for p in networks[seed]] for seed in seeds]
    splits = [penultimate.data(seed) for seed in seeds]
    found = {}
    for n in rows_seen:
        x, targets = [], []
        for teacher, split in zip(teachers, splits):
            soft = (logits(teacher, split.train_x[:n]) / TEMPERATURE).softmax(2)
            targets += [*soft, one_hot(split.train_y[:n], 10)]
            x += [split.train_x[:n]] * len(SOURCES)
        repeated = tuple(seed for seed in seeds for _ in SOURCES)
        students = train_students(x, targets, repeated, steps)
        by_seed = zip(*(p.unflatten(0, (len(seeds), len(SOURCES))) for p in students))
        found[n] = torch.stack([errors(student, split) for student, split in zip(by_seed, splits)])
    yield Distillation(torch.stack([errors(t, split) for t, split in zip(teachers, splits)]), found)


def errors(parameters: list, split) -> torch.Tensor:
    """Share of the test rows that each of the networks gets wrong."""
    return (logits(parameters, split.test_x).argmax(2) != split.test_y).double().mean(1)

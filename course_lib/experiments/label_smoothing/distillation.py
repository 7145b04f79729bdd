"""Does a student learn less from a teacher trained with label smoothing? Distillation on digits.

A teacher 64-128-10 has seen 1000 labelled digits. A student 64-16-10 gets some of those rows,
without their labels: its targets are what the teacher says there, softmax(z/τ), and it is trained
to say the same at the same temperature τ. A third kind of student gets the labels themselves (τ =
1). All students of a seed share initial weights and batches. Sources: Hinton, Vinyals & Dean 2015
(distillation); Müller, Kornblith & Hinton, NeurIPS 2019 (smoothed teachers).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.adamw import adamw_update
from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import ModelSpec
from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing import penultimate
from course_lib.experiments.shared.forward import forward

STUDENT = ModelSpec((64, 16, 10))
TEACHERS = (0.0, 0.1)  # ε
SHOWN = (
    (200, (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),
    (1000, (4.0,)),
)  # rows that a student sees, and temperatures
BATCH, STEPS = 50, 1500


@dataclass
class Distillation:
    """Shares of rows that are wrong, and what the students were shown.

    The 2 of [seeds, 2] are the teachers, with ε as in TEACHERS. On test rows: teacher [seeds, 2],
    student (rows, τ) → [seeds, 2], labels rows → [seeds]. validation: like student, on 200
    validation rows. entropy τ → [seeds, 2]: of the targets softmax(z/τ), mean over 200 rows, in
    nats.
    """

    teacher: Tensor
    student: dict[tuple[int, float], Tensor]
    validation: dict[tuple[int, float], Tensor]
    labels: dict[int, Tensor]
    entropy: dict[float, Tensor]

    def at_chosen_temperature(self, rows: int) -> Tensor:
        """Test errors [seeds, 2] of students at the τ with the fewest validation errors."""
        keys = [key for key in self.student if key[0] == rows]
        best = torch.stack([self.validation[key] for key in keys]).argmin(0, keepdim=True)
        return torch.stack([self.student[key] for key in keys]).gather(0, best).squeeze(0)


def train_students(
    x: Sequence[Tensor],
    targets: Sequence[Tensor],
    temperatures: Sequence[float],
    seeds: tuple[int, ...],
    steps: int = STEPS,
) -> list[Tensor]:
    """Parameters [models, …] of one student for each of `targets` [rows, 10], trained on its own x.

    `x`: [rows, 64], one for each student too. `temperatures`, `seeds`: τ of each student, and of
    which its initial weights and batches are. Loss: cross entropy of softmax(z/τ) against the
    target, times τ² as in Hinton et al.
    """
    start = [STUDENT.initial(seed) for seed in seeds]
    parameters = [torch.stack(parts) for parts in zip(*start)]
    states: list[dict] = [{} for _ in parameters]
    tau = torch.tensor(temperatures).view(-1, 1, 1)
    inputs, q = torch.stack(tuple(x)), torch.stack(tuple(targets)).float()
    for rows in _batches(inputs.shape[1], seeds, steps):
        batch, target = (
            part.gather(1, rows.unsqueeze(2).expand(-1, -1, part.shape[2])) for part in (inputs, q)
        )
        for p, g, state in zip(parameters, _gradients(parameters, batch, target, tau), states):
            adamw_update(p, g, state, lr=2e-3, weight_decay=0.0)
    return parameters


def _batches(rows: int, seeds: tuple[int, ...], steps: int) -> Iterator[Tensor]:
    """Row numbers [models, BATCH] per step, in shuffled epochs; equal seeds, equal batches."""
    per_epoch = rows // BATCH
    shuffles = {seed: seeded(seed) for seed in seeds}
    for step in range(steps):
        if step % per_epoch == 0:
            orders = {
                seed: torch.randperm(rows, generator=generator)
                for seed, generator in shuffles.items()
            }
        at = step % per_epoch * BATCH
        yield torch.stack([orders[seed][at : at + BATCH] for seed in seeds])


def _gradients(parameters: list[Tensor], x: Tensor, q: Tensor, tau: Tensor) -> list[Tensor]:
    """Of each student's mean loss, times τ² [models, 1, 1]; δ = τ·(softmax(z/τ) − q)/B."""
    h = forward(parameters, x, layers=1)
    z = forward(parameters[2:], h)
    delta = tau * ((z / tau).softmax(2) - q) / x.shape[1]
    back = (delta @ parameters[2]) * (h > 0)
    return [back.mT @ x, back.sum(1), delta.mT @ h, delta.sum(1)]


@remembered
def distill(
    seeds: tuple[int, ...] = penultimate.SEEDS,
    shown: tuple[tuple[int, tuple[float, ...]], ...] = SHOWN,
    steps: int = STEPS,
    teacher_steps: int = penultimate.STEPS,
) -> Iterator[Distillation]:
    """Train the teachers and their students; yields one `Distillation`.

    The teachers are those of `penultimate`, trained once a session. shown: as SHOWN.
    """
    *_, (networks, _) = penultimate.train_networks(seeds, teacher_steps)
    places = [penultimate.EPSILONS.index(epsilon) for epsilon in TEACHERS]
    teachers = [[p[places] for p in networks[seed]] for seed in seeds]
    splits = [penultimate.data(seed) for seed in seeds]
    found = Distillation(errors(teachers, splits, "test"), {}, {}, {}, {})
    for rows, temperatures in shown:
        said = [forward(teacher, split.train_x[:rows]) for teacher, split in zip(teachers, splits)]
        soft = {tau: torch.stack([(z / tau).softmax(2) for z in said]) for tau in temperatures}
        students = _teach(soft, splits, seeds, rows, steps)
        test, validation = (errors(students, splits, part) for part in ("test", "validation"))
        for k, tau in enumerate(temperatures):
            own = slice(2 * k, 2 * k + 2)
            found.student[rows, tau], found.validation[rows, tau] = test[:, own], validation[:, own]
            found.entropy.setdefault(tau, -torch.xlogy(soft[tau], soft[tau]).sum(3).mean(2))
        found.labels[rows] = test[:, -1]
    yield found


def _teach(
    soft: dict[float, Tensor], splits: list[Split], seeds: tuple[int, ...], rows: int, steps: int
) -> list[tuple[Tensor, ...]]:
    """Per seed, parameters of its students: of both teachers at each τ, and of labels.

    soft: τ → targets [seeds, 2, rows, 10].
    """
    hard = [one_hot(split.train_y[:rows], 10).unsqueeze(0) for split in splits]
    targets = [
        torch.cat([*(q[place] for q in soft.values()), hot]) for place, hot in enumerate(hard)
    ]
    each = len(targets[0])
    students = train_students(
        [split.train_x[:rows] for split in splits for _ in range(each)],
        [q for own in targets for q in own],
        [*(tau for tau in soft for _ in TEACHERS), 1.0] * len(seeds),
        tuple(seed for seed in seeds for _ in range(each)),
        steps,
    )
    return list(zip(*(p.unflatten(0, (len(seeds), each)) for p in students)))


def errors(networks: Sequence[Sequence[Tensor]], splits: Sequence[Split], part: str) -> Tensor:
    """Share of the rows that each network of each seed gets wrong, [seeds, models].

    networks: per seed, parameters [models, …]. part: "test" or "validation".
    """
    wrong = []
    for parameters, split in zip(networks, splits):
        x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
        wrong.append((forward(parameters, x).argmax(2) != y).double().mean(1))
    return torch.stack(wrong)

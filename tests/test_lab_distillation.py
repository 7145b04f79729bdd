"""Students against autograd, and what they are shown."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.lab import distillation as lab


def test_gradients_are_those_of_the_tempered_cross_entropy_times_tau_squared():
    generator = torch.Generator().manual_seed(0)
    parameters = [torch.stack([p, 2 * p]).double() for p in lab.STUDENT.initial(0)]
    x = torch.randn(2, 7, 64, generator=generator, dtype=torch.float64)
    q = torch.randn(2, 7, 10, generator=generator, dtype=torch.float64).softmax(2)
    for model in range(2):
        leaves = [p[model].clone().requires_grad_() for p in parameters]
        z = torch.relu(x[model] @ leaves[0].T + leaves[1]) @ leaves[2].T + leaves[3]
        wanted = torch.autograd.grad(16 * cross_entropy(z / 4, q[model]), leaves)
        for got, want in zip(lab._gradients(parameters, x, q, 4.0), wanted, strict=True):
            torch.testing.assert_close(got[model], want)


def test_students_of_a_seed_share_rows_start_and_batches():
    rows = torch.rand(100, 64, generator=torch.Generator().manual_seed(1))
    q = torch.eye(10)[torch.arange(100) % 10]
    first, twin, other = zip(*lab.train_students([rows] * 3, [q, q, q.roll(1, 1)], (5, 5, 5), steps=20))
    assert all(torch.equal(a, b) for a, b in zip(first, twin))
    assert not torch.equal(first[0], other[0])
    (alone,) = zip(*lab.train_students([rows], [q], (5,), steps=20))
    for a, b in zip(first, alone):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_batches_are_shuffled_epochs():
    batches = list(lab._batches(200, (0, 1, 0), 8))
    epoch = torch.cat(batches[:4], 1)
    assert (epoch.sort(1).values == torch.arange(200)).all()
    assert torch.equal(epoch[0], epoch[2]) and not torch.equal(epoch[0], epoch[1])
    assert not torch.equal(epoch, torch.cat(batches[4:], 1))


def test_a_short_distillation():
    *_, found = lab.distill(seeds=(0, 1), rows_seen=(100, 200), steps=60, teacher_steps=150)
    assert found.teacher.shape == (2, 2) and set(found.student) == {100, 200}
    assert all(errors.shape == (2, 3) for errors in found.student.values())
    assert (found.student[200] < 0.6).all() and (found.teacher < 0.2).all(), "all have learned something"
    assert found.student[200][0, 0].item() * 597 == pytest.approx(round(found.student[200][0, 0].item() * 597))

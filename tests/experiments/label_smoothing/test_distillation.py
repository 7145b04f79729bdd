"""Students against autograd, and what they are shown."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.experiments.label_smoothing import distillation as lab
from course_lib.experiments.label_smoothing import penultimate
from course_lib.experiments.shared.forward import forward


def test_gradients_are_those_of_the_tempered_cross_entropy_times_tau_squared():
    generator = torch.Generator().manual_seed(0)
    parameters = [torch.stack([p, 2 * p]).double() for p in lab.STUDENT.initial(0)]
    x = torch.randn(2, 7, 64, generator=generator, dtype=torch.float64)
    q = torch.randn(2, 7, 10, generator=generator, dtype=torch.float64).softmax(2)
    tau = torch.tensor([4.0, 1.5], dtype=torch.float64).view(2, 1, 1)
    for model, t in enumerate((4.0, 1.5)):
        leaves = [p[model].clone().requires_grad_() for p in parameters]
        z = torch.relu(x[model] @ leaves[0].T + leaves[1]) @ leaves[2].T + leaves[3]
        wanted = torch.autograd.grad(t**2 * cross_entropy(z / t, q[model]), leaves)
        for got, want in zip(lab._gradients(parameters, x, q, tau), wanted, strict=True):
            torch.testing.assert_close(got[model], want)


def test_students_of_a_seed_share_rows_start_and_batches():
    rows = torch.rand(100, 64, generator=torch.Generator().manual_seed(1))
    q = torch.eye(10)[torch.arange(100) % 10]
    first, twin, other = zip(
        *lab.train_students([rows] * 3, [q, q, q.roll(1, 1)], [4.0] * 3, (5, 5, 5), steps=20)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, twin))
    assert not torch.equal(first[0], other[0])
    (alone,) = zip(*lab.train_students([rows], [q], [4.0], (5,), steps=20))
    for a, b in zip(first, alone):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_batches_are_shuffled_epochs():
    batches = list(lab._batches(200, (0, 1, 0), 8))
    epoch = torch.cat(batches[:4], 1)
    assert (epoch.sort(1).values == torch.arange(200)).all()
    assert torch.equal(epoch[0], epoch[2]) and not torch.equal(epoch[0], epoch[1])
    assert not torch.equal(epoch, torch.cat(batches[4:], 1))


def test_a_short_distillation():
    *_, found = lab.distill(
        (0, 1), shown=((100, (1.0, 4.0)), (200, (4.0,))), steps=60, teacher_steps=150
    )
    assert found.teacher.shape == (2, 2) and set(found.student) == {
        (100, 1.0),
        (100, 4.0),
        (200, 4.0),
    }
    assert all(wrong.shape == (2, 2) for wrong in found.student.values()) and set(found.labels) == {
        100,
        200,
    }
    assert (found.student[200, 4.0] < 0.6).all() and (found.teacher < 0.2).all(), (
        "all have learned something"
    )
    wrong = found.student[200, 4.0][0, 0].item() * 597
    assert wrong == pytest.approx(round(wrong))
    assert (found.entropy[4.0] > found.entropy[1.0]).all() and (
        found.entropy[4.0] < torch.tensor(10.0).log()
    ).all()


def test_students_are_shown_what_their_own_teacher_says():
    """Each of the five students of the second seed, trained alone."""
    *_, found = lab.distill((0, 1), shown=((100, (1.0, 4.0)),), steps=40, teacher_steps=50)
    *_, (networks, _) = penultimate.train_networks((0, 1), 50)
    split, parameters = penultimate.data(1), [p[[0, 2]] for p in networks[1]]
    x = split.train_x[:100]
    for teacher, tau in ((0, 1.0), (1, 1.0), (0, 4.0), (1, 4.0), (None, 1.0)):
        z = forward(parameters, x)
        q = torch.eye(10)[split.train_y[:100]] if teacher is None else (z[teacher] / tau).softmax(1)
        alone = lab.train_students([x], [q], [tau], (1,), steps=40)
        wrong = lab.errors([alone], [split], "test").item()
        got = found.labels[100][1] if teacher is None else found.student[100, tau][1, teacher]
        assert wrong == pytest.approx(got.item(), abs=0.01)


def test_the_temperature_is_chosen_on_validation_rows():
    other = {(8, 1.0): torch.zeros(1, 2)}
    student = {(9, 1.0): torch.tensor([[0.3, 0.1]]), (9, 4.0): torch.tensor([[0.2, 0.4]])} | other
    validation = {
        (9, 1.0): torch.tensor([[0.1, 0.5]]),
        (9, 4.0): torch.tensor([[0.2, 0.4]]),
    } | other
    found = lab.Distillation(torch.zeros(1, 2), student, validation, {}, {})
    torch.testing.assert_close(found.at_chosen_temperature(9), torch.tensor([[0.3, 0.4]]))

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm
from course_lib.data import digits
from course_lib.dropout import dropout
from course_lib.engine import ModelSpec
from course_lib.experiments.batchnorm import ghost


def test_parts_are_normalised_one_by_one_and_remembered_on_average():
    z = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(0))
    memory = [torch.zeros(()), torch.ones(())]
    came = ghost._normalised(z, 4, memory, training=True)
    for seed in range(2):
        for rows in (slice(0, 4), slice(4, 8)):
            expected = batch_norm(z[seed, rows], training=True, dim=0)
            assert torch.allclose(came[seed, rows], expected, atol=1e-6)
    parts = z.unflatten(1, (2, 4))
    assert torch.allclose(memory[0][:, 0], 0.1 * parts.mean(2).mean(1))
    assert torch.allclose(memory[1][:, 0], 0.9 + 0.1 * parts.var(2).mean(1))
    kept = [one.clone() for one in memory]
    ghost._normalised(z, 4, memory, training=False)
    assert all(map(torch.equal, kept, memory))


def _by_torch(lr, outputs, count=ghost.ROWS):
    """Data, and a network that torch has trained on it for 20 steps: one start, one order.

    outputs: (model, x, rows) → logits of these rows. count: of training rows.
    """
    data, order = digits(count, label_noise=0.2, seed=3), seeded(3, "batches")
    model = torch.nn.Sequential(
        *(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64), torch.nn.ReLU()),
        *(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64), torch.nn.ReLU()),
        torch.nn.Linear(64, 10),
    )
    start = iter(ModelSpec((64, 64, 64, 10)).initial(3))
    with torch.no_grad():
        for linear in model[::3]:
            linear.weight.copy_(next(start))
            linear.bias.copy_(next(start))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(20 * ghost.BATCH // count):
        for rows in torch.randperm(count, generator=order).split(ghost.BATCH):
            loss = cross_entropy(outputs(model, data.train_x, rows), data.train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    return data, model, (model(data.test_x).argmax(1) != data.test_y).float().mean().item()


def test_a_stack_of_one_trains_as_torchs_modules_do():
    """The arm of one part: the same start, batches and rate, layer by layer in torch."""
    data, model, wrong = _by_torch(0.03, lambda model, x, rows: model(x[rows]))
    said = model(data.train_x).argmax(1) == data.train_y
    error, given, learnt = ghost._train(64, 0.03, (3,), 20, "test")
    assert error[0, -1].item() == pytest.approx(wrong, abs=0.003)
    assert given[0, -1].item() == pytest.approx(said.float().mean().item(), abs=0.01)
    noisy = data.train_y != data.clean_train_y
    assert noisy.sum() == 64
    assert learnt[0, -1].item() == pytest.approx(said[noisy].float().mean().item(), abs=0.04)


def test_without_noise_all_rows_go_through_the_norm_and_the_batch_through_the_loss():
    _, _, wrong = _by_torch(ghost.COMMON, lambda model, x, rows: model(x)[rows])
    *_, found = ghost.compare_without_noise((3,), 20)
    assert found.at_end(ghost.ALL, ghost.COMMON).item() == pytest.approx(wrong, abs=0.001)


def test_with_more_rows_only_the_rows_are_others():
    data, _, wrong = _by_torch(ghost.COMMON, lambda model, x, rows: model(x[rows]), ghost.MANY)
    *_, found = ghost.compare_more_rows((3,), 20)
    assert found.steps == (20,) and len(data.train_x) == 2 * ghost.ROWS
    assert found.at_end(ghost.MORE, ghost.COMMON).item() == pytest.approx(wrong, abs=0.003)


def test_dropout_drops_behind_the_last_norm_in_training_alone():
    masks = seeded(3, "dropout masks")

    def outputs(model, x, rows):
        return model[-1](dropout(model[:-1](x[rows]), ghost.DROP, generator=masks))

    _, _, wrong = _by_torch(ghost.COMMON, outputs)
    *_, found = ghost.compare_dropout((3,), 20)
    assert found.at_end(ghost.DROPPED, ghost.COMMON).item() == pytest.approx(wrong, abs=0.001)


def test_arms_of_two_runs_stand_beside_each_other():
    shares = {("a", 1.0): torch.zeros(1, 2)}
    one, two = (ghost.Ghost((20, 40), *[{(arm, 1.0): torch.zeros(1, 2)}] * 3) for arm in "ab")
    both = one.beside(two)
    assert both.steps == one.steps and {*both.wrong} == {("a", 1.0), ("b", 1.0)}
    assert {*one.error} == {*shares}  # and neither has changed


def test_the_error_at_a_share_is_that_of_the_first_time_in_proportion():
    shares = torch.tensor([[0.1, 0.2, 0.6, 0.4, 0.7], [0.1, 0.2, 0.3, 0.4, 0.4]])
    errors = torch.tensor([[0.9, 0.1, 0.2, 0.3, 0.4]]).expand(2, -1)
    found = ghost.Ghost((20, 40, 60, 80, 100), {("a", 1.0): errors}, {}, {("a", 1.0): shares})
    half = found.at_share("a", 1.0, 0.5)
    assert half[0].item() == pytest.approx(0.1 + 0.75 * 0.1) and half[1].isnan()
    assert found.at_share("a", 1.0, 0.4)[1].item() == pytest.approx(0.3)
    assert found.steps_to("a", 1.0, 0.5)[0].item() == pytest.approx(55)
    assert found.at_share("a", 1.0, 0.05)[0].item() == pytest.approx(0.9)


def test_arms_come_one_by_one():
    *parts, found = ghost.compare_ghost_batches(seeds=(0, 1), steps=40, rates=(0.03, 0.1))
    assert len(parts) == 5
    assert {*found.error} == {(arm, lr) for arm in ghost.ARMS for lr in (0.03, 0.1)}
    assert found.at_best("no norm", 0.1).shape == (2,) and found.steps == (20, 40)


def test_the_rates_are_those_that_pilots_choose(amount):
    found = ghost.choose_rates(amount(20, 800))
    assert set(found.values()) <= set(ghost.RATES)
    assert amount(ghost.CHOSEN, found) == ghost.CHOSEN

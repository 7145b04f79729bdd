"""What is averaged, against modules and by hand."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.experiments.dropout import averages, curves

STOPS = 10, 20, 40


@pytest.fixture(scope="module")
def both():
    return averages.compute_averages(0.5, 20, seeds=(1, 2), stops=STOPS)


@pytest.fixture(scope="module")
def found(both):
    return both[0]


def test_every_answer_has_a_figure_for_each_seed(found):
    for figures in (found.error, found.loss):
        assert tuple(figures) == averages.ANSWERS
        assert all(figure.shape == (2,) and (figure > 0).all() for figure in figures.values())
    assert all((figure < 1).all() for figure in found.error.values())


def test_the_end_is_the_last_stop_and_each_answer_is_stopped_at_its_own_best(both):
    end, best = both
    assert set(end.steps.values()) == {40}
    assert [best.steps[name] for name in averages.ANSWERS[:3]] == [20, 20, 20]
    for name in averages.ANSWERS[3:]:
        assert best.steps[name] in STOPS
        assert best.error[name].mean() <= end.error[name].mean()


def test_plain_networks_stopped_sooner_are_those_of_a_shorter_run(both):
    short, _ = averages.compute_averages(0.5, 10, seeds=(1, 2), stops=(10,))
    longer = averages._plain((1, 2), STOPS)
    for k, name in enumerate(averages.ANSWERS[3:]):
        assert torch.allclose(short.error[name], longer[:, k, 0, 0], atol=1e-6)


def test_evaluation_is_what_the_curves_say(found):
    *_, known = curves.compute_curves(seeds=(1, 2), ps=(0.5,), steps=40)
    whole = "evaluation: the whole one"
    assert torch.allclose(found.error[whole], known.test_error[:, 0, -1], atol=1e-6)
    assert torch.allclose(found.loss[whole], known.test_loss[:, 0, -1], rtol=1e-4)


def test_the_loss_of_an_average_is_never_above_the_average_loss(found):
    for one, mean in (
        ("one thinned network", "mean of 200 thinned ones"),
        ("one plain network", "mean of 5 plain ones"),
    ):
        assert (found.loss[mean] <= found.loss[one]).all()


def test_a_mask_is_one_thinned_network_for_all_rows():
    generator = torch.Generator().manual_seed(0)
    first, second = nn.Linear(4, 3), nn.Linear(3, 2)
    x, y = torch.randn(5, 4, generator=generator), torch.tensor([0, 1, 1, 0, 1])
    network = [part.detach() for part in (*first.parameters(), *second.parameters())]
    masks = torch.tensor([[2.0, 0, 2], [1, 1, 1]])
    said = averages.log_probabilities(network, x, masks)
    with torch.no_grad():
        z = second(first(x).relu() * masks[0])
    assert said.shape == (2, 5, 2)
    assert torch.allclose(said[0], z.log_softmax(-1), atol=1e-6)
    assert torch.allclose(averages.averaged(said).exp(), said.exp().mean(0), atol=1e-6)
    loss = -averages.averaged(said)[torch.arange(5), y].mean()
    assert loss <= (cross_entropy(said[0], y) + cross_entropy(said[1], y)) / 2


def test_members_share_the_rows_and_differ_in_their_start():
    members = averages._members((1,), (1,))
    assert [*members] == [(averages.APART + k, 1) for k in range(averages.MEMBERS)]
    first, *others = (network[0] for network in members.values())
    assert not any(torch.equal(first, other) for other in others)


def test_the_table_has_a_line_for_each_answer(found):
    lines = averages.table(found, found).splitlines()
    assert len(lines) == 2 + len(averages.ANSWERS)
    assert lines[-1].count(f"{found.error['mean of 5 plain ones'].mean():.1%}") == 2

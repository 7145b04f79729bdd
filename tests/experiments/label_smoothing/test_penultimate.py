"""Scatter and templates on made-up features, and on networks trained for a few steps."""

import pytest
import torch

from course_lib.experiments.label_smoothing import penultimate as lab
from course_lib.experiments.shared.forward import forward


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_scatter_by_hand():
    """Two classes on a line: members 1 away from means at 0 and 4; within 4, between 4·4 = 16."""
    features = torch.tensor([[-1.0], [1.0], [3.0], [5.0]])
    assert lab.scatter(features, torch.tensor([0, 0, 1, 1])) == pytest.approx(4 / 16)


def test_scatter_knows_no_scale_no_shift_and_no_rotation():
    labels = torch.arange(30) % 3
    features = normal(30, 5) + 2 * torch.nn.functional.one_hot(labels, 5)
    turn = torch.linalg.qr(normal(5, 5, seed=1)).Q
    assert lab.scatter(7 * features @ turn + 3, labels) == pytest.approx(
        lab.scatter(features, labels)
    )


def test_within_and_between_are_all_there_is():
    labels = torch.arange(40) % 4
    features = normal(40, 6)
    total = (features - features.mean(0)).square().sum().item()
    ratio = lab.scatter(features, labels)
    between = sum(
        10 * (features[labels == k].mean(0) - features.mean(0)).square().sum().item()
        for k in range(4)
    )
    assert between * (1 + ratio) == pytest.approx(total)


def test_what_lies_off_the_template_plane_changes_no_probability():
    templates, features = normal(10, 128), normal(5, 128, seed=1)
    basis = lab.template_basis(templates)
    torch.testing.assert_close(basis @ basis.T, torch.eye(9, dtype=torch.float64))
    seen = features @ basis.T @ basis
    torch.testing.assert_close((seen @ templates.T).softmax(1), (features @ templates.T).softmax(1))
    # not independent: the span is smaller, the basis still covers it
    templates[-1] = templates[:-1].mean(0)
    seen = features @ lab.template_basis(templates).T @ lab.template_basis(templates)
    torch.testing.assert_close((seen @ templates.T).softmax(1), (features @ templates.T).softmax(1))


def test_the_plane_goes_through_all_three_templates():
    templates = normal(3, 20)
    plane = lab.plane_of_three(templates)
    torch.testing.assert_close(plane @ plane.T, torch.eye(2, dtype=torch.float64))
    (ax, ay), (bx, by), (_, cy) = (templates @ plane.T).tolist()
    assert by == pytest.approx(ay) and bx > ax and cy > ay, "always the same way up"
    torch.testing.assert_close(
        torch.cdist(templates @ plane.T, templates @ plane.T), torch.cdist(templates, templates)
    )


def test_clusters_of_short_trainings():
    *partial, complete = lab.compare_clusters(seeds=(0, 1, 2), steps=40)
    assert complete.scatter.shape == (3, 2, 2, len(lab.EPSILONS)) and complete.progress == 1
    assert all(len(earlier.scatter) <= 3 for earlier in partial)
    *_, (networks, _) = lab.train_networks((0, 1, 2), 40)
    parameters = [p[2].double() for p in networks[1]]
    split = lab.data(1)
    h = torch.relu(split.test_x.double() @ parameters[0].T + parameters[1])
    z = forward(parameters, split.test_x.double())
    torch.testing.assert_close(h @ parameters[2].T + parameters[3], z)
    assert complete.scatter[1, 1, 1, 2].item() == pytest.approx(lab.scatter(h, split.test_y))
    plane = h @ lab.template_basis(parameters[2]).T
    assert complete.scatter[1, 0, 1, 2].item() == pytest.approx(lab.scatter(plane, split.test_y))
    assert [tuple(part.shape) for part in complete.features] == [(4, 1000, 128), (4, 597, 128)]

"""What does label smoothing do to the features before the last layer? Clusters, seen in two spaces.

The last layer's row w_k is the template of class k: logit k is w_k·h + b_k. What the softmax can
see of the features h is their part in the span of the centred templates (at most K − 1 dimensions);
the rest of h changes no prediction. Source: Müller, Kornblith & Hinton, "When Does Label Smoothing
Help?", NeurIPS 2019: the plane of three templates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from course_lib.data import Split, digits
from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing.smoothing import hidden, train_smoothed

EPSILONS = (0.0, 0.05, 0.1, 0.2)
SPACES = ("span of the templates", "all features")
PARTS = ("training", "test")
ROWS, STEPS = 1000, 1500
SEEDS = tuple(range(40, 52))  # settings and questions come from other seeds


@dataclass
class Clusters:
    """scatter [seeds, spaces, parts, epsilons]: within-class over between-class scatter; seeds that
    have finished.

    features, labels: of the first seed, part by part: [epsilons, rows, units] and [rows]; templates
    [epsilons, 10, units]. None until that seed has finished.
    """

    epsilons: tuple
    scatter: torch.Tensor
    features: tuple | None
    labels: tuple | None
    templates: torch.Tensor | None
    progress: float


def data(seed: int) -> Split:
    """1000 training rows with right labels; the rows not asked for are the test set."""
    return digits(ROWS, 200, scale="unit", seed=seed)


@remembered
def train_networks(seeds=SEEDS, steps=STEPS) -> Iterator[tuple[dict, float]]:
    """64-128-10 networks trained at every ε and seed: (seed → parameters [epsilons, …],
    progress).
    """
    for networks, progress in train_smoothed(data, EPSILONS, seeds, steps):
        yield dict(networks), progress


def template_basis(templates: torch.Tensor) -> torch.Tensor:
    """An orthonormal basis [K − 1, units] of the span of the centred `templates` [K, units]."""
    centred = templates - templates.mean(0)  # a part that all logits share changes no probability
    return torch.linalg.svd(centred, full_matrices=False).Vh[:-1]


def scatter(features: torch.Tensor, labels: torch.Tensor) -> float:
    """Within-class over between-class scatter of features [rows, units]: Σ‖h − m_k‖² / Σ n_k‖m_k −
    m‖².

    m_k: mean of class k, n_k its rows, m: mean of all. Small: tight clusters far apart. No unit, no
    scale.
    """
    within = between = 0.0
    for k in labels.unique():
        members = features[labels == k]
        within += (members - members.mean(0)).square().sum()
        between += len(members) * (members.mean(0) - features.mean(0)).square().sum()
    return (within / between).item()


def plane_of_three(templates: torch.Tensor) -> torch.Tensor:
    """Orthonormal rows [2, units] that span the plane through three `templates` [3, units]: from
    the first to the second, and at right angles to that towards the third."""
    q, r = torch.linalg.qr((templates[1:] - templates[0]).T)
    return (q * r.diagonal().sign()).T


@remembered
def compare_clusters(seeds=SEEDS, steps=STEPS) -> Iterator[Clusters]:
    """Scatter at every ε and seed; yields `Clusters` that grow seed by seed."""
    found, first = {}, (None, None, None)
    for networks, progress in train_networks(seeds, steps):
        for seed in networks.keys() - found.keys():
            parameters = [p.double() for p in networks[seed]]
            features, labels = _features(parameters, data(seed))
            found[seed] = _scatters(features, labels, parameters[2])
            if seed == seeds[0]:
                first = features, labels, parameters[2]
        rows = [found[seed] for seed in sorted(found)]
        measured = (
            torch.stack(rows) if rows else torch.empty(0, len(SPACES), len(PARTS), len(EPSILONS))
        )
        yield Clusters(EPSILONS, measured, *first, progress)


def _features(parameters: list, split: Split) -> tuple:
    parts = (split.train_x, split.test_x)
    return tuple(hidden(parameters, x.double()) for x in parts), (split.train_y, split.test_y)


def _scatters(features: tuple, labels: tuple, templates: torch.Tensor) -> torch.Tensor:
    """[spaces, parts, epsilons] of one seed."""
    bases = [template_basis(w) for w in templates]
    seen = [
        [
            [scatter(h @ basis.T, y) for h, basis in zip(part, bases)]
            for part, y in zip(features, labels)
        ],
        [[scatter(h, y) for h in part] for part, y in zip(features, labels)],
    ]
    return torch.tensor(seen, dtype=torch.float64)

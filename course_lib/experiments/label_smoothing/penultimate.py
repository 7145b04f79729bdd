"""What does label smoothing do to the features before the last layer? Clusters, in two spaces.

The last layer's row w_k is the template of class k: logit k is w_k·h + b_k. What the softmax can
see of the features h is their part in the span of the centred templates (at most K − 1 dimensions);
the rest of h changes no prediction. Source: Müller, Kornblith & Hinton, "When Does Label Smoothing
Help?", NeurIPS 2019: the plane of three templates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import Split, digits
from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing.smoothing import train_smoothed
from course_lib.experiments.shared.forward import forward

EPSILONS = (0.0, 0.05, 0.1, 0.2)
SPACES = ("span of the templates", "all features")
PARTS = ("training", "test")
ROWS, STEPS = 1000, 1500
SEEDS = tuple(range(40, 52))  # settings and questions come from other seeds


@dataclass
class Clusters:
    """Within-class over between-class scatter [seeds, spaces, parts, epsilons], seeds finished.

    features, labels: of the first seed, part by part: [epsilons, rows, units] and [rows]; templates
    [epsilons, 10, units]. Empty, and None, until that seed has finished.
    """

    epsilons: tuple[float, ...]
    scatter: Tensor
    features: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    templates: Tensor | None
    progress: float

    def in_plane(self, epsilon: float, part: str, classes: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Features of three classes in the plane of their templates, [rows, 2], and labels [rows].

        Centred, and scaled so that class means lie 1 from the middle. part: one of PARTS. Raises
        `ValueError` before the first seed has finished.
        """
        if self.templates is None:
            raise ValueError("no features yet: the first seed is still training")
        at, three = self.epsilons.index(epsilon), list(classes)
        h, labels = (values[PARTS.index(part)] for values in (self.features, self.labels))
        points = h[at] @ plane_of_three(self.templates[at][three]).T
        means = torch.stack([points[labels == k].mean(0) for k in three])
        points = (points - means.mean(0)) / (means - means.mean(0)).norm(dim=1).mean()
        kept = torch.isin(labels, torch.tensor(three))
        return points[kept], labels[kept]


def data(seed: int) -> Split:
    """1000 training rows with right labels; the rows not asked for are the test set."""
    return digits(ROWS, 200, scale="unit", seed=seed)


@remembered
def train_networks(
    seeds: tuple[int, ...] = SEEDS, steps: int = STEPS
) -> Iterator[tuple[dict[int, list[Tensor]], float]]:
    """64-128-10 networks at every ε and seed: (seed → parameters [epsilons, …], progress)."""
    yield from train_smoothed(data, EPSILONS, seeds, steps)


def template_basis(templates: Tensor) -> Tensor:
    """An orthonormal basis [K − 1, units] of the span of the centred `templates` [K, units]."""
    centred = templates - templates.mean(0)  # a part that all logits share changes no probability
    return torch.linalg.svd(centred, full_matrices=False).Vh[:-1]


def scatter(features: Tensor, labels: Tensor) -> float:
    """Within-class over between-class scatter: Σ‖h − m_k‖² / Σ n_k‖m_k − m‖².

    features: h [rows, units], labels [rows]. m_k: mean of class k, n_k its rows, m: mean of all.
    Small: tight clusters far apart. No unit, no scale.
    """
    within, between = features.new_zeros(()), features.new_zeros(())
    for k in labels.unique():
        members = features[labels == k]
        within += (members - members.mean(0)).square().sum()
        between += len(members) * (members.mean(0) - features.mean(0)).square().sum()
    return (within / between).item()


def plane_of_three(templates: Tensor) -> Tensor:
    """Orthonormal rows [2, units] that span the plane through three `templates` [3, units].

    From the first to the second, and at right angles to that towards the third.
    """
    q, r = torch.linalg.qr((templates[1:] - templates[0]).T)
    return (q * r.diagonal().sign()).T


@remembered
def compare_clusters(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> Iterator[Clusters]:
    """Scatter at every ε and seed; yields `Clusters` that grow seed by seed."""
    found: dict[int, Tensor] = {}
    features: tuple[Tensor, ...] = ()
    labels: tuple[Tensor, ...] = ()
    templates = None
    for networks, progress in train_networks(seeds, steps):
        for seed in networks.keys() - found.keys():
            split, parameters = data(seed), [p.double() for p in networks[seed]]
            seen = tuple(
                forward(parameters, x.double(), layers=1) for x in (split.train_x, split.test_x)
            )
            answers = split.train_y, split.test_y
            found[seed] = _scatters(seen, answers, parameters[2])
            if seed == seeds[0]:
                features, labels, templates = seen, answers, parameters[2]
        measured = torch.empty(0, len(SPACES), len(PARTS), len(EPSILONS))
        if found:
            measured = torch.stack([found[seed] for seed in sorted(found)])
        yield Clusters(EPSILONS, measured, features, labels, templates, progress)


def _scatters(
    features: tuple[Tensor, ...], labels: tuple[Tensor, ...], templates: Tensor
) -> Tensor:
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

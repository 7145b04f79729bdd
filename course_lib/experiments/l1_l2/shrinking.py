"""What λ makes of a network: exact zeros, errors, curvature, and how it bears noisy images.

One experiment trains 64-64-10 networks on digits (300 rows, a fifth of the labels wrong) with plain
SGD under three penalties of the weights, strength by strength: L2, L1 by proximal steps, L1 by
subgradient steps.
A second looks at the networks trained with L2: the loss along a random direction in which every
unit's weights move by their own length ("filter-normalised": Li, Xu, Taylor, Studer & Goldstein,
"Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018), the largest curvature, and the
accuracy on noisy test images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, Training, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.sharpness import top_eigenvalue
from course_lib.sgd import sgd_update

METHODS = {"l2": "L2", "l1": "L1 (proximal)", "l1_subgradient": "L1 (subgradient)"}
STRENGTHS = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0)
SPEC, STEPS, RATE = ModelSpec((64, 64, 10)), 1000, 0.2
SEEDS = tuple(range(8))
# Bins of weights; the middle one holds the zeros.
BINS = torch.linspace(-0.5, 0.5, 102, dtype=torch.float64)
# How far along a direction, in lengths of each unit's weights.
ALPHAS = torch.linspace(-1, 1, 41, dtype=torch.float64)
NOISES = (0.0, 0.1, 0.2, 0.3)  # standard deviation of what is added to pixels in [0, 1]


def digits_to_shrink(seed: int) -> Split:
    """The digits of one seed: 300 training rows, a fifth of them mislabelled; clean test rows."""
    return digits(300, label_noise=0.2, scale="unit", seed=seed)


@dataclass
class Shrinking:
    """Tensors [seeds, methods, strengths, …] of the seeds that are done.

    zeros: which share of the weights is exactly 0. shares: histogram over `BINS`; what lies outside
    is not in it. Both leave out the weights of pixels that are black on all training rows: nothing
    but the penalty ever moves those. networks: seed → parameters [strengths, …] of the networks
    trained with L2.
    """

    progress: float
    train_error: Tensor
    validation_error: Tensor  # validation labels are as noisy as the training labels
    test_error: Tensor
    zeros: Tensor
    shares: Tensor
    networks: dict[int, list[Tensor]]

    def emptied_units(self, strength: float, below: float = 1e-3) -> Tensor:
        """How many hidden units L2 has emptied, [seeds]: ‖weights in‖·‖weights out‖ < `below`."""
        at = STRENGTHS.index(strength)
        prices = [
            first[at].norm(dim=1) * last[at].norm(dim=0)
            for first, _, last, _ in self.networks.values()
        ]
        return (torch.stack(prices) < below).sum(1).double()


@remembered
def compute_shrinking(seeds: Sequence[int] = SEEDS) -> Iterator[Shrinking]:
    """Train all methods at all strengths; yields a `Shrinking` that grows seed by seed."""
    strengths = {
        method: [strength * (method == m) for m in METHODS for strength in STRENGTHS]
        for method in METHODS
    }
    grid, done = {**strengths, "lr": RATE, "only_weights": True}, {}
    for training in train(
        SPEC, digits_to_shrink, grid, seeds, update=sgd_update, steps=STEPS, validate=True
    ):
        for i, seed in enumerate(seeds):
            if training.parameters[i] is not None and seed not in done:
                done[seed] = _look_at(training, i, digits_to_shrink(seed).train_x.any(0))
        yield _gather(done, training.progress)


def weights_that_count(parameters: Sequence[Tensor], lit: Tensor) -> Tensor:
    """All weights [networks, weights] but those of pixels that are black on all training rows.

    parameters: weight, bias, weight, … [networks, …]. lit [64]: whether any training row has
    something at this pixel.
    """
    first, *others = (weight.cpu() for weight in parameters[::2])
    return torch.cat([w.flatten(1) for w in (first[:, :, lit], *others)], 1)


def _look_at(training: Training, i: int, lit: Tensor) -> dict:
    """Figures [methods, strengths, …] of the i-th seed, and the networks trained with L2.

    lit: as of `weights_that_count`.
    """
    shape, parameters = (len(METHODS), len(STRENGTHS)), [p.cpu() for p in training.parameters[i]]
    weights = weights_that_count(parameters, lit)
    counts = torch.stack([each.histogram(BINS.to(each.dtype)).hist for each in weights])
    return {
        "train_error": 1 - training.train_accuracy[i, :, -1].view(shape),
        "validation_error": 1 - training.validation_accuracy[i, :, -1].view(shape),
        "test_error": 1 - training.test_accuracy[i, :, -1].view(shape),
        "zeros": (weights == 0).double().mean(1).view(shape),
        "shares": (counts / weights.shape[1]).view(*shape, -1),
        "networks": [p[: len(STRENGTHS)].double() for p in parameters],
    }


def _gather(done: dict[int, dict], progress: float) -> Shrinking:
    seeds = sorted(done)
    empty = torch.full((0, len(METHODS), len(STRENGTHS)), torch.nan)
    figures = {
        name: torch.stack([done[seed][name] for seed in seeds]) if seeds else empty
        for name in ("train_error", "validation_error", "test_error", "zeros", "shares")
    }
    return Shrinking(progress, **figures, networks={seed: done[seed]["networks"] for seed in seeds})


# The surface around the solutions


@dataclass
class Surroundings:
    """Tensors [seeds, strengths, …] of the seeds that are done, at the solutions trained with L2.

    loss: of the training rows along `ALPHAS`, without the penalty. sharpness: its Hessian's largest
    eigenvalue. accuracy: on test images with noise of each of `NOISES`.
    """

    progress: float
    loss: Tensor
    sharpness: Tensor
    accuracy: Tensor


@remembered
def compute_surroundings(seeds: Sequence[int] = SEEDS) -> Iterator[Surroundings]:
    """Look around every network that `compute_shrinking` trained with L2, seed by seed."""
    nothing = torch.full((0, len(STRENGTHS), 1), torch.nan)
    for shrinking in compute_shrinking(seeds):
        yield Surroundings(0.8 * shrinking.progress, nothing, nothing, nothing)
    found = []
    for seed, networks in shrinking.networks.items():
        found.append(_look_around(networks, seed))
        columns = (torch.stack(column) for column in zip(*found))
        yield Surroundings(0.8 + 0.2 * len(found) / len(seeds), *columns)


def _look_around(networks: list[Tensor], seed: int) -> tuple[Tensor, Tensor, Tensor]:
    split = digits_to_shrink(seed).to(torch.float64, "cpu")
    x, y = split.train_x, split.train_y
    direction = filter_normalised(networks, seeded(seed, "direction"))
    loss = torch.stack(
        [losses([p + a * d for p, d in zip(networks, direction)], x, y) for a in ALPHAS], 1
    )
    curvatures = [
        top_eigenvalue(
            lambda params: cross_entropy(forward(params, x), y),
            [p[v] for p in networks],
            iterations=100,
            tolerance=0.01,
            generator=seeded(seed, "power iteration"),
        )
        for v in range(len(STRENGTHS))
    ]
    field = torch.randn(
        split.test_x.shape, generator=seeded(seed, "input noise"), dtype=torch.float64
    )
    right = [
        forward(networks, split.test_x + noise * field).argmax(2) == split.test_y
        for noise in NOISES
    ]
    accuracy = torch.stack([r.double().mean(1) for r in right], 1)
    return loss, torch.tensor(curvatures, dtype=torch.float64), accuracy


def filter_normalised(networks: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """A random direction [strengths, …] per parameter, the same draw for all strengths.

    Each unit's row is as long as its weights; biases stay where they are, as in the paper.
    """
    direction = []
    for p in networks:
        d = torch.randn(p.shape[1:], generator=generator, dtype=p.dtype).expand_as(p)
        length = p.norm(dim=-1, keepdim=True) / d.norm(dim=-1, keepdim=True)
        direction.append(d * length if p.dim() == 3 else torch.zeros_like(p))
    return direction


def losses(networks: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Mean cross entropy [networks] of each network on rows x [rows, inputs], classes y [rows]."""
    z = forward(networks, x)
    loss = cross_entropy(z.flatten(0, 1), y.repeat(len(z)), reduction="none")
    return loss.view(len(z), -1).mean(1)

"""Whom to penalise: biases and norms or weights alone, with one λ or one for each layer.

Each is a paired comparison: same data, initial weights and batch order, one thing changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from course_lib.adamw import adamw_update
from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, Training, product, train
from course_lib.engine.cache import remembered

PLAIN, NORMED = ModelSpec((64, 64, 10)), ModelSpec((64, 64, 10), norm="batch")


def _noisy(seed: int) -> Split:
    return digits(300, label_noise=0.2, scale="unit", seed=seed)


def _clean(seed: int) -> Split:
    return digits(1000, scale="unit", seed=seed)


WORLDS = {
    "biases, 300 rows, noisy labels": (PLAIN, _noisy, (1.0, 3.0)),
    "biases and BatchNorm, 1000 rows, clean labels": (NORMED, _clean, (3.0, 10.0)),
    "biases and BatchNorm, 300 rows, noisy labels": (NORMED, _noisy, (3.0, 10.0)),
}
SEEDS = tuple(range(20, 30))  # the strengths were found with seeds below 20
# 0.03 … 30 at first, and widened once at both ends
TUNED = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
BY_LAYER = (0.1, 0.3, 1.0, 3.0, 10.0)
PAIRS = [(first, second) for first in BY_LAYER for second in BY_LAYER]
STEPS = 600


def _train(spec: ModelSpec, data: Callable[[int], Split], grid: dict, seeds: tuple) -> Training:
    """The finished training, AdamW, looked at on validation rows too."""
    *_, training = train(
        spec,
        data,
        grid,
        seeds,
        update=adamw_update,
        steps=STEPS,
        validate=True,
        keep_parameters=False,
    )
    return training


@dataclass
class Spared:
    """Tensors [seeds, strengths, 2] under AdamW: everything decays, or weight matrices alone."""

    test_error: Tensor
    train_loss: Tensor
    validation_loss: Tensor  # validation labels are as noisy as the training labels
    validation_error: Tensor

    def tuned(self, strengths: tuple[float, ...], by: str = "loss") -> tuple[Tensor, Tensor]:
        """(test errors, λ), both [seeds, 2]: each policy with the λ best on validation rows.

        by: "loss" or "error". Of rising `strengths` that are equally good the strongest is taken.
        """
        figure = {"loss": self.validation_loss, "error": self.validation_error}[by]
        from_above = figure.nan_to_num(torch.inf).flip(1).argmin(1, keepdim=True)  # NaN: diverged
        best = figure.shape[1] - 1 - from_above
        return self.test_error.gather(1, best).squeeze(1), torch.tensor(strengths)[best.squeeze(1)]


@remembered
def compute_spared(
    world: str,
    strengths: tuple[float, ...] | None = None,
    width: int = 64,
    seeds: tuple[int, ...] = SEEDS,
) -> Iterator[Spared]:
    """One of `WORLDS` at its own strengths or at these; yields one `Spared`.

    width: hidden units.
    """
    spec, data, usual = WORLDS[world]
    strengths = strengths or usual
    grid = product(weight_decay=strengths, only_weights=[False, True]) | {"lr": 2e-3}

    training = _train(replace(spec, widths=(64, width, 10)), data, grid, seeds)
    figures = (
        1 - training.test_accuracy,
        training.train_loss,
        training.validation_loss,
        1 - training.validation_accuracy,
    )
    yield Spared(*(figure[:, :, -1].view(len(seeds), len(strengths), 2) for figure in figures))


@dataclass
class ByLayer:
    """Test errors [seeds] of the λ chosen on validation data, one for both layers or for each.

    uniform, layered: the errors. strengths: what was chosen, [seeds, 2] (first layer, second
    layer), of each kind.
    """

    uniform: Tensor
    layered: Tensor
    uniform_strengths: Tensor
    layered_strengths: Tensor


@remembered
def compute_by_layer(seeds: tuple[int, ...] = tuple(range(10))) -> Iterator[ByLayer]:
    """Every pair of `BY_LAYER` for the two layers of a 64-64-10 network; yields one `ByLayer`.

    AdamW, weights alone.
    """
    grid = {"weight_decay": PAIRS, "lr": 2e-3, "only_weights": True}

    training = _train(PLAIN, _noisy, grid, seeds)
    yield choose_by_layer(training.validation_loss[:, :, -1], 1 - training.test_accuracy[:, :, -1])


def choose_by_layer(validation: Tensor, test: Tensor) -> ByLayer:
    """The `ByLayer` of validation losses and test errors [seeds, pairs].

    A pair that diverged (NaN) is never chosen.
    """
    pairs, losses = torch.tensor(PAIRS), validation.nan_to_num(torch.inf)
    same = pairs[:, 0] == pairs[:, 1]
    uniform, layered = losses.masked_fill(~same, torch.inf).argmin(1), losses.argmin(1)
    pick = torch.arange(len(test))
    return ByLayer(test[pick, uniform], test[pick, layered], pairs[uniform], pairs[layered])

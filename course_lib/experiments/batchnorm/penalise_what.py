"""Whom to penalise: biases and norms too, or weights alone? One λ for all layers, or one for each?

Each is a paired comparison: same data, initial weights and batch order, one thing changed.
"""

from dataclasses import dataclass, replace

import torch

from course_lib.adamw import adamw_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered

PLAIN, NORMED = ModelSpec((64, 64, 10)), ModelSpec((64, 64, 10), norm="batch")
NOISY, CLEAN = {"train_rows": 300, "label_noise": 0.2}, {"train_rows": 1000}
WORLDS = {
    "biases, 300 rows, noisy labels": (PLAIN, NOISY, (1.0, 3.0)),
    "biases and BatchNorm, 1000 rows, clean labels": (NORMED, CLEAN, (3.0, 10.0)),
    "biases and BatchNorm, 300 rows, noisy labels": (NORMED, NOISY, (3.0, 10.0)),
}
SEEDS = tuple(range(20, 30))  # the strengths were found with seeds below 20
TUNED = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
BY_LAYER = (0.1, 0.3, 1.0, 3.0, 10.0)
PAIRS = [(first, second) for first in BY_LAYER for second in BY_LAYER]
OPTIONS = {"update": adamw_update, "steps": 600, "validate": True, "keep_parameters": False}


@dataclass
class Spared:
    """Tensors [seeds, strengths, 2] under AdamW: everything decays, or weight matrices alone."""

    test_error: torch.Tensor
    train_loss: torch.Tensor
    validation_loss: torch.Tensor  # validation labels are as noisy as the training labels

    def tuned(self, strengths):
        """(test errors, λ), both [seeds, 2]: each policy with the λ of its own that is best on the
        validation rows.
        """
        best = self.validation_loss.nan_to_num(torch.inf).argmin(1, keepdim=True)  # NaN: diverged
        return self.test_error.gather(1, best).squeeze(1), torch.tensor(strengths)[best.squeeze(1)]


@remembered
def compute_spared(world, strengths=None, width=64, seeds=SEEDS):
    """One of `WORLDS` at its own strengths or at these, with so many hidden units; yields one
    `Spared`.
    """
    spec, rows, usual = WORLDS[world]
    strengths = strengths or usual
    grid = product(weight_decay=strengths, only_weights=[False, True]) | {"lr": 2e-3}

    def data(seed):
        return digits(**rows, scale="unit", seed=seed)

    *_, training = train(replace(spec, widths=(64, width, 10)), data, grid, seeds, **OPTIONS)
    figures = 1 - training.test_accuracy, training.train_loss, training.validation_loss
    yield Spared(*(figure[:, :, -1].view(len(seeds), len(strengths), 2) for figure in figures))


@dataclass
class ByLayer:
    """Test errors [seeds] of the λ chosen on validation data, from one λ for both layers and from
    one for each.

    uniform, layered: the errors. strengths: what was chosen, [seeds, 2] (first layer, second
    layer), of each kind.
    """

    uniform: torch.Tensor
    layered: torch.Tensor
    uniform_strengths: torch.Tensor
    layered_strengths: torch.Tensor


@remembered
def compute_by_layer(seeds=tuple(range(10))):
    """Every pair of `BY_LAYER` for the two layers of a 64-64-10 network, AdamW, weights alone;
    yields one `ByLayer`.
    """
    grid = {"weight_decay": PAIRS, "lr": 2e-3, "only_weights": True}

    def data(seed):
        return digits(**NOISY, scale="unit", seed=seed)

    *_, training = train(PLAIN, data, grid, seeds, **OPTIONS)
    yield choose_by_layer(training.validation_loss[:, :, -1], 1 - training.test_accuracy[:, :, -1])


def choose_by_layer(validation, test):
    """The `ByLayer` of validation losses and test errors [seeds, pairs]; a pair that diverged (NaN)
    is never chosen.
    """
    pairs, losses = torch.tensor(PAIRS), validation.nan_to_num(torch.inf)
    same = pairs[:, 0] == pairs[:, 1]
    uniform, layered = losses.masked_fill(~same, torch.inf).argmin(1), losses.argmin(1)
    pick = torch.arange(len(test))
    return ByLayer(test[pick, uniform], test[pick, layered], pairs[uniform], pairs[layered])

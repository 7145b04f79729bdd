"""Overfitting: when does a model memorise, and what tells you in time?

    generalization gap   error on new data − error on training data
    bias² + variance     mean of (f̂(x) − f(x))²  =  (f̄(x) − f(x))²  +  mean of (f̂(x) − f̄(x))²
    + noise              … of (f̂(x) − y)², where y = f(x) + ε is a new label, ε of variance σ²
    early stopping       keep the weights of the best validation loss; stop when it has not
                         improved for a while

f: the true function · f̂: the function fitted to one training set · f̄: the mean of f̂, as every
mean here, over training sets.

Early stopping is a regularizer. On least squares with loss ‖Xw − y‖²/2n, started at zero, each of
these lets the least-squares solution through by a filter per direction of X (d²: eigenvalue of
XᵀX/n in that direction):

    gradient flow until time t        1 − exp(−t·d²)
    gradient descent, t steps of η    1 − (1 − η·d²)ᵗ      (leaves [0, 1] once η·d² > 1)
    ridge, loss + (λ/2)‖w‖²           d² / (d² + λ)

Sources: Geman, Bienenstock & Doursat, "Neural Networks and the Bias/Variance Dilemma", 1992 ·
Prechelt, "Early Stopping – But When?", 1998 · Ali, Kolter & Tibshirani, "A Continuous-Time View of
Early Stopping for Least Squares", 2019 · Hastie, Montanari, Rosset & Tibshirani, "Surprises in
High-Dimensional Ridgeless Least Squares Interpolation", 2019.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.base.arguments import Number, require, require_whole


def generalization_gap(train_error: Number, test_error: Number) -> Number:
    """Error on new data minus error on the training data: floats, or tensors of one shape.

    Positive: worse on new data. Says nothing about which of the two is good: a model that has
    learned nothing has no gap.
    """
    return test_error - train_error


def bias_variance(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(bias², variance) at each point: what models do wrong together, and apart.

    `predictions` [models, …points]: of models fitted to different training sets. `targets`
    […points]: the noise-free truth. Both results have the shape of `targets`. The mean runs over
    *models*, with divisor `models`, so that bias² + variance is exactly the mean of
    (prediction − target)²; against noisy labels the noise's variance comes on top.
    Raises `ValueError` for fewer than 2 models, shapes that do not fit, and values that are not
    finite.
    """
    if predictions.ndim < 1 or predictions.shape[1:] != targets.shape:
        raise ValueError(
            f"predictions {list(predictions.shape)}, targets {list(targets.shape)}: "
            "must be [models, …points] and […points]"
        )
    if len(predictions) < 2:
        raise ValueError(
            f"predictions of {len(predictions)} model: must be at least 2, or there is no spread"
        )
    for name, values in (("predictions", predictions), ("targets", targets)):
        if not values.isfinite().all():
            raise ValueError(
                f"{name}: must be finite, {(~values.isfinite()).sum()} of {values.numel()} are not"
            )
    mean = predictions.mean(0)  # f̄(x)
    squared_bias = (mean - targets).square()  # (f̄ − f)²
    variance = (predictions - mean).square().mean(0)  # E(f̂ − f̄)²
    return squared_bias, variance


class EarlyStopping:
    """Remember the best weights; say when the validation loss has not improved for a while.

        stopping = EarlyStopping(patience=5)
        for epoch in range(1000):
            …                                          # train for an epoch
            if stopping.step(validation_loss, model):  # stop: the best weights are in the model
                break
        stopping.restore(model)                        # where the loop came to its end by itself

    An evaluation is an improvement if its loss is *strictly* lower than `best` − `min_delta`, and
    finite: a NaN or an infinite loss is never the best, and counts as one without improvement.
    `patience` counts from the best evaluation.

    `patience`: evaluations, a whole number in [1, ∞), or `math.inf` (never stop, only remember).
    `min_delta`: in [0, ∞). `restore_best=False` keeps no copy. Attributes: `best` (loss),
    `best_step` (evaluations count from 0; -1: none yet), `steps` (evaluations so far), `stopped`.
    Raises `ValueError` for values outside these ranges.

    torch has no such class; `ReduceLROnPlateau(threshold_mode="abs")` counts alike, but acts on
    evaluation number `patience` + 1 without improvement. Differs from Keras's `EarlyStopping`,
    which takes `patience=0` (as 1), and by default (`restore_best_weights=False`) leaves the
    weights of the last epoch.
    """

    def __init__(self, patience: float, min_delta: float = 0.0, restore_best: bool = True):
        self.patience = patience if patience == math.inf else require_whole("patience", patience, 1)
        self.min_delta = require("min_delta", min_delta)
        self.restore_best = restore_best
        self.best, self.best_step, self.steps, self.stopped = math.inf, -1, 0, False
        self._copy: list[Tensor] = []

    def step(self, loss: Number, model: nn.Module | None = None) -> bool:
        """Take in one validation loss; True if training should stop, the best weights restored.

        `model` may be left out with `restore_best=False`.
        """
        watched = model if self.restore_best else None
        if self.restore_best and watched is None:
            raise ValueError(
                "model = None: must be the model whose best weights are kept, "
                "or set restore_best=False"
            )
        loss = float(loss)
        if math.isfinite(loss) and loss < self.best - self.min_delta:
            self.best, self.best_step = loss, self.steps
            self._copy = [] if watched is None else copy_of(watched)
        since = self.steps - self.best_step  # evaluations since the best one
        self.steps += 1
        self.stopped = since >= self.patience
        if self.stopped and watched is not None:
            self.restore(watched)
        return self.stopped

    def restore(self, model: nn.Module) -> nn.Module:
        """Put the best weights and buffers back and return `model`.

        In place, so that an optimizer still holds them. Nothing happens while no loss has been
        finite. Raises `ValueError` if no copy was to be kept.
        """
        if not self.restore_best:
            raise ValueError("restore_best = False: must be True for there to be a copy to restore")
        with torch.no_grad():
            for tensor, kept in zip(tensors_of(model), self._copy):
                tensor.copy_(kept)
        return model


def tensors_of(model: nn.Module) -> list[Tensor]:
    """Every parameter and buffer once: a BatchNorm's running statistics are part of the best."""
    return [*model.parameters(), *model.buffers()]


def copy_of(model: nn.Module) -> list[Tensor]:
    """The numbers themselves, not references: training goes on changing the tensors in place."""
    return [tensor.detach().clone() for tensor in tensors_of(model)]


def flow_filter(eigenvalues: Tensor, time: float) -> Tensor:
    """1 − exp(−t·d²): what gradient flow until `time` lets through.

    `eigenvalues` d² ≥ 0 of XᵀX/n, any shape.
    """
    require("time", time)
    return -torch.expm1(-time * eigenvalues)  # 1 − exp(−t·d²)


def descent_filter(eigenvalues: Tensor, steps: float, lr: float) -> Tensor:
    """1 − (1 − η·d²)ᵗ: what `steps` steps of gradient descent with step size `lr` let through."""
    require("steps", steps)
    require("lr", lr)
    return 1 - (1 - lr * eigenvalues) ** steps  # 1 − (1 − η·d²)ᵗ


def ridge_filter(eigenvalues: Tensor, l2: float) -> Tensor:
    """d² / (d² + λ): what ridge with strength `l2` > 0 lets through.

    Half of the direction in which d² = λ.
    """
    require("l2", l2, open_low=True)
    return eigenvalues / (eigenvalues + l2)  # d² / (d² + λ)


def excess_risk(rows: int, features: int, noise: float) -> float:
    """Expected squared error, beyond the noise, of minimum-norm least squares, exact for any n, d.

    n = `rows` drawn with isotropic Gaussian x, d = `features`, truth linear in all of them with
    ‖β‖ = 1, labels with noise of standard deviation `noise` = σ:

        d < n − 1     σ²·d / (n − d − 1)
        d > n + 1     (1 − n/d) + σ²·n / (d − n − 1)
        between       ∞  (for σ > 0; without noise 0 up to d = n, and 1 − n/d above)

    Raises `ValueError` for `rows` or `features` below 1 and `noise` < 0.
    """
    require("rows", rows, 1)
    require("features", features, 1)
    require("noise", noise)
    n, d = rows, features
    missed = max(0.0, 1 - n / d)  # the part of β outside the span of n rows
    if noise == 0:
        return missed
    if abs(d - n) <= 1:
        return math.inf
    return missed + noise**2 * min(n, d) / (abs(n - d) - 1)

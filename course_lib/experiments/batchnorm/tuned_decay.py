"""Does weight decay in front of a norm help, once the learning rate is tuned with it and without?

There decay acts on the learning rate (`turning`). So the rate without decay gets as many tries as
the pairs of rate and decay have: twelve points each. The rate falls to zero along a cosine, for
both; what is judged is the network at the end. Each seed takes its point by its own validation rows
and is judged on its test rows.

The network is that of `turning`: 64-64-10 with BatchNorm, 1000 digits, a fifth of the labels wrong,
batches of 32, plain SGD, and only the first layer's weights, those in front of the norm, decay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from course_lib.data import Split, digits
from course_lib.engine import ModelSpec, product, train
from course_lib.engine.cache import remembered
from course_lib.experiments.batchnorm.turning import BATCH, NOISE, ROWS, STEPS, WIDTHS
from course_lib.sgd import cosine_decay, sgd_update

STRENGTHS = (0.003, 0.01, 0.03, 0.1)  # those of `turning`
PAIR_RATES = (0.03, 0.1, 0.3)
# Wider than PAIR_RATES at both ends, three of them the same: decay raises the effective rate.
LONE_RATES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0)
PAIRS = list(zip(*product(strength=STRENGTHS, lr=PAIR_RATES).values()))
POINTS = {"without": [(0.0, lr) for lr in LONE_RATES], "with": PAIRS}  # (λ, η)
SEEDS = tuple(range(20, 30))  # those of `turning.compare_rates`


@dataclass
class TunedDecay:
    """Figures after the last step, "without" decay or "with" it → [seeds, points of `POINTS`].

    Errors are shares of wrong answers; losses mean cross entropies in nats. The labels of
    validation and test rows are right. NaN: the network has diverged.
    """

    validation_error: dict[str, Tensor]
    validation_loss: dict[str, Tensor]
    test_error: dict[str, Tensor]
    test_loss: dict[str, Tensor]
    progress: float = 1.0

    def chosen(self, arm: str, by: str) -> Tensor:
        """Number of the point [seeds] with the lowest validation figure, by: "error" or "loss".

        Of points that err alike the one with the lower validation loss.
        """
        loss = self.validation_loss[arm].double().nan_to_num(torch.inf)
        if by == "loss":
            return loss.argmin(1)
        error = self.validation_error[arm].double()
        least = error.nan_to_num(torch.inf).amin(1, keepdim=True)
        return loss.masked_fill(error != least, torch.inf).argmin(1)

    def judged(self, arm: str, by: str) -> Tensor:
        """Test error or test loss [seeds] of the point that `chosen` takes by the same figure."""
        figure = {"error": self.test_error, "loss": self.test_loss}[by][arm]
        return figure.gather(1, self.chosen(arm, by)[:, None]).squeeze(1).double()

    def best_rate(self, strength: float) -> Tensor:
        """η [seeds] of `PAIR_RATES` with the lowest validation loss at one λ of `STRENGTHS`."""
        own = [k for k, (one, _) in enumerate(POINTS["with"]) if one == strength]
        losses = self.validation_loss["with"][:, own].nan_to_num(torch.inf)
        return torch.tensor(PAIR_RATES, dtype=torch.float64)[losses.argmin(1)]

    def table(self, figure: dict[str, Tensor]) -> Tensor:
        """Means over the seeds [λ = 0 and `STRENGTHS`, `PAIR_RATES`] of one of the figures."""
        alone = [POINTS["without"].index((0.0, lr)) for lr in PAIR_RATES]
        pairs = figure["with"].double().mean(0).view(len(STRENGTHS), -1)
        return torch.cat([figure["without"].double().mean(0)[alone][None], pairs])


@remembered
def compare_tuned(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> Iterator[TunedDecay]:
    """Train all `POINTS` from one start on the same batches; yields `TunedDecay`, at first NaN."""
    points = [point for arm in POINTS.values() for point in arm]
    strengths, rates = zip(*points)
    for training in train(
        ModelSpec(WIDTHS, norm="batch"),
        _digits,
        {"lr": list(rates), "l2": [(one, 0.0) for one in strengths], "only_weights": True},
        seeds,
        update=sgd_update,
        steps=steps,
        batch_size=BATCH,
        schedule=partial(_falling, steps),
        validate=True,
        keep_parameters=False,
    ):
        yield TunedDecay(
            _by_arm(1 - training.validation_accuracy),
            _by_arm(training.validation_loss),
            _by_arm(1 - training.test_accuracy),
            _by_arm(training.test_loss),
            training.progress,
        )


def _by_arm(curves: Tensor) -> dict[str, Tensor]:
    """The last figure of each curve [seeds, points of both, recorded], by arm."""
    parts = curves[..., -1].split([len(points) for points in POINTS.values()], 1)
    return dict(zip(POINTS, parts))


def _falling(steps: int, step: int) -> float:
    return cosine_decay(step, steps)


def _digits(seed: int) -> Split:
    return digits(ROWS, label_noise=NOISE, scale="unit", seed=seed, clean_validation=True)

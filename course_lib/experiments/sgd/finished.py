"""Do flat and good go together where a run is finished? Both measured in the same networks.

The squared-error network of `batch_size`, its rows, its batch sizes, plain SGD. Nothing is stopped
on the way: as many steps for each, a cosine down to 0, and each batch size at its own rate, the one
at which twenty pilot seeds, which judge nothing, end at the lowest loss on the validation rows.
Rate and noise both flatten, so each batch size is also run at the best rates of the others.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from course_lib.engine import Training
from course_lib.experiments.sgd import equal_steps
from course_lib.experiments.sgd.batch_size import BATCH_SIZES, SPEC, digits_to_fit, figures_of

RATES = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6)  # by √2, rounded
PILOT, JUDGED = equal_steps.PILOT, range(12)


@dataclass
class Finished:
    """Figures after the last step [seeds, batch sizes, `rates`]; NaN: diverged.

    best: batch size → its own rate. rates: all of these, each once, rising.
    """

    best: dict[int, float]
    rates: list[float]
    sharpness: Tensor  # top eigenvalue of the Hessian of the training loss
    test_accuracy: Tensor
    train_loss: Tensor  # mean squared error
    test_loss: Tensor

    def at(self, name: str, size: int, rate: float | None = None) -> Tensor:
        """The figure `name` [seeds] of batches of `size`, at one of `rates`; None: at its own."""
        rate = self.best[size] if rate is None else rate
        return getattr(self, name)[:, BATCH_SIZES.index(size), self.rates.index(rate)]


ends = partial(equal_steps.ends, spec=SPEC, data=digits_to_fit, momentum=0.0, keep_parameters=True)


def choose() -> dict[int, float]:
    """Batch size → its own rate: the one of `RATES` that the pilot seeds end lowest at."""
    best = {}
    for size in BATCH_SIZES:
        pilot = ends(size, RATES, PILOT).validation_loss[:, :, -1]
        best[size] = equal_steps.best_of(RATES, pilot)
    return best


def finish(best: dict[int, float]) -> Finished:
    """The judged seeds, each batch size at every rate in `best`, as `choose` finds them."""
    rates = sorted(set(best.values()))
    runs = [ends(size, rates, JUDGED) for size in BATCH_SIZES]
    looked = torch.stack([_look(run) for run in runs], 2)
    train_loss = torch.stack([run.train_loss[:, :, -1] for run in runs], 1)
    test_loss = torch.stack([run.test_loss[:, :, -1] for run in runs], 1)
    return Finished(best, rates, looked[0], looked[1], train_loss, test_loss)


def _look(run: Training) -> Tensor:
    """Sharpness and test accuracy, [2, seeds, rates], of what has been trained."""
    found = torch.full((2, *run.diverged_at.shape), torch.nan, dtype=torch.float64)
    for s, v in (run.diverged_at < 0).nonzero().tolist():
        seed, parameters = run.seeds[s], [p[v].double() for p in run.parameters[s]]
        sharpness, _, accuracy = figures_of(parameters, digits_to_fit(seed), seed)
        found[:, s, v] = torch.tensor([sharpness, accuracy])
    return found

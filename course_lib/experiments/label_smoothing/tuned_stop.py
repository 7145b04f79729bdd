"""Which learning rate, and where to stop? Chosen on validation rows, without smoothing.

The network and the noisy labels of `smoothing`, on seeds that no verdict uses; but every seed
divides the same images anew, so what one chooses by are test rows of others. What is chosen is
RATE and STEPS, the fourth situation of lesson 05: the lowest mean error on 200 validation rows with
right labels. The first grid had the rates 0.0005 to 0.004, and its lowest rate won, at 600 steps;
so 0.00025 was added, and did not do better.

The same choice for right labels, same grid and seeds, written down before it was run: RIGHT_RATE
and RIGHT_STEPS are what `choose_stop(noise=0.0)` finds on base 0, wherever in the grid that is.
The grid is not widened; the lesson says where the choice lies at its edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from course_lib.engine import train
from course_lib.engine.cache import remembered
from course_lib.experiments.label_smoothing import smoothing

RATES = (2.5e-4, 5e-4, 1e-3, 2e-3)
STOPS = (50, 100, 200, 300, 400, 600, 1000)
SEEDS = tuple(range(16))
RATE, STEPS = 5e-4, 600  # what `choose_stop` finds on base 0
RIGHT_RATE, RIGHT_STEPS = 2e-3, 600  # and with right labels: the highest of the rates


@dataclass
class Stops:
    """error [seeds, rates, stops]: share of the validation rows that are wrong, without smoothing.

    rates, stops: as asked for, in steps.
    """

    rates: tuple[float, ...]
    stops: tuple[int, ...]
    error: Tensor

    @property
    def best(self) -> tuple[float, int]:
        """Rate and stop with the lowest mean error; the first of equals."""
        mean = self.error.mean(0)
        at = int(mean.argmin())
        return self.rates[at // len(self.stops)], self.stops[at % len(self.stops)]


@remembered
def choose_stop(
    seeds: tuple[int, ...] = SEEDS,
    rates: tuple[float, ...] = RATES,
    stops: tuple[int, ...] = STOPS,
    noise: float = 0.2,
) -> Iterator[Stops]:
    """Train at every rate and seed, and look at the validation rows at every stop."""
    *_, done = train(
        smoothing.SPEC,
        lambda seed: smoothing.data(seed, noise),
        {"lr": list(rates), "weight_decay": 0.0},
        seeds,
        steps=max(stops),
        record_at=stops,
        validate=True,
        keep_parameters=False,
    )
    yield Stops(rates, tuple(sorted(stops)), 1 - done.validation_accuracy.double())

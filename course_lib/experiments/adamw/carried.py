"""Another learning rate on the same map: what a λ tuned at one rate makes at another."""

from collections.abc import Iterator

from torch import Tensor

from course_lib.experiments.adamw.tuning import tuned
from course_lib.experiments.adamw.two_knobs import LossSurface


def kept(surface: LossSurface, at: float, to: float, product: bool = False) -> Tensor:
    """Test error [seeds] at the higher rate `to`, with the λ that was tuned at the rate `at`.

    `product`: with the λ that keeps lr·λ. On a map whose rates and decays stand equally far apart
    that is as many decays down as rates up; of the λ at `at`, those are tuned over that have such
    a partner. One half of the seeds tunes, the other is judged.
    """
    low, high = (surface.optimizer.lr.index(rate) for rate in (at, to))
    weaker = high - low if product else 0
    decays = len(surface.optimizer.decay)
    return tuned(surface.error[:, low, weaker:], surface.error[:, high, : decays - weaker])


def rate_by_rate(surface: LossSurface) -> Iterator[tuple[float, float, float, float]]:
    """(rate, best λ, its test error, that at the smallest λ) for each rate of a map, rising.

    The best λ is the one with the lowest mean over all seeds; its error is `tuned`.
    """
    for i, rate in enumerate(surface.optimizer.lr):
        error = surface.error[:, i].nan_to_num(nan=1.0)
        best = surface.optimizer.decay[error.mean(0).argmin()]
        yield rate, best, tuned(error).mean().item(), error[:, 0].mean().item()

"""What Adam makes of L2 on real weights: the decay each first-layer weight gets, on digits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.weight_decay.moments import v_hat

LAST = 600  # steps
STRENGTHS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SIZES = np.linspace(-7, -1, 31)  # bins of log₁₀ gradient size
DECAYS = np.linspace(-1, 7, 81)  # bins of log₁₀ effective decay


@dataclass
class EffectiveDecay:
    """Adam + L2 on digits, first-layer weights: tensors [seeds, strengths, …].

    Seeds are those that have finished. Effective decay is in log₁₀ of
    multiples of lr·λ. Weights that never saw a gradient are left out of all figures.
    """

    strengths: tuple[float, ...]
    progress: float
    low: Tensor  # 5th percentile over weights
    high: Tensor  # 95th percentile
    least: Tensor  # of all weights
    medians: Tensor  # [seeds, strengths, sizes]: median by gradient size
    shares: Tensor  # [seeds, strengths, decays]: histogram
    # [seeds, strengths, 64]: median by input pixel, NaN where no weight saw a gradient
    pixels: Tensor
    # log₁₀ gradient size and effective decay of the first seed, [strengths, weights] each
    cloud: tuple[Tensor, Tensor] | None  # None: no seed has finished

    @property
    def spread(self) -> Tensor:
        """Decades between the 5th and the 95th percentile."""
        return self.high - self.low


FIGURES = ("low", "high", "least", "medians", "shares", "pixels")


def measure_one_seed(gradient_square: Tensor, exp_avg_sq: Tensor) -> dict:
    """Figures of one seed from mean g² and v, as Adam holds it, [strengths, units, pixels] each."""
    size = gradient_square.sqrt()
    decay = v_hat(exp_avg_sq, LAST).sqrt().add(1e-8).log10().neg()  # log₁₀ of 1/(√v̂ + ε)
    decay = decay.masked_fill(size == 0, torch.nan)  # a pixel that is always blank has no gradient
    pixels = decay.nanmedian(1).values
    size, decay = size.log10().flatten(1), decay.flatten(1)
    least, low, high = decay.nanquantile(decay.new_tensor([0.0, 0.05, 0.95]), dim=1)
    medians = torch.stack([_medians(*both) for both in zip(size, decay)])
    shares = torch.stack([_shares(each) for each in decay])
    return dict(zip(FIGURES, (low, high, least, medians, shares, pixels)), cloud=(size, decay))


def _medians(size: Tensor, decay: Tensor) -> Tensor:
    place = torch.bucketize(size, size.new_tensor(SIZES)) - 1
    inside = [decay[place == i] for i in range(len(SIZES) - 1)]
    return torch.stack(
        [part.nanmedian() if len(part) >= 20 else decay.new_tensor(torch.nan) for part in inside]
    )


def _shares(decay: Tensor) -> Tensor:
    counts, _ = np.histogram(decay[decay.isfinite()], DECAYS)
    return torch.tensor(counts / counts.sum())


@remembered
def measure_decay(seeds: Sequence[int] = tuple(range(8))) -> Iterator[EffectiveDecay]:
    """Train 64-128-10 networks on digits with Adam + L2, and measure what decay each weight got.

    Yields an `EffectiveDecay` that grows seed by seed.
    """
    squares: dict[int, Tensor] = {}

    def observe(
        seed: int, step: int, parameters: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> None:
        squares[seed] = squares.get(seed, 0.0) + gradients[0].square() / LAST

    figures: dict[int, dict] = {}
    spec, grid = ModelSpec((64, 128, 10)), {"l2": list(STRENGTHS), "lr": 1e-3}
    for training in train(
        spec,
        lambda seed: digits(1000, scale="unit", seed=seed),
        grid,
        seeds,
        update=adam_update,
        steps=LAST,
        record_at=(LAST,),
        observe=observe,
    ):
        for i, seed in enumerate(seeds):
            if training.parameters[i] is not None and seed not in figures:
                v = training.states[i][0]["exp_avg_sq"]
                figures[seed] = measure_one_seed(squares[seed].cpu(), v.cpu())
        yield _gather(figures, training.progress)


def _gather(figures: dict[int, dict], progress: float) -> EffectiveDecay:
    seeds = sorted(figures)
    parts = {
        name: torch.stack([figures[seed][name] for seed in seeds]) if seeds else torch.empty(0)
        for name in FIGURES
    }
    return EffectiveDecay(
        STRENGTHS, progress, **parts, cloud=figures[seeds[0]]["cloud"] if seeds else None
    )

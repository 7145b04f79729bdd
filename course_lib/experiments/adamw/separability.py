"""Whether two knobs are free of each other: a quadratic fitted to the log of a loss.

    log loss ≈ k + p·x + q·y + a·x² + b·y² + c·x·y              x = log₁₀ lr, y = log₁₀ λ

c is what turning both knobs up tenfold adds to the log loss, beyond what each turn adds alone:
log loss(x+1, y+1) − log loss(x+1, y) − log loss(x, y+1) + log loss(x, y) = c, wherever one starts.
With c = 0 the best lr is the same for every λ, and the other way round: the knobs are separable.

The paper turns the decay of each step, lr·λ in torch's terms; we write it λ′ (there it is called λ,
and λ′ is something else). Put y = y′ − x into the line above, and the same fit over (x, y′) reads

    a′ = a + b − c,   b′ = b,   c′ = c − 2b        so, unless b = 0, at most one of c and c′ is zero

c says whether the two effects add up in the log of the loss. `drift` asks something else, whether
the best lr moves with λ, and `in_turn` what it costs to tune one knob after the other: both without
a formula.

Source of the question: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019,
figures 1 and 2.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.statistics import Interval, mean_interval

Numbers = Tensor | Sequence[float]
Coordinate = TypeVar("Coordinate", float, Tensor)


class Quadratic(NamedTuple):
    """k + p·x + q·y + a·x² + b·y² + c·x·y; `r2` is the share of the variance that it explains."""

    k: float
    p: float
    q: float
    a: float
    b: float
    c: float
    r2: float

    def __call__(self, x: Coordinate, y: Coordinate) -> Coordinate:
        """The value at (x, y)."""
        return self.k + self.p * x + self.q * y + self.a * x * x + self.b * y * y + self.c * x * y

    def over_product(self) -> "Quadratic":
        """The same surface over (x, y′) with y′ = x + y: the paper's coordinates."""
        return self._replace(p=self.p - self.q, a=self.a + self.b - self.c, c=self.c - 2 * self.b)


def fit_quadratic(x: Numbers, y: Numbers, z: Numbers) -> Quadratic:
    """Least-squares `Quadratic` of z over (x, y), all three of shape [n].

    Raises ValueError for values that are not finite, for fewer than six points, and for points too
    regular to tell the six terms apart (on one line, or on a grid with two columns, where x²
    follows from x).
    """
    x, y, z = (torch.as_tensor(values, dtype=torch.float64).flatten() for values in (x, y, z))
    if not (x.isfinite() & y.isfinite() & z.isfinite()).all():
        raise ValueError("x, y, z: every value must be finite; leave diverged runs out")
    terms = torch.stack([torch.ones_like(x), x, y, x * x, y * y, x * y], -1)
    if len(z) < 6 or torch.linalg.matrix_rank(terms) < 6:
        raise ValueError(
            f"{len(z)} points: too few, or too regular, to fix the six numbers of a quadratic"
        )
    solution = torch.linalg.lstsq(terms, z).solution
    left, total = (z - terms @ solution).square().sum(), (z - z.mean()).square().sum()
    k, p, q, a, b, c = solution.tolist()
    return Quadratic(k, p, q, a, b, c, (1 - left / total).item() if total > 0 else 1.0)


def near_best(losses: Tensor, cut: float) -> Tensor:
    """Mask [settings]: those whose mean log loss is within `cut` of the lowest.

    losses [seeds, settings]; the mean is over the seeds. A setting that diverged (NaN, inf) at any
    of the seeds is out.
    """
    require("cut", cut, open_low=True)
    level = losses.double().log().mean(0)
    level = torch.where(level.isfinite(), level, torch.inf)
    return (level <= level.min() + cut) & level.isfinite()


def cross_fits(losses: Tensor, x: Tensor, y: Tensor, cut: float) -> list[Quadratic]:
    """One `Quadratic` per seed, of the log of `losses` [seeds, settings], near the best only.

    x, y [settings]: in decades. Each seed is fitted on the settings that the *others* find
    `near_best`: settings picked because they came out low at a seed would bend that seed's surface
    towards a bowl. Diverged runs are left out. The fits share their settings, so they are not
    independent: for an interval that counts the choice of settings too, take the `jackknife` of
    `mean_interaction`. Raises ValueError for fewer than two seeds, and as `fit_quadratic` does.
    """
    require("seeds", len(losses), 2)
    losses, fits = losses.double(), []
    for i, loss in enumerate(losses):
        others = torch.cat([losses[:i], losses[i + 1 :]])
        used = near_best(others, cut) & loss.isfinite()
        fits.append(fit_quadratic(x[used], y[used], loss[used].log()))
    return fits


def mean_interaction(
    losses: Tensor, x: Tensor, y: Tensor, cut: float, product: bool = False
) -> float:
    """Mean over the seeds of c, over (x, y); of c′, over (x, x + y), if `product`.

    Arguments as in `cross_fits`.
    """
    fits = cross_fits(losses, x, y, cut)
    return sum((fit.over_product() if product else fit).c for fit in fits) / len(fits)


def jackknife(statistic: Callable[[list[int]], float], seeds: int) -> Interval:
    """Interval of `statistic(picked) → number`, from n = `seeds` ≥ 4 of them.

    picked: a list of seeds' positions. Everything is done again with each seed left out, the choice
    of settings included. The interval lies around θ, the statistic of all, and is as wide as
    Student's t of the n pseudo-values n·θ − (n − 1)·θ₋ᵢ. Source: Tukey, "Bias and confidence in not
    quite large samples", 1958.
    """
    require("seeds", seeds, 4)
    everyone = list(range(seeds))
    whole = statistic(everyone)
    without = torch.tensor(
        [statistic(everyone[:i] + everyone[i + 1 :]) for i in everyone], dtype=torch.float64
    )
    pseudo = seeds * whole - (seeds - 1) * without
    spread = mean_interval(pseudo)
    around = mean_interval(pseudo - pseudo.mean() + whole).sample
    return spread._replace(
        mean=whole, low=whole - spread.half_width, high=whole + spread.half_width, sample=around
    )


def drift(losses: Tensor, lr: Numbers, decay: Numbers) -> Tensor:
    """Decades that the best lr moves for each decade of decay, [seeds].

    The slope of log lr_best on log λ. losses [seeds, learning rates, decays]; a diverged run (NaN)
    is never best. No formula is fitted to the losses.
    """
    x, y = (torch.as_tensor(values, dtype=torch.float64).log10() for values in (lr, decay))
    best, y = x[losses.nan_to_num(nan=torch.inf).argmin(1)], y - y.mean()
    return (best * y).sum(1) / y.square().sum()


def in_turn(losses: Tensor) -> Tensor:
    """Log loss that each seed pays for tuning one knob after the other instead of both together.

    First lr at the smallest λ, then λ at that lr. losses [seeds, learning rates, decays] → [seeds].
    Each half of the seeds tunes for the other half, so a setting is not judged by the runs that it
    was picked on, and what is paid may be negative. A diverged run counts as a log loss of 9.
    Raises ValueError for fewer than two seeds.
    """
    require("seeds", len(losses), 2)
    half, log_loss = len(losses) // 2, losses.double().log().nan_to_num(nan=9.0)
    first, second = log_loss[:half], log_loss[half:]
    return torch.cat([_paid(second, first), _paid(first, second)])


def _paid(tune: Tensor, judge: Tensor) -> Tensor:
    """Log loss of `judge` where `tune` led one knob after the other, less where it led both."""
    level = tune.mean(0)
    lr = level[:, 0].argmin()
    decay = level[lr].argmin()
    return judge[:, lr, decay] - judge.flatten(1)[:, level.argmin()]

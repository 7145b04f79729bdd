"""Are two knobs free of each other? The interaction of a quadratic fitted to the log of a loss.

    log loss ≈ k + p·x + q·y + a·x² + b·y² + c·x·y              x = log₁₀ lr, y = log₁₀ λ

c is what turning both knobs up tenfold adds to the log loss, beyond what each turn adds alone:
log loss(x+1, y+1) − log loss(x+1, y) − log loss(x, y+1) + log loss(x, y) = c, wherever one starts. With c = 0 the best
lr is the same for every λ, and the other way round: the knobs are separable.

The paper counts decay as λ′ = lr·λ. Put y = y′ − x into the line above, and the same fit over (x, y′) reads

    a′ = a + b − c,   b′ = b,   c′ = c − 2b                     so, unless b = 0, at most one of c and c′ is zero

Source of the question: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, figures 1 and 2.
"""

from typing import NamedTuple

import torch

from course_lib._arguments import require


class Quadratic(NamedTuple):
    """k + p·x + q·y + a·x² + b·y² + c·x·y; `r2` is the share of the variance that it explains."""

    k: float
    p: float
    q: float
    a: float
    b: float
    c: float
    r2: float

    def __call__(self, x, y):
        return self.k + self.p * x + self.q * y + self.a * x * x + self.b * y * y + self.c * x * y

    def over_product(self):
        """The same surface over (x, y′) with y′ = x + y: the paper's coordinates."""
        return self._replace(p=self.p - self.q, a=self.a + self.b - self.c, c=self.c - 2 * self.b)


def fit_quadratic(x, y, z):
    """Least-squares `Quadratic` of z over (x, y), all three of shape [n].

    Raises ValueError for values that are not finite, for fewer than six points, and for points too regular to tell the
    six terms apart (on one line, or on a grid with two columns, where x² follows from x).
    """
    x, y, z = (torch.as_tensor(values, dtype=torch.float64).flatten() for values in (x, y, z))
    if not (x.isfinite() & y.isfinite() & z.isfinite()).all():
        raise ValueError("x, y, z: every value must be finite; leave diverged runs out")
    terms = torch.stack([torch.ones_like(x), x, y, x * x, y * y, x * y], -1)
    if len(z) < 6 or torch.linalg.matrix_rank(terms) < 6:
        raise ValueError(f"{len(z)} points: too few, or too regular, to fix the six numbers of a quadratic")
    solution = torch.linalg.lstsq(terms, z).solution
    left, total = (z - terms @ solution).square().sum(), (z - z.mean()).square().sum()
    return Quadratic(*solution.tolist(), r2=(1 - left / total).item() if total > 0 else 1.0)


def near_best(losses, cut):
    """Mask [settings]: those whose log loss, averaged over `losses` [seeds, settings], is within `cut` of the lowest.

    A setting that diverged (NaN, inf) at any of the seeds is out.
    """
    require("cut", cut, open_low=True)
    level = losses.double().log().mean(0)
    level = torch.where(level.isfinite(), level, torch.inf)
    return (level <= level.min() + cut) & level.isfinite()


def cross_fits(losses, x, y, cut):
    """One `Quadratic` per seed: log of `losses` [seeds, settings] over x, y [settings] in decades, near the best only.

    Each half of the seeds is fitted on the settings that the *other* half finds `near_best`: settings picked because
    they came out low at a seed would bend that seed's surface towards a bowl. Diverged runs are left out.
    Raises ValueError for fewer than two seeds, and as `fit_quadratic` does.
    """
    require("seeds", len(losses), 2)
    half, losses = len(losses) // 2, losses.double()
    pairs = [(loss, losses[half:]) for loss in losses[:half]] + [(loss, losses[:half]) for loss in losses[half:]]
    fits = []
    for loss, others in pairs:
        used = near_best(others, cut) & loss.isfinite()
        fits.append(fit_quadratic(x[used], y[used], loss[used].log()))
    return fits

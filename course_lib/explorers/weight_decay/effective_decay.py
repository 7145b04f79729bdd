"""Effective decay: Adam + L2, weight by weight."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.adamw import adam_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.panel import Explorer, Slider

LAST = 600  # steps
STRENGTHS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SIZES = np.linspace(-7, -1, 31)  # bins of log₁₀ gradient size
DECAYS = np.linspace(-1, 7, 81)  # bins of log₁₀ effective decay
PIXELS = (8, 8)  # an image's height and width


@dataclass
class EffectiveDecay:
    """Adam + L2 on digits, first-layer weights. Arrays [seeds, strengths, …]; seeds are those that
    have finished.

    Effective decay is in log₁₀ of multiples of lr·λ. Weights that never saw a gradient are left out
    of all figures.
    """

    strengths: list
    progress: float
    low: torch.Tensor  # 5th percentile over weights
    high: torch.Tensor  # 95th percentile
    least: torch.Tensor  # of all weights
    medians: torch.Tensor  # [seeds, strengths, sizes]: median by gradient size
    shares: torch.Tensor  # [seeds, strengths, decays]: histogram
    pixels: (
        torch.Tensor
    )  # [seeds, strengths, 64]: median by input pixel, NaN where no weight saw a gradient
    # log₁₀ gradient size and effective decay of the first seed, [strengths, weights] each
    cloud: tuple

    @property
    def spread(self):
        """Decades between the 5th and the 95th percentile."""
        return self.high - self.low


FIGURES = ("low", "high", "least", "medians", "shares", "pixels")


def measure_one_seed(gradient_square, exp_avg_sq):
    """Figures of one seed from mean g² and v (as Adam holds it), [strengths, hidden units, pixels]
    each.
    """
    size = gradient_square.sqrt()
    decay = (exp_avg_sq / (1 - 0.999**LAST)).sqrt().add(1e-8).log10().neg()  # log₁₀ of 1/(√v̂ + ε)
    decay = decay.masked_fill(size == 0, torch.nan)  # a pixel that is always blank has no gradient
    pixels = decay.nanmedian(1).values
    size, decay = size.log10().flatten(1), decay.flatten(1)
    least, low, high = decay.nanquantile(decay.new_tensor([0.0, 0.05, 0.95]), dim=1)
    medians = torch.stack([_medians(*row) for row in zip(size, decay)])
    shares = torch.stack([_shares(row) for row in decay])
    return dict(zip(FIGURES, (low, high, least, medians, shares, pixels)), cloud=(size, decay))


def _medians(size, decay):
    place = torch.bucketize(size, size.new_tensor(SIZES)) - 1
    inside = [decay[place == i] for i in range(len(SIZES) - 1)]
    return torch.stack(
        [part.nanmedian() if len(part) >= 20 else decay.new_tensor(torch.nan) for part in inside]
    )


def _shares(decay):
    counts, _ = np.histogram(decay[decay.isfinite()], DECAYS)
    return torch.tensor(counts / counts.sum())


@remembered
def compute(seeds=tuple(range(8))):
    """Train 64-128-10 networks on digits with Adam + L2; yields an `EffectiveDecay` that grows seed
    by seed.
    """
    squares = {seed: 0.0 for seed in seeds}

    def observe(seed, step, parameters, gradients):
        squares[seed] = squares[seed] + gradients[0].square() / LAST

    figures = {}
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


def _gather(figures, progress):
    seeds = sorted(figures)
    parts = {
        name: torch.stack([figures[seed][name] for seed in seeds]) if seeds else None
        for name in FIGURES
    }
    return EffectiveDecay(
        list(STRENGTHS), progress, **parts, cloud=figures[seeds[0]]["cloud"] if seeds else None
    )


def prepare(figure):
    """Effective decay against gradient size, its histogram, and its map over the image; returns the
    marks that move.
    """
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.7, 0.8, 1])
    left.set(
        xlabel="size of the weight's gradient (from the loss)",
        ylabel="effective decay, in multiples of lr·λ",
    )
    left.set(title="A dot is a weight (one seed)", xlim=(-7, -1), ylim=(-1, 7.5))
    middle.set(xlabel="share of weights", title="How they spread", xlim=(0, 0.3), ylim=(-1, 7.5))
    for axis in (left.xaxis, left.yaxis, middle.yaxis):
        axis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$")
    color, linestyle = plotting.series(0)
    other, dashed = plotting.series(1)
    left.plot([-7, -1], [7, 1], color=plotting.muted(), linestyle=":", label="1/gradient")
    for ax, label in ((left, "AdamW: every weight"), (middle, None)):
        ax.axhline(0, color=other, linestyle=dashed, label=label)
    marks = {
        "band": plotting.draw_band(
            left, [], np.empty((0, 0)), label="Adam + L2: median, seeds' band"
        )
    }
    marks["band"][0].set_linewidth(1.0)
    marks["cloud"] = left.plot([], [], ".", color=color, markersize=3, alpha=0.3, zorder=3)
    left.legend(loc="upper right", fontsize=8, handlelength=1.6)
    marks["histogram"] = middle.plot(
        [], [], color=color, linestyle=linestyle, drawstyle="steps-mid"
    )
    for name, label in (("low", "5 %"), ("high", "95 %")):
        marks[name] = [middle.axhline(np.nan, color=color, linestyle=":", linewidth=1.2)]
        marks[f"{name} text"] = [
            middle.text(0.295, 0, label, ha="right", va="bottom", color=color, fontsize=8)
        ]
    right.set(title="By pixel of the image", xticks=[], yticks=[])
    right.grid(False)
    right.set_facecolor(plotting.muted())
    image = right.imshow(np.full(PIXELS, np.nan), vmin=1, vmax=6, origin="upper")
    bar = figure.colorbar(image, ax=right, shrink=0.7, ticks=[1, 2, 3, 4, 5, 6])
    bar.ax.yaxis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$")
    marks["pixels"] = [image]
    return marks


def draw(marks, result, strength):
    """Move the marks to an `EffectiveDecay` at one of its strengths."""
    i = result.strengths.index(strength)
    if result.cloud is None:
        return f"Training {len(STRENGTHS)} strengths side by side: {result.progress:.0%}."
    size, decay = (
        part[i, ::5].numpy() for part in result.cloud
    )  # every fifth: all pixels of an 8 × 8 image
    seen = np.isfinite(size) & np.isfinite(decay)
    marks["cloud"][0].set_data(size[seen], decay[seen])
    plotting.move_band(marks["band"], _middles(SIZES), result.medians[:, i])
    marks["histogram"][0].set_data(result.shares[:, i].mean(0), _middles(DECAYS))
    for name, y in (("low", result.low[:, i].mean()), ("high", result.high[:, i].mean())):
        marks[name][0].set_ydata([y, y])
        marks[f"{name} text"][0].set_y(y)
    marks["pixels"][0].set_data(
        np.ma.masked_invalid(result.pixels[:, i].nanmean(0).reshape(PIXELS))
    )
    n, spread = len(result.low), result.spread[:, i].mean().item()
    return (
        f"λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}: under Adam + L2 the effective decay of the "
        f"middle 90 % of the weights spreads over a factor of {10**spread:.0f}; under AdamW it is one for all."
    )


def _middles(edges):
    return (edges[:-1] + edges[1:]) / 2


explorer = Explorer(
    title="Effective decay of each first-layer weight, digits",
    controls={"strength": Slider("λ", values=STRENGTHS, default=1e-4, trained=True)},
    compute=compute,
    prepare=prepare,
    draw=draw,
    quick={"seeds": (0, 1)},
)

show = explorer.show

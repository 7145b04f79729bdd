"""Explorers of lesson 03: two pulls on one bowl, where they come to rest, and what Adam makes of L2 on real weights."""

import inspect
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.adamw import adam_update
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab.data import digits
from course_lib.lab.ensemble import ModelSpec, train
from course_lib.lab.remember import remembered
from course_lib.lab.surfaces import descend, diverged_at, quadratic
from course_lib.sgd import sgd_update

PULLS = {"l2": "L2", "weight_decay": "weight decay"}  # the keyword of the update functions, and its name for people


def takes(update, *names):
    """True if the function `update` can be called with all the keywords `names`."""
    parameters = inspect.signature(update).parameters
    return all(name in parameters for name in names) or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


# ---------------------------------------------------------------- trajectories: one bowl, one start, two pulls

BOWL = quadratic(curvatures=(0.5, 4.0), angle=-20, minimum=(2.0, 1.0), window=(-1.2, 3.0, -0.6, 2.6))
START, STEPS = (-0.8, 2.2), 100
OPTIMIZERS = ("SGD", "SGD with momentum", "Adam")


@dataclass
class Trajectories:
    """Paths of both pulls, [steps + 1, 2] each; where each would come to rest (None: not in this lesson)."""

    paths: dict
    rest: dict
    diverged: dict  # pull → step
    stable: dict  # pull → highest stable learning rate; empty where no formula says
    note: str


def rest_in_bowl(strength):
    """Lowest point of the bowl plus (λ/2)‖w‖²: the ridge solution (H + λI)⁻¹Hw*."""
    hessian, minimum = BOWL.hessian, torch.tensor(BOWL.minimum, dtype=torch.float64)
    return torch.linalg.solve(hessian + strength * torch.eye(2, dtype=torch.float64), hessian @ minimum)


def compute_trajectories(optimizer, strength, lr, momentum, update=None):
    """Both paths over the bowl, as `Trajectories`. The learner's own `update` replaces ours where its keywords fit."""
    ours, option = {
        "SGD": (sgd_update, {}),
        "SGD with momentum": (sgd_update, {"momentum": momentum}),
        "Adam": (adam_update, {"betas": (momentum, 0.99)}),
    }[optimizer]
    mu = option.get("momentum", 0.0)
    fits = update is not None and takes(update, *option, *PULLS)
    fits = fits and (optimizer == "Adam" or "betas" not in inspect.signature(update).parameters)
    run = update if fits else ours
    paths = {pull: descend(BOWL, run, START, STEPS, lr=lr, **option, **{pull: strength}) for pull in PULLS}
    adam = optimizer == "Adam"
    rest = {"l2": rest_in_bowl(strength), "weight_decay": None if adam else rest_in_bowl(strength * (1 - mu))}
    h = torch.linalg.eigvalsh(BOWL.hessian)[-1].item()
    stable = {"l2": 2 * (1 + mu) / (h + strength), "weight_decay": 2 * (1 + mu) / (h + (1 + mu) * strength)}
    steps = {pull: diverged_at(BOWL.loss(path)) for pull, path in paths.items()}
    diverged = {pull: step for pull, step in steps.items() if step is not None}
    note = " Momentum plays no part in plain SGD." if optimizer == "SGD" else ""
    if update is not None:
        note = " Drawn by your update." if fits else " Drawn by the course's update: yours takes other keywords."
    return Trajectories(paths, rest, diverged, {} if adam or fits else stable, note)


def prepare_trajectories(figure):
    """Left the bowl with both paths, right their distance; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    plotting.draw_contours(left, BOWL)
    left.set(xlim=BOWL.window[:2], ylim=BOWL.window[2:], title="Paths in the bowl")
    marks = {}
    for k, (pull, name) in enumerate(PULLS.items()):
        marks[pull] = plotting.draw_path(left, np.empty((0, 2)), label=name, k=k)
        color, _ = plotting.series(k)
        label = f"rest of {name}"
        style = {"marker": "X", "markersize": 9, "markeredgecolor": plotting.ink(), "linestyle": "none"}
        marks[f"rest {pull}"] = left.plot([], [], color=color, label=label, **style)
    left.plot(0, 0, "+", color=plotting.ink(), markersize=12)
    left.annotate(" 0, where both pull to", (0, 0), color=plotting.ink(), va="top", fontsize=8)
    left.legend(loc="upper right", ncols=2)
    right.set(title="How far apart?", xlabel="step", ylabel="distance of the two paths", yscale="log")
    right.set(xlim=(0, STEPS), ylim=(1e-17, 10))
    marks["gap"] = right.plot([], [], color=plotting.ink(), linestyle="-")
    marks["rounding"] = right.axhspan(1e-17, 1e-14, color=plotting.muted(), alpha=0.2)
    right.text(STEPS / 2, 3e-16, "rounding: the paths are one", ha="center", va="center", color=plotting.muted())
    return marks


def draw_trajectories(marks, result):
    """Move the marks to a `Trajectories`; a diverged path is drawn to its last good step."""
    kept = {}
    for pull in PULLS:
        step = result.diverged.get(pull)
        kept[pull] = result.paths[pull][:step]
        plotting.move_path(marks[pull], kept[pull])
        rest = result.rest[pull]
        marks[f"rest {pull}"][0].set_data(*([[rest[0]], [rest[1]]] if rest is not None and step is None else [[], []]))
    n = min(map(len, kept.values()))
    gap = (kept["l2"][:n] - kept["weight_decay"][:n]).norm(dim=1)
    marks["gap"][0].set_data(range(n), gap.clamp(min=1e-17))
    return _say_trajectories(result, gap)


def _say_trajectories(result, gap):
    if result.diverged:
        told = [
            f"{PULLS[pull]} diverged at step {step}"
            + (f": the highest stable learning rate is {result.stable[pull]:.3g}" if result.stable else "")
            for pull, step in result.diverged.items()
        ]
        return f"{'; '.join(told)}.{result.note}"
    if gap.max() < 1e-14:
        return f"The two paths are one: they never differ by more than rounding.{result.note}"
    first = int((gap > 1e-14).nonzero()[0])
    return f"The paths part at step {first} and end {gap[-1].item():.2g} apart.{result.note}"


trajectories = Explorer(
    title="L2 and weight decay from one start",
    controls={
        "optimizer": Choice("optimizer", OPTIMIZERS, "SGD with momentum"),
        "strength": Slider("λ", 0.0, 2.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.005, 1.0, 0.08, log=True),
        "momentum": Slider("momentum μ (Adam: β₁; β₂ is 0.99)", 0.0, 0.95, 0.9, step=0.05),
    },
    compute=compute_trajectories,
    prepare=prepare_trajectories,
    draw=draw_trajectories,
)


# ---------------------------------------------------------------- equilibrium: where each pull comes to rest


def settle(update, pull, strength, momentum, steps=400):
    """The weight [steps + 1] on the parabola ½(w − 1)² from 0, learning rate 0.1."""
    w, state, seen = torch.zeros((), dtype=torch.float64), {}, [0.0]
    for _ in range(steps):
        update(w, w - 1, state, lr=0.1, momentum=momentum, **{pull: strength})
        seen.append(w.item())
    return np.array(seen)


def rest_on_parabola(pull, strength, momentum):
    """1/(1 + λ) for L2, 1/(1 + λ(1 − μ)) for weight decay under heavy-ball momentum μ."""
    return 1 / (1 + strength * (1 if pull == "l2" else 1 - momentum))


def compute_equilibrium(strength, momentum, update=None):
    """Both runs (pull → weights [steps + 1]), λ, μ and a note, with our `sgd_update` or the learner's `update`."""
    if update is not None and not takes(update, "momentum", *PULLS):
        raise ValueError("update: must take the keywords momentum, l2 and weight_decay")
    runs = {pull: settle(update or sgd_update, pull, strength, momentum) for pull in PULLS}
    return runs, strength, momentum, "" if update is None else " Drawn by your update."


def prepare_equilibrium(figure):
    """Left the weight on its way, right where it ends against λ; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
    left.set(xlabel="step", ylabel="weight", title="On its way", xlim=(0, 250), ylim=(0, 2.1))
    right.set(xlabel="λ", ylabel="weight at rest", title="At rest", xlim=(0, 2), ylim=(0, 2.1))
    marks = {}
    for k, (pull, name) in enumerate(PULLS.items()):
        color, linestyle = plotting.series(k)
        marks[pull] = left.plot([], [], color=color, linestyle=linestyle, label=name)
        marks[f"rest {pull}"] = [left.axhline(0, color=color, linestyle=":", linewidth=1.2)]
        marks[f"curve {pull}"] = right.plot([], [], color=color, linestyle=":", linewidth=1.5, label=f"{name}, formula")
        style = {"marker": "o", "markersize": 8, "linestyle": "none"}
        marks[f"end {pull}"] = right.plot([], [], color=color, label=f"{name}, run", **style)
    left.legend(loc="upper right")
    right.legend(loc="upper right")
    return marks


def draw_equilibrium(marks, result):
    """Move the marks to what `compute_equilibrium` returned; a diverged run is drawn to its last good step."""
    runs, strength, momentum, note = result
    axis, said = np.linspace(0, 2, 60), []
    for pull, name in PULLS.items():
        rest = rest_on_parabola(pull, strength, momentum)
        step = diverged_at(torch.tensor((runs[pull] - 1) ** 2 / 2))
        run = runs[pull][:step]
        marks[pull][0].set_data(range(len(run)), run)
        marks[f"rest {pull}"][0].set_ydata([rest, rest])
        marks[f"curve {pull}"][0].set_data(axis, rest_on_parabola(pull, axis, momentum))
        marks[f"end {pull}"][0].set_data(*([[strength], run[-1:]] if step is None else [[], []]))
        end = f"ends at {run[-1]:.3f}" if step is None else f"diverged at step {step}"
        said.append(f"{name} {end} (formula {rest:.3f})")
    return f"λ = {strength:g}, momentum {momentum:g}: {' and '.join(said)}.{note}"


equilibrium = Explorer(
    title="Where do they come to rest?",
    controls={
        "strength": Slider("λ", 0.0, 2.0, 0.5, step=0.05),
        "momentum": Slider("momentum μ", 0.0, 0.95, 0.9, step=0.05),
    },
    compute=compute_equilibrium,
    prepare=prepare_equilibrium,
    draw=draw_equilibrium,
)


# ---------------------------------------------------------------- effective decay: Adam + L2, weight by weight

LAST = 600  # steps
STRENGTHS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SIZES = np.linspace(-7, -1, 31)  # bins of log₁₀ gradient size
DECAYS = np.linspace(-1, 7, 81)  # bins of log₁₀ effective decay
PIXELS = (8, 8)  # an image's height and width


@dataclass
class EffectiveDecay:
    """Adam + L2 on digits, first-layer weights. Arrays [seeds, strengths, …]; seeds are those that have finished.

    Effective decay is in log₁₀ of multiples of lr·λ. Weights that never saw a gradient are left out of all figures.
    """

    strengths: list
    progress: float
    low: torch.Tensor  # 5th percentile over weights
    high: torch.Tensor  # 95th percentile
    least: torch.Tensor  # of all weights
    medians: torch.Tensor  # [seeds, strengths, sizes]: median by gradient size
    shares: torch.Tensor  # [seeds, strengths, decays]: histogram
    pixels: torch.Tensor  # [seeds, strengths, 64]: median by input pixel, NaN where no weight saw a gradient
    cloud: tuple  # log₁₀ gradient size and effective decay of the first seed, [strengths, weights] each

    @property
    def spread(self):
        """Decades between the 5th and the 95th percentile."""
        return self.high - self.low


FIGURES = ("low", "high", "least", "medians", "shares", "pixels")


def measure_one_seed(gradient_square, exp_avg_sq):
    """Figures of one seed from mean g² and v (as Adam holds it), [strengths, hidden units, pixels] each."""
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
    return torch.stack([part.nanmedian() if len(part) >= 20 else decay.new_tensor(torch.nan) for part in inside])


def _shares(decay):
    counts, _ = np.histogram(decay[decay.isfinite()], DECAYS)
    return torch.tensor(counts / counts.sum())


@remembered
def compute_effective_decay(seeds=tuple(range(8))):
    """Train 64-128-10 networks on digits with Adam + L2; yields an `EffectiveDecay` that grows seed by seed."""
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
    parts = {name: torch.stack([figures[seed][name] for seed in seeds]) if seeds else None for name in FIGURES}
    return EffectiveDecay(list(STRENGTHS), progress, **parts, cloud=figures[seeds[0]]["cloud"] if seeds else None)


def prepare_effective_decay(figure):
    """Effective decay against gradient size, its histogram, and its map over the image; returns the marks that move."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.7, 0.8, 1])
    left.set(xlabel="size of the weight's gradient (from the loss)", ylabel="effective decay, in multiples of lr·λ")
    left.set(title="A dot is a weight (one seed)", xlim=(-7, -1), ylim=(-1, 7.5))
    middle.set(xlabel="share of weights", title="How they spread", xlim=(0, 0.3), ylim=(-1, 7.5))
    for axis in (left.xaxis, left.yaxis, middle.yaxis):
        axis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$")
    color, linestyle = plotting.series(0)
    other, dashed = plotting.series(1)
    left.plot([-7, -1], [7, 1], color=plotting.muted(), linestyle=":", label="1/gradient")
    for ax, label in ((left, "AdamW: every weight"), (middle, None)):
        ax.axhline(0, color=other, linestyle=dashed, label=label)
    marks = {"band": plotting.draw_band(left, [], np.empty((0, 0)), label="Adam + L2: median, seeds' band")}
    marks["band"][0].set_linewidth(1.0)
    marks["cloud"] = left.plot([], [], ".", color=color, markersize=3, alpha=0.3, zorder=3)
    left.legend(loc="upper right", fontsize=8, handlelength=1.6)
    marks["histogram"] = middle.plot([], [], color=color, linestyle=linestyle, drawstyle="steps-mid")
    for name, label in (("low", "5 %"), ("high", "95 %")):
        marks[name] = [middle.axhline(np.nan, color=color, linestyle=":", linewidth=1.2)]
        marks[f"{name} text"] = [middle.text(0.295, 0, label, ha="right", va="bottom", color=color, fontsize=8)]
    right.set(title="By pixel of the image", xticks=[], yticks=[])
    right.grid(False)
    right.set_facecolor(plotting.muted())
    image = right.imshow(np.full(PIXELS, np.nan), vmin=1, vmax=6, origin="upper")
    bar = figure.colorbar(image, ax=right, shrink=0.7, ticks=[1, 2, 3, 4, 5, 6])
    bar.ax.yaxis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$")
    marks["pixels"] = [image]
    return marks


def draw_effective_decay(marks, result, strength):
    """Move the marks to an `EffectiveDecay` at one of its strengths."""
    i = result.strengths.index(strength)
    if result.cloud is None:
        return f"Training {len(STRENGTHS)} strengths side by side: {result.progress:.0%}."
    size, decay = (part[i, ::5].numpy() for part in result.cloud)  # every fifth: all pixels of an 8 × 8 image
    seen = np.isfinite(size) & np.isfinite(decay)
    marks["cloud"][0].set_data(size[seen], decay[seen])
    plotting.move_band(marks["band"], _middles(SIZES), result.medians[:, i])
    marks["histogram"][0].set_data(result.shares[:, i].mean(0), _middles(DECAYS))
    for name, y in (("low", result.low[:, i].mean()), ("high", result.high[:, i].mean())):
        marks[name][0].set_ydata([y, y])
        marks[f"{name} text"][0].set_y(y)
    marks["pixels"][0].set_data(np.ma.masked_invalid(result.pixels[:, i].nanmean(0).reshape(PIXELS)))
    n, spread = len(result.low), result.spread[:, i].mean().item()
    return (
        f"λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}: under Adam + L2 the effective decay of the "
        f"middle 90 % of the weights spreads over a factor of {10**spread:.0f}; under AdamW it is one for all."
    )


def _middles(edges):
    return (edges[:-1] + edges[1:]) / 2


effective_decay = Explorer(
    title="Effective decay of each first-layer weight, digits",
    controls={"strength": Slider("λ", values=STRENGTHS, default=1e-4, trained=True)},
    compute=compute_effective_decay,
    prepare=prepare_effective_decay,
    draw=draw_effective_decay,
    quick={"seeds": (0, 1)},
)

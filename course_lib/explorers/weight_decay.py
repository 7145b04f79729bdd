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


def takes(update, name):
    """True if the function `update` can be called with the keyword `name`."""
    parameters = inspect.signature(update).parameters.values()
    return any(p.name == name or p.kind is p.VAR_KEYWORD for p in parameters)


# ---------------------------------------------------------------- trajectories: one bowl, one start, two pulls

BOWL = quadratic(curvatures=(0.5, 4.0), angle=-20, minimum=(2.0, 1.0), window=(-1.2, 3.0, -0.6, 2.6))
START, STEPS = (-0.8, 2.2), 100
OPTIMIZERS = ("SGD", "SGD with momentum", "Adam")


@dataclass
class Trajectories:
    """Paths of both pulls, [steps + 1, 2] each, and where each would come to rest (None: no closed form)."""

    paths: dict
    rest: dict
    diverged: dict  # pull → (step, highest stable learning rate)
    author: str


def rest_in_bowl(strength):
    """Lowest point of the bowl plus (λ/2)‖w‖²: the ridge solution (H + λI)⁻¹Hw*."""
    hessian, minimum = BOWL.hessian, torch.tensor(BOWL.minimum, dtype=torch.float64)
    return torch.linalg.solve(hessian + strength * torch.eye(2, dtype=torch.float64), hessian @ minimum)


def compute_trajectories(optimizer, strength, lr, momentum, update=None):
    """Both paths over the bowl. The learner's own `update` replaces ours where its keywords fit the optimizer."""
    ours, option = {
        "SGD": (sgd_update, {}),
        "SGD with momentum": (sgd_update, {"momentum": momentum}),
        "Adam": (adam_update, {"betas": (momentum, 0.99)}),
    }[optimizer]
    mu = option.get("momentum", 0.0)
    fits = update is not None and all(takes(update, name) for name in (*option, *PULLS))
    run = update if fits else ours
    paths = {pull: descend(BOWL, run, START, STEPS, lr=lr, **option, **{pull: strength}) for pull in PULLS}
    rest = dict.fromkeys(PULLS)
    if optimizer != "Adam":
        rest = {"l2": rest_in_bowl(strength), "weight_decay": rest_in_bowl(strength * (1 - mu))}
    h = torch.linalg.eigvalsh(BOWL.hessian)[-1].item()
    stable = {"l2": 2 * (1 + mu) / (h + strength), "weight_decay": 2 * (1 + mu) / (h + (1 + mu) * strength)}
    steps = {pull: diverged_at(BOWL.loss(path)) for pull, path in paths.items()}
    diverged = {pull: (step, stable[pull]) for pull, step in steps.items() if step is not None}
    author = "your update" if fits else "the course's update (yours has other keywords)" if update else ""
    return Trajectories(paths, rest, diverged, author)


def prepare_trajectories(figure):
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
    left.legend(loc="lower left", ncols=2)
    right.set(title="How far apart?", xlabel="step", ylabel="distance of the two paths", yscale="log")
    right.set(xlim=(0, STEPS), ylim=(1e-17, 10))
    marks["gap"] = right.plot([], [], color=plotting.ink(), linestyle="-")
    marks["rounding"] = right.axhspan(1e-17, 1e-14, color=plotting.muted(), alpha=0.2)
    right.text(STEPS / 2, 3e-16, "rounding", ha="center", va="center", color=plotting.muted())
    return marks


def draw_trajectories(marks, result):
    kept = {}
    for pull in PULLS:
        step, _ = result.diverged.get(pull, (None, None))
        kept[pull] = result.paths[pull][:step]
        plotting.move_path(marks[pull], kept[pull])
        rest = result.rest[pull]
        marks[f"rest {pull}"][0].set_data(*([[rest[0]], [rest[1]]] if rest is not None and step is None else [[], []]))
    n = min(map(len, kept.values()))
    gap = (kept["l2"][:n] - kept["weight_decay"][:n]).norm(dim=1)
    marks["gap"][0].set_data(range(n), gap.clamp(min=1e-17))
    return _say_trajectories(result, gap)


def _say_trajectories(result, gap):
    by = f" Drawn by {result.author}." if result.author else ""
    if result.diverged:
        told = (
            f"{PULLS[pull]} diverged at step {step}: its learning rate is above {bound:.3g}, the highest stable one"
            for pull, (step, bound) in result.diverged.items()
        )
        return f"{'; '.join(told).capitalize()}. Try a smaller one.{by}"
    if gap.max() < 1e-14:
        return f"The two paths are one: they never differ by more than rounding.{by}"
    first = int((gap > 1e-14).nonzero()[0])
    return f"The paths part at step {first} and end {gap[-1].item():.2g} apart.{by}"


trajectories = Explorer(
    title="L2 and weight decay from one start",
    controls={
        "optimizer": Choice("optimizer", OPTIMIZERS, "SGD with momentum"),
        "strength": Slider("λ", 0.0, 2.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.005, 1.0, 0.08, log=True),
        "momentum": Slider("momentum μ (Adam: β₁)", 0.0, 0.95, 0.9, step=0.05),
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
    runs = {pull: settle(update or sgd_update, pull, strength, momentum) for pull in PULLS}
    return runs, strength, momentum, "your update" if update else ""


def prepare_equilibrium(figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
    left.set(xlabel="step", ylabel="weight", title="On its way", xlim=(0, 250), ylim=(0, 1.9))
    right.set(xlabel="λ", ylabel="weight at rest", title="At rest", xlim=(0, 2), ylim=(0, 1.05))
    marks = {}
    for k, (pull, name) in enumerate(PULLS.items()):
        color, linestyle = plotting.series(k)
        marks[pull] = left.plot([], [], color=color, linestyle=linestyle, label=name)
        marks[f"rest {pull}"] = [left.axhline(0, color=color, linestyle=":", linewidth=1.2)]
        marks[f"curve {pull}"] = right.plot([], [], color=color, linestyle=":", linewidth=1.5, label=f"{name}, formula")
        style = {"marker": "o", "markersize": 8, "linestyle": "none"}
        marks[f"end {pull}"] = right.plot([], [], color=color, label=f"{name}, run", **style)
    left.legend(loc="upper right")
    right.legend(loc="lower left")
    return marks


def draw_equilibrium(marks, result):
    runs, strength, momentum, author = result
    axis, said = np.linspace(0, 2, 60), []
    for pull, name in PULLS.items():
        rest = rest_on_parabola(pull, strength, momentum)
        marks[pull][0].set_data(range(len(runs[pull])), runs[pull])
        marks[f"rest {pull}"][0].set_ydata([rest, rest])
        marks[f"curve {pull}"][0].set_data(axis, rest_on_parabola(pull, axis, momentum))
        marks[f"end {pull}"][0].set_data([strength], runs[pull][-1:])
        said.append(f"{name} ends at {runs[pull][-1]:.3f} (formula {rest:.3f})")
    by = f" Drawn by {author}." if author else ""
    return f"λ = {strength:g}, momentum {momentum:g}: {' and '.join(said)}.{by}"


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

STRENGTHS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
BINS = np.linspace(-7, -1, 31)  # log₁₀ of a weight's gradient size
LAST = 600  # steps


@dataclass
class EffectiveDecay:
    """Adam + L2 on digits, first-layer weights. Arrays [seeds, strengths, …]; seeds are those that have finished."""

    strengths: list
    progress: float
    spread: torch.Tensor  # decades between the 5th and 95th percentile of effective decay
    slope: torch.Tensor  # log-log slope of effective decay on gradient size, where the loss's gradient dominates
    share_below_one: torch.Tensor  # share of weights decayed less than lr·λ
    medians: torch.Tensor  # [seeds, strengths, bins]: median log₁₀ effective decay by gradient size
    cloud: tuple  # log₁₀ gradient size and effective decay of the first seed, [strengths, weights] each


def measure_one_seed(gradient_square, exp_avg_sq, weights):
    """Figures of one seed from mean g² and v̂ (as Adam holds it) and the weights, [strengths, …] each."""
    size = gradient_square.flatten(1).sqrt()
    decay = (exp_avg_sq.flatten(1) / (1 - 0.999**LAST)).sqrt().add(1e-8).log10().neg()  # log₁₀ of 1/(√v̂ + ε)
    live = size > 0  # a pixel that is always 0 has no gradient
    pull = weights.new_tensor(STRENGTHS)[:, None] * weights.flatten(1).abs()
    dominated = live & (pull < 0.1 * size)
    size = size.log10()
    rows = range(len(STRENGTHS))
    quantiles = [decay[i][live[i]].quantile(decay.new_tensor([0.05, 0.95])) for i in rows]
    return {
        "spread": torch.stack([high - low for low, high in quantiles]),
        "slope": torch.stack([_slope(size[i][dominated[i]], decay[i][dominated[i]]) for i in rows]),
        "share_below_one": torch.stack([(decay[i][live[i]] < 0).double().mean() for i in rows]),
        "medians": torch.stack([_medians(size[i][live[i]], decay[i][live[i]]) for i in rows]),
        "cloud": (size[:, ::4], decay[:, ::4]),
    }


def _slope(x, y):
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x * x).sum()


def _medians(size, decay):
    place = np.digitize(size, BINS) - 1
    inside = [decay[place == i] for i in range(len(BINS) - 1)]
    return torch.stack([part.median() if len(part) >= 20 else torch.tensor(torch.nan) for part in inside])


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
                weights, v = training.parameters[i][0], training.states[i][0]["exp_avg_sq"]
                figures[seed] = measure_one_seed(squares[seed].cpu(), v.cpu(), weights.cpu())
        yield _gather(figures, training.progress)


def _gather(figures, progress):
    seeds = sorted(figures)

    def stack(name):
        return torch.stack([figures[seed][name] for seed in seeds]) if seeds else torch.empty(0, len(STRENGTHS))

    parts = {name: stack(name) for name in ("spread", "slope", "share_below_one", "medians")}
    return EffectiveDecay(list(STRENGTHS), progress, **parts, cloud=figures[seeds[0]]["cloud"] if seeds else None)


def prepare_effective_decay(figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1], sharey=True)
    left.set(xlabel="log₁₀ of the weight's gradient size (from the loss)", ylabel="log₁₀ effective decay  (0: lr·λ)")
    left.set(title="A dot is a weight", xlim=(-7, -1), ylim=(-1, 7))
    right.set(xlabel="share of weights", title="How they spread", xlim=(0, 0.3))
    color, linestyle = plotting.series(0)
    marks = {"cloud": left.plot([], [], ".", color=color, markersize=2, alpha=0.25)}
    marks["band"] = plotting.draw_band(left, [], np.empty((0, 0)), label="Adam + L2, median over weights")
    other, dotted = plotting.series(1)
    left.plot([-7, -1], [7, 1], color=plotting.muted(), linestyle=":", label="1/gradient")
    for ax, label in ((left, "decoupled (AdamW): every weight"), (right, None)):
        ax.axhline(0, color=other, linestyle=dotted, label=label)
    left.legend(loc="upper right")
    marks["histogram"] = right.plot([], [], color=color, linestyle=linestyle, drawstyle="steps-mid")
    marks["ends"] = [right.axhline(np.nan, color=color, linestyle=":", linewidth=1.2) for _ in range(2)]
    return marks


def draw_effective_decay(marks, result, strength):
    i = result.strengths.index(strength)
    if result.cloud is None:
        return f"Training {len(STRENGTHS)} strengths side by side: {result.progress:.0%}."
    size, decay = (part[i].numpy() for part in result.cloud)
    seen = np.isfinite(size)
    marks["cloud"][0].set_data(size[seen], decay[seen])
    plotting.move_band(marks["band"], (BINS[:-1] + BINS[1:]) / 2, result.medians[:, i])
    counts, edges = np.histogram(decay[seen], np.linspace(-1, 7, 81))
    marks["histogram"][0].set_data(counts / counts.sum(), (edges[:-1] + edges[1:]) / 2)
    low, high = np.quantile(decay[seen], [0.05, 0.95])
    for line, y in zip(marks["ends"], (low, high), strict=True):
        line.set_ydata([y, y])
    n, spread = len(result.spread), result.spread[:, i].mean().item()
    return (
        f"λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}: under Adam + L2 the effective decay of the "
        f"middle 90 % of the weights spreads over a factor of {10**spread:.0f}; under AdamW it is the same for every weight."
    )


effective_decay = Explorer(
    title="Effective decay of each first-layer weight, digits",
    controls={"strength": Slider("λ", values=STRENGTHS, default=1e-4, trained=True)},
    compute=compute_effective_decay,
    prepare=prepare_effective_decay,
    draw=draw_effective_decay,
    quick={"seeds": (0, 1)},
)

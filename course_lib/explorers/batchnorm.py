"""Explorers of lesson 07: activations layer by layer, what the running statistics remember, one network in two modes,
and what weight decay does to a weight whose length does not matter."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.batchnorm import batch_norm
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab import batch_statistics, turning
from course_lib.lab.batch_statistics import variance_of_running_mean
from course_lib.lab.data import digits

# ---------------------------------------------------------------- activations: layer by layer, with and without

DEPTH, WIDTH, UNITS = 10, 64, {"ReLU": torch.relu, "tanh": torch.tanh}
NETS = {False: "without a norm", True: "with BatchNorm"}


@dataclass
class Activations:
    """{with BatchNorm: [layers]}: root mean square of what each layer puts out, and of the gradient that reaches it,
    and the share of outputs that are 0 (ReLU) or beyond ±0.95 (tanh)."""

    size: dict
    gradient: dict
    stuck: dict
    unit: str
    gain: float


def forward(x, weights, activate, norm):
    """What each layer puts out, from the first to the last."""
    outputs = []
    for weight in weights:
        z = x @ weight.T
        x = activate(batch_norm(z, training=True) if norm else z)
        outputs.append(x)
    return outputs


def compute_activations(gain, batch_size, unit):
    """Ten layers, fresh normal weights of spread gain/√64, one batch of digits; the loss is a fixed random sum."""
    generator = torch.Generator().manual_seed(0)
    weights = [gain * torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=generator) / 8 for _ in range(DEPTH)]
    goal = torch.randn(batch_size, WIDTH, dtype=torch.float64, generator=generator)
    x = digits(1000, dtype=torch.float64).train_x[:batch_size].requires_grad_()
    size, gradient, stuck = {}, {}, {}
    for norm in NETS:
        outputs = forward(x, weights, UNITS[unit], norm)
        grads = torch.autograd.grad((goal * outputs[-1]).sum() / batch_size, outputs)
        size[norm] = torch.stack([rms(y) for y in outputs]).detach()
        gradient[norm] = torch.stack([rms(g) * batch_size for g in grads])
        beyond = [(y == 0 if unit == "ReLU" else y.abs() > 0.95).double().mean() for y in outputs]
        stuck[norm] = torch.stack(beyond)
    return Activations(size, gradient, stuck, unit, gain)


def rms(values):
    return values.square().mean().sqrt()


def prepare_activations(figure):
    """Three figures against the layer; returns the marks that move."""
    panels = zip(figure.subplots(1, 3), ("size", "gradient", "stuck"), ("output", "gradient", "stuck"))
    marks, layers = {}, range(1, DEPTH + 1)
    for ax, name, _ in panels:
        ax.set(xlabel="layer", xlim=(0.5, DEPTH + 0.5))
        ax.set_xticks(layers[1::2])
        for k, (norm, label) in enumerate(NETS.items()):
            color, linestyle = plotting.series(k)
            style = {"color": color, "linestyle": linestyle, "marker": "os"[k], "markersize": 4}
            marks[name, norm] = ax.plot([], [], label=label, **style)
        if name != "stuck":
            ax.set(yscale="log", ylim=(1e-8, 1e8))
    left, middle, right = figure.axes
    left.set(title="Size of the outputs", ylabel="root mean square")
    middle.set(title="Size of the gradient there", ylabel="root mean square")
    right.set(title="Outputs that pass no gradient", ylabel="share: 0 (ReLU), beyond ±0.95 (tanh)", ylim=(0, 1))
    left.legend(loc="upper left", fontsize=8)
    return marks


def draw_activations(marks, result):
    """Move the marks to an `Activations`."""
    for name in ("size", "gradient", "stuck"):
        for norm in NETS:
            values = getattr(result, name)[norm]
            marks[name, norm][0].set_data(range(1, DEPTH + 1), values if name == "stuck" else values.clamp(min=1e-12))
    sizes = {norm: f"{values[0].item():.2g} to {values[-1].item():.2g}" for norm, values in result.size.items()}
    without, norm = sizes[False], sizes[True]
    return (
        f"Gain {result.gain:g}, {result.unit}: from layer 1 to {DEPTH} the size of the outputs goes from {without} "
        f"without a norm, from {norm} with BatchNorm."
    )


activations = Explorer(
    title="Ten layers with fresh weights",
    controls={
        "gain": Slider("gain: spread of the weights × √64", 0.3, 5.0, 1.0, log=True),
        "batch_size": Slider("batch size", values=(2, 3, 4, 8, 16, 32, 64, 128, 256), default=64),
        "unit": Choice("activation", tuple(UNITS), "ReLU"),
    },
    compute=compute_activations,
    prepare=prepare_activations,
    draw=draw_activations,
    size=(9.4, 3.4),
)


# ---------------------------------------------------------------- memory: the running statistics of one feature

MEAN, SPREAD, AFTER, BATCHES, RUNS = 2.0, 1.0, 0.0, 200, 40  # the mean jumps to AFTER half-way
OTHERS = 12  # runs that are drawn beside the first


@dataclass
class Memory:
    """Running mean and variance [batches + 1, runs], and what the formula says of the mean's spread at rest."""

    mean: torch.Tensor
    var: torch.Tensor
    expected: float
    momentum: float
    batch_size: int
    note: str


def compute_memory(batch_size, momentum, layer=None):
    """Forty runs at once, as forty features; the learner's own `layer` replaces our `batch_norm` if it is given."""
    generator = torch.Generator().manual_seed(0)
    mean, var = torch.zeros(RUNS, dtype=torch.float64), torch.ones(RUNS, dtype=torch.float64)
    gamma, beta, seen = torch.ones_like(mean), torch.zeros_like(mean), []
    for t in range(BATCHES):
        seen.append((mean.clone(), var.clone()))
        x = SPREAD * torch.randn(batch_size, RUNS, dtype=mean.dtype, generator=generator)
        x += MEAN if t < BATCHES // 2 else AFTER
        (layer or batch_norm)(x, mean, var, gamma, beta, True, momentum, 1e-5)
    means, variances = (torch.stack(part).detach() for part in zip(*seen, (mean, var)))
    expected = variance_of_running_mean(momentum, SPREAD**2, batch_size) ** 0.5
    return Memory(means, variances, expected, momentum, batch_size, "" if layer is None else " Kept by your function.")


def prepare_memory(figure):
    """Running mean and running variance against the batch; returns the marks that move."""
    left, right = figure.subplots(1, 2)
    marks, half = {}, BATCHES // 2
    left.plot([0, half, half, BATCHES], [MEAN, MEAN, AFTER, AFTER], color=plotting.ink(), linestyle=":", label="true")
    right.plot([0, BATCHES], [SPREAD**2] * 2, color=plotting.ink(), linestyle=":", label="true")
    for ax, name, limits in ((left, "mean", (-1, 3)), (right, "variance", (0, 3))):
        ax.set(title=f"Running {name}", xlabel="batch", ylabel=f"running {name}", xlim=(0, BATCHES), ylim=limits)
        color, _ = plotting.series(0)
        style = {"color": plotting.muted(), "linestyle": "-", "linewidth": 0.6}
        marks[f"{name} others"] = [ax.plot([], [], alpha=0.5, **style)[0] for _ in range(OTHERS)]
        marks[name] = ax.plot([], [], color=color, linestyle="-", label="one run")
        marks[f"{name} others"][0].set_label(f"{OTHERS} other runs")
        ax.legend(loc="upper right")
    return marks


def draw_memory(marks, result):
    """Move the marks to a `Memory`."""
    for name, values in (("mean", result.mean), ("variance", result.var)):
        marks[name][0].set_data(range(len(values)), values[:, 0])
        for k, line in enumerate(marks[f"{name} others"], 1):
            line.set_data(range(len(values)), values[:, k])
    spread, late = result.mean[-1].std().item(), (result.mean[-1].mean() - AFTER).item()
    high = "high" if late > 0 else "low"
    lag = f"about {1 / result.momentum:.3g} batches" if result.momentum < 1 else "no batch"
    return (
        f"Momentum {result.momentum:g}, batches of {result.batch_size}: the memory reaches back {lag}. "
        f"{BATCHES // 2} batches after the jump the mean of {RUNS} runs is {abs(late):.2g} too {high}, and they differ "
        f"by ±{spread:.2g} (formula, at rest: ±{result.expected:.2g}).{result.note}"
    )


memory = Explorer(
    title="What the running statistics remember",
    controls={
        "batch_size": Slider("batch size", values=(2, 4, 8, 16, 32, 64, 128, 256), default=16),
        "momentum": Slider(
            "momentum m (weight of the newest batch)", values=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0), default=0.1
        ),
    },
    compute=compute_memory,
    prepare=prepare_memory,
    draw=draw_memory,
)


# ---------------------------------------------------------------- mismatch: one network, two modes


MODES = {
    "evaluation": "evaluation: running statistics",
    "batch": "all test rows as one batch",
    "trained": "as trained: batch by batch",
}


def prepare_mismatch(figure):
    """Left test errors while training, right late ones against the momentum; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1], sharey=True)
    left.set(
        title="While training", xlabel="step", ylabel="test error (%)", xlim=(0, batch_statistics.STEPS), ylim=(0, 80)
    )
    right.set(title="Mean of the last ten looks", xlabel="momentum m", xscale="log", xlim=(7e-4, 1.5))
    marks, empty = {}, np.empty((0, 0))
    for k, (name, label) in enumerate(MODES.items()):
        marks[name] = plotting.draw_band(left, [], empty, label=label, k=k)
        marks[f"{name} end"] = plotting.draw_band(right, [], empty, k=k)
    marks["here"] = [right.axvline(batch_statistics.MOMENTA[0], color=plotting.ink(), linestyle="-", linewidth=1)]
    left.legend(loc="upper right")
    return marks


def draw_mismatch(marks, result, momentum):
    """Move the marks to a `batch_statistics.Modes` at one of its momenta."""
    momenta = batch_statistics.MOMENTA
    m, late = momenta.index(momentum), {name: 100 * result.late(name) for name in MODES}
    for name in MODES:
        values = 100 * getattr(result, name)
        plotting.move_band(marks[name], result.at, values[:, m] if values.ndim == 3 else values)
        end = late[name] if late[name].ndim == 2 else late[name].unsqueeze(1).expand(-1, len(momenta))
        plotting.move_band(marks[f"{name} end"], momenta, end)
    marks["here"][0].set_xdata([momentum] * 2)
    return (
        f"Batches of {result.batch_size}, momentum {momentum:g}, after {result.at[result.seen - 1]} steps: test errors "
        f"of {late['evaluation'][:, m].mean():.1f} % in evaluation, {late['batch'].mean():.1f} % with all test rows as "
        f"one batch, {late['trained'].mean():.1f} % in batches of {result.batch_size} as trained (last ten looks, mean "
        f"of {len(late['batch'])} seeds, 95 % band)."
    )


mismatch = Explorer(
    title="One network, two modes: digits",
    controls={
        "momentum": Slider("momentum m", values=batch_statistics.MOMENTA, default=0.1, trained=True),
        "batch_size": Slider("batch size in training", values=(2, 4, 8, 16, 32, 64), default=32),
    },
    compute=batch_statistics.compare_modes,
    prepare=prepare_mismatch,
    draw=draw_mismatch,
    quick={"seeds": (0, 1), "steps": 60},
)


# ---------------------------------------------------------------- decay: norm, effective learning rate, angle

EXACT, DIGITS = "constant slope around a circle", "first layer of a network on digits"
WINDOW = 10  # steps that one drawn point stands for
LIMITS = {  # of the vertical axes: wide enough for every place of the sliders
    EXACT: {"norm": (0.1, 10), "rate": (2e-3, 12), "angle": (0.15, 40)},
    DIGITS: {"norm": (1, 20), "rate": (8e-4, 0.12), "angle": (0.25, 25)},
}


def compute_decay(lr, where, seeds=tuple(range(8)), steps=turning.STEPS):
    """A `Turning` with a run for each of three starting lengths, or, streaming, for each of eight seeds."""
    if where == EXACT:
        yield turning.turn(lr, steps=steps)
    else:
        yield from turning.turn_on_digits(lr, seeds=seeds, steps=steps)


def prepare_decay(figure):
    """Norm, effective learning rate and angle against the step; returns the marks that move."""
    marks = {}
    titles = {"norm": "Length of w", "rate": "Effective learning rate", "angle": "Angle per step"}
    labels = {"norm": "‖w‖", "rate": "lr/‖w‖²", "angle": f"degrees (root mean square of {WINDOW} steps)"}
    for ax, name in zip(figure.subplots(1, 3), titles):
        ax.set(title=titles[name], xlabel="step", ylabel=labels[name], yscale="log", xlim=(0, turning.STEPS))
        color, _ = plotting.series(0)
        marks[name] = [ax.plot([], [], color=color, linestyle="-", linewidth=1.1, alpha=0.8)[0] for _ in range(8)]
        marks[name][0].set_label("runs")
        other, dashed = plotting.series(1)
        marks[f"{name} rest"] = [ax.axhline(np.nan, color=other, linestyle=dashed, label="at rest, formula")]
        plotting.set_limits(ax, y=LIMITS[EXACT][name])
    marks["legend"] = figure.axes[-1].legend(loc="upper right", fontsize=8)
    return marks


def draw_decay(marks, result, strength):
    """Move the marks to a `Turning` at one of its strengths; a drawn angle is the root mean square of ten steps."""
    i = result.strengths.index(strength)
    norms, angles = result.norms[:, i], result.angles[:, i]
    angles = (
        angles[:, : angles.shape[1] // WINDOW * WINDOW].unflatten(1, (-1, WINDOW)).square().mean(-1).sqrt().rad2deg()
    )
    curves = {"norm": norms[:, ::WINDOW], "rate": result.effective_lr[:, i, ::WINDOW], "angle": angles}
    for name, values in curves.items():
        start = WINDOW / 2 if name == "angle" else 0
        for k, line in enumerate(marks[name]):
            y = plotting.array(values[k]) if k < len(values) else []
            line.set_data(start + WINDOW * np.arange(len(y)), y)
    rest = turning.angle_at_rest(result.lr, strength)
    length = turning.norm_at_rest(result.lr, strength, result.gradient) if result.gradient else np.nan
    at_rest = {"angle": np.rad2deg(rest) if strength else np.nan, "norm": length, "rate": result.lr / length**2}
    for name, value in at_rest.items():
        marks[f"{name} rest"][0].set_ydata([value if 0 < value < np.inf else np.nan] * 2)
    runs = f"{len(norms)} starting lengths" if result.gradient else f"{len(norms)} seeds"
    marks["legend"].get_texts()[0].set_text(runs)
    for name, limits in LIMITS[EXACT if result.gradient else DIGITS].items():
        plotting.set_limits(marks[name][0].axes, y=limits)
    return _say_decay(result, i, rest)


def _say_decay(result, i, rest):
    strength, steps = result.strengths[i], result.angles.shape[-1]
    if result.progress < 1:
        return f"Training {len(result.norms)} seeds at {len(result.strengths)} strengths: {result.progress:.0%}."
    low, high = (f"{end(result.norms[:, i, -1]).item():.3g}" for end in (torch.min, torch.max))
    length = f"ends at {low}" if low == high else f"ends between {low} and {high}"
    if not strength:
        return f"No decay: w grows as long as there is a gradient ({length}); effective learning rate and angle fall."
    late = result.late_angle()[:, i].mean().rad2deg().item()
    return (
        f"λ = {strength:g}, lr = {result.lr:g}: in the last {steps // 2} steps w turns by {late:.3g}° a step "
        f"(at rest {np.rad2deg(rest):.3g}°; lr·λ·steps = {result.lr * strength * steps:.3g}), and its length {length}."
    )


decay = Explorer(
    title="Weight decay in front of a BatchNorm",
    controls={
        "strength": Slider("weight decay λ", values=turning.STRENGTHS, default=0.1, trained=True),
        "lr": Slider("learning rate", values=(0.03, 0.1, 0.3), default=0.1),
        "where": Choice("loss", (EXACT, DIGITS), EXACT),
    },
    compute=compute_decay,
    prepare=prepare_decay,
    draw=draw_decay,
    size=(9.4, 3.4),
    quick={"seeds": (0, 1), "steps": 100},
)

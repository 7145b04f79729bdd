"""Explorers of lesson 08: which blocks are on, what that saves and does to the error, three rules, the gradient."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab.first_block import DEPTHS, STACKS, FirstBlock, measure_first_block
from course_lib.lab.shorter_steps import Steps, time_shorter
from course_lib.lab.shorter_training import (
    DEPTH,
    LAST,
    RECORDED,
    RULES,
    SEEDS,
    STEPS,
    Shorter,
    expected_depths,
    train_shorter,
    uniform_twins,
)
from course_lib.lab.statistics import mean_interval, paired_interval
from course_lib.stochastic_depth import drop_path, survival_probabilities

BLOCKS = np.arange(1, DEPTH + 1)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------- who is on: rows and blocks, drawn by drop_path itself

ROWS, FEATURES, BATCHES = 20, 4, 60
MODES = {"row by row": "row", "the whole batch": "batch"}


@dataclass
class WhoIsOn:
    """What `drop_path` made of ones: [blocks, rows, features] in one batch, and over many batches [blocks] each."""

    survivals: list
    batch: torch.Tensor
    kept: np.ndarray  # share of entries that are not zero
    mean: np.ndarray  # of all entries; 1 if the expectation is kept
    numbers: dict
    note: str


def compute_who_is_on(last, rule, mode, batch, layer=None):
    """Send `BATCHES` batches of ones through `drop_path`, or the learner's `layer`, once for each of twelve blocks."""
    survivals = survival_probabilities(DEPTH, last, rule)
    drop, ones = layer or drop_path, torch.ones(ROWS, FEATURES)

    def through(number):
        options = {"mode": MODES[mode], "training": True, "generator": seeded(number)}
        results = [drop(ones, 1 - survival, **options) for survival in survivals]
        for result in results:
            if getattr(result, "shape", None) != ones.shape:
                raise ValueError(f"layer: must keep the shape {list(ones.shape)}, and made {_what(result)}")
        return torch.stack(results).detach()

    found = torch.stack([through(number) for number in range(1, BATCHES + 1)])
    kept, mean = (x.double().mean((0, 2, 3)).numpy() for x in (found != 0, found))
    numbers = {"last": last, "rule": rule, "mode": mode, "batch": batch}
    note = "" if layer is None else " Drawn by your function."
    return WhoIsOn(survivals, found[batch - 1], kept, mean, numbers, note)


def _what(result):
    return f"{list(result.shape)}" if isinstance(result, torch.Tensor) else f"a {type(result).__name__}"


def prepare_who_is_on(figure):
    """Left rows × blocks of one batch, right the shares over many batches; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1], sharey=True)
    left.set(title="Coloured: the row goes through the block", xlabel=f"rows of the batch, {FEATURES} numbers each")
    left.set(ylabel="block (1 is next to the input)", yticks=BLOCKS[::2])
    left.set_xticks(np.arange(ROWS + 1)[::5])
    left.grid(False)
    color, linestyle = plotting.series(0)
    other, _ = plotting.series(1)
    map_ = _two_colours(figure, color)
    edge = (0, ROWS, 0.5, DEPTH + 0.5)
    image = left.imshow(np.zeros((DEPTH, ROWS * FEATURES)), vmin=0, vmax=1, cmap=map_, aspect="auto", extent=edge)
    left.set(xlim=edge[:2], ylim=edge[2:])
    paper = {"color": figure.get_facecolor(), "linewidth": 0.8, "linestyle": "-", "zorder": 3}
    right.set(title=f"Over {BATCHES} batches", xlabel="share kept, mean of what is left", xlim=(-0.05, 2.6))
    marks = {"image": [image], "rows": [left.axvline(row, **paper) for row in range(1, ROWS)]}  # drawn over the image
    marks["rule"] = right.plot([], [], color=color, linestyle=linestyle, label="rule $p_l$")
    marks["kept"] = right.plot([], [], "o", color=color, markersize=5, linestyle="none", label="share kept")
    marks["mean"] = right.plot([], [], "x", color=other, markersize=6, linestyle="none", label="mean of ones")
    right.legend(loc="upper right", fontsize=8, handlelength=1.4)
    return marks


def _two_colours(figure, color):
    from matplotlib.colors import ListedColormap

    return ListedColormap([figure.get_facecolor(), color])


def draw_who_is_on(marks, result):
    """Move the marks to a `WhoIsOn`."""
    marks["image"][0].set_data((result.batch != 0).reshape(DEPTH, -1).numpy())
    marks["rule"][0].set_data(result.survivals, BLOCKS)
    marks["kept"][0].set_data(result.kept, BLOCKS)
    marks["mean"][0].set_data(result.mean, BLOCKS)
    n, expected, kept = result.numbers, sum(result.survivals), result.kept.sum()
    here = (result.batch != 0).double().mean(-1).sum(0).mean().item()  # blocks a row
    return (
        f"{n['rule'].capitalize()} rule, p_L = {n['last']:g}, {n['mode']}: of {DEPTH} blocks a row is expected to pass "
        f"{expected:.2f}; on average it passed {kept:.2f} over {BATCHES} batches and {here:.2f} in batch {n['batch']}."
        f"{result.note}"
    )


who_is_on = Explorer(
    title="Twelve blocks, twenty rows: who is on?",
    controls={
        "last": Slider("survival of the last block, p_L", 0.0, 1.0, 0.5, step=0.05),
        "rule": Choice("rule", RULES[:2], "linear"),
        "mode": Choice("decided", tuple(MODES), "row by row"),
        "batch": Slider("batch", 1, BATCHES, 1),
    },
    compute=compute_who_is_on,
    prepare=prepare_who_is_on,
    draw=draw_who_is_on,
)


# ---------------------------------------------------------------- shorter: the network, its time and its error

FIGURES = {"test error": ("error", "share of wrong answers"), "test NLL": ("nll", "mean negative log likelihood")}
DRAWS = 8  # batches whose network can be looked at


@dataclass
class ShorterNetwork:
    """Time per step and test figures so far; None: not there yet. alive [batches, p_L, blocks]: which blocks are on."""

    alive: np.ndarray
    times: Steps | None = None
    training: Shorter | None = None


def alive_blocks():
    """[batches, p_L, blocks]: one decision a block and batch. A block that is on stays on for every larger p_L."""
    u = torch.rand(DRAWS, 1, DEPTH, generator=seeded(8), dtype=torch.float64)
    survivals = torch.tensor([survival_probabilities(DEPTH, last) for last in LAST], dtype=torch.float64)
    return (u < survivals).numpy()


def compute_shorter(seeds=SEEDS, rounds=20, steps=STEPS) -> Iterator[ShorterNetwork]:
    """Yield a `ShorterNetwork` that fills in: first the time of a step, then the trained networks, seed by seed."""
    alive = alive_blocks()
    yield ShorterNetwork(alive)
    for times in time_shorter(rounds=rounds):
        yield ShorterNetwork(alive, times)
    for training in train_shorter(seeds=seeds, steps=steps):
        yield ShorterNetwork(alive, times, training)


def prepare_shorter(figure):
    """The network, time against depth, test figure against p_L; returns the marks that move."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    color, _ = plotting.series(0)
    other, _ = plotting.series(1)
    left.set(title="Blocks that are on in this batch", xlabel="block (1 is next to the input)", xticks=BLOCKS[1::2])
    left.set(ylabel="survival probability $p_l$", xlim=(0.2, DEPTH + 0.8), ylim=(-0.42, 1.05), yticks=[0, 0.5, 1])
    left.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    marks = {"bars": list(left.bar(BLOCKS, 0.5, width=0.7, edgecolor=color, linewidth=1.2))}
    marks["path"] = left.plot([], [], color=plotting.ink(), linestyle="-", linewidth=1.6)
    marks["on"] = left.plot([], [], "s", color=color, markersize=9, linestyle="none")
    marks["off"] = left.plot([], [], "s", color=plotting.muted(), markersize=9, fillstyle="none", linestyle="none")
    middle.set(title="Time of a training step", xlabel="share of the blocks computed", xlim=(0, 1.08), ylim=(0, 1.25))
    middle.set(ylabel="relative to all blocks")
    middle.plot([0, 1], [0, 1], color=plotting.muted(), linestyle=":", label="proportional")
    marks["times"] = middle.plot([], [], "o", color=color, markersize=5, linestyle="none", label="measured")
    ring = {"color": other, "markersize": 9, "fillstyle": "none", "linestyle": "none"}
    marks["time"] = middle.plot([], [], "o", label="at this $p_L$", **ring)
    middle.legend(loc="upper left", fontsize=8, handlelength=1.6)
    right.set(title="Test error", xlabel="$p_L$", xlim=(-0.05, 1.05))
    marks["axes"] = right
    marks["band"] = plotting.draw_band(right, LAST, np.full((1, len(LAST)), np.nan))
    marks["dots"] = right.plot([], [], "o", color=color, markersize=4, linestyle="none")
    marks["here"] = [right.axvline(0.5, color=other, linestyle="-", linewidth=1.2)]
    return marks


def draw_shorter(marks, result, last, batch, figure, step):
    """Move the marks to a `ShorterNetwork` at one p_L, one batch's draw, one of `FIGURES`, and a recorded step."""
    i, survivals = LAST.index(last), survival_probabilities(DEPTH, last)
    alive = result.alive[batch - 1, i]
    _draw_network(marks, survivals, alive)
    said = (
        f"At p_L = {last:g}, {sum(survivals):.2f} of {DEPTH} blocks are expected, {alive.sum()} are on in batch {batch}"
        f"{_draw_time(marks, result.times, i)}"
    )
    name, label = FIGURES[figure]
    values, step = (None, step) if result.training is None else after(result.training, name, step)
    _draw_figure(marks, values, figure, label, last)
    if values is None:
        return f"{said}. The clock first, then the training."
    known = values[values.isfinite().all(1)]
    if len(known) < 2:
        return f"{said}. Training {len(LAST)} values of p_L side by side: {result.training.progress:.0%}."
    return f"{said}; {figure} after {step} steps {mean_interval(known[:, i])} over {len(known)} seeds."


def after(training, name, step):
    """(a figure after `step` steps or, where a hurried training never came so far, at its end; that step)"""
    step = step if step in training.recorded else training.recorded[-1]
    return training.at(name, step), step


def _draw_network(marks, survivals, alive):
    color, _ = plotting.series(0)
    for bar, survival, on in zip(marks["bars"], survivals, alive):
        bar.set_height(survival)
        bar.set_facecolor(color if on else "none")
    y = np.where(alive, -0.14, -0.3)  # through the box, or past it
    x = np.stack([BLOCKS - 0.35, BLOCKS + 0.35], 1).ravel()
    marks["path"][0].set_data([0.3, *x, DEPTH + 0.7], [-0.3, *np.repeat(y, 2), -0.3])
    marks["on"][0].set_data(BLOCKS[alive], np.full(alive.sum(), -0.14))
    marks["off"][0].set_data(BLOCKS[~alive], np.full((~alive).sum(), -0.14))


def _draw_time(marks, steps, i):
    """Move the marks of the middle picture; returns what to say of the time."""
    if steps is None:
        marks["times"][0].set_data([], [])
        marks["time"][0].set_data([], [])
        return ""
    share, relative = steps.shares.mean(0), steps.relative.mean(0)
    marks["times"][0].set_data(share, relative)
    marks["time"][0].set_data([share[i]], [relative[i]])
    return f", a step takes {1e3 * steps.seconds[:, i].mean():.2g} ms, {relative[i]:.0%} of a whole one"


def _draw_figure(marks, values, figure, label, last):
    right = marks["axes"]
    plotting.set_texts(right, title=figure.replace("test", "Test"), ylabel=label)
    marks["here"][0].set_xdata([last, last])
    values = np.full((1, len(LAST)), np.nan) if values is None else values
    plotting.move_band(marks["band"], LAST, values)
    line = marks["band"][0]
    marks["dots"][0].set_data(line.get_xdata(), line.get_ydata())
    plotting.set_limits(right, y=(0, 0.4) if figure == "test error" else (0, 2.6))


shorter = Explorer(
    title="A network that is shorter while it learns: 12 blocks of width 32, digits, a fifth of the labels wrong",
    controls={
        "last": Slider("p_L", values=LAST, default=0.5, trained=True),
        "batch": Slider("batch", 1, DRAWS, 1, trained=True),
        "figure": Choice("right picture", tuple(FIGURES), "test error", trained=True),
        "step": Slider("after so many steps", values=RECORDED, default=STEPS, trained=True),
    },
    compute=compute_shorter,
    prepare=prepare_shorter,
    draw=draw_shorter,
    size=(10, 3.6),
    quick={"seeds": (0, 1), "rounds": 2, "steps": 40},
)


# ---------------------------------------------------------------- rules: three ways to spend one expected depth

COMPARED = (0.0, 0.5, 1.0)  # p_L of the linear rule, some of LAST
OTHERS = RULES[1:]


@dataclass
class Rules:
    """All three rules, trained so far, at the same expected depths; a rule that has not begun is missing."""

    linear: Shorter
    others: dict


def last_of(rule, last):
    """What stands for p_L under a rule, so that its expected depth is that of the linear one to `last`."""
    return uniform_twins((last,))[0] if rule == "uniform" else last


def compute_rules(seeds=SEEDS, other_seeds=tuple(range(8)), steps=STEPS) -> Iterator[Rules]:
    """Train the linear rule (or remember it), then the others at the same expected depths; yield `Rules`."""
    for linear in train_shorter(seeds=seeds, steps=steps):
        yield Rules(linear, {})
    others = {}
    for rule in OTHERS:
        twins = tuple(last_of(rule, last) for last in COMPARED[:-1])  # at p_L = 1 all rules are one
        for training in train_shorter(rule, twins, seeds=other_seeds, steps=steps, watch=False):
            others[rule] = training
            yield Rules(linear, dict(others))


def compared(result, rule, read):
    """(linear, other) [seeds, COMPARED] for the seeds that both have; `read` takes a figure out of a `Shorter`."""
    columns, linear = [LAST.index(last) for last in COMPARED], read(result.linear)
    if rule not in result.others:
        return linear[:, columns], torch.full((1, len(COMPARED)), torch.nan)
    other = read(result.others[rule])
    linear = linear[: len(other), columns]
    return linear, torch.cat([other, linear[:, -1:]], 1)


def prepare_rules(figure):
    """Left the rules, right the test figure against expected depth; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    left.set(
        title="Same expected depth, spent differently", xlabel="block (1 is next to the input)", ylim=(-0.03, 1.05)
    )
    left.set(ylabel="survival probability $p_l$", xlim=(0.5, DEPTH + 0.5), xticks=BLOCKS[1::2])
    right.set(title="Test error", xlabel="expected depth (blocks)", xlim=(5, DEPTH + 0.3))
    marks = {"axes": right}
    for k, rule in enumerate(RULES):
        color, linestyle = plotting.series(k)
        marks[rule] = left.plot([], [], color=color, linestyle=linestyle, marker="o", markersize=4, label=rule)
        marks[f"{rule} band"] = plotting.draw_band(right, [], np.empty((0, 0)), label=rule, k=k)
    marks["here"] = [right.axvline(9, color=plotting.muted(), linestyle=":", linewidth=1.5)]
    right.legend(loc="lower right")
    return marks


def draw_rules(marks, result, last, figure, step):
    """Move the marks to `Rules` at one p_L of the linear rule, one of `FIGURES`, and a recorded step.

    The linear rule is drawn on the seeds that the others have, once they have begun.
    """
    i, depths = COMPARED.index(last), expected_depths(COMPARED)
    marks["here"][0].set_xdata([depths[i]] * 2)
    name, label = FIGURES[figure]
    plotting.set_texts(marks["axes"], title=figure.replace("test", "Test"), ylabel=label)
    plotting.set_limits(marks["axes"], y=(0, 0.4) if name == "error" else (0, 2.6))
    pairs = {rule: compared(result, rule, lambda training: after(training, name, step)[0]) for rule in OTHERS}
    drawn = {"linear": pairs[OTHERS[0]][0]} | {rule: other for rule, (_, other) in pairs.items()}
    for rule in RULES:
        survivals = survival_probabilities(DEPTH, last_of(rule, last), "uniform" if rule == "uniform" else "linear")
        marks[rule][0].set_data(BLOCKS, survivals[::-1] if rule == "reversed" else survivals)
        plotting.move_band(marks[f"{rule} band"], depths, drawn[rule])
    apart = {rule: (linear - other)[:, i] for rule, (linear, other) in pairs.items()}
    apart = {rule: difference[difference.isfinite()] for rule, difference in apart.items()}
    _, step = after(result.linear, name, step)
    return _say_rules(result, apart, last, f"{figure} after {step} steps", depths[i])


def _say_rules(result, apart, last, figure, depth):
    said = f"At p_L = {last:g} of the linear rule, all three expect {depth:.2f} of {DEPTH} blocks"
    running = [f"{rule} {training.progress:.0%}" for rule, training in _trainings(result) if training.progress < 1]
    if running or len(result.others) < len(OTHERS):
        return f"{said}. Training: {', '.join(running) or 'the next rule'}."
    if last == 1.0:
        return f"{said}: nothing is dropped, and they are one."
    differences = [f"minus {rule} {paired_interval(x, 0 * x)}" for rule, x in apart.items()]
    return f"{said}; {figure}, linear {', '.join(differences)} over {len(apart[OTHERS[0]])} seeds."


def _trainings(result):
    return [("linear", result.linear), *result.others.items()]


rules = Explorer(
    title="Linear, uniform, reversed",
    controls={
        "last": Slider("p_L of the linear rule", values=COMPARED, default=0.5, trained=True),
        "figure": Choice("right picture", tuple(FIGURES), "test error", trained=True),
        "step": Slider("after so many steps", values=RECORDED, default=STEPS, trained=True),
    },
    compute=compute_rules,
    prepare=prepare_rules,
    draw=draw_rules,
    quick={"seeds": (0, 1), "other_seeds": (0, 1), "steps": 40},
)


# ---------------------------------------------------------------- first block: what reaches it, at the start

BRANCHES = {"Linear–GELU–Linear": False, "LayerNorm in front": True}
STARTS = {"torch's own, 1/(3n)": 1.0, "1/n": 3**0.5, "2/n (He)": 6**0.5}  # variance of weights with n inputs → gain


def compute_first_block(last, branch, start, seeds=tuple(range(10))) -> Iterator[FirstBlock]:
    """Yield a `FirstBlock` that grows seed by seed."""
    yield from measure_first_block(last, BRANCHES[branch], STARTS[start], seeds)


def prepare_first_block(figure):
    """The norm of the first block's gradient against depth, a band a stack; returns the marks that move."""
    axes = figure.subplots()
    axes.set(title="What reaches the first block of an untrained network", xscale="log", yscale="log")
    axes.set(xlabel="depth (blocks)", ylabel="norm of its gradient", xlim=(0.9, 75))
    axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
    axes.minorticks_off()
    none = np.full((1, len(DEPTHS)), np.nan)
    marks = {stack: plotting.draw_band(axes, DEPTHS, none, label=stack, k=k) for k, stack in enumerate(STACKS)}
    axes.legend(loc="lower left")
    return {"axes": axes, **marks}


def draw_first_block(marks, result):
    """Move the marks to a `FirstBlock`: geometric means, and intervals of the logarithm; a gap where one is 0."""
    middle = {}
    plotting.set_limits(marks["axes"], y=(1e-12, 30) if result.gain == 1 else (1e-12, 1e17))
    for k, stack in enumerate(STACKS):
        logs = result.norm[:, k].log()
        logs = logs.where(logs.isfinite().all(0), torch.nan)  # a depth at which some first block was never on: a gap
        line, band = marks[stack]
        plotting.move_band(marks[stack], DEPTHS, logs)
        line.set_ydata(np.exp(line.get_ydata()))
        for path in band.get_paths():
            path.vertices[:, 1] = np.exp(path.vertices[:, 1])
        middle[stack] = logs.mean(0).exp()
    end = {stack: plotting.readable(float(f"{value[-1]:.2g}")) for stack, value in middle.items()}
    below = " (off the picture)" if middle["no shortcut"][-1] < 1e-12 else ""
    gap = "." if (result.norm > 0).all() else ". A gap: that first block is never on."
    seeds = f"{len(result.norm)} seed{'s' * (len(result.norm) > 1)}"
    return (
        f"Depth {DEPTHS[-1]}, {seeds}: the norm is {end['no shortcut']} without shortcuts{below}, {end['shortcut']} "
        f"with them, {end['shortcut, dropping']} with them and dropping to p_L\u00a0=\u00a0{result.last:g}{gap}"
    )


first_block = Explorer(
    title="The gradient at the first block",
    controls={
        "last": Slider("p_L", 0.0, 1.0, 0.5, step=0.1),
        "branch": Choice("branch", tuple(BRANCHES), "Linear–GELU–Linear"),
        "start": Choice("variance of the weights at the start", tuple(STARTS), "torch's own, 1/(3n)"),
    },
    compute=compute_first_block,
    prepare=prepare_first_block,
    draw=draw_first_block,
    size=(8, 3.4),
    quick={"seeds": (0, 1)},
)

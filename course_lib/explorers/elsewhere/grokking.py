"""A transformer learns to add, and its numbers fall into a circle: move λ, the step, the arm."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.elsewhere import grokking
from course_lib.experiments.elsewhere.grokking import PRIME, Arm
from course_lib.explorers.elsewhere import curves
from course_lib.panel import Choice, Explorer, Seen, Slider

DECAYS = tuple(int(arm.weight_decay) for arm in grokking.DECAYS)
DECOUPLED, L2 = "decoupled", "L2, λ/1000"
FIGURES = {  # name → field without its rows, label of its axis, limits
    "accuracy": ("accuracy", "share of the pairs right", (-0.03, 1.05)),
    "NLL": ("loss", "NLL (nats)", (-0.5, 22.0)),
}


def arms_of(kind, dropout, smoothing):
    """An arm for each of DECAYS, which in L2 count thousandths."""
    return tuple(
        Arm(
            weight_decay=float(decay) if kind == DECOUPLED else 0.0,
            l2=decay / 1000 if kind == L2 else 0.0,
            dropout=float(dropout),
            label_smoothing=float(smoothing),
        )
        for decay in DECAYS
    )


def compute(kind, dropout, smoothing, steps=grokking.STEPS):
    """Runs of every one of DECAYS, looked at often."""
    arms = arms_of(kind, dropout, smoothing)
    yield from grokking.compute_grokking(arms, steps=steps, record_at=grokking.DENSE)


def order_of_visit(frequency, p=PRIME):
    """The numbers 0 … p − 1 in the order in which a circle of this frequency has them.

    n stands at the angle 2πkn/p, so n = j·k⁻¹ mod p is the j-th.
    """
    return [j * pow(frequency, -1, p) % p for j in range(p)]


def ring(numbers):
    """`Circles` of embeddings [p, width], the numbers' places in the first plane, their order.

    Places [p, 2] are in units of the root mean square length: who is 1 from the middle lies wholly
    in this plane. The order goes once round and back to 0.
    """
    found = grokking.circles(numbers)
    length = (numbers - numbers.mean(0)).double().square().sum(1).mean().sqrt()
    order = order_of_visit(found.frequencies[0])
    return found, (found.points[0] / length).numpy(), [*order, order[0]]


def prepare_curves(left):
    """The run against updates: pairs it learns from, others, and those of the run without decay."""
    marks = {"left": left}
    left.set(title="On the way", xlabel="updates", xlim=(0, 1.02 * grokking.STEPS))
    looks = {
        "train": ("pairs it learns from", curves.TRAINED),
        "test": ("pairs it never saw", curves.DECAYED),
    }
    for rows, (label, look) in looks.items():
        marks[rows] = left.plot([], [], label=label, **curves.of(look))
        dot = curves.of(look) | {"linestyle": "none"}
        marks[f"{rows} here"] = left.plot([], [], "o", markersize=6, **dot)
    without = curves.of(curves.UNDECAYED)
    marks["plain"] = left.plot([], [], label="never saw, λ = 0", **without)
    left.legend(loc="lower right", fontsize=8, bbox_to_anchor=(1.0, 0.06))
    return marks


def _prepare(figure):
    """Left the run, in the middle the numbers in the plane of a frequency, right their power."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.35, 1.2, 0.8])
    marks = prepare_curves(left) | {"middle": middle}
    marks["here"] = [left.axvline(np.nan, color=plotting.ink(), linewidth=1, linestyle=":")]
    middle.set(xlim=(-0.95, 0.95), ylim=(-0.95, 0.95))
    middle.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
    middle.set_title("The numbers 0 … 30")
    middle.set_aspect("equal")
    color, _ = plotting.series(2)
    marks["ring"] = middle.plot([], [], color=color, linestyle="-", linewidth=1)
    middle_of = {"ha": "center", "va": "center", "fontsize": 8, "color": plotting.ink()}
    marks["numbers"] = [middle.text(np.nan, np.nan, str(n), **middle_of) for n in range(PRIME)]
    last = (PRIME - 1) // 2
    right.set(title="Power by frequency", xlabel="frequency", ylabel="share")
    right.set(xlim=(0.3, last + 0.7), ylim=(0, 0.62), xticks=range(1, last + 1, 2))
    marks["power"] = list(right.bar(range(1, last + 1), [0] * last, color=color, width=0.75))
    return marks


def _draw(marks, result, decay, step, figure):
    """Move the marks to a `Grokking` at one decay and the last recorded step up to `step`."""
    i, none = DECAYS.index(decay), DECAYS.index(0)
    known = np.flatnonzero(np.isfinite(result.norm[0, i].numpy()) & (_steps(result) <= step))
    draw_curves(marks, result, i, none, figure)
    marks["here"][0].set_xdata([np.nan, np.nan])
    if not len(known):
        _draw_numbers(marks, None)
        return f"Training {len(DECAYS)} decays side by side: {result.progress:.0%}."
    at = known[-1]
    name, *_ = FIGURES[figure]
    marks["here"][0].set_xdata([result.recorded[at]] * 2)
    for rows in ("train", "test"):
        value = getattr(result, f"{rows}_{name}")[0, i, at].item()
        marks[f"{rows} here"][0].set_data([result.recorded[at]], [value])
    found = _draw_numbers(marks, result.numbers[0, i, at])
    return Seen(_say(result, i, at, found), _readings(marks, result, i, at))


def _steps(result):
    return np.array(result.recorded)


def draw_curves(marks, result, i, none, figure="accuracy"):
    """Move the curves to the arm `i` of a `Grokking`; `none`: that without decay."""
    name, label, limits = FIGURES[figure]
    plotting.set_texts(marks["left"], ylabel=label)
    plotting.set_limits(marks["left"], y=limits)
    for rows in ("train", "test"):
        marks[rows][0].set_data(result.recorded, getattr(result, f"{rows}_{name}")[0, i])
        marks[f"{rows} here"][0].set_data([], [])
    plain = getattr(result, f"test_{name}")[0, none]
    marks["plain"][0].set_data(result.recorded, plain if i != none else np.nan * plain)


def _draw_numbers(marks, numbers):
    """Ring and power of the embeddings [p, width]; returns their `Circles`. None: nothing yet."""
    if numbers is None:
        marks["ring"][0].set_data([], [])
        for text in marks["numbers"]:
            text.set_position((np.nan, np.nan))
        for bar in marks["power"]:
            bar.set_height(0)
        return None
    found, points, order = ring(numbers)
    marks["ring"][0].set_data(*points[order].T)
    for text, place in zip(marks["numbers"], points):
        text.set_position(place)
    for bar, share in zip(marks["power"], found.shares.tolist()):
        bar.set_height(share)
    return found


def _say(result, i, at, found):
    train, test, nll = (
        figure[0, i, at].item()
        for figure in (result.train_accuracy, result.test_accuracy, result.test_loss)
    )
    arm, k = result.arms[i], found.frequencies[0]
    more = [f"dropout {arm.dropout:g}"] * bool(arm.dropout)
    more += [f"smoothing {arm.label_smoothing:g}"] * bool(arm.label_smoothing)
    kind = f"L2, λ = {arm.l2:g}" if arm.l2 else f"λ = {arm.weight_decay:g}"
    return (
        f"{', '.join([kind, *more])}, after {result.recorded[at]} updates: {train:.0%} of the "
        f"pairs it learns from are right and {test:.0%} of those that it never saw "
        f"(NLL {nll:.2f}). The numbers are joined in the order in which frequency {k} visits them. "
        f"It has {found.shares.max().item():.0%} of the power, the two strongest "
        f"{found.shares.topk(2).values.sum().item():.0%}. The ring shows "
        f"{found.planar[0].item():.0%} of what tells the numbers apart."
    )


def _readings(marks, result, i, at):
    """Each number with its place, and the norm at the chosen step."""
    step, norm = result.recorded[at], result.norm[0, i, at].item()
    name = f"norm of all weights after {step} updates: {norm:.1f}"
    places = [(text.get_text(), *map(float, text.get_position())) for text in marks["numbers"]]
    return [
        (marks["left"], float(step), 0.0, name),
        *((marks["middle"], x, y, f"{n}: {x:.2f}, {y:.2f}") for n, x, y in places),
    ]


explorer = Explorer(
    title="A one-layer transformer learns to add modulo 31 from 60 % of the pairs",
    controls={
        "decay": Slider("λ", values=DECAYS, default=2, trained=True, played=False),
        "step": Slider(
            "after so many updates", values=grokking.RECORDED, default=grokking.STEPS, trained=True
        ),
        "kind": Choice("kind of decay", (DECOUPLED, L2), DECOUPLED),
        "dropout": Choice("dropout", ("0", "0.1", "0.3", "0.5"), "0"),
        "smoothing": Choice("label smoothing", ("0", "0.1", "0.3"), "0"),
        "figure": Choice("left picture", tuple(FIGURES), "accuracy", trained=True),
    },
    presets={
        "decay": {},
        "nothing": {"decay": 0},
        "knows by heart": {"step": 75},
        "L2 through Adam": {"kind": L2, "decay": 1},
        "dropout alone": {"decay": 0, "dropout": "0.3"},
        "decay and smoothing": {"smoothing": "0.1"},
    },
    frozen={"decay": len(DECAYS), "step": (0, 30, 50, 75, 100, 150, 200, grokking.STEPS)},
    compute=compute,
    prepare=_prepare,
    draw=_draw,
    size=(10.4, 3.9),
    quick={"steps": 30},
)

show = explorer.show

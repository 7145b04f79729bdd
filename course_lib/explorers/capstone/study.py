"""Four networks on one data set divided again and again: move J, choose the interval."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.capstone import spam_study
from course_lib.panel import Choice, Explorer, Slider

REPETITIONS = (2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
VARIANTS = tuple(spam_study.VARIANTS)
OTHERS = VARIANTS[1:]
MARGIN = 1.0  # points: what lies within it is "within a point"
FEWEST = 5  # repetitions from which on a width is drawn: of fewer it is chance
ACCURACIES, DIFFERENCES = (90, 97), 2.5  # limits of the axes, percent and points


def _prepare(figure):
    """Accuracies, differences from plain, and the interval's half width against repetitions."""
    # limits go by the data set, and a layout made anew would shift by a hair
    figure.set_layout_engine("none")
    width, height = figure.get_size_inches()  # labels take so many inches, large or not
    before, between = 0.55, 0.65
    places = {
        "left": before / width,
        "right": 0.99,
        "bottom": 0.55 / height,
        "top": 1 - 0.3 / height,
        "wspace": 3 * between / (0.99 * width - before - 2 * between),
    }
    left, middle, right = figure.add_gridspec(
        1, 3, width_ratios=[1.25, 1, 1.1], **places
    ).subplots()
    left.set(
        title="Accuracy", ylabel="accuracy, %", xlim=(-0.6, len(VARIANTS) - 0.4), ylim=ACCURACIES
    )
    left.set_xticks(range(len(VARIANTS)), [name.replace(" ", "\n") for name in VARIANTS])
    middle.set(
        title="Difference from plain", ylabel="percentage points", xlim=(-0.6, len(OTHERS) - 0.4)
    )
    middle.set_ylim(-DIFFERENCES, DIFFERENCES)
    middle.set_xticks(range(len(OTHERS)), [name.replace(" ", "\n") for name in OTHERS])
    middle.axhspan(-MARGIN, MARGIN, color=plotting.muted(), alpha=0.12, linewidth=0)
    middle.axhline(0, color=plotting.muted(), linewidth=1, linestyle="-")
    marks = _interval_marks(left, "accuracy", VARIANTS) | _interval_marks(
        middle, "difference", OTHERS
    )
    right.set(
        title="Half width of the interval", xlabel="repetitions J", ylabel="percentage points"
    )
    right.set(xscale="log", xlim=(1.8, 112), yscale="log", ylim=(0.05, 10))
    marks["words"] = [right.text(0.04, 0.05, "", transform=right.transAxes, color=plotting.ink())]
    right.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    right.set_xticks([], minor=True)
    right.set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    right.set_yticks([], minor=True)
    for k, kind in enumerate(spam_study.KINDS):
        color, linestyle = plotting.series(len(VARIANTS) + k)[0], plotting.series(k)[1]
        marks[f"{kind} widths"] = right.plot([], [], color=color, linestyle=linestyle, label=kind)
        marks[f"{kind} here"] = right.plot(
            [], [], color=color, marker="o", markersize=8, linestyle="none"
        )
    right.legend(loc="upper right", fontsize=8)
    return marks


def _interval_marks(ax, what, names):
    """Dots, a mean and its interval for each variant, in the variant's colour."""
    marks = {}
    for name in names:
        style = {"color": plotting.series(VARIANTS.index(name))[0]}
        dots = {"marker": ".", "markersize": 4, "linestyle": "none", "alpha": 0.35}
        marks[f"{what} {name} dots"] = ax.plot([], [], **style, **dots)
        marks[f"{what} {name} interval"] = ax.plot(
            [], [], linewidth=3, linestyle="-", solid_capstyle="butt", **style
        )
        marks[f"{what} {name} mean"] = ax.plot(
            [], [], marker="_", markersize=16, markeredgewidth=2, **style
        )
    return marks


def _draw(marks, result, repetitions, interval, variant):
    """Move the marks to the first `repetitions` of a `Study`, with one kind of interval."""
    seen = result.first(repetitions)
    if len(seen.accuracy) < 2:
        _erase(marks)
        networks = f"four networks in each of {result.asked} divisions of the data"
        return f"Training {networks}: {result.progress:.0%}."
    _fit_axes(marks, result)
    for place, name in enumerate(VARIANTS):
        _move(marks, f"accuracy {name}", place, seen.of(name), seen.interval(name, interval))
    for place, name in enumerate(OTHERS):
        found = seen.difference(name, kind=interval)
        _move(marks, f"difference {name}", place, seen.of(name) - seen.of("plain"), found)
    marks["words"][0].set_text(f"{variant} − plain")
    # no more than is asked for: so many repetitions, and the naive interval alone
    for kind in spam_study.KINDS:
        last = len(seen.accuracy)
        counts = sorted({J for J in REPETITIONS if FEWEST <= J <= last} | {last})
        counts = counts if kind in ("naive", interval) else []
        widths = [
            100 * seen.first(J).difference(variant, kind=kind).half_width or np.nan for J in counts
        ]
        marks[f"{kind} widths"][0].set_data(counts, widths)
        marks[f"{kind} here"][0].set_data(
            *((counts[-1:], widths[-1:]) if kind == interval else ([], []))
        )
    return _say(seen, interval)


def _erase(marks):
    for name, (mark,) in marks.items():
        if name == "words":
            mark.set_text("")
        else:
            mark.set_data([], [])


def _fit_axes(marks, result):
    """Limits that hold all repetitions there are; wider than usual only where they must be."""
    low = min(ACCURACIES[0], np.floor(100 * result.accuracy.min().item() - 0.2))
    high = max(ACCURACIES[1], np.ceil(100 * result.accuracy.max().item() + 0.2))
    apart = (result.accuracy - result.accuracy[:, :1]).abs().max().item()
    reach = max(DIFFERENCES, np.ceil(100 * apart + 0.1))
    plotting.set_limits(marks["accuracy plain mean"][0].axes, y=(low, high))
    plotting.set_limits(marks["difference both mean"][0].axes, y=(-reach, reach))


def _move(marks, name, place, values, found):
    """Dots of all values beside their mean and interval, in percent."""
    # spread evenly, so that few dots coincide
    beside = place - 0.3 + 0.15 * (np.arange(len(values)) * 0.618 % 1)
    marks[f"{name} dots"][0].set_data(beside, 100 * values)
    marks[f"{name} interval"][0].set_data([place, place], [100 * found.low, 100 * found.high])
    marks[f"{name} mean"][0].set_data([place], [100 * found.mean])


def _say(seen, kind):
    J = len(seen.accuracy)
    known = f"{J} repetitions" if seen.asked <= J else f"{J} of {seen.asked} repetitions so far"
    accuracies = ", ".join(f"{name} {_plus_minus(seen.interval(name, kind))}" for name in VARIANTS)
    differences = [(name, seen.difference(name, kind=kind)) for name in OTHERS]
    said = ", ".join(f"{name} {_plus_minus(found, '+')}" for name, found in differences)
    apart = [name for name, found in differences if found.excludes(0)]
    verdict = (
        f"Interval without 0: {' and '.join(apart)}"
        if apart
        else "Each of these three intervals holds 0"
    )
    return (
        f"{seen.table}, {known}, {kind} 95 % intervals. Accuracy in %: {accuracies}. "
        f"Difference from plain, in points: {said}. {verdict}.{' ' * bool(seen.note)}{seen.note}"
    )


def _plus_minus(found, sign=""):
    return f"{100 * found.mean:{sign}.2f} ± {100 * found.half_width:.2f}".replace("-", "−")


explorer = Explorer(
    title="One data set, divided again and again: four networks that filter spam",
    controls={
        "repetitions": Slider("repetitions J", values=REPETITIONS, default=10, trained=True),
        "interval": Choice("interval", spam_study.KINDS, "naive", trained=True),
        "variant": Choice("right-hand picture", OTHERS, "dropout", trained=True),
        "epochs": Slider("training epochs", values=(8, 20), default=8),
    },
    frozen={"repetitions": 11, "interval": 2, "variant": 3},
    compute=spam_study.study,
    prepare=_prepare,
    draw=_draw,
    size=(10, 3.8),
    quick={"repetitions": 4},
)

show = explorer.show

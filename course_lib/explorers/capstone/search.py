"""The best of n random settings on validation rows, and what it is worth on test rows: move n."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.capstone.mixer import WORLDS
from course_lib.experiments.capstone.search import CANDIDATES, RUNGS, search
from course_lib.panel import Choice, Explorer, Slider

COUNTS = np.arange(1, CANDIDATES + 1)


def _prepare(figure):
    """All candidates of one study on the left, the winner of n over all studies on the right."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    left.set(
        title="The first study: candidates 1 to n",
        xlabel="validation error, %",
        ylabel="test error, %",
    )
    right.set(
        title="The best of n on validation rows",
        xlabel="n, candidates tried",
        ylabel="error of the winner, %",
    )
    right.set(xlim=(1, CANDIDATES))
    marks = {"even": left.plot([0, 100], [0, 100], color=plotting.muted(), linewidth=1)}
    marks["gap"] = left.plot(
        [], [], color=plotting.muted(), linestyle=":", label="their mean gap from the diagonal"
    )
    style = {"linestyle": "none", "color": plotting.series(0)[0]}
    marks["later"] = left.plot(
        [], [], marker="o", markersize=4, alpha=0.3, label="not tried yet", **style
    )
    marks["tried"] = left.plot([], [], marker="o", markersize=5, label="tried", **style)
    star = {"marker": "*", "markersize": 14, "linestyle": "none", "color": plotting.series(1)[0]}
    marks["winner"] = left.plot([], [], label="wins on validation", **star)
    left.legend(loc="lower right", fontsize=8)
    for k, (name, label) in enumerate(
        {"test": "on test rows", "validation": "on the rows that chose it"}.items()
    ):
        marks[name] = plotting.draw_band(right, [], np.empty((0, 0)), label=label, k=k)
    marks["n"] = [right.axvline(1, color=plotting.muted(), linewidth=1)]
    right.legend(loc="upper right")
    return marks


def _draw(marks, result, n, step):
    """Move the marks to a `Search`, with the first `n` candidates tried, all trained to `step`."""
    rung = RUNGS.index(step)
    marks["n"][0].set_xdata([n, n])
    if result.progress < 1:
        seeds, settings, _ = result.test.shape
        trained = f"{seeds * settings} networks, {settings} settings in each of {seeds} studies"
        return f"Training {trained}: {result.progress:.0%}."
    x, y = (100 * errors[0, :, rung].numpy() for errors in (result.validation, result.test))
    winner = np.nanargmin(x[:n])
    for name, which in (("tried", slice(0, n)), ("later", slice(n, None)), ("winner", [winner])):
        marks[name][0].set_data(x[which], y[which])
    gap = np.nanmean(y - x)
    marks["gap"][0].set_data([0, 100], [gap, 100 + gap])
    both = np.concatenate([x, y])
    edges = 2 * np.floor(np.nanmin(both) / 2) - 2, 2 * np.ceil(np.nanmax(both) / 2) + 2
    plotting.set_limits(marks["even"][0].axes, edges, edges)
    winners = zip(*(result.best_of(int(count), rung) for count in COUNTS))
    chosen, honest = (100 * np.stack(errors, 1) for errors in winners)  # [seeds, counts]
    for name, values in (("validation", chosen), ("test", honest)):
        plotting.move_band(marks[name], COUNTS, values)
    top = max(chosen.max(), honest.max())
    plotting.set_limits(marks["n"][0].axes, y=(0, 5 * np.ceil(top / 5)))
    blind = (honest - chosen)[:, 0].mean()  # of a candidate drawn blindly
    chosen, honest = chosen[:, n - 1].mean(), honest[:, n - 1].mean()
    noisy = (
        " Validation labels are wrong as often as training labels; test labels are right."
        if result.noise
        else ""
    )
    return (
        f"Best of {n} after {result.rungs[rung]} steps, over {len(result.test)} studies: "
        f"{chosen:.1f} % wrong on the validation rows that chose it, {honest:.1f} % on test rows, "
        f"a gap of {honest - chosen:+.1f} points. A candidate drawn blindly has {blind:+.1f}: "
        f"{round(honest - chosen - blind, 1) + 0.0:.1f} points of optimism.{noisy} {result.note}"
    ).strip()


explorer = Explorer(
    title="Random search: how much the winner flatters itself",
    controls={
        "n": Slider("candidates tried", 1, CANDIDATES, 10, trained=True),
        "data": Choice("data", WORLDS, "e-mails"),
        "rows": Slider("training rows", values=(100, 300, 1000), default=300),
        "noise": Slider(
            "wrong labels (training, validation)", values=(0.0, 0.1, 0.2, 0.4), default=0.0
        ),
        "step": Slider("after so many steps", values=RUNGS, default=RUNGS[-1], trained=True),
    },
    frozen={"n": 15, "noise": (0.0, 0.2)},
    compute=search,
    prepare=_prepare,
    draw=_draw,
    size=(9.2, 3.6),
    quick={"seeds": (0, 1), "rungs": (2, 4, 8)},
)

show = explorer.show

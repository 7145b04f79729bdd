"""Right and wrong training labels fitted: without dropout, with p = 0.5, with weight decay."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.dropout.curves import PLAIN
from course_lib.experiments.dropout.fitted import DECAY, HALF, LEVELS, MILD, MOST, Fitted

NAMES = {
    PLAIN: "p = 0",
    HALF: "p = 0.5",
    MOST: "p = 0.85",
    MILD: "weight decay, λ = 0.5",
    DECAY: "weight decay, λ = 2",
}
DRAWN = {PLAIN: 2, HALF: 1, MILD: 0}  # the colours that the first two have in `losses`
LINES = {"right": "-", "wrong": "--"}
MARKERS = "sv^"
LOOK = 0.99  # of the right labels


def picture(found: Fitted) -> Figure:
    """Both shares on the way, and one against the other; rings where p = 0 and 0.5 fit alike."""
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    on_the_way, against = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    rings = _rings(found)
    for setting, k in DRAWN.items():
        color, place = plotting.series(k)[0], found.at(setting)
        for name, shares in (("right", found.right), ("wrong", found.wrong)):
            band = plotting.draw_band(on_the_way, found.steps, shares[:, place], None, k)
            band[0].set_linestyle(LINES[name])
        right, wrong = (x[:, place].mean(0).tolist() for x in (found.right, found.wrong))
        drawn = {"linestyle": "--", "marker": MARKERS[k], "markersize": 4, "label": NAMES[setting]}
        against.plot(right, wrong, color=color, **drawn)
        if setting in rings:
            end = rings[setting]
            for ax, x, y in (
                (on_the_way, found.steps[end], right[end]),
                (on_the_way, found.steps[end], wrong[end]),
                (against, right[end], wrong[end]),
            ):
                ax.plot(x, y, "o", color=color, markerfacecolor="none", markersize=9, clip_on=False)
    on_the_way.set(xlabel="step", ylabel="share fitted (masks off)", ylim=(0, 1.02))
    title = "On the way (solid: right labels, dashed: wrong)"
    on_the_way.set(xlim=(0, found.steps[-1]), title=title)
    against.set(xlabel="right labels fitted", ylabel="wrong labels fitted", xlim=(0.94, 1))
    against.set(title="Wrong labels against right ones")
    against.tick_params(labelleft=True)
    figure.legend(loc="outside lower center", ncols=len(DRAWN), fontsize=8)
    for axis in (on_the_way.yaxis, against.xaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def _rings(found: Fitted) -> dict[tuple[float, float], int]:
    """The places of the looks at which no dropout and p = 0.5 have fitted as many right labels."""
    return {HALF: len(found.steps) - 1, PLAIN: found.before_passing(HALF[0])}


def show_fitted(found: Fitted) -> None:
    """Show the picture, with words for who cannot see it, and print the table."""
    lines = table(found).splitlines()
    plotting.show_with_words(picture(found), " ".join(" ".join(line.split()) for line in lines))
    print("\n".join(lines))


def table(found: Fitted) -> str:
    """Mean shares of wrong labels fitted: at the rings, and where LOOK of the right ones are."""
    rings, none = _rings(found), "–"
    at = found.right[:, found.at(HALF), rings[HALF]].mean().item()
    lines = [
        "wrong labels fitted       where so many of the right ones are",
        f"(lower is better)         {at:.1%} (the rings)   {LOOK:.0%}",
    ]
    for setting in DRAWN:
        wrong = found.wrong[:, found.at(setting)].mean(0)
        ring = f"{wrong[rings[setting]]:.1%}" if setting in rings else none
        level = found.wrong_where(setting, LOOK).mean()
        there = f"{level:.1%}" if level.isfinite() else none
        lines.append(f"{NAMES[setting]:<25} {ring:>6}              {there:>6}")
    return "\n".join(lines)


def levels(found: Fitted) -> str:
    """Mean shares at the rings and at the end; then of wrong labels, where LEVELS of right are."""
    end = len(found.steps) - 1
    ends = [(setting, end) for setting in (PLAIN, DECAY)]
    width = max(map(len, NAMES.values()))
    lines = [f"{'fitted':<{width}}    step   right labels   wrong labels"]
    for setting, place in (*_rings(found).items(), *ends):
        shares = [x[:, found.at(setting), place].mean() for x in (found.right, found.wrong)]
        lines.append(
            f"{NAMES[setting]:<{width}}  {found.steps[place]:6}  {shares[0]:12.1%}  "
            f"{shares[1]:13.1%}"
        )
    lines += ["", "wrong labels fitted, where so many of the right ones are"]
    lines.append(" " * width + "".join(f"{level:8.0%}" for level in LEVELS))
    for setting, name in NAMES.items():
        wrong = [found.wrong_where(setting, level).mean() for level in LEVELS]
        cells = (f"{one:8.1%}" if one.isfinite() else f"{'–':>8}" for one in wrong)
        lines.append(f"{name:<{width}}" + "".join(cells))
    return "\n".join(lines)

"""Right and wrong training labels fitted, without dropout, with it, and with weight decay."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.dropout.curves import PLAIN
from course_lib.experiments.dropout.fitted import DECAY, HALF, LEVELS, MOST, Fitted

NAMES = {PLAIN: "p = 0", HALF: "p = 0.5", DECAY: "decay 2", MOST: "p = 0.85"}
DRAWN = PLAIN, HALF, DECAY
LINES = {"right": "-", "wrong": "--"}
MARKERS = "sv^"


def picture(found: Fitted) -> Figure:
    """Both shares on the way, and one against the other; rings where p = 0 and 0.5 fit alike."""
    figure = Figure(figsize=(8.6, 3.8), layout="constrained")
    on_the_way, against = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    rings = _rings(found)
    for k, setting in enumerate(DRAWN):
        color, place = plotting.series(k)[0], found.at(setting)
        for name, shares in (("right", found.right), ("wrong", found.wrong)):
            label = f"{name} labels, {NAMES[setting]}"
            band = plotting.draw_band(on_the_way, found.steps, shares[:, place], label, k)
            band[0].set_linestyle(LINES[name])
        right, wrong = (x[:, place].mean(0).tolist() for x in (found.right, found.wrong))
        against.plot(right, wrong, color=color, linestyle="--", marker=MARKERS[k], markersize=4)
        if setting in rings:
            end = rings[setting]
            for ax, x, y in (
                (on_the_way, found.steps[end], right[end]),
                (on_the_way, found.steps[end], wrong[end]),
                (against, right[end], wrong[end]),
            ):
                ax.plot(x, y, "o", color=color, markerfacecolor="none", markersize=9, clip_on=False)
    on_the_way.set(xlabel="step", ylabel="share fitted (masks off)", ylim=(0, 1.02))
    on_the_way.set(xlim=(0, found.steps[-1]))
    against.set(xlabel="right labels fitted", ylabel="wrong labels fitted", xlim=(0.9, 1))
    for axis in (on_the_way.yaxis, against.xaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside lower center", ncols=len(DRAWN), fontsize=8)
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
    """Mean shares at the rings and at the end; then of wrong labels, where LEVELS of right are."""
    end = len(found.steps) - 1
    ends = [(setting, end) for setting in (PLAIN, DECAY)]
    lines = ["fitted          step   right labels   wrong labels"]
    for setting, place in (*_rings(found).items(), *ends):
        shares = [x[:, found.at(setting), place].mean() for x in (found.right, found.wrong)]
        lines.append(
            f"{NAMES[setting]:<12}  {found.steps[place]:6}  {shares[0]:12.1%}  {shares[1]:13.1%}"
        )
    lines += ["", "wrong labels fitted, where so many of the right ones are"]
    lines.append(f"{'':<12}" + "".join(f"{level:8.0%}" for level in LEVELS))
    for setting, name in NAMES.items():
        wrong = [found.wrong_where(setting, level).mean() for level in LEVELS]
        cells = (f"{one:8.1%}" if one.isfinite() else f"{'–':>8}" for one in wrong)
        lines.append(f"{name:<12}" + "".join(cells))
    return "\n".join(lines)

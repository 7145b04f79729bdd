"""Right and wrong training labels fitted, step by step, without dropout and with it."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.dropout.fitted import Fitted


def picture(found: Fitted, p: float = 0.5) -> Figure:
    """Right labels above, wrong ones below; rings where both have fitted as many right ones."""
    figure = Figure(figsize=(8.6, 3.6), layout="constrained")
    ax = figure.subplots()
    places = {0.0: found.before_passing(p), p: len(found.steps) - 1}
    for k, (one, place) in enumerate(places.items()):
        name, color = f"p = {one:g}", plotting.series(k)[0]
        for shares, line, label in ((found.right, "-", "right"), (found.wrong, "--", "wrong")):
            share = shares[:, found.at(one)]
            marks = plotting.draw_band(ax, found.steps, share, f"{label} labels, {name}", k)
            marks[0].set_linestyle(line)
            ring = found.steps[place], share[:, place].mean().item()
            ax.plot(*ring, "o", color=color, markerfacecolor="none", markersize=9, clip_on=False)
    ax.set(xlabel="step", ylabel="share fitted (masks off)", ylim=(0, 1.02))
    ax.set(xlim=(0, found.steps[-1]))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside right center", fontsize=8)
    return figure


def show_fitted(found: Fitted, p: float = 0.5) -> None:
    """Show the picture, with words for who cannot see it, and print what the rings stand at."""
    lines = table(found, p).splitlines()
    plotting.show_with_words(picture(found, p), " ".join(" ".join(line.split()) for line in lines))
    print("\n".join(lines))


def table(found: Fitted, p: float = 0.5) -> str:
    """Mean shares at the rings and at the end, a line each."""
    end = len(found.steps) - 1
    lines = ["fitted          step   right labels   wrong labels"]
    for one, place in ((p, end), (0.0, found.before_passing(p)), (0.0, end)):
        shares = [x[:, found.at(one), place].mean() for x in (found.right, found.wrong)]
        name = f"p = {one:g}".ljust(12)
        lines.append(f"{name}  {found.steps[place]:6}  {shares[0]:12.1%}  {shares[1]:13.1%}")
    return "\n".join(lines)

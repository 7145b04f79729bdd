"""Test error against the number of thinned networks averaged, beside its rivals."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from course_lib import plotting
from course_lib.experiments.dropout.averages import Averages
from course_lib.experiments.dropout.worth import COUNTS, Worth

Stop = tuple[Averages, Worth]  # what is found there
HEIGHTS = {"Step 1000": (0.08, 0.24), "Stopped in time (enlarged)": (0.08, 0.16)}
SHOWN = (
    "one thinned network",
    "mean of 200 thinned ones",
    "evaluation: the whole one",
    "one plain network of 64 units",
    "mean of 5 plain ones",
)


def picture(stops: tuple[Stop, Stop]) -> Figure:
    """A panel for each stop: the mean over seeds with its interval, the rivals as lines."""
    figure = Figure(figsize=(8.6, 3.3), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax, (answers, found), (title, height) in zip(axes, stops, HEIGHTS.items()):
        plotting.draw_band(ax, COUNTS, found.by_masks, label="mean of so many thinned networks")
        for k, (name, error) in enumerate(_rivals(answers, found).items(), 1):
            color, style = plotting.series(k)
            ax.axhline(error.mean().item(), color=color, linestyle=style, label=name)
        ax.set(title=title, xlabel="thinned networks averaged", xscale="log")
        ax.set(xlim=(0.9, 1.1 * COUNTS[-1]), ylim=height)
        ax.set_xticks(COUNTS, list(map(str, COUNTS)))
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set_ylabel("test error")
    lines = axes[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _rivals(answers: Averages, found: Worth) -> dict[str, Tensor]:
    return {
        "evaluation: the whole one": answers.error["evaluation: the whole one"],
        "one plain network of 64 units": found.small,
        "mean of 5 plain ones": answers.error["mean of 5 plain ones"],
    }


def show_worth(end: Stop, best: Stop) -> None:
    """Show the picture, with words for who cannot see it, and print the table."""
    said, stops = [], (end, best)
    for (answers, found), title in zip(stops, HEIGHTS):
        first, last = found.by_masks[:, 0].mean(), found.by_masks[:, -1].mean()
        lines = ", ".join(f"{k} {v.mean():.1%}" for k, v in _rivals(answers, found).items())
        said.append(f"{title}: {first:.1%} with one thinned network, {last:.1%} with 200; {lines}.")
    plotting.show_with_words(picture(stops), " ".join(said))
    print(table(end, best))


def table(end: Stop, best: Stop) -> str:
    """Mean test errors of what is compared, a line each, a column for each stop.

    Behind each error stopped in time its step.
    """
    columns = [{**answers.error, **_rivals(answers, found)} for answers, found in (end, best)]
    steps = best[0].steps | {"one plain network of 64 units": best[1].small_step}
    lines = [f"{'test error, lower is better':<31}  step 1000   stopped in time   at step"]
    for name in SHOWN:
        first, second = (column[name].mean() for column in columns)
        lines.append(f"{name:<31} {first:10.1%} {second:17.1%} {steps.get(name) or '':>9}")
    return "\n".join(lines)

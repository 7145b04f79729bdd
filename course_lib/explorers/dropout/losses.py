"""To step 10 000: the three training losses, whose gaps close, and both test errors."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.dropout.longer import Longer


def picture(found: dict[int, Longer]) -> Figure:
    """Means over the seeds with their intervals; left, between the lines, what each gap is."""
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    means = {}
    for ax, k, name, label in (
        (left, 0, "on", "3. masks on"),
        (left, 1, "off", "2. masks off"),
        (left, 2, "plain", "1. plain: no dropout"),
        (right, 2, "plain_error", "plain: no dropout"),
        (right, 1, "error", "p = 0.5, masks off"),
    ):
        values = [getattr(one, name) for one in found.values()]
        line, _ = plotting.draw_band(ax, [*found], [*zip(*values)], label, k)
        line.set_marker("o")
        line.set_markersize(4)
        means[name] = [value.mean().item() for value in values]
    for low, high, label, hatch in (
        ("off", "on", "what the masks add", "////"),
        ("plain", "off", "the looser fit", "...."),
    ):
        gap = {"facecolor": "none", "edgecolor": plotting.muted(), "hatch": hatch, "alpha": 0.35}
        left.fill_between([*found], means[low], means[high], linewidth=0, label=label, **gap)
    ends = "\n".join(
        f"{k}: {means[name][-1]:.3f}" for k, name in ((3, "on"), (2, "off"), (1, "plain"))
    )
    left.text(max(found), means["on"][-1] + 0.015, ends, ha="center", fontsize=8)
    left.set(ylabel="training loss", ylim=(0, 0.47), title="Training loss")
    right.set(ylabel="test error", ylim=(0, 0.3), title="Test error")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for ax, place in ((left, "upper right"), (right, "lower right")):
        ax.set(xlabel="step (log scale)", xscale="log")
        ax.set_xlim(0.9 * min(found), 1.2 * max(found))
        ax.set_xticks([*found], [f"{step:,}".replace(",", " ") for step in found], fontsize=8)
        ax.minorticks_off()
        ax.legend(loc=place, fontsize=8)
    return figure


def show_losses(found: dict[int, Longer]) -> None:
    """Show the picture, with words for who cannot see it."""
    said = [
        f"Step {step}: plain {one.plain.mean():.3f}, masks off {one.off.mean():.3f}, masks on "
        f"{one.on.mean():.3f}; test error {one.plain_error.mean():.1%} plain, "
        f"{one.error.mean():.1%} with dropout."
        for step, one in found.items()
    ]
    plotting.show_with_words(picture(found), " ".join(said))

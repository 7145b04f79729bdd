"""The three training losses until step 10 000: a gap that closes, and a penalty that fades."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.dropout.curves import ThreeLosses


def picture(found: dict[int, ThreeLosses]) -> Figure:
    """Means over the seeds with their intervals; between the lines what each gap is."""
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    ax = figure.subplots()
    steps = list(found)
    means = {}
    for k, (name, label) in enumerate(
        (("on", "3. masks on"), ("off", "2. masks off"), ("plain", "1. plain: no dropout"))
    ):
        values = [getattr(one, name) for one in found.values()]
        line, _ = plotting.draw_band(ax, steps, [*zip(*values)], label, k)
        line.set_marker("o")
        line.set_markersize(4)
        means[name] = [value.mean().item() for value in values]
    for k, low, high, label in (
        (0, "off", "on", "what the masks add"),
        (2, "plain", "off", "the looser fit"),
    ):
        color, _ = plotting.series(k)
        ax.fill_between(
            steps, means[low], means[high], color=color, alpha=0.13, linewidth=0, label=label
        )
    ax.set(xlabel="step", ylabel="training loss", xscale="log", ylim=(0, 0.47))
    ax.set_xticks(steps, [f"{step:,}".replace(",", " ") for step in steps])
    ax.minorticks_off()
    ax.legend(loc="upper right")
    return figure


def show_losses(found: dict[int, ThreeLosses]) -> None:
    """Show the picture, with words for who cannot see it."""
    said = [
        f"Step {step}: plain {one.plain.mean():.3f}, masks off {one.off.mean():.3f}, masks on "
        f"{one.on.mean():.3f}."
        for step, one in found.items()
    ]
    plotting.show_with_words(picture(found), " ".join(said))

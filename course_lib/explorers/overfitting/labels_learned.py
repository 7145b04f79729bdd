"""Which training labels a network gives back as it trains: of the right ones, of the wrong ones."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.overfitting.early_stopping import Curves


def picture(found: Curves, patience: int) -> Figure:
    """Shares of the right and of the wrong labels learned against steps.

    Means over the seeds, with 95 % bands. Shaded: from the first to the last step that early
    stopping keeps with this patience, in any seed.
    """
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    ax = figure.subplots()
    ax.set(xlabel="step", ylabel="labels learned (%)", xlim=(0, found.recorded[-1]), ylim=(0, 102))
    kept = [found.recorded[best] for best, _ in found.stop(patience)]
    name = f"kept with patience {patience}: steps {min(kept)} to {max(kept)}"
    ax.axvspan(min(kept), max(kept), color=plotting.muted(), alpha=0.25, linewidth=0, label=name)
    for k, (name, share) in enumerate(
        (("of the right labels", found.right_fitted), ("of the wrong labels", found.wrong_fitted))
    ):
        plotting.draw_band(ax, found.recorded, 100 * share, f"{name}, 95 % band", k)
    ax.legend(loc="center left", bbox_to_anchor=(0.22, 0.68))
    return figure

"""Fits: one recipe, two hundred training sets."""

from functools import partial

from course_lib.experiments.overfitting import bias_variance as fits_lab
from course_lib.explorers.overfitting.fits import _say_fits, move_fits, prepare_fits
from course_lib.panel import Explorer, Slider


def draw(marks, result, width):
    """Move the marks to a `Fits` of networks."""
    index = result.complexities.index(width)
    move_fits(marks, result, index)
    return _say_fits(
        result, index, f"{width} hidden unit{'s' * (width > 1)}, {3 * width + 1} weights and biases"
    )


explorer = Explorer(
    title="Small networks on the same points",
    controls={
        "width": Slider("hidden units", values=fits_lab.WIDTHS, default=8, trained=True),
        "noise": Slider("noise σ", values=(0.0, 0.1, 0.3, 0.6), default=0.3),
        "rows": Slider("training points", values=(15, 20, 30, 50), default=20),
    },
    compute=fits_lab.networks,
    prepare=partial(prepare_fits, complexity="hidden units", positions=fits_lab.WIDTHS, log=True),
    draw=draw,
    quick={"sets": 6, "steps": 40},
)

show = explorer.show

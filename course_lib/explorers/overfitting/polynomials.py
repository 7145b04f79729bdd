"""Fits: one recipe, two hundred training sets."""

from functools import lru_cache, partial

from course_lib.base.arguments import require
from course_lib.experiments.overfitting import bias_variance as fits_lab
from course_lib.explorers.overfitting.fits import _say_fits, move_fits, prepare_fits
from course_lib.panel import Choice, Explorer, Slider


@lru_cache(32)
def all_degrees(rows, noise, sets):
    """Fits of every degree of the slider that `rows` points determine."""
    degrees = tuple(degree for degree in fits_lab.DEGREES if degree < rows)
    return fits_lab.polynomials(rows, noise, degrees, sets)


def compute(degree, noise, rows, sets=fits_lab.SETS):
    """(Fits, index of `degree`).

    Raises ValueError for a degree that `rows` points do not determine.
    """
    if require("degree", degree, 0) > rows - 1:
        raise ValueError(
            f"degree = {degree}: must be at most {rows - 1} with {rows} training points"
        )
    return all_degrees(rows, noise, sets), degree


def draw(marks, result, errors):
    """Move the marks to what `compute` returned."""
    fits, degree = result
    move_fits(marks, fits, degree, errors == "shown")
    if errors == "hidden":
        return f"A polynomial of degree {degree} fitted to {len(fits.x)} points, training error {_first(fits, degree)}."
    return _say_fits(fits, degree, f"Degree {degree}")


def _first(fits, index):
    return f"{fits.train_error[index, 0].item():.2g}"


explorer = Explorer(
    title="Polynomials through noisy points",
    controls={
        "degree": Slider("degree", 0, fits_lab.DEGREES[-1], 3),
        "noise": Slider("noise σ", 0.0, 1.0, 0.3, step=0.05),
        "rows": Slider("training points", values=(15, 20, 30, 50, 100, 200), default=20),
        "errors": Choice("truth and errors", ("hidden", "shown"), "shown", trained=True),
    },
    compute=compute,
    prepare=partial(prepare_fits, complexity="degree", positions=fits_lab.DEGREES, log=False),
    draw=draw,
    quick={"sets": 20},
)

show = explorer.show

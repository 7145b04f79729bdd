"""Data small enough to train on live: images, lines, sums, a sine, a bowl; and two tables.

    digits()      1797 images: x [rows, 64] pixels, y [rows] class numbers 0 … 9      → Split
    noisy_sine()  x [rows, 1] in [−1, 1), y [rows, 1]: sin(πx) and noise              → Split
    mnist1d()     lines: x [rows, 40], y [rows] class numbers 0 … 9                   → Split
    modular_addition()  x [rows, 3] tokens a, b, "=", y [rows] (a + b) mod p          → Split
    quadratic()   x [rows, features], y [rows, 1]: a bowl of the curvatures asked for → Split
    breast_cancer()                x [569, 30], y [569] class numbers 0, 1            → Table
    spambase_or_breast_cancer()    x [4601, 57], y [4601]; the other offline          → Table

A `Split` holds training, validation and test rows, as every experiment takes them; a `Table` holds
all rows, as measured, and makes splits of them.
"""

from course_lib.data.mnist1d import mnist1d
from course_lib.data.modular import modular_addition
from course_lib.data.split import Split
from course_lib.data.tables import Table, breast_cancer, spambase_or_breast_cancer
from course_lib.data.toys import digits, noisy_sine, quadratic

__all__ = [
    "Split",
    "Table",
    "breast_cancer",
    "digits",
    "mnist1d",
    "modular_addition",
    "noisy_sine",
    "quadratic",
    "spambase_or_breast_cancer",
]

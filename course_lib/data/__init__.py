"""Data small enough to train on live: digits, a noisy sine, a least-squares bowl; and two
tables.
"""

from course_lib.data.split import Split
from course_lib.data.tables import Table, breast_cancer, spambase_or_breast_cancer
from course_lib.data.toys import digits, noisy_sine, quadratic

__all__ = [
    "Split",
    "Table",
    "breast_cancer",
    "digits",
    "noisy_sine",
    "quadratic",
    "spambase_or_breast_cancer",
]

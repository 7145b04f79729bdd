"""How often does an interval from repeated divisions hold the truth? Worlds in which it is known.

The classifier learns nothing: it is right with the same probability on every row.
"""

import torch

from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.statistics import Interval, corrected_interval, mean_interval

ROWS, TESTED, REPETITIONS = 500, 100, 100


def coverage(worlds: int = 1000, truth: float = 0.9) -> dict[str, Interval]:
    """Share of worlds whose "naive" and "corrected" interval of 100 repetitions hold the truth.

    In each, 500 rows are drawn, and divided 100 times into 400 and 100 to test on.
    """
    draw, held = seeded(0), []
    for _ in range(worlds):
        right = (torch.rand(ROWS, generator=draw) < truth).double()
        divisions = repeated_subsampling(ROWS, REPETITIONS, TESTED / ROWS, draw)
        accuracy = [right[test].mean() for _, test in divisions]
        found = mean_interval(accuracy), corrected_interval(accuracy, ROWS - TESTED, TESTED)
        held.append([not interval.excludes(truth) for interval in found])
    naive, corrected = torch.tensor(held).double().T
    return {"naive": mean_interval(naive), "corrected": mean_interval(corrected)}

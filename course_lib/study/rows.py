"""The rows of a study: read from tensors or a Dataset, divided for tuning and for judging."""

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from course_lib.base.arguments import require, require_whole
from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling

Division = tuple[Tensor, Tensor]  # row numbers to train on, to test on


class Rows(NamedTuple):
    """x [rows, …] and y [rows] or [rows, outputs], and who may see which.

    tuning [n_P], judging [n_R]: the two parts of the row numbers. held: rows of each test set.
    """

    x: Tensor
    y: Tensor
    tuning: Tensor
    judging: Tensor
    held: int
    seed: int

    def pilots(self, count: int) -> list[Division]:
        """`count` divisions of the rows for tuning, a quarter of them to validate on."""
        parts = repeated_subsampling(len(self.tuning), count, 0.25, seeded(self.seed, "pilots"))
        return [(self.tuning[train], self.tuning[test]) for train, test in parts]

    def divisions(self, count: int) -> list[Division]:
        """`count` divisions: the test rows from those for judging, all others to train on.

        The first few of many are what few would be.
        """
        share = self.held / len(self.judging)
        parts = repeated_subsampling(len(self.judging), count, share, seeded(self.seed, "judged"))
        return [
            (torch.cat([self.tuning, self.judging[train]]), self.judging[test])
            for train, test in parts
        ]

    @property
    def overlapping(self) -> tuple[int, int]:
        """Rows that `corrected_interval` takes: others that may be tested on, and those that are.

        Of two arms that take nothing from their training rows the correction is exact.
        """
        return len(self.judging) - self.held, self.held

    def digest(self) -> str:
        """A number for the data: another one for other rows."""
        parts = (t.detach().cpu().contiguous().numpy().tobytes() for t in (self.x, self.y))
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def read(data: tuple[Tensor, Tensor] | Dataset, tuning: float, test: float, seed: int) -> Rows:
    """The rows of `data`, tensors (x, y) or a map-style Dataset of such pairs, read once.

    Float64 becomes float32, what torch's modules take; class numbers, y of integers or booleans,
    become int64. tuning, test: shares of the rows. Raises ValueError for rows that are no pairs,
    lengths that differ, values that are not finite, too few rows, and shares that leave none.
    """
    if isinstance(data, Dataset):
        size = len(data)  # type: ignore[arg-type]  # a map-style one has a length
        data = default_collate([data[i] for i in range(size)])
    if len(data) != 2:  # type: ignore[arg-type]  # parts by now
        raise ValueError(f"data: has {len(data)} parts, must be pairs (x, y)")  # type: ignore[arg-type]
    x, y = (torch.as_tensor(part) for part in data)  # type: ignore[union-attr]
    x, y = (part.float() if part.dtype == torch.float64 else part for part in (x, y))
    y = y if y.is_floating_point() else y.long()
    if len(x) != len(y):
        raise ValueError(f"data: x has {len(x)} rows and y has {len(y)}: must be equal")
    for name, part in (("x", x), ("y", y)):
        if part.is_floating_point() and not part.isfinite().all():
            raise ValueError(f"data: {name} holds a value that is not finite")
    require_whole("rows", len(x), 12)
    require("tuning", tuning, 0.0, 1.0, open_low=True)
    require("test", test, 0.0, 1.0 - tuning, open_low=True)
    order = torch.randperm(len(x), generator=seeded(seed, "tuning rows"))
    cut = max(4, round(tuning * len(x)))
    held, judging = max(1, round(test * len(x))), len(x) - cut
    if held >= judging:
        raise ValueError(
            f"test = {test!r} of {len(x)} rows is {held}: must be fewer than the {judging} rows "
            f"for judging, which tuning = {tuning!r} leaves"
        )
    return Rows(x, y, order[:cut], order[cut:], held, seed)

"""Two tables with a yes or no to predict: the spam study's own, and one that is always at hand."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.data import loaded
from course_lib.data.download import NoData
from course_lib.data.spambase import load
from course_lib.data.split import Split, standardised


@dataclass(frozen=True, eq=False)
class Table:
    """x [rows, features] float64, as measured; y [rows] class numbers, 0 or 1. `name`: for titles.

    note: what a caption must say besides; empty where the table is the one that was asked for.
    """

    name: str
    x: Tensor
    y: Tensor
    note: str = ""

    def split(
        self,
        train: Tensor,
        test: Tensor,
        validation: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Split:
        """These row numbers as a `Split`, standardised on the *training* rows.

        There every feature has mean 0 and standard deviation 1; one that is constant becomes 0.
        Raises ValueError where a row is in two of the parts.
        """
        validation = train[:0] if validation is None else validation
        numbers = torch.cat([train, validation, test])
        twice = len(numbers) - len(numbers.unique())
        if twice:
            raise ValueError(f"{twice} row(s) given twice: parts must have no row in common")
        x = standardised(self.x, train)
        return Split.of_rows(x, self.y, train, validation, test).to(dtype, "cpu")


def spambase(download: bool = True) -> Table:
    """4601 e-mails × 57 frequencies of words and characters; y: 1 for the 1813 that are spam.

    Sorted, so that row numbers mean the same whichever copy they are read from. Taken from the
    folder that the environment variable COURSE_DATA names, or from the course's data/, or fetched
    from the UCI repository and kept in the first of the two, unless `download` is False; once a
    session. Raises `NoData` with the command to run later where it cannot be had.
    Source: Hopkins, Reeber, Forman & Suermondt, "Spambase", UCI Machine Learning Repository, 1999,
    doi 10.24432/C53G6X, CC BY 4.0.
    """
    return _spambase(*load(download))


@lru_cache
def _spambase(x: Tensor, y: Tensor) -> Table:
    loaded.note("spambase", x, y)
    return Table("Spambase", x, y)


@lru_cache
def breast_cancer() -> Table:
    """569 tumours × 30 measurements of cell nuclei; y: 1 for the 357 benign ones.

    Comes with scikit-learn.
    Source: Wolberg, Mangasarian, Street & Street, "Breast Cancer Wisconsin (Diagnostic)", UCI
    Machine Learning Repository, 1995, doi 10.24432/C5DW2B, CC BY 4.0.
    """
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    table = Table("Breast cancer", torch.from_numpy(x), torch.from_numpy(y).long())
    loaded.note("breast cancer", table.x, table.y)
    return table


@lru_cache
def spambase_or_breast_cancer() -> Table:
    """`spambase()`, or where it cannot be had `breast_cancer()` with a `note` that says so.

    Why it cannot is printed, once. Asks once a session: with the file fetched later, restart the
    kernel.
    """
    try:
        return spambase()
    except NoData as problem:
        print(
            f"{problem}\nUntil then this lesson runs on scikit-learn's breast-cancer data instead."
        )
        loaded.substituted.add("spambase")
        note = "These are scikit-learn's breast-cancer data: Spambase is not here."
        return replace(breast_cancer(), note=note)

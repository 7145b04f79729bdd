"""Rows to train on, to choose by and to test on, as every experiment takes them."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Training, validation and test rows: x [rows, features], y [rows] or [rows, outputs].

    y holds class numbers, [rows], or targets, [rows, outputs]; `clean_train_y` are the training
    labels or targets before any noise was added.
    """

    train_x: Tensor
    train_y: Tensor
    validation_x: Tensor
    validation_y: Tensor
    test_x: Tensor
    test_y: Tensor
    clean_train_y: Tensor

    @classmethod
    def of_rows(
        cls, x: Tensor, y: Tensor, train: Tensor, validation: Tensor, test: Tensor
    ) -> "Split":
        """The rows of a table with these numbers, in three parts."""
        parts = x[train], y[train], x[validation], y[validation], x[test], y[test]
        return cls(*parts, clean_train_y=y[train])

    def check(self) -> None:
        """Raise ValueError, saying where, if x and y differ in length or a value is not finite."""
        for part in ("train", "validation", "test"):
            x, y = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if len(x) != len(y):
                raise ValueError(
                    f"{part}_x has {len(x)} rows, {part}_y has {len(y)}: must be equal"
                )
        for field in fields(self):
            _require_finite(field.name, getattr(self, field.name))

    def to(self, dtype: torch.dtype, device: torch.device | str) -> "Split":
        """The same rows on `device`; features and targets in `dtype`, class numbers stay int64."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)

        return Split(*(move(getattr(self, field.name)) for field in fields(self)))


def standardised(x: Tensor, train: Tensor) -> Tensor:
    """Features [rows, features] with mean 0, standard deviation 1 over the rows numbered `train`.

    A feature that is constant there becomes 0.
    """
    mean, std = x[train].mean(0), x[train].std(0, correction=0)
    return torch.where(std > 0, (x - mean) / std.where(std > 0, 1.0), 0.0)


def _require_finite(name: str, values: Tensor) -> None:
    bad = (~torch.isfinite(values)).nonzero()
    if len(bad):
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), bad[0].tolist()))
        raise ValueError(
            f"{name} = {values[tuple(bad[0])].item()} at {place}: every value must be finite"
        )

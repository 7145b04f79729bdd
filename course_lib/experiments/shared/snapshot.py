"""What an experiment that fills in yields: a copy that further training leaves alone."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Figures = TypeVar("Figures", bound="DataclassInstance")


def snapshot(figures: Figures, progress: float) -> Figures:
    """The dataclass `figures` with its tensors copied and its `progress` set."""
    values = {field.name: getattr(figures, field.name) for field in fields(figures)}
    copies = {name: value.clone() for name, value in values.items() if isinstance(value, Tensor)}
    return replace(figures, **copies, progress=progress)

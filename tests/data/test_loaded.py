"""What was loaded is noted by its hash, and what others stood in for by its name."""

import pytest
import torch

from course_lib.data import breast_cancer, digits, loaded, spambase_or_breast_cancer, tables
from course_lib.data.download import NoData


@pytest.fixture(autouse=True)
def nothing(monkeypatch):
    """As in a process that has loaded nothing."""
    monkeypatch.setattr(loaded, "hashes", {})
    monkeypatch.setattr(loaded, "substituted", set())
    for load in (tables.breast_cancer, tables.spambase_or_breast_cancer):
        load.cache_clear()


def test_a_hash_tells_values_shapes_and_types():
    rows = torch.arange(6.0).view(2, 3)
    for name, parts in {
        "a": (rows,), "same": (rows.clone(),), "b": (rows + 1,), "c": (rows.view(3, 2),),
        "d": (rows.double(),), "e": (rows, rows),
    }.items():  # fmt: skip
        loaded.note(name, *parts)
    assert loaded.hashes["a"] == loaded.hashes["same"]
    assert len(set(loaded.hashes.values())) == 5


def test_data_note_themselves_whatever_is_made_of_them(monkeypatch):
    from course_lib.data import toys

    toys._load_digits.cache_clear()
    digits(50, seed=1)
    first = dict(loaded.hashes)
    assert list(first) == ["digits"]
    toys._load_digits.cache_clear()
    digits(70, label_noise=0.5, seed=2)
    assert loaded.hashes == first


def test_a_substitute_is_noted(monkeypatch, capsys):
    def nowhere():
        raise NoData("it is nowhere")

    monkeypatch.setattr(tables, "spambase", nowhere)
    assert "not here" in spambase_or_breast_cancer().note
    assert loaded.substituted == {"spambase"} and list(loaded.hashes) == ["breast cancer"]
    tables.spambase_or_breast_cancer.cache_clear()


def test_who_asks_for_the_other_table_substitutes_nothing():
    breast_cancer()
    assert not loaded.substituted

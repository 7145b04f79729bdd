"""A longer column: the map's own column with more decays, and what is carried to it."""

import math

import pytest
import torch

from course_lib.experiments.adamw import longer, two_knobs
from course_lib.experiments.adamw.two_knobs import OPTIMIZERS, LossSurface

NAMES = ["Adam + L2", "AdamW"]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_holds_the_maps_decays_and_two_more(name):
    known, column = OPTIMIZERS[name], longer.column_of(name)
    assert column.decay[:9] == known.decay and len(column.decay) == 11
    assert column.update is known.update and column.pull == known.pull
    kept = [longer.RATE * decay for decay in column.decay[longer.MORE :]]
    assert kept == pytest.approx([longer.TUNED_AT * decay for decay in known.decay], rel=1e-2)
    rates = longer.RATE * longer.STEPS, longer.TUNED_AT * two_knobs.STEPS
    assert math.isclose(*rates)


def test_after_as_many_steps_it_is_the_column_of_the_map():
    columns = longer.columns(NAMES, range(2), steps=3)
    for name, surface in two_knobs.surfaces(NAMES, range(2), steps=3).items():
        column, i = columns[name], surface.optimizer.lr.index(longer.RATE)
        assert column.error.shape == (2, 1, 11) and column.finished == 2
        for what in ("loss", "error", "train_error"):
            theirs, ours = (getattr(one, what) for one in (surface, column))
            assert torch.allclose(ours[:, 0, :9], theirs[:, i], rtol=1e-4, atol=1e-3)


def test_at_the_rate_of_the_map_it_holds_the_maps_decays():
    assert longer.column_of("AdamW", longer.TUNED_AT).decay == OPTIMIZERS["AdamW"].decay


@pytest.mark.parametrize(("places", "there"), [(0, 3.16), (longer.MORE, 31.6), (-2, 0.316)])
def test_what_is_carried_is_lambda_or_its_partner(places, there):
    optimizer, column = OPTIMIZERS["AdamW"], longer.column_of("AdamW")
    tuned_for = 3.16
    on_map = (torch.tensor(optimizer.decay).log10() - torch.tensor(tuned_for).log10()).square()
    surface = LossSurface(optimizer, *[on_map.expand(4, 9, 9)] * 4)
    errors = torch.arange(11.0).expand(4, 1, 11)  # of the column, the places of its decays
    found = longer.carried(surface, LossSurface(column, *[errors] * 4), places)
    assert found.tolist() == [column.decay.index(there)] * 4


def test_a_kept_valley_is_what_was_trained(monkeypatch):
    made = {rate: torch.rand(10, 1, len(longer.column_of("AdamW", rate).decay)) for rate in (0.01,)}
    surface = LossSurface(longer.column_of("AdamW", 0.01), *[made[0.01]] * 4)
    monkeypatch.setattr(longer, "columns", lambda *_, **__: dict.fromkeys(NAMES, surface))
    assert longer.valley("AdamW", 0.01, afresh=True).error.equal(made[0.01][:, 0])
    kept = made[0.01].flatten().tolist()
    monkeypatch.setattr(longer.store, "kept", lambda *_: kept)
    assert longer.valley("AdamW", 0.01).error.allclose(made[0.01][:, 0])

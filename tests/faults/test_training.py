"""F33 to F41: numbers, data and trainings that cannot be, and what each gets."""

import math
import time

import pytest
import torch
from torch import nn

from course_lib import plotting
from course_lib.adamw import Adam, AdamW
from course_lib.base.random import seeded
from course_lib.batchnorm import BatchNorm1d
from course_lib.data import Split
from course_lib.dropout import Dropout
from course_lib.engine import ModelSpec, train
from course_lib.label_smoothing import CrossEntropyLoss
from course_lib.sgd import SGD, sgd_update
from course_lib.stochastic_depth import DropPath
from tests import _toys
from tests.panel._page import Page

NAN, INF = math.nan, math.inf
WEIGHT = [nn.Parameter(torch.ones(3))]


@pytest.fixture
def page(monkeypatch):
    """A live panel, opened."""
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    plotting.use_theme("light")
    return Page(_toys.waves.show())


OPTIMIZERS = {"lr": (SGD, AdamW), "weight_decay": (SGD, AdamW, Adam), "l2": (SGD, Adam)}


@pytest.mark.parametrize("value", [-0.1, NAN, INF, "0.1", None])
@pytest.mark.parametrize("name", ["lr", "weight_decay"])
def test_F33_strengths_that_cannot_be_are_refused_by_name(name, value):
    for kind in (SGD, Adam, AdamW):
        with pytest.raises(ValueError, match=rf"{name} = {value!r}: must be"):
            kind(WEIGHT, **{"lr": 0.1, name: value})
    for each in (name, "l2"):
        with pytest.raises(ValueError, match=rf"{each} = {value!r}: must be"):
            trained(toy_split(), update=sgd_update, grid={"lr": 0.1, each: value})


@pytest.mark.parametrize("value", [-5.0, NAN, INF, 1e308, "much"])
def test_F33_a_number_in_a_box_is_refused_and_the_picture_stays(page, value):
    before = page.here()
    page.ask(frequency=value)
    assert page.refused and page.caption.startswith(f"frequency = {value!r}: must be")
    page.ask(frequency=2.0)
    assert not page.refused and (page.here()[0] == before[0]).all()


@pytest.mark.parametrize("value", [-0.1, 1.1, NAN, INF, "half"])
def test_F34_shares_that_cannot_be_are_refused_by_name(value):
    for name, make in {
        "p": Dropout,
        "label_smoothing": lambda p: CrossEntropyLoss(label_smoothing=p),
        "p ": DropPath,
    }.items():
        with pytest.raises(ValueError, match=rf"{name.strip()} = {value!r}: must be"):
            make(value)


@pytest.mark.parametrize(
    ("kind", "arguments", "says"),
    [
        (SGD, {"momentum": 1.0}, r"momentum = 1.0: .*\[0, 1\)"),
        (SGD, {"momentum": 1.5}, r"momentum = 1.5: .*\[0, 1\)"),
        (SGD, {"momentum": -0.1}, r"momentum = -0.1: "),
        (SGD, {"momentum": NAN}, r"momentum = nan: "),
        (AdamW, {"betas": (0.9, 1.0)}, r"1.0.*\[0, 1\)"),
        (Adam, {"betas": (1.0, 0.9)}, r"1.0.*\[0, 1\)"),
        (AdamW, {"eps": 0.0}, r"eps = 0.0: .*\(0, 1\)"),
        (Adam, {"eps": -1e-8}, r"eps = -1e-08: "),
        (AdamW, {"eps": 1.0}, r"eps = 1.0: "),
    ],
)
def test_F35_momenta_and_eps_that_cannot_be_are_refused_by_name(kind, arguments, says):
    with pytest.raises(ValueError, match=says):
        kind(WEIGHT, lr=0.1, **arguments)


def toy_split(rows=12, poison=None):
    """A small classification; `poison`: (row, column, value) of a training input."""
    generator = seeded(0, "faults")
    x = torch.randn(rows + 4, 4, generator=generator, dtype=torch.float64)
    y = torch.arange(rows + 4) % 3
    if poison:
        x[poison[0], poison[1]] = poison[2]
    return split(x[:rows], y[:rows], x[rows:], y[rows:])


def split(train_x, train_y, test_x, test_y):
    """A `Split` whose test rows judge, too."""
    parts = {"validation_x": test_x, "validation_y": test_y}
    return Split(train_x, train_y, **parts, test_x=test_x, test_y=test_y, clean_train_y=train_y)


def trained(data, **changes):
    arguments = {"grid": {"lr": 0.1}, "seeds": [0], "steps": 4, "batch_size": 4}
    return train(ModelSpec((4, 8, 3)), data, **(arguments | changes))


@pytest.mark.parametrize("value", [NAN, INF])
def test_F36_bad_data_are_said_before_training_with_row_and_column(value):
    with pytest.raises(ValueError, match=f"train_x = {value} at row 3, column 2"):
        list(trained(toy_split(poison=(3, 2, value))))


def test_F36_a_bad_batch_does_not_poison_what_batch_norm_remembers():
    layer = BatchNorm1d(3)
    layer(torch.randn(8, 3, generator=seeded(1, "faults")))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    bad = torch.randn(8, 3, generator=seeded(2, "faults"))
    bad[5, 1] = NAN
    with pytest.raises(ValueError, match="nan"):
        layer(bad)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_F37_empty_sets_and_batches_are_refused():
    whole = toy_split()
    empty = whole.train_x[:0], whole.train_y[:0]
    with pytest.raises(ValueError, match=r"train_x has shape \[0, 4\]"):
        list(trained(split(*empty, whole.test_x, whole.test_y)))
    with pytest.raises(ValueError, match=r"test_x has shape \[0, 4\]"):
        list(trained(split(whole.train_x, whole.train_y, *empty)))
    with pytest.raises(ValueError, match="batch_size = 0"):
        trained(whole, batch_size=0)
    with pytest.raises(ValueError, match="empty|at least one|no row|0"):
        CrossEntropyLoss()(torch.ones(0, 3), torch.ones(0, dtype=torch.long))


def test_F38_a_batch_of_one_says_why_and_what_to_do():
    layer = BatchNorm1d(3)
    counted = layer.num_batches_tracked.clone()
    with pytest.raises(ValueError, match=r"(?s)drop_last.*eval|eval.*drop_last"):
        layer(torch.ones(1, 3))
    assert torch.equal(layer.num_batches_tracked, counted)
    assert layer.eval()(torch.ones(1, 3)).isfinite().all()


@pytest.mark.parametrize(("fault", "lr"), [("F39 finite", 100.0), ("F40 not finite", 1e160)])
def test_divergence_is_found_and_the_curve_ends_there(fault, lr):
    spec = ModelSpec((4, 3), "regression")
    g = seeded(3, "faults")
    x, y = (torch.randn(16, n, generator=g, dtype=torch.float64) for n in (4, 3))
    data = split(x[:12], y[:12], x[12:], y[12:])
    grid = {"lr": [0.05, lr], "momentum": 0.9}
    run = train(
        spec, data, grid, [0], update=sgd_update, steps=60, batch_size=4, record_at=range(61)
    )
    *_, done = run
    good, at = done.diverged_at[0].tolist()
    assert good == -1 and 0 < at <= 60
    curve = done.train_loss[0, 1]
    assert curve[:at].isfinite().all() and curve[at:].isnan().all()
    assert done.train_loss[0, 0].isfinite().all()


def test_F41_of_thirty_changes_in_a_moment_the_last_runs_to_its_end(page):
    for k in range(30):
        page.ask(frequency=0.1 + 0.05 * k)
        time.sleep(0.002)
    page.wait()
    assert page.numbers["frequency"] == pytest.approx(0.1 + 0.05 * 29)
    assert page.caption == _toys.waves.picture(frequency=0.1 + 0.05 * 29)[1]

"""Convolutions in lock-step: equal to each alone, by autograd on `build()` and an optimizer."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from course_lib.adamw import adam_update, adamw_update
from course_lib.data import mnist1d
from course_lib.engine import ConvSpec, outputs_of, product, train, training
from course_lib.sgd import sgd_update
from tests.engine._alone import WithFields, alone, gap, together

NORMS = (None, "batch", "group")
STEPS, BATCH, SEED = 20, 6, 3


def spec_of(norm):
    return ConvSpec(length=13, channels=4, classes=10, norm=norm)  # 13, 7, 4, 2 places


def split_of(seed):
    """20 training rows, no multiple of the batch, each of 13 places of its line."""
    split = mnist1d(seed, 20, validation_rows=6, test_rows=15, dtype=torch.float64)
    parts = {f"{part}_x": getattr(split, f"{part}_x")[:, 10:23] for part in PARTS}
    return replace(split, **parts)


PARTS = ("train", "validation", "test")


def run(spec, grid, update, seeds=(SEED,), batch=BATCH, **more):
    return together(spec, grid, update, split_of, seeds, STEPS, batch, **more)


class Shifted(WithFields):
    """`WithFields` behind a shift, the first of its fields."""

    def __init__(self, spec, seed, p, widths, shift):
        super().__init__(spec, seed, p, [1, *widths])
        self.shift = shift

    def forward(self, x, fields):
        u, *fields = fields
        moves = ((2 * self.shift + 1) * u[0]).floor().long() - self.shift
        x = torch.stack([row.roll(int(move)) for row, move in zip(x, moves)])
        return super().forward(x, fields)


def loaded(spec, parameters, buffers, v):
    """The built model with what came out together, in evaluation."""
    net = spec.build(dtype=torch.float64).eval()
    named = dict(zip(spec.names(), (p[v] for p in parameters), strict=True))
    statistics = [f"norm_{i}.running_{what}" for i in (1, 2, 3) for what in ("mean", "var")]
    if buffers:
        named |= dict(zip(statistics, (b[v] for b in buffers), strict=True))
    missing, unexpected = net.load_state_dict(named, strict=False)
    assert not unexpected and all("num_batches" in name for name in missing)
    return net


def adamw(params, lr, decay):
    return torch.optim.AdamW(params, lr, weight_decay=decay)


def sgd(params, lr, decay):
    return torch.optim.SGD(params, lr, weight_decay=decay)


# A bias before a BatchNorm has the gradient 0 but for rounding, which Adam, but not SGD, divides by
# its own size: with Adam two ways to compute it drift apart.
@pytest.mark.parametrize(
    ("norm", "update", "strength", "optimizer_of"),
    [
        (None, adamw_update, "weight_decay", adamw),
        ("group", adamw_update, "weight_decay", adamw),
        ("batch", sgd_update, "l2", sgd),
    ],
)
@pytest.mark.parametrize("batch", [BATCH, 20], ids=["batches", "all rows"])
def test_every_setting_is_what_it_is_alone(norm, update, strength, optimizer_of, batch):
    spec = spec_of(norm)
    grid = product(lr=[0.003, 0.02], **{strength: [0.0, 0.3]})
    grid["dropout"] = [0.0, 0.3, 0.5, 0.0]
    done = run(spec, grid, update, (SEED, SEED + 1), batch)
    for s, seed in enumerate(done.seeds):
        for v in range(4):
            lr, decay, p = grid["lr"][v], grid[strength][v], grid["dropout"][v]
            net, _ = alone(
                spec,
                split_of(seed),
                lambda params: optimizer_of(params, lr, decay),  # noqa: B023
                p,
                seed,
                STEPS,
                batch,
                net=WithFields(spec, seed, p, [8]),
            )
            assert gap(net, done.parameters[s], v) <= 1e-9
            kept = [b for name, b in net.model.named_buffers() if "num_batches" not in name]
            for single, many in zip(kept, done.buffers[s], strict=True):
                assert (single - many[v]).abs().max() <= 1e-9


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_rows_are_shifted_each_by_its_own_places(dropout):
    spec, shifts = spec_of(None), [0, 2, 12]
    grid = {"lr": 0.01, "shift": shifts, "dropout": dropout}
    done = run(spec, grid, adam_update, (SEED, SEED + 1))
    for s, seed in enumerate(done.seeds):
        for v, shift in enumerate(shifts):
            net, _ = alone(
                spec,
                split_of(seed),
                lambda params: torch.optim.Adam(params, 0.01),
                dropout,
                seed,
                STEPS,
                BATCH,
                net=Shifted(spec, seed, dropout, [8], shift),
            )
            assert gap(net, done.parameters[s], v) <= 1e-9


def test_smoothing_shapes_the_training_loss_alone():
    spec = spec_of("group")
    grid = {"lr": 0.01, "label_smoothing": [0.0, 0.2]}
    done = run(spec, grid, adam_update)
    for v, epsilon in enumerate(grid["label_smoothing"]):
        net, _ = alone(
            spec,
            split_of(SEED),
            lambda params: torch.optim.Adam(params, 0.01),
            0.0,
            SEED,
            STEPS,
            BATCH,
            net=WithFields(spec, SEED, 0.0, []),
            loss_of=partial(F.cross_entropy, label_smoothing=epsilon),
        )
        assert gap(net, done.parameters[0], v) <= 1e-9


@pytest.mark.parametrize("norm", NORMS)
def test_evaluation_is_that_of_the_built_model(norm):
    spec = spec_of(norm)
    grid = {"lr": [0.01, 0.03], "dropout": [0.0, 0.4], "shift": 2}
    done = run(spec, grid, adam_update, (SEED, SEED + 1), validate=True, record_at=[0, STEPS])
    for s, seed in enumerate(done.seeds):
        split = split_of(seed)
        said = outputs_of(spec, done.parameters[s], split.test_x, done.buffers[s])
        for v in range(2):
            net = loaded(spec, done.parameters[s], done.buffers[s], v)
            assert (net(split.test_x) - said[v]).abs().max() <= 1e-9
            for part in PARTS:
                x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
                loss = getattr(done, f"{part}_loss")[s, v, -1].item()
                accuracy = getattr(done, f"{part}_accuracy")[s, v, -1].item()
                assert loss == pytest.approx(F.cross_entropy(net(x), y).item(), abs=1e-9)
                right = (net(x).argmax(1) == y).double().mean().item()
                assert accuracy == pytest.approx(right, abs=1e-6)


def test_chunks_and_company_change_nothing(monkeypatch):
    grid = product(lr=[0.01, 0.02], dropout=[0.0, 0.3], shift=[0, 2])
    whole = run(spec_of("batch"), grid, sgd_update, (1, 2, 3), record_at=[0, 10, STEPS])
    monkeypatch.setattr(training, "MIN_CHUNK", 1)
    monkeypatch.setattr(training, "CHUNK", 1)  # every setting by itself
    apart = run(spec_of("batch"), grid, sgd_update, (2,), record_at=[0, 10, STEPS])
    for kept in ("parameters", "buffers"):
        for a, b in zip(getattr(apart, kept)[0], getattr(whole, kept)[1], strict=True):
            assert (a - b).abs().max() <= 1e-9
    assert (apart.test_loss[0] - whole.test_loss[1]).abs().max() <= 1e-9


def test_early_stopping_keeps_the_best_buffers_too():
    spec = spec_of("batch")
    grid = {"lr": [0.01, 0.1], "patience": 2}
    done = run(spec, grid, adam_update, record_at=range(STEPS + 1))
    split = split_of(SEED)
    for v in range(2):
        best = done.best_step[0, v].item()
        assert best == done.validation_loss[0, v].nan_to_num(nan=torch.inf).argmin()
        net = loaded(spec, done.parameters[0], done.buffers[0], v)
        loss = F.cross_entropy(net(split.validation_x), split.validation_y).item()
        assert done.validation_loss[0, v, best].item() == pytest.approx(loss, abs=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_the_spec_says_what_it_builds(norm):
    spec = ConvSpec(norm=norm)
    net, start = spec.build(seed=2), spec.initial(2)
    assert [name for name, _ in net.named_parameters()] == spec.names()
    assert [tuple(p.shape) for p in net.parameters()] == spec.shapes()
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), start, strict=True))
    assert spec.lengths() == [20, 10, 5] and net(torch.zeros(3, 40)).shape == (3, 10)
    torchs = torch.nn.Conv1d(25, 25, 3)
    ours = start[spec.names().index("convolution_2.weight")]
    assert ours.abs().max().item() == pytest.approx(torchs.weight.abs().max().item(), rel=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, r"length = 0.*\[1, ∞\)"),
        ({"channels": 2.5}, "channels = 2.5"),
        ({"classes": 0}, "classes = 0"),
        ({"kernels": ()}, r"kernels = \(\): must be at least one odd"),
        ({"kernels": (3, 4)}, r"kernels = \(3, 4\): must be at least one odd"),
        ({"norm": "layer"}, "norm = 'layer': must be one of None, 'batch', 'group'"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ConvSpec(**options)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"shift": 13}, r"shift = 13: must be a whole number in \[0, 12\]"),
        ({"shift": [0, 1.5]}, r"shift = 1.5: must be a whole number in \[0, 12\]"),
        ({"dropout": 1.0}, r"dropout = 1.0.*\[0, 1\)"),
        ({"survival": 0.5}, "unknown hyper-parameter 'survival'"),
    ],
)
def test_options_that_do_not_fit_are_refused(grid, message):
    with pytest.raises(ValueError, match=message):
        list(train(spec_of(None), split_of(0), {"lr": 0.1} | grid, [0], steps=1, batch_size=4))


def test_lines_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"train_x has shape \[20, 13\].* 40\]"):
        list(train(ConvSpec(), split_of(0), {"lr": 0.1}, [0], steps=1, batch_size=4))

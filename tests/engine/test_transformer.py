"""Transformers in lock-step: equal to each alone, by autograd on `build()` and an optimizer."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from course_lib.adamw import adam_update
from course_lib.base.random import seeded
from course_lib.data import modular_addition
from course_lib.engine import TransformerSpec, outputs_of, product, train, training
from course_lib.engine.rows import batches_of
from course_lib.sgd import sgd_update
from tests.engine._alone import WithFields, alone, gap, together

SPEC = TransformerSpec(prime=7, width=8, heads=2, expansion=2)
NORMS = (None, "rms", "layer")
STEPS, BATCH, SEED = 25, 6, 3


def split_of(seed):
    return modular_addition(seed, SPEC.prime)


def alike(spec, grid, v, done, seed, optimizer_of, **more):
    """The model of setting v trained alone, which must equal what came out together."""
    p = grid["dropout"][v] if "dropout" in grid else 0.0
    widths = (spec.expansion * spec.width,) if any(grid.get("dropout", ())) else ()
    net = WithFields(spec, seed, p, widths)
    batch = more.pop("batch", BATCH)
    net, optimizer = alone(
        spec, split_of(seed), optimizer_of, p, seed, STEPS, batch, net=net, **more
    )
    place = done.seeds.index(seed)
    assert gap(net, done.parameters[place], v) <= 1e-10
    return net, optimizer


def run(spec, grid, update, seeds=(SEED,), batch=BATCH, **more):
    return together(spec, grid, update, split_of, seeds, STEPS, batch, **more)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("batch", [BATCH, 29], ids=["batches", "all rows"])
def test_every_setting_is_what_it_is_alone(norm, batch):
    spec = TransformerSpec(7, width=8, heads=2, expansion=2, norm=norm)
    grid = product(lr=[0.003, 0.02], l2=[0.0, 0.1], beta2=[0.98])
    grid["dropout"] = [0.0, 0.3, 0.5, 0.0]
    done = run(spec, grid, adam_update, (SEED, SEED + 1), batch)
    for seed in done.seeds:
        for v in range(4):
            lr, l2 = grid["lr"][v], grid["l2"][v]
            alike(
                spec,
                grid,
                v,
                done,
                seed,
                lambda p: torch.optim.Adam(p, lr, (0.9, 0.98), weight_decay=l2),  # noqa: B023
                batch=batch,
            )


def test_decoupled_decay_momentum_and_what_the_optimizer_remembers():
    grid = product(lr=[0.01], weight_decay=[0.0, 0.5])
    done = run(SPEC, grid, adam_update)
    _, optimizer = alike(
        SPEC, grid, 1, done, SEED, lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.5)
    )
    torchs = optimizer.state[optimizer.param_groups[0]["params"][3]]["exp_avg"]
    kept = [value[1] for value in done.states[0][3].values() if isinstance(value, torch.Tensor)]
    assert min((value - torchs).abs().max() for value in kept) <= 1e-10  # one of them is m
    grid = {"lr": [0.1, 0.2], "momentum": 0.9}
    done = run(SPEC, grid, sgd_update)
    alike(SPEC, grid, 1, done, SEED, lambda p: torch.optim.SGD(p, 0.2, momentum=0.9))


def test_smoothing_shapes_the_training_loss_alone():
    grid = {"lr": 0.01, "weight_decay": 0.0, "label_smoothing": [0.0, 0.2]}
    done = run(SPEC, grid, adam_update)
    split = split_of(SEED)
    for v, epsilon in enumerate(grid["label_smoothing"]):
        smoothed = partial(F.cross_entropy, label_smoothing=epsilon)
        net, _ = alike(
            SPEC, grid, v, done, SEED, lambda p: torch.optim.Adam(p, 0.01), loss_of=smoothed
        )
        plain = F.cross_entropy(net(split.test_x), split.test_y).item()
        assert done.test_loss[0, v, -1].item() == pytest.approx(plain, abs=1e-10)


@pytest.mark.parametrize("norm", NORMS)
def test_evaluation_is_that_of_the_built_model(norm):
    spec = TransformerSpec(7, width=8, heads=2, expansion=2, norm=norm)
    grid = {"lr": [0.01, 0.03], "dropout": [0.0, 0.4]}
    done = run(spec, grid, adam_update, (SEED, SEED + 1), validate=True, record_at=[0, STEPS])
    for s, seed in enumerate(done.seeds):
        split = split_of(seed)
        said = outputs_of(spec, done.parameters[s], split.test_x)
        for v in range(2):
            net = spec.build(dtype=torch.float64).eval()
            named = dict(zip(spec.names(), (p[v] for p in done.parameters[s]), strict=True))
            net.load_state_dict(named)
            assert (net(split.test_x) - said[v]).abs().max() <= 1e-10
            for part in ("train", "validation", "test"):
                x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
                loss, accuracy = (
                    getattr(done, f"{part}_{what}")[s, v, -1].item()
                    for what in ("loss", "accuracy")
                )
                assert loss == pytest.approx(F.cross_entropy(net(x), y).item(), abs=1e-10)
                assert accuracy == pytest.approx(
                    (net(x).argmax(1) == y).double().mean().item(), abs=1e-6
                )


def test_chunks_and_company_change_nothing(monkeypatch):
    grid = product(lr=[0.01], weight_decay=[0.0, 0.3, 1.0], dropout=[0.0, 0.3])
    whole = run(SPEC, grid, adam_update, (1, 2, 3), record_at=[0, 10, STEPS])
    monkeypatch.setattr(training, "CHUNK", 1)  # every setting by itself
    apart = run(SPEC, grid, adam_update, (2,), record_at=[0, 10, STEPS])
    for a, b in zip(apart.parameters[0], whole.parameters[1]):
        assert (a - b).abs().max() <= 1e-10
    assert (apart.test_loss[0] - whole.test_loss[1]).abs().max() <= 1e-10


def test_workers_share_a_last_chunk_that_would_be_alone(monkeypatch):
    grid = product(lr=[0.01], weight_decay=[0.0, 0.3, 1.0, 2.0])
    alone = run(SPEC, grid, adam_update, (1, 2, 3), workers=1)
    chunks, work_off = [], training.work_off

    def watched(some, workers):
        chunks.extend((chunk.seeds, chunk.settings) for chunk in some)
        return work_off(some, workers)

    monkeypatch.setattr(training, "work_off", watched)
    one = training.model_size(SPEC, BATCH)
    monkeypatch.setattr(training, "_room", lambda job: 4 * (one + 3 * BATCH))
    shared = run(SPEC, grid, adam_update, (1, 2, 3))
    whole, halves = slice(0, 4), (slice(0, 2), slice(2, 4))
    assert chunks == [((1,), whole), ((2,), whole), *(((3,), half) for half in halves)]
    for wanted, found in zip(alone.parameters, shared.parameters):
        assert all((a - b).abs().max() <= 1e-10 for a, b in zip(wanted, found, strict=True))


def test_strengths_spare_biases_and_differ_by_layer():
    spec = TransformerSpec(7, width=8, heads=2, expansion=2, norm="rms")
    matrices = sum(len(shape) > 1 for shape in spec.shapes())
    by_layer = tuple(float(i == 0) for i in range(matrices))  # the embedding alone
    grid = {"lr": 0.01, "weight_decay": [0.0, by_layer, 1.0], "only_weights": [False, False, True]}
    done = run(spec, grid, adam_update)
    groups = [["embedding"], [name for name, s in zip(spec.names(), spec.shapes()) if len(s) > 1]]
    for v, decayed in enumerate(groups, 1):

        def optimizer_of(parameters):
            named = dict(zip(spec.names(), parameters))
            spared = [p for name, p in named.items() if name not in decayed]  # noqa: B023
            return torch.optim.AdamW(
                [
                    {"params": [named[name] for name in decayed], "weight_decay": 1.0},  # noqa: B023
                    {"params": spared, "weight_decay": 0.0},
                ],
                0.01,
            )

        alike(spec, {}, v, done, SEED, optimizer_of)


def test_schedules_patience_and_observers():
    seen = []
    grid = {"lr": 0.02, "patience": [2, math.inf]}
    done = run(
        SPEC,
        grid,
        adam_update,
        schedule=[lambda step: 0.5**step, lambda step: 1.0],
        record_at=range(STEPS + 1),
        observe=lambda seed, step, parameters, gradients: seen.append(
            (step, [p.clone() for p in parameters], [g.clone() for g in gradients])
        ),
    )
    assert [step for step, *_ in seen] == list(range(len(seen)))
    for v in range(2):
        best = done.validation_loss[0, v].nan_to_num(nan=math.inf).argmin().item()
        assert done.best_step[0, v] == best
        if best < len(seen):
            kept = zip(done.parameters[0], seen[best][1])
            assert all(torch.equal(a[v], b[v]) for a, b in kept)
    # the gradients are those of the loss at the parameters shown beside them
    step, parameters, gradients = seen[2]
    split = split_of(SEED)
    batches = batches_of(split.train_x, split.train_y, BATCH, seeded(SEED, "batches"))
    for _ in range(step + 1):
        x, y = next(batches)
    net = SPEC.build(dtype=torch.float64)
    net.load_state_dict(dict(zip(SPEC.names(), (p[1] for p in parameters))))
    found = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
    assert all((a - b[1]).abs().max() <= 1e-10 for a, b in zip(found, gradients))


def test_a_learners_own_update_and_l1_after_it():
    def halved(param, grad, state, *, lr):
        param -= lr * grad / 2

    done = run(SPEC, {"lr": [0.1, 0.4], "l1": [0.0, 0.01]}, halved)
    alike(SPEC, {}, 0, done, SEED, lambda p: torch.optim.SGD(p, 0.05))

    def shrink(net):
        for parameter in net.parameters():
            parameter.copy_(parameter.sign() * (parameter.abs() - 0.4 * 0.01).clamp(min=0))

    alike(SPEC, {}, 1, done, SEED, lambda p: torch.optim.SGD(p, 0.2), after=shrink)


def test_the_spec_says_what_it_builds():
    for norm in NORMS:
        spec = TransformerSpec(7, tokens=4, width=8, heads=2, expansion=3, norm=norm)
        net, start = spec.build(seed=2), spec.initial(2)
        assert [name for name, _ in net.named_parameters()] == spec.names()
        assert [tuple(p.shape) for p in net.parameters()] == spec.shapes()
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), start, strict=True))
    wide = dict(zip(TransformerSpec().names(), TransformerSpec().initial(0)))
    assert wide["up.weight"].std().item() == pytest.approx(64**-0.5, rel=0.02)
    assert wide["down.weight"].std().item() == pytest.approx(256**-0.5, rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prime": 1}, r"prime = 1.*\[2, ∞\)"),
        ({"heads": 3}, "heads = 3: must divide the width, 64"),
        ({"width": 0}, "width = 0"),
        ({"tokens": 0}, "tokens = 0"),
        ({"expansion": 1.5}, "expansion = 1.5"),
        ({"norm": "batch"}, "norm = 'batch': must be one of None, 'rms', 'layer'"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TransformerSpec(**options)


def test_rows_and_options_that_do_not_fit_are_refused():
    other, split = modular_addition(0, 11), split_of(0)
    for data, message in [
        (other, r"train_x: must hold tokens in \[0, 7\], as int64"),
        (split.to(torch.float64, "cpu"), None),
        (replace(split, test_x=split.test_x.double()), "test_x: must hold tokens"),
        (replace(split, train_x=split.train_x[:, :2]), r"train_x has shape \[29, 2\].* 3\]"),
    ]:
        if message is None:
            list(train(SPEC, data, {"lr": 0.1}, [0], steps=1, batch_size=4))
        else:
            with pytest.raises(ValueError, match=message):
                list(train(SPEC, data, {"lr": 0.1}, [0], steps=1, batch_size=4))
    with pytest.raises(ValueError, match="unknown hyper-parameter 'survival'"):
        list(train(SPEC, split, {"lr": 0.1, "survival": 0.5}, [0], steps=1, batch_size=4))
    with pytest.raises(ValueError, match=r"dropout = 1.0.*\[0, 1\)"):
        list(train(SPEC, split, {"lr": 0.1, "dropout": 1.0}, [0], steps=1, batch_size=4))

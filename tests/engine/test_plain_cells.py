"""The engine's curve is the plain cell's: the same network, at all settings at once.

A lesson's plain cell runs as it is written, in float64. Where torch would draw, it is given what
the engine draws: initial weights, the order of the rows, the noise of dropout.
"""

from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.optimizer import register_optimizer_step_post_hook

import course_lib.data
from course_lib.adamw import adam_update, adamw_update
from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import ModelSpec, train
from course_lib.experiments.adamw.two_knobs import OPTIMIZERS
from course_lib.experiments.batchnorm.training import NETS
from course_lib.experiments.dropout import curves
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.overfitting import early_stopping
from course_lib.experiments.sgd import schedules
from course_lib.experiments.stochastic_depth.training import spec_of
from course_lib.sgd import sgd_update
from tests.notebook.test_plain_cells import PLAIN

SEED, EVERY = 3, 20  # steps between two points of a curve


class Case(NamedTuple):
    """What the engine trains, and which of the plain cell's trainings these settings are.

    The spec, and where a lesson has one the update, are those of its explorer.
    """

    lesson: str
    spec: ModelSpec
    update: object
    grid: dict
    runs: slice
    batch: int = 50


ADAM = {"lr": 2e-3, "weight_decay": 0.0}
SGD = {"lr": 0.01, "momentum": 0.9}
SMALL = curves.SPEC
COUPLED, DECOUPLED = (OPTIMIZERS[name].update for name in ("Adam + L2", "AdamW"))
STRENGTHS = [0, 0.001, 0.01, 0.1, 1, 10]
UNDIVIDED = {"lr": 0.05, "momentum": 0.9, "only_weights": True}
TEN = {name: replace(spec, widths=(*[64] * 11, 10)) for name, spec in NETS.items()}  # as deep
DEPTH = {"survival": [1.0, 0.5], **ADAM}
CASES = [
    Case("00_sgd", schedules.SPEC, sgd_update, {**SGD, "lr": 0.05}, slice(1, 2), 10),
    Case("01_overfitting", early_stopping.SPEC, adamw_update, ADAM, slice(1)),
    Case("02_l1_l2", SMALL, sgd_update, {**UNDIVIDED, "l2": [0.0, 0.01]}, slice(2)),
    Case("02_l1_l2", SMALL, sgd_update, {**UNDIVIDED, "l1_subgradient": 0.001}, slice(2, 3)),
    Case("03_weight_decay", SMALL, sgd_update, {**SGD, "l2": [0.0, 0.02]}, slice(2)),
    Case("03_weight_decay", SMALL, sgd_update, {**SGD, "weight_decay": [0.02, 0.2]}, slice(2, 4)),
    Case("03_weight_decay", SMALL, adam_update, {"lr": 0.01, "l2": [0.0, 0.02]}, slice(4, 6)),
    Case(
        "03_weight_decay",
        SMALL,
        adamw_update,
        {"lr": 0.01, "weight_decay": [0.02, 0.2]},
        slice(6, 8),
    ),
    Case("04_adamw", SMALL, COUPLED, {"lr": 0.01, "l2": STRENGTHS}, slice(0, 12, 2)),
    Case("04_adamw", SMALL, DECOUPLED, {"lr": 0.01, "weight_decay": STRENGTHS}, slice(1, 12, 2)),
    Case(
        "05_label_smoothing",
        smoothing.SPEC,
        adamw_update,
        {"label_smoothing": [0.0, 0.1, 0.3], **ADAM},
        slice(3),
    ),
    Case("06_dropout", curves.SPEC, adamw_update, {"dropout": [0.0, 0.5], **ADAM}, slice(2)),
    Case("07_batchnorm", TEN["plain"], sgd_update, {**SGD, "lr": [0.01, 0.1]}, slice(0, 4, 2)),
    Case("07_batchnorm", TEN["BatchNorm"], sgd_update, {**SGD, "lr": [0.01, 0.1]}, slice(1, 4, 2)),
    Case("08_stochastic_depth", spec_of("linear", 12), adamw_update, DEPTH, slice(2)),
]


class Injected:
    """One run of a plain cell under `patch`: the curves of its trainings, one after the other.

    curves: of each training {step: (training loss, test loss)}, by torch alone.
    """

    def __init__(self, lesson, spec, patch):
        self.curves = []
        built = spec.build(seed=SEED, dtype=torch.float64)
        self.linear = [layer for layer in built.modules() if isinstance(layer, nn.Linear)]
        self.module_train = nn.Module.train
        patch.setattr(torch, "manual_seed", self.begin)
        patch.setattr(torch, "randperm", partial(self.order, torch.randperm))
        patch.setattr(torch, "randint", partial(self.rows, torch.randint))
        patch.setattr(nn.Module, "train", lambda model, mode=True: self.mode(model, mode))
        patch.setattr(nn.Dropout, "forward", lambda layer, x: self.drop(layer, x))
        patch.setattr(course_lib.data, "digits", partial(self.digits, course_lib.data.digits))
        hook = register_optimizer_step_post_hook(self.look)
        try:
            exec(PLAIN[lesson], {})
        finally:
            hook.remove()

    def digits(self, digits, *args, **options):
        """The lesson's data, in float64."""
        self.data: Split = digits(*args, **options).to(torch.float64, torch.device("cpu"))
        return self.data

    def begin(self, _seed):
        """Every training starts with `torch.manual_seed`."""
        self.curves.append({})
        self.model, self.step = None, 0
        self.shuffle, self.noise = seeded(SEED, "batches"), seeded(SEED, "dropout")

    def mode(self, model, mode):
        """The first `model.train()` hands the weights over."""
        if mode and self.model is None:
            self.model = model.double()
            layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
            for layer, given in zip(layers, self.linear, strict=True):
                layer.load_state_dict(given.state_dict())
        return self.module_train(model, mode)

    def order(self, randperm, rows, generator=None):
        return randperm(rows, generator=generator or self.shuffle)

    def rows(self, randint, *args, **options):
        """[steps, batch] row numbers: epoch after epoch, where the cell draws each row anew."""
        if options:  # the data, which have a generator of their own
            return randint(*args, **options)
        high, size = args
        epochs = -(-size[0] * size[1] // high)
        return torch.cat([torch.randperm(high) for _ in range(epochs)]).split(size[1])[: size[0]]

    def drop(self, layer, x):
        if not layer.training:
            return x
        u = torch.empty(x.T.shape).uniform_(generator=self.noise).T
        return x * (layer.p <= u) / (1 - layer.p)

    def look(self, _optimizer, _args, _options):
        self.step += 1
        if self.step % EVERY == 0:
            self.module_train(self.model, False)
            with torch.no_grad():
                self.curves[-1][self.step] = [
                    cross_entropy(self.model(x), y).item()
                    for x, y in (
                        (self.data.train_x, self.data.train_y),
                        (self.data.test_x, self.data.test_y),
                    )
                ]
            self.module_train(self.model, True)


@cache
def plain(lesson, spec):
    with pytest.MonkeyPatch.context() as patch:
        return Injected(lesson, spec, patch)


@pytest.mark.parametrize("case", CASES, ids=[f"{it.lesson} {it.runs.start or 0}" for it in CASES])
def test_the_engines_curve_is_that_of_the_plain_cell(case):
    cell = plain(case.lesson, case.spec)
    curves = cell.curves[case.runs]
    *_, done = train(
        case.spec,
        cell.data,
        case.grid,
        [SEED],
        update=case.update,
        steps=max(curves[0]),
        batch_size=case.batch,
        record_at=tuple(curves[0]),
        device="cpu",
        dtype=torch.float64,
    )
    found = torch.stack([done.train_loss[0], done.test_loss[0]], -1)
    wanted = torch.tensor([list(curve.values()) for curve in curves], dtype=torch.float64)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    assert wanted[..., 0].diff().abs().max() > 1e-3, "nothing was trained"

"""engine/layers.py: norms, residual blocks, GELU and smoothed labels; each model equals the one
trained alone.
"""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.adamw import AdamW, adamw_update
from course_lib.base.random import seeded
from course_lib.batchnorm import batch_norm, layer_norm
from course_lib.data import Split
from course_lib.engine import ModelSpec, outputs_of, train
from course_lib.engine.layers import BatchNorm, Dropout, LayeredNetworks, Norm, Residual
from course_lib.engine.networks import Networks
from course_lib.engine.rows import batches_of
from course_lib.sgd import SGD, sgd_update
from course_lib.stochastic_depth import ResidualBlock
from tests.engine import _alone
from tests.engine._alone import LOSSES, SEED, STEPS, settings_of

BATCH = 8
BATCHED, BLOCKS = ModelSpec((4, 6, 3), norm="batch"), ModelSpec((4, 6, 3), residual_blocks=3)
split_for = partial(_alone.split_for, rows=19)  # no multiple of the batch


def together(spec, grid, update, data=None, seeds=(SEED,), **more):
    data = data or split_for(spec)
    return _alone.together(spec, grid, update, data, seeds, batch=BATCH, **more)


class FromField(nn.Module):
    """Dropout and DropPath with given numbers u [F, rows]: dropped where u < p, else divided by 1 −
    p.
    """

    mode = "row"

    def __init__(self, p, of_block=False):
        super().__init__()
        self.p, self.of_block, self.u = p, of_block, None

    def forward(self, x):
        if not self.training or self.u is None:
            return x
        return x * (self.p <= self.u.T) / (1 - self.p if self.p < 1 else 1)


class Single(nn.Module):
    """The single model of `spec`, its random layers reading fields. widths: of the field of each,
    in order.
    """

    def __init__(self, spec, dropout=0.0, survival=1.0, seed=SEED):
        super().__init__()
        self.model = spec.build(dropout or 0.5, survival=survival, seed=seed, dtype=torch.float64)
        self.random, self.widths, width = [], [], None
        for i, layer in enumerate(self.model):
            if isinstance(layer, nn.Linear):
                width = layer.out_features
            if isinstance(layer, nn.Dropout):
                self.model[i] = self._reads(FromField(dropout), width)
            if isinstance(layer, ResidualBlock):
                layer.drop_path = self._reads(FromField(layer.drop_path.p, of_block=True), 1)

    def _reads(self, layer, width):
        self.random.append(layer)
        self.widths.append(width)
        return layer

    def forward(self, x, fields=()):
        for layer, field in zip(self.random, fields):
            layer.u = field
        return self.model(x)

    def asked_for(self, setting):
        """Whether each random layer has a field: dropout and residual blocks where the setting
        names them.
        """
        return [("survival" if layer.of_block else "dropout") in setting for layer in self.random]

    def buffers_with_values(self):
        return [buffer for name, buffer in self.model.named_buffers() if "running" in name]


def fields_for(single, rows, generator, setting):
    """A step's fields [F, rows], drawn where the grid asks for that kind of noise."""
    return [
        torch.empty(width, rows).uniform_(generator=generator) if needed else None
        for width, needed in zip(single.widths, single.asked_for(setting))
    ]


def alone(spec, split, optimizer_of, setting, seed=SEED, steps=STEPS):
    """Train one model by autograd and an optimizer object."""
    net = Single(spec, setting.get("dropout", 0.0), setting.get("survival", 1.0), seed)
    optimizer, loss_of = optimizer_of(net.parameters()), LOSSES[spec.task]
    smoothing = (
        {"label_smoothing": setting["label_smoothing"]} if "label_smoothing" in setting else {}
    )
    batches = batches_of(split.train_x, split.train_y, BATCH, seeded(seed, "batches"))
    noise = seeded(seed, "dropout")
    net.train()
    for _ in range(steps):
        x, y = next(batches)
        loss = loss_of(net(x, fields_for(net, BATCH, noise, setting)), y, **smoothing)
        optimizer.zero_grad()
        loss.backward()
        for (
            parameter
        ) in net.parameters():  # a branch that never survives has none, and would not decay either
            parameter.grad = (
                torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            )
        optimizer.step()
    return net.eval()


LR = [0.01, 0.02, 0.005]
P, EPSILON, SURVIVAL = [0.0, 0.2, 0.4], [0.0, 0.1, 1.0], [1.0, 0.5, 0.0]
# name: (spec, columns of the grid besides lr); ordered simple → complex
CASES = {
    "gelu": (ModelSpec((4, 6, 3), activation="gelu"), {}),
    "gelu, two layers, dropout": (ModelSpec((4, 6, 5, 3), activation="gelu"), {"dropout": P}),
    "dropout before tanh": (
        ModelSpec((4, 6, 3), activation="tanh", order="linear-dropout-activation-norm"),
        {"dropout": P},
    ),
    "batch": (BATCHED, {}),
    "batch, two layers": (ModelSpec((4, 6, 5, 3), norm="batch"), {}),
    "batch, dropout": (BATCHED, {"dropout": P}),
    "batch, tanh, dropout": (
        ModelSpec((4, 6, 5, 3), activation="tanh", norm="batch"),
        {"dropout": P},
    ),
    "batch, gelu": (ModelSpec((4, 6, 3), activation="gelu", norm="batch"), {}),
    "batch, regression": (ModelSpec((4, 6, 2), "regression", norm="batch"), {"dropout": P}),
    "dropout, then batch": (
        ModelSpec((4, 6, 6, 3), norm="batch", order="linear-activation-dropout-norm"),
        {"dropout": P},
    ),
    "the Spambase study": (
        ModelSpec((4, 6, 6, 2), norm="batch", order="linear-norm-dropout-activation"),
        {"dropout": P},
    ),
    "layer": (ModelSpec((4, 6, 5, 3), norm="layer"), {}),
    "layer, dropout behind tanh": (
        ModelSpec(
            (4, 6, 5, 3), activation="tanh", norm="layer", order="linear-activation-dropout-norm"
        ),
        {"dropout": P},
    ),
    "smoothed labels, plain": (ModelSpec((4, 6, 3)), {"label_smoothing": EPSILON}),
    "smoothed labels, linear": (ModelSpec((4, 3)), {"label_smoothing": EPSILON}),
    "smoothed labels, plain, dropout": (
        ModelSpec((4, 6, 3), activation="tanh"),
        {"label_smoothing": EPSILON, "dropout": P},
    ),
    "smoothed labels, batch": (BATCHED, {"label_smoothing": EPSILON, "dropout": P}),
    "blocks": (BLOCKS, {}),
    "blocks, survival": (BLOCKS, {"survival": SURVIVAL}),
    "blocks, survival, uniform rule": (
        ModelSpec((4, 6, 3), residual_blocks=3, expansion=1, survival_rule="uniform"),
        {"survival": SURVIVAL},
    ),
    "blocks without a norm": (
        ModelSpec((4, 6, 3), residual_blocks=2, expansion=2, branch_norm=False),
        {"survival": SURVIVAL},
    ),
    "one block, all dropped": (
        ModelSpec((4, 6, 3), residual_blocks=1),
        {"survival": [0.0, 0.0, 1.0]},
    ),
    "blocks, dropout": (BLOCKS, {"dropout": P}),
    "blocks, all": (
        ModelSpec((4, 5, 6, 3), norm="batch", residual_blocks=2, expansion=2, activation="tanh"),
        {"survival": SURVIVAL, "dropout": P, "label_smoothing": EPSILON},
    ),
}


def assert_equal_alone(spec, grid, done, optimizer_of, splits, limit=1e-10):
    """Parameters, running statistics and the curves measured by evaluation; splits: one per
    seed.
    """
    for s, (seed, split) in enumerate(zip(done.seeds, splits, strict=True)):
        for v, setting in enumerate(settings_of(grid)):
            net = alone(
                spec,
                split,
                lambda p, lr=setting["lr"]: optimizer_of(p, lr),
                setting,
                seed,
                done.steps,
            )
            found = [tensor[v] for tensor in done.parameters[s] + done.buffers[s]]
            wanted = [*net.parameters(), *net.buffers_with_values()]
            for part in ("train", "test"):
                wanted += [
                    LOSSES[spec.task](net(getattr(split, f"{part}_x")), getattr(split, f"{part}_y"))
                ]
                found += [getattr(done, f"{part}_loss")[s, v, -1]]
            for i, (many, single) in enumerate(zip(found, wanted, strict=True)):
                gap = (single - many).abs().max().item()
                assert gap <= limit, f"seed {seed}, setting {setting}, tensor {i}: {gap}"


@pytest.mark.parametrize(("spec", "columns"), CASES.values(), ids=CASES)
def test_each_model_equals_the_one_trained_alone(spec, columns):
    grid = {"lr": LR, **columns}
    done = together(spec, grid, sgd_update)
    assert_equal_alone(spec, grid, done, lambda p, lr: SGD(p, lr=lr), [split_for(spec)])


@pytest.mark.parametrize(
    ("spec", "columns"), [(BATCHED, {}), (BLOCKS, {"survival": SURVIVAL})], ids=["batch", "blocks"]
)
def test_with_adamw(spec, columns):
    """ε is large: a bias before a BatchNorm has gradient zero but for rounding, which Adam would
    magnify.
    """
    options = {"weight_decay": 0.1, "eps": 1e-3}
    done = together(spec, {"lr": LR, **options, **columns}, adamw_update)
    grid = {"lr": LR, **columns}
    assert_equal_alone(
        spec, grid, done, lambda p, lr: AdamW(p, lr=lr, **options), [split_for(spec)]
    )


@pytest.mark.parametrize("own_data", [False, True], ids=["shared data", "data of its own"])
@pytest.mark.parametrize("name", ["smoothed labels, batch", "layer", "blocks, all"])
def test_seeds_trained_together_equal_those_trained_alone(name, own_data):
    spec, columns = CASES[name]
    grid = {"lr": LR, **columns}
    splits = [split_for(spec, seed if own_data else 0) for seed in (3, 5)]
    data = dict(zip((3, 5), splits)).get if own_data else splits[0]
    done = together(spec, grid, sgd_update, data, (3, 5), steps=40)
    assert_equal_alone(spec, grid, done, lambda p, lr: SGD(p, lr=lr), splits)


# what a step computes

ACTIVATIONS, LAST_THREE = ["relu", "tanh", "gelu"], ["norm", "activation", "dropout"]


@given(
    hidden=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seeds=st.integers(1, 3),
    count=st.integers(1, 3),
    rows=st.integers(2, 5),
    task=st.sampled_from(["classification", "regression"]),
    activation=st.sampled_from(ACTIVATIONS),
    norm=st.sampled_from([None, "batch", "layer"]),
    order=st.permutations(LAST_THREE),
    blocks=st.integers(0, 2),
    p=st.none() | st.floats(0, 0.9),
    survival=st.none() | st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_the_backward_written_by_hand_equals_autograd(
    hidden, seeds, count, rows, task, activation, norm, order, blocks, p, survival, seed
):
    generator = torch.Generator().manual_seed(seed)
    spec = ModelSpec(
        [3, *hidden, 2],
        task,
        activation,
        norm=norm,
        order="-".join(["linear", *order]),
        residual_blocks=blocks,
        expansion=2,
    )
    asked = {"dropout": p, "survival": survival}
    options = {
        name: torch.linspace(value / 2, value, seeds * count, dtype=torch.float64)
        for name, value in asked.items()
        if value is not None
    }
    start = [
        torch.stack(same) for same in zip(*(spec.initial(s, torch.float64) for s in range(seeds)))
    ]
    networks = LayeredNetworks(spec, start, count, options, rows)
    networks.flat.add_(torch.randn(networks.flat.shape, generator=generator, dtype=torch.float64))
    x = torch.randn(seeds, rows, 3, generator=generator, dtype=torch.float64)
    target = F.one_hot(torch.randint(2, (seeds, rows), generator=generator), 2).double()
    noise = [torch.rand(seeds, width, rows, generator=generator) for width in networks.noise_widths]
    losses = networks.compute_gradients(x, target, noise)
    for v in range(seeds * count):
        setting = {name: values[v].item() for name, values in options.items()}
        net, s = Single(spec, **setting), v // count
        for parameter, values in zip(net.parameters(), networks.parameters, strict=True):
            parameter.data = values[v].clone()
        given_fields = iter(noise)
        fields = [next(given_fields)[s] if needed else None for needed in net.asked_for(setting)]
        loss = LOSSES[task](net(x[s], fields), target[s])
        torch.testing.assert_close(losses[v], loss.detach(), rtol=1e-10, atol=1e-12)
        gradients = torch.autograd.grad(
            loss, list(net.parameters()), materialize_grads=True, allow_unused=True
        )
        for wanted, found in zip(gradients, networks.gradients):
            torch.testing.assert_close(found[v], wanted, rtol=1e-7, atol=1e-9)
        for wanted, found in zip(net.buffers_with_values(), networks.buffers, strict=True):
            torch.testing.assert_close(found[v], wanted, rtol=1e-10, atol=1e-12)


def learned(*shape):
    """Weight, bias [V, F] for a layer, each with room for its gradient; and the same for
    autograd.
    """
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2)]
    return [(value, torch.empty_like(value)) for value in values], [
        value.clone().requires_grad_() for value in values
    ]


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_norms_are_the_lessons_functions(kind):
    """Output, three gradients and running statistics of `batch_norm`, `layer_norm`, for V = 2
    models at once.
    """
    pairs, (weight, bias) = learned(2, 5)
    x = torch.randn(
        2, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    ).requires_grad_()
    ours, theirs = ([torch.zeros(2, 5).double(), torch.ones(2, 5).double()] for _ in range(2))
    if kind == "batch":
        layer = BatchNorm(pairs, ours)
        y = batch_norm(x, *theirs, weight, bias, training=True, dim=-1)
    else:
        layer = Norm(pairs)
        y = layer_norm(x.mT, 5, weight.unsqueeze(1), bias.unsqueeze(1)).mT
    delta = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(layer.forward(x.detach(), True), y.detach())
    wanted = torch.autograd.grad(y, [x, weight, bias], delta)
    found = layer.backward(delta.clone()), pairs[0][1], pairs[1][1]
    for a, b in zip([*found, *ours], [*wanted, *theirs]):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    evaluated = batch_norm(x, *theirs, weight, bias, dim=-1) if kind == "batch" else y
    torch.testing.assert_close(layer.forward(x.detach(), False), evaluated.detach())


def test_evaluation_changes_nothing():
    networks = LayeredNetworks(BATCHED, [p.unsqueeze(0) for p in BATCHED.initial(0)], 2, {}, 4)
    before = [buffer.clone() for buffer in networks.buffers]
    networks.evaluate(torch.randn(9, 4), torch.eye(3)[[0, 1, 2] * 3])
    assert all(torch.equal(a, b) for a, b in zip(before, networks.buffers)) and len(before) == 2


def test_a_row_that_is_dropped_passes_a_block_unchanged():
    """u < p drops the row, in every feature; what stays is divided by the survival probability."""
    drop_path = Dropout(torch.tensor([0.5, 0.0, 1.0]).view(1, 3, 1, 1), width=1, rows=3)
    drop_path.field = torch.tensor([[0.4999, 0.5, 0.9]])
    block = Residual(drop_path, Doubling())
    x = torch.arange(1.0, 19).view(3, 2, 3)
    y = block.forward(x, True)
    assert torch.equal(y[0], x[0] * torch.tensor([1.0, 5.0, 5.0]))  # x + 2·(2x)
    assert torch.equal(y[1], x[1] * 3) and torch.equal(y[2], x[2])
    assert torch.equal(block.forward(x, False), x * torch.tensor([3.0, 3.0, 1.0]).view(3, 1, 1))


class Doubling:
    def forward(self, a, training):
        return a * 2


def test_all_is_off_where_it_is_zero():
    """No dropout, survival 1, ε = 0, asked for or not: the same numbers."""
    spec = ModelSpec((4, 6, 3), norm="batch", residual_blocks=2)
    off = together(
        spec,
        {"lr": LR, "dropout": 0.0, "survival": 1.0, "label_smoothing": 0.0},
        sgd_update,
        steps=20,
    )
    left_out = together(spec, {"lr": LR}, sgd_update, steps=20)
    for a, b in zip(
        off.parameters[0] + off.buffers[0], left_out.parameters[0] + left_out.buffers[0]
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_curves_show_the_plain_cross_entropy_and_gradients_the_smoothed_one():
    """A linear model on one row: the smoothed loss pulls the logit gap to its optimum, log((K(1 −
    ε) + ε)/ε).
    """
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.tensor([0])
    split = Split(x, y, x, y, x, y, y)
    *_, done = train(
        ModelSpec((1, 3)),
        split,
        {"lr": 2.0, "label_smoothing": [0.3]},
        [0],
        update=sgd_update,
        steps=300,
        batch_size=1,
        dtype=torch.float64,
    )
    weight, bias = (parameter[0] for parameter in done.parameters[0])
    z = weight[:, 0] + bias
    gap = torch.tensor((3 * 0.7 + 0.3) / 0.3, dtype=torch.float64).log()
    torch.testing.assert_close(z[0] - z[1:], gap.expand(2), rtol=0, atol=1e-10)
    torch.testing.assert_close(done.train_loss[0, 0, -1], -z.log_softmax(0)[0])


@pytest.mark.parametrize("spec", [BATCHED, BLOCKS], ids=["batch", "blocks"])
def test_observe_sees_parameters_and_gradients_of_the_single_model(spec):
    seen = []

    def observe(seed, step, parameters, gradients):
        seen.append([[tensor.clone() for tensor in tensors] for tensors in (parameters, gradients)])

    together(spec, {"lr": LR, "weight_decay": 0.1}, sgd_update, steps=2, observe=observe)
    batches = batches_of(
        split_for(spec).train_x, split_for(spec).train_y, BATCH, seeded(SEED, "batches")
    )
    for parameters, gradients in seen:
        x, y = next(batches)
        net = Single(spec).train()
        for parameter, values in zip(net.parameters(), parameters, strict=True):
            parameter.data = values[1]
        wanted = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
        assert [g[1].shape for g in gradients] == [tuple(shape) for shape in spec.shapes()]
        for a, b in zip(wanted, gradients):
            torch.testing.assert_close(b[1], a, rtol=0, atol=1e-12)
    assert len(seen) == 2


def test_decay_of_weights_only_leaves_norms_and_biases_alone():
    done = together(
        BATCHED, {"lr": 0.1, "weight_decay": [0.0, 0.5], "only_weights": True}, sgd_update, steps=1
    )
    for parameter, single in zip(
        done.parameters[0], BATCHED.initial(SEED, torch.float64), strict=True
    ):
        decay = 0.1 * 0.5 * single if single.dim() == 2 else torch.zeros_like(single)
        torch.testing.assert_close(parameter[0] - parameter[1], decay, rtol=0, atol=1e-12)


def test_a_set_in_pieces_is_evaluated_as_a_whole(monkeypatch):
    whole = together(BLOCKS, {"lr": LR, "survival": SURVIVAL}, sgd_update, steps=3)
    monkeypatch.setattr("course_lib.engine.networks.EVALUATED_ROWS", 3)
    pieces = together(BLOCKS, {"lr": LR, "survival": SURVIVAL}, sgd_update, steps=3)
    for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy"):
        torch.testing.assert_close(getattr(whole, name), getattr(pieces, name))


def test_early_stopping_hands_over_the_running_statistics_of_the_best_step():
    """Validated on rows it trains on, a model gets better, until the rate becomes absurd."""
    split, lr = split_for(BATCHED), [0.1, 0.1]
    split = replace(split, validation_x=split.train_x[:8], validation_y=split.train_y[:8])
    best = together(
        BATCHED,
        {"lr": lr, "patience": math.inf},
        sgd_update,
        split,
        steps=40,
        record_at=range(41),
        schedule=lambda step: 1.0 if step < 30 else 1000.0,
    )
    step = int(best.best_step[0, 0])
    assert 10 < step <= 30
    until_then = together(BATCHED, {"lr": lr}, sgd_update, split, steps=step)
    for a, b in zip(
        best.parameters[0] + best.buffers[0], until_then.parameters[0] + until_then.buffers[0]
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["smoothed labels, plain", "batch, two layers", "blocks, survival"]
)
def test_what_trained_models_say_of_other_rows(name):
    """The network whose last block never survived goes without its branch, in evaluation too."""
    spec, columns = CASES[name]
    grid = {"lr": LR, **columns}
    done = together(spec, grid, sgd_update, steps=20)
    x = torch.randn(300, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = outputs_of(spec, done.parameters[0], x, done.buffers[0], columns.get("survival"))
    assert z.shape == (3, 300, 3) and not z.requires_grad
    for v, setting in enumerate(settings_of(grid)):
        net = alone(
            spec, split_for(spec), lambda p, lr=setting["lr"]: SGD(p, lr=lr), setting, steps=20
        )
        torch.testing.assert_close(z[v], net(x).detach(), rtol=0, atol=1e-10)


# what is chosen and what is refused


def test_plain_networks_keep_their_faster_class():
    for spec, plain in (
        (ModelSpec((4, 6, 3)), True),
        (ModelSpec((4, 3)), True),
        (BATCHED, False),
        (BLOCKS, False),
    ):
        assert spec.plain is plain
    reordered = "linear-dropout-activation-norm"
    assert ModelSpec((4, 6, 3), order=reordered).plain  # a ReLU does not mind
    assert not ModelSpec((4, 6, 3), activation="tanh", order=reordered).plain
    assert not ModelSpec((4, 6, 3), activation="gelu").plain


# name: (changed arguments of train, what the message must say)
REFUSED = {
    "a batch of one": ({"batch_size": 1}, "batch_size = 1: must be at least 2.*variance"),
    "smoothing too large": (
        {"grid": {"lr": 0.1, "label_smoothing": 1.1}},
        r"label_smoothing = 1.1: .*\[0, 1\]",
    ),
    "smoothing NaN": (
        {"grid": {"lr": 0.1, "label_smoothing": [float("nan")]}},
        "label_smoothing = nan",
    ),
    "survival too large": (
        {"spec": BLOCKS, "grid": {"lr": 0.1, "survival": 1.1}},
        r"survival = 1.1: .*\[0, 1\]",
    ),
    "survival negative": (
        {"spec": BLOCKS, "grid": {"lr": 0.1, "survival": [-0.1]}},
        "survival = -0.1",
    ),
    "survival without blocks": (
        {"grid": {"lr": 0.1, "survival": 0.5}},
        "unknown hyper-parameter 'survival'",
    ),
    "smoothing of a regression": (
        {"spec": ModelSpec((4, 6, 2), "regression"), "grid": {"lr": 0.1, "label_smoothing": 0.1}},
        "unknown hyper-parameter 'label_smoothing'",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_come_before_anything_starts(changes, message):
    arguments = {
        "spec": BATCHED,
        "grid": {"lr": 0.1},
        "seeds": [0],
        "steps": 5,
        "batch_size": 4,
    } | changes
    with pytest.raises(ValueError, match=message):
        train(data=split_for(arguments["spec"]), **arguments)


def test_plain_and_layered_networks_agree():
    """What both can do, they do alike."""
    spec = ModelSpec((4, 6, 5, 3), activation="tanh")
    options = {
        "dropout": torch.tensor([0.0, 0.3]).double(),
        "label_smoothing": torch.tensor([0.1, 0.0]).double(),
    }
    start = [p.unsqueeze(0) for p in spec.initial(0, torch.float64)]
    one, other = (kind(spec, start, 2, options, 4) for kind in (Networks, LayeredNetworks))
    x, target = torch.randn(4, 4).double(), torch.eye(3).double()[[0, 1, 2, 0]]
    noise = [torch.rand(width, 4) for width in one.noise_widths]
    assert one.noise_widths == other.noise_widths == (6, 5)
    torch.testing.assert_close(
        *(networks.compute_gradients(x, target, noise) for networks in (one, other))
    )
    for a, b in zip(one.gradients, other.gradients):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)

"""engine/spec.py: what is written down is what is built, layer by layer; what cannot be is
refused.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.batchnorm import BatchNorm1d, LayerNorm
from course_lib.engine import ModelSpec
from course_lib.stochastic_depth import ResidualBlock

# name: (spec, dropout, layers of the single model); ordered simple → complex
BUILT = {
    "linear": (ModelSpec((4, 3)), 0.5, [nn.Linear]),
    "plain": (ModelSpec((4, 6, 3)), 0, [nn.Linear, nn.ReLU, nn.Linear]),
    "gelu": (
        ModelSpec((4, 6, 3), activation="gelu"),
        0.5,
        [nn.Linear, nn.GELU, nn.Dropout, nn.Linear],
    ),
    "dropout first": (
        ModelSpec((4, 6, 3), activation="tanh", order="linear-dropout-activation-norm"),
        0.5,
        [nn.Linear, nn.Dropout, nn.Tanh, nn.Linear],
    ),
    "batch": (ModelSpec((4, 6, 3), norm="batch"), 0, [nn.Linear, BatchNorm1d, nn.ReLU, nn.Linear]),
    "layer, twice": (
        ModelSpec((4, 6, 5, 3), norm="layer"),
        0.5,
        [nn.Linear, LayerNorm, nn.ReLU, nn.Dropout] * 2 + [nn.Linear],
    ),
    "the Spambase study": (
        ModelSpec((4, 6, 6, 2), norm="batch", order="linear-norm-dropout-activation"),
        0.5,
        [nn.Linear, BatchNorm1d, nn.Dropout, nn.ReLU] * 2 + [nn.Linear],
    ),
    "dropout before the norm": (
        ModelSpec((4, 6, 2), norm="batch", order="linear-activation-dropout-norm"),
        0.5,
        [nn.Linear, nn.ReLU, nn.Dropout, BatchNorm1d, nn.Linear],
    ),
    "residual": (
        ModelSpec((4, 6, 3), residual_blocks=2),
        0,
        [nn.Linear, nn.ReLU, ResidualBlock, ResidualBlock, nn.Linear],
    ),
    "residual with all": (
        ModelSpec((4, 5, 6, 3), norm="batch", activation="gelu", residual_blocks=1),
        0.5,
        [nn.Linear, BatchNorm1d, nn.GELU, nn.Dropout] * 2 + [ResidualBlock, nn.Linear],
    ),
}


@pytest.mark.parametrize(("spec", "dropout", "kinds"), BUILT.values(), ids=BUILT)
def test_a_model_is_made_of_the_layers_that_the_spec_names(spec, dropout, kinds):
    model = spec.build(dropout, seed=2, dtype=torch.float64)
    assert [type(layer) for layer in model] == kinds
    assert all(layer.p == dropout for layer in model if isinstance(layer, nn.Dropout))
    assert model(torch.randn(7, 4, dtype=torch.float64)).shape == (7, spec.widths[-1])


@pytest.mark.parametrize(("spec", "dropout", "kinds"), BUILT.values(), ids=BUILT)
def test_its_parameters_are_the_initial_ones_in_order(spec, dropout, kinds):
    start, parameters = (
        spec.initial(2, torch.float64),
        list(spec.build(dropout, seed=2, dtype=torch.float64).parameters()),
    )
    assert len(start) == len(parameters)
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(start, parameters))
    assert [tuple(p.shape) for p in parameters] == spec.shapes()
    other = spec.initial(3, torch.float64)
    assert all(
        torch.equal(a, b) == (a.min() == a.max()) for a, b in zip(start, other)
    )  # all but norms are drawn


def test_names_in_the_state_dict():
    names = list(ModelSpec((4, 6, 3), norm="batch", residual_blocks=1).build().state_dict())
    norm = [
        f"1.{name}"
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ]
    branch = [f"3.branch.{layer}.{name}" for layer in (0, 1, 3) for name in ("weight", "bias")]
    assert names == ["0.weight", "0.bias", *norm, *branch, "4.weight", "4.bias"]


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norms_start_as_torchs_and_change_no_linear_layer(norm):
    plain = ModelSpec((4, 6, 5, 3)).initial(5)
    with_norm = ModelSpec((4, 6, 5, 3), norm=norm).initial(5)
    linear = [p for i in (0, 4, 8) for p in with_norm[i : i + 2]]
    assert all(torch.equal(a, b) for a, b in zip(plain, linear)) and len(linear) == len(plain)
    model = ModelSpec((4, 6, 3), norm=norm).build()
    theirs = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[norm](6).state_dict()
    assert all(torch.equal(model[1].state_dict()[name], value) for name, value in theirs.items())


def test_a_block_is_the_sources_with_its_width_inside():
    model = ModelSpec((4, 6, 3), residual_blocks=1, expansion=2).build(dtype=torch.float64, seed=1)
    x = torch.randn(7, 6, dtype=torch.float64)
    norm, first, _, last = model[2].branch
    assert first.weight.shape == (12, 6) and last.weight.shape == (6, 12)
    expected = x + last(F.gelu(first(F.layer_norm(x, (6,)))))
    torch.testing.assert_close(model[2](x), expected)
    torch.testing.assert_close(norm(x), F.layer_norm(x, (6,)))


def test_survival_of_the_blocks():
    spec = ModelSpec((4, 6, 3), residual_blocks=4)
    assert spec.survival(0.5) == [0.875, 0.75, 0.625, 0.5]
    assert [block.survival for block in spec.build(survival=0.5)[2:-1]] == [0.875, 0.75, 0.625, 0.5]
    uniform = ModelSpec((4, 6, 3), residual_blocks=2, survival_rule="uniform")
    assert [block.survival for block in uniform.build(survival=0.3)[2:-1]] == [0.3, 0.3]
    assert (
        all(block.survival == 1 for block in spec.build()[2:-1])
        and ModelSpec((4, 6, 3)).survival(0.5) == []
    )


def test_building_leaves_torchs_generator_alone():
    before = torch.get_rng_state()
    ModelSpec((4, 6, 3), norm="batch", residual_blocks=2).build(0.5)
    assert torch.equal(before, torch.get_rng_state())


def test_whole_numbers_are_equal_however_they_are_written():
    spec = ModelSpec((4, 6, 3), residual_blocks=2)
    other = ModelSpec([4.0, torch.tensor(6), 3], residual_blocks=2.0)
    assert other == spec and hash(other) == hash(spec) and repr(other) == repr(spec)


# arguments besides widths: what the message must say
REFUSED = {
    "activation": (
        {"activation": "swish"},
        "activation = 'swish': must be one of 'relu', 'tanh', 'gelu'",
    ),
    "norm": ({"norm": "group"}, "norm = 'group': must be one of None, 'batch', 'layer'"),
    "rule": (
        {"survival_rule": "square"},
        "survival_rule = 'square': must be one of 'linear', 'uniform'",
    ),
    "order incomplete": (
        {"order": "linear-norm-activation"},
        "order = 'linear-norm-activation': must be 'linear', then",
    ),
    "order not from linear": ({"order": "norm-linear-activation-dropout"}, "order = "),
    "order doubled": ({"order": "linear-norm-norm-dropout"}, "order = "),
    "order no text": ({"order": None}, "order = None"),
    "blocks negative": ({"residual_blocks": -1}, "residual_blocks = -1: must be a whole number"),
    "blocks a fraction": ({"residual_blocks": 1.5}, "residual_blocks = 1.5"),
    "blocks a truth": ({"residual_blocks": True}, "residual_blocks = True"),
    "no hidden layer for blocks": (
        {"widths": (4, 3), "residual_blocks": 1},
        r"residual_blocks = 1: .*\[0, 0\]",
    ),
    "expansion": ({"expansion": 0}, "expansion = 0"),
    "frozen beside a norm": ({"frozen": 1, "norm": "batch"}, r"frozen = 1: .*\[0, 0\]"),
    "frozen beside blocks": ({"frozen": 1, "residual_blocks": 1}, "frozen = 1"),
    "frozen beside gelu": ({"frozen": 1, "activation": "gelu"}, "frozen = 1"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_models_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModelSpec(**({"widths": (4, 6, 3)} | arguments))


@pytest.mark.parametrize("survival", [-0.1, 1.1, float("nan")])
def test_build_refuses_a_survival_that_is_no_probability(survival):
    with pytest.raises(ValueError, match=rf"survival = {survival}: .*\[0, 1\]"):
        ModelSpec((4, 6, 3), residual_blocks=1).build(survival=survival)

"""Networks with a norm, many at once: against the single model of torch's layers, step by step."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib.base.random import seeded
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.experiments.batchnorm.networks import NORMS, NormedNetworks, train_stepwise
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.sgd import sgd_update

WIDTHS, SEEDS, LRS, DECAY = (64, 8, 6, 10), (3, 4), [0.1, 0.3], [0.0, 0.05]


def splits():
    return [digits(60, scale="unit", seed=seed, dtype=torch.float64) for seed in SEEDS]


def alone(norm, seed, lr, decay, steps, momentum=0.0, growth=1.0):
    """One model of torch's own layers and optimizer, in float64."""
    split, layers = digits(60, scale="unit", seed=seed, dtype=torch.float64), []
    for n, m in zip(WIDTHS, WIDTHS[1:]):
        kind = {None: nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[norm]
        layers += [nn.Linear(n, m), kind(m), nn.ReLU()]
    model = nn.Sequential(*layers[:-2]).double()
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    starts = ModelSpec(WIDTHS).initial(seed, torch.float64)
    for p, start in zip((p for layer in linear for p in layer.parameters()), starts):
        p.data.copy_(start)
    first = linear[0].weight
    others = [p for p in model.parameters() if p is not first]
    optimizer = torch.optim.SGD(
        [{"params": [first], "weight_decay": decay}, {"params": others}], lr, momentum=momentum
    )
    stream = batches(60, 7, generator=seeded(seed, "batches"))
    for _ in range(steps):
        rows = next(stream)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(split.train_x[rows]), split.train_y[rows]).backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= growth
    model.eval()
    return model, (model(split.test_x).argmax(1) != split.test_y).double().mean().item()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("norm", NORMS)
def test_each_network_is_the_single_model(norm, momentum):
    networks = NormedNetworks(WIDTHS, norm, splits(), SEEDS, settings=2, dtype=torch.float64)
    assert list(train_stepwise(networks, 12, 7, LRS, decay=DECAY, momentum=momentum)) == list(
        range(13)
    )
    errors = networks.test_error()
    for v, (seed, lr, decay) in enumerate(
        (seed, *pair) for seed in SEEDS for pair in zip(LRS, DECAY)
    ):
        model, error = alone(norm, seed, lr, decay, 12, momentum)
        for ours, theirs in zip(networks.parameters, model.parameters()):
            assert (ours[v] - theirs).abs().max() < 1e-12
        for running, layer in zip(
            networks.running, (m for m in model if isinstance(m, nn.BatchNorm1d))
        ):
            assert (running["mean"][v] - layer.running_mean).abs().max() < 1e-12
            assert (running["var"][v] - layer.running_var).abs().max() < 1e-12
        assert errors[divmod(v, 2)].item() == pytest.approx(error)


def test_the_first_weight_may_have_a_rate_of_its_own():
    networks = NormedNetworks(WIDTHS, "batch", splits(), SEEDS, dtype=torch.float64)
    *_, last = train_stepwise(networks, 9, 7, 0.1, first=lambda step: 0.1 * 1.3**step)
    model, _ = alone("batch", SEEDS[1], 0.1, 0.0, 9, growth=1.3)
    assert last == 9 and all(
        (ours[1] - theirs).abs().max() < 1e-12
        for ours, theirs in zip(networks.parameters, model.parameters())
    )


@pytest.mark.parametrize("norm", NORMS)
def test_the_ensemble_engine_trains_the_same_networks(norm):
    networks = NormedNetworks(WIDTHS, norm, splits(), SEEDS, settings=2, dtype=torch.float64)
    for _ in train_stepwise(networks, 20, 10, LRS):
        pass
    *_, training = train(
        ModelSpec(WIDTHS, norm=norm),
        lambda seed: splits()[SEEDS.index(seed)],
        {"lr": LRS},
        SEEDS,
        update=sgd_update,
        steps=20,
        batch_size=10,
        dtype=torch.float64,
    )
    for k, ours in enumerate(networks.parameters):
        assert (ours - torch.cat([seed[k] for seed in training.parameters])).abs().max() < 1e-10
    assert torch.allclose(
        1 - training.test_accuracy[..., -1].double(), networks.test_error(), atol=1e-6
    )


def test_a_look_in_training_mode_leaves_the_running_statistics_alone():
    networks = NormedNetworks(WIDTHS, "batch", splits(), SEEDS)
    before = [
        {name: value.clone() for name, value in running.items()} for running in networks.running
    ]
    x, y = networks.rows("train")
    seen = networks.losses(x, y, training=True, remember=False)
    assert all(
        torch.equal(running[k], old[k])
        for running, old in zip(networks.running, before)
        for k in old
    )
    assert torch.equal(networks.losses(x, y, training=True), seen)
    assert not torch.equal(networks.running[0]["mean"], before[0]["mean"])


@pytest.mark.parametrize("norm", NORMS)
def test_rows_batch_by_batch_are_the_batches_one_by_one(norm):
    networks = NormedNetworks(WIDTHS, norm, splits(), SEEDS, settings=2, dtype=torch.float64)
    for _ in train_stepwise(networks, 10, 7, LRS):
        pass
    x, y = networks.rows("test")
    n = x.shape[1] // 5 * 5
    alone = torch.cat(
        [networks.outputs(part, True, remember=False) for part in x[:, :n].split(5, 1)], 1
    )
    assert (
        networks.outputs(x[:, :n], True, remember=False, batch_size=5) - alone
    ).abs().max() < 1e-12
    wrong = (alone.argmax(-1) != y[:, :n]).double().mean(1)
    assert torch.allclose(networks.test_error(training=True, batch_size=5).flatten(), wrong)


def test_rows_class_by_class_are_those_of_a_sorted_split():
    networks = NormedNetworks(WIDTHS, "batch", splits(), SEEDS, dtype=torch.float64)
    for _ in train_stepwise(networks, 10, 7, 0.1):
        pass
    by_class, alike = networks.test_error(True, 5, by_class=True), networks.test_error()
    assert torch.equal(networks.test_error(by_class=True), alike), "in evaluation nothing moves"
    networks.splits = [
        replace(one, test_x=one.test_x[order], test_y=one.test_y[order])
        for one in splits()
        for order in [one.test_y.argsort(stable=True)]
    ]
    assert torch.equal(networks.test_error(True, 5), by_class)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="norm = 'group'"):
        NormedNetworks(WIDTHS, "group", splits(), SEEDS)

"""The mean over places: its networks are the module's, forward and backward."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.adamw import adam_update
from course_lib.data import mnist1d
from course_lib.engine import ConvSpec, outputs_of, train
from course_lib.experiments.elsewhere import carried
from course_lib.experiments.elsewhere.pooled import PooledSpec
from course_lib.records import standing


def test_the_last_layer_sees_one_number_a_channel():
    shapes = dict(zip(PooledSpec().names(), PooledSpec().shapes()))
    assert shapes["last.weight"] == (10, 25)
    assert PooledSpec().names() == ConvSpec().names()
    net, rows = PooledSpec().build(), mnist1d(0).test_x[:5]
    assert net(rows).shape == (5, 10)


def test_outputs_and_gradients_are_the_modules():
    rows, first = mnist1d(0), {}

    def observe(seed, step, parameters, gradients):
        first.setdefault(step, [one.clone() for one in gradients])

    spec, size = PooledSpec(), len(rows.train_x)
    grid = {"lr": [1e-3, 1e-2]}
    *_, training = train(
        spec, rows, grid, (0,), update=adam_update, steps=2, batch_size=size, observe=observe
    )
    net = spec.build(seed=0)
    cross_entropy(net(rows.train_x), rows.train_y).backward()
    for ours, theirs in zip(first[0], net.parameters(), strict=True):
        for one in ours:
            assert torch.allclose(one, theirs.grad, rtol=1e-4, atol=1e-6)
    trained = [one[1] for one in training.parameters[0]]
    net.load_state_dict(dict(zip(spec.names(), trained)))
    found = outputs_of(spec, [one[None] for one in trained], rows.test_x[:9])[0]
    assert torch.allclose(found, net.eval()(rows.test_x[:9]), rtol=0, atol=1e-4)


def test_the_claims_errors_are_stored_and_are_those_of_the_record():
    recorded = standing.recorded()["conv-mean"].pilot.samples[""].values
    found = carried.difference(carried.RIGHT, "a mean over places").sample.values
    assert recorded == pytest.approx(found, abs=1e-6)

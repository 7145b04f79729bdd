"""Dropout and BatchNorm in two orders: what is read off the batched networks, against single
modules.
"""

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.batchnorm import BatchNorm1d
from course_lib.engine import ModelSpec, train
from course_lib.experiments.dropout import before_norm as lab

STEPS, P = 30, 0.5


def trained(order):
    spec = ModelSpec(lab.WIDTHS, norm="batch", order=lab.ORDERS[order])
    grid = {"dropout": [0.0, P], "lr": 2e-3, "weight_decay": 0.0}
    *_, training = train(spec, lab.split_of, grid, [0], steps=STEPS, batch_size=50)
    return spec, training


def module_of(spec, training, v):
    """Setting v as the single model that the spec builds."""
    model = spec.build([0.0, P][v])
    norms = [part for part in model if isinstance(part, BatchNorm1d)]
    with torch.no_grad():
        for own, batched in zip(model.parameters(), training.parameters[0], strict=True):
            own.copy_(batched[v])
        for i, norm in enumerate(norms):
            norm.running_mean.copy_(training.buffers[0][2 * i][v])
            norm.running_var.copy_(training.buffers[0][2 * i + 1][v])
    return model.eval(), norms


@pytest.mark.parametrize("order", lab.ORDERS)
def test_what_is_sent_through_is_what_a_module_gives(order):
    (spec, training), split = trained(order), lab.split_of(0)
    logits, fed = lab.send_through(
        training.parameters[0], split.test_x, lab.ORDERS[order], training.buffers[0]
    )
    for v in range(2):
        model, norms = module_of(spec, training, v)
        inputs = []
        for norm in norms:
            norm.register_forward_pre_hook(lambda norm, args, seen=inputs: seen.append(args[0]))
        with torch.no_grad():
            expected = model(split.test_x)
        assert torch.allclose(logits[v], expected, rtol=1e-4, atol=1e-4)
        assert len(inputs) == len(fed) == lab.LAYERS
        for ours, theirs in zip(fed, inputs, strict=True):
            assert torch.allclose(ours[v], theirs, rtol=1e-4, atol=1e-4)
        error, loss = lab._judge(logits, split.test_y)
        assert loss[v].item() == pytest.approx(
            cross_entropy(expected, split.test_y).item(), rel=1e-4
        )
        assert error[v].item() == pytest.approx(
            (expected.argmax(1) != split.test_y).double().mean().item(), abs=2e-3
        )


def test_statistics_of_the_rows_themselves_are_those_of_training_mode():
    """With all training rows as one batch and dropout off, BatchNorm in training mode normalises by
    them.
    """
    (spec, training), split = trained("before"), lab.split_of(0)
    logits, _ = lab.send_through(training.parameters[0], split.train_x, lab.ORDERS["before"], None)
    model, norms = module_of(spec, training, 0)
    for norm in norms:
        norm.train()
    with torch.no_grad():
        expected = model(split.train_x)
    # the variance there: divided by n, not n − 1
    assert torch.allclose(logits[0], expected, rtol=1e-2, atol=2e-3)


def test_the_ratio_is_one_without_dropout_and_the_formulas_with_it():
    fed = torch.randn(1, 4000, 6, generator=torch.Generator().manual_seed(0)).relu()
    p = torch.tensor([[0.5]])
    masks = torch.rand(200, 4000, 6, generator=torch.Generator().manual_seed(1)) >= 0.5
    remembered = (fed * masks / 0.5).flatten(0, 1).var(0).unsqueeze(0)
    assert lab._ratio(remembered, fed).item() == pytest.approx(
        lab._shift_by_formula(fed, p).item(), rel=0.01
    )
    assert lab._ratio(fed.var(1), fed).item() == pytest.approx(1)
    assert lab._shift_by_formula(fed, torch.tensor([[0.0]])).item() == pytest.approx(1)


def test_an_experiment_fills_in():
    *partial, complete = lab.compute_shift(seeds=(0,))
    assert (
        complete.ratio.shape == (len(lab.ORDERS), 1, len(lab.PS), lab.LAYERS)
        and complete.ratio.isfinite().all()
    )
    before, moved = (list(lab.ORDERS).index(name) for name in ("before", "moved"))
    assert torch.equal(complete.error[before, :, 0], complete.error[moved, :, 0]), "one at p = 0"
    assert complete.progress == 1 and all(part.progress <= 1 for part in partial)
    assert complete.error.max() < 0.5

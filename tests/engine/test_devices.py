"""A step waits for no device: nothing in it asks for a number. And a GPU agrees with the CPU."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.adamw import adam_update, adamw_update
from course_lib.engine import ModelSpec, train
from course_lib.engine.lockstep import Lockstep
from course_lib.sgd import sgd_update
from tests.engine._alone import split_for

LR = [0.003, 0.01, 0.03]
RESIDUAL = ModelSpec((4, 6, 3), norm="batch", residual_blocks=2)
CASES = {
    "dropout, AdamW": (ModelSpec((4, 6, 5, 3)), adamw_update, {"dropout": [0.0, 0.2, 0.4]}),
    "smoothed labels, L2": (ModelSpec((4, 6, 3)), adam_update, {"l2": 0.1, "label_smoothing": 0.1}),
    "readable Adam": (ModelSpec((4, 6, 3)), adam_update, {"amsgrad": True}),
    "regression, SGD": (ModelSpec((4, 6, 2), "regression", "tanh"), sgd_update, {"momentum": 0.9}),
    "norms and blocks": (RESIDUAL, adamw_update, {"survival": 0.7, "dropout": 0.1}),
    "l1": (ModelSpec((4, 6, 3)), sgd_update, {"l1": 0.01, "l1_subgradient": 0.01}),
}
# what makes the processor wait until a device has come so far; in inference mode `item` is named
WAITS = (
    *("item", "_local_scalar_dense", "is_nonzero", "nonzero"),
    *("equal", "allclose", "masked_select", "to"),
)


class Asked(TorchDispatchMode):
    """Notes what is asked of tensors."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


def trained(case, **how):
    spec, update, options = CASES[case]
    split = split_for(spec, rows=24)
    *_, done = train(
        spec, split, {"lr": LR, **options}, (0, 1), update=update, steps=30, batch_size=8, **how
    )
    return done


@pytest.mark.parametrize("inference", [True, False])
def test_what_waits_is_seen(inference):
    a = torch.ones(3)
    asks = [lambda: a.sum().item(), lambda: bool(a.any()), lambda: float(a[0]), a.nonzero]
    with torch.inference_mode(inference):
        for ask in asks:
            with Asked() as seen:
                ask()
            assert set(seen.names) & set(WAITS)


@pytest.mark.parametrize("case", CASES)
def test_a_step_asks_for_no_number(case, monkeypatch):
    asked, update = [], Lockstep._update

    def watched(self, step, *rest):
        with Asked() as seen:
            update(self, step, *rest)
        asked.append((step, seen.names))

    monkeypatch.setattr(Lockstep, "_update", watched)
    trained(case)
    assert len(asked) >= 30 and all(names for _, names in asked)
    waits = {step: [name for name in names if name in WAITS] for step, names in asked}
    # the first sends a device the columns of the grid, and every 16 losses are looked at
    assert not any(names for step, names in waits.items() if step and (step + 1) % 16), waits


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("case", CASES)
def test_a_gpu_agrees_with_the_cpu(case):
    """To 1e-9 in float64, without noise: each device draws dropout from a stream of its own."""
    if {"dropout", "survival"} & CASES[case][2].keys():
        pytest.skip("its noise is another on another device")
    cpu, gpu = (trained(case, device=device, dtype=torch.float64) for device in ("cpu", "cuda"))
    torch.testing.assert_close(gpu.test_loss, cpu.test_loss, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(cpu.parameters[0], gpu.parameters[0], strict=True):
        torch.testing.assert_close(theirs.cpu(), ours, rtol=1e-9, atol=1e-9)

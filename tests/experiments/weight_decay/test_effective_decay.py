"""The decay of single weights: read off right where gradients are known, and trained once."""

import torch

from course_lib.experiments.weight_decay.effective_decay import (
    LAST,
    STRENGTHS,
    measure_decay,
    measure_one_seed,
)


def test_effective_decay_is_read_off_right():
    """Weights whose gradients are known: decay is exactly 1/size, dead weights count nowhere."""
    size = torch.logspace(-5, -2, 6400, dtype=torch.float64).reshape(100, 64)
    size[:, :8] = 0.0  # the first row of pixels is always blank
    square = size.square().expand(len(STRENGTHS), -1, -1)
    found = measure_one_seed(square, square * (1 - 0.999**LAST))
    live = size[:, 8:].flatten()
    percentiles = live.quantile(torch.tensor([1.0, 0.95, 0.05], dtype=torch.float64)).log10().neg()
    for name, expected in zip(("least", "low", "high"), percentiles, strict=True):
        assert torch.allclose(found[name], expected, atol=0.01), name
    assert found["pixels"][:, :8].isnan().all() and found["pixels"][:, 8:].isfinite().all()
    assert torch.allclose(found["shares"].sum(1), torch.tensor(1.0, dtype=torch.float64))


def test_effective_decay_trains_seed_by_seed():
    *partial, complete = measure_decay(seeds=(0, 1))
    assert complete.progress == 1 and complete.low.shape == (2, len(STRENGTHS))
    assert all(len(earlier.low) <= 2 for earlier in partial)
    assert complete.spread.isfinite().all() and (complete.least <= complete.low).all()
    assert list(measure_decay(seeds=(0, 1))) == [complete], "trained once, then remembered"

"""What came after AdamW against its published formulas, torch where it has them, and AdamW."""

import pytest
import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.experiments.adamw import successors as lab


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def after(update, steps=20, shape=(6, 4), **options):
    """(weights after each step, state) on the same random gradients."""
    w, state, path = draw(*shape, seed=1), {}, []
    for t in range(steps):
        update(w, draw(*shape, seed=2 + t), state, **options)
        path.append(w.clone())
    return torch.stack(path), state


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 2, 6, 4)], ids=str)
def test_directions_are_kept_and_each_length_goes_through_the_polynomial(shape):
    matrix = draw(*shape)
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    s = s / matrix.norm(dim=(-2, -1)).unsqueeze(-1)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    torch.testing.assert_close(
        lab.orthogonalise(matrix), (u * s.unsqueeze(-2)) @ vh, rtol=0, atol=1e-5
    )
    assert s.min() > 0.3 and s.max() < 1.3


def test_muon_is_torchs_to_the_precision_of_bfloat16():
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    w, gradients = draw(6, 4, seed=1), [draw(6, 4, seed=2 + t) for t in range(10)]
    theirs = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.Muon(
        [theirs], lr=0.02, weight_decay=0.3, adjust_lr_fn="match_rms_adamw"
    )
    state = {}
    for gradient in gradients:
        before = w.clone()
        theirs.data.copy_(w)
        theirs.grad = gradient.clone()
        optimizer.step()
        lab.muon_update(w, gradient, state, lr=0.02, weight_decay=0.3)
        step = (w - before).norm()
        assert (w - theirs).norm() < 0.03 * step


def test_a_matrix_gets_muon_and_a_bias_adamw():
    matrix = after(lab.muon_and_adamw_update, weight_decay=0.3)[0]
    assert torch.equal(matrix, after(lab.muon_update, weight_decay=0.3)[0])
    bias = after(lab.muon_and_adamw_update, shape=(6,), weight_decay=0.3)[0]
    assert torch.equal(bias, after(adamw_update, shape=(6,), weight_decay=0.3)[0])


def test_cautious_decay_is_adam_and_adamw_weight_by_weight():
    options = {"lr": 0.05}
    w, state, twin = draw(6, 4, seed=1), {}, {}
    masks = []
    for t in range(20):
        gradient, before = draw(6, 4, seed=2 + t), w.clone()
        plain = adam_update(before.clone(), gradient, twin, **options)
        lab.cautious_update(w, gradient, state, weight_decay=0.3, **options)
        nearer = (before - plain).sign() * before.sign() >= 0
        wanted = torch.where(nearer, plain - 0.05 * 0.3 * before, plain)
        torch.testing.assert_close(w, wanted, rtol=0, atol=1e-14)
        masks.append(nearer)
    assert 0.2 < torch.stack(masks).double().mean() < 0.8
    without = after(lab.cautious_update, weight_decay=0.0)[0]
    assert torch.equal(without, after(adam_update)[0])


def test_schedule_free_weights_are_the_weighted_mean_of_all_steps():
    y = draw(6, 4, seed=1)
    z, v, state = y.clone(), torch.zeros_like(y), {}
    seen, weights = [], []
    for t in range(1, 21):
        lr, gradient = 0.05 * min(1, t / 5), draw(6, 4, seed=1 + t)  # with a warm-up
        v = 0.999 * v + 0.001 * gradient**2
        z = z - lr * gradient / ((v / (1 - 0.999**t)).sqrt() + 1e-8) - lr * 0.3 * y
        lab.schedule_free_update(y, gradient, state, lr=lr, weight_decay=0.3)
        seen.append(z)
        weights.append(lr**2)
        share = torch.tensor(weights, dtype=y.dtype) / sum(weights)
        x = (share.view(-1, 1, 1) * torch.stack(seen)).sum(0)
        torch.testing.assert_close(state["x"], x, rtol=0, atol=1e-13)
        torch.testing.assert_close(y, 0.1 * z + 0.9 * x, rtol=0, atol=1e-13)

"""What the tests of SGD, Adam and AdamW share: one stream of gradients, fed to two optimizers.

They are compared at every step. The gradients are given, never computed from the weights: an
optimizer fed its own gradients can be chaotic (Adam at β₂ = 0 is), and then the smallest rounding
decides the weights.
"""

import copy
from collections import defaultdict

import torch

SHAPES = {"scalar": (), "vector": (5,), "matrix": (4, 3), "kernel": (3, 2, 2, 2)}
STEPS = 200
TOLERANCE = 1e-12

SCHEDULERS = {
    "StepLR": lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.5),
    "CosineAnnealingLR": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=30
    ),
    "LambdaLR": lambda optimizer: torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 10)
    ),
    "OneCycleLR": lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=STEPS
    ),
    "ReduceLROnPlateau": lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=2
    ),
}


def parameters(dtype=torch.float64):
    """A new list of parameters, the same numbers every time, one of each shape."""
    generator = torch.Generator().manual_seed(1)
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))
        for shape in SHAPES.values()
    ]


def gradients(steps=STEPS, dtype=torch.float64):
    """One list of gradients per step, of a different size for each tensor, with entries that are
    always zero.
    """
    generator = torch.Generator().manual_seed(2)
    for _ in range(steps):
        batch = [
            torch.randn(shape, generator=generator, dtype=torch.float64)
            for shape in SHAPES.values()
        ]
        batch[3][0] = 0
        yield [(size * g).to(dtype) for size, g in zip((1.0, 1e-3, 10.0, 1.0), batch, strict=True)]


def with_gaps(batches):
    """The same gradients, now and then None: never for the scalar, two steps in three for the
    matrix, …
    """
    for step, batch in enumerate(batches):
        yield [g if i == 0 or (step + i) % 3 == 0 else None for i, g in enumerate(batch)]


def build(optimizer, options, dtype=torch.float64):
    """`options` is a dict for all parameters, or a list of two dicts, one for each half of them."""
    params = parameters(dtype)
    if isinstance(options, dict):
        return optimizer(params, **options)
    return optimizer(
        [{"params": params[2 * i : 2 * i + 2], **group} for i, group in enumerate(options)]
    )


def params_of(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


def feed(optimizer, batch):
    """One step with these gradients, written into p.grad where there is one, as backward() after
    zeroing would.
    """
    for p, g in zip(params_of(optimizer), batch, strict=True):
        if p.grad is not None and g is not None:
            p.grad.copy_(g)
        else:
            p.grad = copy.deepcopy(g)
    optimizer.step()


def assert_same_path(case, ours, theirs, batches, between=None, tolerance=TOLERANCE):
    """Feed both; parameters and state must agree after every step, and gradients must still be what
    was fed.

    `between(step)` is called after each step, for schedulers and the like.
    """
    history = defaultdict(list)  # tensor: [(step, ours, theirs), …]
    for step, batch in enumerate(batches, 1):
        feed(ours, batch)
        feed(theirs, batch)
        for name, p, q, g in zip(SHAPES, params_of(ours), params_of(theirs), batch, strict=True):
            assert g is None or torch.equal(p.grad, g), (
                f"{case}, step {step}, {name}: step() changed p.grad"
            )
            history[name].append((step, p.detach().clone(), q.detach().clone()))
            for key, value in theirs.state.get(q, {}).items():
                mine = ours.state[p][key]
                history[f"{name}, {key}"].append(
                    (step, torch.as_tensor(mine).clone(), value.clone())
                )
        if between is not None:
            between(step)
    for name, rows in history.items():
        steps, left, right = zip(*rows, strict=True)
        gaps = gap(torch.stack(left), torch.stack(right)).reshape(len(rows), -1).amax(1)
        wrong = (~(gaps <= tolerance)).nonzero().flatten().tolist()
        assert not wrong, (
            f"{case}, step {steps[wrong[0]]}, {name}: "
            f"differs by {gaps[wrong[0]]:.3g}, allowed {tolerance:.3g}"
        )


def gap(ours, theirs):
    """|ours − theirs|/max(1, |theirs|), elementwise."""
    return (ours - theirs).abs() / theirs.abs().clamp(min=1)


def path(update, start, grads, state=None, **hyper):
    """Weights after each step [steps, …] from `start`; each of `grads` is a tensor, or a function
    of the weights.
    """
    w, state, visited = start.clone(), {} if state is None else state, []
    for g in grads:
        update(w, g(w) if callable(g) else g, state, **hyper)
        visited.append(w.clone())
    return torch.stack(visited)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_close(where, ours, theirs, tolerance=TOLERANCE):
    """The largest gap is at most `tolerance`; NaN fails."""
    ours, theirs = ours.detach(), theirs.detach()
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, where
    largest = gap(ours, theirs).max().item()
    assert largest <= tolerance, f"{where}: differs by {largest:.3g}, allowed {tolerance:.3g}"

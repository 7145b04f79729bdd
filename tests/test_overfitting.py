"""Early stopping against ReduceLROnPlateau, bias and variance by enumeration, filters against
ridge, descent, flow.
"""

import itertools
import math

import pytest
import torch
from torch import nn

from course_lib.overfitting import (
    EarlyStopping,
    bias_variance,
    descent_filter,
    excess_risk,
    flow_filter,
    generalization_gap,
    ridge_filter,
)

NAN, INF = math.nan, math.inf


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- early stopping

CURVES = {
    "falls for ever": [5.0, 4.0, 3.0, 2.0, 1.0],
    "rises at once": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "falls and rises": [5.0, 3.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0],
    "two dips, the second lower": [5.0, 3.0, 4.0, 4.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
    "flat: an equal loss is no improvement": [1.0] * 8,
    "small steps": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
    "NaN first": [NAN, 2.0, 1.0, 3.0, 3.0, 3.0, 3.0],
    "NaN in the middle": [3.0, NAN, 2.0, NAN, NAN, NAN, NAN, NAN],
    "only NaN": [NAN] * 6,
    "infinite": [INF, 3.0, INF, INF, INF, INF, INF],
}


def run(curve, **options):
    """An EarlyStopping that has seen `curve` up to where it stopped; the weight at evaluation k is
    k.
    """
    model, stopping = nn.Linear(1, 1, bias=False), EarlyStopping(**options)
    for k, loss in enumerate(curve):
        nn.init.constant_(model.weight, float(k))
        if stopping.step(loss, model):
            break
    return stopping, model.weight.item()


@pytest.mark.parametrize("min_delta", [0.0, 0.15, 1.0])
@pytest.mark.parametrize("patience", [1, 2, 3])
@pytest.mark.parametrize("name", CURVES)
def test_stops_where_torchs_plateau_scheduler_acts(name, patience, min_delta):
    """ReduceLROnPlateau acts when evaluations without improvement exceed its patience, so it gets
    one less.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience - 1, threshold=min_delta, threshold_mode="abs"
    )
    acted = None
    for k, loss in enumerate(CURVES[name]):
        plateau.step(loss)
        if optimizer.param_groups[0]["lr"] < 1:
            acted = k
            break
    stopping, weight = run(CURVES[name], patience=patience, min_delta=min_delta)
    assert stopping.stopped == (acted is not None)
    assert stopping.steps == (len(CURVES[name]) if acted is None else acted + 1)
    assert stopping.best == plateau.best
    if stopping.stopped and stopping.best_step >= 0:
        assert weight == stopping.best_step and CURVES[name][stopping.best_step] == stopping.best
    else:
        assert weight == stopping.steps - 1, (
            "nothing to restore, or not stopped yet: the model is as it was left"
        )


def test_by_hand():
    stopping, weight = run([5.0, 3.0, 2.0, 2.5, 3.0, 3.5, 4.0], patience=3)
    assert (stopping.best, stopping.best_step, stopping.steps, weight) == (2.0, 2, 6, 2.0)
    stopping, weight = run([5.0, 3.0, 2.0, 2.5], patience=3)
    assert not stopping.stopped and weight == 3.0


def test_never_takes_what_is_not_finite_as_best():
    for bad in (NAN, INF, -INF):
        stopping, weight = run([bad, 2.0, bad, bad], patience=2)
        assert (stopping.best, stopping.best_step, stopping.stopped, weight) == (2.0, 1, True, 1.0)
        stopping, weight = run([bad, bad, bad], patience=2)
        assert (stopping.best_step, stopping.steps, stopping.stopped) == (-1, 2, True)
        assert weight == 1.0, "no finite loss yet: the weights stay as they are"


def test_infinite_patience_only_remembers():
    stopping, _ = run([1.0, *[2.0] * 50], patience=INF)
    model = nn.Linear(1, 1, bias=False)
    assert not stopping.stopped and stopping.restore(model) is model and model.weight.item() == 0.0


class Net(nn.Module):
    """Everything that a module can hold: tied weights, running statistics, a buffer that state_dict
    leaves out.
    """

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)
        self.last.weight = self.first.weight
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long), persistent=False)

    def forward(self, x):
        self.calls += 1
        return self.last(self.norm(self.first(x)))


def test_restores_weights_and_buffers_of_any_module_bit_for_bit_and_in_place():
    model = Net()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.1)
    stopping, kept, x = EarlyStopping(patience=2), None, draw(8, 3).float()
    for loss in (3.0, 1.0, 2.0, NAN):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        if loss == 1.0:
            kept = [t.clone() for t in (*model.parameters(), *model.buffers())]
        held = [id(t) for t in (*model.parameters(), *model.buffers())]
        stopped = stopping.step(torch.tensor(loss), model)
    assert stopped and model.calls == 2
    assert all(
        torch.equal(now, then)
        for now, then in zip((*model.parameters(), *model.buffers()), kept, strict=True)
    )
    assert held == [id(t) for t in (*model.parameters(), *model.buffers())], (
        "the optimizer still holds them"
    )
    assert model.first.weight is model.last.weight and model.first.weight.requires_grad


def test_restoring_twice_or_after_further_training_gives_the_same():
    model, stopping = nn.Linear(2, 1), EarlyStopping(patience=1)
    best = model.weight.detach().clone()
    stopping.step(1.0, model)
    for _ in range(3):
        nn.init.constant_(model.weight, 9.0)
        assert torch.equal(stopping.restore(model).weight, best)


def test_without_copies_no_model_is_needed_and_none_is_restored():
    stopping = EarlyStopping(patience=2, restore_best=False)
    assert [stopping.step(loss) for loss in (1.0, 2.0, 3.0)] == [False, False, True]
    with pytest.raises(ValueError, match="restore_best = False"):
        stopping.restore(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="model = None"):
        EarlyStopping(patience=2).step(1.0)


@pytest.mark.parametrize("patience", [-1, 0, 0.5, 2.5, NAN, -INF, True, "3", None])
def test_refuses_a_patience_that_is_no_whole_number_from_1(patience):
    with pytest.raises(ValueError, match=r"patience = .*\[1, ∞\)"):
        EarlyStopping(patience)


@pytest.mark.parametrize("min_delta", [-0.1, NAN, INF, "0"])
def test_refuses_a_bad_min_delta(min_delta):
    with pytest.raises(ValueError, match="min_delta"):
        EarlyStopping(3, min_delta)


# ---------------------------------------------------------------- bias and variance


def fits(degree, noise, rows=6, truth=torch.exp):
    """Polynomials of `degree` fitted to *every* training set whose labels are truth ± noise, and to
    every new label.
    """
    x = torch.linspace(-1, 1, rows, dtype=torch.float64)
    new = torch.tensor([-0.5, 0.3, 0.9], dtype=torch.float64)
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=rows)), dtype=torch.float64)
    powers = torch.arange(degree + 1)
    fit = new[:, None] ** powers @ torch.linalg.pinv(x[:, None] ** powers)  # labels → predictions
    return (truth(x) + noise * signs) @ fit.T, truth(new)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("degree", [0, 1, 3, 5])
def test_bias_variance_and_noise_add_up_to_the_expected_error(degree, noise):
    predictions, truth = fits(degree, noise)
    bias2, variance = bias_variance(predictions, truth)
    labels = torch.stack([truth - noise, truth + noise])  # every new label, as likely as the other
    expected = (predictions[:, None] - labels).square().mean((0, 1))
    assert torch.allclose(bias2 + variance + noise**2, expected, rtol=0, atol=1e-14)
    assert bias2.shape == variance.shape == truth.shape
    if degree == 0:
        assert torch.allclose(variance, torch.full_like(variance, noise**2 / 6)), (
            "the variance of a mean of 6"
        )
    if noise == 0:
        assert variance.max() < 1e-25


def test_bias_variance_by_hand_and_in_any_shape():
    predictions, targets = torch.tensor([[1.0, 2.0], [3.0, 2.0]]), torch.tensor([1.0, 2.0])
    bias2, variance = bias_variance(predictions, targets)
    assert bias2.tolist() == [1.0, 0.0] and variance.tolist() == [1.0, 0.0]
    predictions, targets = draw(5, 4, 3, 2), draw(4, 3, 2, seed=1)
    bias2, variance = bias_variance(predictions, targets)
    assert torch.allclose(bias2 + variance, (predictions - targets).square().mean(0))
    assert torch.allclose(variance, predictions.var(0, correction=0))


def test_bias_variance_refuses():
    with pytest.raises(ValueError, match="at least 2"):
        bias_variance(torch.zeros(1, 3), torch.zeros(3))
    with pytest.raises(ValueError, match=r"predictions \[4, 3\], targets \[4\]"):
        bias_variance(torch.zeros(4, 3), torch.zeros(4))
    with pytest.raises(ValueError, match="predictions"):
        bias_variance(torch.zeros(()), torch.zeros(()))
    with pytest.raises(ValueError, match="targets: must be finite, 1 of 2"):
        bias_variance(torch.zeros(3, 2), torch.tensor([1.0, NAN]))


def test_the_gap_is_new_minus_old():
    assert generalization_gap(0.25, 1.0) == 0.75
    assert generalization_gap(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 0.5])).tolist() == [
        2.0,
        -0.5,
    ]


# ---------------------------------------------------------------- filters

ROWS, FEATURES = 20, 5


def problem():
    x, y = draw(ROWS, FEATURES), draw(ROWS, seed=1)
    x = x * torch.tensor([2.0, 1.0, 0.5, 0.2, 0.05], dtype=torch.float64)
    eigenvalues, axes = torch.linalg.eigh(x.T @ x / ROWS)
    return x, y, eigenvalues, axes, torch.linalg.lstsq(x, y).solution


def filtered(fraction):
    """The least-squares solution with `fraction` of it left in each direction."""
    *_, axes, solution = problem()
    return axes @ (fraction * (axes.T @ solution))


@pytest.mark.parametrize("l2", [1e-3, 0.1, 10.0])
def test_ridge_is_least_squares_through_its_filter(l2):
    from sklearn.linear_model import Ridge

    x, y, eigenvalues, *_ = problem()
    referee = Ridge(alpha=ROWS * l2, fit_intercept=False, tol=1e-12).fit(x, y).coef_
    assert torch.allclose(
        filtered(ridge_filter(eigenvalues, l2)), torch.from_numpy(referee), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("steps", [0, 1, 7, 300])
def test_gradient_descent_is_least_squares_through_its_filter(steps):
    x, y, eigenvalues, *_ = problem()
    w = torch.zeros(FEATURES, dtype=torch.float64)
    for _ in range(steps):
        w = w - 0.1 * x.T @ (x @ w - y) / ROWS
    assert torch.allclose(filtered(descent_filter(eigenvalues, steps, 0.1)), w, rtol=0, atol=1e-12)


@pytest.mark.parametrize("time", [0.0, 0.5, 3.0, 100.0])
def test_gradient_flow_is_least_squares_through_its_filter(time):
    """dw/dt = −(XᵀXw − Xᵀy)/n, solved exactly by a matrix exponential; and descent with ever
    smaller steps.
    """
    x, y, eigenvalues, *_ = problem()
    # of (w, 1): a linear system
    flow = torch.zeros(FEATURES + 1, FEATURES + 1, dtype=torch.float64)
    flow[:-1, :-1], flow[:-1, -1] = -x.T @ x / ROWS, x.T @ y / ROWS
    w = torch.linalg.matrix_exp(time * flow)[:-1, -1]
    assert torch.allclose(filtered(flow_filter(eigenvalues, time)), w, rtol=0, atol=1e-11)
    small = descent_filter(eigenvalues, 2**20, time / 2**20)
    assert torch.allclose(small, flow_filter(eigenvalues, time), rtol=0, atol=1e-4)


def test_flow_and_ridge_never_differ_by_more_than_the_bounds_and_descent_does():
    x = torch.logspace(-6, 6, 200001, dtype=torch.float64)  # t·d²
    flow, ridge = flow_filter(x, 1.0), ridge_filter(x, 1.0)
    assert 0.20363 < (flow - ridge).abs().max() < 0.20364
    assert 1.6859 < (flow / ridge).square().max() < 1.69, (
        "the variance; the bias of flow is the smaller one:"
    )
    assert ((1 - flow) <= (1 - ridge)).all()
    one = torch.ones((), dtype=torch.float64)
    for scaled, steps in ((1.0, 1), (1.9, 1), (1.9, 3)):  # η·d²; λ = 1/(η·t)
        descent, ridge = (
            descent_filter(scaled * one, steps, 1.0),
            ridge_filter(scaled * one, 1 / steps),
        )
        assert (descent - ridge).abs() > 0.2036
    assert (descent_filter(1.9 * one, 1, 1.0) / ridge_filter(1.9 * one, 1.0)).square() > 1.69


def test_filters_begin_at_nothing_and_end_at_everything():
    d2 = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    assert flow_filter(d2, 0.0).tolist() == descent_filter(d2, 0, 0.1).tolist() == [0.0, 0.0, 0.0]
    for everything in (
        flow_filter(d2, 1e4),
        descent_filter(d2, 10**4, 0.1),
        ridge_filter(d2, 1e-12),
    ):
        assert torch.allclose(everything, torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64))
    assert ridge_filter(torch.tensor(0.3), 0.3) == 0.5


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda d2: flow_filter(d2, -1.0), "time"),
        (lambda d2: descent_filter(d2, -1, 0.1), "steps"),
        (lambda d2: descent_filter(d2, 1, NAN), "lr"),
        (lambda d2: ridge_filter(d2, 0.0), "l2"),
    ],
)
def test_filters_refuse(call, name):
    with pytest.raises(ValueError, match=f"{name} ="):
        call(torch.ones(2))


# ---------------------------------------------------------------- double descent


@pytest.mark.parametrize(("rows", "features"), [(30, 10), (30, 26), (30, 34), (30, 60), (12, 1)])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_excess_risk_of_minimum_norm_regression(rows, features, noise):
    """Two thousand draws; the risk of ŵ is exactly ‖ŵ − β‖² for isotropic x."""
    x, epsilon = draw(2000, rows, features), draw(2000, rows, 1, seed=1)
    beta = torch.full((features, 1), features**-0.5, dtype=torch.float64)
    found = torch.linalg.pinv(x) @ (x @ beta + noise * epsilon)
    risks = (found - beta).square().sum((1, 2))
    error = risks.std() / len(risks) ** 0.5
    assert (risks.mean() - excess_risk(rows, features, noise)).abs() <= 3 * error + 1e-12


def test_the_excess_risk_at_its_edges():
    assert excess_risk(30, 29, 0.1) == excess_risk(30, 30, 0.1) == excess_risk(30, 31, 0.1) == INF
    assert excess_risk(30, 28, 1.0) == 28.0 and excess_risk(30, 32, 1.0) == (1 - 30 / 32) + 30
    assert excess_risk(30, 30, 0.0) == 0 and excess_risk(30, 31, 0.0) == pytest.approx(1 / 31)
    assert excess_risk(30, 10**9, 1.0) == pytest.approx(1.0), (
        "infinitely many features learn nothing: ‖β‖² = 1"
    )


@pytest.mark.parametrize("bad", [{"rows": 0}, {"features": 0}, {"noise": -1.0}, {"noise": NAN}])
def test_the_excess_risk_refuses(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} ="):
        excess_risk(**{"rows": 10, "features": 5, "noise": 0.1, **bad})

"""Label smoothing against torch, option by option, forward and backward; calibration against slow
independent code.
"""

import math
from fractions import Fraction
from itertools import cycle, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from torch import nn
from torch.nn import functional as F

from course_lib.label_smoothing import (
    CrossEntropyLoss,
    brier_score,
    cross_entropy,
    error_auroc,
    expected_calibration_error,
    loss_floor,
    optimal_gap,
    reliability_curve,
    smooth_labels,
    temperature_scale,
)

K = 5
WEIGHT = torch.tensor([0.5, 2.0, 1.0, 0.0, 3.0], dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def numbers(*shape, seed=1, high=K):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- equal to torch

SHAPES = {
    "one row without a batch": (),
    "rows": (7,),
    "sequences": (4, 3),
    "images": (2, 3, 4),
    "films": (2, 2, 3, 2),
}
SMOOTHINGS = (0.0, 0.1, 0.5, 1.0)
REDUCTIONS = ("none", "sum", "mean")
# weights, reduction and smoothing meet in one sum, the shape only says how long it is
MEETING = product((None, WEIGHT), REDUCTIONS, SMOOTHINGS)
OPTIONS = [(shape, *options) for shape, options in zip(cycle(SHAPES), MEETING)]


def shaped(shape):
    """Logits with the classes where torch wants them, and as many class numbers."""
    logits = normal(*shape[:1], K, *shape[1:]) * 3
    return logits, numbers(*shape)


def with_gradients(function, *tensors, **options):
    """(loss, gradients of its sum, each result weighed differently) in the tensors that are not
    integers.
    """
    leaves = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in tensors]
    loss = function(*leaves, **options)
    weighed = (loss * torch.linspace(1, 2, loss.numel(), dtype=loss.dtype).view(loss.shape)).sum()
    return loss.detach(), torch.autograd.grad(
        weighed, [leaf for leaf in leaves if leaf.requires_grad]
    )


def assert_equal_to_torch(logits, target, **options):
    ours, gradients = with_gradients(cross_entropy, logits, target, **options)
    theirs, wanted = with_gradients(F.cross_entropy, logits, target, **options)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    for got, want in zip((ours, *gradients), (theirs, *wanted), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("shape", "weight", "reduction", "smoothing"), OPTIONS)
def test_class_numbers_as_in_torch(shape, weight, reduction, smoothing):
    logits, target = shaped(SHAPES[shape])
    options = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    if target.dim() == 0:
        target = torch.tensor(1)  # class 3 weighs nothing: a mean over nothing
    assert_equal_to_torch(logits, target, **options)
    if target.dim():
        target = target.clone()
        target.view(-1)[::3] = -100
        assert_equal_to_torch(logits, target, **options)
        target[target == -100] = 2
        assert_equal_to_torch(logits, target, ignore_index=2, **options)


@pytest.mark.parametrize(("shape", "weight", "reduction", "smoothing"), OPTIONS)
def test_probabilities_as_in_torch_with_gradients_in_both(shape, weight, reduction, smoothing):
    logits, _ = shaped(SHAPES[shape])
    target = normal(*logits.shape, seed=3).softmax(min(logits.dim() - 1, 1))
    assert_equal_to_torch(
        logits, target, weight=weight, reduction=reduction, label_smoothing=smoothing
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_dtypes_and_layouts(dtype):
    logits = normal(3, 4, K).transpose(1, 2)  # not contiguous
    ours, theirs = (
        f(logits.to(dtype), numbers(3, 4), label_smoothing=0.1)
        for f in (cross_entropy, F.cross_entropy)
    )
    assert ours.dtype == dtype
    torch.testing.assert_close(ours, theirs)
    assert_equal_to_torch(logits, numbers(4, 3).T, label_smoothing=0.1)
    small = cross_entropy(logits, numbers(3, 4).to(torch.int16), ignore_index=1)
    torch.testing.assert_close(small, F.cross_entropy(logits, numbers(3, 4), ignore_index=1))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_classes_ruled_out_by_minus_infinity_as_in_torch(smoothing):
    logits = normal(4, K).index_fill(1, torch.tensor([2]), -math.inf)
    target = torch.tensor([0, 1, 3, 4])
    ours, theirs = (
        f(logits, target, label_smoothing=smoothing) for f in (cross_entropy, F.cross_entropy)
    )
    # infinite with smoothing: the target wants the class that is ruled out
    torch.testing.assert_close(ours, theirs)
    if smoothing == 0:
        assert_equal_to_torch(logits, target)
        assert cross_entropy(logits, F.one_hot(target, K).double()) == ours, (
            "0·log 0 = 0, where torch has NaN"
        )


def test_large_logits_do_not_overflow():
    assert cross_entropy(torch.tensor([[1e4, 0.0]]), torch.tensor([1])).item() == 1e4


MODULES = ({}, {"weight": WEIGHT, "label_smoothing": 0.2}, {"ignore_index": 1, "reduction": "sum"})


@pytest.mark.parametrize("options", MODULES)
def test_the_module_is_torchs(options):
    ours, theirs = CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options)
    logits, target = shaped((6, 2))
    torch.testing.assert_close(ours(logits, target), theirs(logits, target))
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert "label_smoothing" in repr(ours)


# ---------------------------------------------------------------- identities


def test_five_classes_by_hand():
    """K = 5, ε = 0.1: 0.92 and 0.02, which sum to 1; 0.9 for the label would not."""
    found = smooth_labels(torch.tensor([2]), 5, 0.1, torch.float64)
    assert found.tolist() == [pytest.approx([0.02, 0.02, 0.92, 0.02, 0.02], abs=1e-15)]
    assert abs(found.sum() - 1) < 1e-15


@given(
    epsilon=st.floats(0, 1),
    classes=st.integers(1, 8),
    shape=st.lists(st.integers(1, 3), max_size=3),
)
def test_smoothed_targets_sum_to_one_and_keep_their_order(epsilon, classes, shape):
    target = numbers(*shape, high=classes)
    q = smooth_labels(target, classes, epsilon, torch.float64)
    assert list(q.shape) == [*shape[:1], classes, *shape[1:]]
    dim = min(len(shape), 1)
    torch.testing.assert_close(q.sum(dim), torch.ones(shape, dtype=torch.float64))
    torch.testing.assert_close(
        q.amin(dim), torch.full(shape, epsilon / classes if classes > 1 else 1.0).double()
    )
    torch.testing.assert_close(
        q.gather(dim, target.unsqueeze(dim)).squeeze(dim),
        torch.full(shape, 1 - epsilon + epsilon / classes).double(),
    )


def test_smoothing_probabilities_smooths_each_row_towards_uniform():
    hot = F.one_hot(numbers(6), K).double()
    torch.testing.assert_close(
        smooth_labels(hot, K, 0.3), smooth_labels(numbers(6), K, 0.3, torch.float64)
    )
    assert smooth_labels(numbers(3), K, 0.1).dtype == torch.get_default_dtype()
    assert torch.equal(hot, F.one_hot(numbers(6), K).double()), "the input is left alone"


@given(epsilon=st.floats(0, 1), scale=st.floats(0, 30))
def test_loss_is_a_mixture_of_two_cross_entropies(epsilon, scale):
    """(1 − ε)·CE + ε·CE to uniform, without weights."""
    logits, target = scale * normal(9, K), numbers(9)
    uniform = torch.full_like(logits, 1 / K)
    mixed = (1 - epsilon) * cross_entropy(logits, target) + epsilon * cross_entropy(logits, uniform)
    torch.testing.assert_close(cross_entropy(logits, target, label_smoothing=epsilon), mixed)


def test_without_smoothing_it_is_the_plain_loss():
    logits, target = shaped((8,))
    plain = -logits.log_softmax(1)[torch.arange(8), target]
    torch.testing.assert_close(cross_entropy(logits, target, reduction="none"), plain)


def test_the_gradient_is_p_minus_q():
    logits, target = shaped((8,))
    logits.requires_grad_()
    cross_entropy(logits, target, reduction="sum", label_smoothing=0.2).backward()
    torch.testing.assert_close(
        logits.grad, logits.detach().softmax(1) - smooth_labels(target, K, 0.2, torch.float64)
    )


def test_floor_and_gap_at_ten_classes():
    assert round(loss_floor(10, 0.1), 4) == 0.5003 and round(optimal_gap(10, 0.1), 3) == 4.511
    assert loss_floor(10, 0.0) == 0 and optimal_gap(10, 0.0) == math.inf
    assert loss_floor(10, 1.0) == pytest.approx(math.log(10)) and optimal_gap(10, 1.0) == 0


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("classes", [2, 10])
def test_free_logits_come_down_to_floor_and_gap_and_nothing_lies_below(epsilon, classes):
    target = torch.tensor([0])
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    options = {
        "max_iter": 200,
        "tolerance_grad": 1e-12,
        "tolerance_change": 0,
        "line_search_fn": "strong_wolfe",
    }
    optimizer = torch.optim.LBFGS([logits], **options)

    def loss():
        optimizer.zero_grad()
        value = cross_entropy(logits, target, label_smoothing=epsilon)
        value.backward()
        return value

    optimizer.step(loss)
    assert loss().item() == pytest.approx(loss_floor(classes, epsilon), abs=1e-12)
    gaps = logits[0, 0] - logits[0, 1:]
    assert gaps.tolist() == pytest.approx([optimal_gap(classes, epsilon)] * (classes - 1), abs=1e-5)
    anywhere, label = 5 * normal(200, classes), target.expand(200)
    losses = cross_entropy(anywhere, label, reduction="none", label_smoothing=epsilon)
    assert losses.min() >= loss_floor(classes, epsilon)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, "0.1", None])
def test_a_smoothing_outside_zero_to_one_is_refused_everywhere(value):
    logits, target = shaped((3,))
    with pytest.raises(ValueError, match=r"label_smoothing = .*\[0, 1\]"):
        CrossEntropyLoss(label_smoothing=value)
    with pytest.raises(ValueError, match=r"label_smoothing = .*\[0, 1\]"):
        cross_entropy(logits, target, label_smoothing=value)
    for function in (
        lambda e: smooth_labels(target, K, e),
        lambda e: optimal_gap(K, e),
        lambda e: loss_floor(K, e),
    ):
        with pytest.raises(ValueError, match=r"epsilon = .*\[0, 1\]"):
            function(value)


LOGITS, TARGET = normal(3, K), torch.tensor([0, 1, 2])
REFUSED = {
    "a class number too high": ((LOGITS, torch.tensor([0, 5, 1])), {}, r"holds 5: .*\[0, 4\]"),
    "a class number below 0": ((LOGITS, torch.tensor([0, -1, 1])), {}, "holds -1"),
    "an empty batch": ((LOGITS[:0], TARGET[:0]), {}, "at least one row"),
    "an empty batch, summed": ((LOGITS[:0], TARGET[:0]), {"reduction": "sum"}, "at least one row"),
    "no classes": ((LOGITS[:, :0], TARGET), {}, "one class"),
    "no logits": ((LOGITS[0, 0], TARGET[0]), {}, "at least one row"),
    "one label too few": ((LOGITS, TARGET[:2]), {}, r"shape \[2\]: must be class numbers \[3\]"),
    "a column of labels": ((LOGITS, TARGET[:, None]), {}, r"shape \[3, 1\]"),
    "labels as booleans": ((LOGITS, TARGET == 0), {}, "torch.bool"),
    "probabilities of another shape": ((LOGITS, torch.ones(3, 4)), {}, r"shape \[3, 5\]"),
    "probabilities and an ignored class": (
        (LOGITS, LOGITS.softmax(1)),
        {"ignore_index": 1},
        "no ignore_index",
    ),
    "everything ignored": ((LOGITS, TARGET * 0 - 100), {}, "nothing to take the mean of"),
    "labels without weight": (
        (LOGITS, TARGET * 0 + 3),
        {"weight": WEIGHT},
        "nothing to take the mean of",
    ),
    "weights of another shape": (
        (LOGITS, TARGET),
        {"weight": WEIGHT[:3]},
        r"weight has shape \[3\]: must be \[5\]",
    ),
    "an unknown reduction": ((LOGITS, TARGET), {"reduction": "average"}, "'none', 'sum', 'mean'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case):
    arguments, options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        cross_entropy(*arguments, **options)


def test_other_refusals():
    with pytest.raises(ValueError, match="num_classes = 0"):
        smooth_labels(TARGET, 0, 0.1)
    with pytest.raises(ValueError, match=r"target has shape \[3, 5\]: must be"):
        smooth_labels(LOGITS.softmax(1), 4, 0.1)
    with pytest.raises(ValueError, match="reduction = 'no'"):
        CrossEntropyLoss(reduction="no")


# ---------------------------------------------------------------- calibration


def slow_error(rows, labels, n_bins):
    """ECE with Python's numbers and a loop over the bins; an edge belongs to the bin below it."""
    total = 0.0
    for b in range(n_bins):
        inside = [i for i, row in enumerate(rows) if b / n_bins < max(row) <= (b + 1) / n_bins]
        if inside:
            accuracy = sum(rows[i].index(max(rows[i])) == labels[i] for i in inside) / len(inside)
            total += (
                abs(accuracy - sum(max(rows[i]) for i in inside) / len(inside))
                * len(inside)
                / len(rows)
            )
    return total


def two_class_rows(confidences):
    return torch.tensor(
        [[c, 1 - c] if i % 3 else [1 - c, c] for i, c in enumerate(confidences)],
        dtype=torch.float64,
    )


@pytest.mark.parametrize("n_bins", range(5, 31))
def test_calibration_error_as_worked_out_slowly(n_bins):
    rows = (3 * normal(400, 4)).softmax(1)
    at_edges = two_class_rows(
        [b / n_bins for b in range(n_bins // 2 + 1, n_bins + 1)] * 3 + [1.0, 0.5]
    )
    for probabilities in (rows, at_edges, torch.cat([at_edges, at_edges.flip(1)])):
        target = numbers(len(probabilities), high=probabilities.shape[1])
        slow = slow_error(probabilities.tolist(), target.tolist(), n_bins)
        assert abs(expected_calibration_error(probabilities, target, n_bins) - slow) < 1e-12
    single = rows.float()
    slow = slow_error(single.tolist(), numbers(400, high=4).tolist(), n_bins)
    assert abs(expected_calibration_error(single, numbers(400, high=4), n_bins) - slow) < 1e-6


def test_calibration_error_in_fractions():
    """Confidences with short binary fractions and bins of 1/8: exact arithmetic, an edge of each
    kind among them.
    """
    eighths = [(5, True), (6, False), (6, True), (7, True), (8, True), (8, False), (8, True)]
    probabilities = torch.tensor([[c / 8, 1 - c / 8] for c, _ in eighths])
    target = torch.tensor([0 if right else 1 for _, right in eighths])
    hits = {c: [right for d, right in eighths if d == c] for c in (5, 6, 7, 8)}
    gaps = {
        c: abs(Fraction(sum(rights), len(rights)) - Fraction(c, 8)) for c, rights in hits.items()
    }
    exact = sum(gap * Fraction(len(hits[c]), 7) for c, gap in gaps.items())
    assert expected_calibration_error(probabilities, target, 8) == pytest.approx(
        float(exact), abs=1e-15
    )


def test_an_edge_in_single_precision_belongs_to_the_bin_below_too():
    *_, count = reliability_curve(torch.tensor([[0.7, 0.3], [0.3, 0.7]]), torch.tensor([0, 0]), 10)
    assert count.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 0, 0]


def test_curve_counts_every_prediction_once_and_leaves_empty_bins_open():
    probabilities, target = (
        two_class_rows([1.0, 0.95, 0.55, 0.6, 1.0]),
        torch.tensor([1, 0, 1, 0, 0]),
    )
    confidence, accuracy, count = reliability_curve(probabilities, target, 10)
    assert count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3] and count.sum() == 5
    assert confidence.isnan().tolist() == (count == 0).tolist()
    assert confidence[5] == pytest.approx(0.575) and accuracy[9] == pytest.approx(1.0)
    assert accuracy[5] == pytest.approx(0.0)


def test_one_bin_compares_the_means():
    probabilities, target = (2 * normal(50, 3)).softmax(1), numbers(50, high=3)
    right = (probabilities.argmax(1) == target).double().mean()
    gap = (probabilities.amax(1).mean() - right).abs().item()
    assert expected_calibration_error(probabilities, target, 1) == pytest.approx(gap)


def test_a_perfect_forecast_has_no_error_and_a_boastful_one_all():
    hot = F.one_hot(numbers(20), K).double()
    assert expected_calibration_error(hot, numbers(20)) == 0
    assert expected_calibration_error(hot.roll(1, 1), numbers(20)) == 1


def test_brier_score_and_auroc_of_errors_are_scikit_learns():
    rows = (3 * normal(400, 4)).softmax(1)
    tied = (rows * 8).round() / 8  # many answers equally sure
    target = torch.where(numbers(400, high=3) > 0, rows.argmax(1), numbers(400, high=4))
    for p in (rows, tied.clamp(0, 1), rows.float()):
        brier = sum(metrics.brier_score_loss(target == k, p[:, k]) for k in range(4))
        assert brier_score(p, target) == pytest.approx(brier, abs=1e-7)
        confidence, predicted = p.max(1)
        area = metrics.roc_auc_score(predicted == target, confidence)
        assert error_auroc(p, target) == pytest.approx(area, abs=1e-12)


def test_brier_score_and_auroc_by_hand():
    p = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    assert brier_score(p, torch.tensor([0, 1, 1])) == pytest.approx((0.02 + 0.72 + 0.18) / 3)
    assert error_auroc(p, torch.tensor([0, 1, 1])) == 1  # 0.9 and 0.7 right, 0.6 wrong
    assert error_auroc(p, torch.tensor([0, 0, 0])) == 0.5  # 0.7 wrong, between two right ones
    assert error_auroc(p[[0, 0]], torch.tensor([0, 1])) == 0.5
    assert math.isnan(error_auroc(p, torch.tensor([0, 0, 1])))
    hot = torch.eye(2)
    assert (
        brier_score(hot, torch.tensor([0, 1])) == 0 and brier_score(hot, torch.tensor([1, 0])) == 2
    )


def test_what_no_prediction_is():
    good = LOGITS.softmax(1)
    for probabilities, target, message in (
        (LOGITS * 5, TARGET, "are these logits"),
        (good * math.nan, TARGET, "are these logits"),
        (good[:0], TARGET[:0], "rows ≥ 1"),
        (good[0], TARGET, "rows ≥ 1"),
        (good, TARGET[:2], "one class number per row"),
        (good, good, "one class number per row"),
        (good, TARGET + 3, "holds 5"),
    ):
        for score in (expected_calibration_error, brier_score, error_auroc):
            with pytest.raises(ValueError, match=message):
                score(probabilities, target)
    with pytest.raises(ValueError, match="n_bins = 0"):
        reliability_curve(good, TARGET, 0)


# ---------------------------------------------------------------- temperature


@pytest.mark.parametrize("scale", [1e-3, 0.3, 1.0, 4.0, 1e3])
def test_temperature_is_where_the_likelihood_is_highest(scale):
    logits, target = normal(300, K) * scale, numbers(300)
    logits = logits + 0.7 * scale * F.one_hot(target, K)
    T = temperature_scale(logits, target)

    def loss(t):
        return F.cross_entropy(logits / t, target).item()

    grid = [T * math.exp(x / 50) for x in range(-200, 201)]
    best = min(grid, key=loss)
    assert best == T and isinstance(T, float)
    beta = torch.tensor(1 / T, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(F.cross_entropy(logits * beta, target), beta)
    assert abs(slope.item()) < 1e-12 * scale
    assert temperature_scale(3 * logits, target) == pytest.approx(3 * T)


def test_temperature_keeps_the_predictions_and_what_it_was_given():
    logits, target = normal(100, K), numbers(100)
    logits = logits + F.one_hot(target, K)
    before = logits.clone()
    T = temperature_scale(logits.requires_grad_(), target)
    assert torch.equal((logits / T).argmax(1), logits.argmax(1)) and torch.equal(
        logits.detach(), before
    )


def test_a_model_that_says_how_its_labels_were_drawn_needs_no_temperature():
    """Labels drawn from softmax(z/2): T is near 2. 20 000 rows; six standard errors of T, from the
    curvature.
    """
    logits = 3 * normal(20000, K)
    p = (logits / 2).softmax(1)
    target = p.multinomial(1, generator=torch.Generator().manual_seed(5)).squeeze(1)
    information = ((p * logits**2).sum(1) - (p * logits).sum(1) ** 2).sum()  # of β = 1/T
    error_of_T = 4 / information.sqrt().item()
    assert abs(temperature_scale(logits, target) - 2) < 6 * error_of_T


def test_no_temperature_where_the_likelihood_has_no_top():
    target = numbers(30)
    right = 3.0 * F.one_hot(target, K)
    for logits, message in (
        (right, "every row is right"),
        (-right, "no better than chance"),
        (torch.zeros(30, K), "no better than chance"),
        (right * math.nan, "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            temperature_scale(logits, target)
    with pytest.raises(ValueError, match="rows ≥ 1"):
        temperature_scale(right[:0], target[:0])

"""Label smoothing: what should a classifier believe, and how does one see whether it does?

    q = (1 − ε)·y + ε/K         the label keeps 1 − ε, and ε is shared out evenly, to it as well
    loss = −Σₖ wₖ·qₖ·log pₖ     p = softmax(z)
         = (1 − ε)·CE(y, p) + ε·CE(uniform, p)     where all w are 1
    ∂loss/∂z = p − q            where all w are 1: zero as soon as the model says q, and no later

K: classes · y: one-hot label, q: smoothed target, p: predicted probabilities, z: logits, [K] each ·
ε ∈ [0, 1] · w: class weights. With ε > 0 the best logits are finite: the label's stands
log((K(1 − ε) + ε)/ε) above the others.

Calibrated: among predictions made with confidence c a share c is right.
`expected_calibration_error` measures by how much that fails, `temperature_scale` repairs it after
training by one number, softmax(z/T). `brier_score` is a proper score of the probabilities, and
`error_auroc` says how well confidence ranks right answers above wrong ones.

Same as `torch.nn.functional.cross_entropy(label_smoothing=ε)`; torch has none of the others.
Sources: Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016; Naeini et al., AAAI
2015; Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_probability, require_whole

REDUCTIONS = ("none", "sum", "mean")


def smooth_labels(
    target: Tensor, num_classes: int, epsilon: float, dtype: torch.dtype | None = None
) -> Tensor:
    """Smoothed targets (1 − ε)·y + ε/K: the true class gets 1 − ε + ε/K, not 1 − ε; the sum is 1.

    target: class numbers [N, …] → [N, K, …], classes where `cross_entropy` wants them (a single
    number [] → [K]); or probabilities [K] or [N, K, …] → the same shape. num_classes: K ≥ 1.
    epsilon: ε ∈ [0, 1]. dtype of the result: the default one for class numbers, that of
    probabilities.
    Raises `ValueError` for ε outside [0, 1] or NaN, class numbers outside [0, K − 1], another
    number of classes.
    """
    require_probability("epsilon", epsilon)
    K = require_whole("num_classes", num_classes, 1)
    if target.is_floating_point():
        if target.dim() == 0 or target.shape[min(target.dim() - 1, 1)] != K:
            raise ValueError(f"target has shape {list(target.shape)}: must be [{K}] or [N, {K}, …]")
        y = target if dtype is None else target.to(dtype)
    else:
        _check_range(target, K)
        y = nn.functional.one_hot(target.long(), K).movedim(-1, min(target.dim(), 1))
        y = y.to(dtype or torch.get_default_dtype())
    return (1 - epsilon) * y + epsilon / K  # q = (1 − ε)·y + ε/K


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of the logits `input` against smoothed targets, in nats.

    input: logits [K], [N, K] or [N, K, d₁, …]. target: class numbers, the shape of `input` without
    K; or probabilities in the shape of `input`. weight: one per class [K], or None. reduction:
    "none" (the shape of `input` without K), "sum", or "mean": over class numbers weighted by the
    label's weight, over probabilities by 1. Places where target is `ignore_index` count nowhere.

    Same as `torch.nn.functional.cross_entropy`, forward and backward, except that 0·log 0 is 0 for
    probabilities too. Raises `ValueError` for `label_smoothing` outside [0, 1] or NaN, class
    numbers out of range, shapes that do not fit, an empty batch, and a mean over nothing (every
    target ignored). torch computes some of these, or returns NaN.
    """
    require_probability("label_smoothing", label_smoothing)
    require_choice("reduction", reduction, REDUCTIONS)
    dim, K = _classes(input)
    w = _class_weights(weight, input, dim, K)
    target, kept, counts = _read_target(target, input, dim, K, ignore_index, w)
    q = smooth_labels(target, K, label_smoothing, input.dtype)
    log_p = input.log_softmax(dim)
    log_p = log_p.masked_fill((q == 0) & log_p.isneginf(), 0)  # 0·log 0 = 0
    loss = -(w * q * log_p).sum(dim).where(kept, 0)  # −Σₖ wₖ·qₖ·log pₖ
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / _require_above_zero(counts.sum())


class CrossEntropyLoss(nn.Module):
    """`cross_entropy` as a module: `torch.nn.CrossEntropyLoss` less its two deprecated arguments.

    weight: a buffer [K] or None, as in torch, so that `state_dict`s fit both ways. Raises
    `ValueError` at construction for `label_smoothing` outside [0, 1] or NaN (torch accepts −0.1 and
    NaN) and for an unknown reduction.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = require_choice("reduction", reduction, REDUCTIONS)
        self.label_smoothing = require_probability("label_smoothing", label_smoothing)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """`cross_entropy` of logits [N, K, …] and class numbers [N, …], or probabilities."""
        return cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return f"reduction={self.reduction!r}, label_smoothing={self.label_smoothing}"


def optimal_gap(num_classes: int, epsilon: float) -> float:
    """How far the label's logit stands above each other one where the smoothed loss is lowest.

    From p = q: gap = log(q_label/q_other) = log((1 − ε + ε/K)/(ε/K)) = log((K(1 − ε) + ε)/ε).
    Infinite at ε = 0.
    """
    K = require_whole("num_classes", num_classes, 1)
    e = require_probability("epsilon", epsilon)
    return math.log((K * (1 - e) + e) / e) if e > 0 else math.inf


def loss_floor(num_classes: int, epsilon: float) -> float:
    """The lowest smoothed loss there is, in nats: the entropy −Σ q·log q of the target.

    0 at ε = 0, log K at ε = 1.
    """
    q = smooth_labels(torch.tensor(0), num_classes, epsilon, torch.float64)
    return -torch.xlogy(q, q).sum().item()  # −Σ q·log q


# ---------------------------------------------------------------- calibration


def reliability_curve(
    probabilities: Tensor, target: Tensor, n_bins: int = 15
) -> tuple[Tensor, Tensor, Tensor]:
    """(confidence, accuracy, count) in bins of predictions of like confidence, each [n_bins].

    Confidence is a prediction's largest probability; the bins are of equal width. Of each: the mean
    confidence, the share that is right (both float64, NaN where the bin is empty), and how many
    predictions it holds. probabilities [N, K] in [0, 1], target [N] class numbers. Bin i holds
    confidences in (i/n, (i + 1)/n], as in Guo et al.: an edge belongs to the bin below it,
    confidence 1 to the last.
    Raises `ValueError` for an empty batch, probabilities outside [0, 1] or NaN (logits?),
    n_bins < 1, shapes and class numbers that do not fit.
    """
    n = require_whole("n_bins", n_bins, 1)
    _check_probabilities(probabilities, target)
    confidence, predicted = probabilities.detach().max(1)
    edges = (torch.arange(n + 1, dtype=torch.float64) / n).to(confidence)
    place = torch.bucketize(confidence, edges).clamp(1, n) - 1  # edges[i] < c ≤ edges[i + 1]
    right = (predicted == target).double()

    def total(values: Tensor) -> Tensor:
        return values.new_zeros(n).index_add(0, place, values)

    count = total(torch.ones_like(right))
    return total(confidence.double()) / count, total(right) / count, count.long()


def expected_calibration_error(probabilities: Tensor, target: Tensor, n_bins: int = 15) -> float:
    """How far confidence and accuracy are apart, bin by bin, averaged over all predictions.

    In [0, 1]. Arguments and errors as in `reliability_curve`. Not a proper score: predicting the
    share of each class everywhere has almost no calibration error, and is useless. Biased upwards
    in small samples, more so with more bins.
    """
    confidence, accuracy, count = reliability_curve(probabilities, target, n_bins)
    share = count.double() / count.sum()
    return (share * (accuracy - confidence).abs()).nansum().item()  # Σ_b n_b/N · |acc_b − conf_b|


def brier_score(probabilities: Tensor, target: Tensor) -> float:
    """Mean squared distance of the probabilities from the one-hot labels, in [0, 2].

    A proper score: lowest on average for the true probabilities; one row costs 2 at most.
    Arguments as in `reliability_curve`. Same as scikit-learn's
    `brier_score_loss(scale_by_half=False)`.
    """
    _check_probabilities(probabilities, target)
    y = nn.functional.one_hot(target.long(), probabilities.shape[1])
    gap = probabilities.detach().double() - y
    return gap.square().sum(1).mean().item()  # 1/N · Σₙ Σₖ (pₖ − yₖ)²


def error_auroc(probabilities: Tensor, target: Tensor) -> float:
    """Chance that a right answer, drawn at random, is surer than a wrong one; ties count half.

    In [0, 1], 0.5 where confidence says nothing: the area under the ROC curve of detecting errors
    by the largest probability. NaN where no answer is wrong, or all are. Arguments as in
    `reliability_curve`. Same as scikit-learn's `roc_auc_score(right, confidence)`.
    """
    _check_probabilities(probabilities, target)
    confidence, predicted = probabilities.detach().max(1)
    right = predicted == target
    gap = confidence[right].unsqueeze(1) - confidence[~right]  # [right, wrong]
    return ((gap > 0).double() + (gap == 0).double() / 2).mean().item()


def temperature_scale(logits: Tensor, target: Tensor) -> float:
    """The temperature T > 0 for which softmax(logits/T) gives `target` the highest likelihood.

    logits [N, K], target [N] class numbers: rows that were *not* trained on. T > 1 softens, T < 1
    sharpens; the predicted classes stay. The loss is convex in β = 1/T, so the only zero of its
    slope is found by halving.
    Raises `ValueError` where there is none: every row is right (T → 0), or the label's logit is on
    average no higher than the others (T → ∞); for an empty batch, logits that are not finite,
    shapes and class numbers that do not fit.
    """
    _check_predictions("logits", logits, target)
    if not logits.isfinite().all():
        raise ValueError("logits: every value must be finite")
    z = logits.detach().double()
    labels = z.gather(1, target.long().unsqueeze(1)).squeeze(1)
    if not (z.mean(1) - labels).mean() < 0:
        raise ValueError(
            "logits: no better than chance on these rows, the likelihood grows as T → ∞"
        )
    if not (z.amax(1) - labels).mean() > 0:
        raise ValueError("logits: every row is right, the likelihood grows without end as T → 0")

    def slope(beta: float) -> Tensor:
        p = (beta * z).softmax(1)
        return ((p * z).sum(1) - labels).mean()  # ∂loss/∂β = mean(Σₖ pₖ·zₖ − z_label)

    low = high = 1.0
    while slope(low) > 0:
        low /= 2
    while slope(high) < 0:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 2 / (low + high)


# ---------------------------------------------------------------- what fits what


def _classes(input: Tensor) -> tuple[int, int]:
    """(dimension of the classes, K) of logits [K] or [N, K, …]."""
    if input.dim() == 0 or input.numel() == 0:
        raise ValueError(
            f"input has shape {list(input.shape)}: there must be at least one row and one class"
        )
    dim = min(input.dim() - 1, 1)
    return dim, input.shape[dim]


def _class_weights(weight: Tensor | None, input: Tensor, dim: int, K: int) -> Tensor:
    """Weights [K, 1, …] that broadcast against the classes of `input`."""
    if weight is not None and weight.shape != (K,):
        raise ValueError(f"weight has shape {list(weight.shape)}: must be [{K}], one per class")
    w = input.new_ones(K) if weight is None else weight
    return w.view(K, *[1] * (input.dim() - dim - 1))


def _read_target(
    target: Tensor, input: Tensor, dim: int, K: int, ignore_index: int, w: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(target, with 0 where ignored; where it is not ignored; what a place counts in a mean)."""
    if target.is_floating_point():
        if target.shape != input.shape or ignore_index >= 0:
            raise ValueError(
                f"target: probabilities must have the shape {list(input.shape)}, "
                "and no ignore_index"
            )
        everywhere = torch.ones_like(input.select(dim, 0))
        return target, everywhere.bool(), everywhere
    expected = [*input.shape[:dim], *input.shape[dim + 1 :]]
    if list(target.shape) != expected or target.dtype == torch.bool:
        raise ValueError(
            f"target ({target.dtype}) has shape {list(target.shape)}: "
            f"must be class numbers {expected}"
        )
    kept = target != ignore_index
    target = target.where(kept, 0)
    _check_range(target, K)
    return target, kept, w.flatten()[target.long()] * kept


def _check_range(target: Tensor, K: int) -> None:
    if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < K:
        wrong = target[(target < 0) | (target >= K)].flatten()[0].item()
        raise ValueError(f"target holds {wrong}: class numbers must be in [0, {K - 1}]")


def _check_probabilities(probabilities: Tensor, target: Tensor) -> None:
    _check_predictions("probabilities", probabilities, target)
    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-6)).all():
        raise ValueError("probabilities: must lie in [0, 1]; are these logits?")


def _check_predictions(name: str, values: Tensor, target: Tensor) -> None:
    if values.dim() != 2 or values.numel() == 0:
        raise ValueError(f"{name} has shape {list(values.shape)}: must be [rows ≥ 1, classes ≥ 1]")
    if target.shape != values.shape[:1] or target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(
            f"target ({target.dtype}) has shape {list(target.shape)}: "
            "must be one class number per row"
        )
    _check_range(target, values.shape[1])


def _require_above_zero(total: Tensor) -> Tensor:
    if not total > 0:
        raise ValueError(
            "target: nothing to take the mean of, every target is ignored or has weight 0"
        )
    return total

"""Tasks of lesson 01.

Referees: the definitions, written once with their screws; tests hold them to torch's own.
"""

import math

import torch

from course_lib.checks.judge.cases import call, normal, whole
from course_lib.checks.judge.task import Mistake, Task

NAN, INF = math.nan, math.inf


# T1: early stopping. `updates` are what each epoch does to the weights, `losses` the validation
# loss after it.


def _lower(loss, best, last):
    return loss < best


def stopping(better=_lower, late=0, resets=True, skips_nan=False, restored=True, count=0):
    """An early-stopping loop with its screws: each turned one way is a mistake.

    better(loss, best, last): is it a new best? late: by how many epochs it stops too late; resets:
    a new best sets the count of epochs without one to 0; count: what is added to the epochs.
    """

    def train(start, updates, losses, patience):
        w, kept, best, last, bad, epochs = start.clone(), None, INF, INF, 0, 0
        for update, loss in zip(updates, losses):
            w += update
            epochs += 1
            if skips_nan and math.isnan(loss):
                continue
            good = better(loss, best, last)
            bad, last = 0 if good and resets else bad + (not good), loss
            if good:
                kept, best = w.clone(), loss
            if bad >= max(1, patience + late):
                break
        return (w if kept is None or not restored else kept), epochs + count

    return (train,)


def by_argmin(start, updates, losses, patience):
    """The place of the lowest loss so far by torch, for which NaN is lower than everything."""
    for epochs in range(1, len(losses) + 1):
        best = int(torch.tensor(losses[:epochs], dtype=torch.float64).argmin())
        if epochs - 1 - best >= patience:
            break
    return start + updates[: best + 1].sum(0), epochs


def fixed_time(start, updates, losses, patience):
    """Stops after `patience` epochs, whatever they bring."""
    epochs = min(patience, len(losses))
    best = min(range(epochs), key=lambda k: losses[k] if math.isfinite(losses[k]) else INF)
    return start + updates[: best + 1].sum(0), epochs


def _stopping_cases(generator):
    def one(name, losses, patience):
        scale = 0.5 + torch.rand((), generator=generator, dtype=torch.float64).item()
        losses = [scale * loss for loss in losses]
        arguments = ("start", "updates", "losses", "patience")
        return call(
            name,
            arguments,
            normal(generator, 2),
            normal(generator, len(losses), 2),
            losses,
            patience,
        )

    rising = [2.0 + 0.5 * k for k in range(8)]
    return [
        one(
            "falls, then rises",
            [5.0, 3.0, 2.0, *[2.5 + 0.1 * k for k in range(6)]],
            whole(generator, 2, 5),
        ),
        one("rises from the first epoch on", rising, 3),
        one("falls to the end", [5.0, 4.0, 3.0, 2.0, 1.0], 2),
        one("the epochs end before patience does", [5.0, 2.0, 3.0, 4.0], 3),
        one(
            "two dips, the second lower", [5.0, 3.0, 4.0, 3.9, 2.0, 2.5, 2.4, 2.6, 2.7, 2.8, 2.9], 3
        ),
        one("zigzag above the best", [2.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0], 4),
        one("an equal loss", [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0], 3),
        one("an epoch that is NaN", [4.0, 3.0, NAN, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5], 3),
        one("NaN from some epoch on", [4.0, 2.0, 3.0, NAN, NAN, NAN, NAN, NAN], 3),
        one("NaN at the first epoch", [NAN, 2.0, 3.0, 3.5, 1.0, 4.0], 2),
        one("nothing but NaN", [NAN] * 5, 3),
    ]


STOPPING_MISTAKES = (
    Mistake(
        "best weights not restored",
        "the weights are those of the last epoch, not of the best: keep `w.clone()` at each new "
        "best (`best = w` is "
        "the same tensor, and goes on changing) and return that",
        stopping(restored=False),
    ),
    Mistake(
        "NaN taken as best",
        "an epoch whose loss is NaN is taken as the best: no comparison with NaN is true, so ask "
        "`loss < best`, "
        "never `not loss >= best`",
        stopping(better=lambda loss, best, last: not loss >= best),
    ),
    Mistake(
        "NaN taken as best, by argmin",
        "an epoch whose loss is NaN is taken as the best: torch's argmin and min count NaN as "
        "lower than everything",
        (by_argmin,),
    ),
    Mistake(
        "NaN not counted",
        "an epoch whose loss is NaN is one without improvement: it counts towards patience",
        stopping(skips_nan=True),
    ),
    Mistake(
        "patience counted from the last rise",
        "patience is counted from the wrong epoch: compare with the best loss so far, not with the "
        "loss before",
        stopping(better=lambda loss, best, last: loss < last),
    ),
    Mistake(
        "patience never reset",
        "patience is counted from the wrong epoch: a new best sets the count back to 0",
        stopping(resets=False),
    ),
    Mistake(
        "patience from the start",
        "patience is counted from the wrong epoch: from the best one, not from the start of "
        "training",
        (fixed_time,),
    ),
    Mistake(
        "one epoch late",
        "it stops one epoch late: after `patience` epochs without improvement, not after patience "
        "+ 1",
        stopping(late=1),
    ),
    Mistake(
        "one epoch early",
        "it stops one epoch early: the best epoch itself is not one without improvement",
        stopping(late=-1),
    ),
    Mistake(
        "equal is better",
        "an equal loss is taken as an improvement: only a strictly lower one is",
        stopping(better=lambda loss, best, last: loss <= best),
    ),
    Mistake(
        "index for number",
        "the second result is how many epochs were trained: the first alone makes 1, not 0",
        stopping(count=-1),
    ),
)

T1 = Task(
    names=("train",),
    cases=_stopping_cases,
    reference=stopping(),
    mistakes=STOPPING_MISTAKES,
    praise="train: stops in time and with the best weights in {cases} cases, NaN among them",
)

# T2: bias and variance


def decomposition(
    bias=lambda p, t: (p.mean(0) - t) ** 2,
    variance=lambda p, t: p.var(0, correction=0),
    order=(0, 1),
):
    """Bias² and variance of predictions p [models, points] and truth t [points], by formulas."""

    def bias_variance(predictions, targets):
        both = bias(predictions, targets), variance(predictions, targets)
        return both[order[0]], both[order[1]]

    return (bias_variance,)


def _decomposition_cases(generator):
    def one(name, models, points, spread=1.0):
        targets = normal(generator, points)
        common = targets + normal(generator, points) + 0.7
        return call(
            name,
            ("predictions", "targets"),
            common + spread * normal(generator, models, points),
            targets,
        )

    return [
        call(
            "two models, one point",
            ("predictions", "targets"),
            torch.tensor([[1.0], [3.0]]).double(),
            torch.tensor([1.0]).double(),
        ),
        one("two models, three points", 2, 3),
        one("many models", whole(generator, 20, 40), 5),
        one("as many models as points", 4, 4),
        one("models that agree", 3, 4, spread=0.0),
        one("models that scatter", whole(generator, 5, 9), 3, spread=3.0),
    ]


DECOMPOSITION_MISTAKES = (
    Mistake(
        "variance across points",
        "the variance is taken across points instead of across models: at each point, over the "
        "rows (dim 0)",
        decomposition(variance=lambda p, t: p.var(1, correction=0)),
    ),
    Mistake(
        "both across points",
        "the mean is taken across points instead of across models: `predictions` is [models, "
        "points], so dim 0",
        (
            lambda predictions, targets: (
                (predictions.mean(1) - targets.mean()) ** 2,
                predictions.var(1, correction=0),
            ),
        ),
    ),
    Mistake(
        "variance of the mean prediction",
        "the variance is taken across points instead of across models: that is how the mean "
        "prediction varies with x",
        decomposition(variance=lambda p, t: p.mean(0).var(correction=0).expand_as(t).clone()),
    ),
    Mistake(
        "divisor n − 1",
        "the divisor is models − 1: with `correction=0` bias² + variance is exactly the mean "
        "squared error",
        decomposition(variance=lambda p, t: p.var(0)),
    ),
    Mistake(
        "bias not squared",
        "the bias is not squared",
        decomposition(bias=lambda p, t: p.mean(0) - t),
    ),
    Mistake(
        "squared before averaging",
        "that is the whole error: average the predictions first, then square their distance from "
        "the truth",
        decomposition(bias=lambda p, t: ((p - t) ** 2).mean(0)),
    ),
    Mistake(
        "spread about the truth",
        "the variance is taken about the truth: it is the spread of the models about their own "
        "mean",
        decomposition(variance=lambda p, t: ((p - t) ** 2).mean(0)),
    ),
    Mistake(
        "standard deviation",
        "that is the standard deviation: the variance is its square",
        decomposition(variance=lambda p, t: p.std(0, correction=0)),
    ),
    Mistake(
        "exchanged",
        "the two are exchanged: bias² first, then the variance",
        decomposition(order=(1, 0)),
    ),
    Mistake(
        "averaged over points",
        "average over models only: both results have one number per point",
        (
            lambda predictions, targets: (
                ((predictions.mean(0) - targets) ** 2).mean(),
                predictions.var(0, correction=0).mean(),
            ),
        ),
    ),
)

T2 = Task(
    names=("bias_variance",),
    cases=_decomposition_cases,
    reference=decomposition(),
    mistakes=DECOMPOSITION_MISTAKES,
    praise="bias_variance: right in {cases} cases",
)

# T3: reading learning curves. CURVES are what the exercise draws: training and validation loss
# after each epoch, and the test loss at the end. Drawn up for the exercise, with one thing to see
# in each; D trained on validation rows.

CURVES = {
    "A": {
        "training": (2.10, 1.60, 1.15, 0.80, 0.55, 0.38, 0.26, 0.18, 0.12, 0.08, 0.05, 0.03),
        "validation": (2.12, 1.68, 1.32, 1.09, 0.97, 0.94, 0.98, 1.05, 1.14, 1.24, 1.35, 1.46),
        "test": 1.44,
    },
    "B": {
        "training": (2.28, 2.22, 2.18, 2.16, 2.14, 2.13, 2.13, 2.12, 2.12, 2.12, 2.12, 2.12),
        "validation": (2.29, 2.23, 2.20, 2.17, 2.16, 2.15, 2.14, 2.14, 2.14, 2.13, 2.13, 2.13),
        "test": 2.14,
    },
    "C": {
        "training": (2.27, 2.18, 2.08, 1.97, 1.86, 1.74, 1.62, 1.50, 1.39, 1.28, 1.18, 1.08),
        "validation": (2.27, 2.19, 2.09, 1.99, 1.88, 1.77, 1.66, 1.55, 1.44, 1.34, 1.25, 1.16),
        "test": 1.15,
    },
    "D": {
        "training": (2.10, 1.61, 1.17, 0.82, 0.56, 0.39, 0.27, 0.19, 0.13, 0.09, 0.06, 0.04),
        "validation": (2.09, 1.60, 1.18, 0.83, 0.56, 0.40, 0.27, 0.18, 0.13, 0.09, 0.06, 0.04),
        "test": 1.41,
    },
}
READ = {
    "a": "overfitting",
    "b": "underfitting",
    "c": "train longer",
    "d": "leak",
    "keep_a": 6,
    "gap_a": 0.56,
}


def reading_cases(generator):
    """The same for everybody: there is nothing to draw."""
    return [
        {"name": f"your `{name}`", "driver": "values", "what": name, "position": position}
        for position, name in enumerate(READ)
    ]


def slip(of, name, hint, value):
    """A mistake in one of the answers; the others are right."""
    return Mistake(f"{of}: {name}", f"{of}: {hint}", tuple((READ | {of: value}).values()))


READING_MISTAKES = (
    slip(
        "a",
        "train longer",
        "the training loss still falls, but the validation loss has been rising since epoch 6",
        "train longer",
    ),
    slip(
        "a",
        "underfitting",
        "a training loss of 0.03 is no underfitting: the model fits what it has seen",
        "underfitting",
    ),
    slip(
        "a",
        "leak",
        "had validation rows been trained on, their loss would fall with the training loss",
        "leak",
    ),
    slip(
        "b", "overfitting", "there is no gap: what it cannot fit, it cannot overfit", "overfitting"
    ),
    slip(
        "b",
        "train longer",
        "the curves have been flat since epoch 8: more epochs bring nothing, the model is too "
        "small or pulled too hard",
        "train longer",
    ),
    slip(
        "b",
        "leak",
        "a leak makes the validation loss too good: look at the test loss, it agrees",
        "leak",
    ),
    slip(
        "c",
        "underfitting",
        "both losses are still falling, and fast: it has not had time to fit",
        "underfitting",
    ),
    slip(
        "c",
        "overfitting",
        "the validation loss is still falling: nothing is overfitted yet",
        "overfitting",
    ),
    slip("c", "leak", "test and validation loss agree: nothing has leaked", "leak"),
    slip(
        "d",
        "train longer",
        "validation has leaked into training: its loss falls with the training loss, and new "
        "data, the test set, say otherwise",
        "train longer",
    ),
    slip(
        "d",
        "overfitting",
        "it does overfit, but what the picture shows is why nobody noticed: validation has leaked "
        "into training, so that its loss falls too",
        "overfitting",
    ),
    slip("d", "underfitting", "a training loss of 0.04 is no underfitting", "underfitting"),
    slip(
        "keep_a",
        "where training is lowest",
        "the training loss always prefers the last epoch: go by the validation loss",
        12,
    ),
    slip("keep_a", "counted from 0", "epochs are counted from 1, as in the picture", 5),
    slip(
        "keep_a",
        "where it stopped",
        "that is where a patience of 3 notices: the weights to keep are older",
        9,
    ),
    slip(
        "gap_a",
        "at the end",
        "that is the gap at the last epoch: take it at the epoch that you would keep",
        1.43,
    ),
    slip("gap_a", "sign", "the sign: validation loss minus training loss", -0.56),
    slip(
        "gap_a",
        "the validation loss",
        "that is the validation loss itself: subtract the training loss",
        0.94,
    ),
    slip("gap_a", "a ratio", "that is a ratio: the gap is a difference", 0.94 / 0.38),
)

T3 = Task(
    names=tuple(READ),
    cases=reading_cases,
    reference=tuple(READ.values()),
    mistakes=READING_MISTAKES,
    praise="all four pictures read",
    tolerance=0.006,
)

# T4: a split without a leak


def splitting(
    statistics=lambda x, train, valid: train,
    own=False,
    training=lambda x, train, valid: train,
    correction=0,
    order=(0, 1),
    guarded=True,
):
    """Split rows, then standardise: whose statistics, which rows for training, which divisor."""

    def scaled(rows, by):
        spread = by.std(0, correction=correction)
        return (rows - by.mean(0)) / (
            spread.where(spread > 0, torch.ones_like(spread)) if guarded else spread
        )

    def split(x, order_of_rows, validation_rows):
        chosen, rest = order_of_rows[:validation_rows], order_of_rows[validation_rows:]
        train, valid = x[rest], x[chosen]
        by = statistics(x, train, valid)
        parts = scaled(training(x, train, valid), by), scaled(valid, valid if own else by)
        return parts[order[0]], parts[order[1]]

    return (split,)


def _splitting_cases(generator):
    def one(name, rows, validation_rows, x=None):
        x = 2 + 3 * normal(generator, rows, 3) if x is None else x
        order = torch.randperm(len(x), generator=generator).tolist()
        return call(name, ("x", "order", "validation_rows"), x, order, validation_rows)

    outlier, blank = normal(generator, 8, 2), normal(generator, 9, 3)
    outlier[:, 0] *= torch.arange(1, 9)
    blank[:, 1] = 4.0
    return [
        one("six rows, two for validation", 6, 2),
        one("many rows", 40, whole(generator, 8, 15)),
        one("rows of different size", 8, 3, outlier),
        one("a column that is constant", 9, 3, blank),
    ]


SPLITTING_MISTAKES = (
    Mistake(
        "statistics of all rows",
        "validation has leaked into training: mean and standard deviation are those of all rows, "
        "fit them on the "
        "training rows alone",
        splitting(statistics=lambda x, train, valid: x),
    ),
    Mistake(
        "validation rows trained on",
        "validation has leaked into training: the training part holds the validation rows too",
        splitting(training=lambda x, train, valid: x),
    ),
    Mistake(
        "validation scaled by itself",
        "the validation rows are scaled by their own statistics: a model that is in use gets one "
        "row at a time, so "
        "take those of the training rows",
        splitting(own=True),
    ),
    Mistake(
        "statistics of the validation rows",
        "validation has leaked into training: mean and standard deviation are those of the "
        "validation rows",
        splitting(statistics=lambda x, train, valid: valid),
    ),
    Mistake(
        "parts exchanged",
        "the two parts are exchanged: training first, then validation",
        splitting(order=(1, 0)),
    ),
    Mistake(
        "divisor n − 1",
        "the standard deviation has divisor n − 1: take correction=0, as in the text",
        splitting(correction=1),
    ),
    Mistake(
        "constant column",
        "a column that is constant is divided by 0: leave its scale at 1",
        splitting(guarded=False),
    ),
)

T4 = Task(
    names=("split",),
    cases=_splitting_cases,
    reference=splitting(),
    mistakes=SPLITTING_MISTAKES,
    praise="split: nothing leaks in {cases} cases",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4}

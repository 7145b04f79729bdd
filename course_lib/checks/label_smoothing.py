"""Tasks of lesson 05.

Referees: `torch.nn.functional.cross_entropy`, counting with Python's numbers, and a pencil.
"""

import itertools

import torch
from torch.nn.functional import cross_entropy, one_hot

from course_lib.checks.judge.cases import between, call, normal
from course_lib.checks.judge.task import Mistake, Task
from course_lib.checks.judge.values import decode


def _classes(generator, rows, num_classes):
    return torch.randint(num_classes, (rows,), generator=generator)


# T1: the targets


def labels_by_torch(target, num_classes, epsilon):
    """What torch's loss pulls towards: its gradient is p − q, and logits of zero say p = 1/K."""
    logits = torch.zeros(len(target), num_classes, dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(logits, target, reduction="sum", label_smoothing=epsilon)
    (gradient,) = torch.autograd.grad(loss, logits)
    return (1 / num_classes - gradient).float()


def shared_out(label, other):
    """Targets with label(ε, K) for the true class and other(ε, K) for each of the others."""

    def smooth_labels(target, num_classes, epsilon):
        hot = one_hot(target, num_classes).double()
        e, K = epsilon, num_classes
        return (hot * label(e, K) + (1 - hot) * other(e, K)).float()

    return smooth_labels


def _label_cases(generator):
    def one(name, rows, K, epsilon):
        return call(
            name, ("target", "num_classes", "epsilon"), _classes(generator, rows, K), K, epsilon
        )

    return [
        call("by hand", ("target", "num_classes", "epsilon"), torch.tensor([2]), 5, 0.1),
        one("four rows", 4, 3, between(generator, 0.1, 0.3)),
        one("two classes", 3, 2, between(generator, 0.1, 0.3)),
        one("ten classes", 6, 10, between(generator, 0.02, 0.2)),
        one("no smoothing", 3, 4, 0.0),
        one("everything smoothed", 3, 4, 1.0),
    ]


ONLY_OTHERS = shared_out(lambda e, K: 1 - e, lambda e, K: e / (K - 1))
LABEL_LEFT_OUT = shared_out(lambda e, K: 1 - e, lambda e, K: e / K)

LABEL_MISTAKES = (
    Mistake(
        "y − ε + ε/K",
        "a whole ε is taken from every class, and wrong ones end below 0: only the label gives, "
        "(1 − ε)·y",
        (shared_out(lambda e, K: 1 - e + e / K, lambda e, K: -e + e / K),),
    ),
    Mistake(
        "ε/(K − 1)",
        "that shares ε among the K − 1 wrong classes: it goes to all K, so that the label gets 1 − "
        "ε + ε/K",
        (ONLY_OTHERS,),
    ),
    Mistake(
        "true class 1 − ε",
        "the true class has only 1 − ε, and the row does not sum to 1: it gets its share ε/K too",
        (LABEL_LEFT_OUT,),
    ),
    Mistake(
        "not shrunk",
        "the row sums to 1 + ε: what is shared out has to be taken from the label first, (1 − ε)·y",
        (shared_out(lambda e, K: 1 + e / K, lambda e, K: e / K),),
    ),
    Mistake(
        "nothing shared out",
        "the row sums to 1 − ε: the ε taken from the label is given to nobody",
        (shared_out(lambda e, K: 1 - e, lambda e, K: 0.0),),
    ),
    Mistake(
        "ε to each",
        "each class gets a whole ε: all of them together get ε, so each ε/K",
        (shared_out(lambda e, K: 1.0, lambda e, K: e),),
    ),
    Mistake(
        "exchanged",
        "ε and 1 − ε are exchanged: the label keeps 1 − ε",
        (shared_out(lambda e, K: e + (1 - e) / K, lambda e, K: (1 - e) / K),),
    ),
    Mistake(
        "no smoothing",
        "`epsilon` has no effect: that is the plain one-hot label",
        (shared_out(lambda e, K: 1.0, lambda e, K: 0.0),),
    ),
)

T1 = Task(
    names=("smooth_labels",),
    cases=_label_cases,
    reference=(labels_by_torch,),
    mistakes=LABEL_MISTAKES,
    praise="smooth_labels: the targets that torch's own loss pulls towards, in {cases} cases",
    tolerance=1e-6,
)

# T2: the loss


def loss_by_torch(logits, target, epsilon):
    """`torch.nn.functional.cross_entropy` with label smoothing."""
    return cross_entropy(logits, target, label_smoothing=epsilon)


def loss_of(
    targets=labels_by_torch,
    log_p=lambda z: z.log_softmax(1),
    reduce=lambda terms: terms.sum(1).mean(),
):
    """A smoothed loss with its screws: each turned one way is a mistake."""

    def smoothed_loss(logits, target, epsilon):
        q = targets(target, logits.shape[1], epsilon).double()
        return reduce(-q * log_p(logits))

    return (smoothed_loss,)


def parts(hard, even):
    """A loss hard(ε)·first + even(ε, K)·second of the cross entropies [N] to label and uniform."""

    def smoothed_loss(logits, target, epsilon):
        log_p, K = logits.log_softmax(1), logits.shape[1]
        first, second = -log_p.gather(1, target[:, None])[:, 0], -log_p.mean(1)
        return (hard(epsilon) * first + even(epsilon, K) * second).mean()

    return (smoothed_loss,)


def _less_floor(logits, target, epsilon):
    q = labels_by_torch(target, logits.shape[1], epsilon).double()
    return loss_by_torch(logits, target, epsilon) + torch.xlogy(q, q).sum(1).mean()


def _smoothed_probabilities(logits, target, epsilon):
    p = (1 - epsilon) * logits.softmax(1) + epsilon / logits.shape[1]
    return -p.gather(1, target[:, None]).log().mean()


def _loss_cases(generator):
    def one(name, rows, K, epsilon, scale=2.0, shift=0.0):
        return call(
            name,
            ("logits", "target", "epsilon"),
            scale * normal(generator, rows, K) + shift,
            _classes(generator, rows, K),
            epsilon,
        ) | {"slopes": ("logits",)}

    by_hand = torch.tensor([[3.0, 1.0, 1.0]], dtype=torch.float64).log()  # p = 0.6, 0.2, 0.2
    return [
        call("by hand", ("logits", "target", "epsilon"), by_hand, torch.tensor([0]), 0.3),
        one("one row", 1, 4, between(generator, 0.1, 0.4)),
        one("five rows", 5, 4, between(generator, 0.1, 0.4)),
        one("no smoothing", 4, 3, 0.0),
        one("everything smoothed", 4, 3, 1.0),
        one("ten classes", 8, 10, 0.1, scale=4.0),
        one("large logits", 3, 4, 0.1, scale=900.0, shift=2000.0),
    ]


def _without_gradient(logits, target, epsilon):
    return loss_by_torch(logits.detach(), target, epsilon)


LOSS_MISTAKES = (
    Mistake(
        "no gradient",
        "the value is right, but no gradient reaches the logits, so nothing can be trained with "
        "it: no `.item()`, `.detach()`, `no_grad()`",
        (_without_gradient,),
    ),
    Mistake(
        "the sign of the uniform part",
        "the part to uniform targets has the wrong sign: both are cross entropies, both are added",
        parts(lambda e: 1 - e, lambda e, K: -e),
    ),
    Mistake(
        "smoothing applied to the logits",
        "the smoothing is applied to the logits: it belongs to the target, the logits stay as the "
        "model gave them",
        (lambda z, y, e: cross_entropy((1 - e) * z + e / z.shape[1], y),),
    ),
    Mistake(
        "smoothing applied to the probabilities",
        "the smoothing is applied to the predicted probabilities: it belongs to the target",
        (_smoothed_probabilities,),
    ),
    Mistake(
        "mean over classes",
        "that is K times too small: sum over the classes, take the mean over the rows only",
        loss_of(reduce=lambda terms: terms.mean()),
    ),
    Mistake(
        "sum over the batch",
        "that is the sum over the rows: take their mean",
        loss_of(reduce=lambda terms: terms.sum()),
    ),
    Mistake(
        "the others' part K times too large",
        "the cross entropy to uniform is a mean over the classes, Σ(−log p)/K, and you have the "
        "sum",
        parts(lambda e: 1 - e, lambda e, K: e * K),
    ),
    Mistake(
        "only the label",
        "only the label's part is there, (1 − ε)·CE: the other classes have a target too, ε/K each",
        parts(lambda e: 1 - e, lambda e, K: 0.0),
    ),
    Mistake(
        "exchanged",
        "ε and 1 − ε are exchanged: the label's part weighs 1 − ε",
        parts(lambda e: e, lambda e, K: 1 - e),
    ),
    Mistake(
        "no smoothing",
        "`epsilon` has no effect: that is the plain cross entropy",
        parts(lambda e: 1.0, lambda e, K: 0.0),
    ),
    Mistake(
        "ε/(K − 1)",
        "ε is shared among the K − 1 wrong classes: it goes to all K",
        loss_of(ONLY_OTHERS),
    ),
    Mistake(
        "true class 1 − ε",
        "the label's target is 1 − ε, and the targets do not sum to 1: it is 1 − ε + ε/K",
        loss_of(LABEL_LEFT_OUT),
    ),
    Mistake(
        "softmax twice",
        "the softmax is taken twice: `log_softmax` and `cross_entropy` expect the logits "
        "themselves",
        loss_of(log_p=lambda z: z.softmax(1).log_softmax(1)),
    ),
    Mistake(
        "log of softmax",
        "where a probability is too small for the machine its logarithm is −inf: use "
        "`logits.log_softmax(1)`",
        loss_of(log_p=lambda z: z.softmax(1).log()),
    ),
    Mistake(
        "floor subtracted",
        "that is the divergence from the target, Σ q·log(q/p): the loss does not subtract the "
        "target's entropy",
        (_less_floor,),
    ),
    Mistake(
        "sign",
        "the sign is wrong: the loss is −Σ q·log p, and positive",
        loss_of(reduce=lambda terms: -terms.sum(1).mean()),
    ),
)

T2 = Task(
    names=("smoothed_loss",),
    cases=_loss_cases,
    reference=(loss_by_torch,),
    mistakes=LOSS_MISTAKES,
    praise="smoothed_loss: equal to torch.nn.CrossEntropyLoss(label_smoothing=ε) in {cases} cases",
    tolerance=1e-6,
)

# T3: ten predictions, four bins, a pencil. An edge belongs to the bin below it.
#   (0, ¼]  none
#   (¼, ½]  0.4 ✓  0.5 ✓                    confidence 0.45   accuracy 1     gap 0.55
#   (½, ¾]  0.6 ✓  0.65 ✓  0.7 ✗  0.75 ✓    confidence 0.675  accuracy 0.75  gap 0.075
#   (¾, 1]  0.8 ✗  0.9 ✓  1 ✓  1 ✗          confidence 0.925  accuracy 0.5   gap 0.425
# (2·0.55 + 4·0.075 + 4·0.425)/10 = 0.31

PREDICTIONS = (
    (0.4, True),
    (0.5, True),
    (0.6, True),
    (0.65, True),
    (0.7, False),
    (0.75, True),
    (0.8, False),
    (0.9, True),
    (1.0, True),
    (1.0, False),
)
BY_HAND = {"counts": [0, 2, 4, 4], "gaps": [0.55, 0.075, 0.425], "ece": 0.31}


def by_hand_cases(generator):
    """The same for everybody: there is nothing to draw."""
    return [
        {"name": name, "driver": "values", "what": name, "position": position}
        for position, name in enumerate(BY_HAND)
    ]


def _slip(name, hint, **numbers):
    return Mistake(name, hint, tuple((BY_HAND | numbers).values()))


BY_HAND_MISTAKES = (
    _slip(
        "edges above",
        "0.5 and 0.75 stand in the bin above: here an edge belongs to the bin below it",
        counts=[0, 1, 4, 5],
        gaps=[0.6, 0.1375, 0.29],
        ece=0.26,
    ),
    _slip(
        "middle of the bin",
        "gaps: compare the accuracy with the mean of the bin's confidences, not with the middle of "
        "the bin",
        gaps=[0.625, 0.125, 0.375],
        ece=0.325,
    ),
    _slip(
        "signed",
        "gaps: take them without their sign, |accuracy − confidence|",
        gaps=[0.55, 0.075, -0.425],
    ),
    _slip(
        "signs cancel",
        "ece: the gaps cancel if their signs are kept; take each without its sign before adding",
        ece=0.03,
    ),
    _slip(
        "unweighted",
        "ece: each gap counts by the share of predictions in its bin, not once per bin",
        ece=0.35,
    ),
    _slip(
        "empty bin counted",
        "ece: weigh by predictions, so that an empty bin counts nothing",
        ece=0.2625,
    ),
    _slip(
        "largest gap",
        "ece: that is the largest gap; the expected error is the weighted mean of all",
        ece=0.55,
    ),
    _slip("not divided", "ece: divide by the number of predictions", ece=3.1),
)

T3 = Task(
    names=tuple(BY_HAND),
    cases=by_hand_cases,
    reference=tuple(BY_HAND.values()),
    mistakes=BY_HAND_MISTAKES,
    praise="counts, gaps and calibration error are right",
    tolerance=1e-6,
)

# T4: the same as a function


def rows_of(pairs):
    """Probabilities [N, 3] with such confidences for class 0, and labels: 0 where right, else 1."""
    confidences, right = zip(*pairs)
    rows = [[c, 0.6 * (1 - c), 0.4 * (1 - c)] for c in confidences]
    return torch.tensor(rows, dtype=torch.float64), torch.tensor([0 if r else 1 for r in right])


def _largest(row, label):
    return max(row)


def _low_open(confidence, low, high):
    return low < confidence <= high


def _nearest(confidence, low, high):
    width = high - low
    number, last = round(confidence / width), round(1 / width) - 1
    return min(number, last) == round(low / width)


def _weighted(gaps, n_bins):
    return sum(n * gap for n, gap in gaps) / sum(n for n, _ in gaps)


def calibration(inside=_low_open, gap=abs, combine=_weighted, says=_largest, middle=False):
    """An ECE, counted with Python's numbers, with its screws.

    inside(confidence, low, high) of a bin; gap(accuracy − confidence) of one; combine([(count,
    gap), …], n_bins); says(row, label): the confidence; middle: that of a bin is its middle.
    """

    def calibration_error(probabilities, target, n_bins):
        said = [
            (says(row, y), row.index(max(row)) == y)
            for row, y in zip(probabilities.tolist(), target.tolist())
        ]
        gaps = []
        for b in range(n_bins):
            low, high = b / n_bins, (b + 1) / n_bins
            members = [(c, right) for c, right in said if inside(c, low, high)]
            if members:
                accuracy = sum(right for _, right in members) / len(members)
                mean = sum(c for c, _ in members) / len(members)
                gaps.append((len(members), gap(accuracy - ((low + high) / 2 if middle else mean))))
        return combine(gaps, n_bins) if gaps else 0.0

    return (calibration_error,)


def _calibration_cases(generator):
    def one(name, rows, n_bins, K=4, scale=2.0):
        p = (scale * normal(generator, rows, K)).softmax(1)
        return call(
            name, ("probabilities", "target", "n_bins"), p, _classes(generator, rows, K), n_bins
        )

    edges = [
        (c / 8, bool(torch.rand((), generator=generator) < 0.6))
        for c in (4, 5, 5, 6, 6, 7, 8, 8, 8)
    ]
    return [
        call("by hand", ("probabilities", "target", "n_bins"), *rows_of(PREDICTIONS), 4),
        one("one bin", 20, 1),
        one("forty predictions in ten bins", 40, 10),
        one("a timid model", 60, 15, K=10, scale=0.3),
        call(
            "confidences at the edges, and 1",
            ("probabilities", "target", "n_bins"),
            *rows_of(edges),
            8,
        ),
        one("three hundred in thirty bins", 300, 30, scale=4.0),
    ]


CALIBRATION_MISTAKES = (
    Mistake(
        "unweighted",
        "each gap counts by the share of predictions in its bin, not once per bin",
        calibration(combine=lambda gaps, n: sum(g for _, g in gaps) / len(gaps)),
    ),
    Mistake(
        "mean over all bins",
        "empty bins are counted: weigh each gap by the share of predictions in its bin",
        calibration(combine=lambda gaps, n: sum(g for _, g in gaps) / n),
    ),
    Mistake(
        "signs cancel",
        "gaps of opposite sign cancel: take each without its sign before adding",
        calibration(
            gap=float,
            combine=lambda gaps, n: abs(sum(k * g for k, g in gaps)) / sum(k for k, _ in gaps),
        ),
    ),
    Mistake(
        "middle of the bin",
        "compare the accuracy with the mean of the bin's confidences, not with the middle of the "
        "bin",
        calibration(middle=True),
    ),
    Mistake(
        "rounded",
        "the confidence is rounded to the nearest edge: a bin holds all of low < confidence ≤ high",
        calibration(inside=_nearest),
    ),
    Mistake(
        "edges above",
        "an edge stands in the bin above: a bin holds low < confidence ≤ high",
        calibration(inside=lambda c, low, high: low <= c < high or c == high == 1),
    ),
    Mistake(
        "confidence 1 lost",
        "a confidence of exactly 1 falls out of the last bin: a bin holds low < confidence ≤ high",
        calibration(inside=lambda c, low, high: low <= c < high),
    ),
    Mistake(
        "probability of the label",
        "the confidence is the largest probability, whatever the label is: you take that of the "
        "label",
        calibration(says=lambda row, label: row[label]),
    ),
    Mistake(
        "largest gap",
        "that is the largest gap: the expected error is the mean of all, weighted by predictions",
        calibration(combine=lambda gaps, n: max(g for _, g in gaps)),
    ),
    Mistake(
        "squared gaps",
        "the gaps are squared: take their absolute values",
        calibration(gap=lambda g: g * g),
    ),
)

T4 = Task(
    names=("calibration_error",),
    cases=_calibration_cases,
    reference=calibration(),
    mistakes=CALIBRATION_MISTAKES,
    praise=(
        "calibration_error: as counted by hand in {cases} cases, edges and confidence 1 among them"
    ),
    tolerance=1e-6,
)

# T5: choose ε


def chosen_by(score, best=min, answer=lambda epsilons, i: epsilons[i]):
    """A `choose_epsilon` that takes the model with the best score(logits, target, ε)."""

    def choose_epsilon(epsilons, logits, target):
        scores = [float(score(z, target, e)) for z, e in zip(logits, epsilons)]
        return answer(epsilons, scores.index(best(scores)))

    return (choose_epsilon,)


def _plain(z, target, epsilon):
    return cross_entropy(z, target)


def _above_floor(z, target, epsilon):
    return _less_floor(z, target, epsilon)


def _ece(n_bins):
    of = calibration()[0]
    return lambda z, y, e: of(z.softmax(1), y, n_bins)


def _brier(z, y, e):
    return (z.softmax(1) - one_hot(y, z.shape[1])).square().sum(1).mean()


def _label_probability(z, y, e):
    return -z.softmax(1).gather(1, y[:, None]).mean()


def _one_smoothed_loss(z, y, e):
    return loss_by_torch(z, y, 0.1)


# What else a model may be chosen by; each: name → scores that are low for a good model.
RIVALS = {
    "the calibration error": (_ece(5), _ece(10), _ece(15), _ece(20)),
    "the Brier score": (_brier,),
    "the mean probability of the label": (_label_probability,),
    "a smoothed loss, the same for all": (_one_smoothed_loss,),
    "the worst row": (lambda z, y, e: cross_entropy(z, y, reduction="none").max(),),
    "the median row": (lambda z, y, e: cross_entropy(z, y, reduction="none").median(),),
}


def _are_rivals(case, scores):
    """True if the plain loss clearly prefers one of two models and all `scores` the other.

    The Brier score must side with the plain loss unless it is the rival: else it could not be told
    from the others.
    """
    _, logits, target = decode(case["args"])

    def gap(score):
        first, second = (float(score(z, target, 0.0)) for z in logits)
        return first - second

    plain = gap(_plain)
    apart = _brier in scores or gap(_brier) * plain > 0
    return abs(plain) > 0.01 and apart and all(gap(score) * plain < 0 for score in scores)


def _with_labels(generator, rows, K):
    """Logits z [rows, K], and labels [rows] drawn from softmax(z)."""
    z = 2 * normal(generator, rows, K)
    return z, z.softmax(1).multinomial(1, generator=generator).squeeze(1)


def choice_cases(generator):
    """Labels drawn from softmax(z); models that say scale·(z + blur·noise).

    They are boastful above scale 1, timid below it. Then, for each rival criterion, two models of
    which it takes the other one.
    """

    def one(name, models, rows=120, K=5):
        z, target = _with_labels(generator, rows, K)
        logits = [scale * (z + blur * normal(generator, rows, K)) for _, scale, blur in models]
        return call(
            name,
            ("epsilons", "logits", "target"),
            [e for e, *_ in models],
            torch.stack(logits),
            target,
        )

    def other_by(rival, scores):
        def draw():
            return between(generator, 0.3, 3.0), between(generator, 0.0, 1.0)

        name = f"{rival} would take the other one"
        cases = (one(name, [(0.2, *draw()), (0.05, *draw())]) for _ in itertools.count())
        return next(case for case in cases if _are_rivals(case, scores))

    return [
        one(
            "a boastful model, a good one, a timid one",
            [(0.0, 4.0, 0.0), (0.1, 1.0, 0.0), (0.3, 0.2, 0.0)],
        ),
        one("the good one was trained with a large ε", [(0.0, 2.0, 0.0), (0.5, 1.0, 0.0)]),
        one("a timid one, near its own target", [(0.0, 1.0, 0.0), (0.6, 0.35, 0.0)]),
        one("the more accurate one is boastful", [(0.0, 5.0, 0.0), (0.1, 0.5, 1.5)]),
        one("no smoothing is best", [(0.0, 1.0, 0.0), (0.1, 0.3, 0.0), (0.2, 0.1, 0.0)]),
        one("the most smoothing is best", [(0.01, 6.0, 0.0), (0.1, 3.0, 0.0), (0.6, 1.0, 0.0)]),
        *(other_by(rival, scores) for rival, scores in RIVALS.items()),
    ]


CHOICE_MISTAKES = (
    *(
        Mistake(
            f"by {rival}",
            f"it is chosen by {rival}: {why}. Take the plain cross entropy",
            chosen_by(score),
        )
        for rival, score, why in (
            (
                "the calibration error",
                _ece(10),
                "a model that knows nothing, and says so, has none",
            ),
            ("the Brier score", _brier, "it is another measure than the likelihood"),
            (
                "the mean probability of the label",
                _label_probability,
                "the likelihood is their product, so the mean is one of logarithms",
            ),
            (
                "a smoothed loss, the same for all",
                _one_smoothed_loss,
                "it rewards doubt that the labels do not have",
            ),
        )
    ),
    Mistake(
        "each by its own loss",
        "each model is judged by its own smoothed loss: their floors differ, so a small ε always "
        "looks better. "
        "Judge all by one loss, the plain one",
        chosen_by(loss_by_torch),
    ),
    Mistake(
        "each above its own floor",
        "each model is judged by another target: near its own q is not near the truth. Judge all "
        "by the plain loss",
        chosen_by(_above_floor),
    ),
    Mistake(
        "by accuracy",
        "accuracy does not see the probabilities: judge by the plain cross entropy",
        chosen_by(lambda z, y, e: (z.argmax(1) == y).double().mean(), best=max),
    ),
    Mistake("the worst", "that is the highest loss: take the lowest", chosen_by(_plain, best=max)),
    Mistake(
        "its position",
        "that is its place in the list: return the ε itself",
        chosen_by(_plain, answer=lambda epsilons, i: i),
    ),
    Mistake(
        "its loss",
        "that is the loss: return the ε that has it",
        (lambda epsilons, logits, target: min(_plain(z, target, 0).item() for z in logits),),
    ),
)

T5 = Task(
    names=("choose_epsilon",),
    cases=choice_cases,
    reference=chosen_by(_plain),
    mistakes=CHOICE_MISTAKES,
    praise="choose_epsilon: right in {cases} cases",
    tolerance=1e-9,
)

# T6: fit a temperature

TEMPERATURES = torch.logspace(-1, 1, 400, dtype=torch.float64)
STEP = 0.012  # two neighbours of them are a factor of 1.0116 apart


def fitted_by(score, answer=lambda temperatures, scores: temperatures[scores.index(min(scores))]):
    """A `fit_temperature` that takes the T with the lowest score(logits, target, T)."""

    def fit_temperature(logits, target):
        scores = [float(score(logits, target, T)) for T in TEMPERATURES]
        return float(answer(TEMPERATURES.tolist(), scores))

    return (fit_temperature,)


def _after(z, target, T):
    return cross_entropy(z / T, target)


def _confidence_gap(z, target, T):
    confidence, guess = (z / T).softmax(1).max(1)
    return (confidence.mean() - (guess == target).double().mean()).abs()


def temperature_cases(generator):
    """Labels drawn from softmax(z), of a model that says scale·(z + blur·noise)."""

    def one(name, scale, blur=0.0, rows=80, K=5):
        z, target = _with_labels(generator, rows, K)
        return call(
            name, ("logits", "target"), scale * (z + blur * normal(generator, rows, K)), target
        )

    sure = 2 * torch.tensor(3.0, dtype=torch.float64).log()  # 0.9 says the softmax
    by_hand = torch.tensor([[1.0, 0.0]], dtype=torch.float64).repeat(4, 1) * sure
    return [
        call("by hand", ("logits", "target"), by_hand, torch.tensor([0, 0, 0, 1])),
        one("a boastful model", between(generator, 2.0, 4.0)),
        one("a timid model", between(generator, 0.3, 0.5)),
        one("an honest one", 1.0),
        one("two classes", between(generator, 1.5, 3.0), K=2),
        one("a boastful model that knows less", between(generator, 2.0, 3.0), blur=1.5),
    ]


TEMPERATURE_MISTAKES = (
    Mistake(
        "multiplied",
        "the logits are multiplied by what you return: divide them by T",
        fitted_by(lambda z, y, T: cross_entropy(z * T, y)),
    ),
    Mistake(
        "probabilities divided",
        "the probabilities are divided: divide the logits, and then take the softmax",
        fitted_by(lambda z, y, T: cross_entropy(z.softmax(1) / T, y)),
    ),
    Mistake(
        "by the calibration error",
        "it is chosen by the calibration error, which is chance in part, and can be low for a "
        "useless model: take the plain cross entropy",
        fitted_by(lambda z, y, T: calibration()[0]((z / T).softmax(1), y, 10)),
    ),
    Mistake(
        "as sure as right",
        "the mean confidence is matched to the share right: take the plain cross entropy",
        fitted_by(_confidence_gap),
    ),
    Mistake(
        "by the Brier score",
        "it is chosen by the Brier score: take the plain cross entropy",
        fitted_by(lambda z, y, T: _brier(z / T, y, 0.0)),
    ),
    Mistake(
        "a smoothed loss",
        "the loss that chooses is smoothed: smoothing is for training, here the plain loss decides",
        fitted_by(lambda z, y, T: loss_by_torch(z / T, y, 0.1)),
    ),
    Mistake(
        "the highest loss",
        "that is the highest loss: take the lowest",
        fitted_by(_after, lambda temperatures, scores: temperatures[scores.index(max(scores))]),
    ),
    Mistake(
        "its position",
        "that is its place in the list: return the temperature itself",
        fitted_by(_after, lambda temperatures, scores: scores.index(min(scores))),
    ),
    Mistake(
        "its loss",
        "that is the loss: return the temperature that has it",
        fitted_by(_after, lambda temperatures, scores: min(scores)),
    ),
)

T6 = Task(
    names=("fit_temperature",),
    cases=temperature_cases,
    reference=fitted_by(_after),
    mistakes=TEMPERATURE_MISTAKES,
    praise="fit_temperature: the temperature with the lowest loss, in {cases} cases",
    tolerance=STEP,
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4, "T5": T5, "T6": T6}

"""Tasks of lesson 09: three on proving it (T1–T3), nine detectors for the debugging gallery
(T4–T12).

Referees: torch's own modules, SciPy's t interval, a study in the right order. Each detector is run
on a script with the fault, on the mended one, on variants of both, and on scripts that have another
fault.
"""

import itertools
import math

import torch
from scipy import stats
from torch import nn

from course_lib.checks.gallery.exhibits import EXHIBITS
from course_lib.checks.judge.scripts import mean_square, ridge
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import decode, encode

FLOAT = torch.float64


def normal(generator, *shape):
    return torch.randn(shape, generator=generator, dtype=FLOAT)


def whole(generator, low, high):
    return int(torch.randint(low, high, (), generator=generator))


# T1: one variant of the study's network


def network_cases(generator):
    def one(name, widths, **options):
        return {
            "name": name,
            "driver": "network",
            "widths": widths,
            "options": encode(options),
            "x": encode(normal(generator, 6, widths[0])),
            "seed": whole(generator, 0, 10**6),
        }

    return [
        one("plain", [4, 3, 2]),
        one("batch norm", [4, 3, 2], batch_norm=True),
        one("dropout", [4, 3, 2], dropout=0.3),
        one("both", [4, 3, 2], batch_norm=True, dropout=0.25),
        one("no hidden layer", [4, 2], batch_norm=True, dropout=0.5),
        one("the study's", [57, 100, 100, 2], batch_norm=True, dropout=0.5),
    ]


def builder(order="nda", last=(), share=lambda p: p, everywhere=False, always=False):
    """`network` with its screws.

    `order`: norm, dropout, activation; `last`: modules behind the last layer.
    """

    def network(widths, batch_norm=False, dropout=0.0):
        layers = []
        for k, (inputs, outputs) in enumerate(zip(widths[:-1], widths[1:])):
            layers.append(nn.Linear(inputs, outputs))
            if k == len(widths) - 2 and not everywhere:
                break
            made = {"n": nn.BatchNorm1d(outputs), "d": nn.Dropout(share(dropout)), "a": nn.ReLU()}
            kept = {"n": batch_norm or always, "d": dropout > 0, "a": True}
            layers += [made[name] for name in order if kept[name]]
        return nn.Sequential(*layers, *last)

    return (network,)


NETWORK_MISTAKES = (
    Mistake(
        "dropout before the norm",
        "dropout stands before BatchNorm: the study has Linear, BatchNorm, Dropout, ReLU (lesson 06 shows what the "
        "other order costs)",
        builder("dna"),
    ),
    Mistake(
        "norm after ReLU",
        "BatchNorm stands behind ReLU: it belongs between Linear and ReLU",
        builder("adn"),
    ),
    Mistake(
        "dropout after ReLU",
        "dropout stands behind ReLU: the outputs are the same, but the study has Linear, BatchNorm, Dropout, ReLU",
        builder("nad"),
    ),
    Mistake(
        "no ReLU",
        "there is no ReLU: without one the whole network is a single linear map",
        builder("nd"),
    ),
    Mistake(
        "the last layer too",
        "the last layer has norm, dropout or ReLU behind it: its outputs are the logits, leave them alone",
        builder(everywhere=True),
    ),
    Mistake(
        "softmax",
        "there is a softmax at the end: cross entropy does that itself, return the logits",
        builder(last=(nn.Softmax(1),)),
    ),
    Mistake(
        "the share that is kept",
        "`dropout` is the share that is dropped, like torch's p",
        builder(share=lambda p: 1 - p),
    ),
    Mistake(
        "always a norm",
        "BatchNorm is there even where it was not asked for: then all four variants are two",
        builder(always=True),
    ),
)

T1 = Task(
    names=("network",),
    cases=network_cases,
    reference=builder(),
    mistakes=NETWORK_MISTAKES,
    praise="network: layers and outputs of torch's own modules in {cases} networks",
)

# T2: an interval of a difference, from J divisions of one data set. d: differences of two
# accuracies, one a division.


def intervals_by_scipy(hits_a, hits_b, train_rows, t):
    d = (hits_a.mean(1) - hits_b.mean(1)).tolist()
    repetitions, test_rows = hits_a.shape
    mean, s = sum(d) / repetitions, float(torch.tensor(d, dtype=FLOAT).std())
    ends = [
        float(end) for end in stats.t.interval(0.95, repetitions - 1)
    ]  # its `scale` may not be 0, but s may

    def interval(variance):
        return tuple(mean + end * s * math.sqrt(variance) for end in ends)

    return interval(1 / repetitions), interval(1 / repetitions + test_rows / train_rows)


def reporter(
    differences=lambda a, b: a.mean(1) - b.mean(1),
    spread=lambda d, a, b: d.std(),
    naive=lambda s, n, r: s * math.sqrt(1 / n),
    corrected=lambda s, n, r: s * math.sqrt(1 / n + r),
    quantile=lambda t: t,
    order=(0, 1),
):
    """`intervals` with its screws; n: how many differences, r = test rows / training rows."""

    def intervals(hits_a, hits_b, train_rows, t):
        d = differences(hits_a, hits_b)
        mean, s = d.mean().item(), spread(d, hits_a, hits_b).item()
        halves = [
            quantile(t) * half(s, len(d), hits_a.shape[1] / train_rows)
            for half in (naive, corrected)
        ]
        both = [(mean - half, mean + half) for half in halves]
        return both[order[0]], both[order[1]]

    return (intervals,)


def interval_cases(generator):
    def one(name, repetitions, test_rows, train_rows):
        easy = torch.rand(repetitions, 1, generator=generator, dtype=FLOAT) * 0.2 + 0.7
        hits = [
            (
                torch.rand(repetitions, test_rows, generator=generator, dtype=FLOAT) < easy + better
            ).to(FLOAT)
            for better in (0.08, 0.0)
        ]
        arguments = ("hits_a", "hits_b", "train_rows", "t")
        t = float(stats.t.ppf(0.975, repetitions - 1))
        return {
            "name": name,
            "driver": "report",
            "arguments": arguments,
            "args": tensors(*hits, train_rows, t),
        }

    return [
        one("three divisions, 80/20", 3, 20, 80),
        one("ten divisions, 80/20", 10, 40, 160),
        one("ten divisions, 90/10", 10, 20, 180),
        one("two divisions, test set twice the training set", 2, 40, 20),
        one("a hundred divisions, 80/20", 100, 25, 100),
    ]


INTERVAL_MISTAKES = (
    Mistake(
        "pooled",
        "the test rows of all divisions are pooled into one large sample: the unit is the division, so first one "
        "difference of accuracies per division, `hits.mean(1)`, then their spread",
        reporter(differences=lambda a, b: (a - b).flatten()),
    ),
    Mistake(
        "not paired",
        "the two spreads are added as if the networks had been tested on different rows: take the difference within "
        "each division first, then its spread",
        reporter(spread=lambda d, a, b: (a.mean(1).var() + b.mean(1).var()).sqrt()),
    ),
    Mistake(
        "no correction",
        "the second interval is the first: it wants n_te/n_tr beside 1/J under the root",
        reporter(corrected=lambda s, n, r: s * math.sqrt(1 / n)),
    ),
    Mistake(
        "the correction upside down",
        "the correction is upside down: test rows divided by training rows",
        reporter(corrected=lambda s, n, r: s * math.sqrt(1 / n + 1 / r)),
    ),
    Mistake(
        "the correction alone",
        "1/J has gone from the second interval: the two terms stand side by side, 1/J + n_te/n_tr",
        reporter(corrected=lambda s, n, r: s * math.sqrt(r)),
    ),
    Mistake(
        "the correction divided by J",
        "the correction is divided by J as well, so it still shrinks without limit: 1/J + n_te/n_tr, not "
        "(1 + n_te/n_tr)/J",
        reporter(corrected=lambda s, n, r: s * math.sqrt((1 + r) / n)),
    ),
    Mistake(
        "no root of J",
        "that is the spread of single differences: the mean of J has s·√(1/J)",
        reporter(naive=lambda s, n, r: s, corrected=lambda s, n, r: s * math.sqrt(1 + r)),
    ),
    Mistake(
        "no quantile", "that is one standard error: multiply by t", reporter(quantile=lambda t: 1.0)
    ),
    Mistake(
        "a normal quantile",
        "1.96 is for many repetitions: with few, Student's t is larger, and it is handed to you",
        reporter(quantile=lambda t: 1.96),
    ),
    Mistake(
        "divisor J",
        "the standard deviation has divisor J − 1 (torch's default)",
        reporter(spread=lambda d, a, b: d.std(correction=0)),
    ),
    Mistake(
        "sign",
        "the difference is the wrong way round: a − b",
        reporter(differences=lambda a, b: b.mean(1) - a.mean(1)),
    ),
    Mistake(
        "exchanged",
        "the two are exchanged: the naive interval first, then the corrected one",
        reporter(order=(1, 0)),
    ),
)

T2 = Task(
    names=("intervals",),
    cases=interval_cases,
    reference=(intervals_by_scipy,),
    mistakes=INTERVAL_MISTAKES,
    praise="intervals: the naive and the corrected one, right in {cases} studies",
    tolerance=1e-6,
)

# T3: a study with three leaks


def study_cases(generator):
    def one(name, rows, columns, strengths, noise=0.5):
        x = normal(generator, rows, columns) * torch.linspace(0.2, 4, columns, dtype=FLOAT) + 1
        y = torch.where(x[:, 0] - x[:, 1] + noise * normal(generator, rows) > 0, 1.0, -1.0).to(
            FLOAT
        )
        order = torch.randperm(rows, generator=generator)
        return {
            "name": name,
            "driver": "study",
            "data": encode([x, y, order]),
            "strengths": strengths,
        }

    def chance(name, rows, columns):
        """Labels that are nearly chance, drawn until it makes a difference which rows choose."""
        cases = (one(name, rows, columns, decades, noise=9.0) for _ in itertools.count())
        return next(filter(choice_tells, cases))

    decades = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
    return [
        one("one candidate", 20, 6, [1.0]),
        one("two candidates", 20, 8, [0.1, 30.0]),
        one("many candidates", 30, 40, decades),
        chance("labels that are nearly chance", 40, 60),
        chance("labels that are nearly chance, more rows", 60, 80),
    ]


def choice_tells(case):
    """Do the test rows choose another candidate than the validation rows, whichever other leaks
    there are?
    """
    given = *decode(case["data"]), case["strengths"], ridge, mean_square
    return all(
        researcher(scaled_on, columns_on, "test")[0](*given)[0]
        != researcher(scaled_on, columns_on)[0](*given)[0]
        for scaled_on, columns_on in itertools.product(("train", "all"), repeat=2)
    )


def researcher(
    scaled_on="train",
    columns_on="train",
    chosen_on="validation",
    reported_on="test",
    refitted=False,
):
    """`study` with its screws: which rows each step looks at. "all" is what has not been split
    yet.
    """

    def study(x, y, order, strengths, fit, error):
        n = len(x) // 5
        parts = {
            "train": order[2 * n :],
            "validation": order[:n],
            "test": order[n : 2 * n],
            "all": order,
            "both": torch.cat([order[2 * n :], order[:n]]),
        }
        if scaled_on == "each its own":
            x = x.clone()
            for part in ("train", "validation", "test"):
                rows = x[parts[part]]
                x[parts[part]] = (rows - rows.mean(0)) / rows.std(0)
        else:
            rows = x[parts[scaled_on]]
            x = (x - rows.mean(0)) / rows.std(0)
        look = parts[columns_on]
        x = x[:, (x[look].T @ y[look]).abs().topk(5).indices]
        models = {
            strength: fit(x[parts["train"]], y[parts["train"]], strength) for strength in strengths
        }
        judge = parts[chosen_on]
        best = min(models, key=lambda strength: error(models[strength], x[judge], y[judge]))
        rows = parts[reported_on]
        model = fit(x[parts["both"]], y[parts["both"]], best) if refitted else models[best]
        return best, error(model, x[rows], y[rows]).item()

    return (study,)


SCALED = (
    "the mean and the standard deviation are fitted before the split, on test rows too: take them from the training "
    "rows"
)
COLUMNS = (
    "the columns are chosen before the split, by labels of test rows too: choose them by the training rows "
    "(of the three leaks this is the large one)"
)
CHOSEN = "test rows decide which candidate is best: choose on the validation rows, and look at the test rows once"
STUDY_MISTAKES = (
    Mistake(
        "all three leaks",
        "all three leaks are still there: each step says which rows it may look at",
        researcher("all", "all", "test"),
    ),
    Mistake(
        "scaled and selected",
        "two leaks are left, in the standardisation and in the choice of the candidate",
        researcher("all", "train", "test"),
    ),
    Mistake(
        "columns and selected",
        "two leaks are left, in the choice of the columns and of the candidate",
        researcher("train", "all", "test"),
    ),
    Mistake(
        "scaled and columns",
        "two leaks are left, both before the split: standardisation and columns",
        researcher("all", "all"),
    ),
    Mistake("statistics fitted before the split", SCALED, researcher(scaled_on="all")),
    Mistake("columns chosen before the split", COLUMNS, researcher(columns_on="all")),
    Mistake("test data used for selection", CHOSEN, researcher(chosen_on="test")),
    Mistake(
        "training data used for selection",
        "the candidate is chosen on the rows it was fitted to: they always prefer the weakest penalty; choose on "
        "the validation rows",
        researcher(chosen_on="train"),
    ),
    Mistake(
        "validation error reported",
        "the error that is reported is the one by which the candidate was chosen, so it is too good: report the "
        "error on the test rows",
        researcher(reported_on="validation"),
    ),
    Mistake(
        "each part by itself",
        "each part is standardised by its own mean and spread: a new row would have none; use those of the "
        "training rows for all",
        researcher(scaled_on="each its own"),
    ),
    Mistake(
        "statistics of training and validation rows",
        "the validation rows take part in the standardisation: they are to judge it, so leave them out too",
        researcher(scaled_on="both"),
    ),
    Mistake(
        "columns by training and validation rows",
        "the validation rows take part in choosing the columns: they are to judge that, so leave them out too",
        researcher(columns_on="both"),
    ),
    Mistake(
        "refitted",
        "a model fitted to training and validation rows is reported: a fair thing to do, but not asked "
        "here; report the one that was chosen",
        researcher(refitted=True),
    ),
)

T3 = Task(
    names=("honest_study",),
    cases=study_cases,
    reference=researcher(),
    mistakes=STUDY_MISTAKES,
    praise="honest_study: no leak left in {cases} studies",
)

# T4–T12: detectors


def exhibit_cases(exhibit):
    """Every variant of an exhibit, each started from a seed of its own."""

    def cases(generator):
        return [
            {
                "name": name,
                "driver": "exhibit",
                "takes": list(exhibit.takes),
                "script": exhibit.text(name, seed=whole(generator, 1, 10**6)),
            }
            for name in exhibit.variants()
        ]

    return cases


def detector_task(exhibit, name, detector, mistakes, never=True):
    """The task of an exhibit; `mistakes`: (name, hint, detector), beside those that any detector
    can have.

    never: one of `mistakes` is never True, and says why; else a general one covers that.
    """
    general = [
        ("always True", ALWAYS, lambda *made: True),
        ("reversed", REVERSED, lambda *made: not detector(*made)),
    ]
    if never:
        general.append(("always False", NEVER, lambda *made: False))
    return Task(
        names=(name,),
        cases=exhibit_cases(exhibit),
        reference=(detector,),
        mistakes=tuple(
            Mistake(title, hint, (wrong,)) for title, hint, wrong in (*general, *mistakes)
        ),
        praise=name
        + ": right about {cases} scripts, with the fault, mended, and with other faults",
    )


ALWAYS = "it says True of the mended script too: an alarm that always rings is switched off"
REVERSED = "it is the wrong way round: True means that the fault is there"
NEVER = "it says False even of the script as it was found"


def pull(penalised_loss, model, x, y, **strength):
    """The gradient of the weight under these strengths."""
    return torch.autograd.grad(penalised_loss(model, x, y, **strength), model.weight)[0]


def value(penalised_loss, model, x, y, **strength):
    """The loss under these strengths."""
    return penalised_loss(model, x, y, **strength).detach()


def off(*names, of=pull):
    """A detector that tries these penalties one by one."""

    def penalty_is_off(*made):
        return any(torch.equal(of(*made), of(*made, **{name: 0.5})) for name in names)

    return penalty_is_off


def off_together(*made):
    return torch.equal(pull(*made), pull(*made, l1=0.5, l2=0.5))


def not_as_strong_as_asked(*made):
    model = made[1]
    wanted = pull(*made) + 0.5 * model.weight.sign(), pull(*made) + model.weight
    return not all(
        torch.allclose(pull(*made, **{name: 0.5}), g, atol=1e-5)
        for name, g in zip(("l1", "l2"), wanted)
    )


L1_TOO = "L1 alone is not tried: it can be off while L2 is on"
L2_TOO = "L2 alone is not tried: it can be off while L1 is on"

T4 = detector_task(
    EXHIBITS["penalty"],
    "penalty_is_off",
    off("l1", "l2"),
    (
        (
            "both at once",
            "with both penalties at once the script is right: try each one alone",
            off_together,
        ),
        ("L1 not tried", L1_TOO, off("l2")),
        ("L2 not tried", L2_TOO, off("l1")),
        ("L1 not tried, by the value", L1_TOO, off("l2", of=value)),
        ("L2 not tried, by the value", L2_TOO, off("l1", of=value)),
        (
            "by the value of the loss",
            "it looks at the value of the loss: a penalty without a gradient is in there too, and pulls at nothing; "
            "compare gradients",
            off("l1", "l2", of=value),
        ),
        (
            "any wrong strength",
            "a penalty that is too weak is another fault: this detector asks whether it pulls at all",
            not_as_strong_as_asked,
        ),
    ),
)


def rate_unchanged(optimizer, scheduler):
    return optimizer.param_groups[0]["lr"] == scheduler.base_lrs[0]


T5 = detector_task(
    EXHIBITS["schedule"],
    "scheduler_never_stepped",
    lambda optimizer, scheduler: scheduler.last_epoch == 0,
    (
        (
            "by the learning rate",
            "it goes by the learning rate: that may have been changed by hand, and a schedule may stand still for some "
            "epochs; ask the scheduler how often it was stepped",
            rate_unchanged,
        ),
        (
            "fewer steps than epochs",
            "a run of three epochs is no fault: `last_epoch` is 0 only if `step()` was never called",
            lambda optimizer, scheduler: scheduler.last_epoch < 12,
        ),
    ),
)

T6 = detector_task(
    EXHIBITS["truncated"],
    "holds_whole_numbers_only",
    lambda test_error: test_error.dtype.kind in "iub",
    (
        (
            "by the values",
            "it goes by the values: errors can be whole numbers by chance, or because they are counts; ask for the "
            "type, `dtype`",
            lambda test_error: (test_error == test_error.round()).all(),
        ),
        (
            "all zero",
            "not every truncated error is 0: in percent they look quite right",
            lambda test_error: (test_error == 0).all(),
        ),
        (
            "64 bits only",
            "whole numbers come in 8, 16, 32 and 64 bits, with a sign and without: ask for the kind of type",
            lambda test_error: test_error.dtype == "int64",
        ),
        (
            "signed only",
            'unsigned whole numbers truncate too: their kind is "u"',
            lambda test_error: test_error.dtype.kind == "i",
        ),
    ),
)


def common(a, b):
    return bool(set(a.tolist()) & set(b.tolist()))


SOME_ROWS = "the rows can be the same in another order, or only some of them: ask whether the two have any row in common"

T7 = detector_task(
    EXHIBITS["stopping"],
    "stops_on_test_rows",
    lambda train, stop_on, test: common(stop_on, test),
    (
        ("the same tensor", SOME_ROWS, lambda train, stop_on, test: torch.equal(stop_on, test)),
        (
            "the same set",
            SOME_ROWS,
            lambda train, stop_on, test: set(stop_on.tolist()) == set(test.tolist()),
        ),
        (
            "all of them",
            "one test row among those that decide is one too many: any common row counts, not only all of them",
            lambda train, stop_on, test: set(stop_on.tolist()) <= set(test.tolist()),
        ),
        (
            "any leak",
            "stopping on training rows is another fault: this detector asks for test rows",
            lambda train, stop_on, test: common(stop_on, test) or common(stop_on, train),
        ),
        (
            "by their number",
            "equally many rows are not the same rows",
            lambda train, stop_on, test: len(stop_on) == len(test),
        ),
    ),
)


def depends_on(sizes, differ=lambda a, b: not torch.isclose(a, b, rtol=1e-4)):
    """A detector that tries these batch sizes."""

    def depends_on_batches(evaluate, model, x, y):
        whole = evaluate(model, x, y, len(x))
        return any(differ(evaluate(model, x, y, size), whole) for size in sizes)

    return depends_on_batches


def not_the_rmse(evaluate, model, x, y):
    rmse = (model(x) - y).square().mean().sqrt()
    return any(
        not torch.isclose(evaluate(model, x, y, size), rmse, rtol=1e-4) for size in (7, len(x))
    )


T8 = detector_task(
    EXHIBITS["batches"],
    "depends_on_batches",
    depends_on((7,)),
    (
        (
            "batches that fit",
            "the size of the batches divides the number of rows: try one that leaves a short batch at the end",
            depends_on((20, 30)),
        ),
        (
            "equality to the last digit",
            "sums in another order differ in the last digit, and that is no fault: compare with a tolerance, "
            "`torch.isclose` or `math.isclose`",
            depends_on(range(1, 60), differ=lambda a, b: a != b),
        ),
        (
            "any wrong figure",
            "a forgotten root is another fault: this detector asks whether the figure depends on the batches",
            not_the_rmse,
        ),
    ),
)


def adam_decays(
    groups=lambda optimizer: optimizer.param_groups, kinds=("Adam",), more_than=0.0, decay=True
):
    """A detector for coupled decay, with its screws."""

    def decay_is_coupled(optimizer):
        strong = [
            g["weight_decay"] > more_than and not g.get("decoupled_weight_decay")
            for g in groups(optimizer)
        ]
        return type(optimizer).__name__ in kinds and (any(strong) or not decay)

    return decay_is_coupled


def any_decay(optimizer, kinds=("Adam", "AdamW", "SGD"), groups=None):
    return type(optimizer).__name__ in kinds and any(
        g["weight_decay"] > 0 for g in groups or optimizer.param_groups
    )


A_SUBCLASS = (
    "AdamW is taken for Adam: in recent versions it is a subclass, so `isinstance` says True of both; compare the type "
    "itself"
)

T9 = detector_task(
    EXHIBITS["coupled"],
    "decay_is_coupled",
    adam_decays(),
    (
        (
            "AdamW counted as Adam",
            A_SUBCLASS,
            lambda optimizer: any_decay(optimizer, ("Adam", "AdamW")),
        ),
        (
            "AdamW counted as Adam, one group only",
            A_SUBCLASS,
            lambda optimizer: any_decay(optimizer, ("Adam", "AdamW"), optimizer.param_groups[:1]),
        ),
        (
            "Adam or AdamW, whatever the decay",
            A_SUBCLASS,
            lambda optimizer: "Adam" in type(optimizer).__name__,
        ),
        (
            "any decay",
            "any weight decay rings the alarm: in AdamW it is decoupled, and under plain SGD the two are the same",
            any_decay,
        ),
        (
            "SGD counted as well",
            "under plain SGD the two are the same (lesson 03): only what divides by √v makes them differ",
            lambda optimizer: any_decay(optimizer, ("Adam", "SGD")),
        ),
        (
            "Adam without decay",
            "Adam without weight decay has nothing to couple: ask for `weight_decay` too",
            adam_decays(decay=False),
        ),
        (
            "one group only",
            "only the first group, or the default, is looked at: each of `param_groups` has its own weight decay",
            adam_decays(groups=lambda optimizer: optimizer.param_groups[:1]),
        ),
        (
            "strong decay only",
            "a weak decay is coupled just as well: anything above 0 counts",
            adam_decays(more_than=0.05),
        ),
    ),
)


def remembers(
    rows=(1.0, 2.0, 4.0), momentum=1.0, right=False, rtol=1e-4, expect=lambda var, momentum: var
):
    """A detector that feeds one batch of one feature, with its screws."""

    def remembers_biased(Norm):
        norm, x = (
            Norm(1) if momentum is None else Norm(1, momentum=momentum),
            torch.tensor(rows).unsqueeze(1),
        )
        norm(x)
        if right:
            return not torch.allclose(norm.running_var, x.var(0), rtol=rtol)
        return torch.allclose(norm.running_var, expect(x.var(0, correction=0), momentum), rtol=rtol)

    return remembers_biased


def by_the_output(Norm):
    x = torch.tensor([[1.0], [2.0], [4.0]])
    return torch.allclose(Norm(1)(x).var(0, correction=0), torch.ones(1), rtol=1e-2)


T10 = detector_task(
    EXHIBITS["remembered"],
    "remembers_biased_variance",
    remembers(),
    (
        (
            "any deviation",
            "a reversed momentum is another fault: compare with what the biased variance would give, not only with "
            "what is right",
            remembers(right=True),
        ),
        (
            "by the output",
            "it looks at the output, for which n is the right divisor: look at `running_var`",
            by_the_output,
        ),
        (
            "the momentum taken for granted",
            "it takes a momentum of 0.1 for granted: pass one, and with momentum=1 the memory is the last batch",
            remembers(momentum=None, expect=lambda var, _: 0.9 + 0.1 * var),
        ),
        (
            "a batch too large",
            "with many rows n and n − 1 are nearly the same, so the mended norm rings too: feed it two or three",
            remembers(rows=tuple(torch.linspace(1, 4, 4000).square().tolist()), rtol=1e-2),
        ),
    ),
)


def mismatched(decay=1.0, other=None, differ=lambda a, b: not torch.allclose(a, b, atol=1e-3)):
    """A detector that trains both at these strengths."""

    def strengths_differ(from_scratch, concise, x, y):
        return differ(from_scratch(x, y, decay if other is None else other), concise(x, y, decay))

    return strengths_differ


T11 = detector_task(
    EXHIBITS["halved"],
    "strengths_differ",
    mismatched(),
    (
        (
            "without decay",
            "it says False of everything: without decay both end at the same weights, whatever the loss is multiplied "
            "by, so compare them with decay on",
            mismatched(decay=0.0),
        ),
        (
            "half and nothing else",
            "it finds a factor of two only: ask whether the same strength gives the same weights",
            mismatched(other=0.5, differ=lambda a, b: torch.allclose(a, b, atol=1e-3)),
        ),
    ),
    never=False,
)


def rows_differ(parts=("train", "test"), as_seen=set, differ=lambda a, b: a != b):
    """A detector that compares these parts of the runs."""

    def trained_on_other_data(runs):
        return any(differ(*(as_seen(run[part]) for run in runs.values())) for part in parts)

    return trained_on_other_data


NOT_TESTED = "the test rows are not compared"

T12 = detector_task(
    EXHIBITS["other data"],
    "on_other_data",
    rows_differ(),
    (
        (
            "the order counts",
            "the same rows in another order are the same data: compare sets",
            rows_differ(as_seen=list),
        ),
        ("test rows not compared", NOT_TESTED, rows_differ(parts=("train",))),
        (
            "test rows not compared, the order counts",
            NOT_TESTED,
            rows_differ(parts=("train",), as_seen=list),
        ),
        (
            "training rows not compared",
            "the training rows are not compared",
            rows_differ(parts=("test",)),
        ),
        ("by their number", "equally many rows are not the same rows", rows_differ(as_seen=len)),
        (
            "some in common",
            "it says False even of the script as it was found: a few rows in common do not make it the same data, the "
            "two sets must be equal",
            rows_differ(differ=lambda a, b: not a & b),
        ),
    ),
    never=False,
)

TASKS = {
    "T1": T1,
    "T2": T2,
    "T3": T3,
    "T4": T4,
    "T5": T5,
    "T6": T6,
    "T7": T7,
    "T8": T8,
    "T9": T9,
    "T10": T10,
    "T11": T11,
    "T12": T12,
}

"""Tasks of lesson 09: three on proving it (T1–T3), nine detectors for the debugging gallery.

Referees: torch's own modules, SciPy's t interval, a study in the right order. Each detector is run
on a script with the fault, on the mended one, on variants of both, and on scripts that have another
fault.
"""

import itertools
import math

import torch
from scipy import stats
from torch import nn

from course_lib.checks.gallery import detectors
from course_lib.checks.judge.cases import normal, whole
from course_lib.checks.judge.scripts import mean_square, ridge
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import decode, encode

FLOAT = torch.float64

# T1: one variant of the study's network


def _network_cases(generator):
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
        "dropout stands before BatchNorm: the study has Linear, BatchNorm, Dropout, ReLU (lesson "
        "06 shows what the "
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
        "dropout stands behind ReLU: the outputs are the same, but the study has Linear, "
        "BatchNorm, Dropout, ReLU",
        builder("nad"),
    ),
    Mistake(
        "no ReLU",
        "there is no ReLU: without one the whole network is a single linear map",
        builder("nd"),
    ),
    Mistake(
        "the last layer too",
        "the last layer has norm, dropout or ReLU behind it: its outputs are the logits, leave "
        "them alone",
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
    cases=_network_cases,
    reference=builder(),
    mistakes=NETWORK_MISTAKES,
    praise="network: layers and outputs of torch's own modules in {cases} networks",
)

# T2: an interval of a difference, from J divisions of one data set. d: differences of two
# accuracies, one a division.


def intervals_by_scipy(hits_a, hits_b, train_rows, t):
    """Both intervals with the quantile of `scipy.stats.t`."""
    d = (hits_a.mean(1) - hits_b.mean(1)).tolist()
    repetitions, test_rows = hits_a.shape
    mean, s = sum(d) / repetitions, float(torch.tensor(d, dtype=FLOAT).std())
    # its `scale` may not be 0, but s may
    ends = [float(end) for end in stats.t.interval(0.95, repetitions - 1)]

    def interval(variance):
        return tuple(mean + end * s * math.sqrt(variance) for end in ends)

    return interval(1 / repetitions), interval(1 / repetitions + test_rows / train_rows)


def _by_division(a, b):
    return a.mean(1) - b.mean(1)


def _of_differences(d, a, b):
    return d.std()


def _naive(n, r):
    return 1 / n


def _corrected(n, r):
    return 1 / n + r


def reporter(
    differences=_by_division,
    spread=_of_differences,
    variances=(_naive, _corrected),
    quantile=None,
    order=(0, 1),
):
    """`intervals` with its screws: a variance is that of the mean, in units of spread².

    It depends on n, how many differences there are, and r = test rows / training rows; `quantile`
    takes the place of t.
    """

    def intervals(hits_a, hits_b, train_rows, t):
        d = differences(hits_a, hits_b)
        mean, s = d.mean().item(), spread(d, hits_a, hits_b).item()
        n, r = len(d), hits_a.shape[1] / train_rows
        halves = [(quantile or t) * (s * math.sqrt(variance(n, r))) for variance in variances]
        both = [(mean - half, mean + half) for half in halves]
        return both[order[0]], both[order[1]]

    return (intervals,)


def interval_cases(generator):
    """Hits of two networks in studies with few and many divisions."""

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


def _roots_added(hits_a, hits_b, train_rows, t):
    (low, high), _ = reporter()[0](hits_a, hits_b, train_rows, t)
    spread = t * _by_division(hits_a, hits_b).std().item()
    more = spread * math.sqrt(hits_a.shape[1] / train_rows)
    return (low, high), (low - more, high + more)


INTERVAL_MISTAKES = (
    Mistake(
        "all rows below",
        "the test rows are divided by all rows: Nadeau and Bengio's term is n_te/n_tr, by the "
        "*training* rows",
        reporter(variances=(_naive, lambda n, r: 1 / n + r / (1 + r))),
    ),
    Mistake(
        "roots added",
        "the two roots are added: the terms are added first, under one root, √(1/J + n_te/n_tr)",
        (_roots_added,),
    ),
    Mistake(
        "pooled",
        "the test rows of all divisions are pooled into one large sample: the unit is the "
        "division, so first one "
        "difference of accuracies per division, `hits.mean(1)`, then their spread",
        reporter(differences=lambda a, b: (a - b).flatten()),
    ),
    Mistake(
        "not paired",
        "the two spreads are added as if the networks had been tested on different rows: take the "
        "difference within "
        "each division first, then its spread",
        reporter(spread=lambda d, a, b: (a.mean(1).var() + b.mean(1).var()).sqrt()),
    ),
    Mistake(
        "no correction",
        "the second interval is the first: it wants n_te/n_tr beside 1/J under the root",
        reporter(variances=(_naive, _naive)),
    ),
    Mistake(
        "the correction upside down",
        "the correction is upside down: test rows divided by training rows",
        reporter(variances=(_naive, lambda n, r: 1 / n + 1 / r)),
    ),
    Mistake(
        "the correction alone",
        "1/J has gone from the second interval: the two terms stand side by side, 1/J + n_te/n_tr",
        reporter(variances=(_naive, lambda n, r: r)),
    ),
    Mistake(
        "the correction divided by J",
        "the correction is divided by J as well, so it still shrinks without limit: 1/J + "
        "n_te/n_tr, not "
        "(1 + n_te/n_tr)/J",
        reporter(variances=(_naive, lambda n, r: (1 + r) / n)),
    ),
    Mistake(
        "no root of J",
        "that is the spread of single differences: the mean of J has s·√(1/J)",
        reporter(variances=(lambda n, r: 1, lambda n, r: 1 + r)),
    ),
    Mistake("no quantile", "that is one standard error: multiply by t", reporter(quantile=1.0)),
    Mistake(
        "a normal quantile",
        "1.96 is for many repetitions: with few, Student's t is larger, and it is handed to you",
        reporter(quantile=1.96),
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


def _study_cases(generator):
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
    """True if the test rows choose another candidate than the validation rows, leaks or not."""
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
    best_columns=lambda x, raw, y: (x.T @ y).abs(),
):
    """`honest_study` with its screws: which rows each step looks at; "all": before any split.

    best_columns(x, raw, y): a score of each column, from rows that are standardised, and as given.
    """

    def study(x, y, order, strengths, fit, error):
        n, raw = len(x) // 5, x
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
        x = x[:, best_columns(x[look], raw[look], y[look]).topk(5).indices]
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
    "the mean and the standard deviation are fitted before the split, on test rows too: take them "
    "from the training "
    "rows"
)
COLUMNS = (
    "the columns are chosen before the split, by labels of test rows too: choose them by the "
    "training rows "
    "(of the three leaks this is the large one)"
)
CHOSEN = (
    "test rows decide which candidate is best: choose on the validation rows, and look at the "
    "test rows once"
)
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
        "the candidate is chosen on the rows it was fitted to: they always prefer the weakest "
        "penalty; choose on "
        "the validation rows",
        researcher(chosen_on="train"),
    ),
    Mistake(
        "validation error reported",
        "the error that is reported is the one by which the candidate was chosen, so it is too "
        "good: report the "
        "error on the test rows",
        researcher(reported_on="validation"),
    ),
    Mistake(
        "each part by itself",
        "each part is standardised by its own mean and spread: a new row would have none; use "
        "those of the "
        "training rows for all",
        researcher(scaled_on="each its own"),
    ),
    Mistake(
        "statistics of training and validation rows",
        "the validation rows take part in the standardisation: they are to judge it, so leave them "
        "out too",
        researcher(scaled_on="both"),
    ),
    Mistake(
        "columns by training and validation rows",
        "the validation rows take part in choosing the columns: they are to judge that, so leave "
        "them out too",
        researcher(columns_on="both"),
    ),
    Mistake(
        "columns chosen unscaled",
        "the columns are compared before they are standardised, so the largest numbers win: "
        "standardise first, then choose",
        researcher(best_columns=lambda x, raw, y: (raw.T @ y).abs()),
    ),
    Mistake(
        "columns by sign",
        "columns that go *against* y say as much as those that go with it: take the absolute value",
        researcher(best_columns=lambda x, raw, y: x.T @ y),
    ),
    Mistake(
        "refitted",
        "a model fitted to training and validation rows is reported: a fair thing to do, but not "
        "asked "
        "here; report the one that was chosen",
        researcher(refitted=True),
    ),
)

T3 = Task(
    names=("honest_study",),
    cases=_study_cases,
    reference=researcher(),
    mistakes=STUDY_MISTAKES,
    praise="honest_study: no leak left in {cases} studies",
)

# T4–T12: the gallery, each with its detector

TASKS = {"T1": T1, "T2": T2, "T3": T3, **detectors.TASKS}

"""Tasks of lesson 06.

Referees: what `torch.nn.functional.dropout` does, by `torch.bernoulli`; every mask there is;
numbers by hand.
"""

import itertools
import math

import torch
from torch import nn

from course_lib.checks.judge.cases import away_from_zero, between, call, whole
from course_lib.checks.judge.masks import BY_OBSERVED, OBSERVED_NOTE
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import encode

# T1: dropout


def by_bernoulli(x, p=0.5, training=True, generator=None):
    """What torch's kernel computes: noise ~ Bernoulli(1 − p), divided by 1 − p unless that is 0."""
    if not training:
        return x.clone()
    noise = torch.bernoulli(torch.full_like(x, 1 - p), generator=generator)
    return x * (noise / (1 - p) if p < 1 else noise)


def _inverted(p):
    return 1 / (1 - p)


def _unscaled(p):
    return 1.0


def _untouched(x, p):
    return x.clone()


def _times_kept(x, p):
    return x * (1 - p)


def variant(
    chance=lambda p: p,
    factor=_inverted,
    evaluation=_untouched,
    shape=lambda x: x.shape,
    ignore=False,
    cut=False,
):
    """Dropout with its screws: each turned one way is a mistake.

    chance(p) of being dropped, factor(p) of what is kept, evaluation(x, p), or None: as in
    training; shape(x) of the mask; ignore the generator; cut the gradient off.
    """

    def dropout(x, p=0.5, training=True, generator=None):
        if not training and evaluation is not None:
            return evaluation(x, p)
        u = torch.rand(shape(x), generator=None if ignore else generator)
        kept = (u >= chance(p)).expand(x.shape)
        y = torch.where(kept, x * (factor(p) if p < 1 else 1.0), x * 0)
        return y.detach() if cut else y

    return (dropout,)


def _divide_by_zero(x, p=0.5, training=True, generator=None):
    return x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p) if training else x.clone()


def _keep_with_p(x, p=0.5, training=True, generator=None):
    return x * (torch.rand(x.shape, generator=generator) < p) / p if training else x.clone()


def _in_place(x, p=0.5, training=True, generator=None):
    if training:
        kept = torch.rand(x.shape, generator=generator) >= p
        x.data.mul_(kept).div_(1 - p if p < 1 else 1)
    return x


def _fixed_number(x, p=0.5, training=True, generator=None):
    if not training:
        return x.clone()
    place = torch.rand(x.numel(), generator=generator).argsort().argsort().reshape(x.shape)
    return x * (place >= round(p * x.numel())) / (1 - p if p < 1 else 1)


def sometimes(x, p=0.5, training=True, generator=None):
    """All or nothing."""
    return (
        x * (torch.rand((), generator=generator) >= p) / (1 - p if p < 1 else 1)
        if training
        else x.clone()
    )


def _dropout_cases(generator):
    def draw(*shape, dtype=torch.float64):
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (x.sign() * (0.5 + x.abs())).to(dtype)  # no zeros: a zero that comes out was dropped

    def twentieth(low, high):
        return whole(generator, round(20 * low), round(20 * high)) / 20

    def one(name, x, p, training=True, exact=False):
        seed = whole(generator, 0, 10**6)
        return {
            "name": name,
            "driver": "draws",
            "arguments": ("x", "p", "training"),
            "args": tensors(x, p, training),
            "seed": seed,
            "exact": exact,
        }

    return [
        one("a batch, p small", draw(80, 100), twentieth(0.15, 0.4)),
        one("a batch, p large", draw(80, 100), twentieth(0.65, 0.9)),
        one("evaluation", draw(3, 4), twentieth(0.2, 0.9), training=False, exact=True),
        one("nothing to drop, p = 0", draw(3, 4), 0.0, exact=True),
        one("everything to drop, p = 1", draw(3, 4), 1.0, exact=True),
        one("images", draw(20, 3, 20, 20), twentieth(0.3, 0.8)),
        one("float32", draw(80, 100, dtype=torch.float32), twentieth(0.2, 0.5)),
        one("no dimensions, evaluation", draw(), 0.5, training=False, exact=True),
    ]


DROPOUT_MISTAKES = (
    Mistake(
        "no rescale",
        "what is kept is not rescaled: without 1/(1 − p) the next layer gets less in training than "
        "in evaluation",
        variant(factor=_unscaled),
    ),
    Mistake(
        "scale by 1 − p in training",
        "what is kept is multiplied by 1 − p: divide by it, so that the mean of the result is x",
        variant(factor=lambda p: 1 - p),
    ),
    Mistake(
        "p as keep probability",
        "p is taken as the probability to keep: it is the probability to drop, in torch and here",
        (_keep_with_p,),
    ),
    Mistake(
        "p as keep probability in the mask only",
        "the mask keeps an entry with probability p: it should drop it with probability p (the "
        "factor is right)",
        variant(chance=lambda p: 1 - p),
    ),
    Mistake(
        "divided by p",
        "what is kept is divided by p: the share that is kept is 1 − p",
        variant(factor=lambda p: 1 / p if p else math.inf),
    ),
    Mistake(
        "one mask shared by the batch",
        "all rows lose the same entries: draw a mask of the whole shape of x, not of one row",
        variant(shape=lambda x: x.shape[1:]),
    ),
    Mistake(
        "whole rows",
        "whole rows are dropped: every entry falls or stays on its own",
        variant(shape=lambda x: (*x.shape[:1], *(1 for _ in x.shape[1:]))),
    ),
    Mistake(
        "all or nothing",
        "one coin is thrown for the whole tensor: every entry needs its own",
        (sometimes,),
    ),
    Mistake(
        "dropping in eval",
        "entries are dropped in evaluation too: with training=False the result is x",
        variant(evaluation=None),
    ),
    Mistake(
        "the form of 2014",
        "that is the form of 2014, unscaled in training and times 1 − p in evaluation: here "
        "training pays, "
        "evaluation is x",
        variant(factor=_unscaled, evaluation=_times_kept),
    ),
    Mistake(
        "scaled twice",
        "evaluation multiplies by 1 − p although training has divided by it already: one of the "
        "two, not both",
        variant(evaluation=_times_kept),
    ),
    Mistake(
        "a fixed number",
        "the same number of entries is dropped each time: throw a coin for each entry, so that the "
        "number varies",
        (_fixed_number,),
    ),
    Mistake(
        "NaN at p = 1",
        "at p = 1 that is 0/0: where nothing is kept nothing has to be rescaled, the result is "
        "zero",
        (_divide_by_zero,),
    ),
    Mistake(
        "generator ignored",
        "`generator` has no effect: hand it on to torch.rand, so that a seed gives its mask again",
        variant(ignore=True),
    ),
    Mistake(
        "gradient cut",
        "no gradient flows through the result: multiply x itself, not a detached copy",
        variant(cut=True),
    ),
    Mistake(
        "in place",
        "`x` was changed in place: compute something new, leave the input alone",
        (_in_place,),
    ),
)

T1 = Task(
    names=("dropout",),
    cases=_dropout_cases,
    reference=(by_bernoulli,),
    mistakes=DROPOUT_MISTAKES,
    praise=(
        "dropout: every entry 0 or x/(1 − p), the share dropped is p, evaluation is x, in {cases} "
        "cases"
    ),
    notes={BY_OBSERVED: OBSERVED_NOTE},
)

# T2: two tensors that a tutorial prints, one layer in its two modes. 24 of the first one's 50
# entries are zeros.

FIRST = (
    (-0.0000, 3.7545, 4.3769, 0.0000, 0.0000),
    (0.4759, 0.7142, 1.8560, -1.8215, 0.0000),
    (0.0000, 0.0000, 0.8545, -1.1291, -0.0000),
    (-0.0383, 2.3208, -0.3911, 2.5771, 0.0000),
    (0.0000, -0.0000, 0.0000, 0.0000, 0.0000),
    (0.6956, 0.0000, -0.0000, 2.9860, 0.2500),
    (-0.9978, -2.0387, 0.0000, 0.5153, -0.0000),
    (-0.0000, 0.0000, -0.9363, -0.0000, -0.7703),
    (-0.9378, -0.2968, 3.6971, 1.6708, -0.0000),
    (-0.0000, 1.2085, 0.0000, 0.0000, -2.8396),
)
ZEROS = sum(value == 0 for row in FIRST for value in row)
MINUS_ZEROS = sum(value == 0 and math.copysign(1, value) < 0 for row in FIRST for value in row)
READING = {
    "in_training": "first",
    "dropped": ZEROS,
    "factor": 2.0,
    "p": 0.5,
    "minus_zero": "a dropped negative number",
    "form_of_2014": 0.9386,  # (1 − p)·1.8772 in evaluation
}
ROUNDED = "a negative number too small to print"


def reading_cases(generator):
    """The same for everybody: there is nothing to draw."""
    return [
        {"name": name, "driver": "values", "what": name, "position": position}
        for position, name in enumerate(READING)
    ]


def misread(of, name, hint, value):
    """A mistake in one answer; the others are right."""
    return Mistake(f"{of}: {name}", f"{of}: {hint}", tuple((READING | {of: value}).values()))


READING_MISTAKES = (
    misread(
        "in_training",
        "the modes exchanged",
        "the tensor with zeros in it is the one from training",
        "second",
    ),
    misread(
        "dropped",
        "−0 left out",
        "the −0.0000 are dropped too: a negative number times zero",
        ZEROS - MINUS_ZEROS,
    ),
    misread("dropped", "only −0", "0.0000 is dropped as well as −0.0000", MINUS_ZEROS),
    misread("dropped", "the kept ones", "that many are kept: count the zeros", 50 - ZEROS),
    misread(
        "factor",
        "upside down",
        "that is second/first: in training what is kept is made larger",
        0.5,
    ),
    misread(
        "p",
        "the share of zeros",
        "the share of zeros is only an estimate of p, from 50 throws: the factor 1/(1 − p) says it "
        "exactly",
        ZEROS / 50,
    ),
    misread(
        "p",
        "the share kept",
        "that is the share that is kept: p is the probability to drop, and the factor 1/(1 − p) "
        "says it exactly",
        1 - ZEROS / 50,
    ),
    misread(
        "minus_zero",
        "rounding",
        "look it up in the other tensor: the entries there are not small, and twice them would "
        "print",
        ROUNDED,
    ),
    misread("form_of_2014", "inverted", "in that form evaluation multiplies by 1 − p", 1.8772),
    misread("form_of_2014", "training", "that is what inverted dropout prints in training", 3.7545),
)

T2 = Task(
    names=tuple(READING),
    cases=reading_cases,
    reference=tuple(READING.values()),
    mistakes=READING_MISTAKES,
    praise="the tensors are read right",
    tolerance=1e-3,
)

# T3: what the masks of a linear regression add


def by_all_masks(x, y, w, p):
    """(off, added, on): the squared error under every mask there is, each with its chance."""
    masks = torch.tensor(list(itertools.product((0.0, 1.0), repeat=len(w))), dtype=x.dtype)
    kept = masks.sum(1)
    chance = (1 - p) ** kept * p ** (len(w) - kept)
    predictions = (masks.unsqueeze(1) * x / (1 - p)) @ w  # [masks, rows]
    on = (chance @ (y - predictions) ** 2).sum().item()
    off = ((y - x @ w) ** 2).sum().item()
    return off, on - off, on


def _odds(p):
    return p / (1 - p)


def _each_by_its_own(x, w):
    return (x**2 * w**2).sum()


def losses_by(
    factor=_odds,
    penalty=_each_by_its_own,
    predict=lambda x, w, p: x @ w,
    on=lambda off, added: off + added,
    share=lambda x: 1,
):
    """The three losses with its screws: each turned is a mistake.

    factor(p) times penalty(x, w) is added to the error of predict(x, w, p), which gives
    on(off, added); all is divided by share(x).
    """

    def three_losses(x, y, w, p):
        off = ((y - predict(x, w, p)) ** 2).sum() / share(x)
        added = factor(p) * penalty(x, w) / share(x)
        return off, added, on(off, added)

    return (three_losses,)


def _losses_cases(generator):
    def one(name, rows, features, p):
        x, y, w = (
            away_from_zero(generator, *shape, by=0.5)
            for shape in ((rows, features), (rows,), (features,))
        )
        return call(name, ("x", "y", "w", "p"), x, y, w, p)

    return [
        one("one row, one feature", 1, 1, between(generator, 0.15, 0.4)),
        one("one row, two features", 1, 2, between(generator, 0.15, 0.4)),
        one("many rows", 7, 3, between(generator, 0.15, 0.4)),
        one("p large", 5, 4, between(generator, 0.6, 0.9)),
        one("no dropout, p = 0", 4, 3, 0.0),
    ]


LOSSES_MISTAKES = (
    Mistake(
        "p for the odds",
        "what is added is p/(1 − p) times a sum: what is kept is divided by 1 − p, which makes the "
        "variance larger than p",
        losses_by(factor=lambda p: p),
    ),
    Mistake(
        "the variance of a coin",
        "p(1 − p) is the variance of the mask alone: what is kept is divided by 1 − p, the "
        "variance by its square",
        losses_by(factor=lambda p: p * (1 - p)),
    ),
    Mistake(
        "upside down",
        "the factor is upside down: with p = 0 the masks add nothing",
        losses_by(factor=lambda p: (1 - p) / p if p else math.inf),
    ),
    Mistake(
        "one mask for a row",
        "that is what one mask for all features of a row would add: each feature has a mask of its "
        "own, so add the variances, not the predictions",
        losses_by(penalty=lambda x, w: ((x @ w) ** 2).sum()),
    ),
    Mistake(
        "one strength for all",
        "every weight is charged alike: each has the squared length of its own feature's column as "
        "its strength",
        losses_by(penalty=lambda x, w: (w**2).sum()),
    ),
    Mistake(
        "weights not squared",
        "the weights are not squared: a variance is of the square of x·w",
        losses_by(penalty=lambda x, w: (x**2 * w.abs()).sum()),
    ),
    Mistake(
        "features not squared",
        "the features are not squared: a variance is of the square of x·w",
        losses_by(penalty=lambda x, w: (x.abs() * w**2).sum()),
    ),
    Mistake(
        "mean over the rows",
        "the three are means over the rows: add the rows up",
        losses_by(share=len),
    ),
    Mistake(
        "the form of 2014",
        "the prediction with masks off is multiplied by 1 − p: here training pays, and in "
        "evaluation nothing is rescaled",
        losses_by(predict=lambda x, w, p: (1 - p) * (x @ w)),
    ),
    Mistake(
        "subtracted",
        "what the masks add is subtracted: with masks on the loss is larger",
        losses_by(on=lambda off, added: off - added),
    ),
    Mistake(
        "masks forgotten",
        "`on` is the loss with masks off: add to it what the masks add",
        losses_by(on=lambda off, added: off),
    ),
)

T3 = Task(
    names=("three_losses",),
    cases=_losses_cases,
    reference=(by_all_masks,),
    mistakes=LOSSES_MISTAKES,
    praise="three_losses: right in {cases} cases, without a single mask drawn",
)

# T4: ask a trained network many times


def ask(ready, once=False, graph=False, restore=True, join=torch.stack):
    """A `mc_predictions` that puts the model into some mode by `ready(model)`."""

    def mc_predictions(model, x, passes):
        ready(model)
        with torch.set_grad_enabled(graph):
            answers = [model(x)] * passes if once else [model(x) for _ in range(passes)]
        if restore:
            model.eval()
        return join(answers)

    return (mc_predictions,)


def _dropout_layers_only(model):
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()


def _asking_cases(generator):
    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def one(name, p, passes=200):
        inputs, hidden, outputs = 3, 2, 1
        parameters = [
            normal(hidden, inputs),
            normal(hidden),
            0.5 + normal(hidden).abs(),
            2 + normal(hidden),
        ]
        parameters += [
            1 + normal(outputs, hidden).abs(),
            normal(outputs),
            normal(hidden),
            0.5 + normal(hidden).abs(),
        ]
        return {
            "name": name,
            "driver": "passes",
            "widths": (inputs, hidden, outputs),
            "p": p,
            "passes": passes,
            "weights": encode(parameters),
            "x": encode(normal(5, inputs)),
            "seed": whole(generator, 0, 10**6),
        }

    return [one("dropout off, p = 0", 0.0, passes=3), one("p = 0.5", 0.5), one("p = 0.3", 0.3)]


ASKING_MISTAKES = (
    Mistake(
        "evaluation mode",
        "every pass says the same: in evaluation mode nothing is dropped, put the dropout layers "
        "in training mode",
        ask(lambda model: model.eval()),
    ),
    Mistake(
        "everything in training mode",
        "the batch norm is in training mode too: it normalises with this batch and moves its "
        "running statistics; "
        "switch the nn.Dropout layers alone",
        ask(lambda model: model.train()),
    ),
    Mistake(
        "left in training mode",
        "the dropout layers stay in training mode: leave the model as it was found, in evaluation "
        "mode",
        ask(_dropout_layers_only, restore=False),
    ),
    Mistake(
        "one pass repeated",
        "one pass is repeated: ask the model anew each time",
        ask(_dropout_layers_only, once=True),
    ),
    Mistake(
        "graph kept",
        "the result carries a graph: nobody will differentiate it, use torch.no_grad()",
        ask(_dropout_layers_only, graph=True),
    ),
    Mistake(
        "mean over the passes",
        "the passes are averaged: return all of them, stacked along a new first dimension",
        ask(_dropout_layers_only, join=lambda answers: torch.stack(answers).mean(0)),
    ),
    Mistake(
        "passes strung together",
        "the passes are strung together: stack them along a new first dimension (torch.stack)",
        ask(_dropout_layers_only, join=torch.cat),
    ),
)

T4 = Task(
    names=("mc_predictions",),
    cases=_asking_cases,
    reference=ask(_dropout_layers_only),
    mistakes=ASKING_MISTAKES,
    praise="mc_predictions: masks are thrown anew each time, and the model is left as it was",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4}

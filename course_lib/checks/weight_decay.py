"""Tasks of lesson 03. Referees: `torch.optim.SGD`, `Adam`, `AdamW`, and numbers worked by hand."""

import itertools
from statistics import fmean

import torch

from course_lib.checks.judge.cases import between, call, whole
from course_lib.checks.judge.task import Mistake, Task
from course_lib.checks.judge.updates import (
    ADAM_MISTAKES,
    NOTES,
    SGD_MISTAKES,
    adam,
    adam_by_torch,
    case,
    decay_mistakes,
    drawn,
    heavy_ball,
    in_use,
    l2_mistakes,
    sgd_by_torch,
    variant,
)

ONE, TWO = torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64)


# T1: both knobs in SGD


def _sgd_cases(generator):
    def strength():
        return between(generator, 0.1, 0.6)

    def vector(name, **hyper):
        return drawn(generator, name, 3, [(3,)], lr=between(generator, 0.05, 0.3), **hyper)

    return [
        case("one weight, by hand", [ONE], [[TWO]], lr=0.1),
        vector("plain SGD"),
        vector("momentum", momentum=between(generator, 0.5, 0.9)),
        vector("L2, no momentum", l2=strength()),
        vector("weight decay, no momentum", weight_decay=strength()),
        vector("L2 under momentum", l2=strength(), momentum=0.8),
        vector("weight decay under momentum", weight_decay=strength(), momentum=0.8),
        vector("both knobs", l2=strength(), weight_decay=strength(), momentum=0.9),
        drawn(
            generator,
            "two tensors in turn, the state copied half-way",
            5,
            [(2, 3), ()],
            copied_before=3,
            lr=0.1,
            momentum=0.7,
            l2=strength(),
            weight_decay=strength(),
        ),
        *in_use(generator, "momentum", "l2", "weight_decay"),
    ]


T1 = Task(
    names=("sgd_update",),
    cases=_sgd_cases,
    reference=(sgd_by_torch,),
    mistakes=(
        *SGD_MISTAKES,
        *l2_mistakes(heavy_ball),
        *decay_mistakes(heavy_ball, "momentum multiplies it like everything else there"),
    ),
    praise="sgd_update: equal to torch.optim.SGD, and to its decoupled twin, in {cases} cases",
    notes=NOTES,
)

# T2: both knobs in Adam


def _adam_cases(generator):
    def strength():
        return between(generator, 0.1, 0.6)

    def vector(name, eps=0.1, **hyper):
        return drawn(
            generator,
            name,
            3,
            [(3,)],
            lr=between(generator, 0.05, 0.2),
            betas=(0.8, 0.9),
            eps=eps,
            **hyper,
        )

    return [
        case("one weight, by hand", [ONE], [[TWO]], lr=0.1, betas=(0.9, 0.999), eps=1e-8),
        vector("Adam, no decay", eps=0.02),
        vector("L2", l2=strength()),
        vector("weight decay", weight_decay=strength()),
        vector("both knobs", l2=strength(), weight_decay=strength()),
        drawn(
            generator,
            "two tensors in turn, the state copied half-way",
            5,
            [(2, 3), ()],
            copied_before=3,
            lr=0.1,
            betas=(0.9, 0.99),
            eps=0.01,
            l2=strength(),
            weight_decay=strength(),
        ),
        *in_use(generator, "l2", "weight_decay", "eps", betas=(0.8, 0.9)),
    ]


T2 = Task(
    names=("adam_update",),
    cases=_adam_cases,
    reference=(adam_by_torch,),
    mistakes=(*ADAM_MISTAKES, *l2_mistakes(adam), *decay_mistakes(adam, "Adam divides it by √v̂")),
    praise=(
        "adam_update: equal to torch.optim.Adam with l2 and to AdamW with weight_decay, in "
        "{cases} cases"
    ),
    notes=NOTES,
)

# T3: three steps by hand. One weight that starts at 1, one push (gradients 1, 0, 0), lr 0.2, λ 0.5.
# Momentum is 0.5, β₁ = β₂ = 0.
#   SGD with L2      v = 1.5, 1.1, 0.79       w = 1 − 0.3, − 0.22, − 0.158
#   SGD with decay   v = 1, 0.5, 0.25         w = 0.9·1 − 0.2, 0.9·0.7 − 0.1, 0.9·0.53 − 0.05
#   Adam with L2     g + λw > 0 throughout    each step is lr
#   AdamW            one step of lr, then none, and 10 % off each time

BY_HAND = {
    "sgd_l2": [0.7, 0.48, 0.322],
    "sgd_decay": [0.7, 0.53, 0.427],
    "adam_l2": [0.8, 0.6, 0.4],
    "adamw": [0.7, 0.63, 0.567],
}


def by_hand_cases(generator):
    """The same for everybody: there is nothing to draw."""
    return [
        {"name": f"three steps of {name}", "driver": "values", "what": name, "position": position}
        for position, name in enumerate(BY_HAND)
    ]


def three_steps(rule, l2, weight_decay, **screws):
    """The weight of T3 after each of its three steps under a variant."""
    update, weight, state = variant(rule, **screws), ONE.clone(), {}
    hyper = {"momentum": 0.5} if rule is heavy_ball else {"betas": (0.0, 0.0), "eps": 1e-12}
    return [
        update(weight, g * ONE, state, lr=0.2, l2=l2, weight_decay=weight_decay, **hyper).item()
        for g in (1, 0, 0)
    ]


def slip(of, name, hint, numbers):
    """A mistake in one of the four lists; the others are right."""
    return Mistake(f"{of}: {name}", f"{of}: {hint}", tuple((BY_HAND | {of: numbers}).values()))


def by_hand_mistakes():
    """Slips of the two coupled ones, then of each decoupled one."""
    return (
        slip(
            "sgd_l2",
            "velocity not carried",
            "half of the last velocity is still rolling: v ← 0.5·v + (g + λw)",
            three_steps(heavy_ball, 0.5, 0, carry=False),
        ),
        slip("sgd_l2", "factor 2", "the pull is λw, not 2λw", three_steps(heavy_ball, 1.0, 0)),
        slip(
            "sgd_l2",
            "sign",
            "the pull has the wrong sign: it is added to the gradient",
            three_steps(heavy_ball, -0.5, 0),
        ),
        slip(
            "sgd_l2",
            "past the velocity",
            "the pull λw joins the gradient, and so the velocity",
            three_steps(heavy_ball, 0, 0.5),
        ),
        slip(
            "adam_l2",
            "not divided",
            "Adam divides g + λw, pull and all, by its own size: what is left is lr",
            three_steps(heavy_ball, 0.5, 0, carry=False),
        ),
        *_decay_slips("sgd_decay", heavy_ball, "the decay never meets the velocity"),
        *_decay_slips("adamw", adam, "the decay never meets √v"),
    )


def _decay_slips(of, rule, never):
    return (
        slip(
            of, "coupled", f"{never}: take lr·λ·w off the weight itself", three_steps(rule, 0.5, 0)
        ),
        slip(
            of,
            "without lr",
            "each step shrinks the weight by lr·λ, not by λ",
            three_steps(rule, 0, 0.5 / 0.2),
        ),
        slip(of, "factor 2", "the factor is 1 − lr·λ, without a 2", three_steps(rule, 0, 1.0)),
        slip(
            of,
            "sign",
            "the decay has the wrong sign: it makes the weight grow",
            three_steps(rule, 0, -0.5),
        ),
        slip(
            of,
            "after the step",
            "torch shrinks the old weight and then moves it",
            three_steps(rule, 0, 0.5, after=True),
        ),
    )


T3 = Task(
    names=tuple(BY_HAND),
    cases=by_hand_cases,
    reference=tuple(BY_HAND.values()),
    mistakes=by_hand_mistakes(),
    praise="all twelve weights are right",
    tolerance=1e-6,
)

# T4: one strength, five ways to write it


def pull(convention, examples, lr, momentum):
    """What multiplies w in the long run, for λ = 1 in this convention."""
    return {
        "penalty": 2.0,  # d/dw of ‖w‖²
        "half_penalty": 1.0,  # of ½‖w‖²
        "per_example": 1 / examples,  # of ‖w‖²/2m
        "decoupled": 1 - momentum,  # beside a gradient that heavy ball multiplies by 1/(1 − μ)
        "per_step": (1 - momentum) / lr,  # λ′ = lr·λ
    }[convention]


def _converter(pull=pull):
    def convert(value, source, target, *, examples=1, lr=1.0, momentum=0.0):
        return value * pull(source, examples, lr, momentum) / pull(target, examples, lr, momentum)

    return convert


def _convert_cases(generator):
    def one(source, target, **numbers):
        value = between(generator, 0.01, 0.5)
        arguments = ("value", "source", "target")
        return call(f"{source} → {target}", arguments, value, source, target, **numbers)

    def examples():
        return {"examples": 10 * torch.randint(5, 90, (), generator=generator).item()}

    def lr():
        return {"lr": between(generator, 0.05, 0.4)}

    momentum = {"momentum": 0.75}
    return [
        one("half_penalty", "half_penalty"),
        one("penalty", "half_penalty"),
        one("half_penalty", "penalty"),
        one("per_example", "half_penalty", **examples()),
        one("half_penalty", "per_example", **examples()),
        one("penalty", "per_example", **examples()),
        one("decoupled", "half_penalty"),
        one("half_penalty", "decoupled", **momentum),
        one("decoupled", "penalty", **momentum),
        one("per_step", "decoupled", **lr()),
        one("half_penalty", "per_step", **lr()),
        one("per_example", "per_step", **examples(), **lr(), **momentum),
    ]


def instead(convention, wrong):
    """A `convert` that takes `wrong(examples, lr, momentum)` for the pull of this convention."""
    return (
        _converter(
            lambda name, *numbers: wrong(*numbers) if name == convention else pull(name, *numbers)
        ),
    )


def _upside_down(*args):
    return 1 / pull(*args)


CONVERT_MISTAKES = (
    Mistake(
        "factor 2 forgotten",
        "the gradient of λ‖w‖² is 2λw: a penalty without the ½ pulls twice as hard",
        instead("penalty", lambda m, lr, momentum: 1.0),
    ),
    Mistake(
        "factor 2 upside down",
        "the 2 is on the wrong side: λ‖w‖² pulls twice as hard as (λ/2)‖w‖²",
        instead("penalty", lambda m, lr, momentum: 0.5),
    ),
    Mistake(
        "m forgotten",
        "λ/2m is per example: divide by the number of examples",
        instead("per_example", lambda m, lr, momentum: 1.0),
    ),
    Mistake(
        "m upside down",
        "the m is on the wrong side: (λ/2m)‖w‖² pulls m times weaker than (λ/2)‖w‖²",
        instead("per_example", lambda m, lr, momentum: float(m)),
    ),
    Mistake(
        "momentum forgotten",
        "heavy ball multiplies the gradient by 1/(1 − μ) in the long run and leaves decay alone",
        (_converter(lambda name, m, lr, momentum: pull(name, m, lr, 0.0)),),
    ),
    Mistake(
        "momentum upside down",
        "1 − μ is on the wrong side: beside momentum the same λ is a weaker decay, not a stronger "
        "one",
        (_converter(lambda name, m, lr, momentum: pull(name, m, lr, 1 - 1 / (1 - momentum))),),
    ),
    Mistake(
        "lr forgotten",
        "λ′ = lr·λ already holds the learning rate",
        (_converter(lambda name, m, lr, momentum: pull(name, m, 1.0, momentum)),),
    ),
    Mistake(
        "lr upside down",
        "lr is on the wrong side: λ′ = lr·λ, so λ = λ′/lr",
        (_converter(lambda name, m, lr, momentum: pull(name, m, 1 / lr, momentum)),),
    ),
    Mistake(
        "everything upside down",
        "source and target are exchanged: multiply by the source's pull, divide by the target's",
        (_converter(_upside_down),),
    ),
)

T4 = Task(
    names=("convert",),
    cases=_convert_cases,
    reference=(_converter(),),
    mistakes=CONVERT_MISTAKES,
    praise="convert: right in {cases} conversions",
)

# T5: from which of two equal weights does λ take more? Measured: one more λ in torch's Adam, at
# betas so near 1 that all gradients weigh alike, and a rate so small that the weight stays at 1.

METHODS = ("sgd_l2", "sgd_decay", "adam_l2", "adamw")
SAME = 1e-3  # pulls that differ by less are the same


def last_step(gradients, l2):
    """How far the last of Adam's steps moves the weight, in units of the rate."""
    lr, state, weight = 1e-6, {}, ONE.clone()
    for g in gradients:
        before = weight.clone()
        adam_by_torch(weight, g * ONE, state, lr=lr, betas=(1 - 1e-6,) * 2, eps=1e-12, l2=l2)
    return ((before - weight) / lr).item()


def measured(gradients, l2=1e-4):
    """What λ adds to the last step per lr·λ: the slope at λ = 0 of a parabola through three λ."""
    none, one, two = (last_step(gradients, n * l2) for n in range(3))
    return (4 * one - two - 3 * none) / (2 * l2)


def by_moments(gradients):
    """d/dλ of m/√v at λ = 0, with m = mean(g + λ), v = mean((g + λ)²): (1 − m²/v)/√v."""
    m, v = fmean(gradients), fmean([g * g for g in gradients])
    return (1 - m * m / v) / v**0.5


def judge_by(pull, methods=("adam_l2",)):
    """A `shrinks_more` by pull(gradients) under these methods, "same" under others."""

    def shrinks_more(method, gradients_a, gradients_b):
        if method not in methods:
            return "same"
        a, b = pull(gradients_a), pull(gradients_b)
        return "same" if abs(a - b) < SAME else "a" if a > b else "b"

    return shrinks_more


def _rms(gradients):
    return fmean([g * g for g in gradients]) ** 0.5


def _spread(gradients):
    return (_rms(gradients) ** 2 - fmean(gradients) ** 2) ** 0.5 if _rms(gradients) else 0.0


RIVALS = {  # what else the pull may be taken for
    "by √v alone": lambda gradients: 1 / _rms(gradients),
    "by the largest gradient": lambda gradients: 1 / max(map(abs, gradients)),
    "by the mean magnitude": lambda gradients: 1 / fmean(list(map(abs, gradients))),
    "by the mean": lambda gradients: 1 / (0.01 + abs(fmean(gradients))),
    "by the spread": _spread,
    "by the spread, small ones first": lambda gradients: -_spread(gradients),
    "by the relative spread": lambda gradients: (_spread(gradients) / _rms(gradients)) ** 2,
    "large gradients shrink more": _rms,
}


def shrink_cases(generator):
    """Every method on written lists; then, for each rival rule, lists on which it is wrong.

    Numbers are short binary fractions, so that what is the same is the same to the last bit.
    """

    def one(name, method, a, b):
        scale = 2.0 ** whole(generator, -2, 2)
        pair = [[scale * g for g in gradients] for gradients in (a, b)]
        first, second = pair if torch.rand((), generator=generator) < 0.5 else pair[::-1]
        arguments = ("method", "gradients_a", "gradients_b")
        return call(f"{method}: {name}", arguments, method, first, second)

    def lists():
        numbers = torch.randint(-24, 25, (2, 6), generator=generator) / 8
        return (
            numbers + torch.tensor([[whole(generator, 0, 3)], [whole(generator, 0, 3)]])
        ).tolist()

    def against(name, rule):
        def tells(a, b):
            right, wrong = by_moments(a) - by_moments(b), rule(a) - rule(b)
            return abs(right) > 0.1 and right * wrong < 0 and abs(wrong) > SAME

        pairs = (lists() for _ in itertools.count())
        usable = (pair for pair in pairs if all(map(any, pair)))
        return one(
            f"where a rule {name} is wrong", "adam_l2", *next(p for p in usable if tells(*p))
        )

    calm, wild = [0.125, -0.25, 0.125, 0.25], [4.0, 5.0, -4.0, 6.0]
    steady, alternating = [1.0, 1.0, 1.0, 1.0], [1.0, -1.0, -1.0, 1.0]
    shapes = {
        "small gradients and large ones": (calm, wild),
        "the same gradients": (wild, wild),
        "the same in another order": (wild, [6.0, -4.0, 4.0, 5.0]),
        "the same with the other sign": (wild, [-g for g in wild]),
        "steady ones and alternating ones": (steady, alternating),
        "steady ones, small and large": (steady, [4.0, 4.0, 4.0, 4.0]),
        "rare large ones and steady small ones": ([4.0, 0.0, 0.0, 0.0], steady),
    }
    return [
        *(one(name, method, a, b) for method in METHODS for name, (a, b) in shapes.items()),
        *(against(name, rule) for name, rule in RIVALS.items()),
    ]


HINTS = {
    "by √v alone": (
        "√v is only half of it: λw is in v as well, and where gradients point one way v grows with "
        "it and takes the pull back. How does m/√v change with λ?"
    ),
    "by the largest gradient": "v is a mean of squares, not the largest; and λw is in m too",
    "by the mean magnitude": "v is a mean of squares, not of sizes; and λw is in m and in v",
    "by the mean": "the mean is m alone: the step is m/√v, and λw is in both",
    "by the spread": "the spread counts, and so does √v, by which the pull is divided",
    "by the spread, small ones first": "the other way round in the spread, and √v is missing",
    "by the relative spread": "the relative spread is right, and still to be divided by √v",
    "large gradients shrink more": "the other way round: Adam divides λw by √v",
}
SHRINK_MISTAKES = (
    *(Mistake(name, HINTS[name], (judge_by(rule),)) for name, rule in RIVALS.items()),
    Mistake(
        "always the same",
        "under Adam the pull of L2 is divided by √v like the rest of the gradient: that is not the "
        "same for all",
        (lambda method, gradients_a, gradients_b: "same",),
    ),
    Mistake(
        "AdamW adapts too",
        "AdamW shrinks every weight by lr·λ: its decay never meets √v",
        (judge_by(by_moments, methods=("adam_l2", "adamw")),),
    ),
    Mistake(
        "SGD adapts too",
        "SGD divides by nothing: λw joins the gradient and is as large as λw",
        (judge_by(by_moments, methods=("adam_l2", "sgd_l2")),),
    ),
)

T5 = Task(
    names=("shrinks_more",),
    cases=shrink_cases,
    reference=(judge_by(measured),),
    mistakes=SHRINK_MISTAKES,
    praise="shrinks_more: as measured with torch's Adam, in {cases} comparisons",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4, "T5": T5}

"""Tasks of lesson 00.

Referees: `torch.optim.SGD`, `torch.linalg.eigvalsh`, torch's schedulers, and a formula for T2.
"""

import math
import warnings
from operator import add, floordiv, truediv

import torch

from course_lib.checks.judge.cases import between, call, normal, whole
from course_lib.checks.judge.task import Mistake, Task
from course_lib.checks.judge.updates import (
    NOTES,
    SGD_MISTAKES,
    case,
    drawn,
    heavy_ball,
    in_use,
    sgd_by_torch,
    variant,
)

ONE, TWO = torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64)


# T1: SGD with momentum


def _momentum_cases(generator):
    def vector(name, **hyper):
        return drawn(generator, name, 4, [(3,)], lr=between(generator, 0.05, 0.3), **hyper)

    return [
        case("one weight, by hand", [ONE], [[TWO]], lr=0.1),
        vector("no momentum"),
        vector("momentum", momentum=between(generator, 0.5, 0.9)),
        drawn(
            generator,
            "two tensors in turn, the state copied half-way",
            5,
            [(2, 3), ()],
            copied_before=3,
            lr=0.1,
            momentum=between(generator, 0.3, 0.8),
        ),
        *in_use(generator, "momentum"),
    ]


def _momentum_on_the_weight(param, grad, state, *, lr, momentum=0.0):
    return param.mul_(momentum or 1.0).sub_(lr * grad)


def _momentum_of_one_gradient(param, grad, state, *, lr, momentum=0.0):
    v = momentum * state.get("last", 0) + grad
    state["last"] = grad.clone()  # the gradient, where v should be kept
    return param.sub_(lr * v)


MOMENTUM_MISTAKES = (
    *SGD_MISTAKES,
    Mistake(
        "momentum on the parameter",
        "the momentum multiplies the weight: it belongs to the velocity, v ← μv + g",
        (_momentum_on_the_weight,),
    ),
    Mistake(
        "one gradient back",
        "only the last gradient is remembered: the velocity holds all of them, keep v itself in "
        "`state`",
        (_momentum_of_one_gradient,),
    ),
    Mistake(
        "uphill",
        "the weight moves up the slope: subtract lr·v",
        (lambda param, grad, state, **hyper: variant(heavy_ball)(param, -grad, state, **hyper),),
    ),
)

T1 = Task(
    names=("sgd_update",),
    cases=_momentum_cases,
    reference=(
        lambda param, grad, state, *, lr, momentum=0.0: sgd_by_torch(
            param, grad, state, lr=lr, momentum=momentum
        ),
    ),
    mistakes=MOMENTUM_MISTAKES,
    praise="sgd_update: equal to torch.optim.SGD in {cases} cases",
    notes=NOTES,
)

# T2: the standard error of a minibatch mean. A test holds the referee to a count of every batch.


def by_formula(sigma, batch_size, rows=None):
    """σ/√B, with the finite-population factor where `rows` is given."""
    left = 1.0 if rows is None else (rows - batch_size) / (rows - 1)
    return sigma / math.sqrt(batch_size) * math.sqrt(left)


def _error_cases(generator):
    def one(name, batch_size, **rows):
        return call(name, ("sigma", "batch_size"), between(generator, 0.5, 3.0), batch_size, **rows)

    return [
        one("one example", 1),
        one("a batch, with replacement", whole(generator, 3, 60)),
        one("a batch of 4 among 9", 4, rows=9),
        one(
            "a batch, without replacement", whole(generator, 3, 60), rows=whole(generator, 100, 400)
        ),
        one("half of the examples", 50, rows=100),
        one("one of many", 1, rows=whole(generator, 100, 400)),
        one("all examples", 30, rows=30),
    ]


def _error_by(formula):
    return (lambda sigma, batch_size, rows=None: formula(sigma, batch_size, rows),)


ERROR_MISTAKES = (
    Mistake(
        "σ/B",
        "that is σ/B: variances add up, so the standard error falls with √B",
        _error_by(lambda s, b, n: by_formula(s, b, n) / math.sqrt(b)),
    ),
    Mistake(
        "no finite-population factor",
        "`rows` has no effect: without replacement σ/√B is multiplied by √((n − B)/(n − 1)), 0 "
        "when B = n",
        _error_by(lambda s, b, n: s / math.sqrt(b)),
    ),
    Mistake(
        "variance for standard error",
        "that is the variance: take its square root",
        _error_by(lambda s, b, n: by_formula(s, b, n) ** 2),
    ),
    Mistake(
        "factor without its root",
        "the finite-population factor stands under a root too: √((n − B)/(n − 1))",
        _error_by(lambda s, b, n: s / math.sqrt(b) * (1 if n is None else (n - b) / (n - 1))),
    ),
    Mistake(
        "n for n − 1",
        "with σ of divisor n the factor is (n − B)/(n − 1), so that a batch of one has σ itself",
        _error_by(lambda s, b, n: s / math.sqrt(b) * (1 if n is None else math.sqrt((n - b) / n))),
    ),
    Mistake(
        "σ·√B",
        "the error grows with the batch: divide by √B",
        _error_by(lambda s, b, n: by_formula(s, b, n) * b),
    ),
)

T2 = Task(
    names=("standard_error",),
    cases=_error_cases,
    reference=(by_formula,),
    mistakes=ERROR_MISTAKES,
    praise="standard_error: right in {cases} cases, with and without replacement",
)

# T3: the largest stable learning rate of a quadratic


def stable_by(rule):
    """rule(eigenvalues rising, μ) as an answer."""
    return (lambda hessian, momentum=0.0: float(rule(torch.linalg.eigvalsh(hessian), momentum)),)


def _stable_cases(generator):
    def turned(*curvatures):
        size = len(curvatures)
        axes = torch.linalg.qr(normal(generator, size, size)).Q
        hessian = axes @ torch.diag(torch.tensor(curvatures, dtype=torch.float64)) @ axes.T
        return (hessian + hessian.T) / 2

    def one(name, hessian, **momentum):
        return call(name, ("hessian",), hessian, **momentum)

    def curvature():
        return between(generator, 0.5, 4.0)

    straight = torch.diag(torch.tensor([curvature(), 10.0, 0.1], dtype=torch.float64))
    return [
        one("a parabola with curvature 4", torch.tensor([[4.0]], dtype=torch.float64)),
        one("a bowl along the axes", straight),
        one("a bowl that is turned", turned(curvature(), 6.0)),
        one("five directions", turned(0.01, curvature(), curvature(), 8.0, 0.3)),
        one("momentum", turned(curvature(), 7.0), momentum=between(generator, 0.3, 0.8)),
        one("momentum 0.9", turned(curvature(), 5.0, 0.2), momentum=0.9),
    ]


STABLE_MISTAKES = (
    Mistake(
        "1/λmax",
        "half of it: 1/λmax reaches the bottom of the steepest direction in one step, and twice "
        "that is still stable",
        stable_by(lambda h, mu: (1 + mu) / h[-1]),
    ),
    Mistake(
        "the flattest direction",
        "that is stable in the flattest direction only: the largest eigenvalue sets the bound",
        stable_by(lambda h, mu: 2 * (1 + mu) / h[0]),
    ),
    Mistake(
        "the trace",
        "the sum of the curvatures is too careful: only the largest eigenvalue counts",
        stable_by(lambda h, mu: 2 * (1 + mu) / h.sum()),
    ),
    Mistake(
        "the diagonal",
        "the diagonal holds the curvatures along the axes: the steepest direction may lie between "
        "them",
        (lambda hessian, momentum=0.0: 2 * (1 + momentum) / hessian.diagonal().max().item(),),
    ),
    Mistake(
        "the fastest",
        "2/(λmax + λmin) is the fastest learning rate, not the largest stable one",
        stable_by(lambda h, mu: 2 * (1 + mu) / (h[0] + h[-1])),
    ),
    Mistake(
        "momentum forgotten",
        "`momentum` has no effect: heavy ball is stable up to 2(1 + μ)/λmax",
        stable_by(lambda h, mu: 2 / h[-1]),
    ),
    Mistake(
        "momentum the wrong way",
        "momentum raises the bound, to 2(1 + μ)/λmax: old steps oppose each jump across the valley",
        stable_by(lambda h, mu: 2 * (1 - mu) / h[-1]),
    ),
)

T3 = Task(
    names=("largest_stable_lr",),
    cases=_stable_cases,
    reference=stable_by(lambda h, mu: 2 * (1 + mu) / h[-1]),
    mistakes=STABLE_MISTAKES,
    praise="largest_stable_lr: right for {cases} bowls, with and without momentum",
)

# T4: warm-up, then a cosine


def by_scheduler(step, warmup, total, start=0.1, floor=0.0):
    """The factor that torch's `LinearLR` and `CosineAnnealingLR` set; `floor` from `total` on."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    parts = torch.optim.lr_scheduler
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is nothing to train: the scheduler steps alone
        scheduler = parts.SequentialLR(
            optimizer,
            [
                parts.LinearLR(optimizer, start, 1.0, warmup),
                parts.CosineAnnealingLR(optimizer, total - warmup, eta_min=floor),
            ],
            [warmup],
        )
        for _ in range(min(step, total)):
            scheduler.step()
    return optimizer.param_groups[0]["lr"]


def _squeezed(cosine, floor):
    return floor + (1 - floor) * cosine


def _after_warmup(warmup, total):
    return warmup, total - warmup


def schedule(ramp=truediv, from_zero=False, part=_after_warmup, above=_squeezed, clamp=True):
    """A warm-up and cosine with its screws: each turned one way is a mistake.

    ramp(step, warmup) rises to 1; part(warmup, total): first step and length of the cosine;
    above(cosine, floor): how the cosine from 1 to 0 is brought to end at the floor.
    """

    def factor(step, warmup, total, start=0.1, floor=0.0):
        if step < warmup:
            low = 0.0 if from_zero else start
            return low + (1 - low) * ramp(step, warmup)
        first, length = part(warmup, total)
        t = (min(step, total) if clamp else step) - first
        return above((1 + math.cos(math.pi * t / length)) / 2, floor)

    return (factor,)


def _schedule_cases(generator):
    warmup, length = whole(generator, 8, 20), whole(generator, 60, 90)
    total = warmup + length
    start, floor = between(generator, 0.02, 0.3), between(generator, 0.05, 0.2)

    def one(name, step, **options):
        return call(name, ("step", "warmup", "total"), step, warmup, total, **options)

    return [
        one("the first step", 0),
        one("in the warm-up", warmup // 2, start=start),
        one("the last step of the warm-up", warmup - 1, start=start),
        one("the first step of the cosine", warmup),
        one("in the cosine", warmup + length // 3),
        one("half-way down, with a floor", warmup + length // 2, floor=floor),
        one("the end", total),
        one("the end, with a floor", total, floor=floor),
        one("after the end", total + 25),
        one("long after the end, with a floor", total + length, floor=floor),
    ]


SCHEDULE_MISTAKES = (
    Mistake(
        "warm-up that starts at zero and stays",
        "the warm-up starts at zero and stays there: `//` cuts step/warmup down to 0 until it is "
        "over",
        schedule(ramp=floordiv, from_zero=True),
    ),
    Mistake(
        "warm-up that stays",
        "the warm-up stays at `start`: `//` cuts step/warmup down to 0, divide with `/`",
        schedule(ramp=floordiv),
    ),
    Mistake(
        "warm-up from zero",
        "the warm-up starts at zero, so the first step does nothing: begin at `start`",
        schedule(from_zero=True),
    ),
    Mistake(
        "cosine from step 0",
        "the cosine counts from step 0: it has to start when the warm-up is over, at step − warmup",
        schedule(part=lambda warmup, total: (0, total)),
    ),
    Mistake(
        "cosine too long",
        "the cosine ends after `total`: it has only total − warmup steps",
        schedule(part=lambda warmup, total: (warmup, total)),
    ),
    Mistake(
        "floor cut off",
        "the floor cuts the cosine off: squeeze it in between instead, floor + (1 − floor)·cosine",
        schedule(above=max),
    ),
    Mistake(
        "floor added",
        "the floor is added on top, so the rate starts above 1: floor + (1 − floor)·cosine",
        schedule(above=add),
    ),
    Mistake(
        "climbs again",
        "after `total` the cosine climbs again: stay at the floor",
        schedule(clamp=False),
    ),
)

T4 = Task(
    names=("warmup_cosine",),
    cases=_schedule_cases,
    reference=(by_scheduler,),
    mistakes=SCHEDULE_MISTAKES,
    praise="warmup_cosine: equal to torch's LinearLR and CosineAnnealingLR in {cases} cases",
)

# T5: the loop. `order` says what happens with one batch; a scheduler is stepped where its `per`
# says.

STEP_SIZE, GAMMA = 3, 0.5


def loop(order=("zero", "backward", "optimizer", "scheduler"), per=lambda per: per):
    """A training loop with the calls in this order; "scheduler" means: here, if it counts steps."""

    def train(start, batches, epochs, lr, per_what):
        w = start.clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=lr, momentum=0.5)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, STEP_SIZE, GAMMA)
        calls = {
            "zero": lambda target: optimizer.zero_grad(),
            "backward": lambda target: ((w - target).square().sum() / 2).backward(),
            "optimizer": lambda target: optimizer.step(),
            "scheduler": lambda target: scheduler.step() if per(per_what) == "step" else None,
        }
        with warnings.catch_warnings():
            # torch warns of a scheduler that is stepped first: one of the mistakes
            warnings.simplefilter("ignore")
            for _ in range(epochs):
                for target in batches:
                    for name in order:
                        calls[name](target)
                if per(per_what) == "epoch":
                    scheduler.step()
        return w.detach()

    return (train,)


def _loop_cases(generator):
    def one(name, batches, epochs, per):
        start, *rows = (normal(generator, 2) for _ in range(batches + 1))
        arguments = ("start", "batches", "epochs", "lr", "per")
        return call(name, arguments, start, rows, epochs, between(generator, 0.1, 0.3), per)

    return [
        one("one step", 1, 1, "step"),
        one("two steps", 2, 1, "step"),
        one("two epochs of four batches, a scheduler that counts steps", 4, 2, "step"),
        one("one epoch of two batches, a scheduler that counts epochs", 2, 1, "epoch"),
        one("five epochs of three batches, a scheduler that counts epochs", 3, 5, "epoch"),
    ]


LOOP_MISTAKES = (
    Mistake(
        "per epoch, always",
        "scheduler.step() runs once an epoch even where the scheduler counts steps: then it "
        "belongs behind each "
        "optimizer.step()",
        loop(per=lambda per: "epoch"),
    ),
    Mistake(
        "per step, always",
        "scheduler.step() runs once a step even where the scheduler counts epochs: then it belongs "
        "behind the inner "
        "loop",
        loop(per=lambda per: "step"),
    ),
    Mistake(
        "the two exchanged",
        "the two are exchanged: `per` says what the scheduler counts",
        loop(per=lambda per: {"step": "epoch", "epoch": "step"}[per]),
    ),
    Mistake(
        "never",
        "scheduler.step() is never called: the learning rate stays where it was",
        loop(per=lambda per: "never"),
    ),
    Mistake(
        "zero_grad after backward",
        "zero_grad() comes between backward() and optimizer.step(): it throws the gradient away, "
        "nothing is trained",
        loop(order=("backward", "zero", "optimizer", "scheduler")),
    ),
    Mistake(
        "zero_grad forgotten",
        "zero_grad() is missing: gradients add up from batch to batch",
        loop(order=("backward", "optimizer", "scheduler")),
    ),
    Mistake(
        "scheduler first",
        "scheduler.step() comes before optimizer.step(): the first rate is never used",
        loop(order=("zero", "backward", "scheduler", "optimizer")),
    ),
)

T5 = Task(
    names=("train",),
    cases=_loop_cases,
    reference=loop(),
    mistakes=LOOP_MISTAKES,
    praise="train: every call in its place, in {cases} loops",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4, "T5": T5}

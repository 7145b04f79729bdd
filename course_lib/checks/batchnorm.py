"""Tasks of lesson 07.

Referees: `torch.nn.functional.batch_norm`, its autograd, `fuse_linear_bn_eval`.
"""

import torch
from torch.nn.functional import batch_norm

from course_lib.checks.judge.cases import call, normal, positive
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import encode

FLOAT = torch.float64


# T1: one batch, normalised; output and gradients


def normalise_cases(generator):
    """Batches of many shapes, with γ, β and the weights of the sum that is differentiated."""

    def one(name, x, eps=1e-5, like=None):
        features = x.shape[1]
        x = x.to(like or FLOAT)
        affine = [
            t.to(x.dtype) for t in (positive(generator, features), normal(generator, features))
        ]
        return {
            "name": name,
            "driver": "differentiate",
            "arguments": ["x", "gamma", "beta"],
            "args": tensors(x, *affine),
            "kwargs": encode({"eps": eps}),
            "weights": encode(normal(generator, *x.shape).to(x.dtype)),
        }

    return [
        one(
            "three rows of one feature",
            torch.tensor([[1.0], [3.0], [8.0]], dtype=FLOAT) * (1 + normal(generator).abs()),
        ),
        one("six rows of three features", 2 * normal(generator, 6, 3) + 1),
        one("two rows", normal(generator, 2, 3)),
        one("a square batch", normal(generator, 4, 4) - 3),
        one("a large eps", normal(generator, 5, 2), eps=0.5),
        one("float32", normal(generator, 6, 3), like=torch.float32),
    ]


def normalise_by_torch(x, gamma, beta, eps=1e-5):
    """Normalise by `torch.nn.functional.batch_norm`, without a memory."""
    return batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def normaliser(
    dim=0, correction=0, root=lambda var, eps: (var + eps).sqrt(), detach=False, affine=True
):
    """`normalise` with its screws."""

    def normalise(x, gamma, beta, eps=1e-5):
        mean, var = x.mean(dim, keepdim=True), x.var(dim, correction=correction, keepdim=True)
        if detach:
            mean, var = mean.detach(), var.detach()
        y = (x - mean) / root(var, eps)
        return y * gamma + beta if affine else y

    return (normalise,)


NO_GRADIENT = (
    "the output is right and its gradient is not: μ and σ² depend on x too, so no detach(), .data "
    "or no_grad() around "
    "them"
)
NORMALISE_MISTAKES = (
    Mistake(
        "β inside the bracket",
        "γ multiplies β too: scale first, then shift, γ·x̂ + β",
        (
            lambda x, gamma, beta, eps=1e-5: (
                gamma * (normalise_by_torch(x, torch.ones_like(gamma), None, eps) + beta)
            ),
        ),
    ),
    Mistake(
        "wrong axis",
        "each row is normalised by itself, which is LayerNorm: take mean and variance over the "
        "batch, dimension 0",
        normaliser(dim=1),
    ),
    Mistake(
        "one number for all features",
        "one mean for the whole batch: each feature has its own, so take them over dimension 0 "
        "only",
        normaliser(dim=(0, 1)),
    ),
    Mistake("statistics without gradient", NO_GRADIENT, normaliser(detach=True)),
    Mistake(
        "unbiased variance in the output",
        "the variance is divided by n − 1 (torch's default): the output wants n, `x.var(0, "
        "correction=0)`",
        normaliser(correction=1),
    ),
    Mistake(
        "eps outside the root",
        "ε stands behind the root: BatchNorm has √(σ² + ε), it is Adam that has √v + ε",
        normaliser(root=lambda var, eps: var.sqrt() + eps),
    ),
    Mistake(
        "divided by the variance",
        "the root is missing: divide by the standard deviation √(σ² + ε)",
        normaliser(root=lambda var, eps: var + eps),
    ),
    Mistake(
        "no γ, β",
        "γ and β play no part: that is x̂, and the layer returns γ·x̂ + β",
        normaliser(affine=False),
    ),
)

T1 = Task(
    names=("normalise",),
    cases=normalise_cases,
    reference=(normalise_by_torch,),
    mistakes=NORMALISE_MISTAKES,
    praise="normalise: output and gradients equal to torch's in {cases} cases",
)

# T2: with a memory; training and evaluation


def _memory_cases(generator):
    def one(name, modes, rows=6, features=3, momentum=0.1, eps=1e-5, running=None):
        batches = [2 * normal(generator, rows, features) + k for k in range(1, len(modes) + 1)]
        return {
            "name": name,
            "driver": "remember",
            "modes": list(modes),
            "batches": encode(batches),
            "weights": encode([normal(generator, rows, features) for _ in modes]),
            "running": tensors(
                *(
                    running
                    or (torch.zeros(features, dtype=FLOAT), torch.ones(features, dtype=FLOAT))
                )
            ),
            "affine": tensors(positive(generator, features), normal(generator, features)),
            "hyper": encode({"momentum": momentum, "eps": eps}),
        }

    def seen():
        return normal(generator, 3), positive(generator, 3)

    return [
        one("one batch in training", [True]),
        one("three batches in training", [True] * 3, momentum=0.3),
        one("evaluation, statistics from before", [False], running=seen()),
        one("training, then evaluation twice", [True, True, False, False], momentum=0.25),
        one("evaluation of one row, statistics from before", [False], rows=1, running=seen()),
        one("two rows, momentum 1, then evaluation", [True, False], rows=2, momentum=1.0),
        one(
            "to and fro, a large eps",
            [False, True, False, True],
            running=seen(),
            eps=0.5,
            momentum=0.6,
        ),
    ]


def remember_by_torch(x, running_mean, running_var, gamma, beta, training, momentum=0.1, eps=1e-5):
    """Normalise by `torch.nn.functional.batch_norm`, with its memory."""
    return batch_norm(x, running_mean, running_var, gamma, beta, training, momentum, eps)


def rememberer(
    by_batch=lambda training: training,
    moves=lambda training: training,
    new=lambda momentum: momentum,
    unbiased=True,
    detach=False,
    in_place=True,
    graph=False,
):
    """`batch_norm` with its screws."""

    def batch_norm(x, running_mean, running_var, gamma, beta, training, momentum=0.1, eps=1e-5):
        mean, var, n = x.mean(0), x.var(0, correction=0), len(x)
        if moves(training):
            share, remembered = new(momentum), var * n / max(n - 1, 1) if unbiased else var
            with torch.set_grad_enabled(graph):
                if not in_place:
                    running_mean, running_var = running_mean.clone(), running_var.clone()
                running_mean.mul_(1 - share).add_(share * mean)
                running_var.mul_(1 - share).add_(share * remembered)
        if not by_batch(training):
            mean, var = running_mean.clone(), running_var.clone()
        if detach:
            mean, var = mean.detach(), var.detach()
        return gamma * (x - mean) / (var + eps).sqrt() + beta

    return (batch_norm,)


def _remembers(mean, var):
    """`batch_norm` whose memory moves by mean(running, batch, m) and var(x, moved mean, …)."""

    def batch_norm(x, running_mean, running_var, gamma, beta, training, momentum=0.1, eps=1e-5):
        if not training:
            return remember_by_torch(x, running_mean, running_var, gamma, beta, False, 0.0, eps)
        with torch.no_grad():
            running_mean.copy_(mean(running_mean, x.mean(0), momentum))
            running_var.copy_(var(x, running_mean, running_var, momentum))
        return normalise_by_torch(x, gamma, beta, eps)

    return (batch_norm,)


def _average(old, new, m):
    return (1 - m) * old + m * new


MEMORY_MISTAKES = (
    Mistake(
        "the old one kept whole",
        "the batch is added to the whole running statistic, so it grows: (1 − m)·running first",
        _remembers(lambda old, new, m: old + m * new, lambda x, mean, old, m: old + m * x.var(0)),
    ),
    Mistake(
        "the variance round the moved mean",
        "the variance that is remembered is taken about the running mean: it is that of the batch "
        "about its own mean",
        _remembers(
            _average,
            lambda x, mean, old, m: _average(old, (x - mean).square().sum(0) / (len(x) - 1), m),
        ),
    ),
    Mistake(
        "running statistics used in training",
        "in training the output is normalised by the running statistics: they are for evaluation "
        "only, training takes "
        "the batch's own",
        rememberer(by_batch=lambda training: False),
    ),
    Mistake(
        "biased running variance",
        "the running variance takes in the variance divided by n: remember the one with n − 1 (the "
        "output wants n)",
        rememberer(unbiased=False),
    ),
    Mistake(
        "momentum reversed",
        "the momentum is the wrong way round: torch's weighs the new batch, running ← (1 − "
        "m)·running + m·batch",
        rememberer(new=lambda momentum: 1 - momentum),
    ),
    Mistake("statistics without gradient", NO_GRADIENT, rememberer(detach=True)),
    Mistake(
        "eval forgotten",
        "evaluation normalises by the batch at hand: there the running statistics stand in for μ "
        "and σ²",
        rememberer(by_batch=lambda training: True),
    ),
    Mistake(
        "evaluation moves the statistics",
        "the running statistics move in evaluation too: only training may change them",
        rememberer(moves=lambda training: True),
    ),
    Mistake(
        "never remembered",
        "the running statistics stay as they were: change them in place (`mul_`, `add_`, `copy_`); "
        "`running_mean = …` "
        "only renames a local variable",
        rememberer(in_place=False),
    ),
    Mistake(
        "buffers in a graph",
        "the running statistics have become part of the graph, which then grows from batch to "
        "batch: update them under "
        "`torch.no_grad()`, or with detached numbers",
        rememberer(graph=True),
    ),
)

T2 = Task(
    names=("batch_norm",),
    cases=_memory_cases,
    reference=(remember_by_torch,),
    mistakes=MEMORY_MISTAKES,
    praise="batch_norm: output, running statistics and gradients equal to torch's in {cases} cases",
)

# T3: evaluate a model


def _evaluate_cases(generator):
    def one(name, rows, training=True):
        state = {
            "0.weight": normal(generator, 2, 3),
            "0.bias": normal(generator, 2),
            "1.weight": positive(generator, 2),
            "1.bias": normal(generator, 2),
            "1.running_mean": normal(generator, 2),
            "1.running_var": positive(generator, 2),
        }
        return {
            "name": name,
            "driver": "evaluate",
            "training": training,
            "batches": encode([normal(generator, n, 3) for n in rows]),
            "state": encode(state),
        }

    return [
        one("one batch, a model in training", [4]),
        one("three batches", [4, 4, 2]),
        one("a model that is in evaluation already", [4, 3], training=False),
        one("a last batch of one", [4, 1]),
    ]


def evaluator(switch=True, back=lambda was: was, graph=False):
    """`evaluate` with its screws."""

    def evaluate(model, batches):
        was = model.training
        if switch:
            model.eval()
        with torch.set_grad_enabled(graph):
            outputs = torch.cat([model(x) for x in batches])
        model.train(back(was))
        return outputs

    return (evaluate,)


EVALUATE_MISTAKES = (
    Mistake(
        "a graph",
        "the outputs carry a graph, which holds all batches in memory: torch.no_grad() round the "
        "calls",
        evaluator(graph=True),
    ),
    Mistake(
        "eval forgotten",
        "the model is evaluated in training mode: each batch is normalised by itself and moves the "
        "running statistics. "
        "no_grad() does not change that, model.eval() does",
        evaluator(switch=False),
    ),
    Mistake(
        "left in evaluation",
        "the model is left in evaluation mode: the next epoch would train with frozen statistics. "
        "Put the mode back",
        evaluator(back=lambda was: False),
    ),
    Mistake(
        "always training afterwards",
        "a model that came in evaluation mode leaves in training mode: note model.training first, "
        "and put that back",
        evaluator(back=lambda was: True),
    ),
)

T3 = Task(
    names=("evaluate",),
    cases=_evaluate_cases,
    reference=evaluator(),
    mistakes=EVALUATE_MISTAKES,
    praise="evaluate: right outputs, and the model left as it came, in {cases} cases",
)

# T4: find the bug

FAULTS = {  # what the learner answers → the screws of the suspect
    "sound": {},
    "biased": {"biased": True},
    "reversed": {"reversed_momentum": True},
    "running": {"by_running": True},
    "detached": {"detached": True},
}


def _diagnose_cases(generator):
    order = torch.randperm(len(FAULTS), generator=generator).tolist()
    return [
        {"name": f"suspect {k}", "driver": "diagnose", "screws": encode(list(FAULTS.values())[i])}
        for k, i in enumerate(order, 1)
    ]


def diagnoser(
    rows=3, momentum=0.25, tolerance=1e-6, order=("running", "reversed", "biased", "detached")
):
    """`diagnose` with its screws: what it tries, how closely it looks, and at what first."""

    def diagnose(norm):
        x = torch.linspace(1, 4, rows, dtype=FLOAT).square().unsqueeze(1).requires_grad_()
        mean, var = torch.zeros(1, dtype=FLOAT), torch.ones(1, dtype=FLOAT)
        y, right = norm(x, mean, var, True, momentum), batch_norm(x, None, None, training=True)
        grads = [torch.autograd.grad(z.square()[0].sum(), x)[0] for z in (y, right)]
        pairs = {
            "running": (y, right),
            "reversed": (mean, momentum * x.mean(0)),
            "biased": (var, 1 - momentum + momentum * x.var(0)),
            "detached": grads,
        }
        found = [
            fault for fault in order if (pairs[fault][0] - pairs[fault][1]).abs().max() > tolerance
        ]
        return found[0] if found else "sound"

    return (diagnose,)


DIAGNOSE_MISTAKES = (
    Mistake(
        "momentum one half",
        "a reversed momentum passes as sound: with momentum ½ both conventions are the same, so "
        "try another one",
        diagnoser(momentum=0.5),
    ),
    Mistake(
        "a batch too large",
        "a biased variance passes as sound: it is off by the factor (n − 1)/n only, so try few "
        "rows and look closely",
        diagnoser(rows=4000, tolerance=1e-2),
    ),
    Mistake(
        "no look at the gradient",
        "statistics without gradient pass as sound: their outputs are right, so compare a gradient "
        "too",
        diagnoser(order=("running", "reversed", "biased")),
    ),
    Mistake(
        "the variance first",
        "a reversed momentum is taken for a biased variance: it spoils both running statistics, so "
        "look at "
        "running_mean first",
        diagnoser(order=("running", "biased", "reversed", "detached")),
    ),
    Mistake(
        "the gradient first",
        "running statistics in training are taken for missing gradients: they cause both, so look "
        "at the output first",
        diagnoser(order=("detached", "running", "reversed", "biased")),
    ),
)

T4 = Task(
    names=("diagnose",),
    cases=_diagnose_cases,
    reference=diagnoser(),
    mistakes=DIAGNOSE_MISTAKES,
    praise="diagnose: all {cases} suspects told apart",
)

# T5: fold


def _fold_cases(generator):
    names = ("weight", "bias", "gamma", "beta", "mean", "var", "eps")

    def one(name, outputs, inputs, eps=1e-5):
        vectors = [
            normal(generator, outputs),
            positive(generator, outputs),
            normal(generator, outputs),
        ]
        args = (
            normal(generator, outputs, inputs),
            *vectors,
            normal(generator, outputs),
            positive(generator, outputs),
            eps,
        )
        return call(name, names, *args)

    return [
        one("one output", 1, 3),
        one("three outputs, two inputs", 3, 2),
        one("a square layer", 3, 3),
        one("a large eps", 2, 4, eps=0.5),
    ]


def fold_by_torch(weight, bias, gamma, beta, mean, var, eps):
    """Weight and bias as `torch.nn.utils.fusion` folds a norm into a linear layer."""
    layer = torch.nn.utils.fusion.fuse_linear_bn_weights(weight, bias, mean, var, eps, gamma, beta)
    return tuple(part.detach() for part in layer)


def folder(
    scale=lambda gamma, var, eps: gamma / (var + eps).sqrt(),
    axis=0,
    shift=lambda s, b, m, beta: s * (b - m) + beta,
):
    """`fold` with its screws."""

    def fold(weight, bias, gamma, beta, mean, var, eps):
        s = scale(gamma, var, eps)
        by_input = axis == 1 and weight.shape[0] == weight.shape[1]
        return weight * (s if by_input else s.unsqueeze(1)), shift(s, bias, mean, beta)

    return (fold,)


FOLD_MISTAKES = (
    Mistake(
        "β scaled",
        "β is scaled too: the scale belongs to b − μ, and β is added after it",
        folder(shift=lambda s, b, m, beta: s * (b - m + beta)),
    ),
    Mistake(
        "scaled along the inputs",
        "the columns of the weight are scaled: each *output* has its γ/√(σ² + ε), so scale the "
        "rows, "
        "`weight * scale.unsqueeze(1)`",
        folder(axis=1),
    ),
    Mistake(
        "bias not scaled",
        "the old bias goes past the scale: it is normalised too, γ(b − μ)/√(σ² + ε) + β",
        folder(shift=lambda s, b, m, beta: b - s * m + beta),
    ),
    Mistake(
        "old bias forgotten",
        "the layer's old bias is lost: it comes before the norm, γ(b − μ)/√(σ² + ε) + β",
        folder(shift=lambda s, b, m, beta: beta - s * m),
    ),
    Mistake(
        "no eps",
        "ε is left out: evaluation divides by √(σ² + ε), and so must the folded layer",
        folder(scale=lambda gamma, var, eps: gamma / var.sqrt()),
    ),
    Mistake(
        "divided by the variance",
        "the root is missing: the scale is γ/√(σ² + ε)",
        folder(scale=lambda gamma, var, eps: gamma / (var + eps)),
    ),
)

T5 = Task(
    names=("fold",),
    cases=_fold_cases,
    reference=(fold_by_torch,),
    mistakes=FOLD_MISTAKES,
    praise="fold: equal to torch's fusion in {cases} cases",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4, "T5": T5}

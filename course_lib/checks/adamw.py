"""Tasks of lesson 04.

Referees: `torch.optim.AdamW`, its `state_dict`, and runs that nothing interrupted.
"""

import copy

import torch
from torch import nn

from course_lib.checks.judge.cases import between, call
from course_lib.checks.judge.drivers import FILE, build
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.updates import (
    ADAM_MISTAKES,
    NOTES,
    adam,
    adamw_by_torch,
    case,
    decay_mistakes,
    drawn,
    in_use,
)
from course_lib.checks.judge.values import encode

# T1: AdamW itself


def _adamw_cases(generator):
    def hyper(**others):
        return {
            "lr": between(generator, 0.05, 0.2),
            "betas": (0.8, 0.9),
            "eps": 0.1,
            "weight_decay": 0.0,
            **others,
        }

    one, two = torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64)
    return [
        case(
            "one weight, by hand",
            [one],
            [[two]],
            lr=0.1,
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=0.0,
        ),
        drawn(generator, "one step, no decay", 1, [(3,)], **hyper(eps=0.02)),
        drawn(generator, "three steps, no decay", 3, [(3,)], **hyper()),
        drawn(
            generator,
            "one step with decay",
            1,
            [(3,)],
            **hyper(weight_decay=between(generator, 0.1, 0.6)),
        ),
        drawn(
            generator,
            "five steps with decay",
            5,
            [(3,)],
            **hyper(weight_decay=between(generator, 0.1, 0.6)),
        ),
        drawn(
            generator,
            "no memory of the gradient",
            3,
            [(2, 2)],
            **hyper(betas=(0.0, 0.9), weight_decay=0.3),
        ),
        drawn(
            generator,
            "typical values",
            10,
            [(4,)],
            lr=1e-2,
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=0.1,
        ),
        drawn(
            generator,
            "two tensors in turn, the state copied half-way",
            5,
            [(2, 3), ()],
            copied_before=3,
            **hyper(weight_decay=0.2),
        ),
        *in_use(generator, "weight_decay", "eps", betas=(0.8, 0.9)),
    ]


T1 = Task(
    names=("adamw_update",),
    cases=_adamw_cases,
    reference=(adamw_by_torch,),
    mistakes=(*ADAM_MISTAKES, *decay_mistakes(adam, "Adam divides it by √v̂")),
    praise="adamw_update: equal to torch.optim.AdamW in {cases} cases",
    notes=NOTES,
)

# T2: two updates, one of them coupled


def pair_cases(generator):
    """Eight pairs in a random order, four of each: a constant answer is wrong half the time."""
    coupled, decoupled = {"pull": 1.0, "shrink": 0.0}, {"pull": 0.0, "shrink": 1.0}
    pairs = [[coupled, decoupled], [decoupled, coupled]] * 4
    return [
        {"name": f"pair {number}", "driver": "detect", "knobs": encode(pairs[drawn_pair])}
        for number, drawn_pair in enumerate(
            torch.randperm(8, generator=generator).tolist(), start=1
        )
    ]


def shrunk(update, weight_decay):
    """What is left of the weight 1 after one step of `update` without a gradient."""
    weight = torch.ones(1, dtype=torch.float64)
    update(weight, torch.zeros_like(weight), {}, lr=0.1, weight_decay=weight_decay)
    return weight.item()


def coupled_one(update_a, update_b):
    """Under L2 the first step of Adam does not depend on λ: λw is divided by its own size."""
    return "a" if abs(shrunk(update_a, 0.5) - shrunk(update_a, 1.0)) < 1e-6 else "b"


def _decoupled_one(update_a, update_b):
    return "b" if coupled_one(update_a, update_b) == "a" else "a"


T2 = Task(
    names=("coupled_one",),
    cases=pair_cases,
    reference=(coupled_one,),
    mistakes=(
        Mistake(
            "exchanged",
            "you name the decoupled one each time: exchange the answers",
            (_decoupled_one,),
        ),
    ),
    praise="coupled_one: right in {cases} pairs",
)

# T3: who is decayed

MODELS = {
    "one layer": {"fc": ["Linear", 3, 2]},
    "a layer and a norm": {"fc": ["Linear", 3, 4], "norm": ["LayerNorm", 4]},
    "names that lie": {
        "bn": ["Linear", 4, 4],
        "norm_in": ["Linear", 4, 4, False],
        "layer": ["LayerNorm", 4],
    },
    "convolutions, nested": {
        "stem": {"conv": ["Conv2d", 1, 2, 3], "bn": ["BatchNorm2d", 2]},
        "body": {
            "0": {"conv": ["Conv2d", 2, 2, 3, 1, 0, 1, 1, False], "act": ["GroupNorm", 1, 2]},
            "1": {"fc": ["Linear", 2, 2]},
        },
        "head": ["Linear", 2, 3],
    },
    "an embedding": {
        "tokens": ["Embedding", 5, 4],
        "norm": ["LayerNorm", 4],
        "out": ["Linear", 4, 5, False],
    },
    "one weight in two places": {
        "tokens": ["Embedding", 5, 4],
        "body": {"fc": ["Linear", 4, 4], "norm": ["LayerNorm", 4]},
        "out": ["Linear", 4, 5],
    },
}
MARKED = {"one weight in two places": {"tied": [["tokens.weight", "out.weight"]]}}


def model_cases(generator):
    """Models whose parameters are to be sorted, and a decay drawn afresh."""
    decay = between(generator, 0.01, 0.2)
    return [
        {"name": name, "driver": "groups", "model": encode(tree), "weight_decay": decay}
        | MARKED.get(name, {})
        for name, tree in MODELS.items()
    ]


def sorter(decays):
    """A `decay_groups` that decays where `decays(name, parameter, module)` is true."""

    def parameter_groups(model, weight_decay):
        groups = {True: [], False: []}
        for path, p in model.named_parameters():
            module = model.get_submodule(path.rpartition(".")[0])
            groups[decays(path, p, module)].append(p)
        return [
            {"params": groups[True], "weight_decay": weight_decay},
            {"params": groups[False], "weight_decay": 0.0},
        ]

    return parameter_groups


def _is_norm(module):
    return isinstance(module, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm))


def _says_norm(name):
    return "norm" in name or "bn" in name


def _everything_twice(model, weight_decay):
    return [
        {"params": list(model.parameters()), "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]


GROUP_MISTAKES = (
    Mistake(
        "everything decays",
        "biases and norm parameters decay too: give them a group with weight_decay 0",
        (sorter(lambda name, p, module: True),),
    ),
    Mistake(
        "norms decay",
        "the weights of norms decay: they are vectors, with ndim 1, and belong to the spared group",
        (sorter(lambda name, p, module: not name.endswith("bias")),),
    ),
    Mistake(
        "biases decay",
        "biases decay: spare them as well as the norms",
        (sorter(lambda name, p, module: not _is_norm(module)),),
    ),
    Mistake(
        "by name",
        "names lie: a layer called `bn` need not be a norm. Go by module type, or by ndim",
        (sorter(lambda name, p, module: not (name.endswith("bias") or _says_norm(name))),),
    ),
    Mistake(
        "exchanged",
        "the groups are exchanged: the weights are spared and the rest decays",
        (sorter(lambda name, p, module: p.ndim < 2),),
    ),
    Mistake(
        "twice",
        "the spared parameters are in both groups: each must be in exactly one",
        (_everything_twice,),
    ),
    Mistake(
        "spared ones left out",
        "the spared parameters are in no group, so they are never trained: give them weight_decay "
        "0",
        (
            lambda model, weight_decay: [
                {
                    "params": [p for p in model.parameters() if p.ndim > 1],
                    "weight_decay": weight_decay,
                }
            ],
        ),
    ),
)

T3 = Task(
    names=("parameter_groups",),
    cases=model_cases,
    reference=(sorter(lambda name, p, module: p.ndim > 1),),
    mistakes=GROUP_MISTAKES,
    praise="parameter_groups: every parameter once, in {cases} models",
)

# T4: save and resume


def _resume_cases(generator):
    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def one(name, steps, saved_after, through_file):
        return {
            "name": name,
            "driver": "resume",
            "weights": tensors(draw(4, 3), draw(4), 1 + draw(4), draw(4), draw(1, 4), draw(1)),
            "batches": tensors(*(draw(5, 3) for _ in range(steps))),
            "hyper": encode(
                {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": between(generator, 0.1, 0.5)}
            ),
            "horizon": steps,
            "saved_after": saved_after,
            "through_file": through_file,
        }

    return [
        one("saved to a file", 6, 3, True),
        one("kept in memory while the first run goes on", 6, 3, False),
        one("saved late", 12, 10, True),
    ]


PARTS = ("model", "optimizer", "scheduler")


def keeper(parts=PARTS, copied=True):
    """A pair (save, resume) that keeps the state of these parts."""

    def save(model, optimizer, scheduler):
        kept = {
            name: part.state_dict()
            for name, part in zip(PARTS, (model, optimizer, scheduler))
            if name in parts
        }
        return copy.deepcopy(kept) if copied else kept

    def resume(checkpoint, model, optimizer, scheduler):
        for name, part in zip(PARTS, (model, optimizer, scheduler)):
            if name in checkpoint:
                part.load_state_dict(checkpoint[name])

    return save, resume


def _copies_of_the_model_only(model, optimizer, scheduler):
    kept = keeper(copied=False)[0](model, optimizer, scheduler)
    return {**kept, "model": copy.deepcopy(kept["model"])}


def _parameters_only(model, optimizer, scheduler):
    kept = keeper(("optimizer", "scheduler"))[0](model, optimizer, scheduler)
    return {**kept, "model": [p.detach().clone() for p in model.parameters()]}


def _parameters_back(checkpoint, model, optimizer, scheduler):
    for p, kept in zip(model.parameters(), checkpoint["model"]):
        p.data.copy_(kept)
    keeper(("optimizer", "scheduler"))[1](
        {name: checkpoint[name] for name in ("optimizer", "scheduler")}, model, optimizer, scheduler
    )


def _objects(model, optimizer, scheduler):
    return copy.deepcopy({"model": model, "optimizer": optimizer, "scheduler": scheduler})


def _objects_back(checkpoint, model, optimizer, scheduler):
    for name, part in zip(PARTS, (model, optimizer, scheduler)):
        part.load_state_dict(checkpoint[name].state_dict())


RESUME_MISTAKES = (
    Mistake(
        "only the model copied",
        "the optimizer's state changed while the first run went on: its state_dict holds the "
        "tensors themselves, like the model's. Copy it too (copy.deepcopy)",
        (_copies_of_the_model_only, keeper()[1]),
    ),
    Mistake(
        "parameters without buffers",
        "the buffers are missing, the running statistics of a batch norm: a model's state_dict "
        "has them, `parameters()` has not",
        (_parameters_only, _parameters_back),
    ),
    Mistake(
        "whole objects",
        "whole objects do not come back from a file: save the three `state_dict()`s",
        (_objects, _objects_back),
    ),
    Mistake(
        "weights only",
        "only the weights come back: AdamW starts without its moments, and the schedule from the "
        "beginning",
        keeper(("model",)),
    ),
    Mistake(
        "no optimizer",
        "the optimizer's state is missing: m, v and the step count are part of the run",
        keeper(("model", "scheduler")),
    ),
    Mistake(
        "no scheduler",
        "the scheduler's state is missing: it counts from the beginning again",
        keeper(("model", "optimizer")),
    ),
    Mistake(
        "no model",
        "the weights are missing: an optimizer's state_dict does not hold them",
        keeper(("optimizer", "scheduler")),
    ),
    Mistake(
        "references",
        "the checkpoint changed while the first run went on: a state_dict holds the tensors "
        "themselves, not copies of"
        " them. Copy it (copy.deepcopy)",
        keeper(copied=False),
    ),
)

T4 = Task(
    names=("save", "resume"),
    cases=_resume_cases,
    reference=keeper(),
    mistakes=RESUME_MISTAKES,
    praise="save and resume: nothing was lost in {cases} runs",
    notes={FILE: "`torch.load` refuses it: a checkpoint is dicts, lists, numbers and tensors only"},
)

# T5: read a state_dict


def state_cases(generator):
    """State dictionaries of real AdamW optimizers after one step and some moves of the rate."""

    def one(name, tree, factor, **hyper):
        model = build(tree)
        optimizer = torch.optim.AdamW(
            model.parameters(), **{"lr": between(generator, 0.01, 0.1), **hyper}
        )
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor)
        for p in model.parameters():
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        optimizer.step()
        return call(name, ("state_dict",), optimizer.state_dict())

    return [
        one("two weights, a constant rate", {"fc": ["Linear", 2, 1, False]}, 1.0),
        one("a rate that has halved", {"fc": ["Linear", 2, 2]}, 0.5),
        one(
            "other betas", {"fc": ["Linear", 3, 2]}, between(generator, 0.1, 0.9), betas=(0.8, 0.95)
        ),
        one(
            "two layers, still warming up",
            {"a": ["Linear", 2, 3], "b": ["Linear", 3, 1]},
            0.1,
            betas=(0.7, 0.99),
        ),
    ]


def reader(mean=lambda beta: 1 - beta, square=lambda beta: 1 - beta, root=True, upside_down=False):
    """A `read_state` that divides the first moment by `mean(β₁)` and the second by `square(β₂)`."""

    def read_state(state_dict):
        (group,) = state_dict["param_groups"]
        states = [state_dict["state"][index] for index in group["params"]]
        squares = [state["exp_avg_sq"] / square(group["betas"][1]) for state in states]
        factor = group["lr"] / group["initial_lr"]
        return {
            "gradient": [state["exp_avg"] / mean(group["betas"][0]) for state in states],
            "magnitude": [s.sqrt() if root else s for s in squares],
            "factor": 1 / factor if upside_down else factor,
        }

    return read_state


STATE_MISTAKES = (
    Mistake(
        "first moment as it is",
        "exp_avg after one step is (1 − β₁)·g, since m started at zero: divide by 1 − β₁",
        (reader(mean=lambda beta: 1.0),),
    ),
    Mistake(
        "divided by β₁",
        "m ← β₁m + (1 − β₁)g: the gradient entered with weight 1 − β₁, not β₁",
        (reader(mean=lambda beta: beta),),
    ),
    Mistake(
        "second moment as it is",
        "exp_avg_sq after one step is (1 − β₂)·g²: divide by 1 − β₂ before the root",
        (reader(square=lambda beta: 1.0),),
    ),
    Mistake(
        "β₁ for both",
        "the second moment goes with β₂: read both from `betas`",
        (lambda state_dict: reader()(_with_equal_betas(state_dict)),),
    ),
    Mistake("no root", "exp_avg_sq holds the square: take its root", (reader(root=False),)),
    Mistake(
        "factor upside down",
        "the factor is lr / initial_lr: below 1 while the rate is lower than it was set",
        (reader(upside_down=True),),
    ),
)


def _with_equal_betas(state_dict):
    (group,) = state_dict["param_groups"]
    return {**state_dict, "param_groups": [{**group, "betas": (group["betas"][0],) * 2}]}


T5 = Task(
    names=("read_state",),
    cases=state_cases,
    reference=(reader(),),
    mistakes=STATE_MISTAKES,
    praise="read_state: gradient, magnitude and factor recovered from {cases} state_dicts",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4, "T5": T5}

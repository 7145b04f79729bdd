"""Who is decayed, by type of module. Referee: torch's modules, asked what they are."""

from torch import nn

from course_lib.checks.judge.cases import between
from course_lib.checks.judge.task import Mistake, Task
from course_lib.checks.judge.values import encode

MODELS = {
    "one layer": {"fc": ["Linear", 3, 2]},
    "a layer and a norm": {"fc": ["Linear", 3, 4], "norm": ["LayerNorm", 4]},
    "an embedding": {"tokens": ["Embedding", 5, 4], "out": ["Linear", 4, 5, False]},
    "convolutions, three norms": {
        "stem": {"conv": ["Conv2d", 1, 2, 3], "bn": ["BatchNorm2d", 2]},
        "body": {"0": ["Conv1d", 2, 2, 1, 1, 0, 1, 1, False], "1": ["GroupNorm", 1, 2]},
        "last": ["RMSNorm", 2],
        "head": ["Linear", 2, 3],
    },
    "names that lie": {
        "bias": ["Linear", 4, 4],
        "norm": ["Linear", 4, 4, False],
        "embedding": ["Linear", 4, 4],
        "fc": ["Embedding", 5, 4],
        "layer": ["LayerNorm", 4],
    },
    "attention": {"attend": ["MultiheadAttention", 4, 2], "norm": ["RMSNorm", 4]},
    "attention, keys of another width": {
        "attend": ["MultiheadAttention", 4, 2, 0.0, True, False, False, 3, 5]
    },
    "a transformer": {
        "tokens": ["Embedding", 5, 4],
        "positions": ["Embedding", 3, 4],
        "body": {"0": ["TransformerEncoderLayer", 4, 2, 6]},
        "norm": ["RMSNorm", 4],
        "out": ["Linear", 4, 5],
    },
    "the embedding is the last layer, too": {
        "tokens": ["Embedding", 5, 4],
        "fc": ["Linear", 4, 4],
        "out": ["Linear", 4, 5],
    },
    "the same, the last layer named first": {
        "out": ["Linear", 4, 5, False],
        "body": {"fc": ["Linear", 4, 4], "tokens": ["Embedding", 5, 4]},
    },
    "two layers that share a weight": {"a": ["Linear", 4, 4], "b": ["Linear", 4, 4]},
    "frozen ones": {
        "tokens": ["Embedding", 5, 4],
        "body": {"fc": ["Linear", 4, 4], "norm": ["LayerNorm", 4]},
        "out": ["Linear", 4, 2],
    },
}
MARKED = {
    "the embedding is the last layer, too": {"tied": [["tokens.weight", "out.weight"]]},
    "the same, the last layer named first": {"tied": [["out.weight", "body.tokens.weight"]]},
    "two layers that share a weight": {"tied": [["a.weight", "b.weight"]]},
    "frozen ones": {"frozen": ["tokens.weight", "body.fc.weight", "body.fc.bias"]},
}


def _model_cases(generator):
    decay = between(generator, 0.02, 0.3)  # not AdamW's own 0.01
    return [
        {"name": name, "driver": "groups", "model": encode(tree), "weight_decay": decay}
        | MARKED.get(name, {})
        for name, tree in MODELS.items()
    ]


NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def sorter(
    spared=(nn.Embedding, *NORMS),
    kept=lambda path, p: path.endswith("bias"),
    trained=lambda p: p.requires_grad,
    first=False,
    groups=lambda yes, no, weight_decay: [
        {"params": yes, "weight_decay": weight_decay},
        {"params": no, "weight_decay": 0.0},
    ],
):
    """`decay_groups` with its screws: types of module whose parameters are spared, paths that are.

    first: whoever has a shared tensor first says what it is.
    """

    def decay_groups(model, weight_decay):
        owners = {}
        for module in model.modules():
            for p in module.parameters(recurse=False):
                owners.setdefault(p, []).append(module)
        sides = {True: [], False: []}
        for path, p in model.named_parameters():
            having = owners[p][:1] if first else owners[p]
            decayed = not kept(path, p) and not any(isinstance(m, spared) for m in having)
            if trained(p):
                sides[decayed].append(p)
        return groups(sides[True], sides[False], weight_decay)

    return (decay_groups,)


def _own(model, decays):
    """[(parameter, decays(module, name))] of what is trained, module by module: shared ones twice.

    `decays` says None for what is in no group.
    """
    found = [
        (p, decays(module, name))
        for module in model.modules()
        for name, p in module.named_parameters(recurse=False)
        if p.requires_grad
    ]
    return [(p, decay) for p, decay in found if decay is not None]


def by_module(decays, once=True):
    """`decay_groups` by what `decays(module, name)` says; `once`: the first that has it."""

    def decay_groups(model, weight_decay):
        pairs = _own(model, decays)
        pairs = list(dict(reversed(pairs)).items()) if once else pairs
        return [
            {"params": [p for p, yes in pairs if yes is side], "weight_decay": decay}
            for side, decay in ((True, weight_decay), (False, 0.0))
        ]

    return (decay_groups,)


LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


def _decays_by_type(module, name):
    return not isinstance(module, (nn.Embedding, *NORMS)) and not name.endswith("bias")


def _collected(module, name):
    """What is collected from known types alone: whatever a type does not name is in no group."""
    if isinstance(module, LAYERS):
        return name == "weight"
    return False if isinstance(module, (nn.Embedding, *NORMS)) else None


def _says(path):
    return any(word in path for word in ("bias", "norm", "bn", "embed", "tokens", "positions"))


GROUP_MISTAKES = (
    Mistake(
        "everything decays",
        "biases, norms and embeddings decay too: give them a group with weight_decay 0",
        sorter(spared=(), kept=lambda path, p: False),
    ),
    Mistake(
        "by ndim",
        "that goes by ndim alone, and embeddings are matrices: each of their rows is one token's "
        "vector. Ask the module, `isinstance(module, nn.Embedding)`",
        sorter(spared=(), kept=lambda path, p: p.ndim < 2),
    ),
    Mistake(
        "by the name bias",
        "only what is called bias is spared: the weights of norms and embeddings are to be as well",
        sorter(spared=()),
    ),
    Mistake(
        "by words in the name",
        "names lie: what is called `norm` may be a linear layer. Go by the type of the module",
        sorter(spared=(), kept=lambda path, p: _says(path)),
    ),
    Mistake(
        "bias anywhere in the name",
        "a layer may be called `bias`, and its weight decays: look at the parameter's own name, "
        "the part behind the last point",
        sorter(kept=lambda path, p: "bias" in path),
    ),
    Mistake(
        "biases decay",
        "biases of layers decay: spare them as well as norms and embeddings",
        sorter(kept=lambda path, p: False),
    ),
    Mistake(
        "norms decay",
        "the weights of norms decay: LayerNorm, BatchNorm, GroupNorm and RMSNorm are spared",
        sorter(spared=nn.Embedding),
    ),
    Mistake(
        "only LayerNorm",
        "LayerNorm is spared and other norms decay: BatchNorm, GroupNorm and RMSNorm are types of "
        "their own",
        sorter(spared=(nn.Embedding, nn.LayerNorm)),
    ),
    Mistake(
        "no RMSNorm",
        "RMSNorm decays: it is no subclass of LayerNorm, so name it too",
        sorter(spared=(nn.Embedding, *NORMS[:-1])),
    ),
    Mistake(
        "no batch norm",
        "BatchNorm decays: each of BatchNorm1d, 2d and 3d is a type of its own",
        sorter(spared=(nn.Embedding, *NORMS[1:])),
    ),
    Mistake(
        "no group norm",
        "GroupNorm decays: name it besides the other norms",
        sorter(spared=(nn.Embedding, *NORMS[:2], *NORMS[3:])),
    ),
    Mistake(
        "in_proj spared",
        "`in_proj_weight` of attention is spared: MultiheadAttention holds its three matrices "
        "itself, in no Linear, and they decay",
        by_module(lambda module, name: isinstance(module, LAYERS) and name == "weight"),
    ),
    Mistake(
        "in_proj in no group",
        "some parameters of attention are in no group, so they are never trained: "
        "MultiheadAttention holds `in_proj_weight` and `in_proj_bias` itself, in no Linear",
        by_module(_collected),
    ),
    Mistake(
        "shared twice",
        "a tensor that two modules share is listed twice: torch refuses that, or steps twice. "
        "`named_parameters()` of the whole model gives each once",
        by_module(_decays_by_type, once=False),
    ),
    Mistake(
        "the first owner",
        "a tensor shared with an embedding decays where the other layer comes first: collect all "
        "that embeddings hold before you decide",
        by_module(_decays_by_type),
    ),
    Mistake(
        "frozen ones come along",
        "frozen parameters are in a group: leave out what does not require a gradient",
        sorter(trained=lambda p: True),
    ),
    Mistake(
        "exchanged",
        "the groups are exchanged: the weights are spared and the rest decays",
        sorter(
            groups=lambda yes, no, weight_decay: [
                {"params": no, "weight_decay": weight_decay},
                {"params": yes, "weight_decay": 0.0},
            ]
        ),
    ),
    Mistake(
        "in both groups",
        "the spared parameters are in both groups: each must be in exactly one",
        sorter(
            groups=lambda yes, no, weight_decay: [
                {"params": yes + no, "weight_decay": weight_decay},
                {"params": no, "weight_decay": 0.0},
            ]
        ),
    ),
    Mistake(
        "spared ones left out",
        "the spared parameters are in no group, so they are never trained: give them weight_decay "
        "0",
        sorter(
            groups=lambda yes, no, weight_decay: [{"params": yes, "weight_decay": weight_decay}]
        ),
    ),
    Mistake(
        "no zero",
        "the spared group has no weight_decay of its own, so AdamW gives it the default, 0.01: "
        "write 0.0",
        sorter(
            groups=lambda yes, no, weight_decay: [
                {"params": yes, "weight_decay": weight_decay},
                {"params": no},
            ]
        ),
    ),
)


T3 = Task(
    names=("decay_groups",),
    cases=_model_cases,
    reference=sorter(),
    mistakes=GROUP_MISTAKES,
    praise="decay_groups: every parameter where it belongs, once, in {cases} models",
)

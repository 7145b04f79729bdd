"""When does a transformer that knows its training pairs by heart begin to add?

A one-layer transformer learns a + b modulo 31 from 60 % of all pairs, all of them at each step; a
fifth of the others validates, the rest tests. Adam with β₂ = 0.98, ten steps of warm-up. An arm is
how it is regularized; arms of a seed share pairs, initial weights and dropout noise.

Sources: Power et al., "Grokking: generalization beyond overfitting on small algorithmic datasets",
2022; the circles: Nanda et al., "Progress measures for grokking via mechanistic interpretability",
ICLR 2023.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import require_choice, require_whole
from course_lib.data import Split, modular_addition
from course_lib.engine import TransformerSpec, outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.snapshot import snapshot
from course_lib.records import store
from course_lib.sgd import linear_warmup

PRIME, SHARE, LR, BETA2, WARM_UP = 31, 0.6, 1e-2, 0.98, 10
SPEC = TransformerSpec(PRIME)
STEPS = 400
RECORDED = (0, 10, 20, 30, 40, 50, 75, 100, 125, 150, 200, 250, 300, 350, STEPS)
DENSE = (*range(0, 150, 5), *range(150, STEPS + 1, 10))  # holds all of RECORDED
BESIDES: dict[str, dict[str, Any]] = {
    "no decay, float64": {"dtype": torch.float64},
    "no decay, 4000 updates": {"steps": 10 * STEPS},
}
SEEDS = (0,)
CURVES = (
    *("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
    *("test_loss", "test_accuracy"),
)


@dataclass(frozen=True)
class Arm:
    """How one network is regularized; nothing is on by default.

    weight_decay: decoupled λ, w ← w·(1 − lr·λ); l2: λ of g + λ·w, through Adam; dropout: p of the
    MLP's hidden units; label_smoothing: ε; lr: of the whole network.
    """

    weight_decay: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    lr: float = LR

    def __str__(self) -> str:
        """What is on: "weight_decay = 2, label_smoothing = 0.1"."""
        changed = (one for one in fields(self) if getattr(self, one.name) != one.default)
        return ", ".join(f"{one.name} = {getattr(self, one.name):g}" for one in changed)


DECAYS = tuple(Arm(weight_decay) for weight_decay in (0.0, 1.0, 2.0, 4.0, 8.0))


@dataclass
class Grokking:
    """Curves [seeds, arms, recorded]; NaN: not there yet. recorded: updates made.

    Losses are mean cross entropies in nats, without smoothing or dropout; accuracies are shares.
    norm: √(Σ w²) over all parameters. numbers [seeds, arms, recorded, p, width]: the embeddings of
    0 … p − 1, without that of "=". parameters: a list [arms, …] per seed, in the order of
    `SPEC.names()`; None until the seed is done. way: of the arm that was to be kept the parameters
    [seeds, recorded, …] at every look, in the same order; None where none was.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    recorded: tuple[int, ...]
    train_loss: Tensor
    train_accuracy: Tensor
    validation_loss: Tensor
    validation_accuracy: Tensor
    test_loss: Tensor
    test_accuracy: Tensor
    norm: Tensor
    numbers: Tensor
    parameters: list[list[Tensor] | None] = field(repr=False)
    progress: float = 0.0
    way: list[Tensor] | None = field(default=None, repr=False)

    def at(self, arm: Arm) -> int:
        """The place of `arm` on the second axis."""
        return self.arms.index(arm)

    def seen_at(self, steps: Sequence[int] = RECORDED) -> "Grokking":
        """The same runs as one sees them who looks at some of the recorded steps only; no `way`."""
        places = [self.recorded.index(step) for step in steps]
        curves = {name: getattr(self, name)[:, :, places] for name in (*CURVES, "norm", "numbers")}
        return replace(self, recorded=tuple(steps), way=None, **curves)

    def reached(self, accuracy: float = 0.95) -> Tensor:
        """The first recorded step with this test accuracy [seeds, arms]; ∞ where there is none."""
        there = self.test_accuracy >= accuracy
        first = torch.tensor(self.recorded, dtype=torch.float64)[there.int().argmax(-1)]
        return torch.where(there.any(-1), first, math.inf)


def warm_up(step: int) -> float:
    """What multiplies lr at a step: min(1, (t + 1)/10)."""
    return linear_warmup(step, WARM_UP - 1, 1 / WARM_UP)


def split_of(seed: int) -> Split:
    """The pairs of one seed."""
    return modular_addition(seed, PRIME, SHARE)


@remembered
def compute_grokking(
    arms: tuple[Arm, ...] = DECAYS,
    seeds: tuple[int, ...] = SEEDS,
    steps: int = STEPS,
    record_at: tuple[int, ...] = RECORDED,
    dtype: torch.dtype = torch.float32,
    update: Callable = adam_update,
    keep: Arm | None = None,
) -> Iterator[Grokking]:
    """Train every arm at every seed; yield `Grokking` that fills in, the first with nothing in it.

    Fewer `steps` are the beginning of the same runs, more go on; both are recorded at their end.
    keep: one of the arms, whose parameters are kept at every look, as `way`.
    """
    require_whole("steps", steps, 1)
    arms, seeds = tuple(arms), tuple(seeds)
    recorded = tuple(step for step in record_at if step < steps) + (steps,)
    shape = len(seeds), len(arms), len(recorded)
    norm = torch.full(shape, torch.nan)
    numbers = torch.full((*shape, PRIME, SPEC.width), torch.nan)
    nothing: dict[str, Any] = dict.fromkeys(CURVES, norm) | {"parameters": [None] * len(seeds)}
    way = None
    if keep is not None:
        kept = arms.index(require_choice("keep", keep, arms))
        way = [torch.full((*shape[::2], *one.shape), torch.nan) for one in SPEC.initial(seeds[0])]
    found = Grokking(arms, seeds, recorded, norm=norm, numbers=numbers, way=way, **nothing)
    yield snapshot(found, 0.0)

    def look(seed: int, settings: slice, step: int, parameters: list[Tensor]) -> None:
        place = seeds.index(seed), settings, recorded.index(step)
        squares = [parameter.flatten(1).square().sum(1) for parameter in parameters]
        norm[place] = torch.stack(squares).sum(0).sqrt().cpu()
        numbers[place] = parameters[0][:, :PRIME].cpu()
        inside = range(len(arms))[settings]
        if way is not None and kept in inside:
            for held, parameter in zip(way, parameters):
                held[place[0], place[2]] = parameter[inside.index(kept)].cpu()

    columns = [asdict(arm) for arm in arms]
    rows = round(SHARE * PRIME**2)
    for training in train(
        SPEC,
        split_of,
        {name: [column[name] for column in columns] for name in columns[0]} | {"beta2": BETA2},
        seeds,
        update=update,
        steps=steps,
        batch_size=rows,
        record_at=recorded,
        schedule=warm_up,
        validate=True,
        look=look,
        dtype=dtype,
    ):
        known = {name: getattr(training, name) for name in (*CURVES, "parameters")}
        yield snapshot(replace(found, **known), training.progress)


def at_the_end(arm: Arm, seeds: Sequence[int], afresh: bool = False) -> Tensor:
    """Test accuracies [seeds] of an arm after STEPS updates: as stored if they are, else trained.

    Stored, by arm, base and seed, in `course_lib/records/elsewhere/grokking.json`, are those that
    a lesson has no curves of. afresh: trained here and now.
    """
    known = None if afresh else store.kept("elsewhere/grokking", str(arm))
    if known and max(seeds) < len(known):
        return torch.tensor([known[seed] for seed in seeds], dtype=torch.float64)
    *_, found = compute_grokking((arm,), tuple(seeds))
    return found.test_accuracy[:, 0, -1].double()


def besides(what: str, afresh: bool = False) -> Tensor:
    """Test accuracies [4 seeds] without decay, in double precision or after ten times the updates.

    what: one of BESIDES. As stored beside those of `at_the_end`, whatever the base; afresh: trained
    here and now. Nothing is claimed of them.
    """
    options = BESIDES[require_choice("what", what, tuple(BESIDES))]
    if not afresh:
        return torch.tensor(store.stored("elsewhere/grokking")[what]["0"], dtype=torch.float64)
    *_, found = compute_grokking((Arm(),), tuple(range(4)), **options)
    return found.test_accuracy[:, 0, -1].double()


@dataclass
class Circles:
    """What embeddings of the numbers 0 … p − 1 look like to a Fourier transform over the numbers.

    shares [(p − 1)/2]: of the power, by frequency 1, 2, …; their sum is 1. frequencies: the two
    strongest, the first above the second. points [2, p, 2]: where each number lies in the plane of
    each, whose first axis is the cosine's direction. planar [2]: the share of all power that lies
    in that plane. roundness [2]: of the ellipse that each wave alone draws, the short axis over the
    long one; a circle has 1, a wave whose coordinates all go up and down together 0.
    """

    shares: Tensor
    frequencies: tuple[int, int]
    points: Tensor
    planar: Tensor
    roundness: Tensor


def circles(embedding: Tensor) -> Circles:
    """The two strongest frequencies of `embedding` [p, width], p odd, and the planes they span.

    With E_n the embedding of n, less the mean of all: c_k = Σ_n E_n·cos(2πkn/p) and s_k with the
    sine; frequency k has the power |c_k|² + |s_k|². Numbers that lie on a circle, k turns in
    order, have all their power there. Raises ValueError for an embedding that is not [p, width], or
    p even or below 5.
    """
    p = len(embedding)
    if embedding.dim() != 2 or p < 5 or p % 2 == 0:
        raise ValueError(
            f"embedding has shape {list(embedding.shape)}: must be [p, width], p odd, at least 5"
        )
    centred = embedding.double() - embedding.double().mean(0)
    waves = torch.fft.rfft(centred, dim=0)[1:]  # c_k − i·s_k, k = 1 … (p − 1)/2
    power = waves.abs().square().sum(1)
    strongest = power.topk(2).indices
    points, axes = [], []
    for wave in waves[strongest]:
        plane = torch.stack([wave.real, -wave.imag], 1)  # c_k, s_k [width, 2]
        axes.append(torch.linalg.svdvals(plane))  # E_n draws 2/p·(c_k·cos + s_k·sin)
        q, r = torch.linalg.qr(plane)
        points.append(centred @ (q * r.diagonal().sign()))  # along c_k, not against it
    inside = torch.stack(points)
    planar = inside.square().sum((1, 2)) / centred.square().sum()
    first, second = (strongest + 1).tolist()
    long, short = torch.stack(axes).T
    return Circles(power / power.sum(), (first, second), inside, planar, short / long)


def mirrored(split: Split) -> Tensor:
    """Which test pairs (a, b) have their mirror (b, a) among the training pairs: bool [rows]."""
    known = {(b, a) for a, b, _ in split.train_x.tolist()}
    return torch.tensor([(a, b) in known for a, b, _ in split.test_x.tolist()])


def mirrors_known(found: Grokking, arm: Arm) -> Tensor:
    """Share right of the test pairs with a trained mirror, and of the others [seeds, 2].

    At the end of a complete `found`.
    """
    shares = []
    for seed, parameters in zip(found.seeds, found.parameters):
        split, i = split_of(seed), found.at(arm)
        one = [parameter[i : i + 1] for parameter in parameters or ()]
        right = outputs_of(SPEC, one, split.test_x)[0].argmax(-1) == split.test_y
        there = mirrored(split)
        shares.append([right[there].double().mean(), right[~there].double().mean()])
    return torch.tensor(shares, dtype=torch.float64)

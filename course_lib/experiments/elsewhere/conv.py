"""What regularizes a small convolutional network on lines of numbers?

Three strided convolutions of 25 channels on MNIST-1D, 1000 training lines, Adam, batches of 64, a
cosine after 50 steps of warm-up. An arm is how a network is regularized; arms of a seed share
lines, wrong labels, initial weights (norms aside) and the order of batches. Every seed draws its
own lines. One learning rate for all arms is no comparison of their best: give each `Arm` its own.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import require_choice, require_whole
from course_lib.data import Split, mnist1d
from course_lib.engine import ConvSpec, train
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.side_by_side import side_by_side
from course_lib.experiments.shared.snapshot import snapshot
from course_lib.sgd import cosine_decay, linear_warmup
from course_lib.statistics import Interval, paired_interval

LABELS = {"all right": 0.0, "20 % wrong": 0.2}
LR, STEPS, BATCH, WARM_UP = 3e-3, 1500, 64, 50
SEEDS = tuple(range(5))
RECORDED = (0, 100, 200, 400, 600, 800, 1000, 1200)
CURVES = ("train", "validation", "test")
NORMS = (None, "batch", "group")


@dataclass(frozen=True)
class Arm:
    """How one network is regularized; nothing is on by default.

    weight_decay: decoupled λ; l2: λ through Adam; dropout: p before the last layer;
    label_smoothing: ε; shift: places by which rows of a batch are moved at most; norm: None,
    "batch" or "group"; lr: the peak of the schedule.
    """

    weight_decay: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    shift: int = 0
    norm: str | None = None
    lr: float = LR


PLAIN = Arm()
ARMS = {
    "plain": PLAIN,
    "decay 0.3": Arm(weight_decay=0.3),
    "L2 0.001": Arm(l2=1e-3),
    "dropout 0.5": Arm(dropout=0.5),
    "smoothing 0.1": Arm(label_smoothing=0.1),
    "batch norm": Arm(norm="batch"),
    "group norm": Arm(norm="group"),
    "shifts of 4": Arm(shift=4),
}


@dataclass
class Arms:
    """Curves [seeds, arms, recorded]; NaN: not there yet, or diverged. recorded: updates made.

    Errors are shares, of training lines by their labels as given; losses mean cross entropies in
    nats, without smoothing, dropout or shifts.
    """

    labels: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    recorded: tuple[int, ...]
    train_error: Tensor
    validation_error: Tensor
    test_error: Tensor
    train_loss: Tensor
    validation_loss: Tensor
    test_loss: Tensor
    progress: float = 0.0

    def difference(self, arm: Arm, other: Arm = PLAIN, what: str = "test_error") -> Interval:
        """Of one arm minus another at the end, paired by seed."""
        curves = getattr(self, what)[:, :, -1]
        return paired_interval(*(curves[:, self.arms.index(one)] for one in (arm, other)))


def ahead_of_all(lines: Arms, names: Sequence[str]) -> list[str]:
    """Of `names`, of ARMS, whoever errs less than each other, by the intervals at the end.

    One, or none where the best two cannot be told apart.
    """

    def ahead(name: str, other: str) -> bool:
        return lines.difference(ARMS[name], ARMS[other]).high < 0

    return [name for name in names if all(ahead(name, it) for it in names if it != name)]


def split_of(labels: str, seed: int) -> Split:
    """The lines of one seed at one of LABELS; validation labels are as often wrong."""
    return mnist1d(seed, noise=LABELS[labels])


def factor(steps: int, step: int) -> float:
    """What multiplies lr at a step: min(1, (t + 1)/50)·(1 + cos(πt/T))/2."""
    return linear_warmup(step, WARM_UP - 1, 1 / WARM_UP) * cosine_decay(step, steps)


@remembered
def compute_arms(
    labels: str = "all right",
    arms: tuple[Arm, ...] = tuple(ARMS.values()),
    seeds: tuple[int, ...] = SEEDS,
    steps: int = STEPS,
) -> Iterator[Arms]:
    """Train every arm at every seed, those of one norm together; yield `Arms` that fill in.

    The first at once, with nothing in it.
    """
    require_choice("labels", labels, tuple(LABELS))
    require_whole("steps", steps, 1)
    arms, seeds = tuple(arms), tuple(seeds)
    recorded = tuple(step for step in RECORDED if step < steps) + (steps,)
    curves = torch.full((6, len(seeds), len(arms), len(recorded)), torch.nan)
    found = Arms(labels, arms, seeds, recorded, *curves)
    yield snapshot(found, 0.0)
    by_norm = {norm: [i for i, arm in enumerate(arms) if arm.norm == norm] for norm in NORMS}
    done = dict.fromkeys(by_norm, 0.0)  # arms, of those of each norm

    def trained(norm: str | None, workers: int) -> Generator[None, None, None]:
        """The arms of one norm, whose curves fill in."""
        places = by_norm[norm]
        columns = [asdict(arms[i]) for i in places]
        for training in train(
            ConvSpec(norm=norm),
            partial(split_of, labels),
            {name: [one[name] for one in columns] for name in columns[0] if name != "norm"},
            seeds,
            update=adam_update,
            steps=steps,
            batch_size=BATCH,
            record_at=recorded,
            schedule=partial(factor, steps),
            validate=True,
            workers=workers,
            keep_parameters=False,
        ):
            for i, part in enumerate(CURVES):
                curves[i, :, places] = 1 - getattr(training, f"{part}_accuracy")
                curves[3 + i, :, places] = getattr(training, f"{part}_loss")
            done[norm] = training.progress * len(places)
            yield

    alone = [norm for norm, places in by_norm.items() if len(places) == 1]
    others = [norm for norm, places in by_norm.items() if len(places) > 1]
    for some in (*([norm] for norm in others), alone):
        # an arm alone is mostly calls, which threads wait for: all its seeds on one, beside another
        for _ in side_by_side([trained(norm, 2 if len(some) == 1 else 1) for norm in some]):
            yield snapshot(found, sum(done.values()) / len(arms))

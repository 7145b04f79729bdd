"""What dropout does to a network on noisy digits, from no dropout to nearly all dropped.

64-128-10 networks, AdamW at 0.002 without decay, batches of 50, 1000 steps. Two stages: 300 digits
of which 60 carry a wrong label, or 200 with right ones; the test rows are all others, with right
labels. Every p of a seed shares split, initial weights, batch order and noise field.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from course_lib.base.random import seeded
from course_lib.data import Split, digits
from course_lib.dropout import dropout
from course_lib.engine import ModelSpec, train
from course_lib.engine.cache import remembered
from course_lib.engine.job import Looker
from course_lib.experiments.shared.forward import forward
from course_lib.statistics import paired_interval

STAGES = {"20 % wrong": (300, 0.2), "all right": (200, 0.0)}  # labels → rows, label noise
PS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.96)
SPEC = ModelSpec((64, 128, 10))
STEPS = 1000
SEEDS = tuple(range(20, 32))
PLAIN = 0.0, 0.0  # (p, decay): neither
RECORDED = (0, 10, 20, 40, 70, 100, 150, 200, 300, 400, 600, 800, STEPS)


def split_of(stage: str, seed: int) -> Split:
    """The rows of one seed at one of STAGES; all that are not trained on are test rows."""
    rows, noise = STAGES[stage]
    return digits(rows, 0, label_noise=noise, scale="unit", seed=seed)


def recorded_until(steps: int) -> tuple[int, ...]:
    """Those of RECORDED that come before `steps`, and `steps`."""
    return *(step for step in RECORDED if step < steps), steps


def watch(
    data: Callable[[int], Split],
    seeds: Sequence[int],
    stops: Sequence[int],
    look: Looker,
    settings: Sequence[tuple[float, float]] = (PLAIN,),
) -> None:
    """Train to the last of `stops` for what `look` sees at each of them; nothing else is kept.

    data: seed → rows. settings: (p, decay) of each network of a seed.
    """
    ps, decays = map(list, zip(*settings))
    for _ in train(
        SPEC,
        data,
        {"dropout": ps, "lr": 2e-3, "weight_decay": decays},
        seeds,
        steps=stops[-1],
        batch_size=50,
        record_at=stops,
        look=look,
        keep_parameters=False,
    ):
        pass


@dataclass
class Curves:
    """Losses and errors [seeds, ps, recorded], masks off; NaN: not there yet.

    Training figures are on the training labels as given, wrong ones included. parameters: those of
    the end, a list [ps, …] per seed.
    """

    stage: str
    seeds: tuple[int, ...]
    train_loss: Tensor
    test_loss: Tensor
    train_error: Tensor
    test_error: Tensor
    parameters: list[list[Tensor]] = field(repr=False)
    progress: float = 0.0
    ps: tuple[float, ...] = PS
    steps: tuple[int, ...] = RECORDED

    def at(self, p: float) -> int:
        """The place of p on the second axis."""
        return self.ps.index(p)

    def network(self, s: int, p: float) -> list[Tensor]:
        """Parameters of seed number s at this p, at the end: W₁ [128, 64], b₁, W₂ [10, 128], b₂."""
        return [parameter[self.at(p)] for parameter in self.parameters[s]]


@remembered
def compute_curves(
    stage: str = "20 % wrong",
    seeds: tuple[int, ...] = SEEDS,
    ps: tuple[float, ...] = PS,
    steps: int = STEPS,
) -> Iterator[Curves]:
    """Train every p at every seed; yield `Curves` that fill in.

    Fewer `steps` are the beginning of the same runs.
    """
    grid = {"dropout": list(ps), "lr": 2e-3, "weight_decay": 0.0}
    recorded = recorded_until(steps)
    for training in train(
        SPEC,
        lambda seed: split_of(stage, seed),
        grid,
        seeds,
        steps=steps,
        batch_size=50,
        record_at=recorded,
    ):
        yield Curves(
            stage,
            tuple(seeds),
            training.train_loss,
            training.test_loss,
            1 - training.train_accuracy,
            1 - training.test_accuracy,
            training.parameters,
            training.progress,
            tuple(ps),
            recorded,
        )


def stopped(curves: Curves, p: float) -> tuple[int, Tensor]:
    """The recorded step with the lowest *mean* test error, and the test errors [seeds] there.

    An oracle: it looks at the test rows, so its error is a little better than an honest choice of
    the step would get.
    """
    error = curves.test_error[:, curves.at(p)]
    i = int(error.nanmean(0).nan_to_num(nan=torch.inf).argmin())
    return curves.steps[i], error[:, i]


def table(curves: Curves) -> str:
    """Mean test errors at the end and at `stopped`, and its step, a line for each p."""
    lines = [f"{'test error':<10}   step {curves.steps[-1]}   stopped in time   at step"]
    for p in curves.ps:
        end, (step, best) = curves.test_error[:, curves.at(p), -1], stopped(curves, p)
        lines.append(f"p = {p:<6g} {end.mean():11.1%} {best.mean():17.1%} {step:9}")
    return "\n".join(lines)


def fits_as_well(curves: Curves, p: float, by: str = "train_loss") -> int:
    """The step at which the plain network's mean figure passes that of this p at the end.

    by: the figure, "train_loss" or "train_error". Between two recorded steps it is taken to fall on
    a straight line.
    """
    figure = getattr(curves, by)
    plain, target = (figure[:, curves.at(which)].mean(0).double() for which in (0.0, p))
    i = int((plain <= target[-1]).double().argmax())  # the first recorded step below it
    if i == 0:
        return curves.steps[-1] if plain[0] > target[-1] else 0
    (a, b), (before, after) = curves.steps[i - 1 : i + 1], plain[i - 1 : i + 1]
    return round(a + (b - a) * ((before - target[-1]) / (before - after)).item())


def equal_fits(curves: Curves, p: float) -> dict[str, Curves]:
    """The plain network stopped where it fits as well as this p at the end: by "loss", "error"."""
    found = {}
    for by in ("loss", "error"):
        stop = fits_as_well(curves, p, f"train_{by}")
        *_, found[by] = compute_curves(curves.stage, curves.seeds, (0.0,), stop)
    return found


def told_apart(figures: dict[str, Tensor]) -> str | None:
    """Whose figures [seeds] are lowest in the mean.

    None unless the paired intervals tell it from every other.
    """
    first, *others = sorted(figures, key=lambda name: figures[name].mean().item())
    apart = all(paired_interval(figures[other], figures[first]).low > 0 for other in others)
    return first if apart else None


def losses_by_mask(
    network: list[Tensor],
    x: Tensor,
    y: Tensor,
    p: float,
    draws: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean cross entropy [draws] of the network under `draws` fresh masks for every row."""
    h = forward(network, x, layers=1)
    thinned = (dropout(h, p, True, generator) for _ in range(draws))
    return torch.stack([cross_entropy(forward(network[2:], kept), y) for kept in thinned])


@dataclass
class ThreeLosses:
    """Training losses [seeds] of the plain network, and with dropout: its masks off, and on."""

    plain: Tensor
    off: Tensor
    on: Tensor

    def table(self) -> str:
        """Their means, a line and a bar each."""
        named = {"1. plain": self.plain, "2. masks off": self.off, "3. masks on": self.on}
        means = {name: loss.mean().item() for name, loss in named.items()}
        return "\n".join(f"{k:<13} {v:.2f}  {'█' * round(100 * v)}" for k, v in means.items())


def three_losses(curves: Curves, p: float = 0.5, draws: int = 50) -> ThreeLosses:
    """The three numbers on the training rows at the end of training.

    Each `on` is a mean over `draws` masks a row.
    """
    on = []
    for s, seed in enumerate(curves.seeds):
        split, generator = split_of(curves.stage, seed), seeded(seed)
        network = curves.network(s, p)
        on.append(losses_by_mask(network, split.train_x, split.train_y, p, draws, generator).mean())
    return ThreeLosses(
        curves.train_loss[:, curves.at(0.0), -1],
        curves.train_loss[:, curves.at(p), -1],
        torch.stack(on),
    )


def loss_by_label(curves: Curves, p: float) -> tuple[Tensor, Tensor]:
    """Mean training loss [seeds] at the end: on rows with a right label, with a wrong one.

    Masks are off.
    """
    losses = []
    for s, seed in enumerate(curves.seeds):
        split = split_of(curves.stage, seed)
        z = forward(curves.network(s, p), split.train_x)
        loss = cross_entropy(z, split.train_y, reduction="none")
        wrong = split.train_y != split.clean_train_y
        losses.append(torch.stack([loss[~wrong].mean(), loss[wrong].mean()]))
    right, wrong = torch.stack(losses).T
    return right, wrong


def without_each_unit(network: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """By how much the mean cross entropy rises [units] when one hidden unit alone is set to 0.

    Masks are off.
    """
    h = forward(network, x, layers=1)
    whole = forward(network[2:], h)  # [rows, classes]
    # without unit j's share: [rows, units, classes]
    lacking = whole.unsqueeze(1) - h.unsqueeze(2) * network[2].T
    right = y.view(-1, 1, 1).expand(-1, h.shape[1], 1)
    return -log_softmax(lacking, -1).gather(-1, right).squeeze(-1).mean(0) - cross_entropy(whole, y)


def unit_removal(curves: Curves, p: float, on: str = "train") -> Tensor:
    """`without_each_unit` on every seed's training or test rows [seeds, units], largest first."""
    rises = []
    for s, seed in enumerate(curves.seeds):
        split = split_of(curves.stage, seed)
        rises.append(
            without_each_unit(
                curves.network(s, p), getattr(split, f"{on}_x"), getattr(split, f"{on}_y")
            )
        )
    return torch.stack(rises).sort(1, descending=True).values


def timidity(curves: Curves, p: float) -> Tensor:
    """Accuracy minus mean confidence on the test rows [seeds]; above 0: more right than it says."""
    gaps = []
    for s, seed in enumerate(curves.seeds):
        split = split_of(curves.stage, seed)
        confidence, answer = forward(curves.network(s, p), split.test_x).softmax(1).max(1)
        gaps.append((answer == split.test_y).float().mean() - confidence.mean())
    return torch.stack(gaps)

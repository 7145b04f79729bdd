"""Does BatchNorm regularize? Statistics of a whole batch, of small parts of it, or no norm at all.

    ghost batches (Hoffer, Hubara & Soudry 2017): a batch of B rows is normalised part by part, each
    part of b rows by its own mean and variance; the gradient step is that of the whole batch

So the noise of the statistics grows, and as little else as possible does. 320 digits, every fifth
label wrong; a 64-64-64-10 network, SGD; all seeds train side by side, their weights stacked. The
norm is the layer of the lesson, with γ and β.

A norm whose statistics have no noise at all, those of all 320 rows, is `compare_without_noise`.
Can the test come out positive? `compare_more_rows` sends a network through it that must fit better,
for it sees twice as many digits; `compare_dropout` one with a regularizer that lowers the test
error on noisy digits elsewhere (lesson 06).

Whoever has memorised less errs less, whatever slowed him. So the arms are compared after the same
number of steps, each at its best step, and where they have memorised the same share of the labels
(`Ghost.at_share`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_lib.base.random import seeded
from course_lib.data import digits
from course_lib.dropout import dropout
from course_lib.engine import ModelSpec
from course_lib.engine.cache import remembered
from course_lib.experiments.shared.gradient_noise import batches

ARMS = {"no norm": 0, "batch of 64": 64, "parts of 4": 4}  # rows that share their statistics
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # the same for all arms
# What `choose_rates` finds. No norm errs alike at 0.03 and 0.1, the whole batch at 0.01 and 0.03.
CHOSEN = {"no norm": 0.03, "batch of 64": 0.01, "parts of 4": 0.1}
JUDGED = (0.01, 0.03, 0.1)  # on test rows, for all arms: those chosen, and those that tie with them
PILOTS, SEEDS = tuple(range(100, 104)), tuple(range(12))  # pilots are used for nothing else
ROWS, BATCH, EPS = 320, 64, 1e-5
COMMON = CHOSEN["parts of 4"]  # one rate for all arms: there each memorises nearly all labels
SHARES = (0.25, 0.5, 0.75)  # of the wrong labels, reproduced
ALL = "all 320 rows"  # the arm whose statistics are those of all training rows: without noise
# The control that ought to fit better: the batch of 64, with twice the rows to draw it from.
MORE, MANY = "batch of 64, 640 rows", 2 * ROWS
# A known regularizer: the batch of 64, and behind its last norm and ReLU dropout at p = 0.5, the
# value that lesson 06 begins with. Chosen by argument: behind the last norm no variance shifts.
DROPPED, DROP = "batch of 64, dropout", 0.5


@dataclass
class Ghost:
    """Figures along each run [seeds, looks], by arm and rate.

    steps: where was looked. error: on test rows. given, wrong: shares of the training rows whose
    given label is reproduced in evaluation, of all and of those whose label is wrong.
    """

    steps: tuple[int, ...]
    error: dict[tuple[str, float], Tensor]
    given: dict[tuple[str, float], Tensor]
    wrong: dict[tuple[str, float], Tensor]

    def beside(self, other: "Ghost") -> "Ghost":
        """The arms of both; `other` was looked at after the same steps."""
        given, wrong = self.given | other.given, self.wrong | other.wrong
        return Ghost(self.steps, self.error | other.error, given, wrong)

    def at_end(self, arm: str, lr: float) -> Tensor:
        """Test error after the last step [seeds]."""
        return self.error[arm, lr][:, -1]

    def best_step(self, arm: str, lr: float) -> int:
        """The step of the lowest mean test error: it looks at test rows, for all arms alike."""
        return self.steps[int(self.error[arm, lr].mean(0).argmin())]

    def at_best(self, arm: str, lr: float) -> Tensor:
        """Test error at the best step [seeds]."""
        return self.error[arm, lr][:, self.steps.index(self.best_step(arm, lr))]

    def at_share(self, arm: str, lr: float, share: float, of: str = "wrong") -> Tensor:
        """Test error where so large a `share` of the labels is first reproduced [seeds].

        of: "wrong" or "given". Between two looks in proportion; NaN where it never is.
        """
        return self._when(arm, lr, share, of, self.error[arm, lr].double())

    def steps_to(self, arm: str, lr: float, share: float, of: str = "wrong") -> Tensor:
        """The step at which it is [seeds]; as `at_share`."""
        shape = self.error[arm, lr].shape
        return self._when(arm, lr, share, of, torch.tensor(self.steps).double().expand(shape))

    def _when(self, arm: str, lr: float, share: float, of: str, values: Tensor) -> Tensor:
        """`values` [seeds, looks] where the share is first reached [seeds]."""
        shares = getattr(self, of)[arm, lr].double()
        reached = shares >= share
        at = reached.double().argmax(1, keepdim=True).clamp(min=1)  # the first look that has it
        (low, high), (start, end) = (
            (figure.gather(1, at - 1), figure.gather(1, at)) for figure in (shares, values)
        )
        part = ((share - low) / (high - low)).nan_to_num(0).clamp(0, 1)
        found = (start + part * (end - start)).squeeze(1)
        return found.masked_fill(~reached.any(1), torch.nan)


def choose_rates(steps: int = 800) -> dict[str, float]:
    """Of `RATES` the one with the lowest validation error in `try_rates`, by arm.

    Of rates that err alike the smallest.
    """
    tried = try_rates(steps)
    return {arm: min(errors, key=errors.__getitem__) for arm, errors in tried.items()}


def try_rates(steps: int = 800) -> dict[str, dict[float, float]]:
    """Mean validation error of the pilot seeds at its best step, by arm and rate."""

    def lowest(part: int, lr: float) -> float:
        error = _train(part, lr, PILOTS, steps, "validation")[0].double()
        return round(error.mean(0).min().item(), 6)  # so that as many wrong rows are as good

    return {arm: {lr: lowest(part, lr) for lr in RATES} for arm, part in ARMS.items()}


@remembered
def compare_ghost_batches(
    seeds: tuple[int, ...] = SEEDS, steps: int = 800, rates: tuple[float, ...] = JUDGED
) -> Iterator[Ghost]:
    """The arms at each of the rates, one by one; partial results have some missing."""
    figures: tuple[dict[tuple[str, float], Tensor], ...] = {}, {}, {}
    for arm, part in ARMS.items():
        for lr in rates:
            for figure, looks in zip(figures, _train(part, lr, seeds, steps, "test")):
                figure[arm, lr] = looks
            error, given, wrong = map(dict, figures)
            yield Ghost(tuple(range(20, steps + 1, 20)), error, given, wrong)


@remembered
def compare_without_noise(
    seeds: tuple[int, ...] = SEEDS, steps: int = 800, lr: float = COMMON
) -> Iterator[Ghost]:
    """The arm `ALL` at one rate: one result.

    Each step normalises all training rows together and takes the loss of its batch alone.
    """
    yield _alone(ALL, lr, _train(ROWS, lr, seeds, steps, "test"))


@remembered
def compare_more_rows(
    seeds: tuple[int, ...] = SEEDS, steps: int = 800, lr: float = COMMON
) -> Iterator[Ghost]:
    """The arm `MORE` at one rate: one result.

    Of its 640 rows 320 are those of the other arms, and every fifth label is wrong again; it is
    judged on the test rows that are left, 320 fewer. The start is that of the batch of 64.
    """
    yield _alone(MORE, lr, _train(BATCH, lr, seeds, steps, "test", count=MANY))


@remembered
def compare_dropout(
    seeds: tuple[int, ...] = SEEDS, steps: int = 800, lr: float = COMMON
) -> Iterator[Ghost]:
    """The arm `DROPPED` at one rate: one result.

    Data, start and batches are those of the batch of 64; the masks are drawn from a seed of their
    own.
    """
    yield _alone(DROPPED, lr, _train(BATCH, lr, seeds, steps, "test", drop=DROP))


def _alone(arm: str, lr: float, found: Sequence[Tensor]) -> Ghost:
    """One arm at one rate, from what `_train` found."""
    error, given, wrong = ({(arm, lr): figure} for figure in found)
    return Ghost(tuple(20 * (k + 1) for k in range(found[0].shape[1])), error, given, wrong)


def _train(
    part: int,
    lr: float,
    seeds: tuple[int, ...],
    steps: int,
    judged: str,
    *,
    drop: float = 0.0,
    count: int = ROWS,
) -> tuple[Tensor, Tensor, Tensor]:
    """Every 20 steps [seeds, looks]: errors on the `judged` rows, shares of labels reproduced.

    Those of all training rows, and of those whose label is wrong. drop: p of dropout in front of
    the last layer. count: of training rows.
    """
    data = [digits(count, label_noise=0.2, seed=seed, clean_validation=True) for seed in seeds]
    x, y, judge_x, judge_y = (
        torch.stack([getattr(one, f"{rows}_{kind}") for one in data])
        for rows in ("train", judged)
        for kind in "xy"
    )
    wrong = y != torch.stack([one.clean_train_y for one in data])
    start = [ModelSpec((64, 64, 64, 10)).initial(seed) for seed in seeds]
    layers = [torch.stack(list(same)).requires_grad_() for same in zip(*start)]
    gains = [torch.ones(len(seeds), 1, 64, requires_grad=True) for _ in range(2)]
    shifts = [torch.zeros(len(seeds), 1, 64, requires_grad=True) for _ in range(2)]
    affine = list(zip(gains, shifts))
    memory: list[list[Tensor]] = [[torch.zeros(()), torch.ones(())] for _ in affine]
    parameters = [*layers, *gains, *shifts]
    errors: list[Tensor] = []
    fitted: list[Tensor] = []
    orders = [batches(count, BATCH, generator=seeded(seed, "batches")) for seed in seeds]
    masks = [seeded(seed, "dropout masks") for seed in seeds]
    for step in range(1, steps + 1):
        rows = torch.stack([next(order) for order in orders])[..., None]
        if part <= BATCH:
            seen = x.gather(1, rows.expand(-1, -1, 64))
            z = _forward(seen, layers, affine, part, memory, drop=drop, masks=masks)
        else:  # statistics of all rows, the loss of these
            z = _forward(x, layers, affine, part, memory).gather(1, rows.expand(-1, -1, 10))
        loss = torch.nn.functional.cross_entropy(
            z.flatten(0, 1), y.gather(1, rows[..., 0]).flatten(), reduction="sum"
        )
        gradients = torch.autograd.grad(loss / BATCH, parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                if gradient is not None:  # without a norm there are no γ, β
                    parameter -= lr * gradient
            if step % 20 == 0:
                said, kept = (
                    _forward(z, layers, affine, part, memory, training=False).argmax(-1)
                    for z in (judge_x, x)
                )
                errors.append((said != judge_y).float().mean(1))
                fitted.append((kept == y).float())
    given = torch.stack(fitted, 2)  # [seeds, rows, looks]
    learnt = (given * wrong[..., None]).sum(1) / wrong.sum(1, keepdim=True)
    return torch.stack(errors, 1), given.mean(1), learnt


def _forward(
    h: Tensor,
    layers: list[Tensor],
    affine: list[tuple[Tensor, Tensor]],
    part: int,
    memory: list[list[Tensor]],
    training: bool = True,
    drop: float = 0.0,
    masks: Sequence[Generator] = (),
) -> Tensor:
    """Logits [seeds, rows, 10]; layers: weight [seeds, out, in] and bias [seeds, out], in turn.

    affine: γ and β [seeds, 1, units] of each norm. drop: p of dropout in front of the last layer,
    its masks drawn from one of `masks` for each seed.
    """
    *hidden, (last, last_bias) = zip(layers[::2], layers[1::2])
    for (weight, bias), (gamma, beta), kept in zip(hidden, affine, memory):
        h = torch.baddbmm(bias[:, None], h, weight.mT)
        if part:
            h = gamma * _normalised(h, part, kept, training) + beta
        h = h.relu()
    if drop:
        h = torch.stack([dropout(one, drop, generator=mask) for one, mask in zip(h, masks)])
    return torch.baddbmm(last_bias[:, None], h, last.mT)


def _normalised(z: Tensor, part: int, memory: list[Tensor], training: bool) -> Tensor:
    """Activations z [seeds, rows, units] by the statistics of each part, or by the remembered."""
    if not training:
        return (z - memory[0]) / (memory[1] + EPS).sqrt()
    parts = z.unflatten(1, (-1, part))
    mean, variance = parts.mean(2, keepdim=True), parts.var(2, correction=0, keepdim=True)
    for kept, new in enumerate((mean, variance * part / (part - 1))):
        memory[kept] = 0.9 * memory[kept] + 0.1 * new.detach().mean(1)
    return ((parts - mean) / (variance + EPS).sqrt()).flatten(1, 2)

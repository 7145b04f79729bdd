"""Is dropout's looser fit the price of its penalty, or had 1000 steps been too few?

The networks of `curves` without dropout and with it, trained ten times as long; on the way the
three losses of `curves.three_losses`, and both test errors. If the loss with masks on, which
training makes small, no longer falls, and the one with masks off is still above the plain
network's, the gap is no lateness. The runs take half a minute; those of base 0 are kept.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.experiments.dropout import curves
from course_lib.experiments.shared.forward import forward
from course_lib.records import store

STOPS = (1000, 2000, 5000, 10000)


@dataclass
class Longer(curves.ThreeLosses):
    """And the test errors [seeds], masks off: of the plain network, and with dropout."""

    plain_error: Tensor
    error: Tensor


NAMES = tuple(part.name for part in fields(Longer))


def compute_longer(
    p: float = 0.5,
    seeds: tuple[int, ...] = curves.SEEDS,
    stops: tuple[int, ...] = STOPS,
    draws: int = 50,
) -> dict[int, Longer]:
    """The three training losses [seeds], in nats, and the test errors, at each of `stops`.

    Each `on` is a mean over `draws` masks a row.
    """
    splits = {seed: curves.split_of("20 % wrong", seed) for seed in seeds}
    found = {step: Longer(*torch.full((len(NAMES), len(seeds)), torch.nan)) for step in stops}

    def look(seed: int, part: slice, step: int, parameters: list[Tensor]) -> None:
        split, here, s = splits[seed], found[step], seeds.index(seed)
        x, y = split.train_x, split.train_y
        for place, network in zip(range(2)[part], zip(*parameters)):
            wrong = forward(network, split.test_x).argmax(1) != split.test_y
            (here.plain_error, here.error)[place][s] = wrong.float().mean()
            (here.plain, here.off)[place][s] = cross_entropy(forward(network, x), y)
            if place == 1:
                on = curves.losses_by_mask([*network], x, y, p, draws, seeded(seed))
                here.on[s] = on.mean()

    curves.watch(splits.__getitem__, seeds, stops, look, [curves.PLAIN, (p, 0.0)])
    return found


def losses(afresh: bool = False) -> dict[int, Longer]:
    """`compute_longer` on this base: as kept in `records/dropout/longer.json`, else trained.

    afresh: trained here and now.
    """
    found = {}
    for step in STOPS:
        known = [
            None if afresh else store.kept("dropout/longer", str(step), name) for name in NAMES
        ]
        if not all(known):
            return compute_longer()
        found[step] = Longer(*map(torch.tensor, known))
    return found


def table(found: dict[int, Longer]) -> str:
    """Their means, a line for each step."""
    lines = ["  step  1. plain  2. masks off  3. masks on   test error: plain  with dropout"]
    for step, one in found.items():
        plain, off, on = (loss.mean().item() for loss in (one.plain, one.off, one.on))
        lines.append(
            f"{step:6}  {plain:8.3f}  {off:12.3f}  {on:11.3f}   "
            f"{one.plain_error.mean():17.1%}  {one.error.mean():12.1%}"
        )
    return "\n".join(lines)

"""Is dropout's looser fit the price of its penalty, or had 1000 steps been too few?

The networks of `curves` without dropout and with it, trained ten times as long, and the three
losses of `curves.three_losses` on the way. If the loss with masks on, which training makes small,
no longer falls, and the one with masks off is still above the plain network's, the gap is no
lateness. The runs take half a minute; those of base 0 are kept.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.base.random import seeded
from course_lib.experiments.dropout import curves
from course_lib.experiments.shared.forward import forward
from course_lib.records import store

STOPS = (1000, 2000, 5000, 10000)
NAMES = ("plain", "off", "on")  # of the three losses


def compute_longer(
    p: float = 0.5,
    seeds: tuple[int, ...] = curves.SEEDS,
    stops: tuple[int, ...] = STOPS,
    draws: int = 50,
) -> dict[int, curves.ThreeLosses]:
    """The three training losses [seeds], in nats, at each of `stops`.

    Each `on` is a mean over `draws` masks a row.
    """
    splits = {seed: curves.split_of("20 % wrong", seed) for seed in seeds}
    found = torch.full((len(stops), 3, len(seeds)), torch.nan)

    def look(seed: int, part: slice, step: int, parameters: list[Tensor]) -> None:
        x, y = splits[seed].train_x, splits[seed].train_y
        here = found[stops.index(step), :, seeds.index(seed)]
        for place, network in zip(range(2)[part], zip(*parameters)):
            here[place] = cross_entropy(forward(network, x), y)
            if place == 1:
                on = curves.losses_by_mask([*network], x, y, p, draws, seeded(seed))
                here[2] = on.mean()

    curves.watch(splits.__getitem__, seeds, stops, look, [curves.PLAIN, (p, 0.0)])
    return {step: curves.ThreeLosses(*losses) for step, losses in zip(stops, found)}


def losses(afresh: bool = False) -> dict[int, curves.ThreeLosses]:
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
        found[step] = curves.ThreeLosses(*map(torch.tensor, known))
    return found


def table(found: dict[int, curves.ThreeLosses]) -> str:
    """Their means, a line for each step."""
    lines = ["  step  1. plain  2. masks off  3. masks on"]
    for step, one in found.items():
        plain, off, on = (loss.mean().item() for loss in (one.plain, one.off, one.on))
        lines.append(f"{step:6}  {plain:8.3f}  {off:12.3f}  {on:11.3f}")
    return "\n".join(lines)

"""What the average over networks is worth: over thinned ones, and over plain ones trained apart.

The networks of `curves`: 300 digits of which 60 carry a wrong label. An average is one of
probabilities. Networks trained apart share the rows and differ in start and batch order. Source:
Warde-Farley, Goodfellow, Courville & Bengio, "An empirical analysis of dropout in piecewise linear
networks", 2014, who compare the same averages.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from course_lib.base.random import seeded
from course_lib.dropout import dropout
from course_lib.experiments.dropout import curves
from course_lib.experiments.shared.forward import forward

ANSWERS = (
    "one thinned network",
    "mean of 200 thinned ones",
    "evaluation: the whole one",
    "one plain network",
    "mean of 5 plain ones",
)
MASKS, MEMBERS = 200, 5
APART = 100  # from one seed's members to the next seed's: a base has room for 10 000


@dataclass
class Averages:
    """Test error and test loss of each of ANSWERS: a tensor [seeds] by its name."""

    error: dict[str, Tensor]
    loss: dict[str, Tensor]


def log_probabilities(network: list[Tensor], x: Tensor, masks: Tensor) -> Tensor:
    """What a network says of x under masks [M, units] on its hidden layer: [M, rows, classes].

    A mask is the same for all rows: one thinned network.
    """
    hidden = forward(network, x, layers=1) * masks.unsqueeze(1)
    return forward(network[2:], hidden).log_softmax(-1)


def averaged(said: Tensor) -> Tensor:
    """Log of the mean probability [rows, classes] over the first axis of log probabilities."""
    return said.logsumexp(0) - torch.tensor(float(len(said))).log()


def compute_averages(
    p: float, steps: int, plain_steps: int, seeds: tuple[int, ...] = curves.SEEDS
) -> Averages:
    """Networks with dropout p after `steps`, and plain ones after `plain_steps`.

    One thinned network, and one plain one: the mean figure of all that are averaged.
    """
    *_, thinned = curves.compute_curves(seeds=seeds, ps=(p,), steps=steps)
    error: dict[str, list[Tensor]] = {name: [] for name in ANSWERS}
    loss: dict[str, list[Tensor]] = {name: [] for name in ANSWERS}
    members = _members(seeds, plain_steps)
    for s, seed in enumerate(seeds):
        split = curves.split_of("20 % wrong", seed)
        network, x = thinned.network(s, p), split.test_x
        units = torch.ones(MASKS, len(network[1]))
        masks = dropout(units, p, True, seeded(seed, "masks to average"))
        passes = log_probabilities(network, x, masks)
        whole = log_probabilities(network, x, units[:1])
        plain = torch.cat([log_probabilities(member, x, units[:1]) for member in members[s]])
        found = (passes, averaged(passes).unsqueeze(0), whole, plain, averaged(plain).unsqueeze(0))
        for name, said in zip(ANSWERS, found, strict=True):
            wrong = said.argmax(-1) != split.test_y
            error[name].append(wrong.float().mean())
            loss[name].append(torch.stack([nll_loss(one, split.test_y) for one in said]).mean())
    of_all = ({name: torch.stack(by) for name, by in one.items()} for one in (error, loss))
    return Averages(*of_all)


def _members(seeds: tuple[int, ...], steps: int) -> list[list[list[Tensor]]]:
    """Parameters of MEMBERS plain networks for each seed, trained on that seed's rows."""
    starts = tuple(APART * seed + k for seed in seeds for k in range(MEMBERS))
    *_, training = curves.train(
        curves.SPEC,
        lambda start: curves.split_of("20 % wrong", start // APART),
        {"dropout": 0.0, "lr": 2e-3, "weight_decay": 0.0},
        starts,
        steps=steps,
        batch_size=50,
        record_at=(steps,),
    )
    networks = [[parameter[0] for parameter in start] for start in training.parameters]
    return [networks[i : i + MEMBERS] for i in range(0, len(networks), MEMBERS)]


def table(at_end: Averages, at_best: Averages) -> str:
    """Mean test error and test loss of all ANSWERS, a line each."""
    lines = [f"{'':<25}        step 1000    at its best step", f"{'':<25}" + "   error   loss" * 2]
    for name in ANSWERS:
        figures = (
            f"{one.error[name].mean():8.1%} {one.loss[name].mean():6.2f}"
            for one in (at_end, at_best)
        )
        lines.append(f"{name:<25}{''.join(figures)}")
    return "\n".join(lines)

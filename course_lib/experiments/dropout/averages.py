"""What the average over networks is worth: over thinned ones, and over plain ones trained apart.

The networks of `curves`: 300 digits of which 60 carry a wrong label. An average is one of
probabilities. Networks trained apart share the rows and differ in start and batch order. A like
question: Warde-Farley, Goodfellow, Courville & Bengio, "An empirical analysis of dropout in
piecewise linear networks", 2014, whose ensembles are of thinned networks that share no weights.
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
STOPS = curves.RECORDED  # where plain networks are looked at


@dataclass
class Averages:
    """Test error and test loss [seeds] of each of ANSWERS by its name, and the step they are of."""

    error: dict[str, Tensor]
    loss: dict[str, Tensor]
    steps: dict[str, int]


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
    p: float, stop: int, seeds: tuple[int, ...] = curves.SEEDS, stops: tuple[int, ...] = STOPS
) -> tuple[Averages, Averages]:
    """All answers at the last of `stops`, and each stopped at its best.

    Networks with dropout p are stopped at `stop`; one plain network, and five together, each at
    that one of `stops` with its lowest mean test error. One thinned network, and one plain one: the
    mean figure of all that are averaged.
    """
    plain, end = _plain(seeds, stops), stops[-1]
    best = plain[..., 0].mean(0).argmin(-1).tolist()  # of one, of five
    at_end = _gathered(_thinned(seeds, p, end), end, plain, stops, [len(stops) - 1] * 2)
    return at_end, _gathered(_thinned(seeds, p, stop), stop, plain, stops, best)


def _gathered(
    thinned: Tensor, step: int, plain: Tensor, stops: tuple[int, ...], places: list[int]
) -> Averages:
    """Figures [seeds, answers, 2] with dropout, at `step`, and of plain ones at `places`."""
    found = [*thinned.unbind(1), *(plain[:, k, place] for k, place in enumerate(places))]
    error, loss = ({name: one[:, i] for name, one in zip(ANSWERS, found)} for i in range(2))
    steps = [step] * thinned.shape[1] + [stops[place] for place in places]
    return Averages(error, loss, dict(zip(ANSWERS, steps)))


def _judged(said: Tensor, y: Tensor) -> Tensor:
    """Test error and test loss [2] of log probabilities [answers, rows, classes], their mean."""
    loss = torch.stack([nll_loss(one, y) for one in said]).mean()
    return torch.stack([(said.argmax(-1) != y).float().mean(), loss])


def _thinned(seeds: tuple[int, ...], p: float, steps: int) -> Tensor:
    """Figures [seeds, 3, 2] of the first three ANSWERS after `steps` with dropout p."""
    *_, trained = curves.compute_curves(seeds=seeds, ps=(p,), steps=steps)
    found = []
    for s, seed in enumerate(seeds):
        split, network = curves.split_of("20 % wrong", seed), trained.network(s, p)
        units = torch.ones(MASKS, len(network[1]))
        masks = dropout(units, p, True, seeded(seed, "masks to average"))
        passes = log_probabilities(network, split.test_x, masks)
        whole = log_probabilities(network, split.test_x, units[:1])
        answers = passes, averaged(passes).unsqueeze(0), whole
        found.append(torch.stack([_judged(said, split.test_y) for said in answers]))
    return torch.stack(found)


def _plain(seeds: tuple[int, ...], stops: tuple[int, ...]) -> Tensor:
    """Figures [seeds, 2, stops, 2] of one plain network and of MEMBERS averaged, at each stop."""
    networks, found = _members(seeds, stops), torch.empty(len(seeds), 2, len(stops), 2)
    for s, seed in enumerate(seeds):
        split = curves.split_of("20 % wrong", seed)
        for k, step in enumerate(stops):
            members = [networks[APART * seed + member, step] for member in range(MEMBERS)]
            whole = torch.ones(1, len(members[0][1]))
            each = [log_probabilities(member, split.test_x, whole) for member in members]
            said = torch.cat(each)
            found[s, 0, k] = _judged(said, split.test_y)
            found[s, 1, k] = _judged(averaged(said).unsqueeze(0), split.test_y)
    return found


def _members(seeds: tuple[int, ...], stops: tuple[int, ...]) -> dict[tuple[int, int], list[Tensor]]:
    """Parameters of MEMBERS plain networks for each seed, by (start, step), on that seed's rows."""
    networks: dict[tuple[int, int], list[Tensor]] = {}

    def look(start: int, settings: slice, step: int, parameters: list[Tensor]) -> None:
        networks[start, step] = [parameter[0].clone() for parameter in parameters]

    starts = [APART * seed + member for seed in seeds for member in range(MEMBERS)]
    curves.watch(lambda start: curves.split_of("20 % wrong", start // APART), starts, stops, look)
    return networks


def table(at_end: Averages, at_best: Averages) -> str:
    """Mean test error and test loss of all ANSWERS, a line each, and where each is stopped."""
    lines = [
        f"{'':<25}        step 1000      at its best step",
        f"{'':<25}" + "   error   loss" * 2 + "   step",
    ]
    for name in ANSWERS:
        figures = (
            f"{one.error[name].mean():8.1%} {one.loss[name].mean():6.2f}"
            for one in (at_end, at_best)
        )
        lines.append(f"{name:<25}{''.join(figures)} {at_best.steps[name]:6}")
    return "\n".join(lines)

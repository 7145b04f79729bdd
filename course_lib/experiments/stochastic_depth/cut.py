"""Can a trained network be made shorter afterwards? The last blocks cut off at test time.

The twelve-block networks of `training`, after 200 steps, without their last k blocks and without
any further training: dropped in training to p_L = 0.5, and always on. Beside them six blocks that
were trained as six.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.data import Split, digits
from course_lib.engine import outputs_of, train
from course_lib.engine.cache import remembered
from course_lib.experiments.stochastic_depth.training import DEPTH, SEEDS, spec_of, train_shorter
from course_lib.statistics import Interval, paired_interval

LAST = (0.5, 1.0)  # p_L
STEPS = 200
SHORTER = 6  # blocks, cut off, or trained alone
PER_BLOCK = 4  # parameters: weight, bias, weight, bias


@dataclass
class Cut:
    """error, nll [seeds, LAST, 0 … 12 blocks cut off], on test rows; alone: error of six [seeds].

    NaN: not there yet.
    """

    error: Tensor
    nll: Tensor
    alone: Tensor

    def difference(self, cut: int) -> Interval:
        """Test error with so many blocks cut off: dropped in training, minus always on."""
        return paired_interval(self.error[:, 0, cut], self.error[:, 1, cut])

    def spared(self, cut: int) -> Interval:
        """Test error of the network that dropped, so many blocks cut off, minus with all blocks."""
        return paired_interval(self.error[:, 0, cut], self.error[:, 0, 0])

    def lost(self) -> Tensor:
        """Test error lost by each cut, [seeds, LAST, 0 … 12 blocks cut off]."""
        return self.error - self.error[:, :, :1]

    def costs_more(self, cut: int) -> Interval:
        """Test error lost by this cut: always on, minus dropped in training."""
        lost = self.lost()[:, :, cut]
        return paired_interval(lost[:, 1], lost[:, 0])

    def against_alone(self) -> Interval:
        """Dropped in training and cut to six blocks, minus six trained as such: test error."""
        return paired_interval(self.error[:, 0, DEPTH - SHORTER], self.alone)


def without_last(parameters: list[Tensor], cut: int) -> list[Tensor]:
    """All parameters but those of the last `cut` blocks; the output layer's two stay."""
    *body, weight, bias = parameters
    return [*body[: len(body) - PER_BLOCK * cut], weight, bias]


@remembered
def cut_off(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> Iterator[Cut]:
    """Train once, then judge every length from twelve blocks down to none; yield a `Cut`."""

    def data(seed: int) -> Split:
        return digits(300, 0, label_noise=0.2, scale="unit", seed=seed)

    grid = {"survival": list(LAST), "lr": 2e-3, "weight_decay": 0.0}
    *_, training = train(spec_of("linear", DEPTH), data, grid, seeds, steps=steps)
    error = torch.full((len(seeds), len(LAST), DEPTH + 1), torch.nan, dtype=torch.float64)
    nll = error.clone()
    for i, (seed, parameters) in enumerate(zip(seeds, training.parameters)):
        split = data(seed)
        for cut in range(DEPTH + 1):
            kept = without_last(parameters, cut)
            logits = outputs_of(spec_of("linear", DEPTH - cut), kept, split.test_x)
            for k, said in enumerate(logits):
                nll[i, k, cut] = nn.functional.cross_entropy(said, split.test_y).item()
                error[i, k, cut] = (said.argmax(1) != split.test_y).double().mean().item()
    *_, six = train_shorter(last=(1.0,), depth=SHORTER, seeds=seeds, steps=steps, watch=False)
    yield Cut(error, nll, six.at("error")[:, 0])

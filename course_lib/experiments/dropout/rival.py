"""Does weight decay do what dropout does? Both tuned alike, left to run and stopped in time.

The digits and validation rows of `wide`, a fifth of the labels of both wrong, and the network of
`curves`: 64-128-10, AdamW at 0.002, batches of 50, 1000 steps. Five p and five decays, 0 among
both. Without a gradient a decay λ shrinks the weights by 1/e in 1/(0.002·λ) steps: 1000 at 0.5, as
long as the run, and 16 at 32, not three epochs. Each method's strength is that of the lowest mean
validation error: *left to run* at the last step, *stopped in time* over all recorded steps, and
then the step with it.
"""

from dataclasses import dataclass

from torch import Tensor

from course_lib.experiments.dropout import curves, wide

PS = (0.0, 0.3, 0.5, 0.7, 0.85)
DECAYS = (0.0, 0.5, 2.0, 8.0, 32.0)
METHODS = {"dropout": PS, "weight decay": DECAYS}


@dataclass
class Chosen:
    """A strength and a step as chosen: its mean validation error, and test errors [seeds]."""

    strength: float
    step: int
    validation: float
    error: Tensor


@dataclass
class Tried:
    """Validation and test errors of one method [seeds, strengths, steps], 0 to 1."""

    strengths: tuple[float, ...]
    steps: tuple[int, ...]
    validation: Tensor
    test: Tensor

    def left_to_run(self) -> Chosen:
        """The strength with the lowest mean validation error at the last step."""
        return self._chosen(slice(len(self.steps) - 1, None))

    def stopped_in_time(self) -> Chosen:
        """Strength and step with the lowest mean validation error."""
        return self._chosen(slice(None))

    def _chosen(self, among: slice) -> Chosen:
        mean, steps = self.validation[..., among].mean(0), self.steps[among]
        i, k = divmod(int(mean.argmin()), len(steps))
        error = self.test[:, i, among][:, k]
        return Chosen(self.strengths[i], steps[k], mean[i, k].item(), error)


def compute_rivals(
    seeds: tuple[int, ...] = curves.SEEDS, steps: int = curves.STEPS
) -> dict[str, Tried]:
    """Train every strength of both methods at every seed; for each of METHODS what was tried."""
    others = len(DECAYS) - 1  # without decay is without dropout: one network for both
    ps, decays = [*PS, *[0.0] * others], [*[0.0] * len(PS), *DECAYS[1:]]
    grid = {"dropout": ps, "lr": 2e-3, "weight_decay": decays}
    recorded, validation, test = wide.tried(128, grid, seeds, steps)
    places = list(range(len(PS))), [0, *range(len(PS), len(PS) + others)]
    return {
        name: Tried(strengths, recorded, validation[:, place], test[:, place])
        for (name, strengths), place in zip(METHODS.items(), places)
    }


def table(found: dict[str, Tried]) -> str:
    """Mean errors of every strength at the end and at the step that is best for it, a line each.

    A star marks what is chosen by the validation rows.
    """
    lines = [
        f"{'':<19}       step 1000          stopped in time",
        f"{'':<19}  validation   test    validation   test   step",
    ]
    for name, tried in found.items():
        end, stop = tried.left_to_run().strength, tried.stopped_in_time().strength
        for i, strength in enumerate(tried.strengths):
            alone = Tried((strength,), tried.steps, tried.validation[:, [i]], tried.test[:, [i]])
            cells = [f"{name} {strength:g}".ljust(19)]
            for one, best in ((alone.left_to_run(), end), (alone.stopped_in_time(), stop)):
                star = "*" if strength == best else " "
                cells.append(f"{one.validation:10.1%}{star} {one.error.mean():6.1%}  ")
            lines.append(f"{'  '.join(cells)} {alone.stopped_in_time().step:4}")
    return "\n".join(lines)

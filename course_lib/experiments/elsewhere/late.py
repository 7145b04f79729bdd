"""Does decay make a network add that already knows its training pairs by heart?

The transformer of `grokking`, without decay for its first 100 updates, when it knows all training
pairs, and with λ = 2 after them, to the same end. Beside it, to look at: a network that is never
decayed, at the learning rate that did best without decay (`carried`, "plain, more rates").
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.adamw import adam_update
from course_lib.base.arguments import Number, require_choice
from course_lib.base.optimizer import State
from course_lib.experiments.elsewhere.grokking import (
    DENSE,
    STEPS,
    Arm,
    Grokking,
    circles,
    compute_grokking,
    mirrors_known,
)
from course_lib.records import store

FROM, DECAYED, FAST = 100, Arm(weight_decay=2.0), Arm(lr=1e-2 * 10**0.625)
LATE, NEVER = "decay from update 100 on", "no decay, rate 0.042"
SEEDS = tuple(range(8))
TOLD = (
    *("training pairs after 100 updates", "test pairs after 100 updates"),
    *("test pairs at the end", "of these, mirror trained", "of these, the others"),
    "power of the two strongest",
)


def late_update(
    param: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: Number = 1e-3,
    betas: tuple[Number, Number] = (0.9, 0.999),
    l2: Number = 0.0,
    weight_decay: Number = 0.0,
) -> Tensor:
    """`adam_update`, whose decay begins with the update after FROM."""
    now = weight_decay if int(state.get("step", 0)) >= FROM else 0.0
    return adam_update(param, grad, state, lr=lr, betas=betas, l2=l2, weight_decay=now)


RUNS: dict[str, dict[str, Any]] = {
    LATE: {"arms": (DECAYED,), "update": late_update},
    NEVER: {"arms": (FAST,)},
}


def measured(what: str, seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Tensor:
    """Shares [seeds, 6] of one of RUNS, as TOLD: of pairs those right, of the embeddings' power."""
    options = RUNS[require_choice("what", what, tuple(RUNS))]
    *_, run = compute_grokking(seeds=tuple(seeds), steps=steps, record_at=(FROM,), **options)
    power = [circles(one[0, -1]).shares.topk(2).values.sum() for one in run.numbers]
    seen = run.train_accuracy[:, 0, 0], run.test_accuracy[:, 0, 0], run.test_accuracy[:, 0, -1]
    mirrors = mirrors_known(run, options["arms"][0])
    return torch.column_stack([*seen, mirrors, torch.stack(power)]).double()


def on_the_way(what: str = LATE, seeds: Sequence[int] = (0,), steps: int = STEPS) -> Grokking:
    """The same runs, to look at as they go."""
    options = RUNS[require_choice("what", what, tuple(RUNS))]
    *_, run = compute_grokking(seeds=tuple(seeds), steps=steps, record_at=DENSE, **options)
    return run


def known(what: str) -> Tensor:
    """`measured` at SEEDS, as stored in `course_lib/records/elsewhere/late.json`.

    What a claim is made of is trained where this base has no values, as in a run that is recorded.
    """
    require_choice("what", what, tuple(RUNS))
    if what == NEVER:  # nothing is claimed of it
        return torch.tensor(store.stored("elsewhere/late")[what]["0"], dtype=torch.float64)
    kept = store.kept("elsewhere/late", what)
    return torch.tensor(kept, dtype=torch.float64) if kept else measured(what)

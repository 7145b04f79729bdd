"""Tuned on one half of the seeds, judged by the other: no run is judged where it was picked."""

import torch
from torch import Tensor

from course_lib.base.arguments import require


def tuned(scores: Tensor, judged: Tensor | None = None) -> Tensor:
    """What each seed gets at the setting that the other half of the seeds finds lowest [seeds].

    scores, judged [seeds, …]: lower is better; at each seed all settings. `judged` is what is got,
    the scores where it is None. A diverged run (NaN) counts as 9. Raises ValueError for fewer than
    two seeds.
    """
    require("seeds", len(scores), 2)
    pick, get = (
        part.flatten(1).double().nan_to_num(nan=9.0)
        for part in (scores, scores if judged is None else judged)
    )
    half = len(pick) // 2
    first, second = pick[half:].mean(0).argmin(), pick[:half].mean(0).argmin()
    return torch.cat([get[:half, first], get[half:, second]])

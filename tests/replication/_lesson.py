"""A lesson small enough to be replicated in a test: three claims, one of them of wrong data."""

LESSON = """# %% [markdown]
# # A lesson

# %%
import torch

from course_lib.base.random import seeded
from course_lib.notebook import claim
from course_lib.statistics import mean_interval

# %%
values = {shift} + torch.randn(8, generator=seeded(0), dtype=torch.float64)
claim("A half is above 0.", measured=mean_interval(values), kind="measured", id="above",
      holds=lambda d: d.between(low=0))
claim("Nobody's.", measured=mean_interval(values + 1), kind="measured",
      holds=lambda d: d.between(low=0))

# %%
{more}
claim("Twice as much.", measured=mean_interval(2 * values), kind="measured", id="twice",
      holds=lambda d: d.between(low={bound}))
"""


def lesson(shift=0.5, bound=-9, more=""):
    """Its text."""
    return LESSON.format(shift=shift, bound=bound, more=more)

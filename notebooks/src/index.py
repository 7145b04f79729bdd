# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Regularization in PyTorch, with nothing to believe
#
# - **What this is.** Eleven lessons ask what keeps a network from memorising its training data. You need not believe a word of them: what a lesson claims, a cell computes before your eyes, and often enough it comes out otherwise than the textbooks say.
# - **For whom.** You train networks, or are about to, and want to know what weight decay, dropout or early stopping do, and when to leave them out.
# - **What you need.** Python, fitting a straight line, a derivative, a mean and a standard deviation. PyTorch's loop is in every lesson to copy; each term is explained where it comes first.
# - **How an hour looks.** You guess, move a picture, work it out by hand, read twenty lines of plain PyTorch, see it measured over many seeds, hear when not to use it, and write it yourself.
# - **On your own, perhaps late at night.** Nobody watches, nothing is graded, every wrong answer is answered with what it was, and you can stop anywhere and find your place again.
#
# Every picture is computed while you look, by the very code that a lesson explains. **Press Shift+Enter twice, then drag the slider** (or click it and use the arrow keys): a polynomial is fitted to twenty noisy points. What does a higher degree do?

# %% slideshow={"slide_type": "-"} tags=["setup"]
# what this page needs, and its first picture
try:
    from course_lib.notebook import (below, between, claim, fresh_seeds, predict,
                                     reveal, self_test, setup, standing)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch

from course_lib.base.random import seeded
from course_lib.explorers import overfitting as explore
from course_lib.learner.course_map import the_map, the_ways
from course_lib.statistics import mean_interval

setup()
explore.polynomials.show(degree=1, errors="hidden")

# %% [markdown]
# It comes nearer to the points. Whether it also comes nearer to the truth behind them is the question of [lesson 01](01_overfitting.ipynb). The sentence below a picture says in words what is seen.
#
# *This page takes ten minutes: go on with Shift+Enter, cell by cell.* Has this machine all it takes?

# %% tags=["timing"]
self_test()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Predict, then look
#
# A guess made *before* the answer is worth three readings after it, a wrong guess above all. So the lessons keep asking. Commit to an answer; it is kept, and shown beside what came out.
#
# When a lesson measures an effect it trains with several seeds and gives a **95 % interval** for the mean: a rule that covers the truth in 95 of 100 repetitions. Suppose this course holds a hundred such intervals, all honest.

# %%
predict("misses",
        "How many of a hundred honest 95 % intervals miss the truth they are about?",
        ["none, or they would not be honest", "about five, and nobody can say which",
         "about half"])

# %% [markdown]
# Where the truth is known one can count. We draw twelve numbers whose true mean is 0, make the interval of their mean, mean ± 2.201·s/√12 (Student's t), and do so ten thousand times: a hundred hundreds.
# The outputs below are folded: click the dots to open them.

# %%
draws = torch.randn(100, 100, 12, generator=seeded(0))
half_width = 2.201 * draws.std(2) / 12**0.5
missed = (draws.mean(2).abs() > half_width).sum(1)  # of each hundred

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# what came out
found = mean_interval(missed)
reveal("misses",
       from_interval={"none, or they would not be honest": below(0.5)(found),
                      "about five, and nobody can say which": between(4, 6)(found)},
       because="that is what 95 % means; so when one interval of this course surprises "
               "you, it may be one of those")

# %% jupyter={"outputs_hidden": true}
print("misses in the first twenty hundreds:", *missed[:20].tolist())

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what is claimed
claim("On average, four to six of a hundred honest 95 % intervals miss.",
      measured=mean_interval(missed), kind="measured", id="honest-intervals-miss",
      holds=between(4, 6))

# %% [markdown]
# ## Claims
#
# The cell above made a *claim*, and that is the heart of the course:
#
# - **Exact** claims are identities. They must hold to rounding, or the cell fails.
# - **Measured** claims are judged by an interval, against a bound that stood there before the run. They *hold*, *do not hold*, or stay *inconclusive*, and the text is true whichever comes out. A card shows the mean, in brackets its 95 % interval, and beside them what was asked.
#
# - **Checked** ones are simulations or spot checks; **timed** ones are about this machine.
#
# Four words stand for such verdicts, and mean the same in every lesson. Differences are taken seed by seed, and *the interval* is the 95 % interval of their mean.
#
# | | |
# |---|---|
# | **lower**, **higher** | all of the interval lies on that side of 0, or by the margin that is named |
# | **better**, **worse** | lower, or higher, in test error, unless another figure is named |
# | **told apart** | lower or higher: 0 lies outside the interval. *Not told apart* is not *equal* |
# | **small** | all of the interval lies within a margin around 0 that was named before the run |
#
# The verdict is computed, not typed. But whoever wrote a measured claim had looked at its seeds. So each was judged again, by the same bound, on seeds that nobody had looked at: *confirmed* means that they decide the same, *not confirmed* that they leave open what the lesson's own seeds had decided. Where those had left a claim open, it is *decided by fresh seeds only*, or still *open*. How many are what? (All claims, with their figures, stand in the [ledger](claims.md).)

# %%
fresh_seeds()

# %% [markdown]
# Where a claim is *not confirmed* or *open*, no prediction about it was wrong, and the text does not lean on it; where only fresh seeds decide, the text says so. Fresh seeds divide the same data anew: *confirmed* says that no accident of seeds decided, for these data and this setting, and nothing about other data.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The map
#
# *First* names lessons that make one easier; nothing is locked. If you do not know where to begin, begin with 00. If you came for one thing, go there: each lesson says what it takes for granted. Minutes are for the core, by rule: 130 words and six lines of code a minute, one minute for a question and two for a picture that moves. Who stops to think needs half as long again. Sections called *Deeper* are folded and extra. Words you do not know stand in the [glossary](glossary.md), and what each lesson wants you to keep on the two pages of a [cheat sheet](cheatsheet.md).

# %%
the_map()

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Nine ways to learn
#
# Reading is one of nine, and not the best of them. An evening can be one lesson read; or one explorer played with; or ten cards.
#
# | | |
# |---|---|
# | **read** | the lesson, from top to bottom |
# | **predict** | commit to answers before you see them |
# | **play** | its explorers: move one thing at a time |
# | **see** | its picture, as a reminder |
# | **code** | exercises whose check says *what* you wrote, not just that it is wrong |
# | **debug** | broken scripts with faults that published material really had |
# | **test yourself** | a quiz with a reason for every option |
# | **recall** | cards that come back after 1, 3 and 7 days (also `course recall` in a terminal) |
# | **teach** | explain it in two minutes; `course slides 06` makes slides of a lesson |

# %%
the_ways()

# %% [markdown]
# ## Your progress
#
# Predictions, answers, cards and passed tasks are kept in one small file on this machine. Run the cell again whenever you like (`course progress` says the same).

# %% tags=["timing"]
standing()

# %% [markdown]
# A prediction that was wrong counts as made: that is what it is for. Good night, or good morning.

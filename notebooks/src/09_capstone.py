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
# # Capstone: choose, combine, and prove it
#
# Nine lessons' worth of knobs. Three questions are left: does a technique help *here*, or was it luck? What do several do together? Which strengths does one take?
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need lesson 01 (training, validation and test rows; early stopping); of the other techniques, what each is for.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (claim, predict, quiz, quiz_of,
                                     reveal, setup, show_source)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

from dataclasses import replace
from itertools import combinations

import torch

from course_lib.base.random import seeded
from course_lib.capstone import repeated_subsampling
from course_lib.data import spambase_or_breast_cancer
from course_lib.experiments.capstone.mixer import Setting, mix
from course_lib.experiments.capstone.search import chances, halve, search
from course_lib.experiments.capstone.spam_study import study
from course_lib.statistics import corrected_interval, mean_interval, paired_interval

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two guesses, two minutes, eleven knobs
#
# 300 digits to learn from, **a fifth of their labels wrong**; a small residual network, eight seeds. *Plain*: 600 steps of Adam, nothing else. *Everything*: also L1, L2, weight decay, smoothing, dropout, BatchNorm, stochastic depth and early stopping, with strengths nobody tuned. *Stopped early*: plain with early stopping alone.
# Two guesses before you see a curve. Figures are means on rightly labelled test rows; *lower* and *higher*: all of the 95 % interval of the paired difference lies on that side of 0. *All*, of a gain in error: to within a point.

# %%
predict("everything",
        "Everything at once, against the plain network after 600 steps (calibration "
        "error, ECE: how far confidence is from accuracy, lesson 05):",
        ["error and calibration error lower", "error lower, calibration error higher",
         "error higher", "something else"])

# %%
predict("stopping",
        "Of what everything gains in error over plain, early stopping alone gains …",
        ["all of it, or more", "more than half, not all", "less than half"])

# %% [markdown]
# Now play. Nearly every technique of the course has a knob; as they stand, all are off. Leave data, rows and wrong labels: they make the task. **With the other eleven, get the test error as low as you can.** A try takes some ten seconds: a dozen tries at most. Keep the line below the picture that says how your knobs stand.

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import capstone as explore

explore.mixer.show()

# %% [markdown]
# Better than plain? Three doubts, one for each part of this lesson:
#
# - How sure is a mean over a few repetitions on one data set? → *Prove*
# - Better than *what*? Plain had 600 steps to learn wrong labels by heart. → *Combine*
# - You looked at the **test** error of many settings, and kept the lowest. → *Choose*
#
# At the end you can report a comparison that a sceptic can check, and say how much a search flatters.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Prove: a study to repeat
#
# A lecture trains four networks to tell spam from mail, 57 features in, two layers of 100, two classes out: *plain*, with *dropout* 0.5, with *batch norm*, with *both* (Linear, BatchNorm, Dropout, ReLU). Ten times, says the text, it draws 20 % of 4601 e-mails to test on; a picture shows four intervals of the accuracy. Its conclusion:
#
# > While the intervals are too wide to be able to draw any final conclusions, both regularizaion [sic] techniques tend to lead to better results. Also, both normalization techniques improve stability, so that the confidence intervals are narrower.
#
# Ours is a study like it, not a copy: its networks and the 80/20 of its text; features standardised on the training part, 8 epochs of Adam at 0.003 for all, nothing chosen on test rows. (How the original was trained: *Deeper*.)

# %%
table = spambase_or_breast_cancer()
print(f"{table.name}: {table.x.shape[0]} rows, {table.x.shape[1]} features, "
      f"{table.y.double().mean():.0%} of class 1. {table.note}")

# %% [markdown]
# **What would count.** In each division the four networks share training rows, start and batch order: we judge the *difference* $d$ in accuracy, division by division.
#
# - A technique **improves** on plain if the 95 % interval of the mean difference lies above 0. (Below 0 it worsens; across 0 it is undecided.)
# - It makes intervals **narrower** if the interval of $s/s_\text{plain}$ lies below 1; $s$, the standard deviation over divisions, sets an interval's width.
#
# The interval of a mean is the textbook's: $\bar d \pm t\,s/\sqrt J$, $J$ repetitions, Student's $t$.

# %%
predict("ten", "Ten repetitions: which of dropout and batch norm improve on plain?",
        ["both are shown to", "one of the two is", "neither is shown to"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# 400 networks, eight at a time, half a minute; the first ten: a study as small as the
# lecture's
*_, ran = study(100)
ten = ran.first(10)
for variant in ("dropout", "batch norm", "both"):
    claim(f"10 repetitions: the network with {variant} improves on plain (difference "
          "in accuracy).",
          kind="measured", id=f"ten-{variant.replace(' ', '-')}",
          measured=ten.difference(variant, kind="naive"),
          holds=lambda d: d.between(low=0))
    claim(f"10 repetitions: with {variant} the interval is narrower (ratio of standard "
          "deviations).",
          kind="measured", id=f"ten-narrower-{variant.replace(' ', '-')}",
          measured=ten.spread(variant), holds=lambda ratio: ratio.between(high=1))

# %% jupyter={"outputs_hidden": true}
better = sum(ten.difference(variant, kind="naive").between(low=0) is True
             for variant in ("dropout", "batch norm"))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("ten", ("neither is shown to", "one of the two is", "both are shown to")[better],
       because=f"dropout {ten.difference('dropout', kind='naive')}, batch norm "
               f"{ten.difference('batch norm', kind='naive')}",
       rests="ten-dropout, ten-batch-norm")

# %% [markdown]
# Look how wide the intervals of the ratio are: from ten values, only a spread cut to about half could be seen.
#
# So repeat more often: a hundred are trained already. With $1/\sqrt J$ the interval gets as narrow as one likes. Is that so?

# %% [markdown] slideshow={"slide_type": "slide"}
# ### A world in which the truth is known
#
# A classifier that learns nothing is right with probability 0.9 on every e-mail: its true accuracy *is* 0.9. Draw 500 e-mails, divide them 100 times into 400 and 100, measure on each 100, form the interval. Do the same in 999 other worlds.

# %%
predict("coverage",
        "How often does the 95 % interval from 100 repetitions hold the true 0.9?",
        ["in about 95 % of the worlds", "in 70 to 90 %", "in 50 to 70 %",
         "in fewer than half"])

# %% [markdown]
# **What is wrong.** The repetitions are not independent. Two test sets of $n_{te}$ out of $n$ rows share $n_{te}^2/n$ on average, so two results, averages over them, are correlated: $\rho = n_{te}/n$. What is peculiar to *these* 500 e-mails is in every repetition, and is never averaged away.
# To the $\frac1J$ of independent results this adds $\frac{\rho}{1-\rho} = \frac{n_{te}}{n_{tr}}$ (*Deeper* derives it): Nadeau and Bengio's **corrected interval**,
#
# $$\bar d \pm t\,s\,\sqrt{\frac1J} \quad\longrightarrow\quad \bar d \pm t\,s\,\sqrt{\frac1J + \frac{n_{te}}{n_{tr}}}$$
#
# At 80/20 the new term is ¼: the half width never falls below $t\,s/2$. However many repetitions, together they are worth no more than **five** independent test sets of that size: the file holds no more rows than that ($1/\rho = n/n_{te}$). Both intervals, in all the worlds:

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
draw = seeded(0)


def one_world(truth=0.9):
    """Whether the naive and the corrected interval of 100 repetitions hold the
    truth."""
    right = (torch.rand(500, generator=draw) < truth).double()
    accuracy = [right[test].mean()
                for _, test in repeated_subsampling(500, 100, 0.2, draw)]
    both = mean_interval(accuracy), corrected_interval(accuracy, 400, 100)
    return [not found.excludes(truth) for found in both]


naive, corrected = map(mean_interval,
                       torch.tensor([one_world() for _ in range(1000)]).double().T)
claim("The naive 95 % interval holds the truth in fewer than half of the worlds.",
      measured=naive,
      kind="measured", id="naive-coverage", holds=lambda share: share.between(high=0.5))
claim("The corrected one does in 90 to 99 % of them.", measured=corrected,
      kind="measured", id="corrected-coverage",
      holds=lambda share: share.between(0.90, 0.99))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("coverage",
       "in fewer than half" if naive.between(high=0.5) else "in 50 to 70 %"
       if naive.between(0.5, 0.7) else "in 70 to 90 %" if naive.between(0.7, 0.9)
       else "in about 95 % of the worlds" if naive.between(low=0.9) else None,
       because=f"naive {naive.mean:.0%}, corrected {corrected.mean:.0%}",
       rests="naive-coverage")

# %% tags=["nbval-check-output"]
# by hand: mean 0.1, s = 0.294392, t = 3.182446 with 3 degrees of freedom
d = torch.tensor([0.1, -0.3, 0.4, 0.2], dtype=torch.float64)
claim("corrected_interval is d ± t·s·√(1/J + n_te/n_tr): by hand for four values and "
      "an 80/20 division.",
      measured=[corrected_interval(d, 80, 20).half_width,
                3.182446 * 0.294392 * (1 / 4 + 20 / 80) ** 0.5],
      holds=lambda w: abs(w[0] / w[1] - 1) < 1e-5)
# s is ½ (for large J)
coin = {J: torch.tensor([0.0, 1.0], dtype=torch.float64).repeat(J // 2)
        for J in (10, 1000, 100_000)}
claim("For J values, half of them 0 and half 1, the naive half width goes to 0 as "
      "1/√J; the corrected one (80/20) stays above 0.49.",
      measured={J: [mean_interval(v).half_width,
                    corrected_interval(v, 80, 20).half_width] for J, v in coin.items()},
      holds=lambda w: abs(w[100_000][0] / w[1000][0] - 0.1) < 1e-3
            and min(pair[1] for pair in w.values()) > 0.49)

# %% [markdown]
# For a model that learns nothing the correction is exact (in the variance). For one that learns, training sets overlap too, and ρ = $n_{te}/n$ is the authors' guess: the cheapest usable interval, sometimes still too narrow.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The study, honestly
#
# All hundred repetitions. *Improves* and *narrower* as before; *told apart*: the interval of the difference leaves out 0. A question that the corrected interval can still answer: a difference is **small** if it lies within ±1 point of accuracy. (A point is about a sixth of all mistakes here.) All verdicts come from one run, at 95 % each, uncorrected for their number.

# %%
predict("honest",
        "100 repetitions, six pairs of networks: how "
        "many does the corrected interval tell apart?",
        ["as many as the naive one", "fewer, but some", "none"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
for variant in ("dropout", "batch norm", "both"):
    claim(f"100 repetitions, corrected interval: the network with {variant} improves "
          "on plain (difference in accuracy).",
          kind="measured", id=f"hundred-{variant.replace(' ', '-')}",
          measured=ran.difference(variant), holds=lambda d: d.between(low=0))
    claim(f"100 repetitions, corrected interval: the network with {variant} differs "
          "from plain by less than a point.",
          kind="measured", id=f"hundred-close-{variant.replace(' ', '-')}",
          measured=ran.difference(variant), holds=lambda d: d.between(-0.01, 0.01))
    claim(f"100 repetitions: with {variant} the interval is narrower (ratio of "
          "standard deviations).",
          kind="measured", id=f"hundred-narrower-{variant.replace(' ', '-')}",
          measured=ran.spread(variant), holds=lambda ratio: ratio.between(high=1))

# %% jupyter={"outputs_hidden": true}
naive, honest = len(ran.told_apart("naive")), len(ran.told_apart("corrected"))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("honest",
       "none" if not honest else "as many as the naive one" if honest == naive
       else "fewer, but some",
       because=f"naive {naive} of 6, corrected {honest}")

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.study.show(repetitions=100, interval="corrected")

# %% [markdown]
# *Left and middle:* dots are divisions, bars the intervals of the mean. Move $J$ to 10, the lecture's size, and back. *Right:* in the long run the naive line falls as $1/\sqrt J$ and the corrected one levels off near $t\,s/2$; at small $J$ both jump, as $s$ is a guess. **Then switch the interval to naive**, and see what becomes decided though nothing was added.
#
# *One may say* that a technique helps or harms only where the corrected interval leaves out 0, and that a difference is small where that came out. *One may not say* "tends to": a mean is always on one side.

# %% [markdown]
# All of it is about accuracy after 8 epochs of this training. After 60, in 30 divisions, the naive interval says the opposite of dropout, +0.31 ± 0.20 points (when we ran it: `study(30, epochs=60)`, two minutes); corrected, ± 0.59 leaves it open.
#
# **The intervals of this whole course** are of the naive kind: an effect is no accident of split, start and batch order *in this file*. About next year's mail they say less.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Combine: is more better?
#
# Back to your guesses. Early stopping here: a look at the validation loss every 15 steps, the end after three in a row without a new best, the best weights kept (patience 3). It costs 200 further labelled rows, a fifth of them wrong. So a fourth network: *plain on all 500*.
#
# Eight seeds, paired: is the **error** lower, the **calibration error**, the **NLL** (mean test loss)? Everything against plain, early stopping against plain, everything against early stopping; and in error alone, early stopping against plain on 500.
# Intervals are naive, for this file of digits. Once we set the corrected one beside it; with 1297 test rows for 300 training rows, far from what it was made for, it is six times as wide.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
all_on = explore.mixer.explorer.presets["everything at once (more is better?)"]
runs = mix(), mix(Setting(patience=3)), mix(Setting(**all_on)), mix(rows=500)
(*_, plain), (*_, stopped), (*_, everything), (*_, plain_500) = runs
told = {}
for key, name, one, other in (
    ("all-plain", "Everything against plain", everything, plain),
    ("stop-plain", "Early stopping against plain", stopped, plain),
    ("all-stop", "Everything against early stopping", everything, stopped)):
    for figure, words in (("error", "test error"), ("ece", "calibration error"),
                          ("nll", "NLL")):
        told[name, figure] = paired_interval(getattr(one, figure),
                                             getattr(other, figure))
        claim(f"{name}: the {words} is lower (difference).",
              measured=told[name, figure], kind="measured", id=f"{key}-{figure}",
              holds=lambda d: d.between(high=0))
claim("Early stopping (300 rows, 200 to validate) against plain on all 500: the test "
      "error is lower (difference).",
      kind="measured", id="stop-or-more-rows",
      measured=paired_interval(stopped.error, plain_500.error),
      holds=lambda d: d.between(high=0))
claim("Everything against early stopping, with the corrected interval: the test error "
      "is lower (difference).",
      kind="measured", id="all-stop-corrected",
      measured=corrected_interval(everything.error - stopped.error, 300, 1297),
      holds=lambda d: d.between(high=0))

# %% jupyter={"outputs_hidden": true}
error, ece = (told["Everything against plain", figure] for figure in ("error", "ece"))
lower = {(True, True): "error and calibration error lower",
         (True, False): "error lower, calibration error higher"}
other = "error higher" if error.between(low=0) else "something else"

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("everything", lower.get((error.between(high=0), ece.between(high=0)), other),
       because=f"calibration error {plain.ece.mean():.2f} → "
               f"{everything.ece.mean():.2f}", rests="all-plain-error, all-plain-ece")

# %% jupyter={"outputs_hidden": true}
# more than a point
adds = told["Everything against early stopping", "error"].between(high=-0.01)
half = paired_interval(plain.error - stopped.error,
                       (plain.error - everything.error) / 2).between(low=0)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("stopping",
       "less than half" if half is False else "all of it, or more"
       if adds is False and half else "more than half, not all" if adds and half
       else None,
       because=f"error {plain.error.mean():.3f} plain, {stopped.error.mean():.3f} "
               f"stopped early, {everything.error.mean():.3f} everything",
       rests="stop-plain-error, all-stop-error")

# %% [markdown]
# After 600 steps plain is overfitted, and it takes little to beat it. **Compare with early stopping** before you praise anything else: it saves steps, but not labelled rows. And look at more than one figure: they need not agree. (Part of the calibration error is no technique's fault: who learns that a fifth of the labels are wrong is too modest on right ones. *Deeper*: in which direction?)
#
# A setting is shared as one line, copied from under the mixer. This one is the preset, written out:

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.mixer.show(state="patience=3, l1=0.001, l2=0.001, weight_decay=1.0, "
                         "label_smoothing=0.1, dropout=0.5, norm=batch, survival=0.5")

# %% [markdown]
# Other presets are myths; *Deeper* measures three. **Hold your own line from the first two minutes against `patience=3`,** with data, rows and wrong labels as they were.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Choose: how much the winner flatters itself
#
# Strengths interact, so they are chosen together. **Random search** draws every strength anew for each candidate.
#
# Thirty settings of the mixer by lot (learning rate $10^{-3.5}$ to $10^{-2}$, norms in turn, other techniques off in about half, no early stopping), on the spam data with right labels: 300 rows to train for 200 steps, **200 to validate**, up to 1000 to test. The lowest validation error wins, and only the winner's test error counts. Eight studies, each with another division of the file, try the same thirty. *Had we tried only $n$ of them*: what would the winner's two errors be, on average over all draws of $n$ (*Deeper*: exactly)?
#
# *Optimism* is the winner's test error minus the validation error that chose it. At $n=1$ it is the mean gap of all thirty: how easy the validation rows are. What a choice adds is optimism at $n=30$ minus that, paired over the studies. It must grow, a minimum lying below the mean; **by more than a point?** The search **pays** if the winner of 30 has a lower test error than a candidate drawn blindly ($n=1$); *by as much* as on validation rows, if optimism grows by less than half a point.
# Intervals are naive, over divisions of one file and *one* draw of thirty: they say nothing about other draws.

# %%
predict("search",
        "The winner of 30, against one random candidate. On validation rows its error "
        "is of course lower. On test rows it is …",
        ["lower by as much", "lower, but by less", "not told to be lower"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.search.show(n=30)

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# 30 candidates in 8 studies: 240 networks, those of the picture
*_, found = search(noise=0.0)
(chose_one, one), (chose, best) = found.best_of(1), found.best_of(30)
grows, pays = paired_interval(best - chose, one - chose_one), paired_interval(best, one)
claim("Optimism grows from n = 1 to n = 30 by more than a point (difference).",
      measured=grows,
      kind="measured", id="optimism-grows", holds=lambda d: d.between(low=0.01))
claim("The search pays: the winner of 30 has a lower test error than a random "
      "candidate (difference).",
      measured=pays, kind="measured", id="search-pays",
      holds=lambda d: d.between(high=0))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("search",
       "not told to be lower" if not pays.between(high=0) else "lower by as much"
       if grows.between(-0.005, 0.005) else "lower, but by less" if grows.between(low=0)
       else None,
       because=f"validation {100 * (chose - chose_one).mean():+.1f} points, test "
               f"{100 * pays.mean:+.1f}", rests="search-pays, optimism-grows")

# %% [markdown]
# *Left:* the first study, a dot for each candidate. (In a study of your own you see one test error.) *Right:* means over the eight studies with 95 % bands. Compare the two falls in the reveal: what validation promised, and what test rows paid. Where candidates are nearly alike there is little to find but luck. **Set the wrong labels to 0.2**, where settings differ more.
#
# **Why.** An error of 10 % on 200 rows has a standard error of $\sqrt{0.1\cdot0.9/200}$, 2 points. The minimum over many candidates seeks low error *and* luck, and the test rows know nothing of that luck.
#
# So a winner's validation error is no result. One look at the test rows is. Here it is for the first study, beside the gap that its division gave all thirty:

# %% jupyter={"outputs_hidden": true}
winner = found.validation[0, :, -1].argmin().item()
print(f"chosen with {found.validation[0, winner, -1]:.1%} wrong on validation rows; "
      f"reported: {found.test[0, winner, -1]:.1%} wrong on test rows")
gaps = (found.test - found.validation)[0, :, -1]
print(f"gap of the winner {100 * gaps[winner]:+.1f} points, of all thirty on average "
      f"{100 * gaps.mean():+.1f}: the choice's part is "
      f"{100 * (gaps[winner] - gaps.mean()):+.1f}")
for name, value in found.settings[winner]._asdict().items():
    if value != Setting._field_defaults[name]:
        print(f"  {name} = {value:.3g}" if isinstance(value, float)
              else f"  {name} = {value}")

# %% [markdown]
# A second look, after which one tries something else, makes test rows into validation rows: what happened in the first two minutes.

# %%
quiz("You searched 200 settings. The winner has 4.1 % validation error and 5.0 % test "
     "error. A colleague: \"Then take the second best, it has 4.8 % on test.\"",
     {"Good idea: 4.8 is lower than 5.0.":
          "It was found by looking at test errors of several candidates. They have "
          "just become validation rows.",
      "No: report 5.0 % for the winner, and stop.":
          "Right. Choosing by test error needs another set to report on.",
      "No: report 4.1 %.": "That figure did the choosing; it is the luckiest of 200.",
      "Report the mean of 4.1 and 5.0.":
          "A mean of an honest and a flattering figure is half flattering."},
     answer="No: report 5.0 % for the winner, and stop.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## And if the code is wrong?
#
# The **debugging gallery** of the exercises has nine short scripts that run, print something plausible, and are wrong, each with a fault that published teaching material once had; with thanks to all who share theirs.
# You write a **detector** for each. The trick: *say what must happen if the code is right, and look whether it does.*

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What to try, in this order
#
# | try | start with | not, or not yet | mind, when combined |
# |---|---|---|---|
# | **the learning rate** | somewhat below the largest stable one, warm-up, cosine (00) | | every strength below depends on it |
# | **more, or better, data** | read fifty of its mistakes | | no technique replaces them (01) |
# | **early stopping** | patience 5–20, keep the best weights (01) | one pass over much data; a handful of validation rows | the opponent for all that follows |
# | **weight decay** | AdamW 0.01–0.1; SGD 1e-4–5e-4 (03, 04) | | not the λ of an L2; leave out biases and norms; before a norm it sets the speed (07) |
# | **augmentation** | changes that keep the label (01) | | makes training loss a poor guide |
# | **a norm** | BatchNorm; LayerNorm for small batches, text (07) | BatchNorm in batches of a few rows | dropout directly before it shifts its statistics (06) |
# | **dropout** | 0.5 in wide layers, 0–0.1 in transformers (06) | data in plenty | compare with early stopping (06) |
# | **label smoothing** | 0.05–0.1 (05) | where probabilities are used as they come | a temperature afterwards; check a teacher (05) |
# | **stochastic depth** | drop rates up to 0.1–0.2 (08) | no shortcuts, few blocks | one more knob to tune with dropout |
# | **L1** | for few inputs, by proximal steps (02) | as a list of "important" features | |
# | **a tree** instead? | prune: depth, leaves, by validation | | a single tree has no weights; boosted trees shrink leaf values |
#
# Then **watch the validation loss and adjust**; search together what is left; look at the test rows once. All values were *found good elsewhere*.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what the source of the study says
#
# The page is made from a public file (mlr-org/mlr3torch-course, `notebooks/4-optimizer.qmd`; we read commit 220fa0e). That its authors share it is why anyone can learn from it, and we thank them. It says: up to 500 epochs in batches of 128 with patience 10; features as they come; `rsmp("subsampling", repeats = 10)`, which by default trains on two thirds, where the text says 80/20.
#
# - `validate = "test"`: each network's training is stopped by the rows on which it is then reported. That slips in easily, and exhibit T7 of the exercises is about it.
# - The intervals are those of `msr("ci", …)`, which for this kind of resampling are **already corrected**, as below, in today's package. So the naive ten of this lesson are ours, not the lecture's, and its "too wide to be able to draw any final conclusions" was the right caution.
# - A narrower spread over divisions would not show that *training* is more stable: it mixes test rows, split and start. Our intervals of $s/s_\text{plain}$ speak of just that spread, for this file. They need no correction (given the file, divisions are independent draws), and assume normal values.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: where the correction comes from
#
# Let the $n$ rows be drawn from the world, each right with probability $p$: variance $\sigma^2 = p(1-p)$ a row. One result, the mean over $n_{te}$ rows, has variance $\sigma^2/n_{te}$. Two of them have covariance $\sigma^2/n_{te}^2$ times the number of rows they share, $n_{te}^2/n$ on average: $\sigma^2/n$. So $\rho = \frac{\sigma^2/n}{\sigma^2/n_{te}} = \frac{n_{te}}{n}$, and
#
# $$\operatorname{Var}(\bar d) = \frac{v}{J} + \frac{J-1}{J}\rho v = v(1-\rho)\left(\frac1J + \frac{\rho}{1-\rho}\right), \qquad E[s^2] = v(1-\rho), \quad v = \frac{\sigma^2}{n_{te}}.$$
#
# With $\rho = n_{te}/n$ the last fraction is $\frac{n_{te}}{n - n_{te}} = \frac{n_{te}}{n_{tr}}$. At $J=100$ and 80/20 the mean varies $\sqrt{1+100/4} = 5.1$ times as much as the naive interval takes it to; a normal value lies within $2/5.1$ of its spread three times in ten, about as often as the naive interval held the truth.
#
# All pairs of test sets of 2 out of 6 rows, and all $2^6$ data sets with $p = 0.9$:

# %% tags=["deeper", "nbval-check-output"]
tests = list(combinations(range(6), 2))
shared = sum(len({*a} & {*b}) for a in tests for b in tests) / len(tests) ** 2
# [64 worlds, 6 rows]
worlds = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6)
weight = (0.9 * worlds + 0.1 * (1 - worlds)).prod(1)
# [worlds, test sets], around the truth
results = torch.stack([worlds[:, test].mean(1) for test in tests], 1) - 0.9
v = (weight[:, None] * results.square()).sum(0).mean()
# of two independent draws of a test set; also the variance of the mean over all of them
covariance = (weight * results.mean(1).square()).sum()
claim("Two test sets of 2 out of 6 rows share 2²/6 rows on average, and their results "
      "correlate by ρ = 2/6.",
      measured=[shared, (covariance / v).item()],
      holds=lambda f: abs(f[0] - 4 / 6) < 1e-12 and abs(f[1] - 2 / 6) < 1e-12)
claim("The mean over all 15 test sets of 2 out of 6 rows varies as that over 6/2 = 3 "
      "independent ones would (80/20: five).",
      measured=(v / covariance).item(), holds=lambda worth: abs(worth - 3) < 1e-12)

# %% [markdown]
# The interval in code, with the one factor by which it differs from the naive one:

# %% tags=["deeper"]
show_source(corrected_interval)

# %% [markdown]
# **And for models that learn?** Two training sets of 80 % share 80 % of their rows on average and 75 % at least, which correlates the results further; that models react to their own rows decorrelates them. Bengio and Grandvalet show for cross-validation that no estimator made from the results alone is unbiased for every distribution. In Nadeau and Bengio's simulations the corrected test kept about the level it promised, and the naive one did not; the package *mlr3inferr* warns that corrected intervals, too, tend to be too narrow. A benchmark of thirteen methods: Schulz-Kümpel, Fischer et al., 2024 (arXiv:2409.18836).
# With *several* data sets, compare over the data sets: those are independent.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: too sure, or not sure enough?
#
# The calibration error does not say in which direction. Mean confidence (the largest probability) minus accuracy does: above 0 is *too sure*, below 0 *not sure enough*. We ask for the sign of both networks, four seeds, 95 % intervals.

# %% tags=["deeper"]
predict("direction",
        "The network with everything switched on is, on right test labels, …",
        ["too sure", "not sure enough", "undecided"])

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.adamw import adam_update
from course_lib.experiments.capstone import mixer
from course_lib.engine import outputs_of, train


def surplus(setting, seeds=(0, 1, 2, 3)):
    """Mean confidence minus accuracy on the test rows, for each seed."""
    splits = {seed: mixer.world("digits", 300, 0.2, seed) for seed in seeds}
    spec = mixer.network(splits[0], setting.norm)
    *_, run = train(spec, splits.__getitem__, setting.grid(), seeds, update=adam_update,
                    steps=600, record_at=range(0, 601, 15), validate=True)
    for i, seed in enumerate(seeds):
        split, survival = splits[seed], run.grid["survival"]
        sure, said = outputs_of(spec, run.parameters[i], split.test_x,
                                run.buffers[i] or (), survival)[0].softmax(1).max(1)
        yield (sure.mean() - (said == split.test_y).float().mean()).item()


too_sure = {name: mean_interval(list(surplus(Setting(**knobs))))
            for name, knobs in (("plain", {}), ("everything", all_on))}
claim("The plain network is too sure (confidence minus accuracy).", too_sure["plain"],
      kind="measured", id="plain-too-sure", holds=lambda d: d.between(low=0))
claim("The one with everything is not sure enough (confidence minus accuracy).",
      measured=too_sure["everything"], kind="measured", id="everything-unsure",
      holds=lambda d: d.between(high=0))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("direction",
       {True: "too sure", False: "not sure enough",
        None: "undecided"}[too_sure["everything"].between(low=0)],
       because=f"{too_sure['everything']}", rests="everything-unsure")

# %% [markdown]
# One reason is certain: a network calibrated to labels of which a fifth are wrong must be modest on right ones. How much each technique adds, the mixer can tell: switch off one at a time. A temperature (lesson 05), fitted on rows whose labels you trust, mends the confidence and leaves the answers alone.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: three myths of the mixer
#
# Each is a preset. After 600 steps, eight seeds, paired; intervals of the differences in test error. What would count:
# "*weight decay is L2*": same λ = 0.1, the two networks differ by less than a point. "*Dropout and BatchNorm cannot be combined*": together, dropout behind the norm, they have a higher error than BatchNorm alone. "*BatchNorm regularizes, so nothing else is needed*": its error is at most a point above that of early stopping alone. (The network has one BatchNorm, in front of two blocks without.)

# %% tags=["deeper"]
predict("myths", "How many of the three hold here?", ["none", "one", "two", "three"])

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
settings = {"L2": {"l2": 0.1}, "decay": {"weight_decay": 0.1},
            "norm": {"norm": "batch"}, "both": {"norm": "batch", "dropout": 0.5}}
errors = {"stopped": stopped.error}
for name, knobs in settings.items():
    *_, mixed = mix(Setting(**knobs))
    errors[name] = mixed.error
verdicts = []
for key, sentence, a, b, bounds in (
    ("decay-is-l2", "With the same λ = 0.1, L2 and weight decay are within a point.",
     "L2", "decay", (-0.01, 0.01)),
    ("norm-and-dropout", "Dropout behind BatchNorm has a higher error than BatchNorm "
     "alone.", "both", "norm", (0, 1)),
    ("norm-suffices", "BatchNorm alone is at most a point above early stopping alone.",
     "norm", "stopped", (-1, 0.01))):
    gap = paired_interval(errors[a], errors[b])
    verdicts.append(gap.between(*bounds))
    claim(sentence, measured=gap, kind="measured", id=key,
          holds=lambda d, bounds=bounds: d.between(*bounds))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("myths",
       None if None in verdicts else ("none", "one", "two", "three")[sum(verdicts)],
       because=f"{verdicts}", rests="decay-is-l2, norm-and-dropout, norm-suffices")

# %% [markdown]
# Where a verdict surprises you: 0.1 of weight decay is next to nothing here (rate · λ · steps = 0.12); 0.1 of L2 goes through Adam's $\sqrt{\hat v}$, which makes another thing of it (04). Dropout stands *behind* the norm, so the shift of variances of lesson 06 cannot arise: only the bare sentence was tested. And whatever BatchNorm's noise does, 600 steps are enough to learn wrong labels by heart: look at the training error in the mixer.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: all draws of n, without training again
#
# For the draws nothing is trained again. Sort the $N$ candidates by validation error: the $k$-th wins exactly when it is drawn and the $n-1$ others come from behind it, with probability $\binom{N-k}{n-1}/\binom{N}{n}$. Check it on six candidates, by trying every draw:

# %% tags=["deeper", "nbval-check-output"]
few = replace(found, validation=found.validation[:, :6], test=found.test[:, :6])
draws = list(combinations(range(6), 3))
winners = [min(drawn, key=few.validation[0, :, -1].tolist().__getitem__)
           for drawn in draws]
by_hand = [errors[0, winners, -1].double().mean().item()
           for errors in (few.validation, few.test)]
claim("best_of(3) of six candidates is the mean over all 20 draws of three, for the "
      "validation and the test error of the winner.",
      measured=[a - b for a, b in zip(by_hand,
                                      (errors[0].item() for errors in few.best_of(3)))],
      holds=lambda gaps: max(map(abs, gaps)) < 1e-12)
claim("The chances of the thirty candidates to win among ten add up to 1.",
      measured=chances(30, 10).sum().item(), holds=lambda s: abs(s - 1) < 1e-12)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: successive halving, or why train the losers to the end?
#
# All thirty candidates train for 50 steps; the better half by validation error goes on to 100, the better half of those to 200. What is dropped costs nothing more. The winner is *as good* if its test error is within a point of the winner of the full search, paired over the eight studies.

# %% tags=["deeper", "nbval-check-output"]
_, halved, steps = halve(found)
full = 30 * found.rungs[-1]
claim("Halving 30 candidates at 50 and 100 of 200 steps takes 30·50 + 15·50 + 7·100 = "
      "2950 steps, less than half of 6000.",
      measured=[steps, full],
      holds=lambda s: s == [30 * 50 + 15 * 50 + 7 * 100, 6000] and s[0] < s[1] / 2)
claim("Halving is as good as training all (difference in test error).",
      measured=paired_interval(halved, best), kind="measured", id="halving-as-good",
      holds=lambda d: d.between(-0.01, 0.01))

# %% [markdown]
# It is a bet that early order foretells late order. It may lose where slow starters win: small learning rates, strong dropout, warm-up. Hyperband hedges by starting several brackets with different first rungs. And it looks at validation rows more often: optimism does not go away.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what a tutorial says to experts, and what we saw
#
# | it says | our reading |
# |---|---|
# | strength must be tuned: too little overfits, too much underfits | yes: look for the valleys in lessons 04 and 06 |
# | layers may need different strengths | lesson 02 tried one for each layer. Each is one more knob to search, with the optimism that brings |
# | regularization interacts with optimizer and learning rate | yes, down to what λ *means* (03, 04) |
# | in production it is combined with early stopping, dropout, BatchNorm; weight decay is set in AdamW | common. Combining is a choice to be measured, as above |
# | monitoring validation loss helps adjust the strength dynamically | every adjustment chooses on validation rows; report on others |
# | less effective when data are very limited or not representative | two things in one sentence: for limited data lesson 01 measured it; rows unlike those to come no penalty mends |
# | for decision trees, pruning is preferred | yes: a tree's freedom is in its depth and leaves |
# | it "shapes the optimization landscape" to flatter minima | L2 adds λ to every curvature, no more; flat need not be good (00, 02) |
#
# **Connections.** *Bias and variance* (01): every strength trades one for the other. *Noise filtering*: ridge shrinks each direction of the data by $\frac{\sigma_i^2}{\sigma_i^2+\lambda}$, a low-pass filter over singular values (02); early stopping is another one. *Minimalism*: of two explanations that fit, keep the one that needs fewer words; a penalty is the price of a word.
#
# **Takeaways** of that tutorial, corrected: a penalty on *size* is not one on *complexity* in front of a norm (07); L2 shrinks smoothly, L1 gives zeros *by a proximal step* (02); training accuracy may fall while the error on new rows falls too (01); strength is chosen on validation rows; a landscape is not smoother for a penalty (02).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: every myth of the course, as a quiz
#
# Each is a sentence from widely read material, and each was measured or computed in one of the lessons.

# %% tags=["deeper"]
quiz_of("myths")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: in production
#
# Write down what you decide, before you look:
#
# ```python
# plan = {
#     "question": "does dropout 0.5 lower the error by a point?",
#     "baseline": "AdamW 0.01, early stopping, as many trials",   # the fair opponent
#     "choose_on": "validation rows", "report_on": "test rows, once",
#     "repeat": "10 divisions, paired", "interval": "corrected",
#     "counts_if": "error, technique minus baseline: all of the interval below -0.01",
# }
# ```
#
# - A tuned method against an untuned baseline measures the tuning.
# - **Scaling, imputation, feature selection** are fitted inside each division, on its training part.
# - **Report nulls**, with the smallest effect you could have seen.
# - Optuna or Ray Tune search more cleverly. They choose on validation rows too, and inherit the optimism.
#
# **When not to.** Training and validation error are both high and close: take a richer model or more steps (01). The rows are not like those to come: no penalty mends that. A gap by itself is no fault; the error on new rows is what counts.
#
# What can such a plan see? The smallest true difference from plain that the spam study would find four times in five, with ten divisions and with a hundred, in points of accuracy; your margin has to leave room for it:

# %% tags=["deeper"]
for J in (10, 100):
    print(f"{J:3} divisions: "
          + ", ".join(f"{name} {100 * ran.first(J).difference(name).detectable:.1f}"
                      for name in ("dropout", "batch norm", "both")))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a project, with its rubric
#
# **Brief.** Take a data set that you care about, with at least some hundred rows and one decision that hangs on the result. Find out whether one technique of this course helps *there*. Two pages, one figure, and code that anyone can run.
#
# 1. *Plan* (before any training, dated): question, baseline, what you vary, figure to judge by, what would count, how many repetitions.
# 2. *Choose* learning rate and strengths for both arms with the same number of trials, on validation rows.
# 3. *Prove*: repeated divisions, paired differences, corrected interval; one look at the test rows.
# 4. *Doubt*: a detector for the fault you fear most, run on your own code. One thing that would change your mind.
#
# | | 0 | 1 | 2 |
# |---|---|---|---|
# | question | "is it better?" | names technique, data, figure | and an effect size that would matter, fixed beforehand |
# | baseline | untuned, or none | tuned | tuned with as many trials, stopped early |
# | data hygiene | statistics from all rows | fitted on training rows | and twins, time or groups kept in one part |
# | selection | on test rows | on validation rows | and the optimism of the search estimated |
# | uncertainty | none, or of pooled predictions | repeated, paired | and corrected; says what the interval covers |
# | figures | accuracy alone | error and NLL or calibration | and where they disagree, which one the decision needs |
# | conclusion | more than the interval allows | as much | and nulls with the smallest effect that could have been seen |
# | reproducible | – | runs again from one command | and gives the same verdicts with other seeds |
#
# 12 of 16 is good work; a null result can have all 16.
#
# **Teach it.** Explain to somebody in two minutes, without a formula, why 100 repetitions on one data set are not 100 data sets.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what we left out
#
# - **Max-norm**: after each step, scale a unit's incoming weights back to a largest length; a fence instead of a pull. Srivastava et al., JMLR 2014.
# - **Sharpness-aware minimization (SAM)**: take the gradient at the worst nearby point instead of here, at twice the price. Foret, Kleiner, Mobahi & Neyshabur, 2020 (arXiv:2010.01412).
# - **Weight averaging (SWA, EMA)**: use the mean of the weights along the path, not the last ones. Izmailov et al., 2018 (arXiv:1803.05407); Polyak & Juditsky, 1992.
# - **Mixup**: train on blends of two rows and of their labels. Zhang, Cissé, Dauphin & Lopez-Paz, 2017 (arXiv:1710.09412).
# - **Gradient clipping**: shorten gradients above a length, so that one batch cannot throw the weights. Pascanu, Mikolov & Bengio, 2012 (arXiv:1211.5063).
# - **GroupNorm**: normalise each row over groups of its own channels, whatever the batch. Wu & He, 2018 (arXiv:1803.08494).
#
# You can judge each by the way of this lesson: a plan, a fair opponent, a corrected interval.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: sources
#
# *The study:* "Optimization & Regularization" of the mlr3torch course (mlr-org.github.io/mlr3torch-course). Hopkins, Reeber, Forman & Suermondt, *Spambase*, UCI Machine Learning Repository, 1999 (doi 10.24432/C53G6X, CC BY 4.0). *Expert notes:* a tutorial, "Why regularization controls overfitting in PyTorch".
# Nadeau & Bengio, *Inference for the Generalization Error*, Machine Learning 52, 2003. Bengio & Grandvalet, *No Unbiased Estimator of the Variance of K-Fold Cross-Validation*, JMLR 2004. Cawley & Talbot, *On Over-fitting in Model Selection and Subsequent Selection Bias in Performance Evaluation*, JMLR 2010.
# Bouthillier et al., *Accounting for Variance in Machine Learning Benchmarks*, MLSys 2021 (arXiv:2103.03098). Bergstra & Bengio, *Random Search for Hyper-Parameter Optimization*, JMLR 2012. Jamieson & Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization*, AISTATS 2016 (arXiv:1502.07943).
# Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, *Hyperband*, JMLR 2018 (arXiv:1603.06560). Kadra, Lindauer, Hutter & Grabocka, *Well-tuned Simple Nets Excel on Tabular Datasets*, NeurIPS 2021 (arXiv:2106.11189), where 13 regularizers are searched together.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# **Prove**: judge paired differences, say before what counts, and correct for one data set, $\sqrt{1/J + n_{te}/n_{tr}}$; "undecided" is a result. **Combine**: against early stopping, not against a network left to overfit, and by more than one figure. **Choose**: at random, together, on validation rows; the winner flatters itself, so look at the test rows once.
#
# The myths of all ten lessons stand in a *Deeper* above.

# %% [markdown]
# Now prove something yourself, and find nine faults: **`09_capstone_exercises.ipynb`**.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who has seen one bar chart in which the new method wins. *Draw* ten pairs of dots, each joined by a line, and under them two intervals of the mean difference: the naive one and the corrected one. *Disarm* the sentence "with enough repetitions on one data set the interval gets as narrow as one likes". *And ask back:* Which single look at the test data did they allow themselves, and when?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("capstone")

# %% slideshow={"slide_type": "skip"}
recall("capstone")

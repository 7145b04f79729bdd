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
# Nine lessons' worth of knobs: what do several do together, and was it luck?
#
# *46 minutes, in two sittings. The second begins at "The study, honestly". Sections called "Deeper" are folded, and extra. You need the first page, lesson 01, of 05 the calibration error, of the others what each is for.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, equal, negative,
                                     positive, predict, quiz, reveal, setup,
                                     show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

from dataclasses import replace
from itertools import combinations

from course_lib.base.random import seeded
from course_lib.experiments.capstone import playbook
from course_lib.experiments.capstone.coverage import coverage, intervals
from course_lib.experiments.capstone.mixer import (EVERYTHING, Setting, difference, mix,
                                                   share_gained)
from course_lib.experiments.capstone.search import chances, halve, search
from course_lib.experiments.capstone.spam_study import study
from course_lib.plotting import show_with_words
from course_lib.statistics import (
    corrected_interval, holm, mean_interval, p_value, paired_interval)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two guesses, and a mixer
#
# **Here: 300 digits to train on, and 200 to validate by. A fifth of these labels are wrong; the test labels are right. A small residual network (08), eight seeds, each with its own division and start.**
#
# - *Plain*: 600 steps of Adam, nothing else.
# - *Stopped early*: plain with early stopping.
# - *Everything*: early stopping and seven others (L1, L2, weight decay, smoothing, dropout, BatchNorm, stochastic depth), at untuned strengths, some far above the usual.
#
# Each seed gives one difference from plain. As on the [first page](index.ipynb), *lower* says that the 95 % interval of their mean lies wholly below 0.

# %%
predict("everything",
        "Everything at once, against the plain network after 600 steps: the "
        "calibration error (ECE: how far confidence is from accuracy, lesson 05) is …",
        ["lower", "higher", "too close to tell"])

# %%
predict("stopping",
        "Everything lowers the error of plain by some amount. Early stopping alone "
        "achieves …",
        ["all of it, or more", "more than half, not all", "less than half",
         "too close to tell"])

# %% [markdown]
# **Do this**: switch on patience (3: early stopping), dropout p (0.5), norm (batch) and smoothing ε (0.1), first each alone, then several. Get the test error as low as you can in a dozen tries.  **Notice**: does the calibration error follow it?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import capstone as explore

explore.mixer.show()

# %% [markdown]
# Plain's test error is lowest near step 100; then it rises, while the training error falls to near 0, wrong labels included. The *gap* is test minus training error: right labels against labels of which a fifth are wrong, so a network that ignores the wrong ones can have a gap below 0. Thin lines are seeds, thick bars and shades 95 % intervals.
#
# Four doubts:
#
# - *Combine*: plain is a weak opponent, with 600 steps to learn wrong labels by heart.
# - *Prove*: how sure is a mean of a few repetitions?
# - *Choose*: you looked at many **test** errors, and kept the lowest.
# - *Ask*: did learning rate and steps suit both networks, or only one?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Combine: is more better?
#
# **Here: the mixer's digits and network.** Early stopping looks at the validation loss every 15 steps, ends after three looks without a new best, and keeps the best weights.
#
# On a card, the 95 % interval of this page's seeds stands in brackets: wholly within what was *asked* is ✓, wholly outside ✗, across it ○. *Fresh seeds* divide the same file anew; *confirmed* says that they agree, *open* that neither decides.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, plain = mix()
*_, stopped = mix(Setting(patience=3))
*_, everything = mix(EVERYTHING)
ece = difference(everything, plain, "ece")
claim("Everything against plain: everything has the lower calibration error.",
      measured=ece, kind="measured", id="all-plain-ece", holds=negative)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("everything", from_interval={"lower": negative(ece), "higher": positive(ece)},
       because=f"calibration error {plain.ece.mean():.2f} → "
               f"{everything.ece.mean():.2f}",
       rests="all-plain-ece")

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what came out
share = share_gained(stopped, everything, plain)
claim("Early stopping alone gains more than half of what everything gains (its gain "
      "minus half of the other).", measured=share["half"], kind="measured",
      id="stop-gains-half", holds=positive, unit="points", times=100)
claim("Everything has a lower test error than early stopping alone.",
      measured=difference(everything, stopped), kind="measured", id="all-stop-error",
      holds=negative, unit="points", times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("stopping",
       from_interval={"less than half": negative(share["half"]),
                      "more than half, not all": between(0, 1)(share["half"])
                      and negative(share["all"]),
                      "all of it, or more": positive(share["all"])},
       because=f"error {plain.error.mean():.1%} plain, {stopped.error.mean():.1%} "
               f"stopped early, {everything.error.mean():.1%} everything",
       rests="stop-gains-half, all-stop-error")

# %% jupyter={"source_hidden": true}
# eight seeds, on test rows with right labels
three = {"plain": plain, "stopped early": stopped, "everything": everything}
show_with_words(explore.mixer.picture(three),
                "Everything errs least, and has the highest calibration error.")
print("plain, test error:", ", ".join(
    f"{plain.test_error[:, plain.recorded.index(step)].mean():.1%} after {step} steps"
    for step in (105, 210, 600)))

# %% [markdown]
# **Is more better? For this file in error, yes, but early stopping alone brings most of it. In calibration error on right labels, no: everything is worse than plain.** <!-- rests: stop-gains-half, all-stop-error, not all-plain-ece -->
#
# *Error.* Plain has 28.4 % wrong, stopped early 13.4, everything 10.7: early stopping gains 15.0 of the 17.7 points. Nearly all of these 15 are the price of plain's 600 steps: after 105 it has 13.9 % wrong. The seven others without early stopping bring more than half of the gain, too, so gains do not add up. <!-- rests: others-gain-half --> Our reading: both cure the same ill, wrong labels learned by heart.
#
# *Was it fair?* Early stopping has 200 labelled rows more, to validate by. Plain trained on all 500 still errs 8.9 points more than stopped early. <!-- rests: stop-or-more-rows -->
#
# *Probabilities.* On right labels plain is too sure, and everything not sure enough. <!-- rests: plain-too-sure, everything-unsure --> But *which* labels judge? On labels like those it learned from, a network with accuracy $a$ is right in $0.8\,a + 0.2\,(1-a)/9$: a wrong label agrees with one mistake in nine. Reckoned from this page's means:
#
# | | confidence | accuracy, right labels | too sure by | accuracy, a fifth wrong | too sure by |
# |---|---|---|---|---|---|
# | plain | 0.912 | 0.716 | 0.196 | 0.579 | 0.333 |
# | everything | 0.534 | 0.893 | −0.359 | 0.717 | −0.183 |
#
# On those, plain is further off. Our reading: a network that has not learned the wrong labels by heart reckons with one in five, and smoothing takes more confidence away. Trained on right labels, too, everything has the higher calibration error. <!-- rests: right-labels-ece -->
#
# So **compare with early stopping**, one knob, before you praise more, and look at more than one figure (*Deeper*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: too sure, or not sure enough?
#
# In *Combine* everything has a higher calibration error than plain. Do regularizers spoil calibration, then? That error does not say in which direction it lies. Mean confidence (the largest probability) minus accuracy does: above 0 is *too sure*, below 0 *not sure enough*.

# %% tags=["deeper"]
predict("direction",
        "Stopped early, without smoothing: on right test labels the network is …",
        ["too sure", "not sure enough", "too close to tell"])

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
stopped_surplus = mean_interval(stopped.surplus)
claim("The plain network is too sure (confidence minus accuracy).",
      measured=mean_interval(plain.surplus),
      kind="measured", id="plain-too-sure", holds=positive)
claim("The network stopped early is not sure enough (confidence minus accuracy).",
      measured=stopped_surplus, kind="measured", id="stopped-unsure", holds=negative)
claim("The network with everything is not sure enough (confidence minus accuracy).",
      measured=mean_interval(everything.surplus), kind="measured",
      id="everything-unsure", holds=negative)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("direction", from_interval={"too sure": positive(stopped_surplus),
                                   "not sure enough": negative(stopped_surplus)},
       because=f"{stopped_surplus}", rests="stopped-unsure")

# %% [markdown]
# So plain is too sure, by 0.20, and everything not sure enough, by 0.36. <!-- rests: plain-too-sure, everything-unsure -->
#
# How can wrong labels make a network unsure? One that reckons with one wrong label in five says "about 0.7" even where it is right. Plain reckons with none (our reading: it has learned them by heart).
#
# The NLL is high where a network is sure and wrong, or right and unsure. It is 1.92 for plain, 0.62 stopped early and 0.76 with everything. Two further claims:

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Everything against plain: everything has the lower test error.",
      measured=difference(everything, plain), kind="measured", id="all-plain-error",
      holds=negative, unit="points", times=100)
claim("Everything has a lower test loss (NLL) than early stopping alone.",
      measured=difference(everything, stopped, "nll"), kind="measured",
      id="all-stop-nll", holds=negative, unit="nats")

# %% [markdown]
# **The sum.** How much of the 0.36 is the data's, how much the regularizers'? A network that is calibrated on right labels, and right on 89 % of them, has a mean confidence of 0.89.
#
# 1. *Wrong labels.* A fifth of its labels are wrong, spread evenly over the nine other classes. Calibrated on *those*, it has $0.8\cdot0.89 + 0.2\cdot0.11/9 = 0.71$: 0.18 less.
# 2. *Smoothing* of 0.1 takes a tenth away and gives every one of ten classes 0.01: $0.9\cdot0.71 + 0.01 = 0.65$, another 0.06 less.
# 3. *The rest.* The network with everything has a mean confidence of 0.53: another 0.12 less.
#
# The first is the data's; smoothing and the rest are the regularizers'. Is the sum right? Two things can be turned back: smoothing off, and right labels to learn from. The bounds are half and one and a half times what the sum says.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, plain_right = mix(noise=0.0)
*_, all_right = mix(EVERYTHING, noise=0.0)
*_, unsmoothed = mix(EVERYTHING._replace(label_smoothing=0.0))
claim("Wrong labels make everything less sure by 0.09 to 0.27 (confidence minus "
      "accuracy, right labels minus a fifth wrong).",
      measured=difference(all_right, everything, "surplus"), kind="measured",
      id="unsure-by-labels", holds=between(0.09, 0.27))
claim("Smoothing makes everything less sure by 0.03 to 0.09 (confidence minus "
      "accuracy, without smoothing minus with).",
      measured=difference(unsmoothed, everything, "surplus"), kind="measured",
      id="unsure-by-smoothing", holds=between(0.03, 0.09))
claim("Learning from right labels, the network with everything is not sure enough "
      "(confidence minus accuracy).", measured=mean_interval(all_right.surplus),
      kind="measured", id="right-labels-unsure", holds=negative)
claim("Learning from right labels, everything has a higher calibration error than "
      "plain.", measured=difference(all_right, plain_right, "ece"), kind="measured",
      id="right-labels-ece", holds=positive)

# %% tags=["deeper"]
# means of eight seeds, on test rows
for name, arm in (("plain, right labels", plain_right),
                  ("everything, right labels", all_right),
                  ("everything but smoothing", unsmoothed)):
    print(f"{name:24}  error {arm.error.mean():5.1%}  ECE {arm.ece.mean():.2f}  "
          f"confidence minus accuracy {arm.surplus.mean():+.2f}")

# %% [markdown]
# The wrong labels cost 0.16 of sureness, where the sum says 0.18. <!-- rests: unsure-by-labels --> Smoothing costs 0.06 [0.03, 0.08], where it says 0.06. Whether that is within the bounds is decided on fresh seeds only, which say 0.07 [0.05, 0.08].
#
# Learning from right labels, everything has 5.0 % wrong and plain 6.9 %. Yet everything is 0.20 too unsure, and its calibration error is 0.20 against plain's 0.05. <!-- rests: right-labels-unsure, right-labels-ece --> So here this untuned mixture does spoil the calibration error, with wrong labels and with right ones. (Not every figure: with wrong labels its NLL is far lower than plain's.) Smoothing asks for $0.95 - (0.9\cdot0.95 + 0.01)$ of it, 0.09. The other 0.11 are about the 0.12 that the sum leaves over; which of the seven others bring them was not measured.
#
# Early stopping alone is right on 87 %, and has no smoothing: the same sum gives 0.70, which is 0.17 of its 0.23. <!-- rests: stopped-unsure --> The 0.06 left over are what it lacks on labels of which a fifth are wrong: there it comes nearest of the three. One temperature (05), fitted on rows whose labels you trust, changes the confidence and no answer; it was not fitted here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Prove: a comparison in plain PyTorch
#
# **Here: 4601 e-mails, spam or not, labels as they come.** Does dropout help, and how sure can ten repetitions make us?
#
# ### A study to repeat
#
# The mlr3torch course compares *plain*, *dropout* 0.5, *batch norm* and *both*, in ten divisions of these e-mails:
#
# > While the intervals are too wide to be able to draw any final conclusions, both regularization techniques tend to lead to better results.
#
# Ours differs in stopping, scaling and split, so it refutes nothing (*Deeper*).

# %%
predict("ten",
        "Ten repetitions, the textbook's interval: the network with dropout is …",
        ["better than plain", "worse than plain", "too close to tell"])

# %% [markdown]
# First small: one hidden layer of 64 units, in each division 80 % to train on, 20 % to test. Dropout and plain have the *same* rows, start and batches. Judged is the **difference** in accuracy: what both share goes away.

# %% tags=["plain"]
import torch
from torch import nn
from course_lib.data import spambase_or_breast_cancer

# without Spambase it is breast cancer, and the text's figures are not the picture's
table = spambase_or_breast_cancer()

def accuracy(order, p, start):
    test, train = order[: len(order) // 5], order[len(order) // 5:]
    x = ((table.x - table.x[train].mean(0)) / (table.x[train].std(0) + 1e-6)).float()
    torch.manual_seed(start)
    model = nn.Sequential(nn.Linear(x.shape[1], 64), nn.Dropout(p), nn.ReLU(),
                          nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for rows in train[torch.randint(len(train), (100, 256))]:
        loss = nn.functional.cross_entropy(model(x[rows]), table.y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    return (model(x[test]).argmax(1) == table.y[test]).double().mean()

torch.manual_seed(0)
orders = [torch.randperm(len(table.y)) for _ in range(10)]
d = 100 * torch.stack([accuracy(order, 0.5, k) - accuracy(order, 0.0, k)
                       for k, order in enumerate(orders)])
naive, honest = 2.26 * d.std() * torch.tensor([1 / 10, 1 / 10 + 1 / 4]).sqrt()
print(f"dropout: {d.mean():+.2f} points\n± {naive:.2f} naive, ± {honest:.2f} corrected")

# %% [markdown]
# To copy: divisions drawn with a seed; features scaled by the *training* rows alone; paired differences; an interval.
#
# The mean difference has two intervals. The *naive* one is the textbook's:
#
# $$\bar d \pm t\,s\,\sqrt{\frac1J}$$
#
# $\bar d$ is the mean of $J = 10$ differences and $s$ their standard deviation; $t$ (*Student's quantile*) is 2.26 for ten values, 1.96 for very many. The *corrected* one adds ¼ to the $1/J$ under the root. By the naive one dropout harms, by the corrected one that is open. Which is right?
#
# And a network like the study's, two layers of 100 units, after 8 epochs of Adam at 0.003? By the naive interval:

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, ran = study(100)  # 400 networks
ten = ran.first(10)
few = ten.difference("dropout", kind="naive")
claim("10 repetitions, naive interval: the network with dropout improves on plain in "
      "accuracy.", kind="measured", id="ten-dropout", unit="points", times=100,
      measured=few, holds=positive)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("ten", from_interval={"better than plain": positive(few),
                             "worse than plain": negative(few)},
       because=f"dropout minus plain: {100 * few.mean:+.1f} points",
       rests="ten-dropout")

# %% [markdown]
# Dropout is *worse* there, too, and in thirty more divisions of the same e-mails. <!-- rests: not ten-dropout -->
#
# So repeat a hundred times? With $1/\sqrt J$ the naive interval gets as narrow as one likes. Is one then as sure?

# %% [markdown] slideshow={"slide_type": "slide"}
# ### A world in which the truth is known
#
# **Here: no network, only a coin.** In each of a thousand worlds we draw 500 e-mails. For each a coin is tossed, once: with probability 0.9 the "classifier" is right on it, and stays so. Its true accuracy *is* 0.9. The 500 are divided a hundred times into 100 to test and 400 that go unused. The hundred accuracies give an interval.

# %%
predict("coverage",
        "How often does the naive 95 % interval of 100 repetitions hold the true 0.9?",
        ["in about 95 % of the worlds", "in 70 to 90 %", "in 50 to 70 %",
         "in fewer than half"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
held = coverage()
claim("The naive 95 % interval of 100 repetitions holds the truth in fewer than half "
      "of the worlds.", measured=held["naive"], unit="%", times=100,
      kind="measured", id="naive-coverage", holds=below(0.5))
claim("The corrected interval holds the truth in 90 to 99 % of the worlds.",
      measured=held["corrected"], unit="%", times=100,
      kind="measured", id="corrected-coverage", holds=between(0.90, 0.99))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("coverage",
       from_interval={"in fewer than half": below(0.5)(held["naive"]),
                      "in 50 to 70 %": between(0.5, 0.7)(held["naive"]),
                      "in 70 to 90 %": between(0.7, 0.9)(held["naive"]),
                      "in about 95 % of the worlds": above(0.9)(held["naive"])},
       because=f"naive {held['naive'].mean:.0%}, "
               f"corrected {held['corrected'].mean:.0%}",
       rests="naive-coverage")

# %%
show_with_words(explore.coverage.picture(intervals(20)), "Twenty of the thousand "
                "worlds: most naive intervals miss 90 %, most corrected ones hold it.")

# %% [markdown]
# The naive interval held the truth in 28 % of the worlds, the corrected one in 95 %. <!-- rests: naive-coverage, corrected-coverage -->
#
# **What is wrong with the naive one?** As evidence on *new* e-mails its repetitions are not independent: test sets share e-mails. Here are two, drawn from the same 500:

# %%
# two test sets of 100 e-mails out of 500: 1 and 2 are in one of them, # in both
kinds, chance = torch.zeros(500, dtype=torch.long), seeded(0)
for mark in (1, 2):
    kinds[torch.randperm(500, generator=chance)[:100]] += mark
for row in kinds.view(10, 50):
    print("".join("·12#"[kind] for kind in row))

# %% [markdown]
# Two share 20 on average, here 15 (#). The 500 hold just five test sets of 100 that have no e-mail in common. Every further one reads the same 500 again. **So for a classifier that learns nothing, like the coin, a hundred divisions are no surer than five independent test sets.**
#
# The **corrected interval** of Nadeau and Bengio adds what the sharing costs:
#
# $$\bar d \pm t\,s\,\sqrt{\frac1J + \frac{n_{te}}{n_{tr}}}$$
#
# $n_{te}$ are the test rows and $n_{tr}$ the training rows of a division; at 80/20 the new term is ¼. So the half width stays above $t\,s/2$.
#
# **Five test sets, and yet ¼, not ⅕?** Let $v$ be the variance, the spread squared, of one test result from world to world. The mean of five independent ones has $v/5$. But a file shows only $s^2$, the variance within it. Results that share a fifth of their e-mails have a fifth of $v$ in common; it moves them all together, and $s^2$ does not see it: on average $s^2 = \frac45v$. So $\frac v5 = \frac15\cdot\frac54s^2 = \frac14s^2$.
#
# Only shared test rows tie the coin's results together. Learning can pull both ways: shared training rows tie results closer, and reacting to rows of one's own loosens them. For two layers with dropout and without, in files of 500 e-mails, it loosened: a new term of 0.03 [0.00, 0.05], on fresh seeds 0.045, would have done instead of ¼ (*Deeper*). There the corrected interval is too wide, which is the safe side. <!-- rests: networks-term -->

# %% [markdown]
# ### Which interval for which question?
#
# **Where new rows matter, take the corrected interval.**
#
# **Where it leaves the sign undecided, more than 20 divisions help little.** Collect more rows, or report the interval: it rules out what lies beyond its ends. "Undecided" is "not shown", never "equal".
#
# | question | interval | where it errs | on this page |
# |---|---|---|---|
# | *This file*: what is the mean over all its divisions? | naive | decides too often, if read as of new e-mails | *Combine*, *Choose*, *Ask* |
# | *New e-mails*: what is the mean over such files? | corrected | too cautious for the networks above, for other models perhaps too bold | *The study, honestly* |
# | *These two networks*: which errs less? | from the rows that only one gets right, say 40 against 20 of 1000: 2.0 ± 1.5 points | silent about other starts | *Deeper: one test set* |
#
# **Fresh seeds protect against the luck of a division, never against the luck of the file.**
#
# *A good place to stop for today.*

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: where the correction comes from
#
# For ten divisions at 80/20 the new term makes the interval $\sqrt{1 + 10/4} = 1.87$ times as wide. Where does it come from?
#
# Let the $n$ rows be drawn from the world, each right with probability $p$: variance $\sigma^2 = p(1-p)$ a row. One result, the mean over $n_{te}$ rows, has variance $\sigma^2/n_{te}$. Two of them have covariance $\sigma^2/n_{te}^2$ times the number of rows they share, $n_{te}^2/n$ on average: $\sigma^2/n$. So their correlation is $\rho = \frac{\sigma^2/n}{\sigma^2/n_{te}} = \frac{n_{te}}{n}$, and
#
# $$\operatorname{Var}(\bar d) = \frac{v}{J} + \frac{J-1}{J}\rho v = v(1-\rho)\left(\frac1J + \frac{\rho}{1-\rho}\right), \qquad E[s^2] = v(1-\rho), \quad v = \frac{\sigma^2}{n_{te}}.$$
#
# At 80/20, $\rho$ is ⅕, and $1-\rho$ the ⅘ of the text. With $\rho = n_{te}/n$ the last fraction is $\frac{n_{te}}{n - n_{te}} = \frac{n_{te}}{n_{tr}}$. At $J=100$ and 80/20 the mean varies $\sqrt{1+100/4} = 5.1$ times as much as the naive interval takes it to; a normal value lies within $2/5.1$ of its spread three times in ten, about as often as the naive interval held the truth.
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
      measured=[shared - 4 / 6, (covariance / v).item() - 2 / 6], holds=within(1e-12))
claim("The mean over all 15 test sets of 2 out of 6 rows varies as that over 6/2 = 3 "
      "independent ones would (80/20: five).",
      measured=(v / covariance).item() - 3, holds=within(1e-12))
# s is ½ (for large J)
coin = {J: torch.tensor([0.0, 1.0], dtype=torch.float64).repeat(J // 2)
        for J in (10, 1000, 100_000)}
widths = {J: mean_interval(coin[J]).half_width for J in coin}
claim("For J values, half of them 0 and half 1, the naive half width goes to 0 as "
      "1/√J.", measured=widths[100_000] / widths[1000] - 0.1, holds=within(1e-3))
claim("The corrected one (80/20) stays above 0.49.",
      measured=[corrected_interval(coin[J], 80, 20).half_width for J in coin],
      holds=above(0.49))

# %% tags=["deeper", "nbval-check-output"]
# by hand: mean 0.1, s = 0.294392, t = 3.182446 with 3 degrees of freedom
values = torch.tensor([0.1, -0.3, 0.4, 0.2], dtype=torch.float64)
claim("corrected_interval is d ± t·s·√(1/J + n_te/n_tr): by hand for four values and "
      "an 80/20 division (relative difference).",
      measured=corrected_interval(values, 80, 20).half_width
      / (3.182446 * 0.294392 * (1 / 4 + 20 / 80) ** 0.5) - 1, holds=within(1e-5))

# %% [markdown]
# The interval in code, with the one factor by which it differs from the naive one:

# %% tags=["deeper"]
show_source(corrected_interval)

# %% [markdown]
# **And for models that learn?** Take two ridge regressions (lesson 02) on targets ±1, one with a weak and one with a strong penalty; the sign of the output is the answer. The figure is their *difference* in accuracy. The 4601 e-mails are the world: 500 are drawn from it, with replacement, and divided a hundred times. The truth: both trained on many draws of 400, and measured on all 4601. Six hundred such worlds, stored:

# %% tags=["deeper"]
from course_lib.experiments.capstone.coverage import stored as of_learners

for kind, found in of_learners().items():
    print(f"{kind:<9} interval: the truth in {found.mean:.0%} of {found.n} worlds")

# %% [markdown]
# How wide would have done? A bell curve has 56 % within 0.77 of its standard deviations, and 95 % within 1.96. So, if the means lie like that, 1.96/0.77 = 2.5 times the naive interval would do. The corrected one is $\sqrt{1 + 100/4} = 5.1$ times as wide. A reason, not measured: what sets two similar models apart depends more on what changes from division to division than the coin's accuracy does, and that does average away.
#
# **And the networks of the study?** Plain, and with dropout 0.5, each trained for its 8 epochs, in 20 divisions of a file of 500: 4000 networks in 100 worlds, and 400 for the truth, stored.
#
# Here the new term itself is measured. The interval should be as wide as $\bar d$ varies from world to world, so the term that would do is $\operatorname{Var}(\bar d)/E[s^2] - \frac1J$. By the formula above it hangs on how results correlate, not on $J$.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.capstone import coverage_of_networks

far = coverage_of_networks.distances()  # of 100 worlds, stored
pair = "Networks, dropout minus plain, 20 divisions of 500 e-mails"
claim(f"{pair}: the naive interval holds the truth in fewer than 90 % of the worlds.",
      measured=coverage_of_networks.coverage(0, far), unit="%", times=100,
      kind="measured", id="networks-naive", holds=below(0.90))
claim(f"{pair}: the term that the interval needs beside 1/J is smaller than 1/4.",
      measured=coverage_of_networks.needed(far), kind="measured", id="networks-term",
      holds=below(1 / 4))

# %% tags=["deeper"]
share = coverage_of_networks.coverage(1 / 4, far)
print(f"corrected: the truth in {share.mean:.0%} of {share.n} worlds; if in all, the "
      f"exact 95 % interval begins at {0.025 ** (1 / share.n):.1%}")

# %% [markdown]
# The naive interval held the truth in 90 of this page's 100 worlds, and on fresh seeds in 85 % [81, 89]. That this is fewer than 90 % is decided on fresh seeds only. The corrected one held it in all 100, and in 299 of the 300 fresh worlds, where 95 % are promised. Student's interval of a share is useless where all values are 1, so here is an exact one: an interval that held the truth in 96.4 % of all worlds would hold it in a hundred of a hundred with probability $0.964^{100}$, which is 2.5 %. (This page used to ask, by Student's interval, whether the share lies between 90 and 99 %. By the exact one that is open, and the claim is gone. That the interval is wider than need be rests on the next figure.)
#
# The new term that would do is 0.03 [0.00, 0.05] here, and 0.045 [0.03, 0.06] on fresh seeds: about a fifth of ¼. <!-- rests: networks-term --> At a hundred divisions it makes the half width $\sqrt{\frac{0.01 + 0.045}{0.01 + 0.25}} = 0.46$ times as large, and the naive interval would hold the truth in about 60 %: a bell curve's share within $1.98/\sqrt{1 + 100\cdot0.045} = 0.84$. The ridges' 2.5 times the naive one, at a hundred divisions, is a term of $(2.5^2 - 1)/100 = 0.05$.
#
# How much hangs on the ¼? With 0.045 the hundred divisions of *The study, honestly* would give −0.4 ± 0.23, *worse*, and on fresh seeds −0.2 ± 0.2, at the edge: half widths go as $\sqrt{0.055/0.26}$. We do not use it, for all this is of files of 500 e-mails. With the 3681 training rows of the study it was not measured: that asks for a larger world than these e-mails.
#
# **What others found.** Two training sets of 80 % share 80 % of their rows on average and 75 % at least, which correlates the results further. That models react to their own rows decorrelates them. Bengio and Grandvalet show for cross-validation that no estimator *of the mean's variance*, made from the results of one cross-validation alone, is unbiased for every distribution. In Nadeau and Bengio's simulations the corrected test (*corrected resampled t-test*) kept about the level it promised, and the naive one did not. The package *mlr3inferr* warns that corrected intervals, too, tend to be too narrow. Where the discussion began: Dietterich 1998. The same correction for repeated cross-validation, which shares rows too: Bouckaert & Frank 2004. A benchmark of thirteen methods: Schulz-Kümpel, Fischer et al., 2024 (arXiv:2409.18836).
#
# Of the 4601 e-mails 391 repeat an earlier one, column by column, and most pairs of them are parted by some division. The rubric at the end of this page asks to keep such twins in one part; here they are left where chance puts them. What they do to a difference of two arms was not measured.
#
# With *several* data sets, compare over the data sets: those are independent.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The study, honestly
#
# What do a hundred divisions say of new e-mails? **Here: two layers of 100, all 4601 e-mails.** A difference is **within a point** if its whole interval lies within our margin, ±1 point. That is a sixth of the errors, so it does not mean *equal*.
#
# Dots are divisions, bars intervals of the mean. *Left:* that bars overlap decides nothing, for each holds the luck of the division, which all four networks share. *Middle:* the paired differences decide; grey is our margin. *Right:* half the width of dropout's interval.
#
# **Do this**: switch the interval to *naive*, and back. Then move the repetitions J to 10.  **Notice**: what becomes decided though nothing was added?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.study.show(repetitions=100, interval="corrected")

# %% [markdown]
# **What came out.** Dropout minus plain is −0.40 ± 0.50 points, BatchNorm minus plain −0.06 ± 0.49. Do they help or harm? Undecided: both intervals hold 0. Is it less than a point? Yes: both lie within the grey. <!-- rests: open hundred-dropout, open hundred-batch-norm, hundred-close-dropout, hundred-close-batch-norm -->
#
# The naive interval calls dropout worse, with ten divisions and with a hundred. <!-- rests: not ten-dropout --> **By the corrected one, ninety divisions more showed that the difference is below a point, and did not decide its sign.** Then ask:
#
# - *What does caution cost?* With a term of 0.045, ± 0.50 would be ± 0.23, and dropout *worse* here. But for so large a file no term was measured, so we do not say that dropout harms.
# - *What could the plan see?* Four times in five, a true difference of about $(t + 0.85)\,s\,\sqrt{1/J + n_{te}/n_{tr}}$, here 0.7 points. (Four fifths of a bell curve lie below 0.85 spreads.)
# - *Was the training fair?* With rate and epochs tuned alike, the difference is +0.1 [−0.3, +0.5]: within a point, its sign open (*Deeper*). <!-- rests: tuned-close-dropout, open tuned-dropout -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: each variant tuned
#
# First dropout minus plain by both intervals, and the four cards of *The study, honestly*; then the frozen settings.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, ran = study(100)  # the 400 networks of the first sitting
for J in (10, 100):
    d = 100 * (ran.first(J).of("dropout") - ran.first(J).of("plain"))
    print(f"{J:3} divisions, points: naive {mean_interval(d)}, "
          f"corrected {corrected_interval(d, ran.train_rows, ran.test_rows)}")
for variant in ("dropout", "batch norm"):
    claim(f"100 repetitions, corrected interval: the network with {variant} improves "
          "on plain in accuracy.",
          kind="measured", id=f"hundred-{variant.replace(' ', '-')}", unit="points",
          measured=ran.difference(variant), holds=positive, times=100)
    claim(f"100 repetitions, corrected interval: the network with {variant} differs "
          "from plain by less than a point.", unit="points", times=100,
          kind="measured", id=f"hundred-close-{variant.replace(' ', '-')}",
          measured=ran.difference(variant), holds=within(0.01))

# %% [markdown]
# Was the comparison fair? We asked again with each variant tuned: each chose its setting on four pilot divisions, and, *frozen*, was judged in twenty others. Each variant got the same budget:
#
# 1. Nine settings each. With dropout: three strengths (0.2, 0.5, 0.8) by three learning rates (0.001, 0.003, 0.01). Without: nine learning rates from 0.0003 to 0.03.
# 2. Each setting is trained in four pilot divisions, and looked at eight times, after 2, 4, 8, 12, 16, 24, 32 and 40 epochs. That makes 72 candidates for each variant.
# 3. The lowest mean error on validation rows wins, and is frozen.
#
# Then each with its frozen setting, in twenty other divisions, with corrected intervals. They are divisions of the same file, so nearly every row that judges has been a training or validation row of some pilot: a small unfairness, the same for all four. `course_lib.study`, near the end of this page, sets a third of the rows aside.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.capstone.tuned_spam import frozen, tuned_study

*_, tuned = tuned_study()
for variant in ("dropout", "batch norm"):
    claim(f"Each with its frozen setting: the network with {variant} improves on plain "
          "in accuracy.", kind="measured", id=f"tuned-{variant.replace(' ', '-')}",
          measured=tuned.difference(variant), holds=positive, unit="points", times=100)
    claim(f"Each with its frozen setting: the network with {variant} differs from "
          "plain by less than a point.", kind="measured", unit="points", times=100,
          id=f"tuned-close-{variant.replace(' ', '-')}",
          measured=tuned.difference(variant), holds=within(0.01))

# %% tags=["deeper"]
# what was frozen, and mean accuracies: at 8 epochs and 0.003, and tuned
for variant in ("plain", "dropout", "batch norm", "both"):
    one = frozen(variant)
    print(f"{variant:>10}: dropout {one.dropout}, rate {one.lr:.2g}, "
          f"{one.epochs:2} epochs; {ran.of(variant).mean():.1%} before, "
          f"{tuned.of(variant).mean():.1%} tuned")

# %% [markdown]
# By the corrected interval, in points: dropout minus plain +0.1 [−0.3, +0.5], BatchNorm minus plain −0.6 [−1.2, +0.1]. With its frozen setting, dropout differs from plain by less than a point, and whether it helps stays open. <!-- rests: tuned-close-dropout, open tuned-dropout --> Whether tuning *changed* the difference is another question, which we did not test.
#
# BatchNorm, tuned, came out *lower* than plain on fresh seeds only: by 0.64 points [−1.26, −0.02]; here by 0.6 [−1.2, +0.1], which is undecided. Taken alone the fresh figure has p = 0.04: if nothing differed, so large a difference would come about in 4 of 100 studies. As one of a dozen verdicts it is borderline, and Holm's correction (*Deeper: eight verdicts at once*) leaves it open. Its pilots chose 4 epochs, the best of 72 looks at four divisions only. Tuned it is right on 93.9 %; at 8 epochs, untuned and in other divisions, it was on 94.1 %. So its tuning brought nothing that shows; perhaps the choice is to blame, not the norm. Such a choice is noisy itself; *Choose* is about that.
#
# All this speaks *of these frozen settings*: other pilots might freeze others. To cover that, tune anew in every division (*nested resampling*, further down).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one test set, several data sets
#
# **One fixed test set and three seeds**, as many papers have it. Intervals over the seeds cover start and order, not the test rows. For the rows, draw the test rows again with replacement, and take the difference of the same two networks each time: a *paired bootstrap*. Or count the rows that only one of the two gets right: *McNemar's test*. If the two were equally good, each such row would be a fair coin. An example: of 1000 test rows only the first network is right on 40, and only the second on 20.

# %% tags=["deeper"]
from math import comb

first, second, rows = 40, 20, 1000
p = 2 * sum(comb(first + second, k) for k in range(second + 1)) / 2 ** (first + second)
mean, both = (first - second) / rows, (first + second) / rows
half = 1.96 * ((both - mean**2) / rows) ** 0.5  # the bootstrap's, for many draws
print(f"difference {100 * mean:.1f} points ± {100 * half:.1f}; McNemar's p {p:.3f}")

# %% [markdown]
# This is said of *these two networks*, where the two intervals of *Prove* are about training with dropout or without, and of all rows from the same source. It says nothing of what other starts would give: for that, train several of each.
#
# **Several data sets.** Take one number for each data set and no correction: those are independent (Demšar 2006, who recommends Wilcoxon's signed ranks).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what the source of the study says
#
# That the authors of the mlr3torch course share their page is why anyone can learn from it, and we thank them. It is *Optimization & Regularization* (mlr-org.github.io/mlr3torch-course); we read commit 220fa0e of `notebooks/4-optimizer.qmd`, and mended a letter in the quotation. It says: up to 500 epochs in batches of 128 with patience 10; features as they come; `rsmp("subsampling", repeats = 10)`, which by default trains on two thirds, where the text says 80/20.
#
# - `validate = "test"`: each network's training is stopped by the rows on which it is then reported. That slips in easily, and exhibit T7 of the exercises is about it.
# - The intervals are those of `msr("ci", …)`, which for this kind of resampling are **already corrected** in today's package. So the naive ten of this lesson are ours, not the lecture's, and its "too wide to be able to draw any final conclusions" was the right caution.
# - The page goes on: "Also, both normalization techniques improve stability, so that the confidence intervals are narrower." But a narrower spread over divisions would not show that *training* is more stable: it mixes test rows, split and start. Our intervals of $s/s_\text{plain}$ speak of just that spread, for this file. They need no correction (given the file, divisions are independent draws), and assume normal values.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed; the first is of *A study to repeat*
claim("10 repetitions, naive interval: the network with batch norm improves on plain "
      "in accuracy.", kind="measured", id="ten-batch-norm", unit="points", times=100,
      measured=ten.difference("batch norm", kind="naive"), holds=positive)
for variant in ("dropout", "batch norm"):
    claim(f"10 repetitions: with {variant} the interval is narrower (ratio of "
          "standard deviations).",
          kind="measured", id=f"ten-narrower-{variant.replace(' ', '-')}",
          measured=ten.spread(variant), holds=below(1))
    claim(f"100 repetitions: with {variant} the interval is narrower (ratio of "
          "standard deviations).",
          kind="measured", id=f"hundred-narrower-{variant.replace(' ', '-')}",
          measured=ran.spread(variant), holds=below(1))

# %% [markdown]
# Ten divisions leave the sign of BatchNorm's difference open. <!-- rests: open ten-batch-norm --> Neither ten divisions nor a hundred show a narrower spread. Ten values would show one only where it is about half as wide. <!-- rests: open ten-narrower-dropout, open ten-narrower-batch-norm, open hundred-narrower-dropout, open hundred-narrower-batch-norm -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: eight verdicts at once, and Holm's correction
#
# Back to the digits: what does each technique contribute to *everything*? One was left out at a time and all else held fixed, on 24 seeds that nobody had looked at before. A positive figure: without this technique the error is so many points higher.
#
# Eight intervals at once: where nothing differs, one in twenty 95 % intervals leaves out 0 all the same. So name *one* beforehand that decides, and correct the others; here none was named. **Holm's correction** takes the p value of each: how often would a mean at least as far from 0 come about if nothing differed? Sorted, the smallest is multiplied by 8, the next by 7, and so on. None may come out below the one before it. Those that stay below 0.05 are told from 0.

# %% tags=["deeper"] jupyter={"source_hidden": true}
from course_lib.experiments.capstone import leave_one_out

lost = {name: leave_one_out.stored(name) for name in leave_one_out.TECHNIQUES}
p_values = {name: p_value(one) for name, one in lost.items()}
for name, by_holm in holm(p_values).items():
    mean, low, high = (100 * value for value in lost[name][:3])
    print(f"without {name:<15} {mean:+.2f} [{low:+.2f}, {high:+.2f}]  "
          f"p {p_values[name]:.4f}, by Holm {min(by_holm, 1):.4f}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# A control for *Combine*, asked of eight seeds, 600 steps. If it holds, shares do not
# add up, and early stopping is not special; if not, or if open, *Combine* says so.
others = leave_one_out.without("patience")
others_share = share_gained(others, everything, plain)
claim("The seven others without early stopping gain more than half of what everything "
      "gains over plain (their gain minus half of the other).",
      measured=others_share["half"], kind="measured", id="others-gain-half",
      holds=positive, unit="points", times=100)
print(f"without early stopping: error {others.error.mean():.1%}, "
      f"plain {plain.error.mean():.1%}, everything {everything.error.mean():.1%}")

# %% [markdown]
# **Three add something on these digits: early stopping (*patience*) 4.9 points, dropout 1.7, label smoothing 0.6.** BatchNorm (*norm*) and stochastic depth (*survival*) have intervals without 0, and do not survive: by Holm they stand at 0.09 and 0.14. For these two and weight decay it stays open. L1 and L2, so weak, change less than 0.2 points, by uncorrected intervals.
#
# **Why 4.9, when early stopping gained 15.0?** It gained those alone, over plain. Here, when it is missing, the seven others still gain 12.9 of the 17.7 points, more than half: both do much of the same work, and the eight figures do not add up. <!-- rests: others-gain-half --> And nothing was tuned anew for the network that lost a technique. *Ask* shows what that can hide: its answers on dropout are of another network, without the seven others.
#
# **And of digits newly collected?** For them this page has no good interval. The new term of the corrected one, $n_{te}/n_{tr}$, was ¼ for the e-mails and is 1297/500 = 2.6 here. With 24 seeds that makes it $\sqrt{1 + 24\cdot2.6} = 8$ times as wide as those above. It holds 0 for all eight, early stopping included. That does not show that nothing helps. The formula supposes that results differ because of their *test rows*; here the start and the training rows seem to move them more, and much of that averages away (next section).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the rows that early stopping costs, and digits newly collected
#
# Early stopping has 200 labelled rows to validate by, a fifth of their labels wrong. What if plain learns from them, and has all 500? And what does the corrected interval say of everything against early stopping?

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, plain_500 = mix(rows=500)  # those that early stopping validates by, too
claim("Early stopping alone has a lower test error than plain.",
      measured=difference(stopped, plain), kind="measured", id="stop-plain-error",
      holds=negative, unit="points", times=100)
claim("Early stopping (300 rows, 200 to validate) has a lower test error than plain "
      "on all 500.", measured=difference(stopped, plain_500), kind="measured",
      id="stop-or-more-rows", holds=negative, unit="points", times=100)
claim("Everything has a lower test error than early stopping, by the corrected "
      "interval.", unit="points", times=100,
      measured=corrected_interval(everything.error - stopped.error, 500, 1297),
      kind="measured", id="all-stop-corrected", holds=negative)

# %% tags=["deeper"]
# means of eight seeds, on test rows with right labels
for name, arm in (("plain", plain), ("plain, 500 rows", plain_500),
                  ("stopped early", stopped), ("everything", everything)):
    print(f"{name:15}  error {arm.error.mean():5.1%}  NLL {arm.nll.mean():.2f}  "
          f"ECE {arm.ece.mean():.2f}")

# %% [markdown]
# Over plain on all 500, early stopping gains 8.9 of everything's 11.6 points. Plain on all 500 has 22.3 % wrong, and stopped early 13.4 %: here the rows were better spent on stopping. <!-- rests: stop-or-more-rows --> But *plain on all 500* is a weak opponent: it has 100 wrong labels, and 600 steps to learn them. A stronger one stops early to find the number of steps, and then trains on all 500 for as many (Goodfellow, Bengio & Courville, *Deep Learning*, 7.8). It was not trained here.
#
# For *these* digits everything errs less than early stopping. For digits newly collected it is undecided: the corrected interval is $\sqrt{1 + 8\cdot1297/500} = 4.7$ times as wide (eight divisions into 500 labelled and 1297 test rows), and holds 0. <!-- rests: open all-stop-corrected --> But it supposes that $s$ comes from the test rows. How much can come from them? The two networks are wrong on 10.7 % and 13.4 % of the rows, so at most on 24 % is only one of them right. Then the draw of test rows alone spreads their difference by at most $\sqrt{0.24/1297\cdot500/1797}$, 0.7 points, where $s$ is 1.8 here. (The last factor is there because 1297 of the file's 1797 rows are tested.) Most of $s$ comes from start and training rows, and much of that does average away. So the corrected interval is probably far too wide here; by how much was not measured.
#
# A bound for new digits: the mean over all divisions tests every one of the 1797 rows, whose own luck is at most $\sqrt{0.24/1797}$, 1.2 points (a half width of 2.3), and no repetition takes that away. The luck of the training rows comes on top, in part. So the right half width probably lies between the naive 1.5 and the corrected 7. With 24 seeds, for early stopping left out, the corrected interval is [−0.9, +10.6].
#
# The dozen verdicts on e-mails are not corrected for their number. That they were asked again on fresh seeds is no cure: the file is the same.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one technique out at a time, and two myths
#
# The eight seeds of this page alone say less than the 24 fresh ones; here dropout is left out:

# %% tags=["deeper", "nbval-check-output"]
no_dropout = leave_one_out.without("dropout")  # trained here, on this page's seeds
claim("Everything but dropout has a higher test error than everything.",
      measured=difference(no_dropout, everything), kind="measured",
      id="without-dropout", holds=positive, unit="points", times=100)

# %% [markdown]
# A setting is shared as one line, copied from under the mixer. This one is *everything*, written out.
#
# **Do this**: switch off patience (0), dropout p (0), norm (none) and smoothing ε (0), one at a time. Then set them as in your own best try; a kept line loads in the notebook.  **Notice**: which one costs most when it is missing?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.mixer.show(state="patience=3, l1=0.001, l2=0.001, weight_decay=1.0, "
                         "label_smoothing=0.1, dropout=0.5, norm=batch, survival=0.5")

# %% [markdown]
# **Two myths.** Each is a preset. After 600 steps, eight seeds, paired; intervals of the differences in test error. What would count:
# "*Dropout and BatchNorm cannot be combined*": together, dropout behind the norm, they have a higher error than BatchNorm alone, a weak opponent here, for it has learned the wrong labels by heart; dropout alone, or a stop in both arms, was not asked. "*BatchNorm regularizes, so nothing else is needed*": its error is at most a point above that of early stopping alone. (The network has one BatchNorm, in front of two blocks without.)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, norm = mix(Setting(norm="batch"))
*_, both = mix(Setting(norm="batch", dropout=0.5))
claim("Dropout behind BatchNorm has a higher test error than BatchNorm alone.",
      measured=difference(both, norm), kind="measured", id="norm-and-dropout",
      holds=positive, unit="points", times=100)
claim("The test error of BatchNorm alone is at most a point above that of early "
      "stopping alone.", measured=difference(norm, stopped), kind="measured",
      id="norm-suffices", holds=below(0.01), unit="points", times=100)

# %% [markdown]
# Dropout stands *behind* the norm, so the shift of variances of lesson 06 cannot arise: only the bare sentence was tested. And whatever BatchNorm's noise does, 600 steps are enough to learn wrong labels by heart: look at the training error in the mixer.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Choose: how much the winner flatters itself
#
# **Here: the mixer's network, on e-mails, labels as they come.** **Random search** draws the strengths of thirty candidates by lot, and learning rates from 0.0003 to 0.01. Each trains on 300 rows; **200 rows validate**, 1000 test. The lowest validation error wins. There are eight such studies, each with its own division *and settings*.
#
# Without a search you would have one of the thirty, *drawn blindly*: its error is their mean, on average. The winner's lead over that is measured twice:
#
# - *promised*: on validation rows;
# - *kept*: on test rows;
# - **optimism**: promised minus kept.

# %%
predict("search",
        "Of the lead that the search promises on validation rows, how much is kept on "
        "test rows?",
        ["more than half", "less than half", "too close to tell"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
*_, found = search(noise=0.0)  # the networks of the picture
promised, kept = (blind - won for blind, won in zip(found.best_of(1),
                                                    found.best_of(30)))
half = paired_interval(kept, promised / 2)
claim("The search keeps less than half of the lead that it promises (kept minus half "
      "of the promise).", measured=half, kind="measured", id="search-keeps-less",
      holds=negative, unit="points", times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("search", from_interval={"more than half": positive(half),
                                "less than half": negative(half)},
       because=f"promised {100 * promised.mean():.1f} points, "
               f"kept {100 * kept.mean():.1f}", rests="search-keeps-less")

# %% [markdown]
# *Left:* a line for each study, from the lead promised to the lead kept. *Right:* the winner of $n$ candidates, on average.
#
# **Do this**: move the candidates tried from 1 to 30.  **Notice**: which of the two curves keeps falling?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.search.show(n=30)

# %% [markdown]
# **What came out.** Less than half is kept. <!-- rests: search-keeps-less --> Means of eight studies, % wrong:
#
# | | validation | test |
# |---|---|---|
# | drawn blindly | 10.44 | 10.15 |
# | winner of thirty | 7.88 | 9.95 |
# | lead of the winner | 2.56 promised | 0.20 kept |
#
# The rest, 2.36 points, is optimism. <!-- rests: optimism-grows --> The 0.20 kept cannot be told from 0 here; fresh seeds keep 0.6 [0.3, 1.0] of 2.0.
#
# ### Why does the winner flatter itself?
#
# All thirty are judged on the same 200 rows. How different are they?

# %%
# means of the eight studies
print(f"two disagree on {found.disagreement.mean():.1%} of the 200 rows; test errors "
      f"spread by {100 * found.test[:, :, -1].std(1).mean():.1f} points")

# %% [markdown]
# Only rows choose on which two settings disagree: ten of the 200. If two are equally good, each such row is a toss, +1 or −1, and their difference has a standard deviation of $\sqrt{0.049/200}$, 1.6 points. Independent spreads add in squares, so a difference of two is $\sqrt2$ times as wide as one's own luck. Luck alone spreads validation errors by 1.1 points, as much as the thirty spread on test rows. Of thirty draws from a bell curve the best lies about twice that out. So were all equally good, luck alone would promise 2.2 of the 2.56 points.
#
# **A winner's validation error is no result. One look at the test rows is.** To look, and then try something else, makes them validation rows.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: your own best try, judged
#
# **Back to the mixer: digits, a fifth of the labels wrong.** You too chose the best of some, by *test* error. So judge your own best try on the seeds looked at, and on eight others, whose divisions had no say. In the notebook, put in the line under your best try, with texts in quotes (`norm="batch"`). Now the best of the page's sixteen mixtures stands there.

# %% tags=["deeper"]
mine = Setting(patience=3, dropout=0.5, label_smoothing=0.1)  # your line here
for name, seeds in (("looked at", range(8)), ("others", range(100, 108))):
    *_, alone = mix(Setting(patience=3), seeds=seeds)
    *_, own = mix(mine, seeds=seeds)
    lead = paired_interval(100 * alone.error, 100 * own.error)
    print(f"{name}: {own.error.mean():.1%} wrong, "
          f"lead over early stopping {lead} points")

# %% [markdown]
# On the eight others these three knobs lead early stopping by 3.9 points [3.0, 4.8], on fresh seeds by 4.0 [3.1, 4.8]: that is the figure to report, for this file and the mixer's one learning rate. <!-- rests: three-stop-error --> On the seeds looked at it was 3.2, so here no flattery shows. But a mean of eight divisions has luck of its own, ± 1.3 there and ± 0.9 here. Their difference has ± $\sqrt{1.3^2 + 0.9^2} = 1.6$, so a small flattery would not show either.
#
# *Everything* minus the three, in points: +0.5 [−0.5, +1.5] on the seeds looked at, −0.7 [−1.4, −0.1] on the others, +0.5 [−0.2, +1.2] on fresh seeds. Whether its five other techniques matter by a point is open. <!-- rests: open all-three-close -->

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# those three knobs, on the eight others
three, alone, whole = ([*mix(arm, seeds=range(100, 108))][-1] for arm in (
    Setting(patience=3, dropout=0.5, label_smoothing=0.1), Setting(patience=3),
    EVERYTHING))
claim("Early stopping with dropout 0.5 and smoothing 0.1 has a lower test error than "
      "early stopping alone, on divisions that had no say in the choice.",
      measured=difference(three, alone), kind="measured", id="three-stop-error",
      holds=negative, unit="points", times=100)
claim("Everything has a lower test error than early stopping with dropout 0.5 and "
      "smoothing 0.1.", measured=difference(whole, three), kind="measured",
      id="all-three-error", holds=negative, unit="points", times=100)
claim("Everything differs in test error from early stopping with dropout 0.5 and "
      "smoothing 0.1 by less than a point.", measured=difference(whole, three),
      kind="measured", id="all-three-close", holds=within(0.01), unit="points",
      times=100)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does the search pay?
#
# The card of *Choose*'s optimism: the winner's gap (test minus validation error) minus the mean gap of the thirty. It is promised minus kept: 2.07 − (−0.29) = 2.36.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("The choice among 30 adds more than a point of optimism to the winner's gap "
      "(test minus validation error).", measured=found.optimism(30), kind="measured",
      id="optimism-grows", holds=above(0.01), unit="points", times=100)

# %% [markdown]
# A candidate drawn blindly is a weak opponent. A stronger one is the network that nobody searched for: plain, at the mixer's learning rate of 0.002, on the same rows for the same 200 steps.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, untuned = mix(data="e-mails", noise=0.0, steps=200)
claim("The search pays: the winner of 30 has a lower test error than a candidate "
      "drawn blindly.", measured=found.pays(30), kind="measured", id="search-pays",
      holds=negative, unit="points", times=100)
claim("The winner of 30 has a lower test error than the plain, untuned network.",
      measured=paired_interval(found.best_of(30)[1], untuned.error), kind="measured",
      id="search-or-untuned", holds=negative, unit="points", times=100)

# %% [markdown]
# The eight studies of this page decide neither. On fresh seeds only, the search pays: the winner has 0.6 points less than a candidate drawn blindly [0.3, 1.0], of 2.0 that were promised there, and 0.8 less than the untuned network [0.3, 1.3].
#
# Fresh figures of different cards need not add up: a claim that was changed after its fresh seeds had been seen was asked again on others.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: nested resampling, by name and by code
#
# What was done above has a name. The *outer* divisions only judge: each keeps test rows for the end. The *inner* division only chooses: it is made of the outer training part alone, and made anew each time. Settings, scaling, stopping, whatever is chosen belongs inside. That is **nested resampling**, and the mean over the outer test rows estimates the *whole procedure*, search included. It names no winner: each outer division may have another. To copy, with twelve settings and 100 rows to choose by:

# %% tags=["deeper"]
import torch
from torch import nn
from course_lib.data import spambase_or_breast_cancer

table = spambase_or_breast_cancer()
settings = [(lr, decay) for lr in (1e-3, 3e-3, 1e-2, 3e-2) for decay in (0, 0.1, 1)]

def errors(train, others, lr, decay):
    x = ((table.x - table.x[train].mean(0)) / (table.x[train].std(0) + 1e-6)).float()
    model = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)
    for _ in range(100):
        loss = nn.functional.cross_entropy(model(x[train]), table.y[train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    wrong = (model(x).argmax(1) != table.y).double()
    return [wrong[rows].mean() for rows in others]

outer = [torch.randperm(len(table.y)).tensor_split([300, 400]) for _ in range(5)]
best = [min((errors(train, held, *one) for one in settings), key=lambda pair: pair[0])
        for train, *held in outer]
print("% wrong, inner and outer:", (100 * torch.tensor(best).mean(0)).numpy().round(1))

# %% [markdown]
# (Often the winner is trained once more on both its parts; here it is not. And every training has a start of its own, so the choice also chooses a start.) `key` looks at the error on the inner rows alone; that on the outer rows comes along and has no say, in a tie either. The distance of the two figures is optimism plus the luck of five divisions: subtract the mean gap of all twelve, as above. Five divisions here are a sketch. The search above is the same procedure with eight outer divisions, thirty settings and 200 inner rows, and its claim is the measurement: the choice adds more than a point. <!-- rests: optimism-grows -->

# %% tags=["deeper"]
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

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: all draws of n, without training again
#
# Here is the winner of the first study, and its setting. Its gap is 3.1 points, but all thirty have 2.1 on average (by chance also the mean gap of the eight winners): there the validation rows happen to be easier. The 1.0 left is its optimism. (Public test sets, reused for years, show little overfitting: Roelofs et al. 2019, on Kaggle's. One reason: models agree more than their accuracies alone explain (Mania et al. 2019), and only rows on which they disagree choose.)
#
# Below, how all draws of $n$ are taken into account. For them nothing is trained again. Sort the $N$ candidates by validation error: the $k$-th wins exactly when it is drawn and the $n-1$ others come from behind it, with probability $\binom{N-k}{n-1}/\binom{N}{n}$. Check it on six candidates, by trying every draw:

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
winner = found.validation[0, :, -1].argmin().item()
print(f"chosen with {found.validation[0, winner, -1]:.1%} wrong on validation rows; "
      f"reported: {found.test[0, winner, -1]:.1%} wrong on test rows")
gaps = 100 * (found.test - found.validation)[0, :, -1]
print(f"gap of the winner {gaps[winner]:+.1f} points, of all thirty on average "
      f"{gaps.mean():+.1f}: the choice's part is {gaps[winner] - gaps.mean():+.1f}")
one = found.settings[0][winner]
print(f"its learning rate {one.lr:.2g}, dropout {one.dropout:.2f}, "
      f"smoothing {one.label_smoothing:.2f}, weight decay {one.weight_decay:.2g}")

# %% tags=["deeper", "nbval-check-output"]
few = replace(found, validation=found.validation[:, :6], test=found.test[:, :6])
draws = list(combinations(range(6), 3))
winners = [min(drawn, key=few.validation[0, :, -1].tolist().__getitem__)
           for drawn in draws]
by_hand = [errors[0, winners, -1].double().mean().item()
           for errors in (few.validation, few.test)]
gaps = [a - b[0].item() for a, b in zip(by_hand, few.best_of(3))]
claim("best_of(3) of six candidates is the mean over all 20 draws of three, for the "
      "validation and the test error of the winner.", measured=gaps,
      holds=within(1e-12))
claim("The chances of the thirty candidates to win among ten add up to 1.",
      measured=chances(30, 10).sum().item() - 1, holds=within(1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ask: what else was tuned?
#
# *Does dropout help?* is no question yet: with which learning rate, for how long? Google's [tuning playbook](https://github.com/google-research/tuning_playbook) sorts the knobs:
#
# - **scientific**: asked about, here the dropout rate $p$;
# - **nuisance**: tuned anew for each $p$;
# - **fixed**: stays, and the answer holds for that value alone.
#
# **Here: 300 digits, a fifth of the labels wrong; one hidden layer of 64 units; six seeds.** We trained every combination of $p$, rate, weight decay and up to 300 steps. Validation rows choose, test rows judge.

# %%
predict("retuned",
        "With learning rate 0.003 and 300 steps for all, the best p beats no dropout "
        "by 8 points. Now learning rate and steps are chosen anew for each p. The "
        "difference …",
        ["shrinks by more than half", "keeps more than half", "too close to tell"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
*_, networks = playbook.factorial()
standing = playbook.ask(networks, "dropout", frozenset(), {"lr": 3e-3})
anew = playbook.ask(networks, "dropout", frozenset({"lr", "steps"}))
claim("Learning rate 0.003 for all: the best p has a lower test error than no dropout.",
      measured=standing.difference, kind="measured", id="dropout-fixed-rate",
      holds=negative, unit="points", times=100)
claim("Chosen anew for each p: lr, steps. The best p differs from no dropout by less "
      "than a point.", measured=anew.difference, kind="measured", id="dropout-retuned",
      holds=within(0.01), unit="points", times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("retuned",
       from_interval={verdict: holds(paired_interval(anew.gain, standing.gain / 2))
                      for verdict, holds in (("shrinks by more than half", negative),
                                             ("keeps more than half", positive))},
       because=f"{100 * standing.difference.mean:+.1f} points, then "
               f"{100 * anew.difference.mean:+.1f}", rests="dropout-retuned")

# %% [markdown]
# *Left:* the test error at each $p$, with the best choice of what is re-tuned. *Right:* the best $p$ minus *off*. *All others*: rate, steps and decay.
#
# **Do this**: go through the four ways of *re-tuned for each arm*. Then take *nothing* again, at the learning rate 0.0003.  **Notice**: how many answers does one set of networks give?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import capstone as explore

explore.playbook.show()

# %% [markdown]
# ### Five answers
#
# The eight points become 0.2 with rate and steps tuned, and 0.6 with decay, too:
#
# | chosen anew for each arm | dropout minus none, points of test error | verdict |
# |---|---|---|
# | nothing; rate 0.003 | −8.3 [−9.9, −6.7] | it helps <!-- rests: dropout-fixed-rate --> |
# | nothing; rate 0.0003 | +1.2 [+0.4, +1.9] | it harms <!-- rests: dropout-slow-rate --> |
# | rate | −1.5 [−2.1, −1.0] | it helps; by a point or not is open <!-- rests: open dropout-rate --> |
# | rate and steps | −0.2 [−0.5, +0.1] | within a point; its sign is open here <!-- rests: dropout-retuned --> |
# | rate, steps and decay | −0.6 [−1.3, +0.1] | undecided here; within a point on fresh seeds only |
#
# On fresh seeds dropout is ahead in the last three rows, in the fourth barely. Each answer is right for its question, its file and the settings chosen; the luck of choosing is in no interval.
#
# So **say which knobs were tuned for *both* arms**, with how many trials. Here dropout, with three $p$, had three times those of *none*.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: all five answers, and more steps
#
# The cards of the three other rows. And a doubt: in the fourth row dropout chose 300 steps, the most that were tried. Would it have gained from more? So five learning rates and four $p$ were trained once more, without decay, for 50 to 1000 steps, and again the mean validation error of the six seeds chooses. (All six divide one file: a small leak.)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
slower = playbook.ask(networks, "dropout", frozenset(), {"lr": 3e-4})
claim("Learning rate 0.0003 for all: the best p has a higher test error than no "
      "dropout.", measured=slower.difference, kind="measured", id="dropout-slow-rate",
      holds=positive, unit="points", times=100)
ways = {"rate": ["lr"], "decay-too": ["lr", "steps", "weight_decay"]}
every = {way: playbook.ask(networks, "dropout", frozenset(ways[way])) for way in ways}
for way, knobs in ways.items():
    claim(f"Chosen anew for each p: {', '.join(knobs)}. The best p differs from no "
          "dropout by less than a point.", measured=every[way].difference,
          kind="measured", id=f"dropout-{way}", holds=within(0.01), unit="points",
          times=100)
# Six seeds, five rates, four p, no decay, six lengths up to 1000 steps. If it holds,
# *Ask* says "within a point" of 1000 steps, too; if not, that dropout needs more than
# 300; if open, that of more than 300 steps nothing is shown.
*_, longer = playbook.factorial(longer=True)
every["up to 1000 steps"] = playbook.ask(longer, "dropout", frozenset({"lr", "steps"}))
claim("Chosen anew for each p: lr, and steps up to 1000. The best p differs from no "
      "dropout by less than a point.", measured=every["up to 1000 steps"].difference,
      kind="measured", id="dropout-longer", holds=within(0.01), unit="points",
      times=100)

# %% tags=["deeper"]
# what was chosen, and the mean test error of six seeds
for way, answer in {"rate 0.003": standing, "rate 0.0003": slower, "rate, steps": anew,
                    **every}.items():
    for k in (0, answer.best):
        one = answer.chosen[k]
        print(f"{way:>16}: p {one['dropout']}, rate {one['lr']:g}, {one['steps']} "
              f"steps, decay {one['weight_decay']:g}: "
              f"{answer.errors[:, k].mean():.1%} wrong")

# %% [markdown]
# With up to 1000 steps the same two settings are chosen as with up to 300, so the difference is the same: −0.2 [−0.5, +0.1]. <!-- rests: dropout-longer --> On fresh seeds dropout minus none is −1.2 [−1.6, −0.9] with the rate chosen anew, −0.18 [−0.35, −0.01] with rate and steps, and −0.4 [−0.7, −0.1] with decay, too: below 0 in all three. With up to 1000 steps it is −0.02 [−0.18, +0.13].
#
# Two edges of the grid remain. At the fixed rate 0.003 dropout chose $p = 0.8$, the largest tried, and with decay tuned, too, both arms chose 3, the largest tried. That last row is within a point on fresh seeds only.
#
# Where did the eight points go? At the rate that validation rows choose, 0.001 for both, *none* errs on 11.9 % and dropout on 10.4, at 0.003 on 19.6 and 11.3. Our reading: smaller steps, like dropout, learn fewer wrong labels by heart.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The answer, in one sentence
#
# **On digits with wrong labels, at one learning rate, early stopping alone gained more than half of what eight techniques gained together; and whether a lead is luck is told by rows that did not choose it, in paired differences, against an opponent tuned as long.** <!-- rests: stop-gains-half -->
#
# ## What to try, in this order
#
# Our judgement, not a measurement:
#
# 1. Look at the training error and the validation error.
# 2. Are both close, and higher than wrong labels explain (on labels of which a fifth is wrong 20 % is the floor)? Take a richer model or more steps, no regularizer.
# 3. Are both low? Leave it: a gap by itself is no fault.
# 4. Is only the training error low? Try the learning rate, then more or better data, early stopping, weight decay, augmentation; then a norm, dropout, smoothing.
# 5. Search together what is left, by validation error, or loss where probabilities are used.
# 6. Look at the test rows once.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the whole list, with strengths to start with
#
# | try | start with | not, or not yet | mind, when combined |
# |---|---|---|---|
# | **the learning rate** | somewhat below the largest stable one, warm-up, cosine (00) | with wrong labels and few rows a much smaller one may be best (10, the next lesson) | every strength below depends on it |
# | **more, or better, data** | read fifty of its mistakes | | no technique replaces them (01) |
# | **pretrained weights** | a related network, fine-tuned with a small rate; not measured in this course | no related network exists | the strengths below change again |
# | **early stopping** | stop after 5–20 looks at the validation loss without a new best; keep the best weights (01) | a single pass over much data; a handful of validation rows | compare everything below with it |
# | **weight decay** | AdamW 0.01–0.1; SGD 1e-4–5e-4 (03, 04) | | these are not the λ of an L2 penalty (04); leave out biases and norms; before a norm it sets the speed (07) |
# | **augmentation** | changes that keep the label (01) | | makes training loss a poor guide |
# | **a norm** | BatchNorm; LayerNorm for small batches, text (07) | BatchNorm in batches of a few rows | with dropout directly before it, its running variance is not that of evaluation: measure what that costs (06) |
# | **dropout** | 0.5 in wide layers, 0–0.1 in transformers (06) | data in plenty | compare with early stopping (06) |
# | **label smoothing** | 0.1; then 0.2 and 0.4, each with its own temperature (05) | where probabilities are used as they come | fit a temperature afterwards; a smoothed network as a teacher: measure its student (05) |
# | **stochastic depth** | drop rates rising to 0.1–0.2, in large models to 0.5 (08) | no shortcuts; fewer blocks, or dropout inside the branch, would do | one more knob to tune with dropout |
# | **L1** | for few inputs, by proximal steps (02) | as a list of "important" features | |
# | **an ensemble** | average the probabilities of some networks (01) | computing time is short | average regularized ones too: only plain ones were tried here (*Deeper*, near the end) |
# | **a tree** instead? | prune: depth, leaves, by validation | | a single tree has no weights; boosted trees shrink leaf values |
#
# A number in brackets is the lesson that treats the row. The starting values are customary ones, found good on other data; a row without a number was not measured in this course.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your project
#
# Take data that you care about, best a thousand rows or more.
#
# 1. **Plan**, before any training: the question, the one comparison that decides, the figure, and the smallest effect that the plan can see.
# 2. **Choose** rate and strengths for both arms, with the same number of trials, on a third of the rows.
# 3. **Prove** on the other two thirds, once: repeated divisions, paired differences, corrected interval.
# 4. **Doubt**: with labels tossed by a coin, the error must on average be no better than chance.
#
# `course_lib.study` does the second and the third for you (*Deeper*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the project's rubric
#
# | | 0 | 1 | 2 |
# |---|---|---|---|
# | question | "is it better?" | names technique, data, figure | and an effect size that would matter, and the one comparison that decides, fixed beforehand |
# | baseline | untuned, or none | tuned | tuned with as many trials, stopped early |
# | data hygiene | statistics from all rows | fitted on training rows | and twins, time or groups kept in one part |
# | selection | on test rows | on validation rows | and the optimism of the search estimated |
# | uncertainty | none, or of pooled predictions | repeated, paired | and corrected; says what the interval covers |
# | figures | accuracy alone | error and NLL or calibration | and where they disagree, which one the decision needs |
# | conclusion | more than the interval allows | as much | and nulls with their interval, beside the smallest effect that the plan could see |
# | reproducible | – | runs again from one command | and gives the same verdicts with other seeds |
#
# 12 of 16 is good work; a null result can have all 16.
#
# **Teach it.** Explain to somebody in two minutes, without a formula, why 100 repetitions on one data set are not 100 data sets.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: in production, your own comparison
#
# Write down what you decide, before you look, and let the code hold you to it. `course_lib.study` does, for your modules and your data: every arm tries as many settings on the same pilot divisions; from the pilots' spread it computes how many divisions are needed; and these test on rows that nothing was tuned on. Here on a thousand of the e-mails, with a smaller budget than you should take:

# %% tags=["deeper"]
from course_lib import study as yours

def plain():
    return torch.nn.Sequential(torch.nn.Linear(features, 64), torch.nn.ReLU(),
                               torch.nn.Linear(64, 2))

def dropped(p):
    return torch.nn.Sequential(torch.nn.Linear(features, 64), torch.nn.ReLU(),
                               torch.nn.Dropout(p), torch.nn.Linear(64, 2))

some = torch.randperm(len(table.x), generator=seeded(0))[:1000]
features, rates = table.x.shape[1], yours.between(1e-3, 3e-2)
plan = yours.plan({"plain": yours.Arm(plain, lr=rates, epochs=[10]),
                   "dropout": yours.Arm(dropped, lr=rates, p=[0.2, 0.5], epochs=[10])},
                  (table.x[some].float(), table.y[some]), matters=0.01, budget=4,
                  pilots=2, divisions=(5, 10), standardise=True)
print(plan)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
found_here = plan.run(report=None)
print(found_here)
found_here.picture()

# %% [markdown]
# (Dropout stands behind the ReLU here, and before it in *Prove*. For a ReLU that makes no difference: dropout multiplies by 0 or by a positive number.) `help(yours)` has the rest: `folder=` keeps every fit, so that an interrupted study goes on; `found_here.page("study.html")` is for a colleague.
#
# - A tuned method against an untuned baseline measures the tuning.
# - **Scaling, imputation, feature selection** are fitted inside each division, on its training part.
# - **Report nulls** with their interval. The smallest effect that so many divisions can see belongs in the plan, before they are run.
# - Optuna or Ray Tune search more cleverly. They choose on validation rows too, and inherit the optimism.
#
# Two pilot divisions give a poor guess of the spread. Here the plan took five divisions for a margin of 0.01, and would then miss a difference below 0.017 more often than once in five. That is too small for its margin: take five pilots and ten divisions or more.
#
# What can such a plan see? The smallest true difference from plain that the spam study would find four times in five, with ten divisions and with a hundred, in points of accuracy; your margin has to leave room for it. It is the half width times $(t + 0.85)/t$: with a hundred divisions and dropout $0.50\cdot2.83/1.98 = 0.71$. (For ten values 0.85 is 0.88.)

# %% tags=["deeper"]
for J in (10, 100):
    print(f"{J:3} divisions: "
          + ", ".join(f"{name} {100 * ran.first(J).difference(name).detectable:.1f}"
                      for name in ("dropout", "batch norm", "both")))

# %% [markdown]
# *Both* seems to see more with ten divisions than with a hundred. That is luck of a spread from ten values, and no reason for fewer divisions.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your turn
#
# **`09_capstone_exercises.ipynb`**: three tasks on proof, and a *debugging gallery* of nine scripts that run and are wrong. T1 to T3 and three exhibits are an hour.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# - **In short**: compare with early stopping, choose on validation rows, prove by paired differences, for new rows with the corrected interval, and say what was tuned for both.
# - **Formula**: over $J$ divisions of one file, $\bar d \pm t\,s\sqrt{1/J + n_{te}/n_{tr}}$.
# - **PyTorch**: `d = accuracy_a - accuracy_b`, then `half = t * d.std() * (1 / J + n_te / n_tr) ** 0.5`.
# - **Typical**: 10 to 20 divisions, 80/20; more hardly decide a sign.
# - **When not**: of several data sets take one number each, uncorrected. For networks like the study's, on files of 500, the interval is wider than need be. <!-- rests: networks-term -->
# - **What we measured**: for a coin the naive interval of 100 repetitions holds the truth in fewer than half of the worlds, the corrected one in 90 to 99 %. With wrong labels, at one rate, early stopping alone brings more than half of everything's gain: mostly what plain loses after step 105. Of a search's lead (30 settings, 200 validation rows, e-mails) less than half is kept. Dropout's 8 points at a fixed rate became 0.2 with rate and steps chosen for both, 0.6 with decay, too. <!-- rests: naive-coverage, corrected-coverage, stop-gains-half, dropout-fixed-rate, dropout-retuned, search-keeps-less -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: beyond proof, five networks or one that is regularized?
#
# An average of several networks takes out what differs between them by chance (01); dropout is sold as its cheap stand-in (06). So who has computing time for five networks: should they be five plain ones, averaged, or one with everything?
#
# The mixer's network and digits, sixteen seeds. *Five*: plain, 600 steps each, on the same rows, from starts of their own; their probabilities are averaged. *One*: everything, once with **as many steps** as each of the five, and once with **as many as the five together**, 3000. It may stop early, and it has 200 validation rows for that. The five may not: an unfair match, so the result is about these two recipes. Every arm tried the same six learning rates, 0.00003 to 0.01 on the same four pilot seeds, for error and for NLL by themselves; these came out, and are frozen:

# %% tags=["deeper"]
from course_lib.experiments.capstone import ensemble

for arm in ensemble.ARMS:
    print(f"{arm:>12}: "
          + ", ".join(f"rate {ensemble.frozen(arm, figure):g} for {figure}"
                      for figure in ensemble.FIGURES))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Five plain networks averaged have a lower test error than one with everything.",
      measured=ensemble.difference("one", "error"), kind="measured",
      id="five-one-error", holds=negative, unit="points", times=100)
claim("Five plain networks averaged have a lower NLL than one with everything.",
      measured=ensemble.difference("one", "nll"), kind="measured",
      id="five-one-nll", holds=negative, unit="nats")
same = [ensemble.difference("one", figure).sample
        == ensemble.difference("one, longer", figure).sample
        for figure in ensemble.FIGURES]
claim("With as many steps as the five together, the one is the same network: it has "
      "stopped before (error and NLL, seed by seed).", measured=same, kind="checked",
      holds=equal([True, True]))

# %% [markdown]
# By either count the five had at least as much computing time, and they err more. <!-- rests: not five-one-error --> A reason, not measured here: an average takes out what differs between networks, and a wrong label that all five have learned does not differ. And this says nothing of five networks *stopped early*, or regularized in another way, which were not tried, nor of data with right labels.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: successive halving, or why train the losers to the end?
#
# All thirty candidates train for 50 steps; the better half by validation error goes on to 100, the better half of those to 200. What is dropped costs nothing more. The winner is *as good* if its test error is within a point of the winner of the full search, paired over the studies.

# %% tags=["deeper", "nbval-check-output"]
_, halved, steps = halve(found)
_, best = found.best_of(30)
claim("Halving 30 candidates at 50 and 100 of 200 steps takes 30·50 + 15·50 + 7·100 = "
      "2950 steps, less than half of 6000.", measured=[steps, 30 * found.rungs[-1]],
      holds=equal([2950, 6000]))
claim("Halving is as good as training all: the two winners' test errors differ by less "
      "than a point.",
      measured=paired_interval(halved, best), kind="measured", id="halving-as-good",
      holds=within(0.01), unit="points", times=100)

# %% [markdown]
# The margin is generous: on this page a candidate drawn blindly is within a point of the full search's winner as well. So halving does no great harm here; that it finds as much is not shown. It is a bet that early order foretells late order. It may lose where slow starters win: small learning rates, strong dropout, warm-up. Hyperband hedges by starting several brackets with different first rungs. And it looks at validation rows more often: optimism does not go away.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: gradient clipping, one more knob
#
# One unlucky batch can have a gradient so long that its step throws the weights. **Gradient clipping** shortens it, $g \leftarrow g\cdot\min(1, c/\lVert g\rVert)$: the norm is that of all parameters of a network together, so the direction stays. In torch it is `clip_grad_norm_`, between `backward()` and `step()` (Pascanu, Mikolov & Bengio, 2012, arXiv:1211.5063).

# %% tags=["deeper"]
from course_lib.sgd import clip_grad_norm

show_source(clip_grad_norm)

# %% tags=["deeper", "nbval-check-output"]
small = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
small(torch.ones(5, 3, dtype=torch.float64)).square().sum().backward()
ours = [p.grad.clone() for p in small.parameters()]
gaps = [clip_grad_norm(ours, 0.1) - nn.utils.clip_grad_norm_(small.parameters(), 0.1)]
gaps += [(g - p.grad).abs().max() for g, p in zip(ours, small.parameters())]
claim("Norm and clipped gradients are those of torch.nn.utils.clip_grad_norm_ "
      "(differences).", measured=[gap.item() for gap in gaps], holds=within(1e-12))

# %% [markdown]
# In the panel of *Ask* the largest norm $c$ is a knob of ten more networks: off, 1 or 0.1, at every learning rate and length, without decay and dropout. Is it worth tuning? Adam divides every gradient by a running mean of its size (04), so that a constant factor cancels. What is left for clipping to change is the weight of long gradients beside short ones. One hears that it permits larger learning rates; the claims ask at the largest one, and with rate and steps chosen anew.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
fast = playbook.ask(networks, "clip", frozenset(), {"lr": 3e-2})
clipped = playbook.ask(networks, "clip", frozenset({"lr", "steps"}))
claim("Learning rate 0.03 for all: the best norm has a lower test error than no "
      "clipping.", measured=fast.difference, kind="measured", id="clip-large-rate",
      holds=negative, unit="points", times=100)
claim("Learning rate and steps chosen anew: the best norm differs from no clipping by "
      "less than a point.", measured=clipped.difference, kind="measured",
      id="clip-retuned", holds=within(0.01), unit="points", times=100)
claim("Learning rate and steps chosen anew: a norm of 0.1 differs from no clipping by "
      "less than a point.",
      measured=paired_interval(clipped.errors[:, -1], clipped.errors[:, 0]),
      kind="measured", id="clip-tight-retuned", holds=within(0.01), unit="points",
      times=100)

# %% [markdown]
# Learning rate and steps chosen anew, neither the best norm nor one of 0.1 makes a difference of a point. <!-- rests: clip-retuned, clip-tight-retuned --> Whether it helps at the largest rate, fresh seeds left open. <!-- rests: open clip-large-rate --> On this page a difference of exactly 0 says that both arms are the same networks: the norm was larger than every gradient and did nothing. So look at the norms before you tune one; `clip_grad_norm_` returns them. All this is of a small network trained by Adam. Clipping was made for recurrent networks, whose gradients can explode, and of those it says nothing.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what we left out
#
# - **Max-norm**: after each step, scale a unit's incoming weights back to a largest length; a fence instead of a pull. Srebro & Shraibman, 2005; Srivastava et al., JMLR 2014.
# - **Sharpness-aware minimization (SAM)**: take the gradient at the worst nearby point instead of here, at twice the price. Foret, Kleiner, Mobahi & Neyshabur, 2020 (arXiv:2010.01412).
# - **Weight averaging (SWA, EMA)**: use the mean of the weights along the path, not the last ones. Izmailov et al., 2018 (arXiv:1803.05407); Polyak & Juditsky, 1992.
# - **Mixup**: train on blends of two rows and of their labels. Zhang, Cissé, Dauphin & Lopez-Paz, 2017 (arXiv:1710.09412).
# - **GroupNorm**: normalise each row over groups of its own channels, whatever the batch. Wu & He, 2018 (arXiv:1803.08494).
#
# You can judge each by the way of this lesson: a plan, a fair opponent, a corrected interval.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: sources
#
# *The study:* "Optimization & Regularization" of the mlr3torch course (mlr-org.github.io/mlr3torch-course/notebooks/4-optimizer.html; commit 220fa0e of mlr-org/mlr3torch-course). Hopkins, Reeber, Forman & Suermondt, *Spambase*, UCI Machine Learning Repository, 1999 (doi 10.24432/C53G6X, CC BY 4.0).
# Dietterich, *Approximate Statistical Tests for Comparing Supervised Classification Learning Algorithms*, Neural Computation 1998. Bouckaert & Frank, *Evaluating the Replicability of Significance Tests for Comparing Learning Algorithms*, PAKDD 2004. Benavoli, Corani, Demšar & Zaffalon, *Time for a Change*, JMLR 2017 (a difference that is practically none). Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics 1979.
# Dodge et al., *Show Your Work*, EMNLP 2019 (arXiv:1909.03004), with the best of n. Lucic et al., *Are GANs Created Equal?*, NeurIPS 2018 (arXiv:1711.10337). Choi et al., *On Empirical Comparisons of Optimizers for Deep Learning*, 2019 (arXiv:1910.05446).
# Godbole, Dahl, Gilmer, Shallue & Nado, *Deep Learning Tuning Playbook*, 2023. Musgrave, Belongie & Lim, *A Metric Learning Reality Check*, ECCV 2020 (arXiv:2003.08505): with equal budgets a decade of losses was hardly better than the first ones. Melis, Dyer & Blunsom, *On the State of the Art of Evaluation in Neural Language Models*, 2018 (arXiv:1707.05589): plain LSTMs, tuned as long as the newer models that had beaten them, came out ahead.
# Demšar, *Statistical Comparisons of Classifiers over Multiple Data Sets*, JMLR 2006. Varma & Simon, *Bias in Error Estimation When Using Cross-Validation for Model Selection*, BMC Bioinformatics 2006 (nested resampling).
# Nadeau & Bengio, *Inference for the Generalization Error*, Machine Learning 52, 2003. Roelofs et al., *A Meta-Analysis of Overfitting in Machine Learning*, and Mania et al., *Model Similarity Mitigates Test Set Overuse*, both NeurIPS 2019. Bengio & Grandvalet, *No Unbiased Estimator of the Variance of K-Fold Cross-Validation*, JMLR 2004. Cawley & Talbot, *On Over-fitting in Model Selection and Subsequent Selection Bias in Performance Evaluation*, JMLR 2010.
# Bouthillier et al., *Accounting for Variance in Machine Learning Benchmarks*, MLSys 2021 (arXiv:2103.03098). Bergstra & Bengio, *Random Search for Hyper-Parameter Optimization*, JMLR 2012. Jamieson & Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization*, AISTATS 2016 (arXiv:1502.07943).
# Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, *Hyperband*, JMLR 2018 (arXiv:1603.06560). Kadra, Lindauer, Hutter & Grabocka, *Well-tuned Simple Nets Excel on Tabular Datasets*, NeurIPS 2021 (arXiv:2106.11189), where 13 regularizers are searched together.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# **Teach it to** somebody who has seen one bar chart in which the new method wins. *Draw* ten pairs of joined dots, and under them the naive and the corrected interval of the mean difference. *Disarm* "with enough repetitions on one data set the interval gets as narrow as one likes". *And ask back:* Which single look at the test data did they allow themselves, and when?

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("capstone")

# %% slideshow={"slide_type": "skip"}
recall("capstone")

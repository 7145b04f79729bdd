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
# # Overfitting: when does memorising do harm?
#
# A model is fitted to examples, and is meant for new ones from the same source. Its error on the examples is the *training error*; the error on new ones minus it is the **generalization gap**. A model **overfits** where more freedom, or more training, lowers its error on the examples and raises the error on new ones. It **memorises** where it gives back every label that it was trained on, wrong ones included.
#
# Which models do that? "Those with too many parameters", one hears; "those that know their examples by heart." To memorise, to have a large gap, to overfit: the three are easily taken for one. Here they come apart.
#
# *47 minutes; sections called* Deeper *are folded, and extra. You need lesson 00.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, equal,
                                     negative, ordered, positive, predict, quiz, reveal,
                                     setup, show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import math

import torch

from course_lib.plotting import show_with_words
from course_lib.statistics import mean_interval, paired_interval
from course_lib.overfitting import (EarlyStopping, bias_variance, excess_risk,
                                    generalization_gap)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Twenty points
#
# A smooth curve lies behind these twenty points; each lies off it by a random error. A polynomial of chosen degree is fitted to them by least squares. Its training error is the mean squared vertical distance of the points from it.
#
# **Do this**: drag the degree from 0 to 12.  **Notice**: from which degree on would you no longer believe the curve?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=1, errors="hidden")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two hundred times twenty points
#
# One data set is an accident, so we draw 200 and fit each. *Left:* the mean of the fits and a band around it. *Right:* the mean squared errors, blue the training error, orange the **validation** error, on points that no fit has seen. Each line of the grid is ten times the one below.

# %%
predict("degree",
        "Which degree comes closest to new points from the same source, on average "
        "over many such data sets?",
        ["1", "3", "12"])

# %% [markdown]
# **Do this**: move the degree from 0 to 12.  **Notice**: where is the mean off the truth, where is the band wide, and where do the two errors part?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=1, errors="training and validation")

# %% [markdown]
# Is it luck? Each card (lesson 00) says how much *higher* the error is than at degree 3.

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
fits = explore.polynomials.explorer.compute(degree=3, noise=0.3, rows=20)[0]
worse = {degree: paired_interval(fits.validation_error[degree],
                                 fits.validation_error[3]) for degree in (1, 12)}
for degree in (1, 12):
    claim(f"Polynomials of degree {degree} have a higher squared validation error than "
          "those of degree 3.",
          measured=worse[degree], kind="measured", id=f"degree-{degree}-worse",
          holds=positive)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("degree", from_interval={"3": positive(worse)},
       rests="degree-1-worse, degree-12-worse")

# %% [markdown]
# The training error only falls, for every degree contains the lower ones. The validation error falls and rises again: 0.29 at degree 1, 0.11 at 3, 2.6 at 12. At 12 a few wild fits decide how much, 1.9 on fresh seeds, but it is worse in all 200 sets. So degree 12 overfits. At degree 1 there is hardly a gap, and the fit is bad all the same. That is **underfitting**: the model is too stiff even for what all such data sets share.
#
# And your doubt in the first picture? New points scatter around the truth with standard deviation 0.3, so even the true curve has an error of $0.3^2 = 0.09$ on them. The curve drawn there has 0.12 at degree 3, nearly that, and 0.23 at degree 7.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Bias, variance, noise
#
# Both ends are bad. For the same reason? By hand: two fits say 1 and 3 where the truth is 1.

# %%
said, truth = torch.tensor([1.0, 3.0]), 1.0
mean = said.mean()
# what the fits get wrong together
bias2 = (mean - truth) ** 2
# how much they disagree
variance = ((said - mean) ** 2).mean()
print(f"bias² {bias2:g} + variance {variance:g} = "
      f"mean squared error {((said - truth) ** 2).mean():g}")

# %% [markdown]
# **Bias** is what the fits get wrong *together*; **variance** is how much they disagree. A new label adds a third part, **noise**, which is nobody's fault. At one $x$, call the truth $f$, a fit $\hat f$, and the mean of the fits over all training sets $\bar f$. A new label is $y = f + \varepsilon$, with an error $\varepsilon$ of mean 0 and variance $\sigma^2$, independent of the fit. On average over training sets and new labels, written $\mathbb E$,
#
# $$\underbrace{\mathbb E(\hat f - y)^2}_{\text{expected error}} = \underbrace{(\bar f - f)^2}_{\text{bias}^2} + \underbrace{\mathbb E(\hat f - \bar f)^2}_{\text{variance}} + \underbrace{\sigma^2}_{\text{noise}} .$$
#
# The picture shows means over $x$; with $\sigma = 0.3$ the noise is 0.09.
#
# **Do this**: at degree 12 give 200 *training points* instead of 20; then the same at degree 1.  **Notice**: which part changes, and which stays?

# %%
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=12)

# %% [markdown]
# At degree 12 the band is wide at the edges, where points lie on one side only. At $|x| > 0.9$ sits nearly all of the variance of 2.2; ten times the points take it to 0.006. At degree 1 bias² stays at 0.2, for more of the same data does not bend a line.
#
# **Too much bias: a richer model. Too much variance: more data, as here, the mean of several fits, or less freedom.** To take freedom away is called *regularization*, and is what this course is about. Its price can be bias.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: why three parts, what a second opinion is worth, and why the picture does not quite add up
#
# **Why three parts?** $\hat f - y = (\hat f - \bar f) + (\bar f - f) - \varepsilon$. In its square the cross terms average to 0, for $\hat f - \bar f$ and $\varepsilon$ have mean 0 and are independent.
#
# **A second opinion.** The mean of two fits to *independent* training sets, an **ensemble**, has the same bias and half the variance (checked in the next *Deeper*). In practice its members share the data, so only what differs between them, start and batch order, averages out (lesson 06 compares one with dropout).
#
# **Not quite the sum.** The equation is exact, the picture's means are not. At degree 12 bias², variance and noise add up to 2.3, and the validation error is 2.6. They are means over a fixed grid of $x$, it is one over points drawn at random, and a few wild fits weigh heavily in both. So they do on fresh seeds, where the error is 1.9. (The training points are drawn one in each of twenty equal pieces of the x-axis.)
#
# **The green line** falls out of the picture and climbs again, for it squares the mean of 200 fits. That square is too high by variance/200 on average, 0.011 at degree 12. The picture shows 0.026, the rest by luck: it is one such mean, with a few wild fits in it.
#
# **Inside.** For $|x| < 0.9$ the variance at degree 12 is 0.10 instead of 2.2 (printed in *Deeper: equal time, equal fit, equal gap* below).
#
# **Wrong answers** do not split into bias and variance as squared errors do: a swing does no harm while the right class stays ahead (Friedman 1997; Domingos 2000 gives a decomposition for them).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can one count parameters?
#
# Degree 12 has 13 coefficients and a large gap, degree 3 has 4 and a small one. Is it their number?
#
# A new point differs from an old one in two ways, its error and its place. For the error there is a law; the place can do far more harm, and has none. First the error alone: keep the 20 places $x$, and draw new labels there. The gap on these is the **label gap**.
#
# What makes it? Push one label up by 1, and fit again. How far the curve rises at this place says how closely the fit *follows* the label.

# %%
show_with_words(explore.pushed.picture(), "With more coefficients the curve follows a "
                "label that is pushed up more closely.")

# %% [markdown]
# The mean, one coefficient, follows by 1/20. Thirteen coefficients bend towards the point, by 0.43 here, where neighbours on both sides hold the curve, and by more at the edges. Over all 20 places a polynomial with $p$ coefficients follows by $p/20$ on average (why: *Deeper*). With 20 it goes through every point, and follows by 1.
#
# What does it cost? Say a fit follows its label by $h = 0.4$, and the label lies 0.5 too high. Had it been right, the curve would pass at some height $r$. In least squares half the push makes the curve rise half as far, so the 0.5 lifts it by $0.4\cdot0.5 = 0.2$: towards its own label, and away from what a new one is on average. In letters, with an error $\varepsilon$, it passes at $r + h\varepsilon$. How far off is that?
#
# | | distance | its square, on average |
# |---|---|---|
# | from its own label, $f + \varepsilon$ | $(r - f) - (1 - h)\,\varepsilon$ | $\mathbb E(r - f)^2 + (1 - h)^2\sigma^2$ |
# | from a new label there, $f + \varepsilon'$ | $(r - f) + h\,\varepsilon - \varepsilon'$ | $\mathbb E(r - f)^2 + h^2\sigma^2 + \sigma^2$ |
#
# Products of independent errors average to 0, so only squares are left. The second row less the first is $2h\sigma^2$, the label gap at this place. At $h = 1$ the fit meets its own label, and is off a new one by both errors, $2\sigma^2$.
#
# Now the mean over all places, where $h$ is $p/n$ on average. **The label gap of $p \le n$ coefficients, fitted to $n$ points by least squares, is $2\sigma^2p/n$ on average**, whatever the truth. Here that is $0.009\,p$: 0.036 at degree 3, 0.12 at degree 12. So for polynomials one can count.
#
# Is a large gap bad, then? From degree 1 to 3 it doubles, and the error on new points falls to less than half. **A larger gap alone is no sign of harm.** <!-- rests: degree-1-worse -->
#
# And if the places are new, too? At degree 3 that hardly matters: validation minus training error is 0.04. At degree 12 nearly the whole 2.6 is gap, of which the law has 0.12: the curve swings where it has no points.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: why one can count, and every case there is
#
# **The law of the gap.** Fit $p$ coefficients to $n$ points by least squares, and draw new labels at the same points. Whatever the truth, the label gap is on average
#
# $$\text{error on new labels} - \text{training error} = 2\sigma^2\,\frac pn .$$
#
# The share $h_i$ by which the fit follows label $i$ stands on the diagonal of the matrix that turns labels into fits. That matrix is a projection onto $p$ of $n$ directions, so these shares add up to $p$. What the fit follows makes its training error $\sigma^2\frac pn$ too low; and since it keeps it, the error on new labels is $\sigma^2\frac pn$ too high. Bias stands in both and drops out of the difference (Mallows 1973).
#
# And for *any* fit $\hat f$? The cross term of fit and error is minus twice their covariance. So
#
# $$\text{label gap} = \frac2n\sum_i \mathrm{cov}(\hat f_i, y_i):$$
#
# how closely the fit follows its own labels when these move by chance. For $p$ coefficients the sum is $\sigma^2p$. So the sum over $\sigma^2$ is the fit's **effective number** of coefficients (Efron 1986; Ye 1998). Below it is computed for a fit that chooses its own degree: to choose by the labels is to follow them, too.
#
# **Every case.** Not an estimate: six points with errors of exactly ±0.3 make $2^6 = 64$ possible training sets, and a new label has two possible values. So the sum of the three parts and the law of the gap can be checked without a rest.
#
# For the mean of two fits to independent sets all $64^2$ pairs are there.

# %% tags=["deeper"]
import itertools

x = torch.linspace(-1, 1, 6, dtype=torch.float64)
new = torch.tensor([-0.5, 0.3, 0.9], dtype=torch.float64)
# 64 training sets
signs = torch.tensor(list(itertools.product((-0.3, 0.3), repeat=6)),
                     dtype=torch.float64)
labels, truth = torch.sin(math.pi * x) + signs, torch.sin(math.pi * new)

# %% tags=["deeper"]
apart, of_pairs, off_law = {}, {}, {}
for degree in (1, 3, 5):
    # least squares: weights = pinv(features at x) · y
    powers = torch.arange(degree + 1)
    weights = labels @ torch.linalg.pinv(x[:, None] ** powers).T
    fitted = weights @ (new[:, None] ** powers).T
    expected = torch.stack([(fitted - truth - error) ** 2
                            for error in (-0.3, 0.3)]).mean((0, 1))
    bias2, variance = bias_variance(fitted, truth)
    apart[degree] = expected - (bias2 + variance + 0.3**2)
    pairs = ((fitted[:, None] + fitted) / 2).flatten(0, 1)
    of_pairs[degree] = torch.stack(bias_variance(pairs, truth)) \
        - torch.stack((bias2, variance / 2))
    # at the six points themselves: old labels, new labels
    there = weights @ (x[:, None] ** powers).T
    gap = generalization_gap(
        ((there - labels) ** 2).mean(),
        ((there - torch.sin(math.pi * x)) ** 2).mean() + 0.3**2)
    off_law[degree] = gap.item() - 2 * 0.3**2 * (degree + 1) / 6

# %% tags=["deeper", "nbval-check-output"]
claim("bias² + variance + noise is the expected squared error at every new point, for "
      "every degree.",
      measured=torch.stack([*apart.values()]), holds=within(1e-13))
claim("The mean of two independent fits has the bias of one and half its variance.",
      measured=torch.stack([*of_pairs.values()]).flatten(), holds=within(1e-13))
claim("For new labels at the same points the gap is 2σ²p/n.",
      measured=[*off_law.values()], holds=within(1e-13))

# %% tags=["deeper", "nbval-check-output"]
# a fit that is no projection: the line for the half of the sets to which it is
# closest, degree 5 for the others
line, curve = (labels @ torch.linalg.pinv(x[:, None] ** torch.arange(k)).T
               @ (x[:, None] ** torch.arange(k)).T for k in (2, 6))
distance = (line - labels).square().mean(1, keepdim=True)
chosen = torch.where(distance <= distance.median(), line, curve)
follows = ((chosen - chosen.mean(0)) * signs).mean(0).sum()  # Σ cov(fit, label)
there = torch.sin(math.pi * x)
gap = generalization_gap((chosen - labels).square().mean(),
                         (chosen - there).square().mean() + 0.3**2)
print(f"2 coefficients for half of the sets and 6 for the others act like "
      f"{follows / 0.3**2:.1f}, not like 4")
claim("The gap of a fit that chooses its degree by its labels is 2/n times the sum of "
      "its covariances with them.",
      measured=(gap - 2 / 6 * follows).item(), holds=within(1e-13))

# %% [markdown] slideshow={"slide_type": "slide"}
# ### And a network?
#
# With 32 hidden units a ReLU network has 97 weights and biases, enough to go through every point. We train 200 of each width for 1000 steps, each on its own data set and from its own start. Can one count here, too?

# %%
predict("net-gap", "The label gap of the network with 97 weights is that of a "
        "polynomial with how many coefficients?",
        ["fewer than 10", "10 to 15", "more than 15"])

# %%
from course_lib.experiments.overfitting import bias_variance as small

*_, nets = small.networks(20, 0.3)
*_, early = small.networks(20, 0.3, widths=(32,), steps=200)
show_with_words(explore.gaps.picture(fits, nets, early), "Polynomials lie near the "
                "law, networks below it. Wider networks have a larger label gap.")

# %% [markdown]
# At the same places all networks lie below the law. After 1000 steps, where they still miss their points (training error 0.046), 97 weights have a label gap of 0.079, like nine coefficients. After 200 steps the *same* 97 have 0.064. Any fit through every point has 0.18, dotted. So how long one trains counts as well. <!-- rests: gap-grows-in-training, gap-below-half -->
#
# Nor is a wider one worse at new places, which this picture does not show: there 32 units have an error of 0.13 after 1000 steps, 8 units, which fit worse (0.10), 0.17 (*Deeper*). So the number of parameters alone tells neither a network's gap nor its error. <!-- rests: wide-lower -->
#
# What makes the label gap is again how closely the fit follows the errors in its labels: that is so for any fit (*Deeper*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: equal time, equal fit, equal gap, and what became of your prediction
#
# The networks are trained by Adam, in which each weight has a step size of its own (lesson 04).
#
# What happens to the variance, which rose with the degree?

# %% tags=["deeper"]
predict("width", "From 8 hidden units to 32, the variance of the networks …",
        ["rises", "falls"])

# %% [markdown] tags=["deeper"]
# **Do this**: set the *hidden units* to 1, then raise them to 32.  **Notice**: does the band grow, as it did with the degree?

# %% tags=["deeper"]
from course_lib.explorers import overfitting as explore

explore.networks.show(width=8)

# %% [markdown] tags=["deeper"]
# Here are the numbers of the pictures; "gap" is the label gap.

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
narrow, wide = nets.complexities.index(8), nets.complexities.index(32)
wider = paired_interval(nets.spread(wide), nets.spread(narrow))
# the degree that fits its points as closely as 32 units do
distance = fits.train_error.mean(1) - nets.train_error[wide].mean()
alike = distance.abs().argmin().item()
shown = {"8 hidden units": (nets, narrow), "32 hidden units": (nets, wide),
         "32, 200 steps": (early, 0), f"degree {alike}": (fits, alike),
         "degree 3": (fits, 3), "degree 12": (fits, 12)}
for name, (of, k) in shown.items():
    print(f"{name:<16} training error {of.train_error[k].mean():.3f}, variance "
          f"{of.spread(k).mean():.3f}, for |x| < 0.9 {of.spread(k, 0.9).mean():.3f}")
often = (fits.validation_error[12] > fits.validation_error[3]).sum()
print(f"degree 12 is worse on new points than degree 3 in {often} of {small.SETS} sets")
print("on new points, the first set's curve at degree 3, 7 and 8:",
      *(f"{fits.validation_error[k][0]:.2f}" for k in (3, 7, 8)))

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# the gap on new labels at the same points
followed = mean_interval(nets.gap(wide))
for name, (of, k) in shown.items():
    gap = of.gap(k).mean().item()
    print(f"{name:<16} gap {gap:.3f}, as of {gap / (2 * 0.3**2 / 20):.1f} coefficients")
claim("The same 97 numbers have a larger gap after 1000 steps than after 200.",
      measured=paired_interval(nets.gap(wide), early.gap(0)), kind="measured",
      id="gap-grows-in-training", holds=positive)
claim("From 8 hidden units to 32 the gap after 1000 steps rises.",
      measured=paired_interval(nets.gap(wide), nets.gap(narrow)), kind="measured",
      id="gap-rises-with-width", holds=positive)
claim("97 numbers have less than half the gap of a fit through every point.",
      measured=followed, kind="measured", id="gap-below-half", holds=below(0.09))

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("net-gap", from_interval={"fewer than 10": below(10 * 0.009)(followed),
                                 "10 to 15": between(0.09, 15 * 0.009)(followed),
                                 "more than 15": above(15 * 0.009)(followed)},
       rests="gap-below-half")
# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# what is claimed
claim("32 hidden units have less variance than 8, after 1000 steps.",
      measured=wider, kind="measured", id="wide-varies-less", holds=negative)
claim("32 hidden units have a lower validation error than 8, after 1000 steps.",
      measured=paired_interval(*nets.validation_error[[wide, narrow]]),
      kind="measured", id="wide-lower", holds=negative)
claim("97 numbers have less variance than 13 also away from the edges, for |x| < 0.9.",
      measured=paired_interval(nets.spread(wide, 0.9), fits.spread(12, 0.9)),
      kind="measured", id="net-varies-less-inside", holds=negative)
for key, inside, where in (("all", 1.0, "over all x"),
                           ("inside", 0.9, "for |x| < 0.9")):
    claim("97 numbers have less variance than the polynomial whose training error is "
          f"nearest to theirs, {where}.",
          measured=paired_interval(nets.spread(wide, inside),
                                   fits.spread(alike, inside)),
          kind="measured", id=f"net-varies-less-equal-fit-{key}", holds=negative)

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("width", from_interval={"falls": negative(wider), "rises": positive(wider)},
       rests="wide-varies-less")

# %% [markdown] tags=["deeper"]
# From 8 hidden units to 32 the variance falls from 0.058 to 0.036. Is that fair?
# - *Equal time is not an equal fit.* After 1000 steps the narrow networks fit their points less well: their training error is 0.10, that of 32 units 0.046. And each network has its own start, whose luck is part of the variance. So this compares trainings of one length, not finished fits. Not measured: how much of the variance is that luck, the validation error after 200 steps, and 97 weights trained until they go through every point.
# - *Equal fit.* The polynomial with the same training error has degree 8. Its 9 coefficients have a variance of 0.082, the 97 numbers 0.036. Most of the difference is at the edges, where nothing holds a polynomial: for $|x| < 0.9$ it is 0.037 against 0.031. <!-- rests: net-varies-less-equal-fit-all, net-varies-less-equal-fit-inside -->
# - *Equal gap.* The label gap of the 97 numbers is 0.079. By the law above 8.8 coefficients have that, about as many as the polynomial of equal training error. In least squares that must be so, for what a fit follows of the errors makes the gap, and is missing in the training error. For the network it came out so. On fresh seeds, too, its gap grows with width and with training, and stays below half of that of a fit through every point. <!-- rests: gap-rises-with-width, gap-grows-in-training, gap-below-half -->
# - *New points.* There the gap is variance and noise less the training error, bias² left out: $0.082 + 0.09 - 0.048 = 0.12$ for degree 8, $0.036 + 0.09 - 0.046 = 0.08$ for the network. With as close a fit the polynomial swings farther where it has no points, mostly at the edges.
#
# So the number of parameters alone does not say how closely a fit follows its labels. Its effective number does: here about nine, where any fit through every point has 20. How far the fit swings away from its points is another matter. In larger networks, too, variance was found to fall with width (Neal et al. 2018), or to rise first and then fall (Yang et al. 2020).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Random labels
#
# Can a network learn by heart what has no rule? Take 1000 digits, and give each a label drawn at random. A network with 256 hidden units, 19 210 weights and biases, is trained for 2000 steps by SGD with momentum, three seeds.

# %%
predict("lots", "How many of the 1000 random training labels will it get right?",
        ["below 30 %", "30 to 90 %", "above 90 %"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.overfitting.memorise import memorise

*_, found = memorise()
print("step       ", *(f"{step:>6}" for step in found.recorded[::4]))
# the share of the training labels that it gets right
for name, accuracy in found.train_accuracy.items():
    print(f"{name:<6} labels", *(f"{a:6.1%}" for a in accuracy.mean(0)[::4]))
print(f"new images, true labels: {found.test_accuracy['true'][:, -1].mean():.1%}")
# at the best step of each seed
share = found.train_accuracy["random"].max(1).values.mean().item()

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("lots", from_interval={"above 90 %": above(0.9)(share),
                              "30 to 90 %": between(0.3, 0.9)(share),
                              "below 30 %": below(0.3)(share)},
       because=f"measured: {share:.1%}")

# %% [markdown]
# It learns every one by heart (Zhang et al. 2017). So one network has two generalization gaps, counted in right answers: with true labels 100 % on its own images and 97 % on new ones, 3 points; with random labels 100 % and about 10 %, like any guesser, 90 points. What a network *could* memorise does not tell its gap.
#
# One thing that differs is how *long* it takes: at step 400 it has learned 99.8 % of the true labels and 42.5 % of the random ones. If a data set holds both kinds, does the rule come first? Then one should stop between.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and on new random labels?
#
# The test labels are drawn at random too, independently of everything else, so the hits of *any* predictor are binomial. That they lie where 95 % of guessers end is a check of our experiment: a leak would show.
#
# Does a penalty prevent it? Most networks *with* one still learned random labels (Zhang et al. 2017), and ours without one did well on true ones: to do well on new images a penalty was not necessary, and it does not by itself keep a network from learning random labels.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.overfitting.memorise import guessing_interval

low, high = guessing_interval(found.rows)
print(f"{found.right()} hits among {found.rows}; 95 % of guessers: {low} to {high}")
learned = found.train_accuracy["random"].max(1).values  # best step of each seed
claim("Every random training label is learned, with each of the three seeds.",
      measured=learned.min().item(), kind="checked", holds=equal(1))
claim("On new random labels it is a guesser: its hits lie in the binomial interval.",
      measured=found.right(), kind="checked", false_alarm=0.05,
      holds=between(low - 1, high + 1))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network that memorises, in plain PyTorch
#
# Now both kinds of label at once: 300 digits, *one label in five wrong*. AdamW is a relative of SGD (lesson 04), and `weight_decay=0` leaves its regularizer out. We compare two sets of weights: the last, after 160 epochs, and those of the epoch with the lowest loss on 100 *validation* digits. One in five of their labels is wrong, too. The *test* labels are right.

# %% tags=["plain"]
from copy import deepcopy
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from course_lib.data import digits
# wrong labels in training and validation rows alike; the test labels are right
data = digits(300, 100, label_noise=0.2, scale="unit")
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
best = float("inf")
for epoch in range(160):
    model.train()
    for rows in torch.randperm(300).split(50):
        loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    loss = cross_entropy(model(data.validation_x), data.validation_y).item()
    # a copy: what state_dict() gives would go on changing
    if loss < best:
        best, kept = loss, deepcopy(model.state_dict())
for name, weights in (("last", deepcopy(model.state_dict())), ("best", kept)):
    model.load_state_dict(weights)
    learned = (model(data.train_x).argmax(1) == data.train_y).float().mean()
    right = (model(data.test_x).argmax(1) == data.test_y).float().mean()
    print(f"{name} weights: training {learned:.1%}, test {right:.1%} right")

# %% [markdown]
# The last weights give back nearly every training label, so most wrong ones, too. The best give back 77 %, and get more test images right. 80 % of the labels are right: are those the ones learned?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Stop in time
#
# **Early stopping** keeps the weights of the best validation loss, and stops when it has not improved for `patience` evaluations. By hand, patience 2 and losses 5, 3, 6, 4, 2: after the 3 come two evaluations without improvement. It stops at the 4, returns to the weights of the 3, and never sees the 2.
#
# Was the plain loop lucky? And what if every label is right? Twelve networks like the one above, each with other digits and another start, are evaluated every 20 of 1000 steps: patience 5 is 100 steps without improvement, or 17 epochs of six batches. We compare what it keeps with the weights of step 1000.

# %%
predict("clean", "With every label right, early stopping moves test accuracy by …",
        ["above +1 point", "within 1 point of 0", "below −1 point"])

# %% [markdown]
# **Do this**: set the wrong labels to 0.  **Notice**: with them and without, what do the steps after the kept one cost in accuracy?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.early_stopping.show()

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Does stopping help?
#
# *Which* labels has a network learned, and when? A label is learned where the network gives it back, right or wrong. Grey: the steps that the twelve keep, first to last.

# %%
from course_lib.experiments.overfitting.early_stopping import curves

*_, noisy = curves(0.2)
show_with_words(explore.labels_learned.picture(noisy, patience=5), "Most right labels "
                "are learned within 100 steps, the wrong ones slowly until step 1000.")

# %% [markdown]
# What labels have in common is learned first (Arpit et al. 2017). The kept weights have learned 95.5 % of the right labels and 4.4 % of the wrong ones: $0.8\cdot95.5 + 0.2\cdot4.4\approx77$ %, as in the plain loop. So it is the right labels that they have learned, and hardly a wrong one. <!-- rests: common-first -->
#
# With wrong labels the kept weights get 12.6 points more of the test images right than those of step 1000 (10.9 on fresh seeds). It is the short training that helps: a fixed 100 steps, seen afterwards, get 90 % right, too, and the validation digits find such a step. <!-- rests: stopping-noisy -->
#
# With *clean labels*, your prediction, 94.3 % are right either way: within 1 point of 0. <!-- rests: stopping-clean -->
#
# So stopping helped where labels were wrong, by ending before these were learned.
#
# *A good place to stop for today.*

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what is claimed of twelve seeds, and what became of your prediction
#
# The three printed rows stand for steps 0, 100, …, 1000 and are means over the seeds: how many of the right labels are learned, how many of the wrong ones, and how many test images are right. (The wrong ones fall at first, from a guesser's 10 %, as the *right* digit is found.) Below them: with wrong labels and with clean ones, the share of test images right in the weights that are kept, and the steps they are from.

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# what is claimed
*_, clean = curves(0.0)
gain, clean_gain = (paired_interval(100 * run.kept_accuracy(5),
                                    100 * run.test_accuracy[:, -1])
                    for run in (noisy, clean))
claim("In the weights that early stopping keeps, more than 90 % of the right labels "
      "are learned, and fewer than 20 % of the wrong ones.",
      measured={"right": mean_interval(noisy.kept(noisy.right_fitted, 5)),
                "wrong": mean_interval(noisy.kept(noisy.wrong_fitted, 5))},
      kind="measured", id="common-first", unit="%", times=100,
      holds=each(right=above(0.9), wrong=below(0.2)))
claim("With 20 % wrong labels, early stopping gets more test images right than step "
      "1000.", measured=gain, kind="measured", id="stopping-noisy", unit="points",
      holds=positive)
claim("With clean labels, early stopping and step 1000 differ by less than a point.",
      measured=clean_gain, kind="measured", id="stopping-clean", unit="points",
      holds=between(-1, 1))
# learned of the right labels, of the wrong ones; test images right; every 100 steps
for name in ("right_fitted", "wrong_fitted", "test_accuracy"):
    print(f"{name:<13}", *(f"{v:4.0%}" for v in getattr(noisy, name).mean(0)[::5]))

# %% tags=["deeper", "nbval-check-output"]
for labels, run in (("wrong", noisy), ("clean", clean)):
    print(f"{labels} labels: kept {run.kept_accuracy(5).mean():.1%}, from steps",
          *sorted(run.recorded[best] for best, _ in run.stop(5)))

# %% tags=["deeper"]
# what came out
reveal("clean", from_interval={"above +1 point": above(1)(clean_gain),
                               "within 1 point of 0": within(1)(clean_gain),
                               "below −1 point": below(-1)(clean_gain)},
       rests="stopping-clean", because=f"measured: {clean_gain}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Beyond the point where everything fits
#
# Does a model that grows get worse until it fits every label? And if it grows on? Take 300 digits and a network of two layers. The first is random and stays so: it turns an image into $d$ **random ReLU features**, each the ReLU of a random weighted sum of the pixels. Only the second is fitted, by least squares, to ten outputs: 1 for the right digit, 0 for the others. The largest is the answer, and the **test error** the share of wrong answers on new digits.
#
# Each output has 300 equations, one for each image, and $d$ unknown weights. With $d<300$ they can only be met roughly. With 300 they have one solution. With more there are many, of which we take the *shortest* weights, of the smallest sum of squares. No penalty, no stop:

# %%
predict("second",
        "Take the best model with fewer than 300 features. Is the one with 3000 better "
        "still?",
        ["yes, with wrong and with clean labels", "only with clean labels",
         "with neither"])

# %% [markdown]
# *Dotted:* the training error, as a share of what outputs of 0 would have. It ends at 300, where every target is met. *Dashed:* with a penalty, explained below.
#
# **Do this**: follow the solid line from left to right, in both panels.  **Notice**: how often does it fall, and where does it end?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.random_features.show()

# %% [markdown]
# The error falls twice, with a peak at 300. That is **double descent** (Belkin et al. 2019). Your prediction: *only with clean labels* are 3000 features better than the best below 300. <!-- rests: second-descent-0, not second-descent-0.2 -->
#
# | wrong test digits in % | best below 300 (picked on test: in its favour) | 300 features | 3000 features |
# |---|---|---|---|
# | clean labels | 7.4 | 77 | 3.0 |
# | clean, with a penalty (below) | 4.7 | 4.1 | 3.0 |
# | 20 % wrong labels | 16 | 87 | 21 |
# | 20 % wrong, with a penalty | 8.1 | 7.9 | 7.7 |
#
# **Why a peak?** By hand, two images and two features: $u + v = 0$ and $u + 1.01\,v = 1$. The one solution is $-100$ and $100$, for the two images hardly differ in their features, but in their labels they do. Add a third feature, $u + v + w = 0$ and $u + 1.01\,v + 2w = 1$: now there are many solutions, and the shortest is near $-0.5$, $-0.5$ and $1$.
#
# With 300 features for 300 images something of the kind nearly always happens (*Deeper*). Every further feature leaves the old solution in place, with weight 0 for itself. So from 300 on the shortest weights can only get shorter:
#
# | clean labels, one seed | 300 features | 450 | 3000 |
# |---|---|---|---|
# | length of the weights | 45 | 1.3 | 0.3 |
# | outputs on new images are off by | 3.3 | 0.14 | 0.09 |
#
# Long weights make much of small differences, also between a new image and an old one. That explains the peak, and the way down from it; that 3000 end *below* the best under 300 it does not.
#
# **And with a penalty?** *Ridge* makes long weights cost: it adds λ times their sum of squares to the mean squared error (in networks called **L2**, lesson 02). Its λ is the one with the fewest errors on 200 further rows; the solid line has nothing to choose, and does without them. With it there is no peak, dashed. <!-- rests: peak-without-ridge, peak-without-ridge-clean, peak-with-ridge, peak-with-ridge-clean -->
#
# Does it harm, then, to memorise? At 3000 features the two largest λ are so strong that some training labels are not learned. With clean labels these fits are worse, 5.1 and 9.2 % wrong against 3.0 without a penalty, and the tuned λ, with which all labels are learned, has 3.0, too. With a fifth wrong it is harm: 21 % without a penalty, 7.7 with the tuned one. (Near the peak clean labels want a penalty, too: see 450.) <!-- rests: unlearned-worse, memorised-clean, memorised-wrong -->
#
# "More parameters overfit more" describes the way up to the peak only.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the digits in numbers, and what became of your prediction
#
# The card with a cross is a result, not a mistake: with wrong labels its sentence is false, on our seeds and on fresh ones.

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# 3000 features against the best width below 300
from course_lib.experiments.overfitting.double_descent import WIDTHS, random_features

*_, worlds = random_features(0.2)
noisy_world, clean_world = worlds.noisy, worlds.clean
ends = [world.widest_and_best_below(300) for world in (noisy_world, clean_world)]
wrong, clean = (paired_interval(100 * widest, 100 * best) for widest, best in ends)
for key, labels, points in (("0.2", "20 % wrong", wrong), ("0", "clean", clean)):
    claim(f"With {labels} labels and no ridge, 3000 features have a lower test error "
          "than the best width under 300.", measured=points, kind="measured",
          id=f"second-descent-{key}", unit="points", holds=negative)

# %% tags=["deeper"]
# what came out
reveal("second", from_interval={
    "yes, with wrong and with clean labels": negative([wrong, clean]),
    "only with clean labels": each(positive, negative)([wrong, clean]),
    "with neither": positive([wrong, clean])},
       rests="second-descent-0.2, second-descent-0")

# %% [markdown] tags=["deeper"]
# The pixels are centred, and each feature is divided by $\sqrt d$. λ is one of seven from 0 to 0.1, chosen anew at each width and for each seed, on validation digits whose labels are wrong as often. Test labels are right, and the best width below 300 is picked on them, in its favour. That with wrong labels and tuned λ 3000 features have fewer errors than the best below 300, 7.7 % against 8.1 %, no card tests. The tuned line has seen 200 rows more than the other; as training rows they would move the peak to 500; what they would do at 3000 was not measured.

# %% tags=["deeper", "nbval-check-output"]
f60, f150, f300 = map(WIDTHS.index, (60, 150, 300))
for labels, which, world in (("20 % wrong labels", "", noisy_world),
                             ("clean labels", "-clean", clean_world)):
    error, error_tuned = 100 * world.test_error[:, :, 0], 100 * world.tuned()
    claim(f"With {labels} and no ridge, the test error of 300 features is more than 20 "
          "points above that of 60: a peak.",
          kind="measured", id=f"peak-without-ridge{which}", unit="points",
          measured=paired_interval(error[f300], error[f60]), holds=above(20))
    claim(f"With {labels} and tuned ridge, the test error of 300 features is less than "
          "3 points above that of 150: no peak.",
          kind="measured", id=f"peak-with-ridge{which}", unit="points",
          measured=paired_interval(error_tuned[f300], error_tuned[f150]),
          holds=below(3))

# %% tags=["deeper", "nbval-check-output"]
# 3000 features fit every label without ridge: does it harm?
for which, labels, words, world, holds in (
        ("wrong", "20 % wrong", "more than 5 points below", noisy_world, below(-5)),
        ("clean", "clean", "within a point of", clean_world, within(1))):
    print(f"{labels} labels, λ tuned: {1 - world.tuned('train_error')[-1].mean():.1%} "
          "of the training labels learned")
    claim(f"With {labels} labels and 3000 features, the test error with tuned ridge is "
          f"{words} that without.",
          measured=paired_interval(100 * world.tuned()[-1],
                                   100 * world.test_error[-1, :, 0]),
          kind="measured", id=f"memorised-{which}", unit="points", holds=holds)
claim("From 300 features on and without ridge every training label is learned, with "
      "each seed, clean labels and wrong.",
      measured=torch.stack([world.train_error[f300:, :, 0].max()
                            for world in (noisy_world, clean_world)]),
      kind="checked", holds=equal([0, 0]))

# %% tags=["deeper", "nbval-check-output"]
# 3000 features, from no penalty to the largest
for labels, world in (("clean", clean_world), ("wrong", noisy_world)):
    for strength, missed, error in zip(world.strengths, world.train_error[-1].mean(0),
                                       world.test_error[-1].mean(0)):
        print(f"{labels} labels, λ = {strength:<6g} {1 - missed:.1%} of the training "
              f"labels learned, {error:.1%} of the test digits wrong")
strong = clean_world.strengths.index(0.01)  # the smallest that leaves some unlearned
claim("With clean labels and 3000 features, λ = 0.01, with which some training labels "
      "are not learned, has a higher test error than no ridge.",
      measured=paired_interval(100 * clean_world.test_error[-1, :, strong],
                               100 * clean_world.test_error[-1, :, 0]),
      kind="measured", id="unlearned-worse", unit="points", holds=positive)

# %% tags=["deeper", "nbval-check-output"]
for labels, world in (("clean", clean_world), ("wrong", noisy_world)):
    for way, errors in (("no ridge", world.test_error[:, :, 0]),
                        ("λ tuned", world.tuned())):
        means = 100 * errors.mean(1)
        best = means[:f300].argmin()
        print(f"{labels} labels, {way:<8} best below 300, at {WIDTHS[best]} features, "
              f"{means[best]:.1f} %; at 300 {means[f300]:.1f} %; at 3000 "
              f"{means[-1]:.1f} %; largest rise to the next {means.diff().max():.2f}")

# %% tags=["deeper", "nbval-check-output"]
# the first seed with clean labels: features, and the shortest weights that fit best
from course_lib.base.random import seeded

split = digits(300, 200, scale="unit", seed=0, dtype=torch.float64)
layer = torch.randn(64, 3000, generator=seeded(0, "random features"),
                    dtype=torch.float64)
target, new = (torch.nn.functional.one_hot(y, 10).double()
               for y in (split.train_y, split.test_y))
lengths = {}
for width in (60, 150, 300, 350, 450, 600, 1000, 3000):
    seen, unseen = (torch.relu((x - split.train_x.mean(0)) @ layer[:, :width])
                    for x in (split.train_x, split.test_x))
    weights = torch.linalg.pinv(seen) @ target
    lengths[width] = weights.norm().item()
    off = (unseen @ weights - new).abs().mean()
    print(f"{width:>4} features: length of the weights {lengths[width]:.2g}, outputs "
          f"on new images off by {off:.2g}")
claim("From 300 features on, the more there are the shorter are the shortest weights "
      "that fit every label: 3000, 1000, 600, 450, 350, 300.",
      measured=[length for width, length in lengths.items() if width >= 300][::-1],
      holds=ordered)

# %% [markdown] tags=["deeper"]
# Belkin et al. named double descent; the peak is older (Loog et al. 2020). The weights are the shortest that fit best, of the first seed, and their length is over all ten outputs, for features not divided by $\sqrt d$: that would multiply it by $\sqrt d$. That the size of the weights can matter more than the size of the network is older (Bartlett 1998).
#
# Why are they huge at 300, more exactly? There is nearly always a direction along which every row is almost 0. What the labels ask for along it is divided by that small number. With many more features than rows no direction of the rows is so short. Clean labels have the peak as well. A likely reason: a part of the rule 300 random features cannot express, and for them it is like noise.
#
# Trained networks, too, can go on improving with width after they fit every training label (Neyshabur et al. 2015), and deep ones have the peak (Nakkiran et al. 2020). Fitting every label need not harm: where the noise is spread over very many directions that hardly matter, a fit through all labels can predict nearly as well as possible, *benign overfitting* (Bartlett et al. 2020).
#
# Networks may descend twice in *time*, too: with wrong labels the test error can fall, rise, and fall again as training goes on (Nakkiran et al. 2020). Then stopping at the first low can be too early. In lesson 10 a network finds the rule long after it has memorised (*grokking*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a peak with an exact law, and the best λ
#
# Least squares again, with $n = 30$ rows. Each row has $d$ features, independent standard normal numbers. Its label is the sum of the features weighted by the true weights $\beta$, plus an error with standard deviation $\sigma = 0.5$. Whatever $d$ is, $\lVert\beta\rVert = 1$. For such features the error on new data beyond the noise is $\mathbb E(x\hat w - x\beta)^2 = \lVert\hat w - \beta\rVert^2$, the squared distance from the true weights: the **excess risk**, which the picture shows.
#
# Here the *truth* grows with the model. It is spread over ever more features, of which 30 rows show less and less. So this is no double descent: there is no first fall, and on the right the error climbs to 1, where nothing is learned. But the peak is the same, and for its mean there is an exact law (for $d < n-1$ Breiman & Freedman 1983, for both sides Belkin, Hsu & Xu 2020; Hastie et al. 2019 treat the limit of large $n$ and $d$):
#
# $$\sigma^2\frac{d}{n-d-1}\quad(d < n-1),\qquad \Big(1-\frac nd\Big) + \sigma^2\frac{n}{d-n-1}\quad(d > n+1),$$
#
# and infinite between (σ > 0). The term $1-\frac nd$ is the part of β that 30 rows cannot show. For $d < n$ the mean training error is $\sigma^2(1-\frac dn)$, so with the law the gap follows.
#
# *Which of the three parts peaks?* Over all data sets the mean of the shortest weights is β below $n$ and $\frac nd\beta$ beyond. So bias² is 0 below and $(1-\frac nd)^2$ beyond. The rest is variance: $\frac nd(1-\frac nd)$ from the rows that were drawn, and the term with σ² from the errors in their labels. Here more freedom means more variance only up to the peak.
#
# Which λ is best? Here a squared weight is $1/d$ on average, and the noise $\sigma^2$; weighing the two over $n$ rows gives $\lambda = \sigma^2d/n$. No other λ has a lower mean error in this world: its rows prefer no direction, so β fares like one of random direction, and for a Gaussian one this ridge is the posterior mean (Dobriban & Wager 2018 derive it for large $n$ and $d$). It needs σ, so on real data λ is tuned instead. That the best λ leaves no peak is proved for features like these, which prefer no direction (Nakkiran et al. 2021), not for all.
#
# **Do this**: raise the penalty λ from 0.  **Notice**: what becomes of the peak, and what of the right end?

# %% tags=["deeper"]
from course_lib.explorers import overfitting as explore

explore.minimum_norm.show()

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.overfitting.double_descent import (FEATURES, minimum_norm,
                                                               standard_error)

medians = {d: minimum_norm(d, 0.5).median().item() for d in FEATURES}
top = max(medians, key=medians.get)
lowest = min(medians[d] for d in FEATURES if d > 30)
print(f"highest median at d = {top}: {medians[top]:.3g}; lowest beyond 30: "
      f"{lowest:.2g}; at d = 300: {medians[300]:.2g}")
claim("The median of 500 data sets is highest within 3 of d = n, and beyond it falls "
      "below a tenth of that.",
      measured=[top - 30, lowest / medians[top]], kind="checked",
      holds=each(between(-4, 4), below(0.1)))

# %% tags=["deeper", "nbval-check-output"]
away = [d for d in FEATURES if abs(d - 30) >= 4]
off = {d: (minimum_norm(d, 0.5).mean().item()
           - excess_risk(30, d, 0.5)) / standard_error(d, 0.5) for d in away}
claim("For |d − n| ≥ 4 the mean of 500 data sets lies within 3 standard errors of the "
      "law, at every d.",
      measured=max(map(abs, off.values())), kind="checked", false_alarm=0.05,
      holds=below(3))
claim("At d = n − 1, n and n + 1 the law is infinite.",
      measured=[excess_risk(30, d, 0.5) for d in (29, 30, 31)],
      holds=equal([math.inf] * 3))
at_best = [minimum_norm(d, 0.5, 0.5**2 * d / 30).mean().item() for d in FEATURES]
claim("With λ = σ²d/n at every d there is no peak: the mean rises all the way.",
      measured=at_best, kind="checked", holds=ordered)

# %% tags=["deeper"]
for d in (5, 15, 24, 36, 60, 120, 300):
    seen = min(1.0, 30 / d)  # the share of β that the rows show
    bias2, rows_drawn = (1 - seen) ** 2, seen * (1 - seen)
    errors = excess_risk(30, d, 0.5) - bias2 - rows_drawn
    print(f"{d:>3} features: bias² {bias2:.2f}, variance {rows_drawn:.2f} of the rows "
          f"and {errors:.2f} of the errors; 500 data sets: "
          f"{minimum_norm(d, 0.5).mean():.2f} in all")

# %% [markdown] tags=["deeper"]
# It is the variance from the errors that makes the peak, and ridge cuts it. Beyond the peak this variance falls, for the shortest of many weights are short.
#
# Within 3 of $n$ (at λ = 0) the variance of a single data set's error is infinite: no number of data sets gives a standard error, and the blue dots there are accidents (that of $d = 30$ may lie far above the picture). Hence the medians.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: early stopping is ridge, nearly
#
# Least squares, loss $\frac{1}{2n}\lVert Xw - y\rVert^2$, started at zero. Beside this half of the mean squared error stands half of the penalty, so λ means what it does above. Along each direction of the data, with $d^2$ the eigenvalue of $X^\top X/n$ there, everything happens on its own:
#
# | | part of the least-squares solution that is let through |
# |---|---|
# | gradient flow (infinitely small steps) until time $t$ | $1 - e^{-t d^2}$ |
# | gradient descent, $t$ steps of size $\eta$ | $1 - (1-\eta d^2)^t$ |
# | ridge, loss $+\ \frac\lambda2\lVert w\rVert^2$ | $\frac{d^2}{d^2+\lambda}$ |
#
# With $\lambda = 1/t$ and $z = td^2$, flow and ridge are $1-e^{-z}$ and $\frac{z}{1+z}$: two functions of one number, never more than 0.2036… apart. The bias of flow is the smaller one, since $e^{-z} \le \frac1{1+z}$; its variance is at most 1.6859… times that of ridge (Ali, Kolter & Tibshirani 2019 give 1.69). Estimation risk (of the weights) and in-sample risk (of the fitted values) both add up such directions with weights that are not negative, so for fixed $X$ and labels $Xw^*$ + uncorrelated noise of equal variance, the risks of flow stay within 1.69 times those of ridge, for every truth $w^*$. That early stopping acts like such a penalty is older (Bishop 1995; Sjöberg & Ljung 1995).
#
# Descent keeps neither bound.
#
# *The law of the gap, once more.* Add up the right column over all directions: that is the **effective number of parameters** (Hastie & Tibshirani 1990, Moody 1992). Without a penalty every direction is let through whole, and the sum is $p$. For any fit in this table put the sum in place of $p$, and the law holds: $2\sigma^2\frac1n\sum\frac{d^2}{d^2+\lambda}$ for ridge. So λ lowers the gap. What it costs is bias.
#
# **Do this**: at three steps set the step size η to 0.05, then raise it to 1.9.  **Notice**: which directions does descent let through more than whole?

# %% tags=["deeper"]
from course_lib.explorers import overfitting as explore

explore.filters.show(lr=1.9, steps=3)

# %% tags=["deeper", "nbval-check-output"]
from course_lib.overfitting import descent_filter, flow_filter, ridge_filter

z = torch.logspace(-6, 6, 200001, dtype=torch.float64)
flow, ridge = flow_filter(z, 1.0), ridge_filter(z, 1.0)
claim("Flow until t and ridge with λ = 1/t never differ by more than 0.2037, whatever "
      "the direction.",
      measured=(flow - ridge).abs().max().item(), holds=between(0.2036, 0.2037))


def risk_ratio(filter, ridge, signal2):
    """Largest ratio of the risks of two filters, per direction: bias² (1 −
    filter)²·signal² plus variance filter²/z."""
    return max((((1 - filter) ** 2 * s + filter**2 / z)
                / ((1 - ridge) ** 2 * s + ridge**2 / z)).max().item() for s in signal2)


claim("The risk of flow stays within 1.69 times that of ridge, for signals from none "
      "to 10⁶ times the noise.",
      measured=risk_ratio(flow, ridge, (0.0, 1e-3, 1.0, 1e3, 1e6)),
      holds=between(1.685, 1.69))

# %% tags=["deeper", "nbval-check-output"]
# one direction with d² = 1, and few large steps
steep = torch.ones((), dtype=torch.float64)
far = [(descent_filter(steep, steps, lr) - ridge_filter(steep, 1 / (lr * steps))).item()
       for lr, steps in ((0.01, 100), (1.0, 1), (1.9, 1), (1.9, 3))]
claim("A hundred steps of 0.01 stay within 0.2037 of ridge; one of 1 or 1.9, or three "
      "of 1.9, do not.",
      measured=[far[0], far[1:]], holds=each(below(0.2037), above(0.2037)))
claim("They exceed 1.69 too: one step of η = 1.9 has 8 times the variance of ridge.",
      measured=((descent_filter(steep, 1, 1.9)
                 / ridge_filter(steep, 1 / 1.9)) ** 2).item(),
      holds=between(8, 9))

# %% [markdown] tags=["deeper"]
# So for least squares, with small steps, a training time is a regularization strength: stopping ten times as early is like a λ ten times as large.
# One run of descent passes all of them on its way. Ridge gets all of them from one eigendecomposition, but only where the loss is quadratic.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: can regularization replace data?
#
# You have 150 digits, one label in five wrong. Would you rather have a penalty, or 300 more digits? And what if one stops in time?
#
# **L2** is ridge for a network: it adds $\frac\lambda2\lVert w\rVert^2$ to the loss, over all parameters. To learn a wrong label by heart takes large weights, and these now cost something.
#
# The networks train on 50, 150 or 450 digits for 600 steps, with ten seeds. 100 more digits, with as many wrong labels, are there to choose on; test labels are right.
# 1. *Nothing*: no penalty, the weights of the last step.
# 2. *Stopped*: no penalty, the step with the lowest loss on the 100.
# 3. *Tuned L2*: of seven λ the one with the lowest loss on the 100, the weights of the last step.

# %% tags=["deeper"]
predict("l2-or-rows",
        "150 digits with tuned L2, or 450 digits stopped in time, each with 100 more "
        "to choose on: which is right more often?",
        ["150 with tuned L2", "450 stopped in time", "within a point of each other"])

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
from course_lib.experiments.overfitting.tuned_l2 import tune, without_l2

(*_, l2), (*_, bare) = tune(), without_l2()
tuned, plain = 100 * l2.at_chosen(l2.test_accuracy), 100 * l2.test_accuracy[:, :, 0]
stopped = 100 * bare.stopped()
print("   n   nothing   stopped  tuned L2      test images right (%)")
for n, *arms in zip(l2.rows, plain.mean(1), stopped.mean(1), tuned.mean(1)):
    print(f"{n:>4}", *(f"{right:9.1f}" for right in arms))

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# what is claimed
at50, at150, at450 = range(3)  # rows of the table
fair = paired_interval(tuned[at150], stopped[at450])
claim("With 20 % wrong labels 150 digits with tuned L2 get more test images right than "
      "450 stopped in time.", measured=fair, kind="measured",
      id="l2-beats-stopped-rows", unit="points", holds=positive)

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("l2-or-rows", from_interval={"150 with tuned L2": above(1)(fair),
                                    "450 stopped in time": below(-1)(fair),
                                    "within a point of each other": within(1)(fair)},
       rests="l2-beats-stopped-rows")

# %% [markdown] tags=["deeper"]
# - *Trained to the end.* From 150 digits, 70.8 % right, tuned L2 leads to 85.6 %, 300 more digits to 80.6 %. Both together get 91.0 %.
# - *Stopped in time.* But stopping regularizes too, and needs no λ. L2 beats it on the same 150 digits by 2.9 points (1.3 on fresh seeds), and loses to it on 450 by 3.5 points (5.4). <!-- rests: l2-beats-rows, l2-beats-stopped-150, not l2-beats-stopped-rows -->
#
# So where labels are wrong a penalty can replace some data, but not the 300 digits once one may stop in time. With clean labels its mean gain was half a point or less, as the next section shows.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: clean labels, and three sayings about L2
#
# One reads that L2 is weak where data are few, that it raises training accuracy, and that it always raises test accuracy. All three are asked of the networks above, and of the same ones with clean labels. They are 64-64-10, trained by SGD with momentum 0.9 and learning rate 0.1 in batches of 50. λ is 0, 0.0001, 0.001, 0.003, 0.01, 0.03 or 0.1; it cannot be compared with that of ridge above, for the loss is another. The validation loss is looked at every 20 steps. The smaller training sets are among the larger. The **benefit** is test accuracy at the chosen λ minus that at λ = 0, in points.

# %% tags=["deeper"]
predict("myth-test", "At n = 150, λ = 0.1 moves test accuracy, compared with λ = 0, …",
        ["up", "down"])

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
(*_, l2_clean), (*_, whole_clean) = tune(noise=0.0), without_l2((250,), 0, noise=0.0)
benefit, benefit_clean = 100 * l2.benefit(), 100 * l2_clean.benefit()  # [sizes, seeds]
tuned_clean = 100 * l2_clean.at_chosen(l2_clean.test_accuracy)
plain_clean = 100 * l2_clean.test_accuracy[:, :, 0]
for name, values in (("benefit, wrong labels", benefit),
                     ("benefit, clean labels", benefit_clean),
                     ("clean labels, tuned L2", tuned_clean),
                     ("clean labels, λ = 0", plain_clean)):
    print(f"{name:<24}", *(f"n = {n}: {mean:5.1f}"
                           for n, mean in zip(l2.rows, values.mean(1))))
print(f"clean labels, λ = 0, all 250 digits: {whole_clean.last().mean():.1%}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed of clean labels
claim("With clean labels 150 digits with tuned L2 get more test images right than 450 "
      "trained to the end without.",
      measured=paired_interval(tuned_clean[at150], plain_clean[at450]), unit="points",
      kind="measured", id="l2-beats-rows-clean", holds=positive)
claim("With clean labels 150 digits with tuned L2, and 100 to choose λ, get more test "
      "images right than all 250 to train on without L2.",
      measured=paired_interval(tuned_clean[at150], 100 * whole_clean.last()[0]),
      kind="measured", id="l2-beats-all-rows-clean", unit="points", holds=positive)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed of more data, with 20 % wrong labels
*_, whole = without_l2((250,), 0)
all_rows = 100 * whole.last()[0]
print(f"150 + 100 digits, 20 % wrong labels, λ = 0: {all_rows.mean():.1f} % right")
claim("With 20 % wrong labels 450 digits get more test images right than 150, both "
      "with tuned L2.",
      measured=paired_interval(tuned[at450], tuned[at150]), unit="points",
      kind="measured", id="more-rows-beat", holds=positive)
claim("With 20 % wrong labels 150 digits with tuned L2 get more test images right than "
      "450 trained to the end without.",
      measured=paired_interval(tuned[at150], plain[at450]), unit="points",
      kind="measured", id="l2-beats-rows", holds=positive)
claim("With 20 % wrong labels 150 digits with tuned L2, and 100 to choose λ, get more "
      "test images right than all 250 to train on without L2.",
      measured=paired_interval(tuned[at150], all_rows), unit="points",
      kind="measured", id="l2-beats-all-rows", holds=positive)
claim("With 20 % wrong labels 150 digits stopped in time, by 100 more, get more test "
      "images right than all 250 trained to the end.",
      measured=paired_interval(stopped[at150], all_rows), unit="points",
      kind="measured", id="stopping-beats-rows", holds=positive)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed of stopping in time, with 20 % wrong labels
*_, bare250 = without_l2((250,))
stopped250 = 100 * bare250.stopped()[0]
print(f"250 digits, λ = 0: {100 * bare250.last().mean():.1f} % right at the end, "
      f"{stopped250.mean():.1f} % stopped in time")
claim("With 20 % wrong labels 150 digits with tuned L2 get more test images right than "
      "250 stopped in time.",
      measured=paired_interval(tuned[at150], stopped250), unit="points",
      kind="measured", id="l2-beats-stopped-250", holds=positive)
claim("With 20 % wrong labels 150 digits with tuned L2 get more test images right than "
      "the same 150 stopped in time.",
      measured=paired_interval(tuned[at150], stopped[at150]), unit="points",
      kind="measured", id="l2-beats-stopped-150", holds=positive)
claim("With 20 % wrong labels 50 digits trained to the end get more test images right "
      "than the same 50 stopped in time.",
      measured=paired_interval(plain[at50], stopped[at50]), unit="points",
      kind="measured", id="stopping-costs-50", holds=positive)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed of few data
more_at_150 = paired_interval(benefit[at150], benefit[at50])
claim("With 20 % wrong labels tuned L2 gains more test accuracy from 150 digits than "
      "from 50.", measured=more_at_150, unit="points",
      kind="measured", id="l2-gains-50", holds=positive)
claim("With clean labels the two gains are within a point of each other.",
      measured=paired_interval(benefit_clean[at150], benefit_clean[at50]),
      kind="measured", id="l2-gains-clean", unit="points", holds=within(1))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed of the two accuracies: at the chosen λ, and at λ = 0.1
fitted = 100 * l2.at_chosen(l2.train_accuracy)
strongest = 100 * l2.test_accuracy[:, :, -1]
moved = paired_interval(100 * l2.train_accuracy[at150, :, 0], fitted[at150])
changed = paired_interval(plain[at150], strongest[at150])
print("training labels learned at n = 150:",
      f"{l2.train_accuracy[at150, :, 0].mean():.1%} at λ = 0,",
      f"{fitted[at150].mean():.1f} % tuned; tuned at n = 50:",
      f"{fitted[at50].mean():.1f} %")
claim("At n = 150 training accuracy without L2 is more than 5 points above that with "
      "the chosen λ.",
      measured=moved, kind="measured", id="l2-fits-less", unit="points",
      holds=above(5))
claim("At n = 150 test accuracy without L2 is above that with λ = 0.1.",
      measured=changed, kind="measured", id="l2-too-strong", unit="points",
      holds=positive)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("myth-test", from_interval={"down": positive(changed), "up": negative(changed)},
       rests="l2-too-strong")

# %% [markdown] tags=["deeper"]
# - *How many digits is L2 worth?* Stopped in time, 250 digits get 86.0 %, about what 150 get with tuned L2, and ten seeds cannot tell the two apart. That L2 beats the same 150 stopped in time is confirmed, 1.3 points [0.4, 2.2] on fresh seeds. <!-- rests: l2-beats-stopped-150 --> On fresh seeds only, thirty that nobody had looked at before, it is 2.0 points [1.0, 3.0] worse than 250 stopped. By these it was worth fewer than a hundred digits.
# - *Stopping is not free.* At n = 50 the stopped networks get 61.1 %, those trained to the end 66.1 %. Where the loss on 100 partly wrong labels is lowest, accuracy need not be highest. These ten seeds do not decide whether it costs, 5 points [−1, 11]. On fresh seeds only it does, 3.2 points [0.3, 6.0].
# - *All rows.* The 100 digits that choose λ are data too. With wrong labels they are worth more for choosing: all 250 to train on, with λ = 0, get 74.4 %, against 85.6 %: 11.2 points, 9.3 on fresh seeds. All 250 with a λ by cross-validation may get more than either; we did not measure it.
# - *Clean labels.* At n = 150 tuned L2 gains 0.4 of a point, 92.3 % against 91.8 %. The 100 digits that chose λ are worth more as training data: 93.9 % with all 250.
# - *Few data.* With wrong labels tuned L2 gains 4.4 points from 50 examples and 14.8 from 150, 10.4 more; on fresh seeds 8.6 more. At n = 50 the chosen λ still leaves 98 % of the labels learned.
# - *Training and test accuracy.* At n = 150 the chosen λ lowers training accuracy by 20 points, and raises test accuracy. And λ = 0.1 costs 10 points on test images, against λ = 0: too much is worse than none. It is the next of the seven after the chosen one, so a finer grid may do better; we did not measure it.
# - *The budget.* 600 steps are 600 rounds through 50 examples and 67 through 450: another budget may move these figures.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: not every regularizer is a penalty
#
# A penalty on the weights is one kind. Others change the data, the network while it trains (dropout, stochastic depth), its targets (label smoothing) or just the time. What training does unasked, by small steps or shortest weights, may regularize too: that is called *implicit*.
#
# **Data augmentation** adds copies with a change that should not matter, here a shift by one pixel in any of eight directions. 300 clean digits, 1000 steps, twelve seeds. Two doses: 30 % of what is trained on is shifted, or 8 in 9. Beside them, 600 digits without shifts (the 300 among them; tested on the rows that are then left).
# Test accuracy is compared with that of 300 plain digits, in points; then the same on test images that are shifted themselves.

# %% tags=["deeper"]
from course_lib.experiments.overfitting.augmentation import compare

*_, shifts = compare()
for name, accuracy in shifts.test_accuracy.items():
    print(f"{name:<20} test accuracy {100 * accuracy.mean():.1f} %, on shifted images "
          f"{100 * shifts.shifted_accuracy[name].mean():.1f} %")

# %% tags=["deeper", "nbval-check-output"]
as_they_are, on_shifted = ({name: 100 * a for name, a in arms.items()}
                           for arms in (shifts.test_accuracy, shifts.shifted_accuracy))
for key, arm in (("shifts-few", "300, 30 % shifted"),
                 ("shifts-many", "300, 8 in 9 shifted"), ("more-rows", "600")):
    claim(f"Training on “{arm}” gets more test images right than on 300 plain digits.",
          measured=paired_interval(as_they_are[arm], as_they_are["300"]),
          kind="measured", id=key, unit="points", holds=positive)
claim("On shifted test images “300, 30 % shifted” is more than 20 points above 300 "
      "plain digits.",
      measured=paired_interval(on_shifted["300, 30 % shifted"], on_shifted["300"]),
      kind="measured", id="shifted-on-shifted", unit="points", holds=above(20))

# %% [markdown] tags=["deeper"]
# An augmentation states what you expect at test time. These digits are all centred, so a shift by an eighth of the image is not "the same with a twist" but something the test set never shows: the dose decides. Where such shifts do occur, twice as many digits without any are no way out, 30.5 % right: the last row above. And the doses differ in more than dose: 1000 steps over 2700 images are fewer rounds than over 300.
# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# `EarlyStopping` replaces the plain loop's bookkeeping, and ends the training:
#
# ```python
# from course_lib.overfitting import EarlyStopping
# stopping = EarlyStopping(patience=10)
# for epoch in range(500):
#     ...  # model.train(), one epoch, model.eval()
#     if stopping.step(validation_loss, model):  # True: the best weights are back
#         break
# stopping.restore(model)  # if the epochs ended before the patience
# ```
#
# **Three sets.** Train on one. Choose on the second: patience, λ, width. Report on the third, once: the best validation loss is the lowest of many, so it flatters. A choice on 100 rows is noisy (*Deeper*: cross-validation).
#
# A **leak** is whatever lets the training know of rows in the second or third set (Kapoor & Narayanan 2023). Common ones: columns chosen, or scaled, by a look at all rows; rows of one person on both sides, as here: the same 13 writers stand in all three sets, and fresh seeds only draw their 1797 images anew. For new writers our percentages would likely be lower.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: patience, NaN, and other conventions
#
# - **Patience** of 5 to 20 evaluations, longer where the loss is noisy; a schedule that lowers the learning rate late may still improve after a long flat stretch.
# - **A loss can be NaN**, *not a number*, where it overflows. For `EarlyStopping` that is an evaluation without improvement: with 5, 3, NaN, 4, 2 and patience 2 it stops at the 4, too.
# - **Before you train, look for NaN in the data**: one bad row poisons every weight in one step. `course_lib.data.Split.check()` names row and column.
# - **Scaling without a leak**, to *standardise*, subtracts the mean of the training rows and divides by their standard deviation: `std = train_x.std(0)`, then `(all_x - train_x.mean(0)) / torch.where(std > 0, std, 1.0)`. A pixel that is black in all training rows has std 0, which gives 0/0. A tiny number in its place is no better: it turns one grey validation pixel into a million.
# - **A leak in time**: later rows are trained on, and earlier ones judge.
# - **The lowest of many losses** is found wrongly where one is NaN: `torch.argmin` takes the NaN wherever it stands, Python's `min` where it comes first.
# - **Elsewhere.** `torch.optim.lr_scheduler.ReduceLROnPlateau(patience=p)` acts at evaluation $p+1$ without improvement, ours and Lightning's stop at $p$. Keras restores the best weights only with `restore_best_weights=True`. PyTorch itself has no early stopping.

# %% tags=["deeper"]
quiz("Training loss 0.01 and validation loss 0.01, test loss 1.4, all three sets drawn "
     "from one source. What happened?",
     {"The model overfits: add L2.":
          "It does memorise. But then the validation loss would show it: it too is new "
          "data, unless it is not.",
      "The model underfits: make it wider.":
          "A loss of 0.01 on its training data is no underfitting.",
      "Validation rows were trained on.":
          "They, or twins of them: from one source, hardly anything else gives them a "
          "loss of 0.01 while new rows have 1.4. A leak hides overfitting.",
      "Stop earlier.": "By which curve? The validation loss no longer says when."},
     answer="Validation rows were trained on.")

# %% tags=["deeper"]
show_source(EarlyStopping.step)

# %% tags=["deeper"]
torch.manual_seed(0)
network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0)
stopping = EarlyStopping(patience=10)
for epoch in range(500):
    for rows in torch.randperm(300).split(50):
        optimizer.zero_grad()
        cross_entropy(network(data.train_x[rows]), data.train_y[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        loss = cross_entropy(network(data.validation_x), data.validation_y)
    if stopping.step(loss, network):
        break
stopping.restore(network)  # where the epochs end before the patience does
right = (network(data.test_x).argmax(1) == data.test_y).float().mean().item()
print(f"stopped after {epoch + 1} of 500 epochs, {right:.1%} of the test images right")

# %% tags=["deeper", "nbval-check-output"]
small_model, stopping = torch.nn.Linear(1, 1, bias=False), EarlyStopping(patience=2)
for number, loss in enumerate((5.0, 3.0, float("nan"), 4.0, 2.0)):
    # stands for an epoch of training
    torch.nn.init.constant_(small_model.weight, float(number))
    if stopping.step(loss, small_model):
        break
claim("It stops at evaluation 3, and the weights are those of evaluation 1 again.",
      measured=[number, small_model.weight.item()], holds=equal([3, 1.0]))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to regularize
#
# Draw both learning curves. Of four cases, here as sketches, one calls for it.

# %% jupyter={"source_hidden": true}
from course_lib.explorers.overfitting.learning_curves import show_cases

show_cases()

# %% [markdown]
# - *Overfits*: training falls on, validation turns up. Regularize, or get more data.
# - *Underfits*: both flat, high and close. Where better is possible, that is bias, or a stuck training: try another learning rate and less regularization (*Deeper: clean labels*), then a richer model. <!-- rests: l2-too-strong -->
# - *Too short*: both still fall together. Train longer.
# - *A leak* into validation: both low and together, and the test loss, the cross, is not. Mend the split; or the test rows come from elsewhere, as from new writers.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: few validation rows, few rows with wrong labels, a single epoch
#
# - Few validation rows show no small differences: where 90 of 100 are right, the standard error of that share is $\sqrt{0.9\cdot0.1/100}$, 3 points. Better **cross-validate**: put training and validation rows together, cut them into five parts, train on four and validate on the fifth, each in turn, and average.
# - Few rows with wrong labels: on thirty fresh seeds *stopping in time* cost 3.2 points from 50 digits; the ten shown could not decide it (*Deeper: clean labels, and three sayings about L2*).
# - Much data, one epoch: each batch is new when its loss is taken, so there is no gap to close. Weight decay may pay there all the same, for it helps the optimizer (lesson 04).
# - A rising validation loss: look at the share of right answers too. The loss can rise, for a few very sure mistakes, while that share stays.
# - A leak into the test set shows in no curve.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## So, what makes a model overfit?
#
# | the reason one hears | what came out |
# |---|---|
# | too many parameters | not their number alone. Polynomials with 2, 4 and 13 coefficients: error 0.29, 0.11, 2.6 on new points. Networks after 1000 steps: 97 weights and biases did better than 25, which fit worse <!-- rests: degree-1-worse, degree-12-worse, wide-lower --> |
# | trained too long | yes, for 300 digits with wrong labels, which are learned last. With clean labels it mattered less than a point <!-- rests: common-first, stopping-noisy, stopping-clean --> |
# | it knows every label by heart | harm where labels were wrong (3000 features: 21 %, with tuned λ 7.7), and where only very long weights met them all (300 features, clean labels: 77 %). With 3000 and clean labels fits that did not were worse <!-- rests: memorised-wrong, peak-without-ridge-clean, memorised-clean, unlearned-worse --> |
#
# **Memorising did harm where labels were wrong, and where it took all the freedom that the model had. With right labels and ten times that freedom it did none.**
#
# The other two occur apart, too. Degree 12 overfits without memorising, for it still misses its points. With random labels the gap was 90 points, and new answers no worse than a guesser's; from degree 1 to 3 the gap even grows while the error falls.
#
# Tomorrow, then:
# 1. Split into three sets.
# 2. Take a model with room to spare, and something that holds it: a stop, or a tuned λ.
# 3. Keep the weights of the best validation loss; with few rows look at right answers too, for the lowest loss need not have the most.
# 4. If the validation curve turns up, or gap and validation error are large: more data, or a penalty, its λ tuned on validation rows.
# 5. Report the test error, once.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | answer | memorising did harm where labels were wrong, and where it took all of the model's freedom; a larger gap alone is no sign of harm |
# | formula | expected squared error = bias² + variance + noise; its gap for $p$ coefficients of least squares on new labels at the same $n$ points: $2\sigma^2p/n$, for the fit follows its labels by $p/n$ |
# | PyTorch | torch has no early stopping: keep `deepcopy(model.state_dict())` of the best validation loss |
# | double descent | without a penalty a peak where the model can only just fit, lower again beyond; with tuned λ no peak here <!-- rests: peak-without-ridge, peak-with-ridge, second-descent-0 --> |
# | measured | 300 digits, 20 % wrong labels: stopped in time some 11 points more right than at step 1000 (fresh seeds 10.9, ours 12.6) <!-- rests: stopping-noisy --> |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write it yourself: **`01_overfitting_exercises.ipynb`**.
#
# **Sources.** Geman, Bienenstock & Doursat, *Neural Networks and the Bias/Variance Dilemma*, 1992 (the decomposition). Mallows, *Some Comments on $C_p$*, Technometrics 1973 (the law of the gap). Efron, *How Biased Is the Apparent Error Rate of a Prediction Rule?*, JASA 1986, and Ye, *On Measuring and Correcting the Effects of Data Mining and Model Selection*, JASA 1998 (the gap of any fit). Loog, Viering, Mey, Krijthe & Tax, *A Brief Prehistory of Double Descent*, PNAS 2020. Hastie & Tibshirani, *Generalized Additive Models*, 1990, and Moody, *The Effective Number of Parameters*, NIPS 1991, printed 1992 (the law for other fits). Prechelt, *Early Stopping – But When?*, 1998 (criteria for stopping). Zhang, Bengio, Hardt, Recht & Vinyals, *Understanding Deep Learning Requires Rethinking Generalization*, ICLR 2017 (arXiv:1611.03530). Domingos, *A Unified Bias-Variance Decomposition and its Applications*, ICML 2000, and Friedman, *On Bias, Variance, 0/1-Loss, and the Curse-of-Dimensionality*, Data Mining and Knowledge Discovery 1997 (right and wrong answers). Kapoor & Narayanan, *Leakage and the Reproducibility Crisis in Machine-Learning-Based Science*, Patterns 2023. Alpaydın & Kaynak, *Optical Recognition of Handwritten Digits*, UCI 1998 (43 writers: 30 in its training part, 13 in its test part, which scikit-learn's digits are).
# Arpit et al., *A Closer Look at Memorization in Deep Networks*, ICML 2017 (arXiv:1706.05394). Neal et al., *A Modern Take on the Bias-Variance Tradeoff in Neural Networks*, 2018 (arXiv:1810.08591). Yang, Yu, You, Steinhardt & Ma, *Rethinking Bias-Variance Trade-off for Generalization of Neural Networks*, ICML 2020 (arXiv:2002.11328). Neyshabur, Tomioka & Srebro, *In Search of the Real Inductive Bias*, 2015 (arXiv:1412.6614).
# Belkin, Hsu, Ma & Mandal, *Reconciling Modern Machine-Learning Practice and the Classical Bias–Variance Trade-off*, PNAS 2019 (arXiv:1812.11118). Nakkiran, Kaplun, Bansal, Yang, Barak & Sutskever, *Deep Double Descent*, ICLR 2020 (arXiv:1912.02292).
# Breiman & Freedman, *How Many Variables Should Be Entered in a Regression Equation?*, JASA 1983. Belkin, Hsu & Xu, *Two Models of Double Descent for Weak Features*, SIAM Journal on Mathematics of Data Science 2020 (arXiv:1903.07571). Bartlett, Long, Lugosi & Tsigler, *Benign Overfitting in Linear Regression*, PNAS 2020 (arXiv:1906.11300). Bartlett, *The Sample Complexity of Pattern Classification with Neural Networks: The Size of the Weights Is More Important than the Size of the Network*, IEEE Transactions on Information Theory 1998.
# Hastie, Montanari, Rosset & Tibshirani, *Surprises in High-Dimensional Ridgeless Least Squares Interpolation*, 2019 (arXiv:1903.08560). Ali, Kolter & Tibshirani, *A Continuous-Time View of Early Stopping for Least Squares Regression*, AISTATS 2019 (arXiv:1810.10082). Bishop, *Regularization and Complexity Control in Feed-Forward Networks*, 1995. Sjöberg & Ljung, *Overtraining, Regularization and Searching for a Minimum, with Application to Neural Networks*, International Journal of Control 1995.
# Dobriban & Wager, *High-Dimensional Asymptotics of Prediction: Ridge Regression and Classification*, Annals of Statistics 2018 (arXiv:1507.03003). Nakkiran, Venkat, Kakade & Ma, *Optimal Regularization Can Mitigate Double Descent*, ICLR 2021 (arXiv:2003.01897).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** a colleague who judges a model by its training accuracy. *Draw* twenty points and three curves through them, one too stiff, one too supple, one about right. Below it bias and variance against the degree, and where their sum is lowest. *Disarm* the sentence "regularization always improves the test score". *And ask back:* All training labels are drawn at random, and the network gets every one of them right. What has it learned?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("overfitting")

# %% slideshow={"slide_type": "skip"}
recall("overfitting")

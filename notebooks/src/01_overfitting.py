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
# # Overfitting: when does a model memorise?
#
# A model is fitted to examples, and is meant for what is not among them. What it gets wrong there beyond what it gets wrong on its own examples is the **generalization gap**.
# Which models have a large one? "Those with too many parameters", one hears. We measure it: on polynomials, on networks, and beyond the point where a model fits everything.
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need lesson 00.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import math

import torch

from course_lib.statistics import mean_interval, paired_interval
from course_lib.overfitting import (EarlyStopping, bias_variance, excess_risk,
                                    generalization_gap)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Twenty points
#
# Somewhere behind these points is a smooth curve; each point lies off it by a random error. Drag the degree of the polynomial fitted to them by least squares. The truth stays hidden for now.

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=1, errors="hidden")

# %% [markdown]
# At the end of this lesson you can
# - split an error into bias, variance and noise, and read off which one hurts;
# - stop training in time, with the right weights;
# - say what the test error does when a model grows past the point where it fits every label, and what regularization has to do with it.
#
# *Higher* and *lower* mean, here and below, that a 95 % interval of the difference, printed as mean [low, high], lies on that side of 0; one that holds 0 is *inconclusive*. It runs over the data sets drawn (later over seeds: split, start, batch order, always the same 1797 digits), and says nothing about other digits.

# %%
predict("degree",
        "Which degree comes closest to new points from the same source, on average "
        "over many such data sets?",
        ["1", "3", "12"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two hundred times twenty points
#
# One data set is an accident. So we draw 200, fit each, and look at all fits at once. *Left:* the band holds 80 % of the fits, the dashed line is their mean. *Right:* the mean errors, against the degree.
# **Move the degree from 0 to 12**, and watch the mean, then the band.

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=12)

# %% [markdown]
# The training error only ever falls: every degree contains the lower ones. The validation error, on points that no fit has seen, falls and rises again.

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what the picture was drawn from
fits = explore.polynomials.explorer.compute(degree=3, noise=0.3, rows=20)[0]
for other in (1, 12):
    claim(f"Degree {other} has a higher validation error than degree 3.",
          measured=paired_interval(fits.validation_error[other],
                                   fits.validation_error[3]),
          kind="measured", id=f"degree-{other}-worse",
          holds=lambda difference: difference.between(low=0))
gaps = generalization_gap(fits.train_error, fits.validation_error).mean(1)
print("gap at degree 1, 3, 12:", *(f"{gaps[degree]:.2f}" for degree in (1, 3, 12)))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("degree",
       str(min((1, 3, 12), key=lambda degree: fits.validation_error[degree].mean())),
       rests="degree-1-worse, degree-12-worse")

# %% [markdown]
# Note what the gap does *not* say: degree 1 has a small one and is bad all the same.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Bias, variance, noise
#
# Call the truth $f$, a fit $\hat f$, and the mean of the fits over all training sets $\bar f$. A new label is $y = f + \varepsilon$, with $\varepsilon$ of mean 0 and variance $\sigma^2$, independent of the fit. At any point,
#
# $$\hat f - y = (\hat f - \bar f) + (\bar f - f) - \varepsilon .$$
#
# Square, and average over training sets and new labels. The first part has mean 0 by the definition of $\bar f$, so has the last, the two are independent, and no cross term is left:
#
# $$\underbrace{\mathbb E(\hat f - y)^2}_{\text{expected error}} = \underbrace{(\bar f - f)^2}_{\text{bias}^2} + \underbrace{\mathbb E(\hat f - \bar f)^2}_{\text{variance}} + \underbrace{\sigma^2}_{\text{noise}} .$$
#
# Bias is what the fits get wrong *together*; variance is how much they disagree; noise is nobody's fault. By hand: two fits say 1 and 3 where the truth is 1. Bias² 1, variance 1, and the mean squared error is $(0 + 4)/2 = 2$.

# %%
show_source(bias_variance)

# %% [markdown]
# Now go back to the picture. There the parts are means over all $x$; the validation error, from 50 fresh points for each fit, agrees with their sum up to that sampling.
# - Raise the *noise*: only noise and variance follow. (And a little bias²: the mean of 200 fits is itself off, by about a 200th of the variance. So it climbs again on the right.)
# - Give it 200 *points*. At degree 3 the variance falls to a tenth, in proportion; at degree 12, where 20 points hardly hold the curve, far more. At degree 1 bias² stays: more of the same data does not bend a line.
#
# **Too much bias: a richer model. Too much variance: more data, or less freedom,** which is what this course is about.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: every case there is
#
# Not an estimate but every case: six points with errors of exactly ±0.3 make $2^6 = 64$ possible training sets, and a new label has two possible values.

# %% tags=["deeper", "nbval-check-output"]
import itertools

x = torch.linspace(-1, 1, 6, dtype=torch.float64)
new = torch.tensor([-0.5, 0.3, 0.9], dtype=torch.float64)
# 64 training sets
signs = torch.tensor(list(itertools.product((-0.3, 0.3), repeat=6)),
                     dtype=torch.float64)
truth, apart = torch.sin(math.pi * new), {}
for degree in (1, 3, 5):
    # least squares: what it says at new = features there · pinv(features at x) · y
    powers = torch.arange(degree + 1)
    fitted = ((torch.sin(math.pi * x) + signs)
              @ (new[:, None] ** powers @ torch.linalg.pinv(x[:, None] ** powers)).T)
    expected = torch.stack([(fitted - truth - error) ** 2
                            for error in (-0.3, 0.3)]).mean((0, 1))
    bias2, variance = bias_variance(fitted, truth)
    apart[degree] = (expected - (bias2 + variance + 0.3**2)).abs().max().item()
claim("bias² + variance + noise is the expected squared error at every new point, for "
      "every degree.",
      measured=apart, holds=lambda apart: max(apart.values()) < 1e-13)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same points, and a network
#
# A ReLU network with 32 hidden units has 97 weights and biases for these 20 points, a polynomial of degree 12 has 13 coefficients. We train 200 networks of each width, each on its own data set and from its own start, by 1000 steps of AdamW without decay. So their variance is over data *and* starts.
# We also ask: have 32 units a lower validation error than 8? And the 97 numbers less than a tenth of the variance of the 13?

# %%
predict("width", "From 8 hidden units to 32, the variance of the networks …",
        ["rises", "falls", "cannot be told"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.networks.show(width=32)

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
from course_lib.experiments.overfitting import bias_variance as small

*_, nets = small.networks(20, 0.3)
narrow, wide = nets.complexities.index(8), nets.complexities.index(32)
# of each fit from the mean fit, over all x
spread8, spread32, spread_poly = ((f - f.mean(0)).square().mean(1)
                                  for f in (*nets.predictions[[narrow, wide]],
                                            fits.predictions[12]))
for key, sentence, a, b in (
    ("wide-varies-less", "32 hidden units have less variance than 8",
     spread32, spread8),
    ("wide-lower", "32 hidden units have a lower validation error than 8",
     *nets.validation_error[[wide, narrow]]),
    ("net-varies-less", "97 numbers have less than a tenth of the variance of 13",
     spread32, spread_poly / 10)):
    claim(f"{sentence}, after 1000 steps.", measured=paired_interval(a, b),
          kind="measured", id=key,
          holds=lambda difference: difference.between(high=0))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("width",
       {True: "falls", False: "rises",
        None: "cannot be told"}[paired_interval(spread32, spread8).between(high=0)],
       rests="wide-varies-less")

# %% [markdown]
# If the last claim holds, the number of parameters alone does not say how freely a model moves. A polynomial of degree 12 *must* swing to pass near its points; a wide network, started small and moved in small steps, need not. (After 1000 steps, and narrow ones are less far by then: see their training error. Neal et al. 2018 found a variance that can fall with width on larger networks.)
#
# Whether a model *can* memorise is another question. Ask it directly.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Labels by lot
#
# 1000 digits, 64 pixels each, and for every one a label drawn by lot: nothing to learn. A network with 256 hidden units, 2000 steps of SGD with momentum, batches of 100, three seeds. *All learned* means that at some recorded step every label is right, with each seed.

# %%
predict("lots", "How many of the 1000 random training labels will it get right?",
        ["below 30 %", "30 to 90 %", "above 90 %"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.overfitting.memorise import memorise

*_, found = memorise()
print("step       ", *(f"{step:>6}" for step in found.recorded[::4]))
for name, accuracy in found.train_accuracy.items():
    print(f"{name:<6} labels", *(f"{a:6.1%}" for a in accuracy.mean(0)[::4]),
          " of the training labels right")

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
learned = found.train_accuracy["random"].max(1).values  # of each seed
claim("All learned: every random training label, with each of the three seeds.",
      measured=learned.min().item(), kind="checked",
      holds=lambda least: least == 1)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("lots",
       "above 90 %" if learned.mean() > 0.9 else "30 to 90 %" if learned.mean() > 0.3
       else "below 30 %",
       because=f"measured: {learned.mean():.1%}")

# %% [markdown]
# One network, one optimizer, and labels that mean something or nothing (Zhang et al. 2017 did this with a million photographs). What differs is how *long* it takes. That suggests a way out; *Stop in time* tries it.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and on new random labels?
#
# The test labels are drawn by lot too, independently of everything else, so the hits of *any* predictor are binomial. That they lie where 95 % of guessers end is a check of our experiment: a leak would show, and one honest run in 20 fails it.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.overfitting.memorise import guessing_interval

low, high = guessing_interval(found.rows)
claim("On new random labels it is a guesser: its hits lie in the binomial interval.",
      kind="checked", false_alarm=0.05,
      measured={"hits": found.right(), "from": low, "to": high},
      holds=lambda hits: low <= hits["hits"] <= high)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Stop in time
#
# 300 digits, and one label in five is wrong. If a network learns what labels have in common before it learns exceptions, one should stop between. Does it? A **validation set** is to say when: 100 more digits, one in five wrong as well, never trained on. Test labels are right, here and below, so that we see what was learned.
# **Early stopping** keeps the weights of the best validation loss, and stops when it has not improved for `patience` evaluations.

# %%
show_source(EarlyStopping.step)

# %% [markdown]
# - An improvement is *strictly* below the best so far (less `min_delta`): two equal losses are no progress.
# - A loss that is NaN or infinite is never the best, and counts as no improvement.
# - `copy_of` copies the numbers, and buffers such as BatchNorm's running statistics. `best = model.state_dict()` would keep references, which go on changing.
#
# By hand, patience 2: losses 5, 3, NaN, 4. The best is number 1 (counted from 0); after two evaluations without improvement it stops, at number 3.

# %% tags=["nbval-check-output"]
model, stopping = torch.nn.Linear(1, 1, bias=False), EarlyStopping(patience=2)
for number, loss in enumerate((5.0, 3.0, float("nan"), 4.0, 2.0)):
    # stands for an epoch of training
    torch.nn.init.constant_(model.weight, float(number))
    if stopping.step(loss, model):
        break
claim("It stops at evaluation 3, and the weights are those of evaluation 1 again.",
      measured={"stopped at": number, "weight": model.weight.item()},
      holds=lambda found: list(found.values()) == [3, 1.0])

# %% [markdown]
# Now on digits: a 64-128-10 network, 1000 steps of AdamW without decay, batches of 50, evaluated every 20 steps. We compare what patience 5 keeps with the weights of step 1000, in points of test accuracy, over 12 seeds.
# With wrong labels *helps* means above 0. On clean ones *makes no difference* means between −1 and +1.

# %%
predict("clean", "With every label right, early stopping moves test accuracy by …",
        ["above +1 point", "within 1 point of 0", "below −1 point"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.early_stopping.show()

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
from course_lib.experiments.overfitting.early_stopping import curves

runs = {noise: [*curves(noise)][-1] for noise in (0.2, 0.0)}
gain = {noise: paired_interval(100 * run.kept_accuracy(5),
                               100 * run.test_accuracy[:, -1])
        for noise, run in runs.items()}
claim("With 20 % wrong labels early stopping helps (points).", measured=gain[0.2],
      kind="measured", id="stopping-noisy",
      holds=lambda points: points.between(low=0))
claim("With clean labels it makes no difference of a point.", measured=gain[0.0],
      kind="measured", id="stopping-clean",
      holds=lambda points: points.between(low=-1, high=1))

# %% jupyter={"outputs_hidden": true}
ranges = {"above +1 point": (1, math.inf), "within 1 point of 0": (-1, 1),
          "below −1 point": (-math.inf, -1)}

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("clean",
       next((name for name, ends in ranges.items() if gain[0.0].between(*ends)), None),
       because=f"measured: {gain[0.0]}", rests="stopping-clean")

# %% [markdown]
# The two panels judge by different labels: validation digits have wrong ones too, test digits none. And loss and accuracy need not turn together: the loss also counts *how sure* the network is of its mistakes.
#
# Step 1000 is but a yardstick, and whether those 100 digits were worth more as training data is not asked here. The best validation loss is the lowest of many, so it flatters: report the *test* error.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Beyond the point where everything fits
#
# Back to linear models. Data: $n = 30$ rows with $d$ independent standard normal features, labels $x^\top\beta + \varepsilon$ with $\lVert\beta\rVert = 1$. Fit: least squares, and where many solutions fit, the *shortest* one, which gradient descent from zero (with small enough steps) finds. From $d = n$ on it passes through every label. The error shown is $\lVert\hat w-\beta\rVert^2$, $\hat w$ being the fit: the squared error on new data, beyond the noise.
# Mind what moves: with $d$ the truth changes too, the same length spread over $d$ features. So read the picture as *how hard is a problem with d unknowns from 30 rows*; one truth with a growing model is in *Deeper*.

# %%
predict("peak",
        "Noise σ = 0.5. As d grows from 2 to 300 "
        "with n = 30, the median error on new data …",
        ["rises all the way", "falls, then rises",
         "rises to a peak near d = n, then falls"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.minimum_norm.show()

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.overfitting.double_descent import (
    FEATURES, WIDTHS, minimum_norm, random_features)

medians = {d: minimum_norm(d, 0.5).median().item() for d in FEATURES}
top, lowest = max(medians, key=medians.get), min(medians[d] for d in FEATURES if d > 30)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("peak",
       "rises to a peak near d = n, then falls" if abs(top - 30) < 4
       else "rises all the way" if medians[2] < lowest else "falls, then rises",
       because=f"highest at d = {top}; beyond it down to {lowest:.2g}, and at d = 300 "
               f"{medians[300]:.2g} again")

# %% [markdown]
# Near $d = n$ some direction of the data has almost no extent; to fit the labels, weights in that direction must be huge. Beyond, more and more directions share the work; but 30 rows show ever less of β, and slowly the error climbs back to 1, where nothing is learned. (Within 3 of $n$ go by the crosses: means are accidents there, *Deeper* says why.)
# Now add $\lambda\lVert w\rVert^2$ to the mean squared error (**ridge**) and raise λ: the peak melts. The dash-dotted line has the best λ at every $d$, $\sigma^2d/n$.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the law of the peak, and the best λ
#
# The error beyond the noise has the exact mean (Hastie et al. 2019)
#
# $$\sigma^2\frac{d}{n-d-1}\quad(d < n-1),\qquad \Big(1-\frac nd\Big) + \sigma^2\frac{n}{d-n-1}\quad(d > n+1),$$
#
# and is infinite between (σ > 0). The term $1-\frac nd$ is the part of β that 30 rows cannot show.
#
# Which λ is best? Here a squared weight is $1/d$ on average, and the noise $\sigma^2$; weighing the two over $n$ rows gives $\lambda = \sigma^2d/n$. No other λ has a lower mean error in this world: its rows prefer no direction, so β fares like one of random direction, and for a Gaussian one this ridge is the posterior mean (Dobriban & Wager 2018 derive it for large $n$ and $d$). It needs σ, so on real data λ is tuned instead.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.overfitting.double_descent import standard_error

away = [d for d in FEATURES if abs(d - 30) >= 4]
off = {d: (minimum_norm(d, 0.5).mean().item()
           - excess_risk(30, d, 0.5)) / standard_error(d, 0.5) for d in away}
claim("For |d − n| ≥ 4 the mean of 500 data sets lies within 3 standard errors of the "
      "law, at every d.",
      measured=max(map(abs, off.values())), holds=lambda largest: largest <= 3,
      kind="checked")
claim("At d = n − 1, n, n + 1 the law is infinite, and 500 data sets have finite "
      "medians there, highest at d = n.",
      measured=[minimum_norm(d, 0.5).median().item() for d in (29, 30, 31)],
      holds=lambda m: m[1] > max(m[0], m[2])
            and all(excess_risk(30, d, 0.5) == math.inf for d in (29, 30, 31)),
      kind="checked")
at_best = [minimum_norm(d, 0.5, 0.5**2 * d / 30).mean().item() for d in FEATURES]
claim("With λ = σ²d/n at every d there is no peak: the mean rises all the way.",
      measured=at_best, holds=lambda risks: risks == sorted(risks), kind="checked")

# %% [markdown]
# Within 3 of $n$ (at λ = 0) the variance of a single data set's error is infinite: no number of data sets gives a standard error, the blue dots there are accidents (that of $d = 30$ may lie far above the picture). Hence the medians.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one truth, a growing model
#
# 300 digits, 20 % wrong labels, eight seeds. The first layer of a network is random and stays so (**random ReLU features**), the last is fitted by least squares.
# - A *peak*: at 300 features the error is more than 20 points above that at 60.
# - *Gone*: with λ tuned on 200 validation rows (labels as noisy), 300 features are less than 3 points worse than 150.
# - *Below* compares 3000 features with the best width under 300. Picked on the same seeds, that one is flattered: *below* is harder to reach.

# %% tags=["deeper"]
predict("second",
        "Without ridge, do 3000 features end below the best error with fewer than 300?",
        ["yes, with wrong and with clean labels", "only with clean labels",
         "never (or inconclusive)"])

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
from course_lib.explorers import overfitting as explore

explore.random_features.show()

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
worlds = {noise: [*random_features(noise)][-1] for noise in (0.2, 0.0)}
error, error_tuned = 100 * worlds[0.2].test_error[:, :, 0], 100 * worlds[0.2].tuned()
f60, f150, f300 = map(WIDTHS.index, (60, 150, 300))
claim("Without ridge the test error peaks at 300 features (points above that at 60).",
      kind="measured", id="peak-without-ridge",
      measured=paired_interval(error[f300], error[f60]),
      holds=lambda points: points.between(low=20))
claim("With tuned ridge the peak is gone (points above the error at 150).",
      kind="measured", id="peak-with-ridge",
      measured=paired_interval(error_tuned[f300], error_tuned[f150]),
      holds=lambda points: points.between(high=3))
second = {noise: paired_interval(*(100 * end
                                   for end in world.widest_and_best_below(300)))
          for noise, world in worlds.items()}
for noise, labels in ((0.2, "20 % wrong"), (0.0, "clean")):
    claim(f"With {labels} labels, 3000 features end below the best width under 300 "
          "(points).",
          measured=second[noise], kind="measured", id=f"second-descent-{noise:g}",
          holds=lambda points: points.between(high=0))

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
below = tuple(second[noise].between(high=0) is True for noise in (0.2, 0.0))

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("second",
       {(True, True): "yes, with wrong and with clean labels",
        (False, True): "only with clean labels"}.get(below, "never (or inconclusive)"),
       rests="second-descent-0.2, second-descent-0")

# %% [markdown]
# Move *wrong labels* to 0 for the other verdict. The dotted line counts wrong training *digits*; the squared error, which is what is fitted, reaches 0 only at 300 features, one for each row, and there the peak stands.
# "More parameters overfit more" describes the way up, not the way down, nor the dashed line. The peak is what *unregularized* fits do where they can only just fit (Belkin et al. 2019; Nakkiran et al. 2021).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Myths, and a table
#
# A tutorial asks: does regularization always increase training accuracy? Replace data? Guarantee better test performance? Does L1 only shrink? And it says: "Regularization is less effective when training data is very limited". An *always* falls by one counterexample. Here is one experiment, for the second question and for that sentence; the other three questions are folded below (with the last, lesson 02 begins).
#
# L2 (a term $\frac\lambda2\lVert w\rVert^2$ in the loss) gets its chance: of seven strengths from 0 to 0.1, the one with the lowest loss on 100 validation rows is chosen. Digits with 20 % wrong labels; $n$ = 50, 150, 450, 1200, each set within the next, tested on all that are left; ten seeds. A 64-64-10 network, SGD with momentum 0.9, learning rate 0.1, batches of 50, 600 steps for every $n$.
#
# The **benefit** is test accuracy at the chosen λ minus that at λ = 0, in points; *less effective* means lower at 50 than at 150. We ask the same of 1200. On data: do 450 examples beat 150, λ tuned for both? Do 150 with tuned λ beat 450 without L2?

# %%
predict("small-n", "Where does tuned L2 gain most?",
        ["n = 50", "n = 150 or 450", "n = 1200"])

# %%
predict("myth-data",
        "Once λ is tuned, are three times the "
        "examples (450 for 150) still worth anything?",
        ["no longer", "they still are"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.overfitting.tuned_l2 import tune

*_, l2 = tune()
tuned = 100 * l2.at_chosen(l2.test_accuracy)
plain = 100 * l2.test_accuracy[:, :, 0]
train0 = 100 * l2.train_accuracy[:, :, 0]
benefit = 100 * l2.benefit()  # tuned − plain; all of them [sizes, seeds]
print("                                      accuracy, λ = 0    λ chosen\n"
      "   n   benefit (points)                 test  training        test   median λ")
for k, n in enumerate(l2.rows):
    means = (values[k].mean() for values in (plain, train0, tuned))
    usual = l2.strengths[l2.chosen()[k].median()]
    print(f"{n:>4}   {str(mean_interval(benefit[k])):<32} "
          f"{'{:5.1f} {:9.1f} {:11.1f}'.format(*means)} {usual:10g}")

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
at50, at150, at450, at1200 = range(4)  # rows of the table
for key, sentence, higher, lower in (
    ("l2-gains-50", "Tuned L2 gains less from 50 examples than from 150",
     benefit[at150], benefit[at50]),
    ("l2-gains-1200", "Tuned L2 gains less from 1200 examples than from 150",
     benefit[at150], benefit[at1200]),
    ("more-rows-beat", "450 examples beat 150, both with tuned L2",
     tuned[at450], tuned[at150]),
    ("l2-beats-rows", "150 examples with tuned L2 beat 450 without",
     tuned[at150], plain[at450])):
    claim(f"{sentence} (points).", measured=paired_interval(higher, lower),
          kind="measured", id=key,
          holds=lambda points: points.between(low=0))

# %% jupyter={"outputs_hidden": true}
most = l2.rows[benefit.mean(1).argmax()]

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("small-n", {50: "n = 50", 1200: "n = 1200"}.get(most, "n = 150 or 450"),
       because=f"highest mean at n = {most}", rests="l2-gains-50, l2-gains-1200")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("myth-data",
       {True: "they still are", False: "no longer"}.get(
           paired_interval(tuned[at450], tuned[at150]).between(low=0)),
       rests="more-rows-beat")

# %% [markdown]
# Read the training column with it: training labels are right four times in five, so clearly more than 80 % means wrong ones learned by heart. *n does not change alone here*: 600 steps are 600 rounds through 50 examples and 25 through 1200, and what has not been memorised need not be prevented. A longer budget may move the right end; the tutorial's sentence is about the left.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does it always raise training accuracy, and test accuracy?
#
# Two more of the tutorial's questions, asked of the same networks.

# %% tags=["deeper"]
predict("myth-train",
        "At n = 150 the chosen λ lowers training "
        "accuracy (at λ = 0 it is in the table) by …",
        ["less than a point", "1 to 5 points", "more than 5 points"])

# %% tags=["deeper"]
predict("myth-test", "At n = 150, λ = 0.1 moves test accuracy, compared with λ = 0, …",
        ["up", "down"])

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# at the chosen λ; at λ = 0.1
train = 100 * l2.at_chosen(l2.train_accuracy)
strongest = 100 * l2.test_accuracy[:, :, -1]
moved = paired_interval(train0[at150], train[at150])
changed = paired_interval(plain[at150], strongest[at150])
claim("At n = 150 the chosen λ lowers training accuracy by more than 5 (points).",
      measured=moved,
      kind="measured", id="l2-fits-less", holds=lambda points: points.between(low=5))
claim("At n = 150, λ = 0.1 is worse than no L2 on test rows (points).",
      measured=changed,
      kind="measured", id="l2-too-strong", holds=lambda points: points.between(low=0))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("myth-train",
       "more than 5 points" if moved.between(low=5) else "1 to 5 points"
       if moved.between(1, 5) else "less than a point" if moved.between(high=1)
       else None, rests="l2-fits-less")
reveal("myth-test", {True: "down", False: "up"}.get(changed.between(low=0)),
       rests="l2-too-strong")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the fourth myth, that L1 only shrinks
#
# This question needs no training.

# %% tags=["deeper"]
predict("myth-l1",
        "Does L1 only shrink weights, as L2 does, or set some exactly to zero?",
        ["only shrinks", "sets some to zero"])

# %% [markdown]
# One weight that the data want at $a$: $\frac12(w-a)^2$ plus a penalty. With $\frac\lambda2w^2$ the lowest point is $\frac{a}{1+\lambda}$, 0 only if $a$ is.
# With $\lambda|w|$ the slope is $w-a+\lambda$ right of 0 and $w-a-\lambda$ left of it. If $|a|\le\lambda$, the first is never negative, the second never positive, and the lowest point is 0, *exactly*. Else the slope is 0 at $a$ moved towards 0 by λ.

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("myth-l1", "sets some to zero",
       because="its slope does not fade near 0; whether "
               "your optimizer gets there is lesson 02")

# %% [markdown]
# Now not by slopes: every $w$ from −2 to 2 in steps of a hundred-thousandth, with 0 among them.

# %% tags=["deeper", "nbval-check-output"]
w = torch.arange(-200_000, 200_001, dtype=torch.float64) / 100_000
lowest = {a: w[((w - a) ** 2 / 2 + 0.5 * w.abs()).argmin()].item()
          for a in (1.5, 0.5, 0.3, -0.4, -2.0)}
# by 0.5 towards 0
shrunk = {a: 0.0 if abs(a) <= 0.5 else math.copysign(abs(a) - 0.5, a) for a in lowest}
claim("With L1, λ = 0.5, the best weight is exactly 0 where |a| ≤ 0.5, and else a "
      "moved by 0.5; with L2 it is a/1.5.",
      measured=lowest,
      holds=lambda at: all(at[a] == 0 if shrunk[a] == 0
                           else abs(at[a] - shrunk[a]) < 1e-9 for a in at)
            and all(abs(w[((w - a) ** 2 / 2 + 0.25 * w**2).argmin()].item() - a / 1.5)
                    < 1e-5 for a in at))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: not every regularizer is a penalty
#
# The tutorial has it that regularization "adds a penalty to the model's complexity". That is one kind; of the five that another tutorial lists as the major ones (L2, L1, data augmentation, dropout, early stopping) it is two. Others change the data, the network while it trains (dropout, stochastic depth), its targets (label smoothing) or just the time.
#
# **Data augmentation** adds copies with a change that should not matter, here a shift by one pixel in any of eight directions. 300 clean digits, 1000 steps, twenty seeds. Two doses: 30 % of what is trained on is shifted, or 8 in 9. Beside them, 600 digits without shifts (the 300 among them; tested on the rows that are then left).
# *Helps* means more test accuracy than 300 plain digits, in points; then the same on test images that are shifted themselves.

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
    claim(f"“{arm}” is better than 300 plain digits (points).", kind="measured", id=key,
          measured=paired_interval(as_they_are[arm], as_they_are["300"]),
          holds=lambda points: points.between(low=0))
claim("On shifted test images the 30 % gain more than 20 points.",
      kind="measured", id="shifted-on-shifted",
      measured=paired_interval(on_shifted["300, 30 % shifted"], on_shifted["300"]),
      holds=lambda points: points.between(low=20))

# %% [markdown]
# An augmentation states what you expect at test time. These digits are all centred, so a shift by an eighth of the image is not "the same with a twist" but something the test set never shows: the dose decides. Where such shifts do occur, compare it with the other way out, twice as many digits without any: the last row above.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: early stopping is ridge, nearly
#
# Least squares, loss $\frac{1}{2n}\lVert Xw - y\rVert^2$, started at zero. Along each direction of the data, with $d^2$ the eigenvalue of $X^\top X/n$ there, everything happens on its own:
#
# | | part of the least-squares solution that is let through |
# |---|---|
# | gradient flow (infinitely small steps) until time $t$ | $1 - e^{-t d^2}$ |
# | gradient descent, $t$ steps of size $\eta$ | $1 - (1-\eta d^2)^t$ |
# | ridge, loss $+\ \frac\lambda2\lVert w\rVert^2$ | $\frac{d^2}{d^2+\lambda}$ |
#
# With $\lambda = 1/t$ and $z = td^2$, flow and ridge are $1-e^{-z}$ and $\frac{z}{1+z}$: two functions of one number, never more than 0.2036… apart (Ali, Kolter & Tibshirani 2019). The bias of flow is the smaller one, since $e^{-z} \le \frac1{1+z}$; its variance is at most 1.6859… times that of ridge. Estimation risk (of the weights) and in-sample risk (of the fitted values) both add up such directions with weights that are not negative, so for fixed $X$ and labels $Xw^*$ + uncorrelated noise of equal variance, the risks of flow stay within 1.69 times those of ridge, for every truth $w^*$.
#
# Descent keeps neither bound. Raise η in the picture.

# %% tags=["deeper"]
from course_lib.explorers import overfitting as explore

explore.filters.show(lr=1.9, steps=3)

# %% tags=["deeper", "nbval-check-output"]
from course_lib.overfitting import descent_filter, flow_filter, ridge_filter

z = torch.logspace(-6, 6, 200001, dtype=torch.float64)
flow, ridge = flow_filter(z, 1.0), ridge_filter(z, 1.0)
claim("Flow until t and ridge with λ = 1/t never differ by more than 0.2037, whatever "
      "the direction.",
      measured=(flow - ridge).abs().max().item(),
      holds=lambda most: 0.2036 < most < 0.2037)


def risk_ratio(filter, ridge, signal2):
    """Largest ratio of the risks of two filters, per direction: bias² (1 −
    filter)²·signal² plus variance filter²/z."""
    return max((((1 - filter) ** 2 * s + filter**2 / z)
                / ((1 - ridge) ** 2 * s + ridge**2 / z)).max().item() for s in signal2)


claim("The risk of flow stays within 1.69 times that of ridge, for signals from none "
      "to 10⁶ times the noise.",
      measured=risk_ratio(flow, ridge, (0.0, 1e-3, 1.0, 1e3, 1e6)),
      holds=lambda most: 1.685 < most <= 1.69)

# %% tags=["deeper", "nbval-check-output"]
# one direction with d² = 1, and few large steps
steep = torch.ones((), dtype=torch.float64)
far = {f"η = {lr}, {steps} step(s)": (descent_filter(steep, steps, lr)
                                      - ridge_filter(steep, 1 / (lr * steps))).item()
       for lr, steps in ((0.01, 100), (1.0, 1), (1.9, 1), (1.9, 3))}
claim("Large steps part from ridge by more than 0.2036; "
      "steps of 0.01 up to the same t = 1 do not.",
      measured=far,
      holds=lambda far: min(list(far.values())[1:]) > 0.2037 > list(far.values())[0])
claim("They exceed 1.69 too: one step of η = 1.9 has 8 times the variance of ridge.",
      measured=((descent_filter(steep, 1, 1.9)
                 / ridge_filter(steep, 1 / 1.9)) ** 2).item(),
      holds=lambda ratio: 8 < ratio < 9)

# %% [markdown]
# So for least squares, with small steps, a training time is a regularization strength: stopping ten times as early is like a λ ten times as large.
# One run of descent passes all of them on its way. Ridge gets all of them from one eigendecomposition, but only where the loss is quadratic.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# Your own loop needs five lines more, those with `stopping` and what belongs to them:

# %% tags=["nbval-check-output"]
from course_lib.data import digits

rows = digits(300, 100, label_noise=0.2)
network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(),
                              torch.nn.Linear(128, 10))
optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
loss_of = torch.nn.functional.cross_entropy
stopping = EarlyStopping(patience=10)
for _ in range(500):
    for batch in torch.randperm(300).split(50):
        optimizer.zero_grad()
        loss_of(network(rows.train_x[batch]), rows.train_y[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        if stopping.step(loss_of(network(rows.validation_x), rows.validation_y),
                         network):
            break
stopping.restore(network)  # where the epochs end before the patience does
print("stopped early:", stopping.stopped)

# %% [markdown]
# **Three sets.** Train on one, choose on the second (patience, λ, width), report on the third, once. Statistics for scaling belong to the training rows alone.

# %%
quiz("Training loss 0.01 and validation loss 0.01, test loss 1.4, all three sets drawn "
     "from one source. What happened?",
     {"The model overfits: add weight decay.":
          "It does memorise. But then the validation loss would show it: it too is new "
          "data, unless it is not.",
      "The model underfits: make it wider.":
          "A loss of 0.01 on its training data is no underfitting.",
      "Validation rows were trained on.":
          "They, or twins of them: only rows that were trained on have a loss as low "
          "as that while new ones have 1.4. A leak hides overfitting.",
      "Stop earlier.": "By which curve? The validation loss no longer says when."},
     answer="Validation rows were trained on.")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: patience, NaN, and other conventions
#
# - **Patience** of 5 to 20 evaluations, longer where the loss is noisy; a schedule that lowers the learning rate late may still improve after a long flat stretch.
# - **Before you train, look for NaN in the data**: one bad row poisons every weight in one step. `course_lib.data.Split.check()` names row and column.
# - **The lowest of many losses** is found wrongly where one is NaN: `torch.argmin` takes the NaN wherever it stands, Python's `min` where it comes first.
# - **Elsewhere.** `torch.optim.lr_scheduler.ReduceLROnPlateau(patience=p)` acts at evaluation $p+1$ without improvement, ours and Lightning's stop at $p$. Keras restores the best weights only with `restore_best_weights=True`. PyTorch itself has no early stopping.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - Both errors are high and close, and the labels can be trusted: that is bias, and more regularization seldom helps; use a richer model, or train longer.
# - A tiny validation set: with 100 rows and 90 % right, one standard error is 3 points, and early stopping picks among accidents; repeat over seeds or cross-validate.
# - Much data, one epoch: each batch is new when its loss is taken, so there is no gap to close. (Decay may help the *optimization*: lesson 03.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | question | answer |
# |---|---|
# | what is the error made of? | bias² (wrong together) + variance (wrong apart) + noise, exactly |
# | can a network memorise anything? | random labels can be learned, and nothing follows for new ones |
# | what happens beyond $d = n$? | unregularized a peak, and beyond it the error falls (*Deeper*: for a growing model, a second descent); with tuned λ no peak |
# | does regularization replace data? | it can be worth many examples, and more of them can still help |
#
# Now write it yourself: **`01_overfitting_exercises.ipynb`**.
#
# **Sources.** Geman, Bienenstock & Doursat, *Neural Networks and the Bias/Variance Dilemma*, 1992. Prechelt, *Early Stopping – But When?*, 1998. Zhang, Bengio, Hardt, Recht & Vinyals, *Understanding Deep Learning Requires Rethinking Generalization*, ICLR 2017 (arXiv:1611.03530).
# Neal et al., *A Modern Take on the Bias-Variance Tradeoff in Neural Networks*, 2018 (arXiv:1810.08591). Belkin, Hsu, Ma & Mandal, *Reconciling Modern Machine-Learning Practice and the Classical Bias–Variance Trade-off*, PNAS 2019 (arXiv:1812.11118).
# Hastie, Montanari, Rosset & Tibshirani, *Surprises in High-Dimensional Ridgeless Least Squares Interpolation*, 2019 (arXiv:1903.08560). Ali, Kolter & Tibshirani, *A Continuous-Time View of Early Stopping for Least Squares Regression*, AISTATS 2019 (arXiv:1810.10082).
# Dobriban & Wager, *High-Dimensional Asymptotics of Prediction: Ridge Regression and Classification*, Annals of Statistics 2018 (arXiv:1507.03003). Nakkiran, Venkat, Kakade & Ma, *Optimal Regularization Can Mitigate Double Descent*, ICLR 2021 (arXiv:2003.01897).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** a colleague who judges a model by its training accuracy. *Draw* twenty points and three curves through them, one too stiff, one too supple, one about right. Below it bias and variance against the degree, and where their sum is lowest. *Disarm* the sentence "regularization always improves the test score". *And ask back:* All training labels are drawn by lot, and the network gets every one of them right. What has it learned?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("overfitting")

# %% slideshow={"slide_type": "skip"}
recall("overfitting")

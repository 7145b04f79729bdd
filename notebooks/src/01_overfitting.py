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
# A model is fitted to examples, and is meant for what is not among them. What it gets wrong there beyond what it gets wrong on its own examples is the **generalization gap**. **Regularization** is whatever is done to get less wrong there, though it helps nothing on the model's own examples.
# Which models have a large one? "Those with too many parameters", one hears. We measure it: on polynomials, on networks, and beyond the point where a model fits everything.
#
# *55 minutes; sections called* Deeper *are folded, and extra. You need lesson 00.*

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

from course_lib.statistics import mean_interval, paired_interval
from course_lib.overfitting import (EarlyStopping, bias_variance, excess_risk,
                                    generalization_gap)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Twenty points
#
# Somewhere behind these points is a smooth curve; each point lies off it by a random error. A polynomial of the degree that you choose is fitted to them by least squares. The truth stays hidden for now.
#
# **Do this**: drag the degree from 0 to 12.  **Notice**: from which degree on would you no longer believe the curve?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=1, errors="hidden")

# %% [markdown]
# At the end of this lesson you can
# - split an error into bias, variance and noise, and read off which one hurts;
# - stop training in time, with the right weights;
# - say what the test error does when a model grows past the point where it fits every label, and what regularization has to do with it.

# %%
predict("degree",
        "Which degree comes closest to new points from the same source, on average "
        "over many such data sets?",
        ["1", "3", "12"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network that memorises, in plain PyTorch
#
# Does a network do what a high degree does? Here is a loop to copy: 300 images of digits to learn from, and *one label in five is wrong*. It trains 160 rounds, and then looks at two sets of weights: the last, and those that were best on 100 more digits, which it never trained on.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from course_lib.data import digits
data = digits(300, 100, label_noise=0.2, scale="unit")  # the test labels are right
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
    if loss < best:  # clone: the dictionary alone would go on changing
        best, kept = loss, {k: w.clone() for k, w in model.state_dict().items()}
for name, weights in (("last", model.state_dict()), ("best", kept)):
    model.load_state_dict(weights)
    learned = (model(data.train_x).argmax(1) == data.train_y).float().mean()
    right = (model(data.test_x).argmax(1) == data.test_y).float().mean()
    print(f"{name} weights: training {learned:.1%}, test {right:.1%} right")

# %% [markdown]
# The last weights give back nearly every training label, wrong ones too, and are the worse ones on new images. One seed; *Stop in time* below asks twelve, and every setting. First: what *is* the error made of?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two hundred times twenty points
#
# One data set is an accident. So we draw 200, fit each, and look at all fits at once. *Left:* the band holds 80 % of the fits, the dashed line is their mean. *Right:* the mean errors, against the degree; the **validation** error is on points that no fit has seen.
#
# **Do this**: move the degree from 0 to 12.  **Notice**: first the mean, then the band: which leaves the truth?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.polynomials.show(degree=12)

# %% [markdown]
# *Higher* and *lower* mean, as on the [first page](index.ipynb), that the whole 95 % interval of the difference, printed as mean [low, high], lies on that side of 0; one that holds 0 is *inconclusive*. It runs over the 200 data sets, and later over seeds: split, start, batch order, always of the same 1797 digits.

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what the picture was drawn from
fits = explore.polynomials.explorer.compute(degree=3, noise=0.3, rows=20)[0]
worse = {degree: paired_interval(fits.validation_error[degree],
                                 fits.validation_error[3]) for degree in (1, 12)}
for degree in (1, 12):
    claim(f"Degree {degree} has a higher validation error than degree 3.",
          measured=worse[degree], kind="measured", id=f"degree-{degree}-worse",
          holds=positive)
gaps = generalization_gap(fits.train_error, fits.validation_error).mean(1)
print("gap at degree 1, 3, 12:", *(f"{gaps[degree]:.2f}" for degree in (1, 3, 12)))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("degree", from_interval={"3": positive(worse)},
       rests="degree-1-worse, degree-12-worse")

# %% [markdown]
# The training error only ever falls, for every degree contains the lower ones; the validation error falls and rises again. The gap alone does not tell: degree 1 has a small one and is bad all the same. That is **underfitting**: the model is too stiff even for what all such data sets share.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Bias, variance, noise
#
# Why are both ends bad, and for different reasons? By hand: two fits say 1 and 3 where the truth is 1. Their mean, 2, is off by 1, and each is off their mean by 1. The mean squared error is $(0 + 4)/2 = 2 = 1^2 + 1^2$.
#
# In general call the truth $f$, a fit $\hat f$, and the mean of the fits over all training sets $\bar f$. A new label is $y = f + \varepsilon$, with an error $\varepsilon$ of mean 0 and variance $\sigma^2$, independent of the fit. At any point,
#
# $$\hat f - y = (\hat f - \bar f) + (\bar f - f) - \varepsilon .$$
#
# Square, and average over training sets and new labels. The first part has mean 0 by the definition of $\bar f$, so has the last, the two are independent, and no cross term is left:
#
# $$\underbrace{\mathbb E(\hat f - y)^2}_{\text{expected error}} = \underbrace{(\bar f - f)^2}_{\text{bias}^2} + \underbrace{\mathbb E(\hat f - \bar f)^2}_{\text{variance}} + \underbrace{\sigma^2}_{\text{noise}} .$$
#
# **Bias** is what the fits get wrong *together*; **variance** is how much they disagree; **noise** is nobody's fault.

# %%
show_source(bias_variance)

# %% [markdown]
# **Do this**: in the picture above raise the *noise*, then give it 200 *training points*.  **Notice**: which of the three parts follows each, at degree 1, 3 and 12?
#
# At degree 3 ten times the points take the variance to a tenth; at degree 1 bias² stays, for more of the same data does not bend a line. (It climbs a little on the right: the mean of 200 fits is itself off by a 200th of the variance.)
#
# **Too much bias: a richer model. Too much variance: more data, or less freedom,** which is what this course is about.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: every case there is, and what a second opinion is worth
#
# Not an estimate but every case: six points with errors of exactly ±0.3 make $2^6 = 64$ possible training sets, and a new label has two possible values.
#
# The mean of two fits to *independent* training sets has the same bias and half the variance: an **ensemble**. All $64^2$ pairs say so. In practice its members share the data, so only what differs between them, start and batch order, averages out (lesson 06 compares one with dropout).

# %% tags=["deeper"]
import itertools

x = torch.linspace(-1, 1, 6, dtype=torch.float64)
new = torch.tensor([-0.5, 0.3, 0.9], dtype=torch.float64)
# 64 training sets
signs = torch.tensor(list(itertools.product((-0.3, 0.3), repeat=6)),
                     dtype=torch.float64)
truth, apart, of_pairs = torch.sin(math.pi * new), {}, {}
for degree in (1, 3, 5):
    # least squares: what it says at new = features there · pinv(features at x) · y
    powers = torch.arange(degree + 1)
    fitted = ((torch.sin(math.pi * x) + signs)
              @ (new[:, None] ** powers @ torch.linalg.pinv(x[:, None] ** powers)).T)
    expected = torch.stack([(fitted - truth - error) ** 2
                            for error in (-0.3, 0.3)]).mean((0, 1))
    bias2, variance = bias_variance(fitted, truth)
    apart[degree] = expected - (bias2 + variance + 0.3**2)
    pairs = ((fitted[:, None] + fitted) / 2).flatten(0, 1)
    of_pairs[degree] = torch.stack(bias_variance(pairs, truth)) \
        - torch.stack((bias2, variance / 2))

# %% tags=["deeper", "nbval-check-output"]
claim("bias² + variance + noise is the expected squared error at every new point, for "
      "every degree.",
      measured=torch.stack([*apart.values()]), holds=within(1e-13))
claim("The mean of two independent fits has the bias of one and half its variance.",
      measured=torch.stack([*of_pairs.values()]).flatten(), holds=within(1e-13))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same points, and a network
#
# Do more parameters mean more variance? A ReLU network with 32 hidden units has 97 weights and biases for these 20 points, a polynomial of degree 12 has 13 coefficients. We train 200 networks of each width, each on its own data set and from its own start, by 1000 steps of Adam, in which each weight has a step size of its own (lesson 04).

# %%
predict("width", "From 8 hidden units to 32, the variance of the networks …",
        ["rises", "falls"])

# %% [markdown]
# **Do this**: go through the widths.  **Notice**: where along $x$ is the band wide, here and for degree 12 above?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.networks.show(width=32)

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what is claimed
from course_lib.experiments.overfitting import bias_variance as small

*_, nets = small.networks(20, 0.3)
narrow, wide = nets.complexities.index(8), nets.complexities.index(32)
wider = paired_interval(nets.spread(wide), nets.spread(narrow))
print(f"variance over all x: 97 numbers {nets.spread(wide).mean():.3f}, 13 numbers "
      f"{fits.spread(12).mean():.3f}; for |x| < 0.9: "
      f"{nets.spread(wide, 0.9).mean():.3f} and {fits.spread(12, 0.9).mean():.3f}")
claim("32 hidden units have less variance than 8, after 1000 steps.",
      measured=wider, kind="measured", id="wide-varies-less", holds=negative)
claim("32 hidden units have a lower validation error than 8, after 1000 steps.",
      measured=paired_interval(*nets.validation_error[[wide, narrow]]),
      kind="measured", id="wide-lower", holds=negative)
claim("97 numbers have less variance than 13 also away from the edges, for |x| < 0.9.",
      measured=paired_interval(nets.spread(wide, 0.9), fits.spread(12, 0.9)),
      kind="measured", id="net-varies-less-inside", holds=negative)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("width", from_interval={"falls": negative(wider), "rises": positive(wider)},
       rests="wide-varies-less")

# %% [markdown]
# So the number of parameters alone does not say how freely a model moves. Most of the polynomial's variance sits at the two edges, where nothing holds it; but in between, too, the 97 numbers vary less. A wide network, started small and moved in small steps, need not swing. (Narrow ones are less far after 1000 steps: see their training error. Neal et al. 2018 found a variance that can fall with width in larger networks.)
#
# Whether a model *can* memorise is another question. Ask it directly.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Labels by lot
#
# 1000 digits, and for every one a label drawn by lot: nothing to learn. A network with 256 hidden units, 2000 steps of SGD with momentum, batches of 100, three seeds.

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
# what is claimed
learned = found.train_accuracy["random"].max(1).values  # best step of each seed
claim("Every random training label is learned, with each of the three seeds.",
      measured=learned.min().item(), kind="checked", holds=equal(1))

# %% jupyter={"outputs_hidden": true}
# what came out
share = learned.mean().item()
reveal("lots", from_interval={"above 90 %": above(0.9)(share),
                              "30 to 90 %": between(0.3, 0.9)(share),
                              "below 30 %": below(0.3)(share)},
       because=f"measured: {share:.1%}")

# %% [markdown]
# One network, one optimizer, and labels that mean something or nothing: it learns both (Zhang et al. 2017, with a million photographs). What differs is how *long* it takes. That suggests a way out.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and on new random labels?
#
# The test labels are drawn by lot too, independently of everything else, so the hits of *any* predictor are binomial. That they lie where 95 % of guessers end is a check of our experiment: a leak would show.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.overfitting.memorise import guessing_interval

low, high = guessing_interval(found.rows)
print(f"{found.right()} hits among {found.rows}; 95 % of guessers: {low} to {high}")
claim("On new random labels it is a guesser: its hits lie in the binomial interval.",
      measured=found.right(), kind="checked", false_alarm=0.05,
      holds=between(low - 1, high + 1))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Stop in time
#
# Does a network learn what labels have in common *before* it learns the exceptions (Arpit et al. 2017)? Then one should stop between. The network of the plain loop again, with one label in five wrong, and 100 **validation** digits, wrong as often, to say when. Test labels are right, here and below, so that we see what was learned.
# **Early stopping** keeps the weights of the best validation loss, and stops when it has not improved for `patience` evaluations.

# %%
show_source(EarlyStopping.step)

# %% [markdown]
# An improvement is *strictly* below the best so far; a loss that is NaN is never the best; `copy_of` copies the numbers, where `best = model.state_dict()` would keep references that go on changing.
# By hand, patience 2: losses 5, 3, NaN, 4. The best is number 1 (counted from 0); after two evaluations without improvement it stops, at number 3.

# %% tags=["nbval-check-output"]
small_model, stopping = torch.nn.Linear(1, 1, bias=False), EarlyStopping(patience=2)
for number, loss in enumerate((5.0, 3.0, float("nan"), 4.0, 2.0)):
    # stands for an epoch of training
    torch.nn.init.constant_(small_model.weight, float(number))
    if stopping.step(loss, small_model):
        break
claim("It stops at evaluation 3, and the weights are those of evaluation 1 again.",
      measured=[number, small_model.weight.item()], holds=equal([3, 1.0]))

# %% [markdown]
# Now on digits, evaluated every 20 of 1000 steps, at all patiences and twelve seeds. We compare what patience 5 keeps with the weights of step 1000, in points of test accuracy. *No difference* means within ±1.

# %%
predict("clean", "With every label right, early stopping moves test accuracy by …",
        ["above +1 point", "within 1 point of 0", "below −1 point"])

# %% [markdown]
# **Do this**: raise the patience from 1 to 50, then set the wrong labels to 0.  **Notice**: at which patience is the best moment missed, and do the two panels turn at the same step?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.early_stopping.show()

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what is claimed
from course_lib.experiments.overfitting.early_stopping import curves

(*_, noisy), (*_, clean) = curves(0.2), curves(0.0)
gain, clean_gain = (paired_interval(100 * run.kept_accuracy(5),
                                    100 * run.test_accuracy[:, -1])
                    for run in (noisy, clean))
claim("Where it stops, more than 90 % of the right labels are learned, and fewer than "
      "20 % of the wrong ones.",
      measured={"right": mean_interval(noisy.kept(noisy.right_fitted, 5)),
                "wrong": mean_interval(noisy.kept(noisy.wrong_fitted, 5))},
      kind="measured", id="common-first",
      holds=each(right=above(0.9), wrong=below(0.2)))
claim("With 20 % wrong labels early stopping helps (points).", measured=gain,
      kind="measured", id="stopping-noisy", holds=positive)
claim("With clean labels it makes no difference of a point.", measured=clean_gain,
      kind="measured", id="stopping-clean", holds=between(-1, 1))
print(f"wrong labels learned at step 1000: {noisy.wrong_fitted[:, -1].mean():.0%}")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("clean", from_interval={"above +1 point": above(1)(clean_gain),
                               "within 1 point of 0": within(1)(clean_gain),
                               "below −1 point": below(-1)(clean_gain)},
       rests="stopping-clean", because=f"measured: {clean_gain}")

# %% [markdown]
# So what labels have in common is learned first, and stopping between keeps it. The best validation loss is the lowest of many, so it flatters: report the *test* error. Step 1000 is but a yardstick, and whether those 100 digits were worth more as training data is not asked here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Beyond the point where everything fits
#
# What if one does not stop, and the model is as large as you like? Back to least squares, with $n = 30$ rows. Each row has $d$ features, independent standard normal numbers; its label is a weighted sum of them plus an error with standard deviation $\sigma = 0.5$. The true weights have length 1 together, whatever $d$ is.
# From $d = 30$ on, some weights fit every label. Many do, then; we take the *shortest*, which gradient descent from zero finds (lesson 00, *Deeper*). The error shown is the squared distance from the true weights β: the error on new data, beyond the noise.

# %%
predict("peak",
        "As d grows from 2 to 300 with n = 30, the median error on new data …",
        ["rises all the way", "rises to a peak near d = n, then falls"])

# %% [markdown]
# **Do this**: raise the penalty λ from 0.  **Notice**: what becomes of the peak, and what of the right end?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import overfitting as explore

explore.minimum_norm.show()

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what is claimed
from course_lib.experiments.overfitting.double_descent import FEATURES, minimum_norm

medians = {d: minimum_norm(d, 0.5).median().item() for d in FEATURES}
top = max(medians, key=medians.get)
lowest = min(medians[d] for d in FEATURES if d > 30)
print(f"highest median at d = {top}: {medians[top]:.3g}; lowest beyond 30: "
      f"{lowest:.2g}; at d = 300: {medians[300]:.2g}")
claim("The median of 500 data sets is highest within 3 of d = n, and beyond it falls "
      "below a tenth of that.",
      measured=[top - 30, lowest / medians[top]], kind="checked",
      holds=each(between(-4, 4), below(0.1)))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("peak", from_interval={
    "rises to a peak near d = n, then falls": between(-4, 4)(top - 30),
    "rises all the way": equal(300)(top)}, because=f"highest at d = {top}")

# %% [markdown]
# Near $d = n$ some direction of the data has almost no extent; to fit the labels, weights in that direction must be huge. Beyond, more and more directions share the work: a **double descent** where the model grows with one truth (*Deeper*). Here the truth is spread over ever more features, of which 30 rows show less and less, and slowly the error climbs back to 1, where nothing is learned.
#
# The penalty adds $\lambda\lVert w\rVert^2$, λ times the squared length of the weights, to the mean squared error: **ridge**. It forbids the huge weights, and the peak melts; the dash-dotted line has the best λ at every $d$.
# So the peak belongs to fits *without* regularization that can only just fit. And fitting every label need not harm: where the noise is spread over very many directions that hardly matter, a fit through all labels can predict nearly as well as possible, *benign overfitting* (Bartlett et al. 2020).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the law of the peak, and the best λ
#
# The error beyond the noise has the exact mean (for $d < n-1$ Breiman & Freedman 1983, for both sides Belkin, Hsu & Xu 2020; Hastie et al. 2019 treat the limit of large $n$ and $d$)
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
      measured=max(map(abs, off.values())), kind="checked", false_alarm=0.05,
      holds=below(3))
claim("At d = n − 1, n and n + 1 the law is infinite.",
      measured=[excess_risk(30, d, 0.5) for d in (29, 30, 31)],
      holds=equal([math.inf] * 3))
at_best = [minimum_norm(d, 0.5, 0.5**2 * d / 30).mean().item() for d in FEATURES]
claim("With λ = σ²d/n at every d there is no peak: the mean rises all the way.",
      measured=at_best, kind="checked", holds=ordered)

# %% [markdown] tags=["deeper"]
# Within 3 of $n$ (at λ = 0) the variance of a single data set's error is infinite: no number of data sets gives a standard error, and the blue dots there are accidents (that of $d = 30$ may lie far above the picture). Hence the medians.

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
         "with neither"])

# %% [markdown] tags=["deeper"]
# **Do this**: move *wrong labels* from 20 % to 0.  **Notice**: at which width is the peak, and does the right end come below the best width left of it?

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
from course_lib.explorers import overfitting as explore

explore.random_features.show()

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
from course_lib.experiments.overfitting.double_descent import WIDTHS, random_features

(*_, noisy_world), (*_, clean_world) = random_features(0.2), random_features(0.0)
error, error_tuned = 100 * noisy_world.test_error[:, :, 0], 100 * noisy_world.tuned()
f60, f150, f300 = map(WIDTHS.index, (60, 150, 300))
claim("Without ridge the test error peaks at 300 features (points above that at 60).",
      kind="measured", id="peak-without-ridge",
      measured=paired_interval(error[f300], error[f60]), holds=above(20))
claim("With tuned ridge the peak is gone (points above the error at 150).",
      kind="measured", id="peak-with-ridge",
      measured=paired_interval(error_tuned[f300], error_tuned[f150]), holds=below(3))
ends = [world.widest_and_best_below(300) for world in (noisy_world, clean_world)]
wrong, clean = (paired_interval(100 * widest, 100 * best) for widest, best in ends)
for key, labels, points in (("0.2", "20 % wrong", wrong), ("0", "clean", clean)):
    claim(f"With {labels} labels, 3000 features end below the best width under 300 "
          "(points).",
          measured=points, kind="measured", id=f"second-descent-{key}", holds=negative)

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
both = {"wrong": wrong, "clean": clean}
reveal("second", from_interval={
    "yes, with wrong and with clean labels": negative(both),
    "only with clean labels": each(wrong=positive, clean=negative)(both),
    "with neither": positive(both)}, rests="second-descent-0.2, second-descent-0")

# %% [markdown] tags=["deeper"]
# The dotted line counts wrong training *digits*; the squared error, which is what is fitted, reaches 0 only at 300 features, one for each row, and there the peak stands.
# "More parameters overfit more" describes the way up, not the way down, nor the dashed line. The peak is what *unregularized* fits do where they can only just fit (Belkin et al. 2019; Nakkiran et al. 2021).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can regularization replace data?
#
# One reads that it can, and also that it is weak where data are few. Here is one experiment for both. **L2** adds $\frac\lambda2\lVert w\rVert^2$ to the loss; of seven strengths from 0 to 0.1, the one with the lowest loss on 100 validation rows is chosen.
# A 64-64-10 network, SGD with momentum 0.9, learning rate 0.1, 600 steps; $n$ = 50, 150, 450 digits, each set within the next; ten seeds; once with 20 % wrong labels, once with clean ones.
#
# The **benefit** is test accuracy at the chosen λ minus that at λ = 0, in points.

# %%
predict("small-n", "With wrong labels: where does tuned L2 gain more?",
        ["from 50 examples", "from 150 examples"])

# %%
predict("myth-data",
        "With wrong labels, once λ is tuned: are three times the examples (450 for "
        "150) still worth anything?",
        ["no longer", "they still are"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.overfitting.tuned_l2 import tune

(*_, l2), (*_, l2_clean) = tune(), tune(noise=0.0)
benefit, benefit_clean = 100 * l2.benefit(), 100 * l2_clean.benefit()  # [sizes, seeds]
for labels, world in (("20 % wrong labels", l2), ("clean labels", l2_clean)):
    tuned, plain = world.at_chosen(world.test_accuracy), world.test_accuracy[:, :, 0]
    train = world.train_accuracy[:, :, 0]
    print(f"{labels}\n   n   benefit   test: at λ = 0, tuned   training at λ = 0")
    for n, *row in zip(world.rows, tuned.mean(1), plain.mean(1), train.mean(1)):
        print(f"{n:>4} {100 * (row[0] - row[1]):9.1f} {100 * row[1]:15.1f} "
              f"{100 * row[0]:7.1f} {100 * row[2]:19.1f}")

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what is claimed
at50, at150, at450 = range(3)  # rows of the table
tuned, tuned_clean = (100 * it.at_chosen(it.test_accuracy) for it in (l2, l2_clean))
plain, plain_clean = (100 * it.test_accuracy[:, :, 0] for it in (l2, l2_clean))
more_at_150 = paired_interval(benefit[at150], benefit[at50])
more_rows = paired_interval(tuned[at450], tuned[at150])
claim("20 % wrong labels: tuned L2 gains less from 50 examples than from 150 (points).",
      measured=more_at_150, kind="measured", id="l2-gains-50", holds=positive)
claim("Clean labels: the two gains are within a point of each other.",
      measured=paired_interval(benefit_clean[at150], benefit_clean[at50]),
      kind="measured", id="l2-gains-clean", holds=within(1))
claim("20 % wrong labels: 450 examples beat 150, both with tuned L2 (points).",
      measured=more_rows, kind="measured", id="more-rows-beat", holds=positive)
claim("20 % wrong labels: 150 examples with tuned L2 beat 450 without (points).",
      measured=paired_interval(tuned[at150], plain[at450]),
      kind="measured", id="l2-beats-rows", holds=positive)
claim("Clean labels: 150 examples with tuned L2 beat 450 without (points).",
      measured=paired_interval(tuned_clean[at150], plain_clean[at450]),
      kind="measured", id="l2-beats-rows-clean", holds=positive)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("small-n", from_interval={"from 150 examples": positive(more_at_150),
                                 "from 50 examples": negative(more_at_150)},
       rests="l2-gains-50")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("myth-data", from_interval={"they still are": positive(more_rows),
                                   "no longer": negative(more_rows)},
       rests="more-rows-beat")

# %% [markdown]
# Training labels are right four times in five, so clearly more than 80 % in the last column means wrong ones learned by heart. That is what L2 prevents here: with wrong labels it is worth three times the data, with clean ones it gains half a point and replaces nothing.
# So the answer depends on *what is wrong with the data*, more than on how many there are. And 600 steps are 600 rounds through 50 examples and 67 through 450: another budget may move these figures.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does it always raise training accuracy, and test accuracy?
#
# Two more myths, asked of the same networks. An *always* falls by one counterexample.

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
fitted = 100 * l2.at_chosen(l2.train_accuracy)
strongest = 100 * l2.test_accuracy[:, :, -1]
moved = paired_interval(100 * l2.train_accuracy[at150, :, 0], fitted[at150])
changed = paired_interval(plain[at150], strongest[at150])
claim("At n = 150 the chosen λ lowers training accuracy by more than 5 (points).",
      measured=moved, kind="measured", id="l2-fits-less", holds=above(5))
claim("At n = 150, λ = 0.1 is worse than no L2 on test rows (points).",
      measured=changed, kind="measured", id="l2-too-strong", holds=positive)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("myth-train", from_interval={"more than 5 points": above(5)(moved),
                                    "1 to 5 points": between(1, 5)(moved),
                                    "less than a point": below(1)(moved)},
       rests="l2-fits-less")

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("myth-test", from_interval={"down": positive(changed), "up": negative(changed)},
       rests="l2-too-strong")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a third myth, that L1 only shrinks
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
lowest_l2 = {a: w[((w - a) ** 2 / 2 + 0.25 * w**2).argmin()].item() for a in lowest}
claim("With L1, λ = 0.5, the best weight is exactly 0 where |a| ≤ 0.5, and else a "
      "moved by 0.5; with L2 it is a/1.5.",
      measured=[[lowest[a] for a in (0.5, 0.3, -0.4)],
                [lowest[1.5] - 1.0, lowest[-2.0] + 1.5],
                [lowest_l2[a] - a / 1.5 for a in lowest_l2]],
      holds=each(equal([0, 0, 0]), within(1e-9), within(1e-5)))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: not every regularizer is a penalty
#
# A penalty on the weights is one kind. Others change the data, the network while it trains (dropout, stochastic depth), its targets (label smoothing) or just the time.
#
# **Data augmentation** adds copies with a change that should not matter, here a shift by one pixel in any of eight directions. 300 clean digits, 1000 steps, twelve seeds. Two doses: 30 % of what is trained on is shifted, or 8 in 9. Beside them, 600 digits without shifts (the 300 among them; tested on the rows that are then left).
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
    claim(f"“{arm}” is better than 300 plain digits (points).",
          measured=paired_interval(as_they_are[arm], as_they_are["300"]),
          kind="measured", id=key, holds=positive)
claim("On shifted test images the 30 % gain more than 20 points.",
      measured=paired_interval(on_shifted["300, 30 % shifted"], on_shifted["300"]),
      kind="measured", id="shifted-on-shifted", holds=above(20))

# %% [markdown] tags=["deeper"]
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
# Descent keeps neither bound.
#
# **Do this**: raise the learning rate η at three steps.  **Notice**: which directions does descent let through more than ridge does?

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

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# In the plain loop `EarlyStopping` replaces the bookkeeping, and ends the training as well:

# %%
torch.manual_seed(0)
network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
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
# - Much data, one epoch: each batch is new when its loss is taken, so there is no gap to close.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | expected error = bias² (wrong together) + variance (wrong apart) + noise |
# | PyTorch | torch has no early stopping: keep `{k: w.clone() for k, w in model.state_dict().items()}` of the best validation loss |
# | typical | patience of 5 to 20 evaluations; train on one set, choose on the second, report on the third, once |
# | double descent | without regularization a peak where the model can only just fit; with tuned λ none <!-- rests: peak-without-ridge, peak-with-ridge --> |
# | when not | training and validation error both high and close: that is bias; a validation set of a few rows; each row seen only once |
# | measured | with 20 % wrong labels early stopping helps, for right labels are learned first <!-- rests: stopping-noisy, common-first --> |
# | measured | tuned L2 can be worth three times the data where labels are wrong, and is not where they are clean <!-- rests: l2-beats-rows, not l2-beats-rows-clean --> |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write it yourself: **`01_overfitting_exercises.ipynb`**.
#
# **Sources.** Geman, Bienenstock & Doursat, *Neural Networks and the Bias/Variance Dilemma*, 1992 (the decomposition). Prechelt, *Early Stopping – But When?*, 1998 (criteria for stopping). Zhang, Bengio, Hardt, Recht & Vinyals, *Understanding Deep Learning Requires Rethinking Generalization*, ICLR 2017 (arXiv:1611.03530).
# Arpit et al., *A Closer Look at Memorization in Deep Networks*, ICML 2017 (arXiv:1706.05394). Neal et al., *A Modern Take on the Bias-Variance Tradeoff in Neural Networks*, 2018 (arXiv:1810.08591). Belkin, Hsu, Ma & Mandal, *Reconciling Modern Machine-Learning Practice and the Classical Bias–Variance Trade-off*, PNAS 2019 (arXiv:1812.11118).
# Breiman & Freedman, *How Many Variables Should Be Entered in a Regression Equation?*, JASA 1983. Belkin, Hsu & Xu, *Two Models of Double Descent for Weak Features*, SIAM Journal on Mathematics of Data Science 2020 (arXiv:1903.07571). Bartlett, Long, Lugosi & Tsigler, *Benign Overfitting in Linear Regression*, PNAS 2020 (arXiv:1906.11300).
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

"""Your own two arms compared honestly: equal budgets, paired on the same rows, one verdict.

    from course_lib import study

    plan = study.plan(
        {
            "plain": study.Arm(plain, lr=study.between(1e-4, 1e-1)),
            "dropout": study.Arm(dropped, lr=study.between(1e-4, 1e-1), p=[0.2, 0.5, 0.8]),
        },
        (x, y),  # tensors, or a Dataset of (x, y)
        matters=0.01,  # the smallest difference that you would act on
        folder="my_study",  # every fit is kept there; run again to go on
    )
    print(plan)  # what will be done, and what it costs
    found = plan.run()
    print(found)  # the verdict, with its interval
    found.page("my_study.html")  # for a colleague

plan        says what will be done, before anything is seen
Arm         a function that makes a module, what to try for each hyper-parameter, how to fit it
between     a range to draw from, instead of a list to choose from
fit         how an `Arm` is fitted unless it says otherwise: a plain PyTorch loop
Findings    what `Plan.run` found: verdicts, intervals, a picture, a page

What is done, in this order. A third of the rows is set aside for tuning. There every arm tries the
same number of settings on the same pilot divisions, and its best is frozen. From the pilots'
paired differences follows how many divisions would see a difference that matters. Then the
frozen arms are trained on those divisions, paired by rows and seed; the rows tested on were never
tuned on, and the interval is corrected for the overlap of divisions of one data set
(`statistics.corrected_interval`). Where even the most divisions that `plan` may take see no
difference so small, that is said before they are judged, and on the page.

Settings are tuned on fewer rows than they are judged on. What is best for few rows may not be for
many, of weight decay for one; and an epoch of more rows is more updates, unless `fit` is given
`steps`, the updates in all: `study.Arm(plain, lr=…, steps=[500])`.

Not the same as: rliable (github.com/google-research/rliable: bootstrap intervals of scores over
tasks and runs), autorank (github.com/sherbold/autorank: chooses among classical tests of many
methods on many data sets), deep-significance (github.com/kaleidophon/deep-significance: almost
stochastic order of two lists of scores). These judge scores that you bring, as if independent; none
tunes the arms with equal budgets, plans the number of divisions, or corrects for their overlap.
"""

from course_lib.study.arm import Arm, between, fit
from course_lib.study.findings import Findings
from course_lib.study.plan import Plan, plan

__all__ = ["Arm", "Findings", "Plan", "between", "fit", "plan"]

"""Does dropout help on a table of 178 wines? An honest comparison, without a notebook.

    python notebooks/examples/wine_study.py

The data come with scikit-learn. Interrupt it and run it again: it goes on. Replace `plain`,
`dropped` and the data by your own.
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

from course_lib import study


def plain():
    """One hidden layer."""
    return nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 3))


def dropped(p):
    """The same with dropout."""
    return nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 3))


def main():
    """Plan, run, say."""
    torch.set_num_threads(1)  # networks this small lose more by threads than they gain
    x, y = load_wine(return_X_y=True)
    rates = study.between(1e-3, 1e-1)
    plan = study.plan(
        {
            # updates in all: tuning sees fewer rows than judging, and is to train as long
            "plain": study.Arm(plain, lr=rates, steps=[60]),
            "dropout": study.Arm(dropped, lr=rates, p=[0.2, 0.5, 0.8], steps=[60]),
        },
        (torch.tensor(x, dtype=torch.float32), torch.tensor(y)),
        matters=0.02,  # one wine in fifty
        standardise=True,
        folder="build/wine_study",
    )
    print(plan.estimate())
    found = plan.run()
    print(found)
    print(found.page("build/wine_study/page.html"))


if __name__ == "__main__":
    main()

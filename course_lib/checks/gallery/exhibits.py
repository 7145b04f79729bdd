"""The debugging gallery: nine short scripts, each with a fault that teaching material once had.

Each is written anew for the course; only the kind of fault is theirs. `FAULTY` variants have the
fault, `SOUND` ones do not, though some of them have another. A variant is the script with passages
replaced: {name: ((old, new), …)}.
"""

from dataclasses import dataclass

FOUND = "the script as it was found"
MENDED = "the script, mended"
UNSETTLED = "mended, at a rate that has not settled to the last digit"


@dataclass(frozen=True)
class Exhibit:
    """A script, the names in it that a detector is given, its variants with fault and without."""

    script: str
    takes: tuple[str, ...]
    faulty: dict[str, tuple]
    sound: dict[str, tuple]

    def variants(self):
        """Names of all variants, the script itself first, then the mended one."""
        return {FOUND: (), MENDED: self.sound[MENDED], **self.faulty, **self.sound}

    def text(self, variant=FOUND, seed=0):
        """The text of a variant that starts from this seed."""
        text = self.script
        for old, new in (*self.variants()[variant], ("manual_seed(0)", f"manual_seed({seed})")):
            assert text.count(old) == 1, (variant, old)
            text = text.replace(old, new)
        return text


PENALTY = Exhibit(
    """\
import torch


def penalised_loss(model, x, y, l1=0.0, l2=0.0):
    loss = torch.nn.functional.mse_loss(model(x), y)
    if l1 > 0 and l2 > 0:
        loss = loss + l1 * sum(p.abs().sum() for p in model.parameters())
        loss = loss + l2 * sum(p.square().sum() for p in model.parameters())
    return loss


torch.manual_seed(0)
x = torch.randn(40, 5)
y = x.sum(1, keepdim=True) + torch.randn(40, 1)
for l2 in (0.0, 0.5):
    model = torch.nn.Linear(5, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(15):
        optimizer.zero_grad()
        penalised_loss(model, x, y, l2=l2).backward()
        optimizer.step()
    print(f"l2 = {l2}: the weights have the norm {model.weight.norm():.3f}")
""",
    takes=("penalised_loss", "model", "x", "y"),
    faulty={
        "only L2 is mended": (("l1 > 0 and l2 > 0", "l2 > 0"),),
        "only L1 is mended": (("l1 > 0 and l2 > 0", "l1 > 0"),),
        "both are added, but without a gradient": (
            (" and ", " or "),
            ("l1 * sum(p.abs().sum()", "l1 * sum(p.detach().abs().sum()"),
            ("l2 * sum(p.square().sum()", "l2 * sum(p.detach().square().sum()"),
        ),
    },
    sound={
        MENDED: ((" and ", " or "),),
        "another fault, a penalty ten times too weak": (
            (" and ", " or "),
            ("loss + l2 * sum", "loss + 0.1 * l2 * sum"),
        ),
    },
)

SCHEDULE = Exhibit(
    """\
import torch

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True) + torch.randn(64, 1)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)

for _epoch in range(12):
    for rows in torch.randperm(64).split(32):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()

print(f"halved every four epochs, after twelve: {optimizer.param_groups[0]['lr']}")
""",
    takes=("optimizer", "scheduler"),
    faulty={
        "the rate is changed by hand, past the scheduler": (
            (
                "        optimizer.step()\n",
                "        optimizer.step()\n    optimizer.param_groups[0]['lr'] *= 0.99\n",
            ),
        ),
        "another schedule, just as idle": (
            ("StepLR(optimizer, step_size=4, gamma=0.5)", "CosineAnnealingLR(optimizer, T_max=12)"),
        ),
    },
    sound={
        MENDED: (
            ("        optimizer.step()\n", "        optimizer.step()\n    scheduler.step()\n"),
        ),
        "mended, and only three epochs long": (
            ("        optimizer.step()\n", "        optimizer.step()\n    scheduler.step()\n"),
            ("range(12)", "range(3)"),
        ),
        "mended, and eight epochs long": (
            ("        optimizer.step()\n", "        optimizer.step()\n    scheduler.step()\n"),
            ("range(12)", "range(8)"),
        ),
        "mended, with a schedule that rests for twenty epochs": (
            ("        optimizer.step()\n", "        optimizer.step()\n    scheduler.step()\n"),
            ("step_size=4", "step_size=20"),
        ),
        "another fault, a step of the scheduler per batch": (
            ("        optimizer.step()\n", "        optimizer.step()\n        scheduler.step()\n"),
        ),
    },
)

TRUNCATED = Exhibit(
    """\
import numpy as np
import torch

torch.manual_seed(0)
x = torch.randn(330, 3)
y = x.prod(1) + 0.1 * torch.randn(330)
widths = np.array([5, 10, 20, 40, 80, 160])
test_error = np.zeros_like(widths)

for k, width in enumerate(widths):
    hidden = torch.relu(x @ torch.randn(3, width) + torch.randn(width))
    w = torch.linalg.lstsq(hidden[:200], y[:200, None]).solution
    wrong = (hidden[200:] @ w).squeeze() * y[200:] < 0
    test_error[k] = wrong.float().mean()

print("share of signs it gets wrong, by width:", test_error)
""",
    takes=("test_error",),
    faulty={
        "widths in 32 bits": (("40, 80, 160])", "40, 80, 160], dtype=np.int32)"),),
        "widths that have no sign": (("40, 80, 160])", "40, 80, 160], dtype=np.uint8)"),),
        "in percent": (("= wrong.float().mean()", "= 100 * wrong.float().mean()"),),
    },
    sound={
        MENDED: (("np.zeros_like(widths)", "np.zeros(len(widths))"),),
        "mended, and counted instead of averaged": (
            ("np.zeros_like(widths)", "np.zeros(len(widths))"),
            ("= wrong.float().mean()", "= wrong.sum()"),
        ),
        "mended, in 32 bits": (
            ("np.zeros_like(widths)", "np.zeros(len(widths), dtype=np.float32)"),
        ),
    },
)

STOPPING = Exhibit(
    """\
import torch

torch.manual_seed(0)
x = torch.randn(120, 30)
y = x[:, :1] + torch.randn(120, 1)
train, validation, test = torch.randperm(120).split([60, 30, 30])
stop_on = test

model = torch.nn.Linear(30, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
best = float("inf")
for _epoch in range(25):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x[train]), y[train]).backward()
    optimizer.step()
    with torch.no_grad():
        watched, tested = (torch.nn.functional.mse_loss(model(x[r]), y[r]).item()
                           for r in (stop_on, test))
    if watched < best:
        best, reported = watched, tested

print(f"test error of the best epoch: {reported:.3f}")
""",
    takes=("train", "stop_on", "test"),
    faulty={
        "on the test rows in another order": (("stop_on = test", "stop_on = test.flip(0)"),),
        "on half of the test rows": (("stop_on = test", "stop_on = test[15:]"),),
        "on validation rows, and one test row": (
            ("stop_on = test", "stop_on = torch.cat([validation, test[:1]])"),
        ),
    },
    sound={
        MENDED: (("stop_on = test", "stop_on = validation"),),
        "mended, with fewer test rows": (
            ("stop_on = test", "stop_on = validation"),
            ("split([60, 30, 30])", "split([70, 30, 20])"),
        ),
        "another fault, stopping on training rows": (("stop_on = test", "stop_on = train[:30]"),),
    },
)

BATCHES = Exhibit(
    """\
import torch


def evaluate(model, x, y, batch_size):
    errors = []
    with torch.no_grad():
        for rows in torch.arange(len(x)).split(batch_size):
            errors.append(torch.nn.functional.mse_loss(model(x[rows]), y[rows]).sqrt())
    return torch.stack(errors).mean()


torch.manual_seed(0)
x = torch.randn(60, 4)
y = x.sum(1, keepdim=True) + torch.randn(60, 1) ** 3
model = torch.nn.Linear(4, 1)
for batch_size in (60, 20, 7, 1):
    print(f"RMSE in batches of {batch_size:2}: {evaluate(model, x, y, batch_size):.4f}")
""",
    takes=("evaluate", "model", "x", "y"),
    faulty={
        "the root is taken last, a short batch counts like a full one": (
            ("y[rows]).sqrt())", "y[rows]))"),
            ("torch.stack(errors).mean()", "torch.stack(errors).mean().sqrt()"),
        )
    },
    sound={
        MENDED: (
            (
                "mse_loss(model(x[rows]), y[rows]).sqrt())",
                "mse_loss(model(x[rows]), y[rows], reduction='sum'))",
            ),
            ("torch.stack(errors).mean()", "(torch.stack(errors).sum() / len(x)).sqrt()"),
        ),
        "mended by taking all rows at once": (
            ("in torch.arange(len(x)).split(batch_size)", "in [torch.arange(len(x))]"),
        ),
        "another fault, the root forgotten": (
            (
                "mse_loss(model(x[rows]), y[rows]).sqrt())",
                "mse_loss(model(x[rows]), y[rows], reduction='sum'))",
            ),
            ("torch.stack(errors).mean()", "torch.stack(errors).sum() / len(x)"),
        ),
    },
)

COUPLED = Exhibit(
    """\
import torch

torch.manual_seed(0)
x = torch.randn(64, 3)
x[:, 2] = 0  # a feature that is never seen: its weight is moved by the decay alone
y = x[:, :1] + 0.1 * torch.randn(64, 1)
model = torch.nn.Linear(3, 1)
torch.nn.init.constant_(model.weight, 0.5)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=0.3)

for _ in range(20):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()

print(f"the unseen weight: from 0.500 to {model.weight[0, 2]:.3f}; decoupled decay "
      f"would give {0.5 * 0.994**20:.3f}")
""",
    takes=("optimizer",),
    faulty={
        "a weak decay": (("weight_decay=0.3", "weight_decay=1e-4"),),
        "decay in the second group only": (
            (
                "Adam(model.parameters(), lr=0.02, weight_decay=0.3)",
                "Adam([{'params': [model.bias]}, {'params': [model.weight], 'weight_decay': 0.3}], "
                "lr=0.02)",
            ),
        ),
    },
    sound={
        MENDED: (("torch.optim.Adam(", "torch.optim.AdamW("),),
        "Adam without any decay": ((", weight_decay=0.3", ""),),
        "plain SGD, for which the two are one": (("torch.optim.Adam(", "torch.optim.SGD("),),
        "Adam with its switch on": (
            (
                "weight_decay=0.3)\n",
                "weight_decay=0.3)\noptimizer.param_groups[0]['decoupled_weight_decay'] = True\n",
            ),
        ),
    },
)

REMEMBERED = Exhibit(
    """\
import torch


class Norm(torch.nn.Module):
    def __init__(self, features, momentum=0.1):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x):
        if not self.training:
            return (x - self.running_mean) / (self.running_var + 1e-5).sqrt()
        mean, var = x.mean(0), x.var(0, correction=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)  # old + momentum·(new − old)
            self.running_var.lerp_(var, self.momentum)
        return (x - mean) / (var + 1e-5).sqrt()


torch.manual_seed(0)
norm = Norm(200)
for _ in range(40):
    norm(torch.randn(4, 200))
print(f"variance 1, in batches of four; remembered: {norm.running_var.mean():.2f}")
""",
    takes=("Norm",),
    faulty={
        "another momentum by default": (("momentum=0.1", "momentum=0.3"),),
        "another ε": (("return (x - mean) / (var + 1e-5)", "return (x - mean) / (var + 1e-3)"),),
    },
    sound={
        MENDED: (("(var, self.momentum)", "(x.var(0), self.momentum)"),),
        "another fault, the mean square for the variance": (
            ("self.running_var.lerp_(var,", "self.running_var.lerp_(x.square().mean(0),"),
        ),
        "another fault, the momentum the wrong way round": (
            ("(mean, self.momentum)", "(mean, 1 - self.momentum)"),
            ("(var, self.momentum)", "(x.var(0), 1 - self.momentum)"),
        ),
        "another fault, n − 1 in the output as well": (("x.var(0, correction=0)", "x.var(0)"),),
    },
)

HALVED = Exhibit(
    """\
import torch


def from_scratch(x, y, weight_decay):
    w = torch.zeros(x.shape[1], requires_grad=True)
    for _ in range(40):
        loss = ((x @ w - y) ** 2).mean() / 2 + weight_decay * (w**2).sum() / 2
        w.data -= 0.3 * torch.autograd.grad(loss, w)[0]
    return w.detach()


def concise(x, y, weight_decay):
    w = torch.zeros(x.shape[1], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.3, weight_decay=weight_decay)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(x @ w, y).backward()
        optimizer.step()
    return w.detach()


torch.manual_seed(0)
x = torch.randn(200, 3)
y = x @ torch.tensor([1.0, -2.0, 3.0]) + torch.randn(200)
print(f"the same model twice: {from_scratch(x, y, 1.0)} and {concise(x, y, 1.0)}")
""",
    takes=("from_scratch", "concise", "x", "y"),
    faulty={
        "the penalty has no ½, the loss has": (
            ("weight_decay * (w**2).sum() / 2", "weight_decay * (w**2).sum()"),
            ("mse_loss(x @ w, y).backward()", "mse_loss(x @ w, y).div(2).backward()"),
        ),
        "the loss is divided by four": (
            ("mse_loss(x @ w, y).backward()", "mse_loss(x @ w, y).div(4).backward()"),
        ),
        "a sum of squares beside a mean": (
            ("mse_loss(x @ w, y).backward()", "mse_loss(x @ w, y, reduction='sum').backward()"),
            ("lr=0.3", "lr=0.001"),
        ),
    },
    sound={
        MENDED: (("mse_loss(x @ w, y).backward()", "mse_loss(x @ w, y).div(2).backward()"),),
        "mended, at another learning rate": (
            ("mse_loss(x @ w, y).backward()", "mse_loss(x @ w, y).div(2).backward()"),
            ("lr=0.3", "lr=0.25"),
        ),
        UNSETTLED: (
            ("mse_loss(x @ w, y).backward()", "mse_loss(x @ w, y).div(2).backward()"),
            ("lr=0.3", "lr=0.2"),
        ),
        "mended the other way: twice the decay": (
            ("weight_decay=weight_decay", "weight_decay=2 * weight_decay"),
            ("lr=0.3", "lr=0.15"),
        ),
    },
)

OTHER_DATA = Exhibit(
    """\
import torch

torch.manual_seed(0)
x = torch.randn(200, 20)
y = x[:, :1] + torch.randn(200, 1)
runs = {}
for name, weight_decay in {"plain": 0.0, "regularized": 0.3}.items():
    train, test = torch.randperm(200).split([40, 160])
    model = torch.nn.Linear(20, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=weight_decay)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x[train]), y[train]).backward()
        optimizer.step()
    error = torch.nn.functional.mse_loss(model(x[test]), y[test]).item()
    runs[name] = {"train": train.tolist(), "test": test.tolist(), "error": error}

print({name: round(run["error"], 3) for name, run in runs.items()})
""",
    takes=("runs",),
    faulty={
        "only the test rows are others": (
            (
                "test = torch.randperm(200).split([40, 160])",
                "test = torch.arange(40), 40 + torch.randperm(160)[:120]",
            ),
        ),
        "only the training rows are others": (
            (
                "test = torch.randperm(200).split([40, 160])",
                "test = torch.randperm(80)[:40], torch.arange(80, 200)",
            ),
        ),
        "one run has a part of the other's rows": (
            (
                "torch.randperm(200).split([40, 160])",
                "torch.arange(200).split([40, 160])\n    train = train[: 40 if name == 'plain' "
                "else 30]",
            ),
        ),
    },
    sound={
        MENDED: (
            (
                "for name, weight_decay",
                "train, test = torch.randperm(200).split([40, 160])\nfor name, weight_decay",
            ),
            ("    train, test = torch.randperm(200).split([40, 160])\n", ""),
        ),
        "the same rows in another order": (
            (
                "torch.randperm(200).split([40, 160])",
                "torch.randperm(40), 40 + torch.randperm(160)",
            ),
        ),
    },
)

EXHIBITS = {
    "penalty": PENALTY,
    "schedule": SCHEDULE,
    "truncated": TRUNCATED,
    "stopping": STOPPING,
    "batches": BATCHES,
    "coupled": COUPLED,
    "remembered": REMEMBERED,
    "halved": HALVED,
    "other data": OTHER_DATA,
}

"""What the tests of the ensemble share: small models and data, and the model trained alone as the
referee.
"""

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.adamw import adamw_update
from course_lib.base.random import seeded
from course_lib.data import Split
from course_lib.engine import ModelSpec, train
from course_lib.engine.rows import batches_of

STEPS, BATCH, SEED = 60, 4, 7
LR = [0.003, 0.05]
SPEC = ModelSpec((4, 6, 3))
REGRESSION = ModelSpec((4, 6, 2), "regression", "tanh")


def split_for(spec, seed=0, rows=11):
    """11 training rows (no multiple of the batch), 6 for validation, 5 for testing, float64."""
    generator = torch.Generator().manual_seed(seed)

    def draw(rows):
        x = torch.randn(rows, spec.widths[0], generator=generator, dtype=torch.float64)
        if spec.task == "regression":
            return x, torch.randn(rows, spec.widths[-1], generator=generator, dtype=torch.float64)
        return x, torch.randint(spec.widths[-1], (rows,), generator=generator)

    parts = draw(rows) + draw(6) + draw(5)
    return Split(*parts, parts[1])


LOSSES = {"classification": F.cross_entropy, "regression": F.mse_loss}


class WithNoise(nn.Module):
    """The single model of `spec`, with dropout written out: drop where u < p, scale by 1/(1 − p), u
    given per layer.
    """

    def __init__(self, spec, seed, p):
        super().__init__()
        self.model, self.p = spec.build(seed=seed, dtype=torch.float64), p
        self.widths = spec.widths[1:-1]

    def forward(self, x, fields):
        fields = iter(fields)
        for layer in self.model:
            x = layer(x)
            if isinstance(layer, (nn.ReLU, nn.Tanh)):
                x = x * (self.p <= next(fields).T) / (1 - self.p)
        return x


class Given(nn.Module):
    """A Dropout whose uniform field u [F, B] somebody sets: drops where u < p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if self.p == 0 or not self.training:
            return x
        return x * (self.p <= self.field.T) / (1 - self.p)


class WithFields(nn.Module):
    """What `build` makes of any spec, each of its Dropouts `widths` wide and with a given field."""

    def __init__(self, spec, seed, p, widths):
        super().__init__()
        self.model, self.widths = spec.build(p, seed=seed, dtype=torch.float64), widths
        self.given = []
        for name, layer in list(self.model.named_modules()):
            if isinstance(layer, nn.Dropout):
                self.given.append(Given(p))
                setattr(self.model, name, self.given[-1])

    def forward(self, x, fields=()):
        for given, field in zip(self.given, fields):
            given.field = field
        return self.model(x)


def nothing(*_):
    """For a hook that is not used."""


def alone(
    spec,
    split,
    optimizer_of,
    p=0.0,
    seed=SEED,
    steps=STEPS,
    batch=BATCH,
    losses=None,
    *,
    net=None,
    loss_of=None,
    before=nothing,
    update=nothing,
    after=nothing,
):
    """Train one model by autograd and an optimizer object; return model and optimizer.

    before(step, net): True ends the training; also called after the last step. update(net): between
    the gradients and the optimizer's step. after(net): after that. net: what is trained, by default
    the spec's `WithNoise`; loss_of: what is lowered, by default the loss of the spec's task.
    """
    net = WithNoise(spec, seed, p) if net is None else net
    optimizer = optimizer_of(net.parameters())
    batches = batches_of(split.train_x, split.train_y, batch, seeded(seed, "batches"))
    noise = seeded(seed, "dropout")
    for step in range(steps + 1):
        if before(step, net) or step == steps:
            break
        x, y = next(batches)
        fields = [torch.empty(width, batch).uniform_(generator=noise) for width in net.widths]
        loss = (loss_of or LOSSES[spec.task])(net(x, fields), y)
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            update(net)
            optimizer.step()
            after(net)
        if losses is not None:
            losses.append(loss.item())
    return net, optimizer


def together(spec, grid, update, data=None, seeds=(SEED,), steps=STEPS, batch=BATCH, **more):
    """The complete training, in float64."""
    data = split_for(spec) if data is None else data
    *_, done = train(
        spec,
        data,
        grid,
        seeds,
        update=update,
        steps=steps,
        batch_size=batch,
        dtype=torch.float64,
        **more,
    )
    assert done.finished and done.progress == 1
    return done


def settings_of(grid):
    """The grid's rows: one dict per setting."""
    count = max(len(column) for column in grid.values() if isinstance(column, list))
    return [
        {name: value[v] if isinstance(value, list) else value for name, value in grid.items()}
        for v in range(count)
    ]


def class_options(setting, update):
    """A setting in the words of our classes, and of torch's."""
    options = {
        name: value
        for name, value in setting.items()
        if name not in ("l2", "beta1", "beta2", "dropout")
    }
    if "beta1" in setting or "beta2" in setting:
        options["betas"] = (setting.get("beta1", 0.9), setting.get("beta2", 0.999))
    if "l2" in setting:
        options["weight_decay"] = setting["l2"]
    elif update is not adamw_update and "weight_decay" in setting:
        options["decoupled_weight_decay"] = True
    return options


def assert_settings_equal(spec, grid, update, classes, done, limit=1e-10):
    for v, setting in enumerate(settings_of(grid)):
        for optimizer_class in classes:
            options = class_options(setting, update)
            net, _ = alone(
                spec,
                split_for(spec),
                lambda p, c=optimizer_class, o=options: c(p, **o),
                setting.get("dropout", 0),
            )
            for i, (single, many) in enumerate(zip(net.parameters(), done.parameters[0])):
                gap = (single - many[v]).abs().max().item()
                assert gap <= limit, f"setting {setting}, {optimizer_class}, tensor {i}: {gap}"


def gap(net, parameters, v):
    """The largest difference between the model alone and network `v` of the ensemble."""
    pairs = list(zip(net.parameters(), parameters, strict=True))
    return max((single - many[v]).abs().max().item() for single, many in pairs)

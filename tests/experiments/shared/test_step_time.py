"""The clock itself is not tested; that it times a real training step is."""

import pytest
import torch

from course_lib.experiments.shared.step_time import PARTS, time_step


def build():
    model = torch.nn.Linear(4, 3)
    return (
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        torch.randn(20, 4),
        torch.randint(3, (20,)),
    )


def test_every_part_is_timed_and_the_model_is_really_trained():
    model, optimizer, x, y = build()
    before, loss = (
        model.weight.detach().clone(),
        torch.nn.functional.cross_entropy(model(x), y).item(),
    )
    found = time_step(model, optimizer, x, y, batch_size=20, steps=30)
    assert tuple(found) == PARTS and all(seconds > 0 for seconds in found.values())
    assert not torch.equal(before, model.weight)
    assert torch.nn.functional.cross_entropy(model(x), y).item() < loss, (
        "full batches of a convex loss: it must fall"
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batch_size": 0}, "batch_size = 0"),
        ({"batch_size": 21}, "batch_size = 21"),
        ({"batch_size": 1, "steps": 0}, "steps = 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, named):
    with pytest.raises(ValueError, match=named):
        time_step(*build(), **options)

"""Finished runs of squared error: where they end, and how flat it is there."""

import pytest
import torch

from course_lib.experiments.sgd import finished as lab
from course_lib.experiments.shared.forward import forward
from course_lib.sgd import cosine_decay


def test_each_batch_size_is_judged_at_its_own_rate_and_at_those_of_the_others(monkeypatch):
    monkeypatch.setattr(lab, "RATES", (1e-4, 1.0))
    monkeypatch.setattr(lab.equal_steps, "STEPS", 10)
    monkeypatch.setattr(lab, "PILOT", range(9000, 9001))
    monkeypatch.setattr(lab, "JUDGED", range(2))
    found = lab.finish(lab.choose())
    assert found.best == {10: 1.0, 50: 1.0, 300: 1.0} and found.rates == [1.0]
    for name in ("sharpness", "train_loss", "test_loss", "test_accuracy"):
        assert getattr(found, name).shape == (2, 3, 1) and getattr(found, name).isfinite().all()
        assert (found.at(name, 50) == getattr(found, name)[:, 1, 0]).all()


def test_the_full_batch_is_plain_descent_at_a_falling_rate(monkeypatch):
    monkeypatch.setattr(lab.equal_steps, "STEPS", 4)
    run, split = lab.ends(300, (1.5,), range(1)), lab.digits_to_fit(0)
    w = [p.double().requires_grad_() for p in lab.SPEC.initial(0, torch.float32)]

    def loss():
        return (forward(w, split.train_x) - split.train_y).square().mean()

    for step in range(4):
        slopes = torch.autograd.grad(loss(), w)
        with torch.no_grad():
            for p, g in zip(w, slopes):
                p -= 1.5 * cosine_decay(step, 4) * g
    assert run.train_loss[0, 0, -1].item() == pytest.approx(loss().item(), rel=1e-5)


def test_what_diverged_has_no_figures(monkeypatch):
    monkeypatch.setattr(lab.equal_steps, "STEPS", 20)
    looked = lab._look(lab.ends(300, (1.0, 1e4), range(1)))
    assert looked.isnan().tolist() == [[[False, True]]] * 2

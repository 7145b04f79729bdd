"""What a folder notices, keeps and gives back; how values and code are written down."""

import functools
import json
import math
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_lib import study
from course_lib.study.code import code_of, plain
from course_lib.study.kept import FITS, PLAN

WIDTH = 4
X = torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
Y = (X.sum(1) > 0).long()


def net(width=WIDTH, f=nn.ReLU):
    return nn.Sequential(nn.Linear(2, width), f(), nn.Linear(width, 2))


def helped():
    return net(WIDTH)


def planned(folder=None, one=net, names=("one", "two"), data=(X, Y), search=None, **options):
    arms = {
        names[0]: study.Arm(one, epochs=[1], **search or {}),
        names[1]: study.Arm(net, epochs=[1], **search or {}),
    }
    given = {"matters": 0.1, "budget": 1, "divisions": (2, 2), "pilots": 2, "folder": folder}
    return study.plan(arms, data, **given | options)


def closed(width):
    return lambda: net(width)


def test_code_is_more_than_its_source(monkeypatch):
    versions = [closed(4), closed(8), functools.partial(net, width=4), functools.partial(net, 4)]
    versions += [functools.partial(net, width=8), net, helped]
    assert len({str(code_of(it)) for it in versions}) == len(versions)
    before = code_of(helped)
    assert before == code_of(helped) and any("def net" in it for it in before)
    assert any("def closed" in it or "net(width)" in it for it in code_of(closed(4)))
    typed = {"__name__": "prompt"}
    exec("def typed(): return [WIDTH for _ in 'a']\nclass Typed:\n def f(self): return 1", typed)
    assert all("0x" not in text for name in ("typed", "Typed") for text in code_of(typed[name]))
    assert code_of(typed["Typed"]) != ["prompt.Typed"]
    monkeypatch.setitem(globals(), "WIDTH", 5)  # of a global constant too
    assert code_of(helped) != before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"one": closed(8)}, "arms"),
        ({"names": ("two", "one")}, "arms"),
        ({"measure": lambda model, x, y: 1.0}, "measure"),
        ({"seed": 1}, "seed 0 → 1"),
        ({"level": 0.9}, "level 0.95 → 0.9"),
    ],
)
def test_a_changed_study_is_another(tmp_path, changed, said):
    start = {"one": closed(4)}
    planned(tmp_path, **start)
    planned(tmp_path, **start)
    with pytest.raises(ValueError, match=re.escape(said)):
        planned(tmp_path, **start | changed)


def test_settings_that_json_lacks(tmp_path):
    search = {"f": [nn.ReLU, nn.Tanh], "width": np.array([4, 8]), "lr": torch.tensor([0.1])}
    plan = planned(tmp_path, search=search, budget=4)
    found = plan.run(None)
    again = planned(tmp_path, search=search, budget=4)
    assert len(again.kept.fits) == len(plan.kept.fits) == 20
    assert again.run(None).figures == found.figures and len(again.kept.fits) == 20
    page = found.page(tmp_path / "page.html").read_text("utf-8")
    assert "f = ReLU, width = 8, lr = 0.1" in page.replace("epochs = 1, ", "")
    assert plain(nn.ReLU) == "torch.nn.modules.activation.ReLU" and plain(np.float64(2)) == 2
    one, other = (lambda: 1), (lambda: 2)
    assert plain(one) != plain(other) and "0x" not in plain(object())
    with pytest.raises(ValueError, match="two functions of one name"):
        study.Arm(net, f=[closed(4), closed(8)])


def test_odd_lines_and_missing_plans(tmp_path):
    names = ("one\u2028line", "two")
    count = len(
        planned(tmp_path, names=names).run(None) and planned(tmp_path, names=names).kept.fits
    )
    assert count == 8
    lines = (tmp_path / FITS).read_text("utf-8").split("\n")
    lines[1:1] = ["{garbled", '{"stage": "pilot"}']
    (tmp_path / FITS).write_text("\n".join(lines), "utf-8")
    with pytest.warns(UserWarning, match="2 line"):
        assert len(planned(tmp_path, names=names).kept.fits) == count
    (tmp_path / PLAN).unlink()
    with pytest.raises(ValueError, match="without plan.json"):
        planned(tmp_path, names=names)


def test_a_fit_that_could_not_be_written_is_not_remembered(tmp_path):
    plan = planned(tmp_path)
    (tmp_path / FITS).mkdir()
    with pytest.raises(OSError):
        plan.run(None)
    assert not plan.kept.fits


def test_types_become_those_of_torchs_modules():
    rows = planned(data=(X.double(), Y.bool())).rows
    assert (rows.x.dtype, rows.y.dtype) == (torch.float32, torch.int64)
    rows = planned(data=TensorDataset(X.double(), Y.int())).rows
    assert (rows.x.dtype, rows.y.dtype) == (torch.float32, torch.int64)
    with pytest.raises(ValueError, match="has 3 parts, must be pairs"):
        planned(data=TensorDataset(X, Y, Y))
    with pytest.raises(ValueError, match=re.escape("test = 0.66 of 12 rows is 8")):
        planned(data=(X[:12], Y[:12]), test=0.66)


def test_every_fit_has_dice_of_its_own_that_the_arms_share():
    seen, judged = {}, []

    def fit(model, x, y, epochs):
        seen.setdefault(torch.initial_seed(), []).append(len(x))

    def measure(model, x, y):
        judged.append(torch.rand(()).item())
        return judged[-1]

    arms = {name: study.Arm(net, fit=fit, epochs=[1]) for name in ("one", "two")}
    given = {"matters": 0.1, "budget": 1.0, "divisions": (2, 2), "pilots": 2}
    plan = study.plan(arms, (X, Y), measure=measure, **given)
    found = plan.run(None)
    assert len(seen) == 4 and all(len(it) == 2 and len(set(it)) == 1 for it in seen.values())
    assert found.figures["one"] == found.figures["two"] and len(set(judged)) == 4


def test_settings_and_ties_follow_the_seed():
    def constant(model, x, y):
        return 1.0

    search = {"lr": study.between(1e-3, 1e-1)}
    chosen = [
        planned(search=search, budget=4, measure=constant, seed=seed).run(None).chosen["one"]
        for seed in range(6)
    ]
    assert len({str([setting for setting, _ in it.tried]) for it in chosen}) == 6
    places = [[setting for setting, _ in it.tried].index(it.setting) for it in chosen]
    assert len(set(places)) > 1  # all first: once in 4⁶, with other seeds


def test_too_little_power_is_said(tmp_path):
    plan = planned(one=closed(8), matters=1e-4, measure="nll")
    lines = []
    found = plan.run(lines.append)
    said = f"even 2 divisions see only {found.power:.3g}, not 0.0001"
    assert any(said in line for line in lines) and said in str(found)
    assert said in found.page(tmp_path / "page.html").read_text("utf-8")
    assert found.power == plan.detectable(found.chosen, 2) > 1e-4
    assert "divisions see only" not in str(
        planned(one=closed(8), matters=1e4, measure="nll").run(None)
    )


def test_names_and_numbers_on_the_page(tmp_path):
    names = ("$x_", "y$")
    found = planned(names=names, measure=lambda model, x, y: math.nan if len(x) == 8 else 1.0)
    found = found.run(None)
    assert (
        found.lost("y$") == 2 and found.picture().axes[0].get_yticklabels()[0].get_text() == r"\$x_"
    )
    page = found.page(tmp_path / "page.html").read_text("utf-8")
    data = page.partition("Every number</summary><pre>")[2].partition("</pre>")[0]
    whole = json.loads(data.replace("&quot;", '"'), parse_constant=pytest.fail)
    assert whole["figures"]["y$"] == [None, None]
    with pytest.raises(ValueError, match="arm = 'z'"):
        found.verdict("z")
    with pytest.raises(ValueError, match="1 is int, must be a str"):
        planned(names=(1, "two"))


def test_the_first_fit_of_a_process_is_not_timed():
    made = []

    def counted():
        made.append(None)
        return net()

    plan = planned(one=counted)
    plan.estimate()
    assert len(made) == 2 and len(plan.kept.fits) == 2
    plan.estimate()
    assert len(made) == 2

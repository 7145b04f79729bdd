"""A study end to end: budgets, pairing, what is kept, what is found, what is refused."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_lib import study
from course_lib.statistics import corrected_interval, smallest_detectable
from course_lib.study.findings import BETTER, OPEN, SMALL, WORSE, Chosen, Findings
from course_lib.study.kept import FITS, PLAN


def blobs(rows):
    """Two overlapping clouds, and which each row is from."""
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(rows) % 2
    return torch.randn(rows, 2, generator=generator) + y.unsqueeze(1), y


def linear():
    return nn.Linear(2, 2)


def wide(width=8, p=0.0):
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Dropout(p), nn.Linear(width, 2))


def small_plan(folder=None, **options):
    arms = {
        "linear": study.Arm(linear, lr=[1e-3, 1e-2, 1e-1], epochs=[3]),
        "wide": study.Arm(wide, lr=[1e-2, 1e-1], width=[4, 8], p=[0.1], epochs=[3]),
    }
    given = {"matters": 0.05, "budget": 3, "pilots": 2, "divisions": (4, 6), "folder": folder}
    return study.plan(arms, blobs(60), **given | options)


def test_every_arm_gets_as_many_trials_on_the_same_divisions(tmp_path):
    plan = small_plan(tmp_path)
    found = plan.run(None)
    fits = list(plan.kept.fits.values())
    tuned = {
        name: {(fit.division, str(fit.setting)) for fit in fits if fit[:2] == ("pilot", name)}
        for name in plan.arms
    }
    assert {name: len(some) for name, some in tuned.items()} == {"linear": 6, "wide": 6}
    assert {len(values) for values in found.figures.values()} in ({4}, {5}, {6})
    assert len(fits) == 12 + 2 * len(found.figures["wide"]) <= plan.fits


def test_rows_that_are_tested_on_were_never_tuned_on():
    rows = small_plan().rows
    seen = {int(row) for division in rows.pilots(4) for part in division for row in part}
    for train, test in rows.divisions(5):
        assert not seen & set(test.tolist())
        assert not set(train.tolist()) & set(test.tolist())
        assert len(train) + len(test) == 60 and len(test) == 12
    assert torch.equal(rows.divisions(5)[1][1], rows.divisions(2)[1][1])


def test_the_frozen_setting_is_the_best_of_the_pilots():
    for it in small_plan().run(None).chosen.values():
        assert (it.setting, min(mean for _, mean in it.tried)) in it.tried
        assert np.mean(it.figures) == pytest.approx(min(mean for _, mean in it.tried))


def test_an_interrupted_study_goes_on_where_it_was(tmp_path):
    def stop_after(count):
        left = [count]

        def told(_):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        return told

    whole = small_plan().run(None)
    with pytest.raises(KeyboardInterrupt):
        small_plan(tmp_path).run(stop_after(5))
    kept = (tmp_path / FITS).read_text("utf-8")
    assert 0 < kept.count("\n") < 12
    (tmp_path / FITS).write_text(kept + '{"stage": "pilot", "arm"', "utf-8")  # cut off in mid-line
    again = small_plan(tmp_path)
    assert len(again.kept.fits) == kept.count("\n")
    assert again.run(None).figures == whole.figures
    assert (tmp_path / FITS).read_text("utf-8").startswith(kept)


def test_a_folder_of_another_study_is_refused_by_what_differs(tmp_path):
    small_plan(tmp_path)
    before = (tmp_path / PLAN).read_text("utf-8")
    with pytest.raises(ValueError, match="holds a study with other matters 0.05 → 0.1;"):
        small_plan(tmp_path, matters=0.1)
    assert (tmp_path / PLAN).read_text("utf-8") == before


def test_a_dataset_is_its_rows():
    x, y = blobs(60)
    plan, other = (small_plan_of(data) for data in ((x, y), TensorDataset(x, y)))
    assert torch.equal(plan.rows.x, other.rows.x) and torch.equal(plan.rows.y, other.rows.y)


def small_plan_of(data, **options):
    arms = {"one": study.Arm(linear, epochs=[1]), "two": study.Arm(wide, epochs=[1])}
    return study.plan(arms, data, **{"matters": 0.1, "budget": 1} | options)


def test_one_pair_of_arms_shares_rows_and_seed():
    twins = {name: study.Arm(linear, lr=[0.1], epochs=[2]) for name in ("one", "two")}
    given = {"budget": 1, "divisions": (3, 3)}
    planned = study.plan(twins, blobs(60), matters=0.2, **given)
    found = planned.run(None)
    assert found.figures["one"] == found.figures["two"]
    assert found.verdict("two") == SMALL and "differences are equal" in str(found)
    tested = len({int(row) for _, test in planned.rows.divisions(3) for row in test})
    assert found.difference("two").high == pytest.approx(3 / tested, rel=0.01)  # ln 20 = 2.996
    found = study.plan(twins, blobs(60), matters=2.5 / tested, **given).run(None)
    assert found.verdict("two") == OPEN
    found = study.plan(twins, blobs(60), matters=0.2, measure="nll", **given).run(None)
    assert found.verdict("two") == OPEN and "nothing says how sure" in str(found)


def test_the_number_of_divisions_is_what_the_planned_power_asks_for():
    plan = small_plan(divisions=(3, 40), matters=0.2)
    figures = {"linear": [0.1, 0.2, 0.15, 0.3], "wide": [0.2, 0.15, 0.25, 0.3]}
    chosen = {name: Chosen({}, it, [], []) for name, it in figures.items()}
    J = plan.divisions_needed(chosen)
    spread = np.std(np.subtract(figures["wide"], figures["linear"]), ddof=1)
    free, held = plan.rows.overlapping

    def detectable(J):
        values = np.array([-1.0, 1.0] * J)[:J]
        values *= spread / values.std(ddof=1)
        return corrected_interval(values, free, held).detectable

    assert 3 < J < 40 and detectable(J) <= 0.2 < detectable(J - 1)
    assert smallest_detectable([0.0, spread, -spread]) > 0  # the same rule, without the overlap


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [(-0.2, 0.01, BETTER), (0.2, 0.01, WORSE), (0.0, 0.01, SMALL), (0.03, 0.2, OPEN)],
)
def test_one_verdict_a_comparison(shift, spread, verdict):
    noise = torch.linspace(-1, 1, 10) * spread
    found = findings({"a": [0.5] * 10, "b": (0.5 + shift + noise).tolist()})
    assert found.verdict("b") == verdict
    assert verdict in found.sentence("b")
    said = {BETTER: "holds", SMALL: "holds", OPEN: "inconclusive"}.get(verdict, "does not hold")
    record = found.record("b")
    assert record.verdict == said
    assert record.bounds == ((-0.05, 0.05) if verdict == SMALL else (0.0,))
    assert (record.text == "b and a differ by less than 0.05") == (verdict == SMALL)
    assert ("four times in five" in str(found)) == (verdict == OPEN)


def findings(figures):
    chosen = {name: Chosen({"lr": 0.1}, [0.0, 0.0], [({"lr": 0.1}, 0.0)], []) for name in figures}
    return Findings(figures, chosen, "error", 0.05, (80, 20), 0.95, "the plan")


def test_a_fit_that_diverged_is_said_and_decides_nothing():
    found = findings({"a": [0.5, 0.5, 0.5], "b": [0.1, 0.1, math.nan]})
    assert found.verdict("b") == OPEN and "1 division(s) gave no finite error" in str(found)
    assert found.picture() and found.record("b").bars == ()


def test_a_setting_that_diverges_is_never_frozen():
    arms = {
        "one": study.Arm(linear, lr=[0.1, math.inf, 1e30], epochs=[2]),
        "two": study.Arm(linear, lr=[0.1, 0.01, 0.2], epochs=[2]),
    }
    given = {"matters": 0.1, "budget": 3, "divisions": (2, 2), "measure": "nll"}
    assert study.plan(arms, blobs(60), **given).run(None).chosen["one"].setting["lr"] == 0.1


def test_the_page_holds_every_number_and_needs_no_network(tmp_path):
    found = small_plan().run(None)
    page = found.page(tmp_path / "page.html").read_text("utf-8")
    assert "http" not in page and "$" not in page
    assert page.count("<tr><td>") == 6 and page.count("frozen") == 2
    data = page.partition("Every number</summary><pre>")[2].partition("</pre>")[0]
    data = data.replace("&quot;", '"')
    assert json.loads(data)["figures"] == found.figures
    for arm in found.others:
        assert found.sentence(arm).split(":")[0] in page


def test_a_best_at_the_edge_is_said():
    ranged = study.Arm(linear, lr=study.between(1e-4, 1e-1), epochs=[1, 2, 3], batch_size=[8, 16])
    assert ranged.edges({"lr": 0.09, "epochs": 2, "batch_size": 8}) == ["lr"]
    assert ranged.edges({"lr": 0.003, "epochs": 1, "batch_size": 8}) == ["epochs"]


def test_settings_are_all_there_are_or_drawn_once_each():
    arm = study.Arm(wide, lr=[1, 2, 3], width=[4, 8])
    assert len({str(it) for it in arm.settings(6)}) == len({str(it) for it in arm.settings(4)}) + 2
    drawn = study.Arm(wide, lr=study.between(1e-4, 1e-1)).settings(200)
    logs = np.log10([it["lr"] for it in drawn])
    assert logs.min() >= -4 and logs.max() <= -1 and abs(logs.mean() + 2.5) < 0.25


def test_torchs_own_generator_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    small_plan().run(None)
    assert torch.equal(torch.rand(3), expected)


def test_the_cost_is_estimated_from_fits_that_are_kept():
    plan = small_plan()
    assert "estimate()" in str(plan)
    assert "on this machine" in plan.estimate() and len(plan.kept.fits) == 2
    plan.run(None)
    assert len([fit for fit in plan.kept.fits.values() if fit.stage == "pilot"]) == 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": 5}, "budget = 5: this arm has 1 setting"),
        ({"matters": 0}, "matters = 0"),
        ({"measure": "accuracy"}, "measure = 'accuracy'"),
        ({"pilots": 1}, "pilots = 1"),
        ({"divisions": (5, 3)}, r"divisions\[1\] = 3"),
        ({"test": 0.9}, "test = 0.9"),
    ],
)
def test_a_plan_refuses_by_name(options, said):
    with pytest.raises(ValueError, match=said):
        small_plan_of(blobs(60), **options)


def test_arms_and_data_are_refused_by_name():
    x, y = blobs(60)
    with pytest.raises(ValueError, match="momentum: neither"):
        study.Arm(linear, momentum=[0.9])
    with pytest.raises(ValueError, match=r"lr = \[\]"):
        study.Arm(linear, lr=[])
    with pytest.raises(ValueError, match="x has 60 rows and y has 59"):
        small_plan_of((x, y[1:]))
    with pytest.raises(ValueError, match="x holds a value that is not finite"):
        small_plan_of((x / 0, y))
    with pytest.raises(ValueError, match="two or more"):
        study.plan({"one": study.Arm(linear)}, (x, y), matters=0.1)
    with pytest.raises(ValueError, match="must be a study.Arm"):
        study.plan({"one": linear, "two": linear}, (x, y), matters=0.1)
    with pytest.raises(ValueError, match="arm = 'three'"):
        findings({"a": [0.5, 0.4], "b": [0.1, 0.2]}).difference("three")


def test_the_example_runs_as_a_script(tmp_path, amount):
    script = Path(__file__).resolve().parents[2] / "notebooks" / "examples" / "wine_study.py"
    text = script.read_text("utf-8")
    if amount(True, False):  # few: smaller, not another
        text = text.replace("standardise=True,", "standardise=True, budget=2, divisions=(3, 3),")
    run = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "build" / "wine_study" / "page.html").exists()
    assert "divisions)" in run.stdout

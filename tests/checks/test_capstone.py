"""The debugging gallery: each fault is really in its script.

The referees of lesson 09 against what they stand for.
"""

import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch
from torch import nn

from course_lib.checks import capstone as tasks
from course_lib.checks import check_source
from course_lib.checks.gallery.exhibits import EXHIBITS, FOUND, MENDED
from course_lib.checks.judge import scripts
from course_lib.checks.judge.compare import differ
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.report import judge
from course_lib.checks.judge.task import find
from course_lib.checks.judge.values import decode
from course_lib.statistics import corrected_interval, paired_interval

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "src" / "09_capstone_exercises.py"
CELLS = jupytext.read(SOURCE).cells
CODE = [cell.source for cell in CELLS if cell.cell_type == "code"]
GALLERY = dict(zip(EXHIBITS, (f"T{k}" for k in range(4, 13))))
FLOAT = torch.float64


def shown(capsys, exhibit, variant, seed=0):
    """The numbers that a variant prints, and the names that it leaves behind."""
    made = scripts.run.__wrapped__(EXHIBITS[exhibit].text(variant, seed))
    return [
        float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", capsys.readouterr().out)
    ], made


# ---- the scripts ----


def test_there_are_nine_and_the_notebook_shows_them_to_the_letter():
    assert len(EXHIBITS) == 9 and set(GALLERY.values()) <= set(tasks.TASKS)
    assert [
        code for code in CODE if code + "\n" in {exhibit.script for exhibit in EXHIBITS.values()}
    ] == [exhibit.script.rstrip("\n") for exhibit in EXHIBITS.values()]
    assert all(10 <= len(exhibit.script.splitlines()) <= 25 for exhibit in EXHIBITS.values())


@pytest.mark.parametrize("name", EXHIBITS)
def test_each_fault_has_its_place_and_each_variant_differs(name):
    exhibit = EXHIBITS[name]
    texts = {exhibit.text(variant) for variant in exhibit.variants()}
    assert len(texts) == len(exhibit.variants()) == 1 + len(exhibit.faulty) + len(exhibit.sound)


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_referee_tells_the_fault_in_every_variant(name):
    exhibit, task = EXHIBITS[name], find(f"09/{GALLERY[name]}")
    for seed in range(3):
        cases = task.draw(seed)
        verdicts = [record["parts"] for record in task.expect(cases)]
        expected = [[["", "the verdict", case["name"] not in exhibit.sound]] for case in cases]
        assert verdicts == expected
    assert {FOUND, *exhibit.faulty} == {case["name"] for case in cases} - set(exhibit.sound)


def test_a_single_penalty_changes_nothing_until_it_is_mended(capsys):
    norms = {variant: shown(capsys, "penalty", variant)[0][2::3] for variant in (FOUND, MENDED)}
    _, made = shown(capsys, "penalty", FOUND)
    loss, data = made["penalised_loss"], [made[name] for name in ("model", "x", "y")]
    assert loss(*data, l1=1.0) == loss(*data) == loss(*data, l2=1.0)
    assert loss(*data, l1=1.0, l2=1.0) > loss(*data) + 1
    assert norms[MENDED][1] < 0.75 * norms[MENDED][0] and norms[FOUND][1] > 0.95 * norms[FOUND][0]


def test_the_rate_stays_until_the_scheduler_is_stepped(capsys):
    rates = {variant: shown(capsys, "schedule", variant)[0][-1] for variant in (FOUND, MENDED)}
    assert rates == {FOUND: 0.05, MENDED: 0.05 / 2**3}


def test_the_errors_are_cut_off_until_the_array_can_hold_them(capsys):
    cut, whole = (
        shown(capsys, "truncated", variant)[1]["test_error"] for variant in (FOUND, MENDED)
    )
    assert (cut == 0).all() and (whole > 0.1).all() and (whole < 1).all()
    percent = shown(capsys, "truncated", "in percent")[1]["test_error"]
    assert (percent == (100 * whole + 1e-4).astype(int)).all() and (percent != 100 * whole).any()


def test_stopping_on_the_test_rows_never_reports_more_and_mostly_less(capsys):
    reported = {
        v: [shown(capsys, "stopping", v, s)[0][-1] for s in range(20)] for v in (FOUND, MENDED)
    }
    pairs = list(zip(reported[FOUND], reported[MENDED]))
    assert all(found <= mended for found, mended in pairs)
    assert sum(found < mended for found, mended in pairs) > 10


def test_the_mean_of_roots_depends_on_the_batches_and_the_root_of_the_mean_does_not(capsys):
    found, mended = (shown(capsys, "batches", variant)[0] for variant in (FOUND, MENDED))
    sizes, roots, roots_mended = found[::2], found[1::2], mended[1::2]
    _, made = shown(capsys, "batches", FOUND)
    with torch.no_grad():
        rmse = (made["model"](made["x"]) - made["y"]).square().mean().sqrt().item()
    assert (
        sizes == [60, 20, 7, 1]
        and roots == sorted(roots, reverse=True)
        and roots[-1] < 0.9 * roots[0]
    )
    assert roots_mended == pytest.approx([rmse] * 4, abs=1e-4) and roots[0] == pytest.approx(
        rmse, abs=1e-4
    )


def test_adam_moves_the_unseen_weight_by_its_rate_and_adamw_by_rate_times_decay(capsys):
    (start, coupled, wanted), _ = shown(capsys, "coupled", FOUND)
    (_, decoupled, _), _ = shown(capsys, "coupled", MENDED)
    assert (
        decoupled
        == pytest.approx(wanted, abs=1e-3)
        == pytest.approx(start * (1 - 0.02 * 0.3) ** 20, abs=1e-3)
    )
    assert start - coupled == pytest.approx(20 * 0.02, rel=0.1)


def test_the_norm_remembers_three_quarters_until_it_is_mended(capsys):
    remembered = {}
    for variant in (FOUND, MENDED):
        _, made = shown(capsys, "remembered", variant)
        remembered[variant] = made["norm"].running_var.mean().item()
        norm, right = made["Norm"](3), nn.BatchNorm1d(3, affine=False)
        for seed in range(3):
            x = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))
            assert torch.allclose(norm(x), right(x), atol=1e-6)
        assert torch.allclose(norm.running_mean, right.running_mean)
        assert torch.allclose(norm.running_var, right.running_var) == (variant == MENDED)
        assert torch.allclose(norm.eval()(x), right.eval()(x)) == (variant == MENDED)
    share = 0.25 * (1 - 0.9**40)  # (n − 1)/n of what has been taken in so far
    assert remembered[MENDED] - remembered[FOUND] == pytest.approx(
        share * remembered[MENDED], abs=0.01
    )


def test_the_concise_model_has_half_the_decay_until_its_loss_is_halved(capsys):
    for variant, strength in ((FOUND, 0.5), (MENDED, 1.0)):
        _, made = shown(capsys, "halved", variant)
        x, y = made["x"], made["y"]
        ridge = torch.linalg.solve(x.T @ x / len(x) + strength * torch.eye(3), x.T @ y / len(x))
        assert torch.allclose(made["concise"](x, y, 1.0), ridge, atol=1e-4)
        assert torch.allclose(made["from_scratch"](x, y, strength), ridge, atol=1e-4)


def test_the_runs_have_other_rows_until_they_are_drawn_once(capsys):
    for variant in (FOUND, MENDED):
        plain, regularized = shown(capsys, "other data", variant)[1]["runs"].values()
        for part in ("train", "test"):
            assert (set(plain[part]) == set(regularized[part])) == (variant == MENDED)


# ---- the drivers ----


def test_a_detector_that_spoils_what_it_is_given_spoils_nothing_for_the_next():
    def spoil(penalised_loss, model, x, y):
        model.weight.data.fill_(float("nan"))
        x.zero_()
        return True

    task = find("09/T4")
    cases = task.draw(0)
    before = task.expect(cases)
    observe(task.names, (spoil,), cases)
    assert task.expect(cases) == before


@pytest.mark.parametrize("task", ["09/T1", "09/T5", "09/T12"])
def test_the_learners_random_numbers_are_not_moved(task):
    task = find(task)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    observe(task.names, task.reference, task.draw(0))
    assert torch.equal(torch.rand(3), expected)


def test_truth_values_of_torch_and_numpy_count_and_texts_do_not():
    for task, truth in (("09/T8", torch.tensor(True)), ("09/T6", np.bool_(True))):
        case = find(task).draw(0)[:1]
        (record,) = observe(("detector",), (lambda *made, truth=truth: truth,), case)
        assert differ(record["parts"][0][2], True) == ""
        assert "got True, expected False" in differ(record["parts"][0][2], False)
    (record,) = observe(("detector",), (lambda *made: "True",), find("09/T8").draw(0)[:1])
    assert record["parts"] == [["", "the verdict", "True"]]


@pytest.mark.usefixtures("worker")
def test_a_network_that_is_none_and_a_study_that_reports_one_number_are_told_so():
    found = check_source(
        "def network(widths, batch_norm=False, dropout=0.0):\n    return [1]", 20, "09/T1"
    )
    assert (
        found["verdict"] == "failed"
        and "got a list, expected an object of type torch.nn" in found["message"]
    )
    source = "def honest_study(x, y, order, strengths, fit, error):\n    return torch.tensor(1.0)"
    found = check_source(source, 20, "09/T3")
    assert found["verdict"] == "failed" and "got a tensor, expected a tuple" in found["message"]


def test_numbers_of_torch_count_as_numbers():
    def by_tensors(hits_a, hits_b, train_rows, t):
        d = hits_a.mean(1) - hits_b.mean(1)
        half = (
            t
            * d.std()
            * torch.tensor([len(d), 1 / (1 / len(d) + hits_a.shape[1] / train_rows)]).rsqrt()
        )
        return torch.stack([d.mean() - half, d.mean() + half], 1)

    task = find("09/T2")
    cases = task.draw(0)
    found = judge("09/T2", task, cases, observe(task.names, (by_tensors,), cases))
    assert found, found.message


SOLUTIONS = {
    task: re.sub(r" +### (BEGIN|END) SOLUTION\n", "", cell.source) + "\n"
    for cell in CELLS
    for task in [
        tag.removeprefix("answer:")
        for tag in cell.metadata.get("tags", [])
        if tag.startswith("answer:")
    ]
}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("task", ["T1", "T2", "T3", "T4", "T6", "T9", "T10"])
def test_the_notebooks_answers_pass_in_a_process_of_their_own(task):
    found = check_source("from torch import nn\n" + SOLUTIONS[task], 60, f"09/{task}")
    assert found["verdict"] == "passed", found["message"]


# ---- the referees of T1 to T3 ----


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_built_network_is_the_one_written_out_by_hand(batch_norm, dropout):
    (build,) = tasks.builder()
    norm, drop = [nn.BatchNorm1d(5)] * batch_norm, [nn.Dropout(dropout)] * (dropout > 0)
    by_hand = nn.Sequential(nn.Linear(4, 5), *norm, *drop, nn.ReLU(), nn.Linear(5, 2))
    built = build((4, 5, 2), batch_norm=batch_norm, dropout=dropout)
    assert repr(built) == repr(by_hand)
    built.load_state_dict(by_hand.state_dict())
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(built.eval()(x), by_hand.eval()(x))


def test_the_intervals_are_those_of_the_course():
    for case in tasks.interval_cases(torch.Generator().manual_seed(0)):
        hits_a, hits_b, train_rows, t = decode(case["args"])
        a, b = hits_a.mean(1), hits_b.mean(1)
        naive, corrected = tasks.intervals_by_scipy(hits_a, hits_b, train_rows, t)
        assert naive == pytest.approx(paired_interval(a, b)[1:3], abs=1e-12)
        assert corrected == pytest.approx(
            corrected_interval(a - b, train_rows, hits_a.shape[1])[1:3], abs=1e-12
        )
        assert corrected[1] - corrected[0] > naive[1] - naive[0]


def test_two_divisions_by_hand():
    hits_a = torch.tensor([[1.0] * 6 + [0.0] * 4, [1.0] * 8 + [0.0] * 2], dtype=FLOAT)
    hits_b = torch.tensor([[1.0] * 5 + [0.0] * 5, [1.0] * 5 + [0.0] * 5], dtype=FLOAT)
    naive, corrected = tasks.intervals_by_scipy(hits_a, hits_b, 40, 12.7)
    assert naive == pytest.approx((0.2 - 1.27, 0.2 + 1.27), abs=2e-3)
    assert corrected == pytest.approx((0.2 - 1.556, 0.2 + 1.556), abs=2e-3)


def test_two_divisions_with_equal_differences_have_an_interval_of_no_width():
    hits_a, hits_b = (
        torch.ones(2, 4, dtype=FLOAT),
        torch.tensor([[1.0, 1.0, 1.0, 0.0]] * 2, dtype=FLOAT),
    )
    assert tasks.intervals_by_scipy(hits_a, hits_b, 8, 12.7) == ((0.25, 0.25), (0.25, 0.25))


@pytest.fixture(scope="module")
def coin_tosses():
    """The notebook's own cells: its leaky study, and the mean error of a study on labels that are
    coin tosses.
    """
    space = {"torch": torch, "print": lambda *words: None}
    for code in CODE:
        if code.startswith(("def ridge", "def coin_tosses")):
            exec(code, space)
    return space


def test_the_given_study_has_the_three_leaks_and_the_referee_none(coin_tosses):
    run, given = coin_tosses["coin_tosses"], coin_tosses["study"]
    (all_leaks,) = tasks.researcher("all", "all", "test")
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(30, 9, generator=g).double(), torch.randn(30, generator=g).sign().double()
    order = torch.randperm(30, generator=g)
    for strengths in ([1.0], [0.1, 10.0, 100.0]):
        a, b = (
            study(x, y, order, strengths, scripts.ridge, scripts.mean_square)
            for study in (given, all_leaks)
        )
        assert a[0] == b[0] and float(a[1]) == pytest.approx(b[1], abs=1e-12)
    assert run(all_leaks) < 0.9
    assert run(*tasks.researcher()) > 1


def test_choosing_the_columns_on_all_rows_is_the_large_leak(coin_tosses):
    run = coin_tosses["coin_tosses"]
    honest, scaled, columns, chosen = (
        run(*tasks.researcher(**leak))
        for leak in ({}, {"scaled_on": "all"}, {"columns_on": "all"}, {"chosen_on": "test"})
    )
    assert honest - columns > 0.1 > 2 * max(abs(honest - scaled), honest - chosen)

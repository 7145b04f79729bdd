"""lab/data.py: what is promised of the splits, and what is refused."""

import dataclasses

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from course_lib.data import Split, digits, noisy_sine, quadratic

MAKERS = {"digits": digits, "noisy_sine": noisy_sine, "quadratic": quadratic}


def tensors(split):
    return [getattr(split, field.name) for field in dataclasses.fields(split)]


def rows_of(x):
    return [tuple(row) for row in x.tolist()]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_seed_decides_and_nothing_else(make):
    once = tensors(make(seed=3))
    torch.rand(5)  # a draw from the global generator must not matter
    assert all(torch.equal(a, b) for a, b in zip(once, tensors(make(seed=3))))
    assert not torch.equal(once[0], make(seed=4).train_x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_dtype_of_features_and_targets(make, dtype):
    split = make(dtype=dtype)
    split.check()
    assert {t.dtype for t in tensors(split)} == (
        {dtype, torch.int64} if make is digits else {dtype}
    )


@given(train=st.integers(1, 1500), validation=st.integers(0, 296), seed=st.integers(0, 2**40))
# nearly all rows: shares differ most from equal numbers
@example(train=1500, validation=200, seed=0)
def test_digits_parts_are_disjoint_complete_and_stratified(train, validation, seed):
    split = digits(train, validation, scale="unit", seed=seed, dtype=torch.float64)
    parts = {"train": train, "validation": validation, "test": 1797 - train - validation}
    shares = torch.bincount(torch.from_numpy(load_digits().target)) / 1797
    for name, size in parts.items():
        labels = getattr(split, f"{name}_y")
        assert len(getattr(split, f"{name}_x")) == len(labels) == size
        assert (torch.bincount(labels, minlength=10) - size * shares).abs().max() <= 2
    together = rows_of(torch.cat([split.train_x, split.validation_x, split.test_x]))
    assert sorted(together) == sorted(map(tuple, (load_digits().data / 16).tolist()))


def test_digits_labels_belong_to_their_pixels():
    pixels, labels = load_digits(return_X_y=True)
    known = dict(zip(map(tuple, (pixels / 16).tolist()), labels.tolist()))
    split = digits(scale="unit", label_noise=0.5, dtype=torch.float64)
    assert [known[row] for row in rows_of(split.test_x)] == split.test_y.tolist()
    assert [known[row] for row in rows_of(split.train_x)] == split.clean_train_y.tolist()


def test_smaller_training_sets_lie_within_larger_ones():
    few, many = digits(100, seed=1, scale="unit"), digits(400, seed=1, scale="unit")
    assert torch.equal(few.train_x, many.train_x[:100])


@pytest.mark.parametrize(("noise", "wrong"), [(0.0, 0), (0.2, 60), (1.0, 300)])
def test_label_noise_replaces_exactly_its_share_by_another_class(noise, wrong):
    split = digits(300, 100, label_noise=noise, scale="unit", dtype=torch.float64)
    assert (split.train_y != split.clean_train_y).sum() == wrong
    assert split.train_y.min() >= 0 and split.train_y.max() <= 9
    clean = digits(
        300, 100, label_noise=noise, clean_validation=True, scale="unit", dtype=torch.float64
    )
    assert (split.validation_y != clean.validation_y).sum() == round(100 * noise)
    assert torch.equal(clean.train_y, split.train_y)


def test_wrong_labels_are_even_over_the_other_nine():
    """Chi-squared over the nine shifts: 8 degrees of freedom, p = 1e-4 at 31.8."""
    split = digits(1797 - 1, 0, label_noise=1.0, seed=0)
    shifts = torch.bincount((split.train_y - split.clean_train_y) % 10, minlength=10)[1:]
    expected = shifts.sum() / 9
    assert ((shifts - expected) ** 2 / expected).sum() < 31.8


def test_standard_scale_is_fitted_on_the_training_rows():
    split = digits(200, dtype=torch.float64)
    raw = digits(200, dtype=torch.float64, scale="unit")
    dead = raw.train_x.std(0) == 0
    assert 3 <= dead.sum() < 64
    assert split.train_x.mean(0).abs().max() < 1e-12
    torch.testing.assert_close(
        split.train_x.std(0, correction=0)[~dead], torch.ones(int((~dead).sum())).double()
    )
    assert all((x[:, dead] == 0).all() for x in (split.train_x, split.validation_x, split.test_x))
    mean, std = raw.train_x.mean(0), raw.train_x.std(0, correction=0)
    torch.testing.assert_close(split.test_x[:, ~dead], ((raw.test_x - mean) / std)[:, ~dead])


def test_noisy_sine():
    split = noisy_sine(400, 50, 60, noise=0.3, dtype=torch.float64)
    assert [len(t) for t in tensors(split)] == [400, 400, 50, 50, 60, 60, 400]
    torch.testing.assert_close(split.test_y, torch.sin(torch.pi * split.test_x))
    torch.testing.assert_close(split.clean_train_y, torch.sin(torch.pi * split.train_x))
    noise = (split.train_y - split.clean_train_y) / 0.3
    # chi-squared with 400 degrees of freedom: 5e-4 on either side
    assert 310 < noise.square().sum() < 504
    assert split.train_x.min() >= -1 and split.train_x.max() < 1


@pytest.mark.parametrize("rotate", [True, False])
def test_quadratic_has_the_curvatures_asked_for(rotate):
    spectrum, solution = (0.5, 3.0, 20.0), (1.0, -2.0, 0.5)
    split = quadratic(spectrum, rows=40, solution=solution, rotate=rotate)
    x = torch.cat([split.train_x, torch.ones(40, 1, dtype=torch.float64)], 1)  # with a bias
    hessian = torch.autograd.functional.hessian(
        lambda w: torch.nn.functional.mse_loss(x @ w.unsqueeze(1), split.train_y),
        torch.zeros(4, dtype=torch.float64),
    )
    torch.testing.assert_close(hessian[3], torch.tensor([0, 0, 0, 2.0], dtype=torch.float64))
    torch.testing.assert_close(
        torch.linalg.eigvalsh(hessian[:3, :3]), torch.tensor(spectrum, dtype=torch.float64)
    )
    assert torch.allclose(hessian[:3, :3].diag(), torch.tensor(spectrum).double()) is not rotate
    found = torch.linalg.lstsq(split.test_x, split.test_y).solution.squeeze(1)
    torch.testing.assert_close(found, torch.tensor(solution, dtype=torch.float64))


REFUSED = {
    "no training rows": (digits, {"train_rows": 0}, "train_rows = 0"),
    "no test rows": (digits, {"train_rows": 1797}, "1797"),
    "no test rows left": (
        digits,
        {"train_rows": 1700, "validation_rows": 97},
        r"train_rows \+ validation_rows = 1797",
    ),
    "negative validation": (digits, {"validation_rows": -1}, "validation_rows = -1"),
    "noise above one": (digits, {"label_noise": 1.1}, r"label_noise = 1.1: .*\[0, 1\]"),
    "noise NaN": (digits, {"label_noise": float("nan")}, "label_noise = nan"),
    "scale": (digits, {"scale": "minmax"}, "scale = 'minmax'"),
    "sine noise": (noisy_sine, {"noise": -0.1}, "noise = -0.1"),
    "sine rows": (noisy_sine, {"test_rows": 0}, "test_rows = 0"),
    "no curvature": (quadratic, {"spectrum": ()}, "spectrum"),
    "negative curvature": (quadratic, {"spectrum": (1.0, -1.0)}, "spectrum = -1.0"),
    "few rows": (quadratic, {"rows": 2}, "rows = 2"),
    "solution": (quadratic, {"solution": (1.0,)}, "solution"),
}


@pytest.mark.parametrize(("make", "arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


def test_check_says_where_the_first_bad_value_is():
    split = noisy_sine(10)
    split.train_x[7, 0] = float("nan")
    with pytest.raises(ValueError, match="train_x = nan at row 7, column 0"):
        split.check()
    with pytest.raises(ValueError, match="train_x has 10 rows, train_y has 9"):
        Split(
            *[t[:9] if name == "train_y" else t for name, t in vars(noisy_sine(10)).items()]
        ).check()


def test_check_of_a_vector_names_the_row_alone():
    split = dataclasses.replace(noisy_sine(10), test_y=torch.full((200,), float("inf")))
    with pytest.raises(ValueError, match="test_y = inf at row 0: "):
        split.check()

"""Every module refuses a bad number in the same words; floats and tensors: the same arithmetic."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.base.arguments import (
    add_scaled,
    is_on,
    require,
    require_choice,
    require_nesterov,
    require_probability,
    require_whole,
)

ACCEPTED = {  # value, bounds
    "zero": (0, {}),
    "a float": (0.5, {}),
    "large": (1e300, {}),
    "a 0-d tensor": (torch.tensor(0.5), {}),
    "a tensor of one": (torch.tensor([0.5]), {}),
    "closed low end": (1, {"low": 1, "high": 2}),
    "closed high end": (2, {"low": 1, "high": 2, "open_high": False}),
    "negative, without a bound": (-1e300, {"low": -math.inf}),
}
REFUSED = {  # value, bounds, the range as it is said
    "negative": (-1, {}, "[0, ∞)"),
    "barely negative": (-5e-324, {}, "[0, ∞)"),
    "NaN": (math.nan, {}, "[0, ∞)"),
    "infinity": (math.inf, {}, "[0, ∞)"),
    "infinity, to a closed end": (math.inf, {"open_high": False}, "[0, ∞]"),
    "infinity downwards": (-math.inf, {"low": -math.inf, "open_low": True}, "(−∞, ∞)"),
    "text": ("0.1", {}, "[0, ∞)"),
    "nothing": (None, {}, "[0, ∞)"),
    "a list": ([0.1], {}, "[0, ∞)"),
    "True": (True, {}, "[0, ∞)"),
    "too large for a float": (10**400, {}, "[0, ∞)"),
    "complex": (1j, {}, "[0, ∞)"),
    "a tensor of two": (torch.tensor([0.1, 0.2]), {}, "[0, ∞)"),
    "a tensor of none": (torch.tensor([]), {}, "[0, ∞)"),
    "a NaN tensor": (torch.tensor(math.nan), {}, "[0, ∞)"),
    "open low end": (0.0, {"open_low": True}, "(0, ∞)"),
    "open high end": (1.0, {"high": 1.0}, "[0, 1)"),
    "below": (0.25, {"low": 0.5, "high": 0.75}, "[0.5, 0.75)"),
    "above a closed end": (1.01, {"high": 1, "open_high": False}, "[0, 1]"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_require_returns_the_very_value(case):
    value, bounds = ACCEPTED[case]
    assert require("strength", value, **bounds) is value


@pytest.mark.parametrize("case", REFUSED)
def test_require_refuses_naming_argument_value_and_range(case):
    value, bounds, allowed = REFUSED[case]
    message = f"strength = {value!r}: must be a finite number in {allowed}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        require("strength", value, **bounds)


@given(
    value=st.integers(-3, 6) | st.floats(),
    low=st.integers(-3, 3),
    width=st.integers(0, 3),
    open_low=st.booleans(),
    open_high=st.booleans(),
)
def test_require_accepts_exactly_the_interval(value, low, width, open_low, open_high):
    high = low + width
    inside = (
        low < value < high or (value == low and not open_low) or (value == high and not open_high)
    )
    at_an_excluded_end = (value == low and open_low) or (value == high and open_high)
    try:
        accepted = require("x", value, low, high, open_low=open_low, open_high=open_high) == value
    except ValueError:
        accepted = False
    assert accepted == (inside and not at_an_excluded_end)


WHOLE = {  # value, bounds, the int
    "an int": (3, {}, 3),
    "the low end": (1, {"low": 1}, 1),
    "the high end": (5, {"low": 1, "high": 5}, 5),
    "a float without a fraction": (4.0, {}, 4),
    "a 0-d tensor": (torch.tensor(4), {}, 4),
    "negative, without a bound": (-7, {"low": -math.inf}, -7),
    "more digits than a float has": (2**60 + 1, {}, 2**60 + 1),
}
NOT_WHOLE = {  # value, bounds, the range as it is said
    "a fraction": (2.5, {}, "[0, ∞)"),
    "below": (0, {"low": 1}, "[1, ∞)"),
    "above": (6, {"low": 1, "high": 5}, "[1, 5]"),
    "infinity": (math.inf, {}, "[0, ∞)"),
    "NaN": (math.nan, {"low": -math.inf}, "(−∞, ∞)"),
    "text": ("3", {}, "[0, ∞)"),
    "True": (True, {}, "[0, ∞)"),
    "nothing": (None, {}, "[0, ∞)"),
    "a list": ([3], {}, "[0, ∞)"),
}


@pytest.mark.parametrize(("value", "bounds", "whole"), WHOLE.values(), ids=WHOLE)
def test_require_whole_returns_an_int(value, bounds, whole):
    found = require_whole("rows", value, **bounds)
    assert found == whole and type(found) is int


@pytest.mark.parametrize(("value", "bounds", "allowed"), NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_require_whole_refuses_naming_argument_value_and_range(value, bounds, allowed):
    message = f"rows = {value!r}: must be a whole number in {allowed}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        require_whole("rows", value, **bounds)


@pytest.mark.parametrize("p", [0, 0.5, 1, torch.tensor(1.0)])
def test_require_probability_returns_the_very_value(p):
    assert require_probability("p", p) is p


@pytest.mark.parametrize(
    ("p", "bounds", "allowed"),
    [
        (-0.1, {}, "[0, 1]"),
        (1.1, {}, "[0, 1]"),
        (math.nan, {}, "[0, 1]"),
        (0, {"open_low": True}, "(0, 1]"),
        (1, {"open_high": True}, "[0, 1)"),
    ],
)
def test_require_probability_refuses_naming_argument_value_and_range(p, bounds, allowed):
    message = f"p = {p}: must be a finite number in {allowed}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        require_probability("p", p, **bounds)


def test_require_choice():
    choices = {"penalty": 1, "decoupled": 2}
    assert require_choice("source", "penalty", choices) == "penalty"
    with pytest.raises(ValueError, match=r"^source = 'l2': must be one of 'penalty', 'decoupled'$"):
        require_choice("source", "l2", choices)


@pytest.mark.parametrize("strength", [0.1, -1, 1e-300, torch.tensor(0.0), torch.zeros(3)])
def test_is_on(strength):
    assert is_on(strength)


@pytest.mark.parametrize("strength", [0, 0.0, -0.0])
def test_is_off(strength):
    assert not is_on(strength)


@pytest.mark.parametrize("into", [False, True], ids=["a new tensor", "into out"])
@pytest.mark.parametrize(
    "scale", [0.5, -2, torch.tensor(0.5), torch.tensor([[0.5], [-2.0]])], ids=str
)
def test_add_scaled(scale, into):
    total, term = torch.ones(2, 3), torch.arange(6.0).view(2, 3)
    out = total if into else None
    result = add_scaled(total, scale, term, out=out)
    assert torch.equal(result, 1 + scale * term)  # powers of two: no rounding
    assert (result is total) == into
    assert torch.equal(term, torch.arange(6.0).view(2, 3))
    assert into or torch.equal(total, torch.ones(2, 3))


NESTEROV = {  # nesterov, momentum, dampening, refused
    "off, without momentum": (False, 0.0, 0.5, False),
    "momentum": (True, 0.9, 0.0, False),
    "no momentum": (True, 0.0, 0.0, True),
    "dampening": (True, 0.9, 0.1, True),
    "negative dampening": (True, 0.9, -0.1, True),
    "one setting without momentum": (True, [0.9, 0.0], 0.0, True),
    "one setting with dampening": (True, 0.9, [0.0, 0.1], True),
    "all settings as they should": (True, [0.9, 0.5], [0.0, 0.0], False),
}


@pytest.mark.parametrize(
    ("nesterov", "momentum", "dampening", "refused"), NESTEROV.values(), ids=NESTEROV
)
def test_nesterov_needs_momentum_and_no_dampening(nesterov, momentum, dampening, refused):
    if not refused:
        assert require_nesterov(nesterov, momentum, dampening) is None
        return
    message = f"nesterov = True with momentum = {momentum}, dampening = {dampening}: "
    with pytest.raises(
        ValueError, match=f"^{re.escape(message)}.*momentum in \\(0, 1\\) and dampening = 0$"
    ):
        require_nesterov(nesterov, momentum, dampening)

"""How a transformer block with two branches that are dropped at random is put through a case.

What an answer drew is read off its result: the attention of a case writes into the first half of
the features alone, its MLP into the second, so each half says what became of one branch. See
`drivers`, and `masks` for what chance may do.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.checks.judge import masks
from course_lib.checks.judge.chance import is_likely, oddity
from course_lib.checks.judge.norms import slopes
from course_lib.checks.judge.values import Case, Note, decode

BRANCHES = ("the attention branch", "the MLP branch")
LIKE_X = "a tensor like x"


class _Parts:
    """Norms, attention and MLP of a case; x […, rows, tokens, width], every row on its own."""

    def __init__(self, case: Case) -> None:
        self.affine, self.mixing = decode(case["affine"]), decode(case["mixing"])

    def norm(self, which: int, z: Tensor) -> Tensor:
        """A layer norm with a gain and a shift of its own."""
        gain, shift = self.affine[which]
        return torch.layer_norm(z, z.shape[-1:]) * gain + shift

    def branch(self, which: int, z: Tensor) -> Tensor:
        """1.5 + tanh(…) ∈ (½, 2½) in the half of this branch, 0 in the other.

        Attention also looks at the mean of the row's tokens.
        """
        z = z + z.mean(-2, keepdim=True) if which == 0 else z
        part = 1.5 + torch.tanh(z @ self.mixing[which])
        return torch.cat([part, 0 * part] if which == 0 else [0 * part, part], -1)

    def given(self) -> list[Callable[[Tensor], Tensor]]:
        """attention, mlp, norm1, norm2, as the answer is handed them."""
        return [
            lambda z: self.branch(0, z),
            lambda z: self.branch(1, z),
            lambda z: self.norm(0, z),
            lambda z: self.norm(1, z),
        ]

    def factors(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """What each branch was multiplied by on the way from x to y, entry by entry."""
        half = x.shape[-1] // 2
        between = torch.cat([y[..., :half], x.expand_as(y)[..., half:]], -1)  # x + attention's part
        inputs = (x.expand_as(y), between)
        halves = (slice(None, half), slice(half, None))
        found = [
            ((y - x) / self.branch(which, self.norm(which, z)))[..., mine]
            for which, (z, mine) in enumerate(zip(inputs, halves))
        ]
        return [torch.where(r.abs() < NONE, 0.0, r) for r in found]

    def multiplied(self, x: Tensor, factors: list[Tensor]) -> Tensor:
        """The block's result where each branch is multiplied by these factors."""
        for which, factor in enumerate(factors):
            x = x + torch.cat([factor, factor], -1) * self.branch(which, self.norm(which, x))
        return x


FEW = 12  # draws: of four seeds, with two decisions in each at p ≤ 0.8, all alike once in 1e9
NONE = 1e-12  # what rounding leaves of a branch that was multiplied by 0


def _block(invoke: Callable, answers: Sequence, case: Case, note: Note) -> None:
    """A pre-norm block that is dropped branch by branch and row by row.

    Case: "x", "affine", "mixing", "hyper" (p, training), "draws" (0: nothing is left to chance).
    """
    (function,) = answers
    parts, x, hyper = _Parts(case), decode(case["x"]), decode(case["hyper"])

    def run(x: Tensor, generator: torch.Generator) -> Tensor:
        return function(x, *parts.given(), **hyper, generator=generator)

    given = x.clone()
    seed = case["seed"]
    first = invoke(function, given, *parts.given(), **hyper, generator=_seeded(seed))
    same = type(first) is torch.Tensor and (first.shape, first.dtype) == (x.shape, x.dtype)
    generator = _seeded(seed)
    if same and not case["draws"]:
        again = (run(x.clone(), generator) for _ in range(FEW))
        steady = all(torch.allclose(first, y, 1e-9, equal_nan=True) for y in again)
        note("", STEADY, steady)
        if not steady:
            return
    note("", "the result", LIKE_X if same and case["draws"] else first)
    note("", "the input x", given)
    if not same:
        return
    if not case["draws"]:
        leaf = x.clone().requires_grad_()
        note("", "the gradient", slopes(run(leaf, generator), [leaf]))
        return
    generator = _seeded(seed + 1)
    drawn = torch.stack([run(x, generator) for _ in range(case["draws"])]).detach()
    _note_draws(parts.factors(x, drawn), hyper["p"], note)
    seeds = (seed, seed, seed + 2, seed + 3, seed + 4)
    one, repeat, *others = (
        torch.stack([run(x, g) for _ in range(FEW)]) for g in map(_seeded, seeds)
    )
    repeats = torch.equal(one, repeat) and not all(torch.equal(one, other) for other in others)
    note("", "one seed gives one result", repeats)
    note("", "the gradient is that of what was kept", _slopes_fit(parts, x, run, _seeded(seed)))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _note_draws(factors: list[Tensor], p: float, note: Note) -> None:
    """What all draws of a right answer share; factors: [draws, rows, tokens, half] per branch."""
    gone = [factor[..., 0, 0] == 0 for factor in factors]  # [draws, rows]
    for where, factor, off in zip(BRANCHES, factors, gone):
        masks.note_observed(factor.flatten(1), p, note, where)
        note(where, "factors", masks.few_values(factor))
        alike = bool((off == off[:, :1]).all())
        decisions = off[:, 0] if alike else off
        note(where, "share that is kept", _share(int((~decisions).sum()), decisions.numel(), 1 - p))
        rows = factor.flatten(2).flatten(0, 1)
        note(where, "different factors within one row, at most", masks.most_values(rows))
        tokens = factor.flatten(0, -2)
        note(where, "different factors within one token, at most", masks.most_values(tokens))
        note(where, ALL_ROWS, alike)
    both = bool(torch.equal(*gone))
    note("", TOGETHER, both)
    known = both or any(bool((off == off[:, :1]).all()) for off in gone)
    note(
        "",
        masks.ON_ITS_OWN,
        "" if known else oddity(torch.cat(gone, 1), p) or _pairing(gone[0], gone[1], p),
    )


STEADY = "the same whatever is drawn"
ALL_ROWS = "all rows share one decision"
TOGETHER = "both branches share one decision"


def _pairing(first: Tensor, second: Tensor, p: float) -> str:
    """What chance does not explain in how often both branches of a row fall, or both stay.

    All rows and draws together: two binomial counts more than those of `oddity`, as exact.
    """
    counts = ((int((first & second).sum()), p * p), (int((~first & ~second).sum()), (1 - p) ** 2))
    odd = any(not is_likely(count, first.numel(), likely) for count, likely in counts)
    return "the two branches of a row fall together too often or too rarely" if odd else ""


def _share(count: int, n: int, kept: float) -> float:
    """`kept` or 1 − `kept`, whichever may have given this count, else the share in tenths."""
    likely = (share for share in (kept, 1 - kept) if is_likely(count, n, share))
    return next(likely, round(10 * count / n) / 10)


def _slopes_fit(parts: _Parts, x: Tensor, run: Callable, generator: torch.Generator) -> bool:
    """True if the gradients of some draws are those of the branches times what the draw gave."""
    for _ in range(FEW):
        leaf, other = (x.clone().requires_grad_() for _ in range(2))
        y = run(leaf, generator)
        expected = parts.multiplied(other, parts.factors(x, y.detach()))
        found, right = slopes(y, [leaf]), slopes(expected, [other])
        if isinstance(found, str) or isinstance(right, str):
            return False
        if not torch.allclose(found[0], right[0], rtol=1e-6, atol=1e-9):
            return False
    return True


DRIVERS = {"block": _block}

"""Random numbers: every seed of the course comes through here, shifted by the base.

**Base** 0 is where claims are written, and confirms nothing; on base b seed n means 10 000·b + n,
so that fresh bases repeat a whole experiment (splits, noise, initial weights, batch orders, search
draws) on numbers that nobody has looked at. The environment variable COURSE_BASE says which.
"""

import os
import random

import torch

APART = 10_000  # seeds of one base; no experiment counts as far


def _base() -> int:
    given = os.environ.get("COURSE_BASE", "0")
    if not (given.isascii() and given.isdecimal()):
        raise ValueError(f"COURSE_BASE = {given!r}: must be a whole number ≥ 0")
    return int(given)


BASE = _base()  # one for a process, so that whatever is kept in it is of this base
_AT_START = torch.initial_seed()  # of torch's global generator, in every process the same


def shifted(seed: int) -> int:
    """What `seed` is on this base: 10 000·base + seed."""
    return APART * BASE + seed


def seeded(seed: int, purpose: str = "", device: torch.device | str = "cpu") -> torch.Generator:
    """A generator from `seed` on this base, one for each `purpose`.

    Drawing more for one purpose shifts no other. Without a purpose, on base 0, it is
    `torch.Generator().manual_seed(seed)`.
    """
    number = shifted(seed)
    if purpose:
        number = random.Random(f"{purpose} {number}").getrandbits(63)
    return torch.Generator(device).manual_seed(number)


def reseed(seed: int) -> None:
    """Seed torch's global generators, for what takes no generator: `torch.manual_seed`."""
    torch.manual_seed(shifted(seed))


def begin() -> None:
    """On a fresh base shift what nobody seeds, too: torch's global generators, as they start."""
    if BASE:
        reseed(_AT_START)

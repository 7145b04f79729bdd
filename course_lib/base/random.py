"""Random numbers by seed and purpose."""

import random

import torch


def seeded(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for each purpose: drawing more of one thing shifts nothing else."""
    return torch.Generator(device).manual_seed(random.Random(f"{purpose} {seed}").getrandbits(63))

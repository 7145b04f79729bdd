"""Does a network that reads place by place know its mirrors?

The loop that lesson 10 has in plain PyTorch reads all three places in its last layer, which has
weights of its own for each, and no embeddings of places. Beside it stands the same layer read at
"=" alone: blind to order without embeddings of places; with them it could tell a + b from b + a.
Without decay, 300 updates, a learning rate of 0.01.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.base.arguments import require_choice
from course_lib.base.random import reseed
from course_lib.experiments.elsewhere.grokking import BETA2, LR, PRIME, WARM_UP, mirrored, split_of
from course_lib.records import store

READINGS = ("all three places", "the last place, places told", "the last place, no places")
WIDTH, HEADS, HIDDEN, STEPS = 64, 4, 256, 300
SEEDS = tuple(range(4))


class Network(nn.Module):
    """torch's transformer layer, read as one of READINGS says."""

    def __init__(self, reading: str):
        super().__init__()
        self.all = require_choice("reading", reading, READINGS) == READINGS[0]
        self.embedding = nn.Embedding(PRIME + 1, WIDTH)
        self.layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True)
        self.out = nn.Linear(3 * WIDTH if self.all else WIDTH, PRIME)
        self.places = nn.Parameter(torch.randn(3, WIDTH)) if reading == READINGS[1] else None

    def forward(self, x: Tensor) -> Tensor:
        """Scores [rows, p] of x [rows, 3]."""
        tokens = self.embedding(x)
        tokens = self.layer(tokens if self.places is None else tokens + self.places)
        return self.out(tokens.flatten(1) if self.all else tokens[:, -1])


def shares(reading: str, seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> Tensor:
    """Shares right [seeds, 3]: training pairs, test pairs with a trained mirror, and the others."""
    found = []
    for seed in seeds:
        split, there = split_of(seed), mirrored(split_of(seed))
        reseed(seed)
        net = Network(reading)
        optimizer = torch.optim.AdamW(net.parameters(), LR, betas=(0.9, BETA2), weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / WARM_UP, total_iters=WARM_UP)
        for _ in range(steps):
            optimizer.zero_grad()
            cross_entropy(net(split.train_x), split.train_y).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            right = net(split.test_x).argmax(1) == split.test_y
            trained = net(split.train_x).argmax(1) == split.train_y
        found.append([part.double().mean() for part in (trained, right[there], right[~there])])
    return torch.tensor(found, dtype=torch.float64)


def known(reading: str) -> Tensor:
    """`shares` at SEEDS: as stored in `course_lib/records/elsewhere/mirrors.json`, else trained."""
    kept = store.kept("elsewhere/mirrors", require_choice("reading", reading, READINGS))
    return torch.tensor(kept, dtype=torch.float64) if kept else shares(reading)

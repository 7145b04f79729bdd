"""A transformer of one layer that answers with one token: written down, as a module, V as one.

    h = E[token] + P[position]                      for each position
    r = h_last + W_O·[heads of attention of the last position to all]
    z = U·(r + W_2·ReLU(W_1·r + b_1) + b_2)         logits of the answer

With `norm` "rms" or "layer" a norm stands before attention, before the MLP and before U
("pre-norm"; Xiong et al., "On layer normalization in the transformer architecture", ICML 2020).
Attention and U have no biases. After Nanda et al., "Progress measures for grokking via mechanistic
interpretability", ICLR 2023.

Before the first attention nothing depends on the row: what a token says at its place is one of
positions × vocabulary vectors. V networks therefore compute keys, values and scores for those, and
look up what a row needs: exact, and a small part of the work.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_whole
from course_lib.batchnorm import LayerNorm, layer_norm
from course_lib.elsewhere import MultiHeadAttention, RMSNorm, join_heads, rms_norm, split_heads
from course_lib.engine.layers import ByAutograd, Layer, Sequence
from course_lib.engine.networks import Networks, by_seed, relu_backward
from course_lib.engine.spec import require_shape
from course_lib.engine.table import Start, TableSpec, constant, normal

EPS = 1e-5  # of both norms
NORMS = {"rms": RMSNorm, "layer": LayerNorm}


@dataclass(frozen=True)
class TransformerSpec(TableSpec):
    """A one-layer transformer that reads `tokens` tokens and answers with one of `prime` numbers.

    Tokens are 0 … `prime`, the last of which is "=". width: numbers that stand for a token; heads:
    of attention; the MLP has expansion·width hidden units. norm: "rms", "layer", or None.
    Raises ValueError for sizes below 1 (prime: below 2), heads that do not divide the width, and
    another norm.
    """

    prime: int = 31
    tokens: int = 3
    width: int = 64
    heads: int = 4
    expansion: int = 4
    norm: str | None = None

    def __post_init__(self) -> None:
        for name in ("prime", "tokens", "width", "heads", "expansion"):
            low = 2 if name == "prime" else 1
            object.__setattr__(self, name, require_whole(name, getattr(self, name), low))
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads}: must divide the width, {self.width}")
        require_choice("norm", self.norm, (None, *NORMS))

    large = True

    @property
    def by_autograd(self) -> bool:
        """Whether there is a norm: the rest is written by hand."""
        return self.norm is not None

    @property
    def inputs(self) -> int:
        """Tokens in a row."""
        return self.tokens

    @property
    def outputs(self) -> int:
        """Logits."""
        return self.prime

    @property
    def units(self) -> int:
        """How many numbers a row becomes: values, what attention brings, the MLP's."""
        return self.width * (self.tokens + 3 + self.expansion)

    def table(self) -> Iterator[tuple[str, tuple[int, ...], Start]]:
        """(name, shape, initial values) of the parameters.

        Weights are normal with standard deviation 1/√in, embeddings and positions with 1/√width;
        biases 0, γ = 1.
        """
        d, hidden = self.width, self.width * self.expansion
        usual = normal(d**-0.5)

        def norm(name: str) -> Iterator[tuple[str, tuple[int, ...], Start]]:
            if self.norm is not None:
                yield f"{name}.weight", (d,), constant(1)
            if self.norm == "layer":
                yield f"{name}.bias", (d,), constant(0)

        yield "embedding", (self.prime + 1, d), usual
        yield "positions", (self.tokens, d), usual
        yield from norm("attention_norm")
        yield "attention.in_proj_weight", (3 * d, d), usual
        yield "attention.out_proj.weight", (d, d), usual
        yield from norm("mlp_norm")
        yield "up.weight", (hidden, d), usual
        yield "up.bias", (hidden,), constant(0)
        yield "down.weight", (d, hidden), normal(hidden**-0.5)
        yield "down.bias", (d,), constant(0)
        yield from norm("last_norm")
        yield "unembedding.weight", (self.prime, d), usual

    def require_rows(self, name: str, x: Tensor) -> None:
        """Raise ValueError for an x that is not [rows ≥ 1, `tokens`] of whole numbers 0 … prime."""
        require_shape(name, x, self.tokens)
        if x.dtype != torch.int64 or not 0 <= int(x.min()) <= int(x.max()) <= self.prime:
            raise ValueError(f"{name}: must hold tokens in [0, {self.prime}], as int64")

    def networks(
        self, start: list[Tensor], settings: int, options: dict[str, Tensor], batch_size: int
    ) -> "TransformerNetworks":
        """The networks as one, for a chunk."""
        return TransformerNetworks(self, start, settings, options, batch_size)

    def module(self, dropout: float) -> "Transformer":
        """The single model; dropout: p of the MLP's hidden units."""
        return Transformer(self, dropout)


class Transformer(nn.Module):
    """The single model of `spec`, of torch's layers and `elsewhere`'s, every position computed."""

    def __init__(self, spec: TransformerSpec, dropout: float = 0.0):
        super().__init__()
        d = spec.width

        def norm() -> nn.Module:
            return nn.Identity() if spec.norm is None else NORMS[spec.norm](d, EPS)

        self.embedding = nn.Parameter(torch.empty(spec.prime + 1, d))
        self.positions = nn.Parameter(torch.empty(spec.tokens, d))
        self.attention_norm = norm()
        self.attention = MultiHeadAttention(d, spec.heads, bias=False)
        self.mlp_norm = norm()
        self.up = nn.Linear(d, spec.expansion * d)
        self.dropout = nn.Dropout(dropout)
        self.down = nn.Linear(spec.expansion * d, d)
        self.last_norm = norm()
        self.unembedding = nn.Linear(d, spec.prime, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, prime] for tokens x [B, tokens], int64."""
        h = self.embedding[x] + self.positions  # [B, tokens, width]
        h = h + self.attention(self.attention_norm(h))
        r = h[:, -1]
        r = r + self.down(self.dropout(self.up(self.mlp_norm(r)).relu()))
        return self.unembedding(self.last_norm(r))


Learned = dict[str, tuple[Tensor, Tensor]]  # parameters by name, each with its gradient


class TransformerNetworks(Networks):
    """V transformers of `spec` as one, forward and backward by hand.

    Attention is computed for all at once; what reads its result, network by network, there and back
    while its activations are in the cache. options: `dropout`, p [V] of the hidden units, whose
    field is [expansion·width, B]; `label_smoothing`, ε [V].
    """

    def __init__(
        self,
        spec: TransformerSpec,
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
        batch_size: int,
    ):
        self._begin(spec.task, start, settings, options)
        learned = dict(zip(spec.names(), zip(self.parameters, self.gradients)))
        p = options.get("dropout", self.flat.new_zeros(self.count))
        hidden = spec.expansion * spec.width
        self.noise_widths = (hidden,) if p.any() else ()
        self.attention = Attention(spec, learned)
        self.batch: Tensor | None = None  # the tokens that it has places of
        room = self.flat.new_empty(3, 1, hidden, batch_size)
        self.readers = [
            Reader(spec, _slice(learned, v), one, room) for v, one in enumerate(p.tolist())
        ]

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`."""
        fields = by_seed(noise[0]) if noise else None
        if x is not self.batch:  # all rows are the same at each step
            self.batch, self.places = x, self.attention.places(by_seed(x))
            self.wanted = self._wanted(target)
        r, wanted = self.attention.forward(self.places, True), self.wanted
        delta, losses = torch.empty_like(r), []
        for v, reader in enumerate(self.readers):
            if fields is not None:
                reader.draw(fields[v * self.seeds // self.count])
            one = slice(v, v + 1)
            loss, back = self.loss(reader.forward(r[one].mT, True), wanted[one])
            delta[one] = reader.backward(back).mT
            losses.append(loss)
        self.attention.backward(delta)
        return torch.cat(losses)

    def outputs(self, x: Tensor) -> Tensor:
        """Logits [V, prime, B] for tokens x [B, tokens] or [S, B, tokens], in evaluation."""
        places = self.attention.places(by_seed(x))
        parts = self.attention.forward(places, False).mT.split(1)
        return torch.cat([reader.forward(r, False) for reader, r in zip(self.readers, parts)])


class Reader:
    """What one network makes of r [1, width, B]: the MLP's, then logits [1, prime, B].

    p: dropout of the hidden units. room: [3, 1, hidden, B], which networks share in training.
    """

    def __init__(self, spec: TransformerSpec, learned: Learned, p: float, room: Tensor):
        self.up, self.up_bias, self.down, self.down_bias, self.last = (
            learned[name]
            for name in ("up.weight", "up.bias", "down.weight", "down.bias", "unembedding.weight")
        )
        self.mlp_norm, self.last_norm = (
            _norm(spec, learned, name, 1) for name in ("mlp_norm", "last_norm")
        )
        self.p, self.room = p, room

    def draw(self, field: Tensor) -> None:
        """Drop the units where the field [hidden, B] is below p."""
        if self.p:
            torch.ge(field, self.p, out=self.room[2, 0]).div_(1 - self.p)

    def forward(self, r: Tensor, training: bool) -> Tensor:
        """Return z = U·(r + W_2·ReLU(W_1·r + b_1) + b_2)."""
        self.r = self.mlp_norm.forward(r, training)
        room = self.room[0] if training else None
        a = torch.baddbmm(self.up_bias[0].unsqueeze(-1), self.up[0], self.r, out=room).relu_()
        if self.p and training:
            a.mul_(self.room[2])
        r = r + torch.baddbmm(self.down_bias[0].unsqueeze(-1), self.down[0], a)
        self.read = self.last_norm.forward(r, training)
        return self.last[0] @ self.read

    def backward(self, delta: Tensor) -> Tensor:
        """From ∂loss/∂z to ∂loss/∂r."""
        a, hidden, kept = self.room
        torch.bmm(delta, self.read.mT, out=self.last[1])
        delta = self.last_norm.backward(self.last[0].mT @ delta)
        torch.sum(delta, -1, out=self.down_bias[1])
        torch.bmm(delta, a.mT, out=self.down[1])
        torch.bmm(self.down[0].mT, delta, out=hidden)
        if self.p:
            hidden.mul_(kept)
        relu_backward(hidden, a)
        torch.sum(hidden, -1, out=self.up_bias[1])
        torch.bmm(hidden, self.r.mT, out=self.up[1])
        return delta + self.mlp_norm.backward(self.up[0].mT @ hidden)


class Places(NamedTuple):
    """Where, counted through all networks, rows find values and scores [V·B·tokens], h_last [V·B].

    rows: B.
    """

    rows: int
    values: Tensor
    scores: Tensor
    last: Tensor


class Attention:
    """h_last + W_O·(what the last position takes from all), of V networks."""

    def __init__(self, spec: TransformerSpec, learned: Learned):
        self.tokens, self.words, self.heads = spec.tokens, spec.prime + 1, spec.heads
        self.root = (spec.width // spec.heads) ** 0.5
        self.embedding, self.positions, (weight, gradient), self.output = (
            learned[name]
            for name in (
                "embedding",
                "positions",
                "attention.in_proj_weight",
                "attention.out_proj.weight",
            )
        )
        width = (spec.width, 2 * spec.width)
        self.query, self.key_value = zip(weight.split(width, 1), gradient.split(width, 1))
        self.norm = _norm(spec, learned, "attention_norm", -1) if spec.norm else None

    def places(self, x: Tensor) -> Places:
        """Where `forward` finds what rows of tokens x [S, B, tokens] hold."""
        count, there = len(self.embedding[0]), self.tokens * self.words
        network = torch.arange(count, device=x.device).view(-1, 1, 1)
        x = x.repeat_interleave(count // len(x), 0)  # the same for all networks of a seed
        place = x + self.words * torch.arange(self.tokens, device=x.device)
        last = x[..., -1:] + self.words * network
        found = (place + there * network, place + there * last, last)
        return Places(x.shape[1], *(index.flatten() for index in found))

    def forward(self, at: Places, training: bool) -> Tensor:
        """What rows take, [V, B, width]."""
        self.at, embedding, positions = at, self.embedding[0], self.positions[0]
        shape = len(embedding), at.rows, self.tokens, self.heads, -1
        # what a token stands for at a place [V, positions·words, width], the last place at the end
        h = (embedding.unsqueeze(1) + positions.unsqueeze(2)).flatten(1, 2)
        self.h = self.norm.forward(h, training) if self.norm else h
        q = self.h[:, -self.words :] @ self.query[0].mT
        k, v = (self.h @ self.key_value[0].mT).chunk(2, -1)
        self.q, self.k = (split_heads(part, self.heads) for part in (q, k))
        scores = self.q @ self.k.mT / self.root  # [V, heads, words, positions·words]
        fits = look_up(scores.permute(0, 2, 3, 1), at.scores).view(shape[:-1])
        self.shares = fits.softmax(2)
        self.values = look_up(v, at.values).view(shape)
        taken = (self.shares.unsqueeze(-1) * self.values).sum(2)
        self.taken = taken.flatten(2)
        last = look_up(h[:, -self.words :], at.last).view(self.taken.shape)
        return torch.baddbmm(last, self.taken, self.output[0].mT)

    def backward(self, delta: Tensor) -> None:
        """From ∂loss/∂output [V, B, width] to the gradients."""
        count, rows, width = delta.shape
        places = self.tokens * self.words
        self.output[1].copy_((self.taken.mT @ delta).mT)
        taken = (delta @ self.output[0]).view(count, rows, 1, self.heads, -1)
        product = taken * self.values
        shares = product.sum(-1)
        values = torch.mul(taken, self.shares.unsqueeze(-1), out=product)
        fits = torch._softmax_backward_data(shares, self.shares, 2, shares.dtype)
        v = put_back(values.view(-1, width), self.at.values, (count, places, width))
        scores = put_back(
            fits.view(-1, self.heads), self.at.scores, (count, self.words, places, self.heads)
        )
        scores = scores.permute(0, 3, 1, 2) / self.root
        q, k = (join_heads(part) for part in (scores @ self.k, (self.q.mT @ scores).mT))
        last = put_back(delta.view(-1, width), self.at.last, (count, self.words, width))
        kv = torch.cat([k, v], -1)
        self.key_value[1].copy_((self.h.mT @ kv).mT)
        self.query[1].copy_((self.h[:, -self.words :].mT @ q).mT)
        h = kv @ self.key_value[0]
        if self.norm is None:
            h[:, -self.words :] += last
        h[:, -self.words :] += q @ self.query[0]
        if self.norm is not None:
            h = self.norm.backward(h)
            h[:, -self.words :] += last
        h = h.view(count, self.tokens, self.words, width)
        torch.sum(h, 1, out=self.embedding[1])
        torch.sum(h, 2, out=self.positions[1])


def _slice(learned: Learned, v: int) -> Learned:
    """Network v alone."""
    return {name: (one[v : v + 1], grad[v : v + 1]) for name, (one, grad) in learned.items()}


def _norm(spec: TransformerSpec, learned: Learned, name: str, dim: int) -> Layer:
    """The norm called `name` along `dim` of x [V, …, …]; nothing without."""
    if spec.norm is None:
        return Sequence()

    def normed(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        x, weight = x.transpose(dim, -1), weight.unsqueeze(1)
        if bias is None:
            y = rms_norm(x, weight, EPS)
        else:
            y = layer_norm(x, spec.width, weight, bias.unsqueeze(1), EPS)
        return y.transpose(dim, -1)

    return ByAutograd(normed, [both for key, both in learned.items() if key.startswith(name)])


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """Rows [n, F] of a table [V, …, F] whose places are numbered through, index [n]."""
    return table.reshape(-1, table.shape[-1]).index_select(0, index)


def put_back(rows: Tensor, index: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What `look_up` does to a gradient: rows [n, F] summed where they came from, as `shape`."""
    if rows.is_cuda:  # where index_add_ adds in whatever order
        entries = math.prod(shape[:-1])
        found = torch.ops.aten.embedding_dense_backward(rows, index, entries, -1, False)
        return found.view(shape)
    return rows.new_zeros(shape).view(-1, shape[-1]).index_add_(0, index, rows).view(shape)

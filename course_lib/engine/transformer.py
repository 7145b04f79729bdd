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

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require_choice, require_whole
from course_lib.batchnorm import LayerNorm, layer_norm
from course_lib.elsewhere import MultiHeadAttention, RMSNorm, rms_norm, split_heads
from course_lib.engine.autograd import AutogradNetworks, AutogradSpec, Start, constant, normal
from course_lib.engine.spec import require_shape

EPS = 1e-5  # of both norms
NORMS = {"rms": RMSNorm, "layer": LayerNorm}


@dataclass(frozen=True)
class TransformerSpec(AutogradSpec):
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
        return TransformerNetworks(self, start, settings, options)

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


class TransformerNetworks(AutogradNetworks):
    """V transformers of `spec` as one.

    options: `dropout`, p [V] of the hidden units, whose field is [expansion·width, B];
    `label_smoothing`, ε [V]. noise_widths: (expansion·width,), or () without dropout.
    """

    def __init__(
        self, spec: TransformerSpec, start: list[Tensor], settings: int, options: dict[str, Tensor]
    ):
        super().__init__(spec.task, spec.names(), start, settings, options)
        self.shape = spec
        self.noise_widths = (spec.expansion * spec.width,) if self.drops else ()

    def forward(self, x: Tensor, noise: list[Tensor] | None) -> Tensor:
        """Logits [V, prime, B] for tokens x [S, B, tokens]."""
        named = self.named
        r = self._attend(x).mT  # [V, width, B]: features first, as everywhere in the engine
        a = torch.baddbmm(
            named["up.bias"].unsqueeze(-1), named["up.weight"], self._norm("mlp_norm", r, 1)
        ).relu_()
        if noise:
            a = self.dropped(a, noise[0])
        r = r + torch.baddbmm(named["down.bias"].unsqueeze(-1), named["down.weight"], a)
        return named["unembedding.weight"] @ self._norm("last_norm", r, 1)

    def _attend(self, x: Tensor) -> Tensor:
        """h_last + W_O·(what the last position takes from all): [V, B, width]."""
        named, (positions, width) = self.named, (self.shape.tokens, self.shape.width)
        heads, words = self.shape.heads, self.shape.prime + 1
        # what a token stands for at a place [V, positions·words, width], the last place at the end
        h = (named["embedding"].unsqueeze(1) + named["positions"].unsqueeze(2)).flatten(1, 2)
        normed = self._norm("attention_norm", h, -1)
        weight = named["attention.in_proj_weight"]
        q = normed[:, -words:] @ weight[:, :width].mT
        k, v = (normed @ weight[:, width:].mT).chunk(2, -1)
        scores = split_heads(q, heads) @ split_heads(k, heads).mT / (width // heads) ** 0.5
        # which of those a row holds [V, B, positions], and what its last token says
        place = self._spread(x + words * torch.arange(positions, device=x.device))
        last = self._spread(x[..., -1])
        # [V, B, positions, heads]: of the last place's words × (positions·words) scores
        table = scores.permute(0, 2, 3, 1).flatten(1, 2)
        shares = look_up(table, place + last.unsqueeze(-1) * (positions * words)).softmax(-2)
        values = look_up(v, place).unflatten(-1, (heads, -1))
        taken = (shares.unsqueeze(-1) * values).sum(2).flatten(-2)  # [V, B, width]
        output = named["attention.out_proj.weight"]
        return torch.baddbmm(look_up(h[:, -words:], last), taken, output.mT)

    def _spread(self, x: Tensor) -> Tensor:
        """[S, …] → [V, …]: the same for all networks of a seed, or for all where S is 1."""
        return x.repeat_interleave(self.count // len(x), 0)

    def _norm(self, name: str, x: Tensor, dim: int) -> Tensor:
        """The norm called `name` along `dim` of x [V, …, …], or x itself without."""
        if self.shape.norm is None:
            return x
        weight = self.named[f"{name}.weight"].unsqueeze(1)
        x = x.transpose(dim, -1)
        if self.shape.norm == "rms":
            y = rms_norm(x, weight, EPS)
        else:
            bias = self.named[f"{name}.bias"].unsqueeze(1)
            y = layer_norm(x, self.shape.width, weight, bias, EPS)
        return y.transpose(dim, -1)


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """table[v, index[v, …]] for each network: table [V, entries, F], index [V, …] → [V, …, F]."""
    count, entries = table.shape[:2]
    offset = entries * torch.arange(count, device=index.device)
    index = index + offset.view(-1, *[1] * (index.dim() - 1))
    return nn.functional.embedding(index, table.flatten(0, 1))

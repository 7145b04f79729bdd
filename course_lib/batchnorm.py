"""BatchNorm: which rows does it look at, and what does it remember?

    μ = mean, σ² = variance (divided by n)    per feature, over the n values of the batch
    x̂ = (x − μ) / √(σ² + ε)
    y = γ·x̂ + β                               γ, β: parameters; learned, one per feature
    running ← (1 − m)·running + m·batch       buffers; the variance here divided by n − 1

x: [rows, features] or [images, channels, height, width], in units of the layer before · ε > 0: in
units of x² · m ∈ [0, 1]: weight of the newest batch (torch's `momentum`; many texts give the weight
of the past, 1 − m).

Training normalises with the batch, evaluation with the running statistics. The gradient flows
through μ and σ² too. LayerNorm is the same line over the features of each row: no batch, no memory,
no second mode.

Sources: Ioffe & Szegedy, "Batch normalization", ICML 2015; Ba, Kiros & Hinton, "Layer
normalization", 2016.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from course_lib.base.arguments import Number, require, require_probability, require_whole

Foldable = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d  # with a BatchNorm behind it


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Number = 0.1,
    eps: float = 1e-5,
    *,
    dim: int | Sequence[int] | None = None,
) -> Tensor:
    """Normalise each feature over the batch, or in evaluation by the running statistics.

    `input`: [rows, features, …]; statistics are taken over `dim`, by default every dimension but 1.
    The other tensors have the shape of `input` without `dim`: [features]. In training
    `running_mean`, `running_var` are updated in place, where given, outside of any graph; the
    result is a new tensor. `momentum`: a float, or a tensor that broadcasts. V models at once,
    input [V, features, rows]: `dim=-1`, the others [V, features]; or `torch.vmap` of this function.

    Raises `ValueError` for fewer than two values per feature in training (before anything is
    changed), and for evaluation without running statistics. Looks at no value: NaN passes through
    to output and running statistics. Same as `torch.nn.functional.batch_norm`, which has no `dim`.
    """
    dims = _axes(input, [d for d in range(input.ndim) if d != 1] if dim is None else dim)
    if training:
        n = _values_per_feature(input, dims)
        mean, var = input.mean(dims), input.var(dims, correction=0)  # μ, σ²: biased, for the output
        with torch.no_grad():  # running ← (1 − m)·running + m·batch, with the unbiased σ²
            if running_mean is not None:
                running_mean.mul_(1 - momentum).add_(momentum * mean)
            if running_var is not None:
                running_var.mul_(1 - momentum).add_(momentum * n / (n - 1) * var)
    elif running_mean is None or running_var is None:
        raise ValueError("running_mean, running_var = None: evaluation needs both")
    else:
        mean, var = running_mean, running_var
    return standardise(input, mean, var, eps, weight, bias, dims)


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each row over its last dimensions, whose shape is `normalized_shape`.

    In training and evaluation alike. `weight` and `bias` have that shape, or any that broadcasts
    against `input`: for V models at once, input [V, rows, features], give [V, 1, features]. Raises
    `ValueError` where `normalized_shape` is not how `input` ends. Same as
    `torch.nn.functional.layer_norm`.
    """
    shape = _shape(normalized_shape)
    if tuple(input.shape[-len(shape) :]) != shape:
        raise ValueError(f"input has shape {list(input.shape)}: must end in {list(shape)}")
    dims = _axes(input, range(-len(shape), 0))
    mean, var = input.mean(dims, keepdim=True), input.var(dims, correction=0, keepdim=True)
    return standardise(input, mean, var, eps, weight, bias)


def standardise(
    x: Tensor,
    mean: Tensor,
    var: Tensor,
    eps: float,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    dims: Sequence[int] = (),
) -> Tensor:
    """γ·(x − μ)/√(σ² + ε) + β, the line that all norms share.

    The tensors beside x lack its dimensions `dims`.
    """
    y = (x - _spread(mean, dims)) * (_spread(var, dims) + eps).rsqrt()  # x̂ = (x − μ)/√(σ² + ε)
    if weight is not None:
        y = y * _spread(weight, dims)  # γ·x̂
    return y if bias is None else y + _spread(bias, dims)  # + β


def fold_batch_norm(
    linear_or_conv: Foldable, norm: "_BatchNorm | nn.modules.batchnorm._BatchNorm"
) -> Foldable:
    """A new layer that computes norm(linear_or_conv(x)) as in evaluation, without the norm.

    Both are left alone. W ← γW/√(σ² + ε) and b ← γ(b − μ)/√(σ² + ε) + β with the running μ, σ²:
    exact up to rounding, for any x. linear_or_conv: `nn.Linear` or `nn.Conv1d/2d/3d`, the norm
    directly behind it: ours or torch's. Raises `ValueError` for another kind of layer, a norm
    without running statistics, and numbers of features that differ. Same as
    `torch.nn.utils.fusion.fuse_linear_bn_eval` and `fuse_conv_bn_eval`, which also want both in
    eval mode.
    """
    if not isinstance(linear_or_conv, Foldable):
        raise ValueError(
            f"linear_or_conv = {linear_or_conv!r}: must be a Linear or a Conv1d, Conv2d, Conv3d"
        )
    mean, var = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    if mean is None or var is None:
        raise ValueError(f"norm = {norm!r}: must be a BatchNorm with running statistics")
    old, new = linear_or_conv, _like(linear_or_conv)
    if len(mean) != len(old.weight):
        raise ValueError(f"norm has {len(mean)} features, the layer {len(old.weight)}")
    with torch.no_grad():
        scale = (var + norm.eps).rsqrt()
        scale = scale if norm.weight is None else scale * norm.weight  # γ/√(σ² + ε)
        shift = scale * ((0 if old.bias is None else old.bias) - mean)  # γ(b − μ)/√(σ² + ε)
        shift = shift if norm.bias is None else shift + norm.bias  # + β
        new.bias.copy_(shift)  # type: ignore[union-attr]  # `_like` gave it one
        new.weight.copy_(scale.view(-1, *[1] * (old.weight.ndim - 1)) * old.weight)
    return new


def _like(layer: Foldable) -> Foldable:
    """A layer of the same kind and sizes, with a bias, its numbers not set."""
    if isinstance(layer, nn.Linear):
        sizes = {"in_features": layer.in_features, "out_features": layer.out_features}
    else:
        names = "in_channels out_channels kernel_size stride padding dilation groups padding_mode"
        sizes = {name: getattr(layer, name) for name in names.split()}
    new = {"device": layer.weight.device, "dtype": layer.weight.dtype}
    return nn.utils.skip_init(type(layer), **sizes, **new)


class _BatchNorm(nn.Module):
    """What `BatchNorm1d` and `BatchNorm2d` share: torch's arguments and `state_dict`."""

    _version = 2  # of the state_dict: torch's own number, since `num_batches_tracked` is in it
    dimensions: tuple[int, ...] = ()
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        self.num_features = require_whole("num_features", num_features, 1)
        self.eps = require("eps", eps, open_low=True)
        self.momentum = None if momentum is None else require_probability("momentum", momentum)
        self.affine, self.track_running_stats = affine, track_running_stats
        shape = (self.num_features,)
        new: dict = {"device": device, "dtype": dtype}
        self.weight, self.bias = _weight_and_bias(shape, affine, affine and bias, new)
        remembered = {
            "running_mean": torch.zeros(shape, **new),
            "running_var": torch.ones(shape, **new),
            "num_batches_tracked": torch.tensor(0, device=device),
        }
        for name, buffer in remembered.items():
            self.register_buffer(name, buffer if track_running_stats else None)

    def forward(self, input: Tensor) -> Tensor:
        """`batch_norm` of [rows, features, …]; training updates the running statistics."""
        if input.ndim not in self.dimensions or input.shape[1] != self.num_features:
            kinds = " or ".join(f"{d} dimensions" for d in self.dimensions)
            raise ValueError(
                f"input has shape {list(input.shape)}: must have {kinds}, "
                f"{self.num_features} at place 1"
            )
        mean, var, batches = self.running_mean, self.running_var, self.num_batches_tracked
        momentum = self.momentum or 0.0
        if self.training and self.track_running_stats and batches is not None:
            _values_per_feature(input, [d for d in range(input.ndim) if d != 1])
            _require_finite(input)
            batches.add_(1)
            if self.momentum is None:
                momentum = 1 / batches.item()  # the plain average
        elif self.training:
            mean = var = None
        by_batch = self.training or self.running_mean is None
        return batch_norm(input, mean, var, self.weight, self.bias, by_batch, momentum, self.eps)

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """`batch_norm` as a layer for [rows, features] or [rows, features, length].

    Arguments of `torch.nn.BatchNorm1d`. `momentum=None`: the running statistics are the plain
    average over all batches. A `state_dict` of one loads into the other. Raises `ValueError` at
    construction for `num_features` below 1, `eps` ≤ 0, `momentum` outside [0, 1]; in training for
    one value per feature, which is not counted, and for values that are not finite (or too large to
    be squared), naming the first, before anything is changed. Differs from torch in that torch
    accepts some of these.
    """

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`batch_norm` as a layer for [images, channels, height, width]; else as `BatchNorm1d`."""

    dimensions = (4,)


class LayerNorm(nn.Module):
    """`layer_norm` as a layer; arguments of `torch.nn.LayerNorm`.

    `ValueError` for sizes below 1 and `eps` ≤ 0.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = require("eps", eps, open_low=True)
        if not self.normalized_shape or min(self.normalized_shape) < 1:
            raise ValueError(f"normalized_shape = {normalized_shape!r}: must be whole numbers ≥ 1")
        self.elementwise_affine = affine = elementwise_affine
        new = {"device": device, "dtype": dtype}
        self.weight, self.bias = _weight_and_bias(
            self.normalized_shape, affine, affine and bias, new
        )

    def forward(self, input: Tensor) -> Tensor:
        """`layer_norm` of [rows, …, *normalized_shape]."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"


def _weight_and_bias(
    shape: tuple[int, ...], weight: bool, bias: bool, new: dict
) -> tuple[nn.Parameter | None, nn.Parameter | None]:
    """γ = 1 and β = 0, where they are wanted."""
    gamma = nn.Parameter(torch.ones(shape, **new)) if weight else None
    return gamma, nn.Parameter(torch.zeros(shape, **new)) if bias else None


def _axes(x: Tensor, dims: int | Iterable[int]) -> list[int]:
    """`dims` of x, one or several, sorted and counted from the front."""
    return sorted(d % x.ndim for d in (dims if isinstance(dims, Iterable) else [dims]))


def _spread(tensor: Tensor, dims: Sequence[int]) -> Tensor:
    """`tensor` with the dimensions `dims` put back in, of size 1."""
    for d in dims:
        tensor = tensor.unsqueeze(d)
    return tensor


def _shape(normalized_shape: int | Iterable[int]) -> tuple[int, ...]:
    sizes = normalized_shape if isinstance(normalized_shape, Iterable) else [normalized_shape]
    return tuple(sizes)


def _values_per_feature(x: Tensor, dims: Sequence[int]) -> int:
    n = math.prod(x.shape[d] for d in dims)
    if n < 2:
        raise ValueError(
            f"input has shape {list(x.shape)}: {n} value(s) per feature, and a batch has a "
            "variance from 2 on. Drop the last batch of an epoch (DataLoader's drop_last=True), "
            "or switch to evaluation: model.eval()"
        )
    return n


def _require_finite(x: Tensor) -> None:
    """Raise for a batch that would spoil the running statistics for good.

    A sum of squares finds it in one pass.
    """
    x = x.detach()
    if x.square().sum().isfinite():
        return
    bad = (~x.square().isfinite()).nonzero()
    place = (
        f"{x[tuple(bad[0])].item()} at {bad[0].tolist()}"
        if len(bad)
        else "its values are too large"
    )
    raise ValueError(f"input: {place}: must be finite. The running statistics are as they were")

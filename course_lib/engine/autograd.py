"""V networks as one whose forward is written and whose backward autograd finds.

What `networks.Networks` is for perceptrons, and with its interface: a kind of network says only
`forward`. Parameters are views of the one vector that the optimizer changes, gradients are copied
into the other.
"""

import torch
from torch import Tensor

from course_lib.engine.networks import Networks, by_seed


class AutogradNetworks(Networks):
    """V = S·`settings` networks of one kind; see the docstring of `networks.py`.

    named: the parameters by name, [V, *shape], which `forward` reads. Not to be made in inference
    mode, whose tensors autograd refuses.
    """

    def __init__(
        self,
        task: str,
        names: list[str],
        start: list[Tensor],
        settings: int,
        options: dict[str, Tensor],
    ):
        self._begin(task, start, settings, options)
        self.leaves = [p.detach().requires_grad_() for p in self.parameters]
        self.named = dict(zip(names, self.leaves, strict=True))
        p = options.get("dropout")
        self.drops = p is not None and bool(p.any())
        if p is not None:
            self.p = p.view(self.seeds, -1, 1, 1)

    def forward(self, x: Tensor, noise: list[Tensor] | None) -> Tensor:
        """Logits or predictions [V, out, B] for x [S, B, in], S = 1 where seeds share it.

        noise: in training, the fields as `compute_gradients` has them; None: evaluation.
        """
        raise NotImplementedError

    def compute_gradients(self, x: Tensor, target: Tensor, noise: list[Tensor]) -> Tensor:
        """As in `Networks`."""
        with torch.enable_grad():
            z = self.forward(by_seed(x), noise)
        loss, delta = self.loss(z.detach(), self._wanted(target))  # δ = ∂loss/∂z
        for gradient, found in zip(self.gradients, torch.autograd.grad(z, self.leaves, delta)):
            gradient.copy_(found)
        return loss

    def outputs(self, x: Tensor) -> Tensor:
        """Logits or predictions [V, out, B] for x [B, in] or [S, B, in], in evaluation."""
        return self.forward(by_seed(x), None)

    def dropped(self, a: Tensor, field: Tensor) -> Tensor:
        """a·m/(1 − p), m = 0 where u < p: a [V, F, B], field u [F, B] or [S, F, B]."""
        kept = (field.unsqueeze(-3) >= self.p).to(a.dtype).div_(1 - self.p)
        return a * kept.view_as(a)

"""Forces that automatic differentiation computes again for their gradient, instead of keeping what they computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from wlmsim.learn.rollouts.adjoint_forces import TracedForce


def recomputed(
    force: Callable[[torch.Tensor, Any], torch.Tensor], parameters: Sequence[torch.Tensor]
) -> Callable[[torch.Tensor, Any], torch.Tensor]:
    """The same force, of which automatic differentiation keeps the positions only and computes the rest again.

    Parameters
    ----------
    force : callable
        Acceleration as a function of positions (n, d) and time; it may be random.
    parameters : sequence of Tensor
        Every tensor that the force depends on and that has a gradient.

    Returns
    -------
    callable
    """
    traced = TracedForce(force, [p for p in parameters if p.requires_grad])
    return lambda x, t: _Evaluation.apply(traced, t, x, *traced.parameters)


class _Evaluation(torch.autograd.Function):
    """One evaluation of a force, which keeps the positions, and what random numbers it saw."""

    @staticmethod
    def forward(ctx: Any, force: TracedForce, t: Any, x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        ctx.force, ctx.t = force, t
        ctx.devices = [x.device] if x.is_cuda else []
        ctx.random = torch.get_rng_state(), [torch.cuda.get_rng_state(device) for device in ctx.devices]
        ctx.save_for_backward(x)
        return force(x.detach(), t)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: torch.Tensor) -> Any:
        with torch.random.fork_rng(devices=ctx.devices):
            torch.set_rng_state(ctx.random[0])
            for device, state in zip(ctx.devices, ctx.random[1], strict=True):
                torch.cuda.set_rng_state(state, device)
            _, towards_x, towards = ctx.force.pull_back(ctx.saved_tensors[0], ctx.t, u)
        return None, None, towards_x, *towards


def kept_bytes(function: Callable[[], Any]) -> int:
    """Size of what automatic differentiation keeps of a function's evaluation."""
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> int:
        """Its place instead of the tensor: what is kept by the node that computed it would never be freed."""
        kept.append(tensor)
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(keep, kept.__getitem__):
        result = function()
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in kept}
    kept.clear()
    del result
    return sum(storage.nbytes() for storage in storages.values())

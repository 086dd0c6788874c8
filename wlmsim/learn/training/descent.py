"""Steps of AdamW by torch's functional form: its class imports the compiler, for seconds of each process that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.adamw import adamw


@dataclass
class ParameterGroup:
    """Parameters that have one learning rate and one weight decay."""

    parameters: Sequence[torch.Tensor]
    rate: float
    weight_decay: float


class Descent:
    """AdamW on groups of parameters; moments begin with a parameter's first gradient.

    Parameters
    ----------
    groups : sequence of ParameterGroup
        What is changed, in place.
    fused : bool
        Whether one kernel does all, as on a GPU.
    """

    def __init__(self, groups: Sequence[ParameterGroup], fused: bool = False):
        self.groups, self.fused = groups, fused
        self._moments: dict[int, tuple[torch.Tensor, ...]] = {}

    @property
    def parameters(self) -> list[torch.Tensor]:
        """All of them, group by group."""
        return [parameter for group in self.groups for parameter in group.parameters]

    def forget_gradients(self) -> None:
        """Let none be left of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, share: float) -> None:
        """Follow the gradients with a share of the learning rates."""
        moments = [self._moments_of(k, parameter) for k, parameter in enumerate(self.parameters)]
        first = 0
        for group in self.groups:
            own = moments[first : first + len(group.parameters)]
            first += len(group.parameters)
            moved = [(p, p.grad, *m) for p, m in zip(group.parameters, own, strict=True) if m is not None]
            if not moved:
                continue
            parameters, gradients, means, squares, counts = map(list, zip(*moved, strict=True))
            adamw(
                parameters,
                gradients,
                means,
                squares,
                [],
                counts,
                fused=self.fused,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=group.rate * share,
                weight_decay=group.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def _moments_of(self, index: int, parameter: torch.Tensor) -> tuple[torch.Tensor, ...] | None:
        """Means of the gradient and of its square, and the number of steps; none where there is no gradient."""
        if parameter.grad is None:
            return None
        if index not in self._moments:
            count = torch.zeros((), device=parameter.device if self.fused else "cpu")
            self._moments[index] = torch.zeros_like(parameter), torch.zeros_like(parameter), count
        return self._moments[index]

    def state(self) -> dict[int, tuple[torch.Tensor, ...]]:
        """The moments, by the number of the parameter."""
        return self._moments

    def restore(self, state: dict[int, Any]) -> None:
        """Go on from moments that `state` gave."""
        self._moments = {index: tuple(moments) for index, moments in state.items()}

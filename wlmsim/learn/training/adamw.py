"""How parameters follow the gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from wlmsim.learn.options.constraints import Constraint, Integer, Real
from wlmsim.learn.options.part import Part


@dataclass(frozen=True, repr=False, kw_only=True)
class AdamW(Part):
    """AdamW with a learning rate that falls along a cosine, on random batches; the result is a moving average.

    Parameters
    ----------
    steps : int
        Most training steps of rollouts; 0 stops where matching has ended. Default 1000.
    learning_rate : float
        At the first step, positive; it falls to a hundredth along a cosine. Default 1e-2.
    weight_decay : float
        At least 0. Default 0.
    averaging : float
        Memory of the exponential moving average of the parameters, in [0, 1); the averaged parameters are the result.
        Default 0.99.
    clip : float
        Largest norm of the gradient, positive. Default 1.
    batch_size : int or None
        Most particles of a cloud that take part in a training step, drawn anew each time; the cost of exact transport
        grows with their cube. ``None`` takes all. Default 200.

    Raises
    ------
    ParameterError
        If an option is not as described.

    References
    ----------
    I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019; B. T. Polyak, A. B. Juditsky, SIAM J.
    Control Optim. 30, 838 (1992), for averages of the parameters.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(optimiser=wls.learn.AdamW(steps=200))
    WLM(optimiser=AdamW(steps=200))
    """

    steps: int = 1000
    learning_rate: float = 1e-2
    weight_decay: float = 0.0
    averaging: float = 0.99
    clip: float = 1.0
    batch_size: int | None = 200

    constraints: ClassVar[dict[str, Constraint]] = {
        "steps": Integer(least=0),
        "learning_rate": Real(above=0),
        "weight_decay": Real(least=0),
        "averaging": Real(least=0, below=1),
        "clip": Real(above=0),
        "batch_size": Integer(optional=True),
    }

    def decay(self, step: int) -> float:
        """Share of the learning rate that is left at a step."""
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / max(self.steps, 1)))

    def memory(self, step: int) -> float:
        """Share of the averaged parameters that is kept at a step; the first steps are forgotten sooner."""
        return min(self.averaging, (1 + step) / (10 + step))

"""When training stops before its last step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wlmsim.learn.options.constraints import Constraint, Flag, Integer
from wlmsim.learn.options.part import Part


@dataclass(frozen=True, repr=False, kw_only=True)
class EarlyStopping(Part):
    """One of the fitted marginals chooses the number of steps: it is left out of the loss, and predicted.

    Training stops when the W1 of the prediction, averaged over the starts of the rollouts, has not improved for
    `patience` steps, and a fresh training on all marginals (`refit`) runs for as many steps as were best.

    Parameters
    ----------
    validation : "last" or int
        The marginal; an index counts from the end if negative. Default "last".
    patience : int
        Steps without improvement after which training stops, at least 1. Default 500.
    refit : bool
        Whether to train again on all marginals once the number of steps is known. Default True.

    Raises
    ------
    ParameterError
        If an option is not as described.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(stopping=wls.learn.EarlyStopping(patience=100))
    WLM(stopping=EarlyStopping(patience=100))
    """

    validation: str | int = "last"
    patience: int = 500
    refit: bool = True

    constraints: ClassVar[dict[str, Constraint]] = {
        "validation": Integer(least=None, words=("last",)),
        "patience": Integer(),
        "refit": Flag(),
    }

"""Where and how often a fit keeps its state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from wlmsim import _validation as check
from wlmsim.learn.options.constraints import Constraint, Real
from wlmsim.learn.options.part import Part


@dataclass(frozen=True, repr=False)
class Checkpoint(Part):
    """A file to which the state of a fit is written.

    A fit that was killed resumes from it when `fit` is called again with the same data and settings, and ends where it
    would have. Laws are the same if their code and the values that they read are. The file is removed when the fit is
    complete. Ctrl-C lets the step end and writes the file; a second one does not wait.

    Parameters
    ----------
    path : path
        The file.
    every : float
        Least seconds between two writes, at least 0. Default 30.

    Raises
    ------
    ParameterError
        If an option is not as described.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(checkpoint=wls.learn.Checkpoint(path="fit.checkpoint", every=5.0))
    WLM(checkpoint=Checkpoint(path='fit.checkpoint', every=5.0))
    """

    path: str | Path
    every: float = 30.0

    constraints: ClassVar[dict[str, Constraint]] = {"every": Real(least=0)}

    def __post_init__(self) -> None:
        """Check every option, when it is given."""
        check.instance("Checkpoint.path", self.path, (str, Path))
        super().__post_init__()

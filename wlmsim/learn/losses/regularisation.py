"""What is added to the divergence: of mechanics that fit about equally well, the smoothest is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wlmsim.learn.options.constraints import Constraint, Real
from wlmsim.learn.options.part import Part


@dataclass(frozen=True, repr=False, kw_only=True)
class Regularisation(Part):
    """Weights of mean squares that are added to the loss, all in scaled coordinates and at least 0 [dimensionless].

    Of the mechanics that fit the marginals about equally well they take the smoothest, as a spline is the smoothest
    curve through its knots.

    Parameters
    ----------
    force : float
        Of the force along the rollouts. Default 0.001.
    jerk : float
        Of the rate at which the force changes along the path of a particle. Default 0.0003.
    local_acceleration : float
        Of the local acceleration du/dt = a - (v . grad) u at a marginal whose velocities are known: a is the
        acceleration, u the affine field that fits the velocities best. Velocities within one marginal then tell its
        force. For what drifts with a current that changes slowly, such as the sea's; 0.3 serves. Default 0.

    Raises
    ------
    ParameterError
        If an option is not as described.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(regularisation=wls.learn.Regularisation(force=0.3))
    WLM(regularisation=Regularisation(force=0.3))
    """

    force: float = 0.001
    jerk: float = 0.0003
    local_acceleration: float = 0.0

    constraints: ClassVar[dict[str, Constraint]] = {
        "force": Real(least=0),
        "jerk": Real(least=0),
        "local_acceleration": Real(least=0),
    }

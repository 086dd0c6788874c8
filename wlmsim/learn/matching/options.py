"""How mechanics is matched to smooth paths before it is rolled out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wlmsim.learn.options.constraints import Constraint, Integer, Real
from wlmsim.learn.options.part import Part


@dataclass(frozen=True, repr=False, kw_only=True)
class Matching(Part):
    """Learning without simulating: forces are fitted to the accelerations of smooth paths between the marginals.

    Each marginal is coupled to the next by optimal transport where the particles would meet; each pair is joined by the
    path of least acceleration that has both positions and both velocities, and the mechanics is asked for its
    acceleration, or, where friction is infinite, for its velocity. Marginals are then coupled anew, several times,
    where the learned mechanics says that the particles go: a path is then that of the mechanics with the least
    acceleration added that takes it to its end. Unknown velocities are estimated, see `transport_velocities`.

    Parameters
    ----------
    steps : int, optional
        Training steps of the optimiser. Default: as many as it has for rollouts.
    rounds : int
        How often marginals are coupled, the first time without mechanics, at least 1. Default 3.
    points : int
        Places along paths that a training step looks at, at least 1. Default 512.
    rate : float
        Learning rate of the rollouts that follow, in units of the optimiser's: they polish what was found, in
        (0, 1]. Default 0.3.

    Raises
    ------
    ParameterError
        If an option is not as described.

    Notes
    -----
    For second-order mechanics this is regression of F - gamma v on dv/dt, for first-order mechanics flow matching; with
    noise the paths are Brownian bridges, whose mean forward velocity at a place is the drift there. No rollout is
    differentiated, and the cost is linear in particles, times and dimensions. Of more than 64 intervals between
    marginals, or fewer where clouds are large but at least 16, each round lays paths in as many random ones: with many
    marginals more rounds see more of them.

    References
    ----------
    Y. Lipman et al., Flow matching for generative modeling, ICLR 2023; A. Tong et al., Improving and generalizing
    flow-based generative models with minibatch optimal transport, TMLR 2024; Y. Shi et al., Diffusion Schroedinger
    bridge matching, NeurIPS 2023. Y. Chen, G. Conforti, T. T. Georgiou, SIAM J. Math. Anal. 50, 5947 (2018), for the
    coupling.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(matching=wls.learn.Matching(rounds=1), rollouts=None)
    WLM(rollouts=None, matching=Matching(rounds=1))
    """

    steps: int | None = None
    rounds: int = 3
    points: int = 512
    rate: float = 0.3

    constraints: ClassVar[dict[str, Constraint]] = {
        "steps": Integer(optional=True),
        "rounds": Integer(),
        "points": Integer(),
        "rate": Real(above=0, most=1),
    }

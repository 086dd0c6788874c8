"""The debiased Sinkhorn divergence, by overrelaxed and stabilised updates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.learn.losses.common import Duals, half_squares

RATE_SEEN_OVER = 20
"""Updates of Sinkhorn's algorithm that show how fast it converges."""
NEARBY = 10.0
"""Change of a potential, in units of the regularisation, over which products keep their precision."""


def sinkhorn_divergence(
    x: torch.Tensor,
    y: torch.Tensor,
    wx: torch.Tensor,
    wy: torch.Tensor,
    *,
    blur: float = 0.05,
    tolerance: float = 1e-3,
    iterations: int = 500,
    duals: Duals | None = None,
) -> torch.Tensor:
    """Debiased Sinkhorn divergence for the cost |x - y|^2 / 2, by stabilised updates.

    S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2 with entropic regularisation blur^2; zero only for equal clouds,
    between half the squared 2-Wasserstein distance (blur to 0) and half the squared distance of the means.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.
    blur : float
        Length below which differences are smoothed away, positive [length]. Default 0.05.
    tolerance : float
        The iteration stops when an update changes the dual potentials by less than this times blur^2. Default 1e-3.
    iterations : int
        Most iterations at the final regularisation. Default 500.
    duals : Duals, optional
        Those of an earlier call with a nearby x and the same y, weights and blur, or empty: fewer iterations remain.
        Replaced by those of this call. Default: none are kept.

    Returns
    -------
    Tensor
        Scalar [length^2].

    References
    ----------
    J. Feydy et al., Interpolating between optimal transport and MMD using Sinkhorn divergences, AISTATS 2019;
    B. Schmitzer, Stabilized sparse scaling algorithms for entropy regularized transport problems, SIAM J. Sci.
    Comput. 41, A1443 (2019).
    """
    blur = check.positive("blur", blur)
    log_x, log_y = torch.log(wx), torch.log(wy)
    if not torch.isfinite(x.detach()).all():
        raise SimulationError("the Sinkhorn divergence needs finite positions; a cloud blew up")
    x, y = x / blur, y / blur
    # potentials without gradient, then one more update with it: the envelope theorem makes that exact
    with torch.no_grad():
        last = {name: potential.to(x) for name, potential in (duals or {}).items()}
        for name, weights in (("f", wx), ("g", wy)) if last else ():
            if last[name].shape != weights.shape:
                raise ParameterError(
                    f"`duals` must be those of clouds of {len(wx)} and {len(wy)} rows, as these are; "
                    f"got {len(last['f'])} and {len(last['g'])}; an empty dictionary starts anew"
                )
        cross = (last["f"], last["g"], float(last["relaxation"])) if last else None
        f, g, relaxation = _dual_potentials(half_squares(x, y), log_x, log_y, tolerance, iterations, cross)
        p = _symmetric_potential(half_squares(x, x), log_x, tolerance, iterations, last.get("p"))
        q = last.get("q")
        if q is None:
            q = _symmetric_potential(half_squares(y, y), log_y, tolerance, iterations)
        if duals is not None:
            duals.update(f=f, g=g, p=p, q=q, relaxation=torch.tensor(relaxation))
    cross_x = _soft_minimum(half_squares(x, y.detach()), g, log_y)
    cross_y = _soft_minimum(half_squares(y, x.detach()), f, log_x)
    self_x = _soft_minimum(half_squares(x, x.detach()), p, log_x)
    self_y = _soft_minimum(half_squares(y, y.detach()), q, log_y)
    return blur**2 * ((wx * (cross_x - self_x)).sum() + (wy * (cross_y - self_y)).sum())


def automatic_blur(clouds: Sequence[torch.Tensor], batch_size: int | None = None) -> float:
    """Blur for the Sinkhorn divergence of such clouds: the typical distance of a particle to the nearest other one.

    Two samples of one density differ by about as much, so that finer differences say nothing about it.

    Parameters
    ----------
    clouds : sequence of Tensor, shape (n, d)
        Positions.
    batch_size : int, optional
        Most particles of a cloud that are compared at a time; fewer of them are farther apart. Default: all.

    Returns
    -------
    float
        Median over the particles of all clouds [length].

    Raises
    ------
    ParameterError
        If most particles have another one in the same place, or no cloud has two.
    """
    blur = typical_spacing([cloud.detach().cpu().double().numpy() for cloud in clouds], batch_size)
    if blur == 0:
        raise ParameterError("`blur` must be given for these data: their particles are in the same place, or alone")
    return blur


def typical_spacing(clouds: Sequence[np.ndarray], rows: int | None = None) -> float:
    """Median distance of a particle to the nearest other one, in at most so many rows of a cloud; 0 of single ones."""
    from scipy.spatial import cKDTree

    nearest = []
    for x in clouds:
        chosen = np.random.default_rng(0).permutation(len(x))[:rows]
        if len(chosen) > 1:
            nearest.append(cKDTree(x[chosen]).query(x[chosen], 2)[0][:, 1])
    return float(np.median(np.concatenate(nearest))) if nearest else 0.0


def _soft_minimum(cost: torch.Tensor, potential: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
    """-log sum over j of w_j exp(potential_j - cost_ij) for each row i, all in units of the regularisation."""
    return -torch.logsumexp(log_weights + potential - cost, dim=1)


class _GibbsKernel:
    """Soft minima of costs less potentials, by products with one matrix.

    It is that of potentials nearby less the logarithm of a product of K_ij = exp(f_i + g_j - c_ij) with what is
    exponential in their changes, which costs a small part of as many exponentials. Where the potentials have moved far,
    or a sum is of terms that are left out as too small, or has ones that are too large, as of rows that hardly weigh, K
    is made anew.
    """

    def __init__(self, cost: torch.Tensor, log_x: torch.Tensor, log_y: torch.Tensor) -> None:
        self.cost, self.log_x, self.log_y = cost, log_x, log_y
        self.f, self.g, self.matrix = torch.full_like(log_x, math.inf), torch.full_like(log_y, math.inf), cost
        tiny = torch.finfo(cost.dtype).tiny
        self.least_term, self.least_sum = tiny ** (2 / 3), tiny ** (1 / 3)

    def rows(self, g: torch.Tensor) -> torch.Tensor:
        """`_soft_minimum` for the rows of the cost at potentials of its columns."""
        change = g - self.g
        if change.abs().max() <= NEARBY:
            sums = self.matrix @ torch.exp(self.log_y + change)
            if self._holds(sums):
                return self.f - torch.log(sums)
        f = _soft_minimum(self.cost, g, self.log_y)
        self._remember(f, g)
        return f

    def columns(self, f: torch.Tensor) -> torch.Tensor:
        """The same for its columns at potentials of its rows."""
        change = f - self.f
        if change.abs().max() <= NEARBY:
            sums = torch.exp(self.log_x + change) @ self.matrix
            if self._holds(sums):
                return self.g - torch.log(sums)
        g = _soft_minimum(self.cost.T, f, self.log_x)
        self._remember(f, g)
        return g

    def _holds(self, sums: torch.Tensor) -> bool:
        least, most = sums.aminmax()
        return bool((least > self.least_sum) & (most < math.inf))

    def _remember(self, f: torch.Tensor, g: torch.Tensor) -> None:
        self.f, self.g = f, g
        terms = torch.exp(f[:, None] + g - self.cost)
        self.matrix = terms.mul_(terms > self.least_term)  # arithmetic with subnormal numbers takes ten times as long


def _schedule(cost: torch.Tensor) -> list[float]:
    """Regularisations from the size of the clouds down to the final one, the unit, each a quarter of the one before."""
    largest = max(float(cost.max()), 1.0)
    if largest == math.inf:
        raise SimulationError(
            "the Sinkhorn divergence needs squared distances that are numbers in units of `blur`^2; "
            "a cloud blew up, or `blur` is too small for it"
        )
    return [largest / 4.0**k for k in range(math.ceil(math.log(largest, 4.0)))]


def _dual_potentials(
    cost: torch.Tensor,
    log_x: torch.Tensor,
    log_y: torch.Tensor,
    tolerance: float,
    iterations: int,
    start: tuple[torch.Tensor, torch.Tensor, float] | None,
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Sinkhorn's alternating updates, as far overrelaxed as is best at the rate at which they are seen to converge.

    Where plain updates leave a share r of the error, those that go w times as far leave a share s, with
    (s + w - 1)^2 = s w^2 r, which is least for w = 2 / (1 + sqrt(1 - r)).

    References
    ----------
    T. Lehmann, M.-K. von Renesse, A. Sambale, A. Uschmajew, A note on overrelaxation in the Sinkhorn algorithm,
    Optim. Lett. 16, 2209 (2022).
    """
    f, g, factor = (torch.zeros_like(log_x), torch.zeros_like(log_y), 1.0) if start is None else start
    for level in _schedule(cost) if start is None else []:
        new_f = level * _soft_minimum(cost / level, g / level, log_y)
        new_g = level * _soft_minimum(cost.T / level, f / level, log_x)
        f, g = 0.5 * (f + new_f), 0.5 * (g + new_g)
    kernel = _GibbsKernel(cost, log_x, log_y)
    last = None
    for k in range(iterations):
        step = kernel.rows(g) - f
        f = f + factor * step
        g = g + factor * (kernel.columns(f) - g)
        error = float(step.abs().max())
        if error <= tolerance:
            break
        if k % RATE_SEEN_OVER == 0:
            factor = factor if last is None else _relaxation(factor, (error / last) ** (1 / RATE_SEEN_OVER))
            last = error
    return f, g, factor


def _relaxation(factor: float, share: float) -> float:
    """The best factor, where under the one given each update left that share of the error."""
    if share >= 1:
        return 1.0
    if share <= factor - 1:  # already too large by little: errors then turn instead of showing the rate
        return factor
    return 2 / (1 + math.sqrt(max(0.0, 1 - (share + factor - 1) ** 2 / (share * factor**2))))


def _symmetric_potential(
    cost: torch.Tensor,
    log_weights: torch.Tensor,
    tolerance: float,
    iterations: int,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    potential = torch.zeros_like(log_weights) if start is None else start
    kernel = _GibbsKernel(cost, log_weights, log_weights)
    for _ in range(iterations):
        step = kernel.rows(potential) - potential
        potential = potential + 0.5 * step
        if step.abs().max() <= 2 * tolerance:
            break
    return potential

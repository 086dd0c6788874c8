"""Divergences between weighted clouds that can be differentiated with respect to the positions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.transport.exact import ground_cost
from wlmsim.transport.unbalanced import growth_plan

Duals = dict[str, torch.Tensor]
"""Dual potentials of a divergence, kept from one cloud to a nearby one that is compared with the same target; how far
Sinkhorn's updates are best overrelaxed is kept with them."""
RATE_SEEN_OVER = 20
"""Updates of Sinkhorn's algorithm that show how fast it converges."""


def exact_transport(
    x: torch.Tensor,
    y: torch.Tensor,
    wx: torch.Tensor,
    wy: torch.Tensor,
    *,
    power: int = 2,
    reach: float = math.inf,
    duals: Duals | None = None,
) -> torch.Tensor:
    """Exact optimal-transport cost, sum of P_ij |x_i - y_j|^power over the optimal plan P.

    The plan is found on the CPU without gradient; by the envelope theorem the gradient of the cost at the optimal
    plan is that of the transport cost.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.
    power : {1, 2}
        Power of the Euclidean distance. Default 2.
    reach : float
        Distance beyond which mass is rather removed and created than carried, see `wlmsim.transport`, with power 2; the
        cost is then that of what is carried, of total mass 1 [length]. Default infinite.
    duals : Duals, optional
        Those of an earlier plan between nearby clouds of as many rows, or empty: equal uniform clouds are then matched
        several times faster. Replaced by those of this plan. Default: none are kept.

    Returns
    -------
    Tensor
        Scalar [length^power].
    """
    if not torch.isfinite(x.detach()).all():
        raise SimulationError("exact transport needs finite positions; a cloud blew up")
    cost = ground_cost(_array(x), _array(y), power)
    prices = None
    if duals is not None and x.shape == y.shape:
        prices = duals.setdefault("prices", torch.from_numpy(cost.min(0))).numpy()
    plan = growth_plan(cost, _normalised(wx), _normalised(wy), reach=reach, prices=prices)
    rows = torch.as_tensor(plan.source, device=x.device)
    columns = torch.as_tensor(plan.target, device=x.device)
    mass = torch.as_tensor(plan.carried, device=x.device, dtype=x.dtype)
    squares = ((x[rows] - y[columns]) ** 2).sum(-1)
    return (mass * (squares if power == 2 else torch.sqrt(squares + torch.finfo(x.dtype).tiny))).sum()


def _array(values: torch.Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()


def _normalised(weights: torch.Tensor) -> np.ndarray:
    values = _array(weights)
    return values / values.sum()


def sliced_transport(
    x: torch.Tensor, y: torch.Tensor, wx: torch.Tensor, wy: torch.Tensor, *, directions: torch.Tensor
) -> torch.Tensor:
    """Sliced transport cost: d times the mean over directions of the squared 2-Wasserstein distance of projections.

    Costs O(n log n), and is far less biased than exact transport between samples: on a line their distance from the
    truth falls as 1 / n. For a translation it is the squared distance, whatever the directions if they are a rotated
    set of axes.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.
    directions : Tensor, shape (k, d)
        Unit vectors.

    Returns
    -------
    Tensor
        Scalar [length^2].

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyre, H. Pfister, J. Math. Imaging Vis. 51, 22 (2015).
    """
    _check_finite(x, "sliced transport")
    (u, x_at), (v, y_at) = _quantiles(x @ directions.T, wx), _quantiles(y @ directions.T, wy)
    if x.device.type == "cpu" and len(x) == len(y) and torch.equal(u, v):
        squares = (x_at - y_at) ** 2
        return x.shape[1] * (_shares(u) * squares).sum(1).mean()
    levels = torch.cat([u, v], 1).sort(1).values
    rows = torch.searchsorted(u, levels).clamp_max(len(x) - 1), torch.searchsorted(v, levels).clamp_max(len(y) - 1)
    squares = (x_at.gather(1, rows[0]) - y_at.gather(1, rows[1])) ** 2
    return x.shape[1] * (_shares(levels) * squares).sum(1).mean()


def _check_finite(x: torch.Tensor, divergence: str) -> None:
    """Raise where a cloud blew up; a GPU is not waited for, and gives a divergence that is not finite."""
    if x.device.type == "cpu" and not torch.isfinite(x.detach()).all():
        raise SimulationError(f"{divergence} needs finite positions; a cloud blew up")


def _quantiles(projections: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each column, a row of the sorted values and one of the share of the weight up to each of them."""
    values, order = projections.T.contiguous().sort(1)
    shares = weights[order].cumsum(1)
    return shares / shares[:, -1:], values


def _shares(levels: torch.Tensor) -> torch.Tensor:
    """Increments of ascending levels from 0."""
    return levels.diff(dim=1, prepend=torch.zeros_like(levels[:, :1]))


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
    """Debiased Sinkhorn divergence for the cost |x - y|^2 / 2, in the log domain.

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
    J. Feydy et al., Interpolating between optimal transport and MMD using Sinkhorn divergences, AISTATS 2019.
    """
    blur = check.positive("blur", blur)
    log_x, log_y = torch.log(wx), torch.log(wy)
    if not torch.isfinite(x.detach()).all():
        raise SimulationError("the Sinkhorn divergence needs finite positions; a cloud blew up")
    x, y = x / blur, y / blur
    # potentials without gradient, then one more update with it: the envelope theorem makes that exact
    with torch.no_grad():
        last = {name: potential.to(x) for name, potential in (duals or {}).items()}
        cross = (last["f"], last["g"], float(last["relaxation"])) if last else None
        f, g, relaxation = _dual_potentials(_half_squares(x, y), log_x, log_y, tolerance, iterations, cross)
        p = _symmetric_potential(_half_squares(x, x), log_x, tolerance, iterations, last.get("p"))
        q = last.get("q")
        if q is None:
            q = _symmetric_potential(_half_squares(y, y), log_y, tolerance, iterations)
        if duals is not None:
            duals.update(f=f, g=g, p=p, q=q, relaxation=torch.tensor(relaxation))
    cross_x = _soft_minimum(_half_squares(x, y.detach()), g, log_y)
    cross_y = _soft_minimum(_half_squares(y, x.detach()), f, log_x)
    self_x = _soft_minimum(_half_squares(x, x.detach()), p, log_x)
    self_y = _soft_minimum(_half_squares(y, y.detach()), q, log_y)
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


def energy_divergence(x: torch.Tensor, y: torch.Tensor, wx: torch.Tensor, wy: torch.Tensor) -> torch.Tensor:
    """Square of the energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|; zero only for equal clouds.

    No plan is to be found, so that a step costs little; far outliers weigh less than in transport.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.

    Returns
    -------
    Tensor
        Scalar [length].

    References
    ----------
    G. J. Szekely and M. L. Rizzo, Energy statistics, J. Stat. Plan. Inference 143, 1249 (2013).
    """
    _check_finite(x, "the energy divergence")
    cross, within_x, within_y = (
        wa @ _distances(a, b) @ wb for a, wa, b, wb in ((x, wx, y, wy), (x, wx, x, wx), (y, wy, y, wy))
    )
    return 2 * cross - within_x - within_y


def _distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Distances between all rows, whose derivative is zero where two coincide."""
    squares = 2 * _half_squares(x, y)
    return squares.clamp_min(torch.finfo(x.dtype).tiny).sqrt()


def _half_squares(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 0.5 * ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)


def _soft_minimum(cost: torch.Tensor, potential: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
    """-log sum over j of w_j exp(potential_j - cost_ij) for each row i, all in units of the regularisation."""
    return -torch.logsumexp(log_weights + potential - cost, dim=1)


def _schedule(cost: torch.Tensor) -> list[float]:
    """Regularisations from the size of the clouds down to the final one, the unit, each a quarter of the one before."""
    largest = max(float(cost.max()), 1.0)
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
    columns = cost.T.contiguous()
    last = None
    for k in range(iterations):
        step = _soft_minimum(cost, g, log_y) - f
        f = f + factor * step
        g = g + factor * (_soft_minimum(columns, f, log_x) - g)
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
    for _ in range(iterations):
        step = _soft_minimum(cost, potential, log_weights) - potential
        potential = potential + 0.5 * step
        if step.abs().max() <= 2 * tolerance:
            break
    return potential

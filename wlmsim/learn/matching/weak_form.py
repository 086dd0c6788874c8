"""The potential of a gradient flow with noise from snapshots by linear least squares; nothing is simulated.

The law of dX = -grad psi dt + sigma dW obeys, for every function f,

    d/dt E[f] = -E[grad f . grad psi] + sigma^2 / 2 E[lap f],

which is linear in the coefficients of a `SeriesPotential`. The functions of the series themselves serve as f, since the
Laplacian leads out of their span by nothing: the diffusion is solved exactly, whatever the interval between marginals,
and only the mean slopes are interpolated, linearly in time: marginals must follow each other faster than the flow
changes distances by a sixth. Each mean over n particles has a known error. Whether the marginals show the same
particles, so that it goes along from one to the next, or others at each time, is decided by the evidence, and so is how
large each coefficient may be (sparse Bayesian learning), which leaves few of them. Waves are taken only if polynomials
leave more than the known errors (the discrepancy principle).

References
----------
M. E. Tipping, J. Mach. Learn. Res. 1, 211 (2001), for the sizes of the coefficients. V. A. Morozov, Soviet Math. Dokl.
7, 414 (1966), for the discrepancy principle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import expm

from wlmsim.learn.functionals import SeriesPotential
from wlmsim.learn.mechanics import Cloud, Mechanics
from wlmsim.learn.rollouts.rollout import flow_rollout

ROUGHNESS = 0.01
"""Share by which the variances of means are raised: directions that hardly vary would else count without limit."""
ROUNDS = 100
"""Updates of the sizes of the coefficients."""
NEGLIGIBLE = 1e9
"""Precision of a coefficient beyond which it is taken for 0 [1 / its square]."""
NODES, WEIGHTS = (np.polynomial.legendre.leggauss(4)[0] + 1) / 2, np.polynomial.legendre.leggauss(4)[1] / 2
"""Of the quadrature over the interval between two marginals."""


class Estimate(NamedTuple):
    """Coefficients with their covariance, the logarithm of the evidence, and the mean square of what is unexplained.

    The last is in units of the errors: not above 1 where the assumptions hold.
    """

    means: np.ndarray
    covariance: np.ndarray
    evidence: float
    unexplained: float


def begin(mechanics: Mechanics, populations: Sequence[Sequence[Cloud]], *, noise: float, dt: float) -> bool:
    """Begin a gradient flow of a `SeriesPotential` alone with the potential of the weak form; else change nothing.

    Where some particles are known to multiply faster than others it changes nothing: the weak form is that of motion.
    Polynomials serve alone if they explain the means of waves too, within their errors. Where the first marginal,
    simulated under the estimate, blows up, polynomials are tried, and at last no force.

    Parameters
    ----------
    mechanics : Mechanics
        What is to be trained, in place.
    populations : sequence of sequences of Cloud
        The fitted marginals of each population.
    noise : float
        sigma in scaled coordinates.
    dt : float
        Largest time step in scaled coordinates.

    Returns
    -------
    bool
        Whether it did.
    """
    series = mechanics.learned[0] if len(mechanics.learned) == 1 else None
    if not mechanics.first_order or mechanics.analytic or not isinstance(series, SeriesPotential):
        return False
    if any(
        cloud.growth is not None and cloud.growth.max() > cloud.growth.min() for same in populations for cloud in same
    ):
        return False
    means = [[means_of(series, cloud) for cloud in clouds] for clouds in populations]
    polynomials, all_functions = series.polynomials(), np.ones(len(series.means), dtype=bool)
    suffice = weak_form(series, means, noise, polynomials, all_functions).unexplained <= 1
    for part in (polynomials,) if suffice else (all_functions, polynomials):
        estimate = weak_form(series, means, noise, part)
        series.begin(estimate.means, estimate.covariance)
        if all(_stays_finite(mechanics, clouds, noise, dt) for clouds in populations):
            return True
    series.begin(np.zeros(len(series.means)), np.eye(len(series.means)))
    return True


Semigroup = Callable[[float], np.ndarray]
"""What a time of diffusion does to means."""


class Means(NamedTuple):
    """Means over one marginal: of the constant 1 and of the functions, and of products of their slopes.

    The covariance is that of the errors of the means of the functions; `share` is 1 / n for equal weights.
    """

    time: float
    share: float
    values: np.ndarray
    slopes: np.ndarray
    covariance: np.ndarray

    def of(self, chosen: np.ndarray) -> Means:
        """Those of some of the functions."""
        and_one = np.r_[0, 1 + chosen]
        return self._replace(
            values=self.values[and_one],
            slopes=self.slopes[np.ix_(and_one, and_one)],
            covariance=self.covariance[np.ix_(chosen, chosen)],
        )


def means_of(series: SeriesPotential, cloud: Cloud) -> Means:
    """Means over a marginal in scaled coordinates, of all functions of a series."""
    x, w = cloud.x.detach().double(), cloud.w.detach().cpu().double().numpy()
    with torch.no_grad():
        values, slopes = series.functions(x).cpu().numpy(), series.slopes(x).cpu().numpy()
    mean, share = w @ values, float((w**2).sum())
    products = np.zeros((len(mean) + 1,) * 2)
    products[1:, 1:] = sum(along.T @ (w[:, None] * along) for along in np.moveaxis(slopes, 1, 0))
    deviations = values - mean
    return Means(cloud.time, share, np.r_[1.0, mean], products, share * deviations.T @ (w[:, None] * deviations))


def weak_form(
    series: SeriesPotential,
    populations: Sequence[Sequence[Means]],
    noise: float,
    part: np.ndarray | None = None,
    tests: np.ndarray | None = None,
) -> Estimate:
    """Estimate the coefficients of a series from marginals of a gradient flow.

    Parameters
    ----------
    series : SeriesPotential
        Prepared for the dimension of the data; it is not changed.
    populations : sequence of sequences of Means
        The marginals of each population, in scaled coordinates.
    noise : float
        sigma in scaled coordinates.
    part : ndarray of bool, optional
        Which of the functions the potential has; the other coefficients are 0. Default: all.
    tests : ndarray of bool, optional
        The functions f whose means are to be explained, among them those of the potential. Default: the same.

    Returns
    -------
    Estimate
    """
    part = np.ones(len(series.means), dtype=bool) if part is None else part
    tested, chosen = np.flatnonzero(part if tests is None else tests), np.flatnonzero(part)
    means = [[marginal.of(tested) for marginal in marginals] for marginals in populations]
    laplacian = series.laplacian()[np.ix_(tested, np.r_[0, 1 + tested])]
    diffusion = _semigroup(0.5 * noise**2 * np.vstack([np.zeros(len(tested) + 1), laplacian]))
    _, groups = np.unique(series.groups()[chosen], return_inverse=True)
    found = []
    for error in (_of_independent_samples, _of_the_same_particles) if noise else (_of_independent_samples,):
        rows = _stacked([error(marginals, diffusion, noise) for marginals in means])
        found.append(_sparse_regression(rows._replace(left=rows.left[:, part[tested]]), groups))
    best = max(found, key=lambda estimate: estimate.evidence)
    coefficients, covariance = np.zeros(len(part)), np.zeros((len(part),) * 2)
    coefficients[chosen] = best.means
    covariance[np.ix_(chosen, chosen)] = best.covariance
    return best._replace(means=coefficients, covariance=covariance)


class _Rows(NamedTuple):
    """Equations right = left coefficients + errors of variance 1, and the logarithm of what they were divided by."""

    left: np.ndarray
    right: np.ndarray
    scale: float


def _stacked(parts: Sequence[_Rows]) -> _Rows:
    left, right, scales = zip(*parts, strict=True)
    return _Rows(np.concatenate(left), np.concatenate(right), float(sum(scales)))


def _whitened(covariance: np.ndarray, *sides: np.ndarray) -> tuple[list[np.ndarray], float]:
    """Sides of equations in units of their errors, and the logarithm of the determinant of the units."""
    diagonal = np.diag(covariance)
    raised = ROUGHNESS * diagonal + 1e-12 * max(float(diagonal.max()), 1e-300)
    factor = np.linalg.cholesky(covariance + np.diag(raised))
    columns = [side.reshape(len(side), -1) for side in sides]
    solved = np.linalg.solve(factor, np.concatenate(columns, axis=1))
    parts = np.split(solved, np.cumsum([side.shape[1] for side in columns])[:-1], axis=1)
    whitened = [part.reshape(side.shape) for part, side in zip(parts, sides, strict=True)]
    return whitened, float(np.log(np.diag(factor)).sum())


def _semigroup(generator: np.ndarray) -> Semigroup:
    """How diffusion changes means in a time, found once for each: marginals are often evenly spaced."""

    @cache
    def after(time: float) -> np.ndarray:
        return expm(time * generator)

    return lambda time: after(float(f"{time:.9g}"))


def _step(before: Means, after: Means, diffusion: Semigroup, noise: float) -> tuple[np.ndarray, ...]:
    """From one marginal to the next: how diffusion changes means, the slopes' part, and the variance that noise adds.

    The second is the integral of S(t' - s) G(s), the third sigma^2 that of S(t' - s) G(s) S(t' - s)^T, S the semigroup
    of diffusion and G the mean products of slopes.
    """
    interval = after.time - before.time
    drift, variance = np.zeros((2, *diffusion(interval).shape))
    for s, weight in zip(NODES, WEIGHTS, strict=True):
        semigroup = diffusion((1 - s) * interval)
        product = weight * interval * semigroup @ ((1 - s) * before.slopes + s * after.slopes)
        drift += product
        variance += noise**2 * product @ semigroup.T
    return diffusion(interval), drift, variance * before.share


def _of_the_same_particles(marginals: Sequence[Means], diffusion: Semigroup, noise: float) -> _Rows:
    """Each marginal from the one before: what differs is what the noise on the way adds."""
    parts = []
    for before, after in pairwise(marginals):
        semigroup, drift, variance = _step(before, after, diffusion, noise)
        change = (after.values - semigroup @ before.values)[1:]
        (left, right), scale = _whitened(variance[1:, 1:], -drift[1:, 1:], change)
        parts.append(_Rows(left, right, scale))
    return _stacked(parts)


def _of_independent_samples(marginals: Sequence[Means], diffusion: Semigroup, noise: float) -> _Rows:
    """All marginals from unknown true means at the first: each has an error of its own."""
    carried, drift = diffusion(0.0), np.zeros_like(diffusion(0.0))
    parts, beginnings = [], []
    for k, marginal in enumerate(marginals):
        if k:
            semigroup, slopes, _ = _step(marginals[k - 1], marginal, diffusion, noise)
            carried, drift = semigroup @ carried, semigroup @ drift + slopes
        known = marginal.values[1:] - carried[1:, 0]
        (left, right, start), scale = _whitened(marginal.covariance, -drift[1:, 1:], known, carried[1:, 1:])
        parts.append(_Rows(left, right, scale))
        beginnings.append(start)
    rows = _stacked(parts)
    # the true means at the first marginal are integrated out
    basis, triangle = np.linalg.qr(np.concatenate(beginnings))
    left, right = (side - basis @ (basis.T @ side) for side in (rows.left, rows.right))
    return _Rows(left, right, rows.scale + float(np.log(np.abs(np.diag(triangle))).sum()))


def _sparse_regression(rows: _Rows, groups: np.ndarray) -> Estimate:
    """Linear regression in which every group of coefficients has a normal prior of the size that fits best."""
    products, right = rows.left.T @ rows.left, rows.left.T @ rows.right
    count = np.bincount(groups)
    precisions = np.ones(len(count))
    for _ in range(ROUNDS):
        mean, covariance, _ = _posterior(products, right, precisions[groups])
        determined = np.bincount(groups, 1 - precisions[groups] * np.diag(covariance))
        squares = np.bincount(groups, mean**2)
        updated = np.clip(np.maximum(determined, 1e-12) / np.maximum(squares, 1e-30), 1e-8, 10 * NEGLIGIBLE)
        precisions = np.where(precisions < NEGLIGIBLE, updated, precisions)
    mean, covariance, logarithm = _posterior(products, right, precisions[groups])
    evidence = -0.5 * (rows.right @ rows.right - right @ mean) + logarithm - rows.scale
    unexplained = float(((rows.right - rows.left @ mean) ** 2).mean())
    return Estimate(mean, covariance, evidence, unexplained)


def _posterior(products: np.ndarray, right: np.ndarray, precisions: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean, covariance and normalisation of the coefficients that are not negligible, 0 for the others."""
    kept = np.flatnonzero(precisions < NEGLIGIBLE)
    mean, covariance = np.zeros(len(right)), np.zeros_like(products)
    inverse = np.linalg.inv(products[np.ix_(kept, kept)] + np.diag(precisions[kept]))
    mean[kept] = inverse @ right[kept]
    covariance[np.ix_(kept, kept)] = inverse
    return mean, covariance, float(0.5 * np.linalg.slogdet(inverse)[1] + 0.5 * np.log(precisions[kept]).sum())


def _stays_finite(mechanics: Mechanics, clouds: Sequence[Cloud], noise: float, dt: float) -> bool:
    """Whether the first marginal, simulated up to the time of the last, does not blow up."""
    rng, first = np.random.default_rng(0), clouds[0]

    def kicks(x: torch.Tensor, step: float) -> torch.Tensor:
        return torch.as_tensor(noise * np.sqrt(step) * rng.standard_normal(x.shape)).to(x)

    def force(x: torch.Tensor, t: float) -> torch.Tensor:
        return mechanics.force(x, first.w, t)

    with torch.no_grad():
        (end,) = flow_rollout(force, first.x, [clouds[-1].time], start=first.time, dt=dt, noise=kicks)
    return bool(torch.isfinite(end).all())

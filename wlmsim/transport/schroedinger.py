"""Schroedinger bridges: how clouds of diffusing particles got from where they were seen to where they were seen next.

Of all motions between two clouds a, b at times 0 and T the bridge is the one most like diffusion, dX = sigma dW. It is
a coupling P of the ends that minimises, with an entropy relative to independent ends,

    sum P_ij |x_i - y_j|^2 / 2 + sigma^2 T KL(P | a b) + reach^2 KL(P 1 | a) + reach^2 KL(P^T 1 | b)

and, between the two ends of each pair, Brownian bridges: straight lines with Gaussian noise of variance
sigma^2 t (T - t) / T about them along each axis. Without noise that is optimal transport, see `unbalanced_plan` for the
reach: where particles multiply and die, the ends need not have the weights that are carried.
"""

from __future__ import annotations

import math

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.transport.exact import fits, ground_cost
from wlmsim.transport.large import draw, sampled_potentials
from wlmsim.transport.unbalanced import dual_potentials

CANDIDATES = 1000
"""Particles of a large cloud among which the partner of one of the other is drawn."""
DRAWS = 2
"""Particles drawn for each one of both clouds."""


def schroedinger_bridge(
    before: Population,
    after: Population,
    time: float,
    *,
    noise: float,
    reach: float = math.inf,
    count: int | None = None,
    seed: int = 0,
) -> Population:
    """A cloud at a time between two others, drawn from the Schroedinger bridge between them.

    Parameters
    ----------
    before, after : Population
        The observed clouds; `growth` of the first is what is known beforehand of how its particles multiply.
    time : float
        When, between the two [time].
    noise : float
        Strength sigma of the diffusion dX = sigma dW, positive [length / sqrt(time)].
    reach : float
        Distance beyond which particles rather multiply here and die there than move, positive, see `wlmsim.transport`
        [length]. Default infinite: masses are conserved.
    count : int, optional
        Number of particles to draw. Default: twice those of both clouds.
    seed : int
        Of the draw. Default 0.

    Returns
    -------
    Population
        Equally weighted particles, a sample of a density.

    Raises
    ------
    ParameterError
        If the noise or the reach is not positive, or the time is not between the clouds.

    References
    ----------
    C. Leonard, A survey of the Schroedinger problem and some of its connections with optimal transport, Discrete
    Contin. Dyn. Syst. A 34, 1533 (2014); Y. Chen, T. T. Georgiou, M. Pavon, The most likely evolution of diffusing and
    vanishing particles: Schroedinger bridges with unbalanced marginals, SIAM J. Control Optim. 60, 2016 (2022).

    Examples
    --------
    Between two points it is a Brownian bridge, at half its way of variance sigma^2 T / 4.

    >>> import numpy as np, wlmsim as wls
    >>> here, there = wls.Population([[0.0]]), wls.Population([[4.0]], time=1.0)
    >>> x = wls.transport.schroedinger_bridge(here, there, 0.5, noise=1.0, count=4000).positions
    >>> round(float(x.mean()), 1), round(float(x.var()), 1)
    (2.0, 0.2)
    """
    s = fraction(before, after, time)
    i, j = sample_coupling(before, after, s, noise=noise, reach=reach, count=count, seed=seed)
    straight = (1 - s) * before.positions[i] + s * after.positions[j]
    return Population(straight + bridge_noise(before, after, s, straight.shape, noise=noise, seed=seed), time=time)


def fraction(before: Population, after: Population, time: float) -> float:
    """Share of the way from one cloud to the other that a time is at."""
    if not before.time <= time <= after.time or before.time == after.time:
        first, last = (_times.text(cloud.time, [before.time, after.time, time]) for cloud in (before, after))
        raise check.fail("time", f"between the clouds at {first} and {last}", time)
    return (time - before.time) / (after.time - before.time)


def _between(before: Population, after: Population, s: float) -> float:
    """The time at a fraction of the way."""
    return (1 - s) * before.time + s * after.time


def sample_coupling(
    before: Population,
    after: Population,
    s: float,
    *,
    noise: float,
    reach: float = math.inf,
    count: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both clouds between which the particles move that are seen at the fraction s of the way.

    Parameters
    ----------
    before, after, noise, reach, count, seed
        As in `schroedinger_bridge`.
    s : float
        Fraction of the way, in [0, 1]. Particles that multiply on the way are drawn as often as there are of them then.

    Returns
    -------
    (source, target) : tuple of ndarray of int, shape (count,)
    """
    epsilon = 2 * check.positive("noise", noise) ** 2 * (after.time - before.time)
    price = math.inf if reach == math.inf else 2 * check.positive("reach", reach) ** 2
    n, m = len(before), len(after)
    count = DRAWS * (n + m) if count is None else check.integer("count", count)
    if not fits(n, m):
        return _sample_large_coupling(before, after, s, price, epsilon, count, seed)
    cost = ground_cost(before.positions, after.positions, 2)
    f, g = dual_potentials(cost, before.grown(after.time), after.weights, price, epsilon)
    # what leaves a particle falls short of its weight by the factor exp(-f / price), which it grows by on its way,
    # beside what is known to
    start, end = f / epsilon + (1 - s) * f / price, g / epsilon + s * g / price
    now = before.grown(_between(before, after, s))
    masses = now[:, None] * after.weights * np.exp(start[:, None] + end - cost / epsilon)
    shares = np.cumsum(masses)
    # one in each of so many equal shares, anywhere in it: evenly spaced ones would draw the same rows again and again
    at = (np.arange(count) + np.random.default_rng(seed).random(count)) / count
    drawn = np.minimum(np.searchsorted(shares, at * shares[-1], side="right"), len(shares) - 1)
    source, target = np.divmod(drawn, m)
    return source, target


def _sample_large_coupling(
    before: Population, after: Population, s: float, price: float, epsilon: float, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same from potentials of parts of both clouds, each drawn row meeting `CANDIDATES` random ones.

    In time and memory linear in the rows and the draws. Diffusion that is less than the distance of so many particles
    joins the nearest ones of these.
    """
    rng = np.random.default_rng(seed)
    x, y = before.positions, after.positions
    found = sampled_potentials(x, y, before.grown(after.time), after.weights, price, epsilon, seed=seed)
    f, g = found.of_all()
    start, end = f / epsilon + (1 - s) * f / price, g / epsilon + s * g / price
    logarithms = start + found.log_means(x, y[found.parts[1]], end[found.parts[1]])
    now = before.grown(_between(before, after, s))
    source = np.sort(draw(now * np.exp(logarithms - logarithms.max()), count, rng))
    target = np.empty(count, dtype=np.int64)
    order = rng.permutation(count)
    for k in range(0, count, CANDIDATES):
        drawn = order[k : k + CANDIDATES]
        others = draw(after.weights, CANDIDATES, rng)
        values = end[others] - ground_cost(x[source[drawn]], y[others], 2) / epsilon
        shares = np.cumsum(np.exp(values - values.max(1, keepdims=True)), axis=1)
        at = rng.random((len(drawn), 1)) * shares[:, -1:]
        target[drawn] = others[(shares < at).sum(1)]
    return source, target


def bridge_noise(
    before: Population, after: Population, s: float, shape: tuple[int, ...], *, noise: float, seed: int = 0
) -> np.ndarray:
    """Deviations of Brownian bridges, of given shape, from their mean at the fraction s of the way [length]."""
    width = noise * math.sqrt((after.time - before.time) * s * (1 - s))
    return width * np.random.default_rng([seed, 1]).standard_normal(shape)

"""What finite samples do to a fit by least transport cost: its bias, removed, and its standard errors."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np

from wlmsim.data.population import Population
from wlmsim.learn.known_form.minimum_distance import (
    Fit,
    mean_square,
    normal_equations,
    residuals,
    transport_plan,
    transport_plans,
)
from wlmsim.learn.known_form.predictions import Clouds, Pair, Predictions, Window
from wlmsim.transport.exact import Plan

MATCHED = 0.1
"""Squared distance between predicted and observed clouds, relative to that between independent samples, below which
the transport plan is taken to join each particle with itself."""
NEWTON_STEPS = 12
"""Most steps to the zero of the debiased score."""
MOST_POLYNOMIALS = 30
"""Most polynomials whose gradients stand for all gradients."""
RESAMPLED_ROWS = 300
"""Most rows of a cloud in a bootstrap sample; the covariance is scaled to the cloud's size."""

Halves = tuple[np.ndarray, np.ndarray]


def is_matched(predictions: Predictions, fit: Fit) -> bool:
    """Whether the predictions meet the observed clouds much more closely than another sample of them would."""
    ratios = []
    pairs = predictions.pairs()
    for k in np.unique(np.linspace(0, len(pairs) - 1, 5).astype(int)):
        target = pairs[k].target
        halves = _halves(target, np.random.default_rng(0))
        if halves is None:
            return True
        a, b = (_rows(target, half) for half in halves)
        # half as many particles are about twice as far from another sample, in squares
        floor = 0.5 * mean_square([a.positions], transport_plans([a.positions], [Pair(a, b)]), [Pair(a, b)])
        distance = mean_square(fit.clouds[k : k + 1], fit.plans[k : k + 1], pairs[k : k + 1])
        ratios.append(distance / floor if floor > 0 else 0.0)
    return float(np.median(ratios)) < MATCHED


def _halves(cloud: Population, rng: np.random.Generator) -> Halves | None:
    """Rows of two random halves; None for a cloud too small to be halved."""
    order = rng.permutation(len(cloud))
    a, b = order[: len(order) // 2], order[len(order) // 2 :]
    return (a, b) if len(a) > 1 and cloud.weights[a].sum() > 0 and cloud.weights[b].sum() > 0 else None


def _rows(cloud: Population, rows: np.ndarray, counts: np.ndarray | None = None) -> Population:
    """Some rows of a cloud, with their weights or with how often each was drawn."""
    part = cloud.rows(rows)
    if counts is None:
        return part
    return Population(part.positions, part.velocities, counts.astype(float), part.time, growth=part.growth)


# --- bias


def debias(predictions: Predictions, fit: Fit, seed: int) -> tuple[Fit, np.ndarray]:
    """Complete a fit to independent samples by Newton steps to the zero of the debiased score.

    Returns
    -------
    (fit, curvature) : tuple
        The completed fit and the derivative of the score, shape (p, p).
    """
    pairs = predictions.pairs()
    score = _DebiasedScore(pairs, seed)
    best, least = fit, math.inf
    for _ in range(NEWTON_STEPS):
        jacobians = predictions.differences(fit.theta, fit.clouds, fit.differences).jacobians
        curvature, slope = visible_curvature(jacobians, fit.clouds, pairs), score(fit.clouds, jacobians)
        step = -_solve(curvature, slope)
        if -slope @ step < least:
            best, best_curvature, least = fit, curvature, -slope @ step
        theta = predictions.admissible(fit.theta, np.clip(step, -0.2 * fit.scale, 0.2 * fit.scale))
        clouds = predictions.attempt(theta)
        if clouds is None or (np.abs(theta - fit.theta) <= 1e-4 * fit.scale).all():
            break
        plans = transport_plans(clouds, pairs)
        cost = mean_square(clouds, plans, pairs)
        fit = replace(fit, theta=theta, clouds=clouds, plans=plans, cost=cost, steps=fit.steps + 1)
    return best, best_curvature


def visible_curvature(jacobians: Clouds, clouds: Clouds, pairs: list[Pair]) -> np.ndarray:
    """Gauss-Newton matrix of the part of each motion that transport between large samples sees, shape (p, p).

    Where samples are dense the plan follows a motion that does not change the density, so that only the gradient part
    of a parameter's motion changes the distance. It is found by projection on the gradients of polynomials.
    """
    matrix = np.zeros((len(jacobians[0]),) * 2)
    for jacobian, x, (start, _) in zip(jacobians, clouds, pairs, strict=True):
        root = np.sqrt(start.weights)[:, None]
        basis = (root * _polynomial_gradients(x)).reshape(-1, x.shape[0] * x.shape[1])
        motion = (root * jacobian).reshape(len(jacobian), -1)
        part = np.linalg.lstsq(basis.T, motion.T, rcond=1e-10)[0].T @ basis
        matrix += part @ part.T / len(pairs)
    return matrix


def _polynomial_gradients(x: np.ndarray) -> np.ndarray:
    """Gradients of the monomials of the coordinates, shape (m, n, d), of as high a degree as the sample bears."""
    n, d = x.shape
    z = (x - x.mean(0)) / np.maximum(x.std(0), np.finfo(float).tiny)
    most = max(d, min(MOST_POLYNOMIALS, n // 5))
    powers: list[np.ndarray] = []
    for degree in range(1, 7):
        new = [np.bincount(c, minlength=d) for c in combinations_with_replacement(range(d), degree)]
        if len(powers) + len(new) > most:
            break
        powers += new
    gradients = np.empty((len(powers), n, d))
    for m, power in enumerate(powers):
        for k in range(d):
            lowered = np.maximum(power - (np.arange(d) == k), 0)
            gradients[m, :, k] = power[k] * (z**lowered).prod(1)
    return gradients


def _solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Solution of a positive system, in units in which its diagonal is 1 and without its weakest directions."""
    scale = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    return np.linalg.lstsq(matrix / np.outer(scale, scale), vector / scale, rcond=1e-6)[0] / scale


class _DebiasedScore:
    """Derivative of half the squared distance, less half that between two halves of the predicted cloud.

    All distances are between clouds of half size. Their expected excess over the distance of the densities is then the
    same at the true parameters, and drops out; as a Sinkhorn divergence does, and with no blur.
    """

    def __init__(self, pairs: list[Pair], seed: int):
        rng = np.random.default_rng(seed)
        self.pairs = pairs
        self.halves = [(_halves(start, rng), _halves(target, rng)) for start, target in pairs]

    def __call__(self, clouds: Clouds, jacobians: Clouds) -> np.ndarray:
        scores = [
            np.tensordot(jacobian, self._residuals(x, *pair, *halves), 2)
            for x, jacobian, pair, halves in zip(clouds, jacobians, self.pairs, self.halves, strict=True)
        ]
        return np.mean(scores, axis=0)

    @staticmethod
    def _residuals(
        x: np.ndarray, start: Population, target: Population, own: Halves | None, others: Halves | None
    ) -> np.ndarray:
        grown = start.grown(target.time)
        if own is None or others is None:
            plan = transport_plan(x, grown, target.positions, target.weights)
            return residuals(x, target.positions, plan)
        weights = [grown[half] / grown[half].sum() for half in own]
        total = np.zeros_like(x)
        for half, wx in zip(own, weights, strict=True):
            for other in others:
                y, wy = target.positions[other], target.weights[other] / target.weights[other].sum()
                total[half] += 0.25 * residuals(x[half], y, transport_plan(x[half], wx, y, wy))
        a, b = own
        plan = transport_plan(x[a], weights[0], x[b], weights[1])
        total[a] -= 0.5 * residuals(x[a], x[b], plan)
        total[b] -= 0.5 * residuals(x[b], x[a], Plan(plan.target, plan.source, plan.mass))
        return total


# --- standard errors


def matched_covariance(predictions: Predictions, fit: Fit) -> np.ndarray:
    """Sandwich formula with the plan as the true correspondence.

    The scores of the particles, each summed over the targets of its window, are taken as independent.
    """
    pairs = predictions.pairs()
    jacobians = predictions.differences(fit.theta, fit.clouds, fit.differences).jacobians
    matrix, _ = normal_equations(jacobians, fit.clouds, fit.plans, pairs)
    terms = zip(jacobians, fit.clouds, fit.plans, strict=True)
    meat, particles = np.zeros_like(matrix), 0
    for window in predictions.windows:
        scores = np.zeros((len(matrix), len(window.start)))
        for target in window.targets:
            jacobian, x, plan = next(terms)
            scores += np.einsum("pid,id->pi", jacobian, residuals(x, target.positions, plan)) / len(pairs)
        meat += scores @ scores.T
        particles += scores.shape[1]
    return _sandwich(matrix, meat) * particles / max(particles - len(matrix), 1)


def bootstrap_covariance(
    predictions: Predictions, fit: Fit, curvature: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
    """Covariance of the scores of resampled marginals, carried over to the parameters by the score's derivative.

    A marginal that is both a start and a target is resampled once, so that its errors cancel as they do in truth.
    """
    rng = np.random.default_rng(seed)
    jacobians = predictions.differences(fit.theta, fit.clouds, fit.differences).jacobians
    marginals = {id(cloud): cloud for window in predictions.windows for cloud in (window.start, *window.targets)}
    share = min(1.0, RESAMPLED_ROWS / max(len(cloud) for cloud in marginals.values()))
    scores = []
    for _ in range(resamples):
        drawn = {key: _draw(cloud, share, rng) for key, cloud in marginals.items()}
        samples = {key: _rows(cloud, *drawn[key]) for key, cloud in marginals.items()}
        windows = [
            Window(samples[id(start)], [samples[id(target)] for target in targets])
            for start, targets in predictions.windows
        ]
        resampled = predictions.over(windows)
        rows = [drawn[id(pair.start)][0] for pair in predictions.pairs()]
        clouds, pairs = resampled.clouds(fit.theta), resampled.pairs()
        _, score = normal_equations(
            [jacobian[:, kept] for jacobian, kept in zip(jacobians, rows, strict=True)],
            clouds,
            transport_plans(clouds, pairs),
            pairs,
        )
        scores.append(score)
    return share * _sandwich(curvature, np.atleast_2d(np.cov(np.array(scores).T)))


def _draw(cloud: Population, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows drawn with replacement by their weights, each once, and how often it was drawn."""
    size = max(2, round(share * len(cloud)))
    return np.unique(rng.choice(len(cloud), size, p=cloud.weights / cloud.weights.sum()), return_counts=True)


def _sandwich(bread: np.ndarray, meat: np.ndarray) -> np.ndarray:
    """Bread^-1 meat bread^-T; infinite where the bread says nothing of a parameter."""
    scale = np.sqrt(np.abs(np.diag(bread)))
    unknown = scale == 0
    scale[unknown] = 1.0
    inverse = np.linalg.pinv(bread / np.outer(scale, scale), rcond=1e-12) / np.outer(scale, scale)
    covariance = inverse @ meat @ inverse.T
    covariance[unknown, unknown] = math.inf
    return covariance

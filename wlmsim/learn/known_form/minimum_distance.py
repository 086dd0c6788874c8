"""Least squares under optimal transport: the parameters whose predictions are nearest to the observed clouds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wlmsim.errors import ParameterError
from wlmsim.learn.known_form.predictions import Clouds, Pair, Predictions
from wlmsim.transport.exact import Plan, ground_cost, optimal_plan

WIDEST = 0.2
"""Relative step of the first differences with respect to a parameter."""
NARROWEST = 1e-3
"""Relative step of the last ones."""
FEW = 10
"""Number of windows that a fit begins with, spread over the data."""
SHORT = 3
"""Most steps over predictions shorter than the horizon, which may leave a combination of parameters open."""
TOLERANCE = 1e-4
"""Relative step of the parameters below which a fit has converged."""
ROUGH = 1e-3
"""The same for the answers on the way."""


@dataclass
class Fit:
    """Where a fit has come to.

    Parameters, their predictions, the plans and the mean squared distance under them; the size of the parameters, and
    the width of differences relative to it.
    """

    theta: np.ndarray
    clouds: Clouds
    plans: list[Plan]
    cost: float
    scale: np.ndarray
    width: float
    steps: int = 0
    converged: bool = False

    @property
    def differences(self) -> np.ndarray:
        """Step of the differences with respect to each parameter."""
        return self.width * self.scale


def transport_plan(x: np.ndarray, wx: np.ndarray, y: np.ndarray, wy: np.ndarray) -> Plan:
    """Optimal transport for the squared distance, by the method that is fastest for these clouds.

    Parameters
    ----------
    x, y : ndarray, shape (n, d) and (m, d)
        Positions.
    wx, wy : ndarray, shape (n,) and (m,)
        Weights, each summing to 1.

    Returns
    -------
    Plan
    """
    if x.shape[1] == 1:
        import ot

        coupling = ot.emd_1d(x[:, 0], y[:, 0], wx / wx.sum(), wy / wy.sum(), metric="sqeuclidean", dense=False).tocoo()
        return Plan(coupling.row, coupling.col, coupling.data)
    cost = ground_cost(x, y, 2)
    if len(x) == len(y) and np.ptp(wx) < 1e-14 and np.ptp(wy) < 1e-14:
        from scipy.optimize import linear_sum_assignment

        # clouds that nearly meet: most particles have a nearest one of their own, few augmentations remain
        if len(np.unique(cost.argmin(1))) > 0.6 * len(x):
            rows, columns = linear_sum_assignment(cost)
            return Plan(rows, columns, np.full(len(x), 1.0 / len(x)))
    return optimal_plan(cost, wx, wy)


def transport_plans(clouds: Clouds, pairs: list[Pair]) -> list[Plan]:
    """Plans from the predicted to the observed clouds."""
    return [
        transport_plan(x, start.grown(target.time), target.positions, target.weights)
        for x, (start, target) in zip(clouds, pairs, strict=True)
    ]


def mean_square(clouds: Clouds, plans: list[Plan], pairs: list[Pair]) -> float:
    """Squared distance under the plans, averaged over the pairs [length^2]."""
    squares = [
        plan.mass @ ((x[plan.source] - target.positions[plan.target]) ** 2).sum(-1)
        for x, plan, (_, target) in zip(clouds, plans, pairs, strict=True)
    ]
    return float(np.mean(squares))


def residuals(x: np.ndarray, y: np.ndarray, plan: Plan) -> np.ndarray:
    """Half the gradient of the squared distance with respect to x, shape (n, d): the plan is optimal, so it stays."""
    total = np.zeros_like(x)
    np.add.at(total, plan.source, plan.mass[:, None] * (x[plan.source] - y[plan.target]))
    return total


def normal_equations(
    jacobians: Clouds, clouds: Clouds, plans: list[Plan], pairs: list[Pair]
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Newton matrix (p, p) and gradient (p,) of half the mean square, at fixed plans."""
    p = len(jacobians[0])
    matrix, gradient = np.zeros((p, p)), np.zeros(p)
    for jacobian, x, plan, (start, target) in zip(jacobians, clouds, plans, pairs, strict=True):
        matrix += np.einsum("pid,qid,i->pq", jacobian, jacobian, start.weights) / len(pairs)
        gradient += np.tensordot(jacobian, residuals(x, target.positions, plan), 2) / len(pairs)
    return matrix, gradient


def descend(predictions: Predictions, start: np.ndarray, iterations: int, show: Callable[[str], None]) -> Fit:
    """Minimise the mean square from the parameters `start`.

    First over few windows and short predictions: they cost less, and lead to where long ones can be matched.
    """
    scale = np.where(start == 0, 1.0, np.abs(start))
    longest = predictions.longest
    few = predictions.some(FEW)
    stages = [(few, 2**k) for k in range(20) if 2**k < longest]
    stages += [(few, longest)] if len(few.windows) < len(predictions.windows) else []
    theta, width, steps = start, WIDEST, 0
    for part, reach in [*stages, (predictions, longest)]:
        clouds = part.clouds(theta, reach)
        plans = transport_plans(clouds, part.pairs(reach))
        fit = Fit(theta, clouds, plans, mean_square(clouds, plans, part.pairs(reach)), scale, width, steps)
        most = iterations if reach == longest else min(iterations, steps + SHORT)
        _gauss_newton(part, fit, reach, most, show, rough=part is few)
        theta, width, steps, scale = fit.theta, fit.width, fit.steps, fit.scale
    return fit


def _gauss_newton(
    predictions: Predictions,
    fit: Fit,
    reach: int,
    iterations: int,
    show: Callable[[str], None],
    *,
    rough: bool,
) -> None:
    """Levenberg and Marquardt's steps, in place; `rough` ones stop at a first answer."""
    pairs = predictions.pairs(reach)
    damping = 1e-3
    while fit.steps < iterations and not fit.converged:
        scale = fit.scale = np.maximum(fit.scale, np.abs(fit.theta))
        sides = predictions.differences(fit.theta, fit.clouds, fit.differences, reach)
        matrix, gradient = normal_equations(sides.jacobians, fit.clouds, fit.plans, pairs)
        diagonal = np.diag(matrix).copy()
        if fit.steps == 0 and (diagonal == 0).any():
            name = predictions.names[int(np.argmin(diagonal))]
            raise ParameterError(f"`learn` must name parameters that change the predictions; {name!r} does not")
        diagonal[diagonal == 0] = 1.0
        fit.steps += 1
        moved, theta = False, fit.theta
        while not moved and damping < 1e6:
            step = -np.linalg.solve(matrix + damping * np.diag(diagonal), gradient)
            theta = predictions.admissible(fit.theta, np.clip(step, -0.5 * scale, 0.5 * scale))
            trial = predictions.attempt(theta, reach)
            if trial is not None:
                plans = transport_plans(trial, pairs)
                cost = mean_square(trial, plans, pairs)
                moved = cost < fit.cost
            damping = 0.1 * damping if moved else 10 * max(damping, 1e-6)
        size = (np.abs(theta - fit.theta) / scale).max() if moved else 0.0
        finest = fit.width <= NARROWEST
        # narrow differences see too little of a cutoff, wide ones blur it: they narrow once the steps are well inside
        if size <= 0.1 * fit.width:
            fit.width = max(0.3 * fit.width, NARROWEST)
        fit.converged = finest and size <= (ROUGH if rough else TOLERANCE)
        if moved and trial is not None:
            fit.theta, fit.clouds, fit.plans, fit.cost = theta, trial, plans, cost
        else:
            damping = 1e-3
        show(f"step {fit.steps}, distance {math.sqrt(fit.cost):.4g}")

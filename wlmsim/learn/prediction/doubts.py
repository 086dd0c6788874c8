"""Whether a fit can be believed at all: what it predicts of the last marginal that it saw, beside naive baselines."""

from __future__ import annotations

import warnings

import numpy as np

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.evaluation import baseline
from wlmsim.learn.prediction.growth import thinned
from wlmsim.learn.prediction.predictor import Predictor
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.transport.exact import wasserstein1

NAIVE = ("persistence", "ballistic")
CLEARLY = 0.05
"""Share by which a baseline must be better, beside a 400th of the spread of the cloud."""
ROWS = 20_000
"""Most rows that are carried to be compared."""


def beaten(predictor: Predictor, data: SnapshotSeries) -> str | None:
    """Say, if it is so, that a naive baseline is nearer to the last fitted marginal than the prediction from before.

    Parameters
    ----------
    predictor : Predictor
        With the learned mechanics.
    data : SnapshotSeries
        The fitted marginals; of several populations the first counts.

    Returns
    -------
    str or None
        A sentence, or nothing.
    """
    predictor = predictor.without_growth()  # whose rates would know the last marginal
    series = data.population(data.population_labels[0])
    if len(series) < 2:
        return None
    start, truth = series[-2], thinned(series[-1])
    if start.velocities is not None or isinstance(predictor.mechanics, GradientFlow):  # nothing is estimated from all
        start = thinned(start, ROWS, velocities=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predicted = predictor.forecast(start, [truth.time])[0]
    except (ParameterError, SimulationError):  # velocities unknown there, or nowhere to go
        return None
    if not np.isfinite(predicted.positions).all():
        return "the prediction of the last fitted marginal blew up: nothing that it says can be trusted"
    guesses = {name: baseline(name, start, None, truth.time) for name in NAIVE}
    try:
        own = wasserstein1(thinned(predicted), truth)
        scores = {name: wasserstein1(thinned(guess), truth) for name, guess in guesses.items() if guess is not None}
    except ImportError:  # clouds of other sizes are compared by POT
        return None
    best = min(scores, key=scores.__getitem__)
    if own <= (1 + CLEARLY) * scores[best] + CLEARLY**2 * float(np.sqrt(truth.positions.var(0).sum())):
        return None
    return (
        f"{best} is nearer to the last fitted marginal than the fit, W1 {scores[best]:.4g} for {own:.4g}, each from "
        "the marginal before: the mechanics may be wrong, or trained too short; `wlmsim.learn.study` tries others"
    )

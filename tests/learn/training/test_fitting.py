"""What a fit says of itself."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import AccuracyWarning, SimulationError
from wlmsim.learn.training.fitting import risen


@pytest.fixture(scope="module")
def herd():
    """Animals in a travelling group whose speed comes and goes: their group is small beside their path."""
    rng, t = np.random.default_rng(0), 0.5 * np.arange(40)
    speed, heading = 2 + 1.9 * np.sin(2 * np.pi * t / 5), 0.05 * t
    centre = np.cumsum(np.stack([speed * np.cos(heading), speed * np.sin(heading)], 1) * 0.5, 0)
    group = rng.normal(0, 1.2, (14, 2)) + np.cumsum(rng.normal(0, 0.05, (len(t), 14, 2)), 0)
    return wls.Tracks(t, centre[:, None] + group).with_velocities(3).snapshots()[1:]


def fit(herd, potential, **options):
    how = {"rollouts": "multiple-shooting", "horizon": 4, "velocity_weight": 1.0, "members": 1, "progress": False}
    return wlm(wls.learn.ExternalPotential((8,), time_dependent=False) + potential, **how, **options).fit(herd)


@pytest.mark.slow
def test_a_pair_term_with_defaults_trains_on_a_herd(herd):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "the loss rose", AccuracyWarning)
        model = fit(herd, wls.learn.PairPotential(2.5), steps=100)
    assert np.median(model.losses_[-20:]) < 0.6 * np.median(model.losses_[:20])


def test_a_loss_that_rises_is_told(herd):
    large = wls.learn.PairPotential(2.5, typical_force=1000.0)
    with pytest.warns(AccuracyWarning, match=r"the loss rose during the fit, from about .* to .*: nothing was learned"):
        fit(herd, large, steps=60, dt=0.25, learning_rate=0.1)


def test_pairs_that_are_lost_are_a_divergence(herd):
    """The search for near pairs takes no positions that are not finite."""
    with pytest.raises(SimulationError, match=r"training diverged at step 1 .*learning_rate or dt"):
        fit(herd, wls.learn.PairPotential(2.5, typical_force=1e300), steps=4)


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        (np.linspace(1, 2, 400), True),
        (np.linspace(2, 1, 400), False),
        (np.random.default_rng(0).gamma(2.0, size=400), False),
        (np.linspace(1, 2, 39), False),
        (np.full(400, 0.0), False),
    ],
)
def test_rise_beyond_chance(losses, told):
    assert (risen(losses) is not None) == told

"""What a fit finds does not depend on where the origin is, on units, on the order of rows, or on when it is run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::wlmsim.errors.AccuracyWarning")  # fits this short know little

TURN = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
LATER = np.array([2.4, 3.0])

SETTINGS: dict[str, dict[str, Any]] = {
    "rollouts": {},
    "matching": {"matching": wls.learn.Matching(steps=30, rounds=2), "rollouts": None},
    "gradient flow": {"friction": np.inf},
}

ORDER = {"rollouts": 1e-5, "matching": 0.1, "gradient flow": 1e-5}
"""Tolerances of another order of rows, of which matching then draws others to look at."""


@dataclass
class Seen:
    """Positions, velocities and times in other coordinates: x' = size turn x + shift, t' = pace t + start."""

    size: float = 1.0
    shift: Any = 0.0
    pace: float = 1.0
    start: float = 0.0
    turn: np.ndarray | None = None

    def of(self, series: wls.SnapshotSeries) -> wls.SnapshotSeries:
        turn = np.eye(2) if self.turn is None else self.turn
        return wls.SnapshotSeries(
            self.pace * series.times + self.start,
            [self.size * x @ turn.T + self.shift for x in series.positions],
            [self.size / self.pace * v @ turn.T for v in series.velocities],
        )

    def back(self, forecast: wls.Trajectory) -> np.ndarray:
        turn = np.eye(2) if self.turn is None else self.turn
        return (forecast.positions - self.shift) / self.size @ turn

    def forecast(self, series: wls.SnapshotSeries, **options: Any) -> np.ndarray:
        """Of the fit in these coordinates, and taken back."""
        seen = self.of(series)
        model = quick(**options).fit(seen)
        return self.back(model.forecast(seen[-1:], self.pace * LATER + self.start))


def oscillators() -> wls.SnapshotSeries:
    spring = wls.systems.HarmonicOscillator(n=32, frequency=[1.0, 1.6], velocity_width=0.5, seed=0)
    return spring.exact(np.linspace(0, 2, 6)).snapshots(seed=0)


@pytest.fixture(scope="module")
def series() -> wls.SnapshotSeries:
    return oscillators()


@pytest.fixture(scope="module")
def plain(series) -> Callable[[str], np.ndarray]:
    """Forecasts as the data are, each of one fit."""
    known: dict[str, np.ndarray] = {}
    return lambda name: known.setdefault(name, Seen().forecast(series, **SETTINGS[name]))


def far(a: np.ndarray, b: np.ndarray) -> float:
    """Largest distance between forecasts, by how large the cloud is."""
    return float(np.abs(a - b).max() / np.std(b))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(
    ("seen", "tolerance"),
    [
        pytest.param(Seen(shift=np.array([100.0, -30.0])), 1e-9, id="shift"),
        pytest.param(Seen(shift=1e6), 1e-5, id="far shift"),
        pytest.param(Seen(size=1024.0), 1e-12, id="power of two"),
        pytest.param(Seen(size=1e12, pace=1e-6), 1e-9, id="large and fast"),
        pytest.param(Seen(size=1e-9, shift=1e-7, pace=3600.0, start=-5e4), 1e-9, id="small, slow and late"),
    ],
)
def test_a_fit_in_other_coordinates_and_units(series, plain, name, seen, tolerance):
    assert far(seen.forecast(series, **SETTINGS[name]), plain(name)) < tolerance


@pytest.mark.parametrize("name", SETTINGS)
def test_a_fit_of_rows_in_another_order(series, plain, name):
    rng = np.random.default_rng(3)
    orders = [rng.permutation(len(x)) for x in series.positions]
    mixed = wls.SnapshotSeries(
        series.times,
        [x[order] for x, order in zip(series.positions, orders, strict=True)],
        [v[order] for v, order in zip(series.velocities, orders, strict=True)],
    )
    assert far(Seen().forecast(mixed, **SETTINGS[name]), plain(name)[:, orders[-1]]) < ORDER[name]


def test_a_fit_of_single_precision(series, plain):
    half = wls.SnapshotSeries(
        series.times, *([x.astype("f4") for x in c] for c in (series.positions, series.velocities))
    )
    assert far(Seen().forecast(half), plain("rollouts")) < 1e-5


def test_a_fit_of_turned_data(series):
    """A network is not turned along; what it learns is, better the longer it learns."""
    forecast, turned = (seen.forecast(series, steps=100)[-1] for seen in (Seen(), Seen(turn=TURN)))
    way = wls.transport.wasserstein1(forecast, series[-1])
    assert wls.transport.wasserstein1(turned, forecast) < 0.4 * way


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_seed_gives_the_same_bits(series, plain, name):
    assert np.array_equal(Seen().forecast(series, **SETTINGS[name]), plain(name))


@pytest.mark.slow
def test_in_new_processes(plain):
    """On as many threads the same bits; on others the same up to rounding, which a fit enlarges."""
    program = (
        "import sys, torch; torch.set_num_threads(int(sys.argv[1]));"
        "from tests.reliability.test_equivariance import Seen, oscillators;"
        "print(Seen().forecast(oscillators()).ravel().tolist())"
    )
    here = torch.get_num_threads()
    for threads, tolerance in ((here, 0.0), (1 + here % 2, 1e-5)):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, str(threads)], capture_output=True, text=True, check=True
        )
        there = np.array([float(x) for x in done.stdout.strip(" []\n").split(",")]).reshape(2, -1, 2)
        assert far(there, plain("rollouts")) <= tolerance

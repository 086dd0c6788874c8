"""What data show is said: units, identities, growth, duplicates, outliers, dimensions."""

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.learn.studies.looking import look


@pytest.fixture(scope="module")
def drifting():
    return wls.systems.VortexDrifters(n=60, seed=0).exact(np.linspace(0, 1, 6)).snapshots(seed=0)


@pytest.mark.parametrize("factor", [1.0, 24.0, 1 / 3600])
def test_velocities_in_another_unit_of_time_are_told(drifting, factor):
    velocities = [v / factor for v in drifting.velocities]
    seen = look(wls.SnapshotSeries(drifting.times, drifting.positions, velocities))
    assert seen.velocity_factor == pytest.approx(factor, rel=0.05)
    assert seen.explained > 0.9
    about = "agree with the displacements" if factor == 1 else "another unit of time"
    assert any(about in note for note in seen.notes)


def test_velocities_that_mean_nothing_have_no_unit(drifting):
    rng = np.random.default_rng(0)
    velocities = [rng.standard_normal(v.shape) for v in drifting.velocities]
    seen = look(wls.SnapshotSeries(drifting.times, drifting.positions, velocities))
    assert seen.explained < 0.5
    assert any("unit cannot be told" in note for note in seen.notes)


def test_identities_growth_duplicates_outliers_and_dimensions():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 2)) @ np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    kept = look(wls.SnapshotSeries([0.0, 1.0, 2.0], [x, x + 0.1, x + 0.2]))
    assert kept.identities_kept and not kept.growing
    assert kept.intrinsic_dimension == 2
    shuffled = look(wls.SnapshotSeries([0.0, 1.0, 2.0], [rng.permutation(x) for _ in range(3)]))
    assert not shuffled.identities_kept
    more = np.concatenate([x, x[:5], [[1e4, 0.0, 0.0]]])
    odd = look(wls.SnapshotSeries([0.0, 1.0], [x, more]))
    assert not odd.growing and odd.duplicates == 5 and odd.outliers == 1  # a few more rows are no growth
    assert look(wls.SnapshotSeries([0.0, 1.0], [x, np.concatenate([x, x + 0.1])])).growing


def test_one_speed_is_seen():
    flock = wls.systems.Boids(n=60, seed=0).simulate(np.arange(0, 3, 0.5)).snapshots(seed=0)
    seen = look(flock)
    assert seen.speed == pytest.approx(1.0, rel=0.01)
    assert look(flock.without_velocities()).speed is None


def test_marginals_too_far_apart_say_little_of_paths():
    rng = np.random.default_rng(0)
    clouds = [
        np.r_[1 + 5 * k, -1 - 5 * k][rng.integers(2, size=60)][:, None] + rng.standard_normal((60, 1)) for k in (0, 9)
    ]
    assert any("too far for the snapshots" in note for note in look(wls.SnapshotSeries([0.0, 1.0], clouds)).notes)

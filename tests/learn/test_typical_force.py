"""The unit in which an external potential is learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals import Scales

SCALES = Scales((0.3, 0.3), 1.7, 1.0, 0.6)


def a_potential(scales: Scales = SCALES, **settings) -> wls.learn.ExternalPotential:
    potential = wls.learn.ExternalPotential((8,), time_dependent=False, **settings)
    torch.manual_seed(0)
    potential.prepare(2, scales)
    return potential


@pytest.mark.parametrize("fourier_features", [0, 3])
def test_force_and_energy_are_in_this_unit(fourier_features: int) -> None:
    x, w = np.random.default_rng(0).normal(size=(6, 2)), np.full(6, 1 / 6)
    weak, strong = (a_potential(fourier_features=fourier_features, typical_force=f) for f in (0.5, 5.0))
    np.testing.assert_allclose(strong.force(x, w), 10 * weak.force(x, w), rtol=1e-5)
    np.testing.assert_allclose(strong.energy(x, w), 10 * weak.energy(x, w), rtol=1e-5)
    # without, the unit is what carries a particle through all the data between two marginals
    default = a_potential(fourier_features=fourier_features)
    same = a_potential(fourier_features=fourier_features, typical_force=1.7 / 0.6**2)
    np.testing.assert_allclose(same.force(x, w), default.force(x, w), rtol=1e-5)


def test_the_force_begins_alike_whatever_the_interval_between_marginals() -> None:
    x, w = np.random.default_rng(0).normal(size=(6, 2)), np.full(6, 1 / 6)
    often, seldom = (a_potential(SCALES._replace(duration=d), typical_force=0.5) for d in (0.01, 10.0))
    np.testing.assert_allclose(often.force(x, w), seldom.force(x, w), rtol=1e-5)


@pytest.mark.slow
def test_a_weak_wall_is_learned_in_its_unit() -> None:
    wall, w = wls.External(wls.laws.Wall(half_width=1.0, strength=0.1)), np.full(80, 1 / 80)
    x, v = np.linspace(-2, 2, 80)[:, None], 0.5 * np.random.default_rng(3).normal(size=(80, 1))
    path = wls.simulate(wls.Lagrangian(wall), wls.Population(x, v), np.linspace(0, 1, 6), dt=0.05)
    how = {"rollouts": "multiple-shooting", "horizon": 1, "velocity_weight": 3.0, "force": 0.0}
    how |= {
        "jerk": 0.0,
        "friction": 0.0,
        "dt": 0.1,
        "steps": 250,
        "learning_rate": 2e-2,
        "members": 1,
        "progress": False,
    }

    def error(size: float | None) -> float:
        potential = wls.learn.ExternalPotential((32, 32), time_dependent=False, typical_force=size)
        model = wlm(potential, **how).fit(path.snapshots(seed=0))
        learned, true = model.lagrangian_.potential.force(x, w), wall.force(x, w)
        return float(np.sqrt(((learned - true) ** 2).sum() / (true**2).sum()))

    in_its_unit = error(0.1)
    assert in_its_unit < 0.3
    default = error(None)  # v^2 / L is 0.25
    large = error(25.0)  # about what carries a particle through the data between two marginals
    assert max(in_its_unit, default) < 0.75 * large


def test_it_is_kept_in_files(tmp_path) -> None:
    x = np.random.default_rng(0).normal(size=(12, 2))
    series = wls.SnapshotSeries([0.0, 1.0, 2.0], [x, 1.1 * x, 1.2 * x])
    potential = wls.learn.ExternalPotential((8,), typical_force=0.3)
    model = wlm(potential, initial_velocities="zero", steps=2, members=2, progress=False, dt=0.5).fit(series)
    again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
    old, new = model.lagrangian_.potential, again.lagrangian_.potential
    assert "typical_force=0.3" in repr(new)
    assert np.array_equal(new.force(x, np.full(12, 1 / 12), 0.7), old.force(x, np.full(12, 1 / 12), 0.7))


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan, "weak"])
def test_it_must_be_positive(size) -> None:
    with pytest.raises(ParameterError, match="typical_force"):
        wls.learn.ExternalPotential(typical_force=size)

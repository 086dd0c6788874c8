"""External potentials with random Fourier features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals import LearnableFunctional, Scales


def a_potential(dim: int, seed: int = 0, **settings) -> wls.learn.ExternalPotential:
    """A prepared potential in double precision."""
    potential = wls.learn.ExternalPotential((8,), **{"fourier_features": 5, **settings})
    torch.manual_seed(seed)
    potential.prepare(dim, Scales((0.3,) * dim, 1.7, 1.0, 0.6))
    return potential.double()


@pytest.mark.parametrize("time_dependent", [True, False])
@pytest.mark.parametrize("dim", [1, 3])
def test_force_is_the_derivative_of_the_energy(dim: int, time_dependent: bool) -> None:
    potential = a_potential(dim, time_dependent=time_dependent)
    rng = np.random.default_rng(0)
    x, w = torch.as_tensor(rng.normal(size=(6, dim))), torch.as_tensor(rng.uniform(0.5, 2.0, 6))
    typed = potential.scaled_force(x, w, 0.4)
    derived = LearnableFunctional.scaled_force(potential, x, w, 0.4)
    torch.testing.assert_close(typed, derived, rtol=1e-11, atol=1e-12)
    # training differentiates the force again
    weight = potential.psi.layers[0].weight
    a, b = (torch.autograd.grad((force**2).sum(), weight)[0] for force in (typed, derived))
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_features_are_seen_and_drawn_from_the_seed() -> None:
    wide = a_potential(2, bandwidth=3.0, fourier_features=4000).frequencies
    assert wide.shape == (2, 4000)
    assert wide.std().item() == pytest.approx(3.0, rel=0.03)
    assert torch.equal(a_potential(2, 1).frequencies, a_potential(2, 1).frequencies)
    assert not torch.equal(a_potential(2, 1).frequencies, a_potential(2, 2).frequencies)
    # the perceptron alone: no features, no frequencies
    assert "frequencies" not in a_potential(2, fourier_features=0).state_dict()


def test_frequencies_are_kept_in_the_file(tmp_path) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(12, 2)), np.full(12, 1 / 12)
    series = wls.SnapshotSeries([0.0, 1.0, 2.0], [x, 1.1 * x, 1.2 * x])
    potential = wls.learn.ExternalPotential((8,), fourier_features=3, bandwidth=1.5)
    model = wlm(potential, initial_velocities="zero", steps=2, members=2, progress=False, dt=0.5).fit(series)
    again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
    old, new = model.lagrangian_.potential, again.lagrangian_.potential
    assert repr(new) == repr(old)
    assert "fourier_features=3, bandwidth=1.5" in repr(new)
    assert np.array_equal(new.force(x, w, 0.7), old.force(x, w, 0.7))


def test_they_are_not_compiled() -> None:
    potential = a_potential(2)
    assert wls.learn.compiled(potential) is potential


@pytest.mark.parametrize(
    "settings", [{"fourier_features": -1}, {"fourier_features": 1.5}, {"bandwidth": 0.0}, {"bandwidth": np.nan}]
)
def test_bad_input(settings) -> None:
    with pytest.raises(ParameterError, match=next(iter(settings))):
        wls.learn.ExternalPotential(**settings)

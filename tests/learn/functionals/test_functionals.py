"""Learnable functionals: forces, units, and what they can learn."""

import math

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals import Scales
from wlmsim.learn.functionals.base import force_of_energy

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestExternalPotential:
    @pytest.fixture
    def potential(self) -> wls.learn.ExternalPotential:
        torch.manual_seed(0)
        potential = wls.learn.ExternalPotential((16, 8, 4))
        potential.prepare(2, SCALES)
        return potential.double()

    def test_force_typed_by_hand_is_minus_the_gradient(self, potential):
        rng = np.random.default_rng(0)
        x, w = torch.tensor(rng.standard_normal((9, 2))), torch.tensor(rng.dirichlet(np.ones(9)))
        automatic = force_of_energy(lambda y: potential.expression(y, w, 1.3, None), x, w).detach().numpy()
        np.testing.assert_allclose(potential.force(x.numpy(), w.numpy(), 1.3), automatic, rtol=1e-10)

    def test_depends_on_time_unless_told_otherwise(self, potential):
        x, w = np.ones((1, 2)), np.ones(1)
        assert potential.energy(x, w, 0.0) != potential.energy(x, w, 1.0)
        still = wls.learn.ExternalPotential((8,), time_dependent=False)
        still.prepare(2, SCALES)
        assert still.energy(x, w, 0.0) == still.energy(x, w, 1.0)

    def test_unprepared_is_refused(self):
        with pytest.raises(ParameterError, match="prepared"):
            wls.learn.ExternalPotential().force(np.ones((1, 2)), np.ones(1))

    @pytest.mark.parametrize("hidden", [(), (0,), (8, 2.5)])
    def test_bad_widths_are_refused(self, hidden):
        with pytest.raises(ParameterError, match="hidden"):
            wls.learn.ExternalPotential(hidden)


class TestPairPotential:
    def test_coincident_particles_exert_no_force_on_each_other(self):
        potential = wls.learn.PairPotential(1.0)
        potential.prepare(2, SCALES)
        force = potential.force(np.zeros((2, 2)), np.full(2, 0.5))
        np.testing.assert_array_equal(force, 0)
        x = torch.zeros(2, 2, requires_grad=True)
        potential.scaled_energy(x, torch.full((2,), 0.5), 0.0).backward()
        np.testing.assert_array_equal(x.grad, 0)

    def test_a_pair_law_is_recovered_from_snapshots(self):
        law = wls.Lagrangian(wls.Pairwise(lambda r, xp: 4.0 * xp.exp(-(r**2))))
        start = wls.Population.gaussian(n=80, dim=2, seed=0)
        data = wls.simulate(law, start, np.linspace(0, 1.6, 6), dt=0.02).snapshots(seed=0)
        model = quick(potential=wls.learn.PairPotential(3.0, 12), friction=0.0, steps=150, learning_rate=3e-2)
        model.fit(data)
        r = np.linspace(0.3, 2.0, 9)
        cloud = np.stack([r, 0 * r], axis=-1)
        weights = np.full(2, 0.5)
        learned, truth = (
            np.array([m.force(np.stack([x, 0 * x]), weights)[0, 0] for x in cloud])
            for m in (model.lagrangian_.potential, law.potential)
        )
        assert np.abs(learned - truth).max() < 0.15 * np.abs(truth).max()


class TestLearnableStrength:
    def test_planck_s_constant_is_recovered(self):
        packet = wls.systems.GaussianPacket(n=60, hbar=1.5, seed=0)
        data = packet.exact(np.linspace(0, 2, 5)).snapshots(seed=0)
        term = wls.learn.LearnableStrength(wls.GaussianQuantumPressure(hbar=1.0), strength=0.5)
        model = quick(potential=term, friction=0.0, steps=150, force=0, jerk=0, dt=0.1)
        model.set_params(optimiser__learning_rate=0.05).fit(data)
        assert np.sqrt(model.lagrangian_.potential.strength) == pytest.approx(1.5, rel=0.02)

    def test_a_learnable_term_is_refused(self):
        with pytest.raises(ParameterError, match="`functional` must be an analytic functional"):
            wls.learn.LearnableStrength(wls.learn.ExternalPotential())


class TestAttentionPotential:
    def test_splitting_a_particle_in_two_halves_changes_nothing(self):
        """The energy is one of the density, not of the list of particles."""
        torch.manual_seed(0)
        potential = wls.learn.AttentionPotential(8, 2, 2, 8)
        potential.prepare(2, SCALES)
        potential.double()
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((5, 2)), rng.dirichlet(np.ones(5))
        doubled, halves = np.concatenate([x, x[:1]]), np.concatenate([[w[0] / 2], w[1:], [w[0] / 2]])
        assert potential.energy(doubled, halves) == pytest.approx(potential.energy(x, w), rel=1e-12)
        np.testing.assert_allclose(potential.force(doubled, halves)[:5], potential.force(x, w), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [({"width": 10, "heads": 4}, "`width` must be a multiple of heads"), ({"dropout": 1.0}, "`dropout`")],
    )
    def test_bad_parameters_are_named(self, parameters, message):
        with pytest.raises(ParameterError, match=message):
            wls.learn.AttentionPotential(**parameters)


@pytest.fixture(scope="module")
def fitted(drifters):
    terms = wls.learn.ExternalPotential((4,)) + wls.learn.MeanFieldPotential(2, (4,), (4,))
    return quick(terms, dissipation=wls.learn.LearnableAlignment(1.0), steps=2, members=2).fit(drifters)


class TestDoors:
    """What is not of the fitted dimensions is refused: torch would say so in its own words, or spread one column."""

    @pytest.mark.parametrize("shape", [(5, 3), (5, 1), (5,)])
    def test_other_dimensions(self, fitted, drifters, shape):
        flow = quick(wls.learn.PairPotential(1.0), friction=math.inf, steps=2).fit(drifters)
        wrong, w = np.ones(shape), np.full(5, 0.2)
        lagrangian = fitted.lagrangian_
        for use in (
            lambda: flow.mechanics_.velocity(wrong, w),
            lambda: lagrangian.acceleration(wrong, w),
            lambda: lagrangian.potential.energy(wrong, w),
            lambda: lagrangian.velocity_acceleration(wrong, wrong, w),
        ):
            with pytest.raises(ParameterError, match=r"`positions` must be an array of shape \(n, 2\), of the 2 dim"):
                use()
        with pytest.raises(ParameterError, match="`velocities` must be an array of shape"):
            lagrangian.velocity_acceleration(np.ones((5, 2)), wrong, w)
        with pytest.raises(ParameterError, match=r"`weights` must be an array of shape \(5,\)"):
            lagrangian.acceleration(np.ones((5, 2)), w[:4])

    def test_whole_numbers_are_positions_too(self, fitted):
        x, w = np.array([[1, 0], [0, 2]]), np.full(2, 0.5)
        np.testing.assert_array_equal(
            fitted.lagrangian_.acceleration(x, w), fitted.lagrangian_.acceleration(x.astype(float), w)
        )
        assert fitted.lagrangian_.acceleration(x, w).any()

    @pytest.mark.parametrize("value", ["no", 1, None, np.zeros(1)])
    def test_flags_are_true_or_false(self, value):
        for make, name in (
            (lambda: wls.learn.ExternalPotential(time_dependent=value), "time_dependent"),
            (lambda: wls.learn.MeanFieldPotential(time_dependent=value), "time_dependent"),
            (lambda: wls.learn.AttentionPotential(time_dependent=value), "time_dependent"),
            (lambda: wls.learn.LearnableAlignment(1.0, normalised=value), "normalised"),
        ):
            with pytest.raises(ParameterError, match=f"`{name}` must be True or False"):
                make()

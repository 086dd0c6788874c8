"""Learnable dissipations: their forces, and what they can learn."""

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick, trainer_of
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import scales_of

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestDissipations:
    @pytest.mark.slow
    def test_an_alignment_rate_is_recovered(self):
        truth = wls.Alignment(strength=2.0, radius=1.0, exponent=2.0)
        law = wls.Lagrangian(dissipation=truth)
        x = np.random.default_rng(0).standard_normal((70, 2))
        start = wls.Population(x, 2 * np.sin(x[:, ::-1] * [3, 2]))
        data = wls.simulate(law, start, np.linspace(0, 1.0, 6), dt=0.02).snapshots(seed=0)
        still = wls.External(wls.laws.Harmonic(1e-9))
        model = quick(still, dissipation=wls.learn.LearnableAlignment(2.5, 8), friction=0.0, learning_rate=0.1)
        model.set_params(
            rollouts="multiple-shooting", optimiser__steps=80, regularisation__force=0, regularisation__jerk=0
        ).fit(data)
        r = np.linspace(0.3, 1.6, 8)
        pairs = [(np.array([[0.0, 0], [s, 0]]), np.array([[0.0, 0], [0, 1.0]]), np.full(2, 0.5)) for s in r]
        learned, rate = (np.array([d.force(*p)[0, 1] for p in pairs]) for d in (model.lagrangian_.dissipation, truth))
        assert np.abs(learned - rate).max() < 0.25 * rate.max()

    def test_self_propulsion_is_recovered(self):
        law = wls.Lagrangian(dissipation=wls.SelfPropulsion(alpha=2.0, beta=0.5))
        start = wls.Population.gaussian(n=100, velocity_width=1.0, seed=0)
        data = wls.simulate(law, start, np.linspace(0, 2.0, 6), dt=0.02).snapshots(seed=0)
        still = wls.External(wls.laws.Harmonic(1e-9))
        model = quick(still, dissipation=wls.learn.LearnableSelfPropulsion(), friction=0.0, dt=0.1, steps=100)
        model.set_params(optimiser__learning_rate=6e-2).fit(data)
        learned = model.lagrangian_.dissipation
        assert learned.alpha == pytest.approx(2.0, rel=0.05)
        assert learned.beta == pytest.approx(0.5, rel=0.05)

    def test_forecasts_at_constant_speed_as_it_was_trained(self):
        flock = wls.systems.Boids(n=60, seed=0)
        data = flock.simulate(np.arange(0, 5, 1.0), dt=0.5).snapshots(seed=0)
        model = quick(wls.learn.PairPotential(1.0, 6), speed=1.0, dt=0.5, steps=5, batch_size=None).fit(data)
        assert model.friction_ == 0
        forecast = model.forecast(data[0], [2.0, 4.0])
        np.testing.assert_allclose(np.linalg.norm(forecast.velocities, axis=-1), 1.0, rtol=1e-12)
        trainer = trainer_of(model, [data], 5, scales_of(data), model._fitted_members)
        start, mechanics = trainer.populations[0][0], model._fitted_members[0]
        ((x, _),) = trainer._roll(mechanics, lambda x, t: mechanics.force(x, start.w, t), start, [4.0])
        scales = mechanics.scales
        predicted = x.detach().numpy() * scales.length + np.array(scales.centre)
        np.testing.assert_allclose(forecast.positions[1], predicted, atol=1e-4)

    def test_members_and_files_keep_them(self, drifters, tmp_path):
        dissipation = wls.learn.LearnableAlignment(1.0, 4) + wls.Alignment(0.1) + wls.learn.LearnableSelfPropulsion()
        model = quick(dissipation=dissipation, steps=2, members=2).fit(drifters)
        again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
        first, second = (m.forecast(drifters[0], [0.5]).positions for m in (model, again))
        np.testing.assert_array_equal(first, second)
        assert len(again.lagrangian_.dissipation.terms) == 4  # friction is the fourth

"""The estimator: what it learns, what it refuses, and how it trains."""

import copy

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import quick, trainer_of
from wlmsim.errors import DataWarning, NotFittedError, ParameterError, SimulationError
from wlmsim.learn.functionals import Scales
from wlmsim.learn.losses.exact_transport import exact_transport
from wlmsim.learn.mechanics import Mechanics, mean_mechanics, scales_of
from wlmsim.learn.rollouts.rollout import flow_rollout
from wlmsim.learn.training.trainer import Trainer

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


def clouds(rng: np.random.Generator, n: int, m: int) -> list[torch.Tensor]:
    return [
        torch.tensor(rng.standard_normal((n, 2)), requires_grad=True),
        torch.tensor(rng.standard_normal((m, 2)) + 0.5),
        torch.tensor(rng.dirichlet(np.ones(n))),
        torch.tensor(rng.dirichlet(np.ones(m))),
    ]


class TestEstimator:
    def test_learns_an_oscillator_and_its_friction(self):
        system = wls.systems.HarmonicOscillator(n=120, frequency=[1.0, 1.5], friction=0.5, velocity_width=1.0, seed=0)
        data = system.exact(np.linspace(0, 3, 13)).snapshots(seed=1)
        past, future = data.split(at=2.0)
        potential = wls.learn.ExternalPotential((32, 32), time_dependent=False)
        model = quick(potential, rollouts="multiple-shooting", steps=150, learning_rate=2e-2).fit(past)
        scores = model.evaluate(future, start=past[-1])
        assert scores.mean["WLM"] < 0.25 * scores.mean[scores.best_baseline]
        assert model.friction_ == pytest.approx(0.5, abs=0.15)
        inner = past[0].positions[np.linalg.norm(past[0].positions, axis=1) < 1.5]
        weights = np.full(len(inner), 1 / len(inner))
        truth = system.lagrangian.potential.force(inner, weights)
        learned = model.lagrangian_.potential.force(inner, weights)
        assert np.linalg.norm(learned - truth) < 0.2 * np.linalg.norm(truth)

    def test_fit_is_reproducible_and_leaves_the_random_state_alone(self, drifters):
        torch.manual_seed(5)
        before = torch.random.get_rng_state()
        first, second = (quick(steps=10).fit(drifters) for _ in range(2))
        assert torch.equal(before, torch.random.get_rng_state())
        np.testing.assert_array_equal(first.losses_, second.losses_)
        other = quick(seed=1, steps=10).fit(drifters)
        assert not np.array_equal(first.losses_, other.losses_)

    def test_fit_leaves_the_potential_and_the_data_alone(self, drifters):
        potential = wls.learn.ExternalPotential((8,))
        model = quick(potential=potential, steps=5).fit(drifters)
        assert potential.scales is None
        assert potential.psi is None
        assert model.potential is potential

    def test_warm_start_goes_on_where_the_first_fit_ended(self, drifters):
        cold = quick().fit(drifters)
        first = cold.losses_[:5].mean()
        again = cold.set_params(warm_start=True).fit(drifters)
        assert again.losses_[:5].mean() < first
        fresh = cold.set_params(warm_start=False).fit(drifters)
        assert fresh.losses_[:5].mean() == pytest.approx(first)

    @pytest.mark.parametrize("loss", ["exact", "sinkhorn", "sliced", "energy"])
    @pytest.mark.parametrize("training", ["anchored", "multiple-shooting"])
    def test_every_way_of_training_lowers_the_loss(self, drifters, loss, training):
        model = quick(loss=loss, rollouts=training, ramp=0.0, learning_rate=2e-2).fit(drifters[:5])
        assert model.losses_[-15:].mean() < model.losses_[:15].mean()

    def test_zero_velocities_need_none_in_the_data(self, drifters):
        still = drifters.without_velocities()
        with pytest.warns(DataWarning, match="estimated by optimal transport"):
            estimated = quick().fit(still)
        assert estimated.forecast(still[-1], times=[still.times[-1] + 1.0]).n == still.sizes[-1]
        model = quick(initial_velocities="zero", steps=5).fit(still)
        assert (model.forecast(still[0], times=[0.0]).velocities == 0).all()
        # only the first marginal is at rest: later ones move with velocities that nobody knows
        direct = model.forecast(still[0], times=[1.2])[0]
        np.testing.assert_array_equal(model.interpolate([1.2])[0].positions, direct.positions)
        assert model.evaluate(still[[5]], data=still[:4]).origins[0] == 0.0

    def test_given_velocities_are_needed_where_a_forecast_starts(self, drifters):
        model = quick(steps=5).fit(drifters)
        with pytest.raises(ParameterError, match="`start` must have velocities"):
            model.forecast(drifters.without_velocities()[0], times=[1.0])

    def test_multiple_shooting_uses_every_known_velocity(self, drifters):
        sparse = drifters.without_velocities(except_at=[0, 4])
        model = quick(rollouts="multiple-shooting", steps=5).fit(sparse)
        trainer = trainer_of(model, [sparse], 5, scales_of(sparse))
        assert trainer._starts == [[0, 4]]
        assert trainer_of(model.set_params(rollouts="anchored"), [sparse], 5, scales_of(sparse))._starts == [[0]]

    def test_horizon_and_its_ramp(self, drifters):
        model = quick(horizon=4, ramp=0.5, steps=100)
        trainer = trainer_of(model, [drifters], 100, scales_of(drifters))
        longest = []
        for step in (0, 20, 49, 50, 99):
            trainer.progress.step = step
            longest.append(trainer._longest_horizon(8))
        assert longest == [1, 2, 3, 4, 4]
        assert trainer._longest_horizon(2) == 2

    def test_several_populations_share_one_law(self, drifters):
        other = wls.systems.VortexDrifters(n=30, release=(-1.5, 0.3), seed=4).exact(drifters.times).snapshots(seed=0)
        both = wls.SnapshotSeries(
            drifters.times,
            [np.concatenate([a, b]) for a, b in zip(drifters.positions, other.positions, strict=True)],
            [np.concatenate([a, b]) for a, b in zip(drifters.velocities, other.velocities, strict=True)],
            populations=[[0] * 60 + [1] * 30] * len(drifters),
        )
        model = quick(validation="last", steps=20).fit(both)
        assert np.isfinite(model.losses_).all()
        trainer = trainer_of(model, [both.population(0), both.population(1)], 5, scales_of(both))
        assert [clouds[0].x.shape[0] for clouds in trainer.populations] == [60, 30]

    def test_batches_are_of_rows_that_weigh_something(self, rng):
        """Of a few rows with weight among many without, a batch drawn from all would often weigh nothing."""
        weights = np.zeros(500)
        weights[:4] = 1
        clouds = [rng.normal(size=(500, 2)) + k for k in range(3)]
        data = wls.SnapshotSeries([0.0, 1.0, 2.0], clouds, [np.ones((500, 2))] * 3, [weights] * 3)
        with pytest.warns(DataWarning, match="1488 rows of `data` weigh nothing"):
            model = quick(steps=10, batch_size=10).fit(data)
        assert np.isfinite(model.losses_).all() and (model.losses_ > 0).all()

    def test_nothing_to_learn_is_refused(self, drifters):
        with pytest.raises(ParameterError, match="nothing to learn"):
            quick(potential=wls.External(wls.laws.Harmonic()), friction=0.1).fit(drifters)

    def test_members_are_the_fits_of_consecutive_seeds_and_their_mean(self, drifters):
        both = quick(members=2, seed=3, steps=10).fit(drifters)
        singles = [quick(seed=seed, steps=10).fit(drifters) for seed in (3, 4)]
        cloud = drifters[2]
        forces = [m.lagrangian_.acceleration(cloud.positions, cloud.weights, 1.0) for m in (*singles, both)]
        np.testing.assert_allclose(forces[2], (forces[0] + forces[1]) / 2, rtol=1e-5, atol=1e-6)
        assert both.friction_ == pytest.approx((singles[0].friction_ + singles[1].friction_) / 2)
        np.testing.assert_allclose(both.losses_, (singles[0].losses_ + singles[1].losses_) / 2)

    def test_velocities_in_the_loss_count_by_their_weight(self, drifters):
        """The divergence of clouds in phase space, and only where velocities were observed."""
        model = quick(velocity_weight=0.5)
        trainer = trainer_of(model, [drifters.without_velocities(except_at=[0, 1])], 10, scales_of(drifters))
        start, seen, unseen = trainer.populations[0][:3]
        x, v = start.x + 0.1, start.v + 1.0
        in_space = [exact_transport(x, y.x, start.w, y.w) for y in (seen, unseen)]
        in_phase_space = trainer.loss(x, v, start.w, seen)
        assert in_phase_space > in_space[0]
        assert trainer.loss(x, v, start.w, unseen) == in_space[1]
        moved = trainer.loss(seen.x, seen.v + 0.2, seen.w, seen)
        assert moved.item() == pytest.approx(0.25 * 2 * 0.2**2, rel=1e-4)

    def test_a_steady_current_is_told_by_the_velocities_of_one_marginal(self):
        """Of u = x A the acceleration is (v . grad) u = v A, wherever particles are; friction is part of it."""
        x, a = np.random.default_rng(0).standard_normal((50, 2)), np.array([[0.2, 0.9], [-0.7, 0.1]])
        data = wls.SnapshotSeries([0.0, 0.5], [x, x], [x @ a, x @ a])
        scales = scales_of(data)
        model = quick(wls.learn.ExternalPotential((4,)), friction=0.4, local_acceleration=1.0)
        trainer = trainer_of(model, [data], 10, scales)
        for parameter in trainer.mechanics.networks.parameters():
            parameter.data.zero_()
        cloud, gradient = trainer._gradients[0][1]
        np.testing.assert_allclose(gradient, a * scales.duration, rtol=2e-3)
        expected = ((x @ (0.4 * a + a @ a)) ** 2).sum(1).mean() * (scales.duration**2 / scales.length) ** 2
        assert trainer.mechanics.local_acceleration(cloud, gradient).item() == pytest.approx(expected, rel=5e-3)

    def test_steadiness_teaches_the_force_where_one_marginal_was_seen(self):
        """A swirl and two marginals that see none of its force beyond the first: the velocities' gradient does."""
        rng, turn = np.random.default_rng(0), np.array([[0.0, 1.0], [-1.0, 0.0]])
        x = [1, 0] + 0.1 * rng.standard_normal((60, 2))
        data = wls.SnapshotSeries([0.0, 0.1], [x, x + 0.1 * x @ turn], [x @ turn, None])
        errors = []
        for weight in (0.0, 1.0):
            model = quick(local_acceleration=weight, steps=140, friction=0.0, learning_rate=2e-2).fit(data)
            force = model.lagrangian_.acceleration(x, np.full(60, 1 / 60), 0.0)
            errors.append(np.abs(force + x).mean())
        assert errors[1] < 0.1 < 0.3 < errors[0]

    def test_roughness_is_the_mean_squared_force_and_its_rate_of_change(self, drifters):
        model = quick(force=2.0, jerk=3.0)
        trainer = trainer_of(model, [drifters], 10, scales_of(drifters))
        w, slope = torch.tensor([0.25, 0.75]), torch.tensor([[1.0, 2.0], [0.0, 1.0]])
        times = [0.0, 0.5, 2.0]  # forces that grow evenly in time: one rate for unequal steps
        forces = torch.stack([t * slope for t in times])
        expected = (2.0 * (0.5**2 + 2.0**2) / 3 + 3.0) * (0.25 * 5 + 0.75 * 1)
        assert trainer._roughness(forces, times, w).item() == pytest.approx(expected)

    def test_friction_alone_can_be_learned(self):
        truth = wls.systems.HarmonicOscillator(n=100, friction=0.6, velocity_width=1.0, seed=0)
        data = truth.exact(np.linspace(0, 3, 7)).snapshots(seed=0)
        model = quick(potential=wls.External(wls.laws.Harmonic(1.0)), steps=100, learning_rate=3e-2).fit(data)
        assert model.friction_ == pytest.approx(0.6, rel=0.05)

    def test_divergence_is_recovered_from_and_reported(self, drifters, monkeypatch):
        """Three times a step fails: each time the state of step 25 comes back and the rate is halved."""
        calls, loss = [0], Trainer._loss

        def failing(trainer: Trainer) -> torch.Tensor:
            calls[0] += 1
            if calls[0] in (31, 40):
                raise SimulationError("a cloud blew up")
            return loss(trainer) * (float("nan") if calls[0] == 45 else 1.0)

        monkeypatch.setattr(Trainer, "_loss", failing)
        with pytest.warns(RuntimeWarning, match="diverged 3 times"):
            model = quick(steps=40).fit(drifters)
        assert model.recoveries_ == [30, 33, 29]
        assert len(model.losses_) == len(model.frictions_) == 40
        assert calls[0] == 40 + (6 + 9 + 5)  # what was gone back over
        assert np.isfinite(model.losses_).all()

    def test_weak_forces_between_close_marginals_have_their_unit(self):
        """Birds turn with a force of about v^2 / L = 0.3; in units of L / interval^2 = 12 the training diverges."""
        flock = wls.systems.Boids(n=40, seed=10).simulate(np.arange(0, 25.5, 0.5)).snapshots(seed=0)
        terms = wls.learn.ExternalPotential() + wls.learn.PairPotential(1.5)
        assert quick(terms, steps=2).fit(flock).recoveries_ == []
        scales = scales_of(flock)
        speeds = np.concatenate([(v**2).sum(1) for v in flock.velocities])
        assert scales.typical_force == pytest.approx(speeds.mean() / scales.length)
        assert scales.force(None) == pytest.approx(speeds.mean() * scales.duration**2 / scales.length**2)
        assert scales.force(2.0) == pytest.approx(2.0 * scales.duration**2 / scales.length)
        assert scales_of(flock, inertial=False).typical_force is None
        assert scales_of(flock[::10]).typical_force is None  # farther apart

    def test_forces_that_start_from_rest_are_not_taken_for_weak(self):
        """What speeds up between two marginals feels at least that force, however slow it still is."""
        times, x = np.arange(4.0), np.random.default_rng(0).standard_normal((20, 2))
        ahead = np.array([1.0, 0.0])
        falling = wls.SnapshotSeries(times, [x] * 4, [np.broadcast_to(0.02 * t * ahead, x.shape) for t in times])
        assert scales_of(falling).typical_force == pytest.approx(0.02)  # v^2 / L is 0.001
        falling = wls.SnapshotSeries(times, [x] * 4, [np.broadcast_to(0.05 * t * ahead, x.shape) for t in times])
        assert scales_of(falling).typical_force is None

    def test_rollouts_too_long_for_untrained_forces_are_shortened(self, drifters, monkeypatch):
        loss, lengths = Trainer._rollout_loss, []

        def failing(trainer: Trainer, start, targets, *rest) -> torch.Tensor:
            lengths.append(len(targets))
            if len(targets) > 2:
                raise SimulationError("a cloud blew up")
            return loss(trainer, start, targets, *rest)

        monkeypatch.setattr(Trainer, "_rollout_loss", failing)
        with pytest.warns(RuntimeWarning, match="half the learning rate and horizon"):
            model = quick(steps=12).fit(drifters)
        assert len(drifters) > 5 and len(model.losses_) == 12
        failed = [k for k, length in enumerate(lengths) if length > 2]
        assert len(failed) == len(model.recoveries_) > 0
        assert all(max(lengths[k + 1 :]) <= lengths[k] // 2 for k in failed)

    @pytest.mark.parametrize("divergence", [wls.learn.Exact(), wls.learn.Sinkhorn(blur=0.1)], ids=["exact", "sinkhorn"])
    def test_a_recovered_training_resumes_to_the_same_bits(self, drifters, monkeypatch, divergence):
        loss = Trainer._loss

        def failing(trainer: Trainer) -> torch.Tensor:
            if trainer.progress.step == 12 and not trainer.progress.recoveries:
                raise SimulationError("a cloud blew up")
            return loss(trainer)

        monkeypatch.setattr(Trainer, "_loss", failing)
        model = quick(steps=16, loss=divergence)
        few = drifters[:4]
        whole, first, second = (trainer_of(model, [few], 16, scales_of(few)) for _ in range(3))
        whole.run()
        states = []
        first.run([lambda trainer: states.append(copy.deepcopy(trainer.state()))])
        assert states[8]["duals"]
        second.restore(states[8])
        second.run()
        assert second.progress.losses == whole.progress.losses
        for a, b in zip(second.mechanics.parameters(), whole.mechanics.parameters(), strict=True):
            assert torch.equal(a, b)

    def test_divergence_is_reported(self, drifters):
        wild = wls.External(lambda x, xp: -1e6 * (x**4).sum(-1))
        with pytest.raises(SimulationError, match="learning_rate or dt"):
            quick(potential=wls.learn.ExternalPotential((4,)) + wild, dt=1.0).fit(drifters)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"friction": "big"}, "`friction` must be 'learn' or a number"),
            ({"friction": -1.0}, "`friction`"),
            ({"potential": "psi"}, "`potential`"),
            ({"dissipation": "viscous"}, "`dissipation`"),
            ({"dissipation": wls.Friction(0.1)}, "`dissipation` must be without friction"),
            ({"velocity_weight": -0.1}, "`Exact.velocity_weight`"),
            ({"local_acceleration": -0.1}, "`Regularisation.local_acceleration`"),
            (
                {"local_acceleration": 0.1, "initial_velocities": "zero"},
                "`Regularisation.local_acceleration` must be 0 unless velocities",
            ),
            ({"speed": 0.0}, "`speed`"),
            ({"speed": 1.0, "friction": 0.1}, "`friction` must be 0 or left alone"),
            ({"initial_velocities": "none"}, "`initial_velocities` must be one of 'given', 'zero'"),
            ({"rollouts": "bouncing"}, "`rollouts` must be 'anchored' or 'multiple-shooting' or"),
            ({"loss": "l2"}, "`loss`"),
            ({"loss": "sinkhorn", "blur": "fine"}, "`Sinkhorn.blur` must be 'auto' or a finite number > 0"),
            ({"loss": "sinkhorn", "blur": 0.0}, "`Sinkhorn.blur`"),
            ({"steps": -1}, "`AdamW.steps` must be an integer >= 0; got -1"),
            ({"steps": 1.5}, "`AdamW.steps`"),
            ({"learning_rate": 0.0}, "`AdamW.learning_rate`"),
            ({"averaging": 1.0}, "`AdamW.averaging` must be a finite number >= 0 and < 1"),
            ({"ramp": 2.0}, "`Anchored.ramp` must be a finite number >= 0 and <= 1"),
            ({"horizon": 0}, "`Anchored.horizon` must be an integer >= 1 or None"),
            ({"dt": -0.1}, "`Anchored.dt`"),
            ({"loss": "sinkhorn", "blur": float("nan")}, "`Sinkhorn.blur`"),
            ({"seed": -1}, "`seed`"),
            ({"validation": "first"}, "`EarlyStopping.validation`"),
            ({"validation": 0}, "`EarlyStopping.validation`"),
            ({"validation": 9}, "`EarlyStopping.validation`"),
            ({"device": "abacus"}, "`Runtime.device`"),
        ],
    )
    def test_bad_parameters_are_named(self, drifters, parameters, message):
        with pytest.raises(ParameterError, match=message):
            quick(**parameters).fit(drifters)

    def test_bad_data_is_refused(self, drifters):
        with pytest.raises(ParameterError, match="at least 2 marginals"):
            quick().fit(drifters[:1])
        with pytest.raises(ParameterError, match="`data`"):
            quick().fit(np.zeros((3, 2)))

    def test_unfitted_says_so(self):
        model = quick()
        for use in (
            lambda: model.lagrangian_,
            lambda: model.friction_,
            lambda: model.save("x"),
            lambda: model.forecast(None, [1]),
        ):
            with pytest.raises(NotFittedError, match="fit"):
                use()
        assert not hasattr(model, "lagrangian_")

    def test_habits_of_scikit_learn(self):
        model = quick(steps=7, friction=0.1)
        parameters = model.get_params(deep=False)
        assert model.get_params()["optimiser__steps"] == 7
        assert wls.learn.WLM(**parameters).get_params() == model.get_params()
        assert model.set_params(optimiser__steps=9) is model
        assert model.optimiser == wls.learn.AdamW(steps=9)
        assert "steps=9" in repr(model)
        assert "averaging" not in repr(model)
        with pytest.raises(ParameterError, match="`step` is not a parameter"):
            model.set_params(step=3)


@pytest.fixture(scope="module")
def interpolating(drifters) -> wls.learn.WLM:
    fitted, _ = drifters.hold_out([3, 5])
    return quick(steps=100).fit(fitted)


@pytest.fixture(scope="module")
def composed(drifters) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic((0.1, 0.2)))
    return quick(potential=potential + wls.Pairwise(wls.laws.Morse()), members=2).fit(drifters)


class TestGradientFlow:
    """Infinite friction: first-order mechanics."""

    def test_rollout_is_of_second_order_and_follows_the_flow(self):
        x = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
        errors = [
            (flow_rollout(lambda x, t: -x + t, x, [1.0], start=0.0, dt=dt)[0] - (t_1 + x * np.exp(-1.0))).abs().max()
            for dt, t_1 in ((0.1, np.exp(-1.0)), (0.05, np.exp(-1.0)))
        ]
        assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)

    def test_mechanics_in_data_units_move_as_the_scaled_rollout(self):
        torch.manual_seed(1)
        functional = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic(0.7))
        mechanics = Mechanics(functional, np.inf, 2, SCALES).double()
        x, w = np.random.default_rng(0).standard_normal((6, 2)), torch.full((6,), 1 / 6, dtype=torch.float64)
        scaled = torch.tensor((x - np.array(SCALES.centre)) / SCALES.length)
        (kept,) = flow_rollout(lambda y, t: mechanics.force(y, w, t), scaled, [2.0], start=0.0, dt=0.02)
        flow = mean_mechanics([mechanics])
        assert isinstance(flow, wls.GradientFlow)
        end = SCALES.start + 2.0 * SCALES.duration
        forecast = wls.simulate(flow, wls.Population(x, time=SCALES.start), [end], dt=0.05)
        expected = kept.detach().numpy() * SCALES.length + np.array(SCALES.centre)
        np.testing.assert_allclose(forecast.positions[0], expected, atol=1e-4)

    def test_a_landscape_is_learned_under_noise_without_velocities(self):
        bowl = wls.systems.LangevinLandscape("oakley_ohagan", n=200, seed=0)
        data = bowl.independent_snapshots(np.linspace(0, 0.5, 6)).without_velocities()
        potential = wls.learn.ExternalPotential((16,), time_dependent=False)
        model = quick(potential=potential, friction=np.inf, noise=1.0, rollouts="multiple-shooting", steps=150)
        model.fit(data)
        assert isinstance(model.mechanics_, wls.GradientFlow) and model.friction_ == np.inf
        with pytest.raises(NotFittedError, match="gradient flow, mechanics_"):
            _ = model.lagrangian_
        x, w = data[-1].positions, data[-1].weights
        truth = bowl.mechanics.velocity(x, w)
        error = np.linalg.norm(model.mechanics_.velocity(x, w) - truth) / np.linalg.norm(truth)
        assert error < 0.35

    def test_forecasts_spread_and_survive_a_file(self, tmp_path):
        still = wls.SnapshotSeries([0.0, 1.0], [np.zeros((400, 1)), np.random.default_rng(0).normal(0, 0.5, (400, 1))])
        model = quick(friction=np.inf, noise=0.5, steps=2).fit(still)
        loaded = wls.learn.WLM.load(model.save(tmp_path / "model"))
        one, other = (m.forecast(still[0], times=[1.0, 4.0]) for m in (model, loaded))
        np.testing.assert_array_equal(one.positions, other.positions)
        assert one.positions[1].std() == pytest.approx(1.0, rel=0.2)
        assert model.interpolate([0.5]).sizes == (400,)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"noise": 0.1}, "`noise` must be 0 unless friction is infinite"),
            ({"noise": -0.1, "friction": np.inf}, "`noise`"),
            ({"friction": -np.inf}, "`friction`"),
            ({"friction": np.inf, "dissipation": wls.Alignment(1.0, 1.0)}, "`dissipation` must be None"),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, drifters, parameters, message):
        with pytest.raises(ParameterError, match=message):
            quick(**parameters).fit(drifters)


class TestParametersAfterAFit:
    """What was learned stays what it is when parameters are set for the next fit."""

    def test_predictions_and_files_are_of_the_fit(self, drifters, tmp_path):
        model = quick(steps=3).fit(drifters)
        start, times = drifters[-1], [drifters.times[-1] + 0.5]
        before = model.forecast(start, times)
        model.set_params(speed=1.0, friction=0.0, initial_velocities="learn", seed=9, loss="sliced")
        assert model.forecast(start, times) == before
        assert repr(model).endswith("with other friction, speed, initial_velocities, loss, seed)")
        loaded = wls.learn.WLM.load(model.save(tmp_path / "kept.model"))
        assert loaded.forecast(start, times) == before and loaded.friction == "learn" and loaded.loss == "exact"

    @pytest.mark.parametrize(
        "other",
        [
            {"potential": wls.learn.ExternalPotential((16,))},
            {"potential": wls.learn.PairPotential(1.0)},
            {"friction": 0.1},
        ],
        ids=["width", "term", "friction"],
    )
    def test_a_warm_start_needs_the_same_mechanics(self, drifters, other):
        model = quick(wls.learn.ExternalPotential((8,)), steps=2, warm_start=True).fit(drifters)
        with pytest.raises(ParameterError, match="`warm_start` must be False where terms, friction or dim"):
            model.set_params(**other).fit(drifters)

    def test_misspelt_attributes_are_no_fitted_ones(self, drifters):
        with pytest.raises(AttributeError, match="did you mean 'lagrangian_'"):
            _ = quick().lagrangain_

"""Known form, unknown numbers: names of parameters, their recovery from snapshots, their standard errors."""

from typing import ClassVar

import numpy as np
import pytest
import torch

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.learn import FittedParameters, fit_parameters, parameters_of, with_parameters
from wlmsim.learn.known_form.minimum_distance import transport_plan
from wlmsim.transport import ground_cost, optimal_plan

OSCILLATION = np.linspace(0.0, 3.0, 7)


def well(stiffness: float, friction: float = 0.0) -> wls.Lagrangian:
    drag = wls.Friction(friction) if friction else None
    return wls.Lagrangian(wls.External(wls.laws.Harmonic(stiffness)), dissipation=drag)


def seen(lagrangian: wls.Lagrangian, start: wls.Population, times: np.ndarray, dt: float) -> wls.SnapshotSeries:
    """Shuffled snapshots of a simulation."""
    return wls.simulate(lagrangian, start, times, dt=dt).snapshots(seed=0)


def independent(path: wls.Trajectory, n: int) -> wls.SnapshotSeries:
    """Other particles at each time, n of them, of a path that has enough."""
    rows = [slice(k * n, (k + 1) * n) for k in range(len(path.times))]
    positions = [x[part] for x, part in zip(path.positions, rows, strict=True)]
    velocities = [v[part] for v, part in zip(path.velocities, rows, strict=True)]
    return wls.SnapshotSeries(path.times, positions, velocities)


@pytest.fixture(scope="module")
def oscillation() -> wls.SnapshotSeries:
    start = wls.Population.gaussian(n=60, dim=2, velocity_width=0.5, seed=0)
    return seen(well(4.0, 0.3), start, OSCILLATION, dt=0.05)


class TestNames:
    law = wls.Lagrangian(
        wls.External(wls.laws.Harmonic((1.0, 2.0)))
        + wls.External(wls.laws.Wall())
        + wls.Pairwise(wls.laws.Morse())
        + wls.GaussianQuantumPressure(0.7),
        dissipation=wls.Friction(0.1) + wls.Alignment(),
        mass=2.0,
    )

    def test_every_number_has_a_name(self):
        assert parameters_of(self.law) == {
            "friction": 0.1,
            "mass": 2.0,
            "external_1.stiffness[0]": 1.0,
            "external_1.stiffness[1]": 2.0,
            "external_2.half_width": 5.0,
            "external_2.strength": 0.5,
            "pairwise.c": 1.5,
            "pairwise.l": 0.5,
            "gaussian_quantum_pressure.hbar": 0.7,
            "alignment.strength": 1.0,
            "alignment.radius": 1.0,
            "alignment.exponent": 0.5,
        }

    def test_a_system_has_the_numbers_of_its_constructor(self):
        known = parameters_of(wls.systems.HarmonicOscillator(frequency=2.0, friction=0.1))
        assert {"frequency": 2.0, "frequency[0]": 2.0, "frequency[1]": 2.0, "friction": 0.1}.items() <= known.items()
        assert not {"n", "dim", "seed"} & set(known)

    @pytest.mark.parametrize("checked", [True, False])
    def test_what_is_written_is_read(self, checked):
        new = {name: value + 0.25 for name, value in parameters_of(self.law).items()}
        before = repr(self.law)
        assert parameters_of(with_parameters(self.law, new, checked=checked)) == new
        assert repr(self.law) == before

    @pytest.mark.parametrize("model", [law, wls.systems.Boids(n=2), wls.GradientFlow(law.potential)])
    def test_nothing_written_changes_nothing(self, model):
        assert repr(with_parameters(model, {})) == repr(model)

    def test_friction_may_be_added_and_taken_away(self):
        assert with_parameters(well(1.0), {"friction": 0.2}).friction == 0.2
        assert with_parameters(well(1.0, 0.2), {"friction": 0.0}).dissipation is None

    def test_vectors_are_written_whole_or_by_component(self):
        system = wls.systems.HarmonicOscillator(frequency=2.0)
        assert with_parameters(system, {"frequency": 3.0}).frequency.tolist() == [3.0, 3.0]
        assert with_parameters(system, {"frequency[1]": 3.0}).frequency.tolist() == [2.0, 3.0]

    def test_tensors_go_where_numbers_were(self):
        c, gamma = (torch.tensor(value, requires_grad=True) for value in (2.0, 0.3))
        law = with_parameters(self.law, {"pairwise.c": c, "friction": gamma}, checked=False)
        assert law.potential.terms[2].law.c is c
        (slope,) = torch.autograd.grad(law.friction, gamma)
        assert slope == 1.0

    def test_unknown_and_unusable_values(self):
        with pytest.raises(ParameterError, match=r"`stiffness` is not a parameter .* known are friction, mass, ext"):
            with_parameters(self.law, {"stiffness": 1.0})
        with pytest.raises(ParameterError, match="`l` must be a finite number > 0"):
            with_parameters(self.law, {"pairwise.l": 0.0})
        with pytest.raises(ParameterError, match="`mass`"):
            with_parameters(self.law, {"mass": -1.0})
        with pytest.raises(ParameterError, match="must be a Lagrangian, a Flow or a System"):
            parameters_of("a law")


class TestRecovery:
    """Snapshots of one simulation, rows shuffled: with the scheme of the data the answer is exact."""

    def test_stiffness_and_friction(self, oscillation):
        fit = fit_parameters(well(2.0), oscillation, ["external.stiffness", "friction"], dt=0.05)
        assert isinstance(fit, FittedParameters)
        assert fit.values == pytest.approx({"external.stiffness": 4.0, "friction": 0.3}, rel=1e-6)
        assert fit.start == {"external.stiffness": 2.0, "friction": 0.0}
        assert fit.converged and fit.errors_by == "matched" and fit.distance < 1e-9
        assert parameters_of(fit.lagrangian_)["external.stiffness"] == fit.values["external.stiffness"]
        with pytest.raises(AttributeError, match="no system"):
            fit.system_  # noqa: B018

    def test_the_order_of_rows_does_not_matter(self, oscillation):
        rng = np.random.default_rng(1)
        orders = [rng.permutation(60) for _ in oscillation]
        other = wls.SnapshotSeries(
            oscillation.times,
            [x[order] for x, order in zip(oscillation.positions, orders, strict=True)],
            [v[order] for v, order in zip(oscillation.velocities, orders, strict=True)],
        )
        one, two = (fit_parameters(well(2.0), data, ["external.stiffness"]).values for data in (oscillation, other))
        assert one == pytest.approx(two, rel=1e-9)

    def test_who_multiplies_is_not_taken_for_motion(self):
        """Those outside multiply, as is known: without it they look as if nothing drew them back."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(4000, 1))
        rate, times = 1.5 * (np.abs(x[:, 0]) > 1), (0.0, 0.5, 1.0)
        chosen = [rng.choice(4000, 300, p=np.exp(rate * t) / np.exp(rate * t).sum()) for t in times]
        data = wls.SnapshotSeries(times, [np.cos(t) * x[rows] for t, rows in zip(times, chosen, strict=True)])
        known = data.with_columns(growth=[rate[chosen[0]], None, None])
        blind, knowing = (
            fit_parameters(well(2.0), series, ["external.stiffness"], initial_velocities="zero", dt=0.05)
            for series in (data, known)
        )
        assert knowing.values["external.stiffness"] == pytest.approx(1.0, abs=0.15)
        assert blind.values["external.stiffness"] < 0.7

    def test_morse_strength_and_range(self):
        def swarm(c: float, l: float) -> wls.Lagrangian:
            return wls.Lagrangian(wls.Pairwise(wls.laws.Morse(c, l)), dissipation=wls.Friction(0.2))

        start = wls.Population.gaussian(n=40, dim=2, velocity_width=0.3, seed=0)
        data = seen(swarm(2.0, 0.6), start, np.linspace(0.0, 2.0, 5), dt=0.1)
        fit = fit_parameters(swarm(1.0, 0.4), data, ["pairwise.c", "pairwise.l"], dt=0.1)
        assert fit.values == pytest.approx({"pairwise.c": 2.0, "pairwise.l": 0.6}, rel=1e-5)

    def test_planck_constant_from_other_particles_at_each_time(self):
        data = independent(wls.systems.GaussianPacket(n=500, dim=2, seed=0).exact(np.linspace(0.0, 2.0, 5)), 100)
        known = data.without_velocities(except_at=[0])
        fit = fit_parameters(wls.systems.GaussianPacket(dim=2, hbar=0.5), known, ["hbar"], resamples=15)
        assert fit.errors_by == "bootstrap"
        assert abs(fit.values["hbar"] - 1.0) < 3 * fit.errors["hbar"] < 0.2
        assert fit.system_.hbar == fit.values["hbar"]

    @pytest.mark.slow
    def test_boids_radii_and_weights(self):
        data = wls.systems.Boids(n=150, half_width=2.5, seed=0).simulate(np.arange(0.0, 12.5, 0.5)).snapshots(seed=0)
        truth = {"separation": 0.1, "alignment": 0.3, "outer_radius": 1.0, "inner_radius": 0.3, "half_width": 2.5}
        guess = wls.systems.Boids(separation=0.07, alignment=0.2, outer_radius=1.3, inner_radius=0.4, half_width=2.2)
        fit = fit_parameters(guess, data, list(truth))
        assert fit.values == pytest.approx(truth, rel=0.05)
        assert fit.lagrangian_.dissipation.outer_radius == fit.values["outer_radius"]

    def test_a_flow_needs_no_velocities(self):
        relaxation = wls.GradientFlow(wls.External(wls.laws.Harmonic(1.5)))
        start = wls.Population.gaussian(n=40, dim=1, seed=0)
        data = wls.simulate(relaxation, start, [0.0, 0.3, 0.7], dt=0.05).snapshots(seed=0).without_velocities()
        guess = wls.GradientFlow(wls.External(wls.laws.Harmonic(0.5)))
        fit = fit_parameters(guess, data, ["external.stiffness"], dt=0.05)
        assert fit.values["external.stiffness"] == pytest.approx(1.5, rel=1e-6)

    def test_from_rest_over_the_whole_time(self):
        start = wls.Population.gaussian(n=40, dim=2, seed=0)
        data = seen(well(4.0, 0.3), start, OSCILLATION, dt=0.05).without_velocities()
        options = {"initial_velocities": "zero", "dt": 0.05}
        fit = fit_parameters(well(3.0), data, ["external.stiffness", "friction"], **options)
        assert fit.values == pytest.approx({"external.stiffness": 4.0, "friction": 0.3}, rel=1e-6)

    def test_several_populations_and_unequal_sizes(self):
        starts = [wls.Population.gaussian(n=n, dim=2, velocity_width=0.5, seed=n) for n in (30, 50)]
        paths = [wls.simulate(well(4.0), start, [0.0, 0.4, 0.8], dt=0.1) for start in starts]
        data = wls.SnapshotSeries(
            paths[0].times,
            [np.concatenate([path.positions[k] for path in paths]) for k in range(3)],
            [np.concatenate([path.velocities[k] for path in paths]) for k in range(3)],
            populations=[np.repeat([0, 1], [30, 50])] * 3,
        )
        fit = fit_parameters(well(2.0), data, ["external.stiffness"], dt=0.1)
        assert fit.values["external.stiffness"] == pytest.approx(4.0, rel=1e-6)
        pieces = independent(paths[1], 16)
        uneven = wls.SnapshotSeries(pieces.times, [x[: 16 - k] for k, x in enumerate(pieces.positions)])
        weights = [np.linspace(1.0, 2.0, len(x)) for x in uneven.positions]
        velocities = [v[: 16 - k] for k, v in enumerate(pieces.velocities)]
        weighted = wls.SnapshotSeries(pieces.times, uneven.positions, velocities, weights)
        fit = fit_parameters(well(2.0), weighted, ["external.stiffness"], resamples=5)
        assert 0 < fit.errors["external.stiffness"] < np.inf

    def test_a_parameter_at_the_end_of_its_range(self):
        start = wls.Population.gaussian(n=40, dim=2, velocity_width=0.5, seed=0)
        data = seen(well(4.0), start, OSCILLATION, dt=0.05)
        fit = fit_parameters(well(3.0, 0.4), data, ["external.stiffness", "friction"], dt=0.05)
        assert fit.values["friction"] == pytest.approx(0.0, abs=1e-6)


class TestStandardErrors:
    """Deviations from the truth in units of the standard error, over seeds."""

    truth: ClassVar = {"external.stiffness": 4.0, "friction": 0.3}

    def deviations(self, data: list[wls.SnapshotSeries], **options) -> np.ndarray:
        fits = [fit_parameters(well(3.0), one, list(self.truth), dt=0.1, **options) for one in data]
        return np.array([[(fit.values[k] - v) / fit.errors[k] for k, v in self.truth.items()] for fit in fits])

    def paths(self, n: int, seeds: int) -> list[wls.Trajectory]:
        starts = [wls.Population.gaussian(n=n, dim=2, velocity_width=0.5, seed=seed) for seed in range(seeds)]
        return [wls.simulate(well(4.0, 0.3), start, np.linspace(0.0, 2.0, 5), dt=0.1) for start in starts]

    def test_of_one_sample_with_noise(self):
        data = []
        for seed, path in enumerate(self.paths(100, 10)):
            noise = np.random.default_rng(1000 + seed).normal(scale=0.002, size=path.positions.shape)
            noisy = wls.SnapshotSeries(path.times, list(path.positions + noise), list(path.velocities))
            data.append(noisy)
        z = self.deviations(data, errors="matched")
        assert 0.6 < np.sqrt((z**2).mean()) < 1.5
        assert (np.abs(z.mean(0)) < 1.0).all()

    def test_of_independent_samples(self):
        data = [independent(path, 60).without_velocities(except_at=[0]) for path in self.paths(300, 10)]
        z = self.deviations(data, resamples=15)
        assert 0.5 < np.sqrt((z**2).mean()) < 1.7
        assert (np.abs(z.mean(0)) < 1.0).all()

    def test_what_the_data_hardly_tell_apart_has_large_errors(self):
        """Of densities of half a swarm: a stiffer well and a stronger repulsion nearly make up for each other."""
        truth = {"external.stiffness": 2.0, "friction": 0.3, "pairwise.c": 4.0}
        form = wls.Lagrangian(wls.External(wls.laws.Harmonic()) + wls.Pairwise(wls.laws.Morse(l=0.6)))
        start = wls.Population.gaussian(n=200, dim=2, width=0.7, velocity_width=0.3, seed=19)
        path = wls.simulate(with_parameters(form, truth), start, OSCILLATION, dt=0.05)
        data = path.snapshots(fraction=0.5, seed=19).without_velocities(except_at=[0])
        guess = with_parameters(form, {"external.stiffness": 1.0, "friction": 0.1, "pairwise.c": 3.0})
        fit = fit_parameters(guess, data, list(truth), dt=0.05, resamples=30)
        assert all(abs(fit.values[name] - true) < 4 * fit.errors[name] for name, true in truth.items())
        assert 0.1 < fit.errors["pairwise.c"] / truth["pairwise.c"] < 1.0
        assert fit.covariance[0, 2] > 0.7 * fit.errors["external.stiffness"] * fit.errors["pairwise.c"]

    def test_they_are_not_computed_unless_asked_for(self, oscillation):
        fit = fit_parameters(well(3.0), oscillation, ["friction"], errors="none")
        assert np.isnan(fit.errors["friction"]) and fit.errors_by == "none"


class TestReport:
    def test_table(self, oscillation):
        fit = fit_parameters(well(3.0), oscillation, ["external.stiffness", "friction"], dt=0.05)
        text = str(fit)
        assert "external.stiffness" in text and "4" in text and "standard error (matched)" in text
        assert fit.table().row_count == 2

    def test_out_of_steps(self, oscillation):
        fit = fit_parameters(well(1.0), oscillation, ["friction"], iterations=1)
        assert not fit.converged and "not converged" in str(fit)


class TestBadInput:
    def test_names(self, oscillation):
        with pytest.raises(ParameterError, match=r"among friction, mass, external.stiffness; got 'stiffness'"):
            fit_parameters(well(1.0), oscillation, ["stiffness"])
        with pytest.raises(ParameterError, match="at least one name"):
            fit_parameters(well(1.0), oscillation, [])
        with pytest.raises(ParameterError, match="change the predictions; 'width' does not"):
            fit_parameters(wls.systems.HarmonicOscillator(), oscillation, ["width"])

    def test_data(self, oscillation):
        with pytest.raises(ParameterError, match="velocities at a marginal to start from"):
            fit_parameters(well(1.0), oscillation.without_velocities(), ["friction"])
        with pytest.raises(ParameterError, match="a marginal after one"):
            fit_parameters(well(1.0), oscillation[[0]], ["friction"])

    @pytest.mark.parametrize(
        "option", [{"errors": "some"}, {"horizon": 0}, {"dt": -1.0}, {"resamples": 1}, {"initial_velocities": "any"}]
    )
    def test_options(self, oscillation, option):
        with pytest.raises(ParameterError, match=f"`{next(iter(option))}`"):
            fit_parameters(well(1.0), oscillation, ["friction"], **option)


@pytest.mark.parametrize(("n", "m", "dim"), [(30, 30, 1), (30, 20, 1), (40, 40, 2), (30, 20, 2)])
@pytest.mark.parametrize("shift", [0.01, 1.0])
def test_every_way_to_a_plan_is_optimal(n, m, dim, shift):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, dim))
    y = (x + shift if n == m else rng.standard_normal((m, dim)))[rng.permutation(m)]
    wx, wy = np.full(n, 1 / n), np.full(m, 1 / m)
    cost = ground_cost(x, y, 2)
    plan, reference = transport_plan(x, wx, y, wy), optimal_plan(cost, wx, wy)
    assert plan.mass @ cost[plan.source, plan.target] == pytest.approx(
        reference.mass @ cost[reference.source, reference.target], rel=1e-9
    )
    np.testing.assert_allclose(np.bincount(plan.source, plan.mass, n), wx, rtol=1e-9)


class TestEveryNumber:
    """What `parameters_of` lists can be changed, differentiated and fitted."""

    cloud = wls.Population.gaussian(12, 2, velocity_width=0.5, seed=3)

    @pytest.mark.parametrize(
        ("functional", "names"),
        [
            (wls.Gravity(1.2, 0.3), ["gravity.strength", "gravity.softening"]),
            (wls.Pairwise(wls.laws.Plummer(1.0, 0.2), cutoff=1.5), ["pairwise.strength", "pairwise.cutoff"]),
            (wls.Pairwise(wls.laws.Morse(), cutoff=1.5, box=4.0), ["pairwise.c", "pairwise.l", "pairwise.cutoff"]),
            (wls.Entropy(0.5, 0.4), ["entropy.temperature", "entropy.bandwidth"]),
            (wls.QuantumPressure(0.5, 0.6), ["quantum_pressure.hbar", "quantum_pressure.bandwidth"]),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_gradients_are_those_of_simulations(self, functional, names):
        lagrangian = wls.Lagrangian(functional, dissipation=wls.Friction(0.1))
        known = parameters_of(lagrangian)
        assert set(names) <= set(known)
        tensors = {name: torch.tensor(known[name], dtype=torch.float64, requires_grad=True) for name in names}
        path = wls.learn.differentiable_simulate(lagrangian, self.cloud, [0.5], dt=0.01, parameters=tensors)
        lever = np.random.default_rng(0).standard_normal(self.cloud.positions.shape)
        (path.positions[-1] * torch.tensor(lever)).sum().backward()

        def end(name, value):
            model = with_parameters(lagrangian, {name: value})
            return (lever * wls.simulate(model, self.cloud, [0.5], dt=0.01).positions[-1]).sum()

        for name, tensor in tensors.items():
            numeric = (end(name, known[name] + 1e-5) - end(name, known[name] - 1e-5)) / 2e-5
            assert abs(numeric) > 1e-6
            assert tensor.grad.item() == pytest.approx(numeric, rel=1e-5, abs=1e-8)

    def test_gravity_follows_its_numbers_and_is_fitted(self):
        truth = wls.Lagrangian(wls.Gravity(2.0, 0.3))
        data = wls.simulate(truth, self.cloud, np.linspace(0, 1, 3), dt=0.02).snapshots(seed=0)
        guess = wls.Lagrangian(wls.Gravity(1.0, 0.3))
        assert "strength=5" in repr(with_parameters(guess, {"gravity.strength": 5.0}))
        fit = wls.learn.fit_parameters(guess, data, ["gravity.strength"], dt=0.02)
        assert fit.values["gravity.strength"] == pytest.approx(2.0, rel=1e-3)
        assert fit.lagrangian_.potential.strength == fit.values["gravity.strength"]
        with pytest.raises(ParameterError, match="`softening` must be"):
            with_parameters(guess, {"gravity.softening": -0.1})

    def test_where_and_how_it_is_computed_is_no_number_of_a_law(self):
        boxed = wls.Pairwise(wls.laws.Morse(), cutoff=1.0, box=(4.0, 5.0))
        learned = wls.learn.ExternalPotential() + wls.learn.PairPotential(cutoff=1.5)
        known = parameters_of(wls.Lagrangian(wls.Gravity() + boxed + learned))
        assert list(known) == [
            "friction",
            "mass",
            "gravity.strength",
            "gravity.softening",
            "pairwise.c",
            "pairwise.l",
            "pairwise.cutoff",
        ]

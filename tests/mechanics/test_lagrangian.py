"""Mass, potential and dissipation put together."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, SoftPairs, Spring, a_population
from wlmsim.errors import ParameterError


def test_acceleration_is_force_over_mass_and_friction_is_a_rate():
    cloud = a_population()
    x, v, w = cloud.positions, cloud.velocities, cloud.weights
    active = wls.SelfPropulsion(0.5, 0.2)
    lagrangian = wls.Lagrangian(Spring(3.0), dissipation=wls.Friction(0.7) + active, mass=2.0)
    np.testing.assert_allclose(lagrangian.acceleration(x, w), -1.5 * x)
    np.testing.assert_allclose(lagrangian.dissipative_acceleration(x, v, w), active.force(x, v, w) / 2.0)
    assert lagrangian.friction == 0.7 and not lagrangian.only_friction


def test_time_reaches_the_potential():
    cloud = a_population(time=0.6)
    x, w = cloud.positions, cloud.weights
    lagrangian = wls.Lagrangian(ShakenPendula(0.5))
    np.testing.assert_allclose(lagrangian.acceleration(x, w, 0.6), -(1 + 0.5 * np.sin(0.6)) * np.sin(x))
    expected = (1 + 0.5 * np.sin(0.6)) * w @ (1 - np.cos(x)).sum(-1)
    assert lagrangian.potential_energy(cloud) == pytest.approx(expected)


def test_free_particles():
    cloud, free = a_population(), wls.Lagrangian()
    assert not free.acceleration(cloud.positions, cloud.weights).any()
    assert not free.dissipative_acceleration(cloud.positions, cloud.velocities, cloud.weights).any()
    assert free.potential_energy(cloud) == 0 and free.energy(cloud) == free.kinetic_energy(cloud)
    assert free.friction == 0 and free.only_friction and repr(free) == "Lagrangian(free)"


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_energy_momentum_and_angular_momentum(dim):
    cloud = a_population(4, dim)
    x, v, w = cloud.positions, cloud.velocities, cloud.weights
    lagrangian = wls.Lagrangian(Spring(3.0) + SoftPairs(), mass=2.0)
    kinetic = sum(0.5 * 2.0 * w[i] * (v[i] @ v[i]) for i in range(4))
    pairs = sum(-w[i] * w[j] / np.sqrt(1 + ((x[i] - x[j]) ** 2).sum()) for i in range(4) for j in range(4)) / 2
    potential = sum(1.5 * w[i] * (x[i] @ x[i]) for i in range(4)) + pairs
    assert lagrangian.kinetic_energy(cloud) == pytest.approx(kinetic)
    assert lagrangian.potential_energy(cloud) == pytest.approx(potential)
    assert lagrangian.energy(cloud) == pytest.approx(kinetic + potential)
    np.testing.assert_allclose(lagrangian.momentum(cloud), 2.0 * sum(w[i] * v[i] for i in range(4)))
    planes = [(a, b) for a in range(dim) for b in range(a + 1, dim)]
    turning = [2.0 * sum(w[i] * (x[i, a] * v[i, b] - x[i, b] * v[i, a]) for i in range(4)) for a, b in planes]
    np.testing.assert_allclose(lagrangian.angular_momentum(cloud), turning)


def test_unknown_velocities_are_said():
    cloud = wls.Population([[0.0, 1.0]])
    lagrangian = wls.Lagrangian(Spring())
    assert lagrangian.potential_energy(cloud) == 0.5
    for quantity in (lagrangian.kinetic_energy, lagrangian.energy, lagrangian.momentum, lagrangian.angular_momentum):
        with pytest.raises(ParameterError, match=r"velocities are unknown.*at_rest"):
            quantity(cloud)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wls.Lagrangian("gravity"), "`potential` must be a Functional; got 'gravity'"),
        (lambda: wls.Lagrangian(wls.Friction(1.0)), "`potential` must be a Functional; got Friction"),
        (lambda: wls.Lagrangian(dissipation=0.1), r"`dissipation` must be a Dissipation; got 0\.1"),
        (lambda: wls.Lagrangian(mass=0.0), r"`mass` must be a finite number > 0; got 0\.0"),
        (lambda: wls.Lagrangian(mass="heavy"), "`mass` must be a finite number > 0; got 'heavy'"),
    ],
)
def test_errors_name_the_argument(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_repr_and_latex():
    law = wls.Lagrangian(wls.GaussianQuantumPressure(2.0), dissipation=wls.Friction(0.1), mass=3.0)
    assert repr(law) == "Lagrangian(GaussianQuantumPressure(hbar=2), dissipation=Friction(0.1), mass=3)"
    latex = law._repr_latex_()
    assert latex.startswith("$") and latex.endswith("$") and latex.count("{") == latex.count("}")
    assert "e^{0.1 t}" in latex and law.potential.latex in latex
    assert "e^" not in wls.Lagrangian()._repr_latex_()


def test_latex_shows_all_terms():
    """A factor exp(gamma t) serves friction alone; else friction stands in the Rayleigh function."""
    active = wls.Friction(0.1) + wls.SelfPropulsion() + wls.Alignment()
    latex = wls.Lagrangian(Spring(), dissipation=active, magnetic=wls.MagneticField(1.0))._repr_latex_()
    assert latex.startswith("$") and latex.endswith("$") and latex.count("{") == latex.count("}")
    assert "e^" not in latex and r"v \cdot A" in latex and Spring().latex in latex
    lagrangian, rayleigh = latex.split(r"\mathcal{R} = ")
    assert "gamma" not in lagrangian
    assert all(term.latex in rayleigh for term in active.terms)
    assert r"\mathcal{R}" not in wls.Lagrangian(Spring(), magnetic=wls.MagneticField(1.0))._repr_latex_()
    assert r"\mathcal{R}" not in wls.Lagrangian(Spring(), dissipation=wls.Friction(0.1))._repr_latex_()


def test_virial():
    """2 K + virial = 0 in equilibrium; -2 U in a harmonic well, origin of no matter among internal forces."""
    cloud = a_population(6, 3)
    well = wls.Lagrangian(Spring(3.0), mass=2.0)
    assert well.virial(cloud) == pytest.approx(-2 * well.potential_energy(cloud), rel=1e-14)
    pairs = wls.Lagrangian(SoftPairs())
    moved = wls.Population(cloud.positions + np.array([3.0, -1.0, 2.0]), cloud.velocities, cloud.weights)
    assert pairs.virial(cloud) == pytest.approx(pairs.virial(moved), rel=1e-12)
    circle = wls.Population([[2.0, 0.0], [-2.0, 0.0]], [[0.0, 2.0], [0.0, -2.0]])
    round_ = wls.Lagrangian(Spring(1.5), mass=1.5)
    assert 2 * round_.kinetic_energy(circle) + round_.virial(circle) == pytest.approx(0, abs=1e-14)
    assert wls.Lagrangian().virial(cloud) == 0


MASSES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])


class TestMassesOfTheirOwn:
    """Particles that resist the same force differently."""

    def test_each_moves_as_in_a_population_of_its_mass(self):
        start, field = a_population(5, 2), wls.External(wls.laws.Harmonic((1.0, 2.0)))
        magnetic, drag = wls.MagneticField(0.7), wls.Friction(0.3)
        for scheme in (wls.Boris(), wls.Leapfrog(), wls.DormandPrince()):
            law = wls.Lagrangian(field, magnetic=magnetic, dissipation=drag, mass=MASSES)
            together = wls.simulate(law, start, [2.0], dt=0.05, integrator=scheme)
            for k, mass in enumerate(MASSES):
                alone = wls.Population(start.positions[k : k + 1], start.velocities[k : k + 1])
                law = wls.Lagrangian(field, magnetic=magnetic, dissipation=drag, mass=mass)
                path = wls.simulate(law, alone, [2.0], dt=0.05, integrator=scheme)
                # DOP853 chooses its steps for all particles together
                np.testing.assert_allclose(path.positions[0, 0], together.positions[0, k], atol=1e-8)

    def test_pairs_conserve_what_they_should(self):
        law = wls.Lagrangian(wls.Pairwise(wls.laws.Morse()), mass=MASSES)
        path = wls.simulate(law, a_population(5, 2), np.linspace(0, 3, 4), dt=0.002)
        np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-5)
        np.testing.assert_allclose(path.momentum(), path.momentum()[:1].repeat(4, 0), atol=1e-12)
        np.testing.assert_allclose(path.angular_momentum(), path.angular_momentum()[:1].repeat(4, 0), atol=1e-12)

    def test_compiled_steps_are_those_of_one_after_the_other(self, monkeypatch):
        from wlmsim.simulation import run

        law, start = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)), mass=MASSES), a_population(5, 2)
        stepped = wls.simulate(law, start, [2.0], dt=0.05)
        monkeypatch.setattr(run, "FEW", 1)
        np.testing.assert_allclose(wls.simulate(law, start, [2.0], dt=0.05).positions, stepped.positions, rtol=1e-12)

    @pytest.mark.parametrize("steps", [200, 2500])
    def test_a_bath_gives_each_the_same_energy(self, steps):
        n, kinds = 6000, np.array([0.5, 4.0])
        law = wls.Lagrangian(dissipation=wls.Friction(1.0), mass=np.repeat(kinds, n // 2))
        if steps > 2000:  # compiled, with few particles at many times
            law = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)), dissipation=wls.Friction(1.0), mass=kinds)
            bath, cold = wls.BAOAB(1.5, seed=0), wls.Population(np.zeros((2, 3))).at_rest()
            v = wls.simulate(law, cold, np.arange(10.0, 10000.0), dt=0.2, integrator=bath).velocities
            warm = kinds * (v**2).mean((0, 2))
        else:
            bath, cold = wls.BAOAB(1.5, seed=0), wls.Population(np.zeros((n, 3))).at_rest()
            end = wls.simulate(law, cold, [10.0], dt=0.05, integrator=bath)[-1]
            warm = (law.mass[:, None] * end.velocities**2).mean(1).reshape(2, -1).mean(1)
            assert wls.observables.temperature(end, law.mass) == pytest.approx(1.5, rel=0.05)
        np.testing.assert_allclose(warm, 1.5, rtol=0.06)

    def test_a_bath_may_cool(self):
        """Under friction 1 the variance s of velocities obeys ds/dt = 2 (T(t) - s); here T = exp(-t) from s = 1."""
        law, n = wls.Lagrangian(dissipation=wls.Friction(1.0)), 20_000
        rng = np.random.default_rng(1)
        start = wls.Population(np.zeros((n, 2)), rng.standard_normal((n, 2)))
        bath = wls.BAOAB(lambda t: np.exp(-t), seed=0)
        v = wls.simulate(law, start, [1.5], dt=0.02, integrator=bath).velocities[0]
        assert v.var() == pytest.approx(2 * np.exp(-1.5) - np.exp(-3.0), rel=0.03)
        with pytest.raises(ParameterError, match=r"`temperature at t = .*` must be a finite number >= 0"):
            wls.simulate(law, start, [3.0], dt=0.5, integrator=wls.BAOAB(lambda t: 1.0 - t))

    def test_files_and_errors(self, tmp_path):
        law = wls.Lagrangian(mass=MASSES)
        assert repr(law) == "Lagrangian(free, mass=5 masses)"
        path = wls.simulate(law, a_population(5, 2), [0.0, 1.0], dt=0.5)
        path.save(tmp_path / "masses.h5")
        np.testing.assert_array_equal(wls.Trajectory.load(tmp_path / "masses.h5").energy(), path.energy())
        with pytest.raises(ParameterError, match="`mass` must be a positive number, or one for each particle"):
            wls.Lagrangian(mass=[1.0, 0.0])
        with pytest.raises(ParameterError, match="`mass` must be one for each particle; got 5 for 4"):
            wls.simulate(wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)), mass=MASSES), a_population(4, 2), [1.0])

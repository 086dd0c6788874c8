"""Pair forces with a cutoff and in periodic boxes, and the Lennard-Jones fluid against published values."""

from __future__ import annotations

import json

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from tests.clouds import uneven_clouds
from tests.example_mechanics import a_population
from wlmsim.errors import ParameterError
from wlmsim.integrators import BAOAB
from wlmsim.learn import files
from wlmsim.systems import LennardJonesFluid

MORSE, CUTOFF = wls.laws.Morse(c=2.0, l=0.7), 1.7


def plain_morse(r):
    """W, W' and the shift that takes both to zero at the cutoff."""
    value, slope = (2 * np.exp(-r / 0.7) - np.exp(-r)), (-2 / 0.7 * np.exp(-r / 0.7) + np.exp(-r))
    if np.ndim(r) == 0:
        return value, slope
    edge, tilt = plain_morse(CUTOFF)
    return value - edge - (r - CUTOFF) * tilt, slope - tilt


def all_pairs(x, w, box):
    """Energy, virial and force summed over the nearest images of all pairs, in plain NumPy."""
    step = x[:, None] - x[None]
    if box is not None:
        step -= box * np.round(step / box)
    r = np.sqrt((step**2).sum(-1))
    near = (r < CUTOFF) & ~np.eye(len(x), dtype=bool)
    value, slope = (np.where(near, a, 0.0) for a in plain_morse(r))
    apart = np.where(r > 0, r, 1.0)
    pull = np.where(r > 0, slope / apart, 0.0)
    pairs = w[:, None] * w
    return 0.5 * (pairs * value).sum(), -0.5 * (pairs * pull * r**2).sum(), -((w * pull)[..., None] * step).sum(1)


ON_THE_CUTOFF = CUTOFF * np.stack(np.meshgrid(*[np.arange(2.0)] * 3), -1).reshape(-1, 3)


@pytest.mark.parametrize("x", [*uneven_clouds(), pytest.param(ON_THE_CUTOFF, id="on the cutoff")])
@pytest.mark.parametrize("side", [None, 3.4, 5.2, 11.3])
def test_cell_list_finds_the_pairs_of_the_plain_sum(x, side):
    """Boxes of two to six cells along an axis, even and odd in number; particles many boxes away."""
    dim = x.shape[1]
    box = None if side is None else side + 0.9 * np.arange(dim)
    w = np.random.default_rng(6).uniform(0.5, 2, len(x))
    w /= w.sum()
    pairs = wls.Pairwise(MORSE, cutoff=CUTOFF, box=None if box is None else tuple(box))
    energy, virial, force = all_pairs(x, w, box)
    assert pairs.energy(x, w) == pytest.approx(energy, rel=1e-12, abs=1e-15)
    assert pairs.virial(x, w) == pytest.approx(virial, rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(pairs.force(x, w), force, rtol=1e-10, atol=1e-13)


def test_energy_and_force_vanish_at_the_cutoff():
    pairs, w = wls.Pairwise(MORSE, cutoff=CUTOFF), np.array([0.5, 0.5])
    curvature = 2 / 0.49 * np.exp(-CUTOFF / 0.7) - np.exp(-CUTOFF)
    for gap in (1e-3, 1e-5):
        x = np.array([[0.0, 0.0], [CUTOFF - gap, 0.0]])
        assert pairs.force(x, w)[1, 0] == pytest.approx(0.5 * curvature * gap, rel=0.01)
        assert pairs.energy(x, w) == pytest.approx(0.25 * curvature * gap**2 / 2, rel=0.01)
    assert not pairs.force(np.array([[0.0, 0.0], [CUTOFF, 0.0]]), w).any()


def test_unshifted_energy_and_virial():
    x, w = np.array([[0.1, 0.0], [3.9, 0.0]]), np.array([0.25, 0.75])
    energy, virial = wls.Pairwise(MORSE, cutoff=CUTOFF, box=4.0).unshifted(x, w)
    value, slope = plain_morse(0.2)
    assert energy == pytest.approx(0.1875 * value, rel=1e-13)
    assert virial == pytest.approx(-0.1875 * 0.2 * slope, rel=1e-13)


def test_virial_is_the_work_of_blowing_up_the_box():
    """-dU/d log s as positions and box grow by s, the law staying as it is."""
    cloud, h = a_population(60, 3, seed=1), 1e-5
    x, w = cloud.positions, cloud.weights

    def energy(s):
        return wls.Pairwise(MORSE, cutoff=CUTOFF, box=4.0 * s).energy(s * x, w)

    virial = wls.Pairwise(MORSE, cutoff=CUTOFF, box=4.0).virial(x, w)
    assert virial == pytest.approx(-(energy(1 + h) - energy(1 - h)) / (2 * h), rel=1e-6)


@given(seed=st.integers(0, 10**6), order=st.permutations(range(12)))
def test_images_and_order_do_not_matter(seed, order):
    rng = np.random.default_rng(seed)
    x, w, box = rng.uniform(0, 5, (12, 3)), rng.dirichlet(np.ones(12)), np.array([3.5, 4.1, 6.0])
    pairs = wls.Pairwise(MORSE, cutoff=CUTOFF, box=tuple(box))
    moved = x + box * rng.integers(-3, 4, (12, 3))
    force = pairs.force(x, w)
    np.testing.assert_allclose(pairs.force(moved, w), force, atol=1e-13)
    np.testing.assert_allclose(pairs.force(x[order], w[order]), force[order], atol=1e-14)
    np.testing.assert_allclose(w @ force, 0, atol=1e-15)
    assert pairs.energy(moved, w) == pytest.approx(pairs.energy(x, w), abs=1e-14)


def test_number_of_threads_does_not_matter():
    x, w = np.random.default_rng(7).uniform(0, 40, (4000, 2)), np.full(4000, 1 / 4000)
    pairs, threads = wls.Pairwise(MORSE, cutoff=CUTOFF, box=40.0), numba.get_num_threads()
    force = pairs.force(x, w)
    try:
        numba.set_num_threads(1)
        np.testing.assert_array_equal(pairs.force(x, w), force)
    finally:
        numba.set_num_threads(threads)


def test_singular_laws_refuse_coincident_particles():
    pairs = wls.Pairwise(wls.laws.LennardJones(), cutoff=2.5)
    x, w = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), np.full(3, 1 / 3)
    with pytest.raises(ParameterError, match="singular"):
        pairs.energy(x, w)
    assert np.isfinite(pairs.force(x, w)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cutoff": 0.0}, "`cutoff`"),
        ({"cutoff": 1.0, "box": 1.9}, "`box` must be at least 2 long"),
        ({"cutoff": 1.0, "box": (3.0, 1.0)}, "`box` must be at least 2 long"),
        ({"cutoff": 1.0, "box": (3.0, -1.0)}, "`box`"),
        ({"cutoff": 1.0, "box": "small"}, "`box`"),
        ({"box": 4.0}, "`box` must come with a `cutoff`"),
    ],
)
def test_cutoff_and_box_are_checked(arguments, message):
    with pytest.raises(ParameterError, match=message):
        wls.Pairwise(MORSE, **arguments)


def test_box_of_other_dimensions_and_positions_that_are_not_finite():
    x, w = np.zeros((2, 2)), np.full(2, 0.5)
    with pytest.raises(ParameterError, match="`box` must be one number or one for each of the 2 axes"):
        wls.Pairwise(MORSE, cutoff=1.0, box=(3.0, 3.0, 3.0)).force(x, w)
    with pytest.raises(ParameterError, match="`positions` must be finite"):
        wls.Pairwise(MORSE, cutoff=1.0).force(np.array([[0.0, np.nan], [0.0, 0.0]]), w)
    with pytest.raises(ParameterError, match="`cutoff` must be given"):
        wls.Pairwise(MORSE).virial(x, w)


def test_repr_shows_cutoff_and_box():
    assert repr(wls.Pairwise(MORSE, cutoff=1.5, box=4.0)) == "Pairwise(Morse(c=2.0, l=0.7), cutoff=1.5, box=4.0)"


@pytest.mark.parametrize("box", [None, 4.0, (4.0, 5.0)])
def test_cutoff_and_box_stay_with_a_saved_model(box):
    pairs = wls.Pairwise(MORSE, cutoff=1.5, box=box)
    again = files.build(json.loads(json.dumps(files.describe(pairs.terms))))
    assert repr(again) == repr(pairs)
    assert repr(files.build(files.describe(wls.Pairwise(MORSE).terms))) == repr(wls.Pairwise(MORSE))


# --- the Lennard-Jones fluid


@pytest.mark.parametrize(("n", "dim"), [(108, 3), (100, 3), (64, 2), (50, 2), (9, 1)])
def test_fluid_starts_on_a_lattice_at_its_temperature(n, dim):
    fluid = LennardJonesFluid(n, dim, density=0.6, temperature=1.3, seed=0)
    start = fluid.population
    assert fluid.box**dim == pytest.approx(n / 0.6)
    assert fluid.kinetic_temperature(start) == pytest.approx(1.3)
    np.testing.assert_allclose(start.velocities.mean(0), 0, atol=1e-15)
    step = start.positions[:, None] - start.positions[None]
    step -= fluid.box * np.round(step / fluid.box)
    apart = np.sqrt((step**2).sum(-1)) + 10 * np.eye(n)
    assert apart.min() > 0.85 * 0.6 ** (-1 / dim)


def test_fluid_conserves_energy_and_momentum():
    fluid = LennardJonesFluid(108, density=0.8, temperature=1.2, cutoff=2.4, seed=1)
    drift = []
    for dt in (0.004, 0.002):
        run = fluid.simulate(np.linspace(0, 2, 21), dt=dt)
        drift.append(np.ptp(run.energy()))
        np.testing.assert_allclose(run.momentum(), 0, atol=1e-13)
    assert drift[0] < 5e-3  # of a kinetic energy of 1.8
    assert drift[1] < 0.4 * drift[0]
    assert np.abs(run.positions[-1] - run.positions[0]).max() > 1


@pytest.mark.slow
def test_fluid_at_a_published_state_point():
    """Energy and pressure at density 0.82 and T = 0.875, between those at 0.85 and 0.9 of NIST's table.

    NIST Standard Reference Simulation Website, "Lennard-Jones fluid: MC", NVT: 500 particles, cutoff 3 with tail
    corrections. This fluid moves under the shifted force; its energies are those of the full law, tail included.
    """
    fluid = LennardJonesFluid(500, density=0.82, temperature=1.5, cutoff=3.0, seed=0)
    warm = wls.Lagrangian(fluid.pairs, dissipation=wls.Friction(1.0))
    times = np.append(np.linspace(0, 4, 2), np.arange(4.2, 20, 0.2))
    run = wls.simulate(warm, fluid.population, times, dt=0.005, integrator=BAOAB(0.875, seed=1))
    states = [run[k] for k in range(2, len(run))]
    temperature = np.mean([fluid.kinetic_temperature(state) for state in states])
    share = (temperature - 0.85) / 0.05
    assert temperature == pytest.approx(0.875, abs=0.02)
    for quantity, cold, hot, tolerance in (
        (fluid.energy_per_particle, -5.7947, -5.7456, 0.01),
        (fluid.pressure, 0.55355, 0.82386, 0.05),
    ):
        values = np.array([quantity(state, corrected=True) for state in states])
        blocks = np.array_split(values, 8)
        error = np.std([block.mean() for block in blocks]) / np.sqrt(7)
        assert error < 2 * tolerance
        assert values.mean() == pytest.approx(cold + share * (hot - cold), abs=tolerance + 3 * error)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"n": 1}, "n"),
        ({"density": 0.0}, "density"),
        ({"temperature": -1.0}, "temperature"),
        ({"n": 100, "cutoff": 3.0}, "cutoff"),
    ],
)
def test_fluid_checks_its_arguments(arguments, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        LennardJonesFluid(**arguments)


def test_tail_corrections_are_of_space():
    fluid = LennardJonesFluid(64, 2, seed=0)
    with pytest.raises(ParameterError, match="`dim`"):
        fluid.pressure(fluid.population, corrected=True)


def test_a_fluid_is_not_started_from_another_number_of_particles():
    fluid = wls.systems.LennardJonesFluid(n=20, density=0.2, seed=0)
    pair = wls.Population([[0.0, 0.0, 0.0], [1.2, 0.0, 0.0]]).at_rest()
    with pytest.raises(ParameterError, match=r"`start` must be of 20 particles: another fluid is .*\(n=2\)"):
        fluid.simulate([0.01], start=pair, dt=0.005)


def test_the_temperature_is_that_about_the_mean_velocity():
    fluid = wls.systems.LennardJonesFluid(n=50, density=0.3, temperature=1.3, seed=0)
    start = fluid.population
    drifting = start.with_velocities(start.velocities + np.array([3.0, -1.0, 2.0]))
    assert fluid.kinetic_temperature(start) == pytest.approx(1.3, rel=1e-12)
    assert fluid.kinetic_temperature(drifting) == pytest.approx(1.3, rel=1e-12)

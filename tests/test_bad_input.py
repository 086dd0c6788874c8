"""Bad input across the forward library: an error that says what is wrong, or a documented regularisation; never NaN.

The arguments of each class are checked where it is tested; here is what goes wrong between them.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import a_population
from wlmsim.errors import ParameterError, SimulationError


def lennard_jones(r, xp):
    """Infinity minus infinity at r = 0."""
    return r**-12.0 - r**-6.0


MEETING = wls.Population([[0.5, 0.2], [0.5, 0.2], [-1.0, 0.0]]).at_rest()
"""Three particles, two of them in one place."""

AT_THE_CENTRE = wls.Population([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], np.ones((3, 2)))
"""Three particles, two of them at the origin."""


# --- singular laws


@pytest.mark.parametrize("law", [lennard_jones, wls.laws.Plummer(1.0, softening=0.0)])
def test_the_energy_of_particles_that_meet_is_an_error(law):
    """It names the functional and suggests a softening, also in a sum and along a trajectory."""
    pairs = wls.Pairwise(law)
    message = f"the energy of {re.escape(repr(pairs))} is .* particles meet.*soften the law"
    well = wls.External(wls.laws.Harmonic())
    for potential in (pairs, well + pairs):
        lagrangian = wls.Lagrangian(potential)
        with pytest.raises(ParameterError, match=message):
            potential.energy(MEETING.positions, MEETING.weights)
        with pytest.raises(ParameterError, match=message):
            lagrangian.energy(MEETING)
        with pytest.raises(ParameterError, match=message):
            wls.Trajectory([0.0], [MEETING.positions], [MEETING.velocities], mechanics=lagrangian).energy()
        with pytest.raises(ParameterError, match=message):
            wls.GradientFlow(potential).energy(MEETING)


@pytest.mark.parametrize("law", [lennard_jones, wls.laws.Plummer(1.0, softening=0.0)])
def test_particles_that_meet_exert_no_force_on_each_other(law):
    """The documented regularisation: the direction is undefined. They stay together, and nothing is NaN."""
    pairs = wls.Pairwise(law)
    force = pairs.force(MEETING.positions, MEETING.weights)
    alone = pairs.force(MEETING.positions[1:], MEETING.weights[1:])
    assert np.isfinite(force).all()
    np.testing.assert_allclose(force[:2], [alone[0], alone[0]], rtol=1e-14)
    flight = wls.simulate(wls.Lagrangian(pairs), MEETING, [0.0, 1e-3], dt=1e-4)
    np.testing.assert_array_equal(flight.positions[:, 0], flight.positions[:, 1])


def test_softening_is_the_cure():
    soft = wls.Lagrangian(wls.Pairwise(wls.laws.Plummer(1.0, softening=0.1)))
    assert np.isfinite(soft.energy(MEETING))
    centre = wls.Lagrangian(wls.External(wls.laws.Kepler(softening=0.1)))
    flight = wls.simulate(centre, AT_THE_CENTRE, [0.0, 1.0], dt=0.01)
    assert np.isfinite(flight.energy()).all()


def test_a_particle_at_a_singular_centre_is_refused():
    """By the energy, and by a simulation, which says which particle stands where."""
    centre = wls.External(wls.laws.Kepler())
    for potential in (centre, wls.External(wls.laws.Harmonic()) + centre):
        with pytest.raises(ParameterError, match=r"the energy of External\(Kepler\(.* soften the law"):
            wls.Lagrangian(potential).energy(AT_THE_CENTRE)
        start = r"`population` must start where the .* of .*External\(Kepler\(.* is finite; it is not at x = \[0. 0.\] "
        with pytest.raises(ParameterError, match=start + r"\(particle 1, the first of 2\)"):
            wls.simulate(wls.Lagrangian(potential), AT_THE_CENTRE, [1.0], dt=0.1)
        with pytest.raises(ParameterError, match=start):
            wls.simulate(wls.GradientFlow(potential), AT_THE_CENTRE, [1.0], dt=0.1)


def test_a_fall_into_a_singular_centre_stops_with_an_error_or_stays_finite():
    """A particle dropped onto a point mass meets it between steps: thrown out, but not NaN; substeps refuse it."""
    law = wls.Lagrangian(wls.External(wls.laws.Kepler()))
    drop = wls.Population([[1.0, 0.0]]).at_rest()
    thrown = wls.simulate(law, drop, [2.0], dt=0.01)
    assert np.isfinite(thrown.positions).all()
    with pytest.raises(SimulationError, match=r"too fast .* collide.*soften the law"):
        wls.simulate(law, drop, [2.0], dt=0.01, integrator=wls.integrators.Substepped())


# --- trajectories that blow up


@pytest.mark.parametrize(
    "integrator",
    [wls.Leapfrog(), wls.Boris(), wls.integrators.Yoshida4(), wls.integrators.BAOAB(temperature=1.0, seed=0)],
    ids=lambda scheme: type(scheme).__name__,
)
def test_an_unstable_step_is_said_with_its_time_and_size(integrator):
    """omega dt = 3 is beyond the limit of stability of every scheme, which is at most 2."""
    stiff = wls.Lagrangian(wls.External(wls.laws.Harmonic(9e4)), dissipation=wls.Friction(0.1))
    with pytest.raises(SimulationError, match=r"finite at t = [0-9.]+ with time step 0\.01; try a smaller dt"):
        wls.simulate(stiff, a_population(3), [100.0], dt=0.01, integrator=integrator)


def test_an_unstable_flow_is_said_with_its_time_and_size():
    stiff = wls.GradientFlow(wls.External(wls.laws.Harmonic(400.0)))
    with pytest.raises(SimulationError, match=r"finite at t = [0-9.]+ with time step 0\.01; try a smaller dt"):
        wls.simulate(stiff, a_population(3), [100.0], dt=0.01)


# --- weights


@pytest.mark.parametrize(
    "weights",
    [[1.0, 1.0, 1.0], [1.7e308] * 3, [5e-324] * 3, [1e-310, 1e-310, 1e-310], [1e308, 1e308, 1e308]],
)
def test_weights_of_any_size_sum_to_one(weights):
    cloud = wls.Population(np.eye(3), weights=weights)
    np.testing.assert_allclose(cloud.weights, 1 / 3, rtol=1e-12)


@pytest.mark.parametrize("weights", [[-1e308] * 3, [1e308, 1e308, -1.0], [0.0, -0.0, 0.0], [-1.0, 2.0, 3.0]])
def test_negative_weights_are_refused_whatever_their_sum(weights):
    with pytest.raises(ParameterError, match="`weights` must be non-negative with a positive sum"):
        wls.Population(np.eye(3), weights=weights)


def test_a_particle_without_weight_is_a_probe():
    """It feels the others, and they do not feel it."""
    rest = a_population(4)
    probe = wls.Population(
        np.append(rest.positions, [[0.3, 0.4]], 0), np.append(rest.velocities, [[0, 0]], 0), [*rest.weights, 0.0]
    )
    law = wls.Lagrangian(wls.Pairwise(wls.laws.Plummer(2.0, 0.3)), dissipation=wls.Alignment())
    assert law.energy(probe) == pytest.approx(law.energy(rest), rel=1e-14)
    without, with_it = (wls.simulate(law, cloud, [1.0], dt=0.01) for cloud in (rest, probe))
    np.testing.assert_allclose(with_it.positions[0, :4], without.positions[0], rtol=1e-12)
    assert np.abs(with_it.positions[0, 4] - [0.3, 0.4]).max() > 0.01


# --- dimensions


@pytest.mark.parametrize(
    ("law", "dim", "message"),
    [
        (wls.laws.VortexPressure(), 1, r"`law` must be one for 1-D; VortexPressure\(.*is of more dimensions"),
        (wls.laws.Quadrupole(), 2, r"`law` must be one for 2-D; Quadrupole\(.*is of more dimensions"),
        (wls.laws.Harmonic((1.0, 2.0, 3.0)), 2, "`stiffness` must be one number or one for each of the 2 axes; got 3"),
        (
            wls.laws.UniformField((1.0, 2.0)),
            3,
            "`field` must be one number for each of the 3 axes; got 2",
        ),
    ],
)
def test_a_law_of_another_dimension_is_refused(law, dim, message):
    lagrangian = wls.Lagrangian(wls.External(law))
    cloud = wls.Population(np.ones((2, dim))).at_rest()
    with pytest.raises(ParameterError, match=message):
        lagrangian.energy(cloud)
    with pytest.raises(ParameterError, match=message):
        wls.simulate(lagrangian, cloud, [1.0])


@pytest.mark.parametrize(
    "functional", [wls.External(wls.laws.Harmonic()), wls.Pairwise(wls.laws.Morse()), wls.Gravity()], ids=repr
)
@pytest.mark.parametrize(
    ("positions", "weights"),
    [
        (np.zeros((5, 2)), np.ones(3) / 3),
        (np.zeros((5, 2)), np.ones((5, 1)) / 5),
        (np.zeros(5), np.ones(5) / 5),
        ([[0.0, 1.0]], [1.0]),
    ],
)
def test_arrays_that_do_not_fit_are_refused_before_compiled_loops_read_them(functional, positions, weights):
    for quantity in (functional.force, functional.energy):
        with pytest.raises(ParameterError, match=r"`positions` and `weights` must be arrays of shapes"):
            quantity(positions, weights)


@pytest.mark.parametrize("field", [(), "up", (1.0, np.nan)])
def test_uniform_fields_are_checked(field):
    with pytest.raises(ParameterError, match="`field`"):
        wls.laws.UniformField(field)


# --- comparing trajectories


@pytest.mark.parametrize(
    ("change", "equal"),
    [
        ({}, True),
        ({"times": [0.0, 2.0]}, False),
        ({"positions": np.ones((2, 3, 1))}, False),
        ({"velocities": np.ones((2, 3, 1))}, False),
        ({"velocities": None}, False),
        ({"weights": [1, 2, 3]}, False),
        ({"metadata": {"seed": 1}}, True),
        ({"mechanics": wls.Lagrangian()}, True),
    ],
)
def test_trajectories_are_equal_if_their_frames_are(change, equal):
    given = {"times": [0.0, 1.0], "positions": np.zeros((2, 3, 1)), "velocities": np.zeros((2, 3, 1))}
    one, other = wls.Trajectory(**given), wls.Trajectory(**{**given, **change})
    assert (one == other) is equal and (other == one) is equal
    assert one != "a trajectory"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)

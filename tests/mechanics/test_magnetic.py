"""The magnetic field and the Boris push against gyration, drifts and what they conserve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, SoftPairs, Spring, a_population, advance, fitted_order, newton, solve
from wlmsim.errors import ParameterError


def ripples(x, xp):
    """A field on the plane that varies in space."""
    return 1.5 + xp.sin(x[..., 0]) * xp.cos(0.7 * x[..., 1])


def bottle(x, xp):
    """A field in space without divergence: a magnetic bottle about the third axis."""
    return xp.stack([-0.3 * x[..., 0] * x[..., 2], -0.3 * x[..., 1] * x[..., 2], 1 + 0.3 * x[..., 2] ** 2], axis=-1)


FIELDS = {
    "plane": (2, 1.3),
    "space": (3, (0.4, -0.9, 1.1)),
    "rippled plane": (2, ripples),
    "bottle": (3, bottle),
}


def pushed(lagrangian, start, dt, steps, integrator=None) -> wls.Population:
    state = advance(integrator or wls.Boris(), lagrangian, start, dt, steps)
    return wls.Population(state.positions, state.velocities, state.weights, state.time)


# --- the force


@pytest.mark.parametrize("field", FIELDS)
def test_force_is_the_cross_product_and_does_no_work(field):
    dim, strength = FIELDS[field]
    cloud = a_population(6, dim)
    x, v = cloud.positions, cloud.velocities
    b = np.broadcast_to(strength(x, np) if callable(strength) else strength, (6, 3) if dim == 3 else (6,))
    if dim == 2:
        b = np.stack([0 * b, 0 * b, b], axis=1)
    full = np.cross(np.pad(v, ((0, 0), (0, 3 - dim))), b)
    force = wls.MagneticField(strength).force(x, v)
    np.testing.assert_allclose(force, full[:, :dim], rtol=1e-14)
    np.testing.assert_allclose((force * v).sum(1), 0, atol=1e-14)


def test_lagrangian_keeps_dissipation_and_magnetic_field_apart():
    cloud = a_population()
    x, v, w = cloud.positions, cloud.velocities, cloud.weights
    active, field = wls.SelfPropulsion(0.5, 0.2), wls.MagneticField(0.8)
    lagrangian = wls.Lagrangian(Spring(), dissipation=active, magnetic=field, mass=2.0)
    np.testing.assert_allclose(lagrangian.dissipative_acceleration(x, v, w), active.force(x, v, w) / 2)
    total = (active.force(x, v, w) + field.force(x, v)) / 2
    np.testing.assert_allclose(lagrangian.velocity_acceleration(x, v, w), total)
    assert not wls.Lagrangian(magnetic=field).only_friction and wls.Lagrangian().only_friction
    assert wls.Lagrangian(magnetic=field).energy(cloud) == wls.Lagrangian().energy(cloud)


@pytest.mark.parametrize("field", ["plane", "space"])
def test_true_motion_makes_the_action_stationary(field):
    """The term v . A is the right one: bent by epsilon between fixed ends, the action changes by epsilon^2 only."""
    dim, strength = FIELDS[field]
    lagrangian = wls.Lagrangian(Spring(0.7), magnetic=wls.MagneticField(strength), mass=1.4)
    times = np.linspace(0, 2, 4001)
    true = wls.simulate(lagrangian, a_population(2, dim), times)
    rise = 0.5 * np.pi
    bump, slope = np.sin(rise * times) ** 2, rise * np.sin(2 * rise * times)
    way = np.random.default_rng(1).standard_normal((2, dim))

    def action(epsilon, mechanics=lagrangian):
        x = true.positions + epsilon * bump[:, None, None] * way
        v = true.velocities + epsilon * slope[:, None, None] * way
        return wls.Trajectory(times, x, v, true.weights, mechanics=mechanics).action()

    assert abs(action(1e-3) - action(-1e-3)) / 2e-3 < 1e-6
    without = wls.Lagrangian(Spring(0.7), mass=1.4)
    assert abs(action(1e-3, without) - action(-1e-3, without)) / 2e-3 > 1e-2


def test_what_has_no_action_says_so():
    start = a_population(3)
    damped = wls.Lagrangian(dissipation=wls.Friction(0.1), magnetic=wls.MagneticField(1.0))
    with pytest.raises(ParameterError, match="friction in a magnetic field derives from no action"):
        wls.simulate(damped, start, [0.0, 1.0]).action()
    with pytest.raises(ParameterError, match=r"vector potential is known of a uniform field only.*ripples"):
        wls.simulate(wls.Lagrangian(magnetic=wls.MagneticField(ripples)), start, [0.0, 1.0]).action()


@pytest.mark.parametrize(
    "strength", [np.nan, np.inf, "strong", (1.0, 2.0), (1.0, np.nan, 0.0), [[1.0, 2.0, 3.0]], None]
)
def test_strengths_are_checked(strength):
    with pytest.raises(ParameterError, match=r"`strength` must be a(n array of real| finite) number"):
        wls.MagneticField(strength)


@pytest.mark.parametrize(
    ("strength", "dim"),
    [(1.0, 3), (1.0, 1), ((0.0, 0.0, 1.0), 2), ((0.0, 0.0, 1.0), 4), (ripples, 3), (bottle, 2)],
)
def test_a_field_of_another_dimension_is_refused(strength, dim):
    lagrangian = wls.Lagrangian(magnetic=wls.MagneticField(strength))
    for integrator in (None, wls.Leapfrog()):
        with pytest.raises(ParameterError, match=r"`strength` must be of one component in 2-D, of three in 3-D"):
            cloud = a_population(4, 3)
            cloud = wls.Population(np.ones((4, dim)), np.ones((4, dim)), cloud.weights)
            wls.simulate(lagrangian, cloud, [1.0], integrator=integrator)


@pytest.mark.parametrize("n", [2, 3])
def test_components_that_are_not_put_together_are_refused(n):
    """Of three particles they have the shape of rows, one for each particle."""
    field = wls.MagneticField(lambda x, xp: (x[:, 1], x[:, 2], x[:, 0]))
    with pytest.raises(ParameterError, match=r"xp\.stack"):
        field.at(np.ones((n, 3)))
    with pytest.raises(ParameterError, match=r"xp\.stack"):
        wls.MagneticField(lambda x, xp: [0.0, 0.0, x[:, 0]]).at(np.ones((n, 3)))


class Rippled(wls.MagneticField):
    """A field of one's own, by the method that gives it."""

    def at(self, positions):
        return ripples(positions, np)[:, None]


@pytest.mark.parametrize("steps", [20, 2500])
@pytest.mark.parametrize("integrator", [wls.Boris(), wls.Leapfrog()])
def test_a_class_with_a_field_of_its_own_is_not_taken_for_a_uniform_one(integrator, steps):
    start, options = a_population(4), {"dt": 2.0 / steps, "integrator": integrator}
    own, known = (
        wls.simulate(wls.Lagrangian(Spring(), magnetic=field), start, [2.0], **options)
        for field in (Rippled(), wls.MagneticField(ripples))
    )
    np.testing.assert_allclose(own.velocities, known.velocities, rtol=1e-9, atol=1e-9)


def test_the_lagrangian_checks_and_shows_its_field():
    with pytest.raises(ParameterError, match=r"`magnetic` must be a MagneticField; got 1\.0"):
        wls.Lagrangian(magnetic=1.0)
    law = wls.Lagrangian(Spring(), dissipation=wls.Friction(0.5), magnetic=wls.MagneticField([0, 0, 2]))
    assert "dissipation=Friction(0.5), magnetic=MagneticField((0.0, 0.0, 2.0))" in repr(law)
    assert repr(wls.MagneticField(ripples)) == "MagneticField(ripples)"
    assert r"v \cdot A" in law._repr_latex_() and r"\mathcal{R} = \tfrac{m \gamma}{2}" in law._repr_latex_()


# --- gyration


@pytest.mark.parametrize("dt", [0.01, 0.3, 2.0, 5.0])
def test_gyration_is_exact_in_the_velocity_at_any_step(dt):
    """At frequency B / m, clockwise; radii are too large by (a / sin a), a half the angle of a step."""
    frequency, start = 1.3 / 1.7, a_population(5)
    lagrangian = wls.Lagrangian(magnetic=wls.MagneticField(1.3), mass=1.7)
    end = pushed(lagrangian, start, dt, 7)
    z, after = start.velocities @ [1, 1j], end.velocities @ [1, 1j]
    np.testing.assert_allclose(after, z * np.exp(-1j * frequency * 7 * dt), rtol=1e-13)
    half = 0.5 * frequency * dt
    moved = (end.positions - start.positions) @ [1, 1j]
    exact = z * (np.exp(-1j * frequency * 7 * dt) - 1) / (-1j * frequency)
    np.testing.assert_allclose(moved, exact * half / np.sin(half), rtol=1e-12)


def test_gyration_radius_and_helix():
    """v / omega across the field, at rest along the turn; even motion along the field."""
    axis, frequency = np.array([2.0, -1.0, 2.0]) / 3, 1.9
    start = a_population(4, 3)
    lagrangian = wls.Lagrangian(magnetic=wls.MagneticField(tuple(frequency * axis)))
    flight = wls.simulate(lagrangian, start, np.linspace(0, 2 * np.pi / frequency, 401))
    along = start.velocities @ axis
    np.testing.assert_allclose(flight.velocities @ axis, np.tile(along, (401, 1)), atol=1e-13)
    np.testing.assert_allclose(
        (flight.positions[-1] - flight.positions[0]) @ axis, along * 2 * np.pi / frequency, rtol=1e-12
    )
    across = flight.positions - flight.positions @ axis[:, None] * axis
    np.testing.assert_allclose(across[-1], across[0], atol=1e-12)
    centre = across[:-1].mean(0)
    radius = np.linalg.norm(start.velocities - along[:, None] * axis, axis=1) / frequency
    np.testing.assert_allclose(np.linalg.norm(across - centre, axis=-1), np.tile(radius, (401, 1)), rtol=3e-5)


@pytest.mark.parametrize("dt", [0.05, 1.0, 4.0])
def test_drift_in_crossed_fields_is_exact_in_the_velocity_at_any_step(dt):
    """A particle that starts with E x B / B^2 keeps it."""
    field, push = np.array([0.3, 0.5, -1.2]), np.array([0.4, -0.6, 0.2])
    push -= push @ field / (field @ field) * field
    drift = np.cross(push, field) / (field @ field)
    uniform = wls.External(wls.laws.UniformField(tuple(push)))
    lagrangian = wls.Lagrangian(uniform, magnetic=wls.MagneticField(tuple(field)))
    start = wls.Population(np.zeros((2, 3)), [drift, [0.0, 0.0, 0.0]])
    end = pushed(lagrangian, start, dt, 50)
    np.testing.assert_allclose(end.velocities[0], drift, rtol=1e-12)
    np.testing.assert_allclose(end.positions[0], drift * 50 * dt, rtol=1e-12)
    assert np.linalg.norm(end.velocities[1] - drift) == pytest.approx(np.linalg.norm(drift), rel=1e-12)


@pytest.mark.parametrize("field", FIELDS)
def test_a_magnetic_field_alone_leaves_every_speed(field):
    dim, strength = FIELDS[field]
    start = a_population(5, dim)
    end = pushed(wls.Lagrangian(magnetic=wls.MagneticField(strength)), start, 0.3, 3000)
    speeds = [np.linalg.norm(cloud.velocities, axis=1) for cloud in (start, end)]
    np.testing.assert_allclose(*speeds, rtol=1e-12)
    assert np.abs(end.velocities - start.velocities).max() > 0.1


def test_a_turning_frame_sees_straight_lines():
    """A free particle from a frame that turns at Omega: Coriolis and centrifugal forces."""
    omega, start = 0.6, a_population(4)
    coriolis, centrifugal = wls.MagneticField(2 * omega), wls.External(lambda x, xp: -0.5 * omega**2 * (x**2).sum(-1))
    seen = start.velocities - omega * np.stack([-start.positions[:, 1], start.positions[:, 0]], axis=1)
    flight = wls.simulate(
        wls.Lagrangian(centrifugal, magnetic=coriolis), start.with_velocities(seen), [1.0, 3.0], dt=1e-3
    )
    for frame in flight:
        straight = (start.positions + frame.time * start.velocities) @ [1, 1j]
        np.testing.assert_allclose(frame.positions @ [1, 1j], straight * np.exp(-1j * omega * frame.time), atol=1e-5)


def test_canonical_angular_momentum_is_conserved_about_the_axis():
    """x p_y - y p_x with p = m v + A: the mechanical part plus B r^2 / 2."""
    lagrangian = wls.Lagrangian(Spring(0.4) + SoftPairs(), magnetic=wls.MagneticField(1.3), mass=0.8)
    flight = wls.simulate(lagrangian, a_population(6), np.linspace(0, 5, 6), dt=0.01)
    field = 0.5 * 1.3 * (flight.positions**2).sum(-1) @ flight.weights
    canonical = flight.angular_momentum()[:, 0] + field
    np.testing.assert_allclose(canonical, canonical[0], atol=3e-5)
    assert np.ptp(field) > 0.05


# --- the push


@pytest.mark.parametrize("mechanics", ["conservative", "friction", "active", "without field"])
@pytest.mark.parametrize("field", FIELDS)
def test_order_of_convergence(field, mechanics):
    dim, strength = FIELDS[field]
    start = a_population(4, dim)
    dissipation = {
        "friction": wls.Friction(0.7),
        "active": wls.Friction(0.3) + wls.Alignment(0.9) + wls.SelfPropulsion(0.8, 0.5),
    }.get(mechanics)
    magnetic = None if mechanics == "without field" else wls.MagneticField(strength)
    lagrangian = wls.Lagrangian(ShakenPendula(0.5) + SoftPairs(), dissipation=dissipation, magnetic=magnetic, mass=1.3)
    x, v = solve(newton(lagrangian, start.weights), start, 1.0)
    counts = np.array([20, 40, 80])
    ends = [pushed(lagrangian, start, 1.0 / count, count) for count in counts]
    assert fitted_order(1 / counts, [np.abs(end.positions - x).max() for end in ends]) == pytest.approx(2, abs=0.1)
    assert fitted_order(1 / counts, [np.abs(end.velocities - v).max() for end in ends]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("friction", [0.0, 1e-12, 0.4, 40.0])
def test_without_field_it_is_the_leapfrog(friction):
    lagrangian = wls.Lagrangian(ShakenPendula() + SoftPairs(), dissipation=wls.Friction(friction))
    boris, leapfrog = (pushed(lagrangian, a_population(), 0.1, 20, scheme) for scheme in (wls.Boris(), wls.Leapfrog()))
    np.testing.assert_allclose(boris.positions, leapfrog.positions, rtol=1e-12)
    np.testing.assert_allclose(boris.velocities, leapfrog.velocities, rtol=1e-12, atol=1e-15)
    nothing = wls.Lagrangian(lagrangian.potential, dissipation=lagrangian.dissipation, magnetic=wls.MagneticField(0.0))
    np.testing.assert_allclose(pushed(nothing, a_population(), 0.1, 20).positions, boris.positions, rtol=1e-12)


@pytest.mark.parametrize("field", FIELDS)
def test_comes_back_when_the_field_is_reversed_with_the_velocities(field):
    dim, strength = FIELDS[field]
    if callable(strength):
        law = strength

        def reversed_strength(x, xp):
            return -law(x, xp)
    else:
        reversed_strength = tuple(-b for b in strength) if dim == 3 else -strength
    start, potential = a_population(4, dim), ShakenPendula() + SoftPairs()
    there = pushed(wls.Lagrangian(potential, magnetic=wls.MagneticField(strength)), start, 0.1, 100)
    turned = there.with_velocities(-there.velocities)
    back = pushed(wls.Lagrangian(potential, magnetic=wls.MagneticField(reversed_strength)), turned, 0.1, 100)
    assert np.abs(there.positions - start.positions).max() > 0.5
    np.testing.assert_allclose(back.positions, start.positions, atol=1e-11)
    np.testing.assert_allclose(back.velocities, -start.velocities, atol=1e-11)


@pytest.mark.parametrize("friction", [0.0, 0.6])
@pytest.mark.parametrize("field", FIELDS)
def test_volume_shrinks_by_friction_alone(field, friction):
    """The Jacobian of a step has determinant exp(-gamma dt d) for each particle."""
    dim, strength = FIELDS[field]
    lagrangian = wls.Lagrangian(
        ShakenPendula(), dissipation=wls.Friction(friction), magnetic=wls.MagneticField(strength)
    )
    cloud, dt, h = a_population(1, dim), 0.4, 1e-5
    y = np.concatenate([cloud.positions, cloud.velocities], axis=1)[0]

    def step(y):
        end = pushed(lagrangian, wls.Population(y[None, :dim], y[None, dim:]), dt, 1)
        return np.concatenate([end.positions, end.velocities], axis=1)[0]

    jacobian = np.stack([(step(y + h * e) - step(y - h * e)) / (2 * h) for e in np.eye(2 * dim)], axis=1)
    assert np.linalg.det(jacobian) == pytest.approx(np.exp(-friction * dt * dim), rel=1e-8)


def test_energy_error_stays_bounded_in_a_trap():
    lagrangian = wls.Lagrangian(ShakenPendula(), magnetic=wls.MagneticField(1.0))
    flight = wls.simulate(lagrangian, a_population(3), np.arange(0, 1500.0, 1.0), dt=0.2)
    assert repr(wls.Boris()) == flight.metadata["integrator"]  # chosen by itself
    error = np.abs(flight.energy() - flight.energy()[0])
    assert error[-500:].max() < 1.2 * error[:500].max() < 0.05


@given(
    x=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    v=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    b=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    gamma=st.sampled_from([0.0, 1e-14, 0.3, 1e4]),
)
def test_one_kick_solves_the_linear_equation(x, v, b, gamma):
    """Against the matrix exponential, for fields and frictions of any size, zero included."""
    from scipy.linalg import expm

    well = Spring(2.0)
    lagrangian = wls.Lagrangian(well, dissipation=wls.Friction(gamma), magnetic=wls.MagneticField(b))
    half, dt = 0.05, 0.1
    turn = np.array([[0, b[2], -b[1]], [-b[2], 0, b[0]], [b[1], -b[0], 0]]) - gamma * np.eye(3)

    def kick(x, v):
        system = np.block([[turn, -2.0 * np.array(x)[:, None]], [np.zeros((1, 4))]])
        return (expm(half * system) @ [*v, 1])[:3]

    middle = kick(x, v)
    end = np.array(x) + dt * middle
    cloud = pushed(lagrangian, wls.Population([x], [v]), dt, 1)
    np.testing.assert_allclose(cloud.positions[0], end, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(cloud.velocities[0], kick(end, middle), rtol=1e-9, atol=1e-10)

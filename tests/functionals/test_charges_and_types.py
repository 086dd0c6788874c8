"""Charges and types of particles, apart from their weights."""

from __future__ import annotations

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.example_mechanics import a_population
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals.base import Scales

TYPES = ["a", "b", "a", "c", "b", "a"]
CHARGES = np.array([1.0, -2.0, 0.5, 0.0, 3.0, -1.0])


def by_hand(law, x, w, pairs):
    """Energy and force of a sum over ordered pairs (i, j, strength), each counted half."""
    energy, force = 0.0, np.zeros_like(x)
    for i, j, strength in pairs:
        step = x[i] - x[j]
        r, h = np.linalg.norm(step), 1e-6
        energy += 0.5 * w[i] * w[j] * strength * law(r, np)
        force[i] -= w[j] * strength * (law(r + h, np) - law(r - h, np)) / (2 * h) * step / r
    return energy, force


def morse(r, xp):
    return 2.0 * xp.exp(-r / 0.7) - xp.exp(-r)


PAIRS = wls.Pairwise(morse)
EVERY = [(i, j) for i in range(6) for j in range(6) if i != j]


def check_against(functional, pairs, cloud):
    x, w = cloud.positions, cloud.weights
    energy, force = by_hand(morse, x, w, pairs)
    assert functional.energy(x, w) == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(functional.force(x, w), force, atol=1e-8)
    moving = torch.tensor(x, requires_grad=True)
    traced = functional.expression(moving, torch.tensor(w), 0.0, xp)
    traced.backward()
    assert traced.item() == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(-moving.grad.numpy() / w[:, None], functional.force(x, w), atol=1e-12)


def test_charges_act_by_their_products():
    check_against(wls.Charged(PAIRS, CHARGES), [(i, j, CHARGES[i] * CHARGES[j]) for i, j in EVERY], a_population(6, 2))


@pytest.mark.parametrize("kinds", [("a", "a"), ("a", "b"), ("b", "c")])
def test_types_act_on_each_other_alone(kinds):
    chosen = [(i, j, 1.0) for i, j in EVERY if {TYPES[i], TYPES[j]} == set(kinds)]
    check_against(wls.Between(PAIRS, TYPES, *kinds), chosen, a_population(6, 3))


def test_all_pairs_of_types_are_all_pairs():
    cloud = a_population(6, 2)
    x, w = cloud.positions, cloud.weights
    near = wls.Pairwise(morse, cutoff=1.4, box=(3.0, 4.0))
    kinds = [("a", "a"), ("a", "b"), ("a", "c"), ("b", "b"), ("b", "c")]
    terms = [wls.Between(near, TYPES, *pair) for pair in kinds]
    total = sum(terms[1:], terms[0])
    assert total.energy(x, w) == pytest.approx(near.energy(x, w), rel=1e-12)
    np.testing.assert_allclose(total.force(x, w), near.force(x, w), atol=1e-13)


def test_an_electric_field_pulls_by_the_charge():
    field = wls.Charged(wls.External(wls.laws.UniformField((2.0, 0.0))), CHARGES)
    cloud = a_population(6, 2)
    expected = CHARGES[:, None] * wls.External(wls.laws.UniformField((2.0, 0.0))).force(cloud.positions, cloud.weights)
    np.testing.assert_allclose(field.force(cloud.positions, cloud.weights), expected)
    assert field.degree == 1


def test_unlike_charges_meet_and_like_ones_part():
    """Two of weight 1/2 at distance 1 under W = q q' / r: the reduced motion is that of a Kepler problem."""
    start = wls.Population([[-0.5, 0.0], [0.5, 0.0]], [[0.0, -0.3], [0.0, 0.3]])
    for q, sign in [([1.0, -1.0], -1.0), ([1.0, 1.0], 1.0)]:
        law = wls.Lagrangian(wls.Charged(wls.Pairwise(lambda r, xp: 1.0 / r), q))
        path = wls.simulate(law, start, [0.0, 0.5], dt=0.001)
        apart = np.linalg.norm(path.positions[:, 1] - path.positions[:, 0], axis=1)
        assert sign * (apart[1] - 1.0) > 0
        np.testing.assert_allclose(path.energy()[1], path.energy()[0], rtol=1e-5)
        np.testing.assert_allclose(path.momentum(), 0.0, atol=1e-14)


def test_a_predator_follows_and_its_prey_flees_no_one():
    """Types that attract: without forces of the others on themselves both fall to where they meet."""
    start = wls.Population([[0.0], [1.0], [50.0]], np.zeros((3, 1)))
    spring = wls.Between(wls.Pairwise(lambda r, xp: 0.5 * r**2), ["a", "b", "c"], "a", "b")
    path = wls.simulate(wls.Lagrangian(spring), start, [np.pi / np.sqrt(2 / 3) / 2], dt=0.001)
    np.testing.assert_allclose(path.positions[0, :, 0], [0.5, 0.5, 50.0], atol=1e-5)  # a quarter of a period


def test_files_hold_charges_and_types(tmp_path):
    law = wls.Lagrangian(
        wls.Charged(wls.Gravity(-1.0, 0.2, method="direct"), CHARGES)
        + wls.Between(wls.Pairwise(wls.laws.Morse()), TYPES, "a", "b")
    )
    path = wls.simulate(law, a_population(6, 2), [0.0, 0.1], dt=0.05)
    path.save(tmp_path / "charged.h5")
    loaded = wls.Trajectory.load(tmp_path / "charged.h5")
    assert repr(loaded.lagrangian) == repr(law) and "6 charges, total 1.5" in repr(law)
    np.testing.assert_array_equal(loaded.energy(), path.energy())


def test_laws_and_charges_may_change_with_time():
    """Springs of stiffness 1 + t: the distance of two of weight 1/2 obeys x'' = -(1 + t) x."""
    from scipy.special import airy

    spring = wls.Pairwise(lambda r, t, xp: 0.5 * (1 + t) * r**2)
    start = wls.Population([[-0.5], [0.5]]).at_rest()
    ai, aip, bi, bip = airy(-np.array([1.0, 3.0]))
    exact = (ai[1] * bip[0] - bi[1] * aip[0]) / (ai[0] * bip[0] - bi[0] * aip[0])
    for law in (spring, wls.Between(spring, [1, 2], 1, 2), wls.Charged(spring, [1.0, 1.0])):
        path = wls.simulate(wls.Lagrangian(law), start, [2.0], dt=0.001)
        assert np.ptp(path.positions[0]) == pytest.approx(abs(exact), abs=1e-5)
        assert path.potential_energy()[0] == pytest.approx(0.125 * 3 * exact**2, rel=1e-4)


def test_errors_name_the_argument():
    for make, message in [
        (lambda: wls.Charged(wls.Entropy(1.0, 0.5), 1.0), "`functional` must be made of external fields and pair"),
        (lambda: wls.Charged(wls.Gravity(), CHARGES), r"`functional` must be Gravity\(..., method='direct'\)"),
        (lambda: wls.Charged(PAIRS, [[1.0]]), "`charges` must be a number"),
        (lambda: wls.Between(wls.Gravity(), TYPES, "a", "b"), "`pairs` must be a Pairwise"),
        (lambda: wls.Between(PAIRS, TYPES, "a", "d"), "`second` must be a type among 'a', 'b', 'c'; got 'd'"),
        (lambda: wls.Between(PAIRS, [0.5, 1.5], 0.5, 1.5), "`types` must be a sequence of words or whole numbers"),
    ]:
        with pytest.raises(ParameterError, match=message):
            make()
    cloud = a_population(4, 2)
    with pytest.raises(ParameterError, match="`charges` must be one for each particle; got 6 for 4"):
        wls.Charged(PAIRS, CHARGES).force(cloud.positions, cloud.weights)
    with pytest.raises(ParameterError, match="`types` must be one for each particle; got 6 for 4"):
        wls.Between(PAIRS, TYPES, "a", "b").energy(cloud.positions, cloud.weights)


def test_charges_are_a_copy():
    given = CHARGES.copy()
    charged = wls.Charged(PAIRS, given)
    given[:] = 9.0
    np.testing.assert_array_equal(charged.charges, CHARGES)


@pytest.mark.parametrize(
    "functional",
    [
        wls.Charged(PAIRS + wls.External(wls.laws.Harmonic(1.0)), CHARGES),
        wls.Between(PAIRS, TYPES, "a", "b") + wls.Between(PAIRS, TYPES, "a", "a"),
        wls.Charged(wls.Between(PAIRS, TYPES, "a", "c"), CHARGES) + wls.Charged(PAIRS, 2.0),
    ],
    ids=["charges", "types", "both"],
)
def test_the_first_variation_is_that_of_a_particle_like_another(functional):
    """Its slope is minus the force on a particle of that charge and type, of hardly any weight."""
    cloud, place, h, tiny = a_population(6, 2), np.array([0.3, -0.4]), 1e-5, 1e-9
    for like in (0, 1):
        among = functional.of_rows([*range(6), like])
        x, w = np.vstack([cloud.positions, place]), np.append(cloud.weights * (1 - tiny), tiny)
        places = place + h * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        right, left, up, down = wls.first_variation(functional, places, cloud, like=like)
        np.testing.assert_allclose([left - right, down - up], 2 * h * among.force(x, w)[-1], rtol=1e-5, atol=1e-12)
    with pytest.raises(ParameterError, match="`like` must be given, the number of a particle: there are"):
        wls.first_variation(functional, [place], cloud)
    with pytest.raises(ParameterError, match="`like` must be below 6"):
        wls.first_variation(functional, [place], cloud, like=6)
    with pytest.raises(ParameterError, match="`population` must be of 6 particles"):
        wls.first_variation(functional, [place], a_population(5, 2), like=0)


def test_a_charged_sum_is_a_sum():
    both = wls.Charged(PAIRS + wls.External(wls.laws.Harmonic(1.0)), CHARGES)
    assert [term.degree for term in both.terms] == [2, 1]
    cloud = a_population(6, 2)
    parts = sum(term.force(cloud.positions, cloud.weights) for term in both.terms)
    np.testing.assert_allclose(both.force(cloud.positions, cloud.weights), parts)


@pytest.mark.parametrize("law", [wls.Lagrangian(mass=np.ones(5)), wls.Lagrangian(PAIRS, mass=np.ones(7))], ids=repr)
def test_masses_must_be_one_for_each_particle(law):
    def run(cloud):
        return wls.simulate(law, cloud, [1.0], dt=1e-4)

    for use in (law.energy, law.momentum, law.angular_momentum, law.virial, run):
        with pytest.raises(ParameterError, match=r"`mass` must be one for each particle; got [57] for 6"):
            use(a_population(6, 2).at_rest())


def test_a_learned_strength_knows_the_kinds_of_what_it_is_before():
    types = ["cat", "cat", "mouse"]
    chase = wls.Between(wls.Pairwise(lambda r, xp: r**2, cutoff=9.0), types, "cat", "mouse")
    strengths = [wls.learn.LearnableStrength(chase, strength=s) for s in (1.0, 3.0)]
    for strength in strengths:
        strength.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))
    learned = wls.learn.Average(strengths)
    assert learned.kinds == ("cat", "cat", "mouse")
    x, w = np.random.default_rng(0).normal(size=(2, 2)), np.full(2, 0.5)
    np.testing.assert_allclose(learned.of_rows([0, 2]).force(x, w), 2.0 * chase.of_rows([0, 2]).force(x, w), rtol=1e-6)
    assert not learned.of_rows([0, 1]).force(x, w).any() and learned.kinds == ("cat", "cat", "mouse")
    drawn = wls.visual.plot_pair_law(wls.Lagrangian(learned))
    assert drawn.get_legend_handles_labels()[1] == ["cat and mouse"]
